import numpy as np
import pytest
import torch
from peers import figures, operations, plain_torch
from peers.works import WORKS
from torch.nn import functional as F


def test_spread_is_median_and_quartiles():
    assert figures.Spread.of([5.0, 1.0, 2.0, 3.0, 4.0]) == (3.0, 2.0, 4.0)


def test_a_ratio_is_taken_within_rounds():
    """Both twice as slow in every second round: the ratio does not move, a ratio of other rounds would."""
    ours, theirs = [1.0, 2.0, 1.0, 2.0], [2.0, 4.0, 2.0, 4.0]
    assert figures.ratio(ours, theirs) == (0.5, 0.5, 0.5)
    assert figures.ratio(ours, [6.0]) == (0.25, 0.25, 0.25)


def test_best_library_is_the_fastest_that_was_measured_and_no_yardstick():
    times = {"products": [0.1], "ours": [0.2], "norse": [3.0, 3.1, 9.0], "spyx": [2.0, 2.1, 30.0], "sinabs": []}
    assert figures.best_library(times) == "spyx"
    assert figures.best_library({"ours": [1.0]}) is None


def test_only_counts_that_are_all_equal_agree():
    reference = np.array([[3.0, 0.0], [1.0, 2.0]])
    assert figures.agreement(reference.copy(), reference) == {"equal": True, "differing": 0.0, "mean_difference": 0.0}
    off = figures.agreement(reference + [[0, 2], [0, 0]], reference)
    assert off == {"equal": False, "differing": 0.25, "mean_difference": 0.5}
    assert not figures.agreement(reference[:, :1], reference)["equal"]


def test_relative_error_is_over_all_gradients():
    assert figures.relative_error([np.array([3.0]), np.array([4.0])], [np.array([0.0]), np.array([4.0])]) == pytest.approx(0.75)


def test_operations_are_what_a_count_of_every_synapse_gives(work, made):
    runner = plain_torch.prepare(work, made, False)
    spikes = runner.spikes(0)
    found = operations.counts(work, made["x"][0], spikes)
    synapses, dense = 0.0, 0
    for i, (layer, before) in enumerate(zip(work.layers, [made["x"][0], *spikes[:-1]], strict=True)):
        flat = torch.from_numpy(before).double().flatten(0, 1)
        flat = F.max_pool2d(flat, 2) if layer.is_pooled else flat
        ones = torch.ones(made[f"w{i}"].shape, dtype=torch.float64)
        reached = F.conv2d(flat, ones, padding=1) if layer.kind == "conv" else flat.flatten(1) @ ones.T
        everywhere = F.conv2d(torch.ones_like(flat), ones, padding=1) if layer.kind == "conv" else torch.ones_like(flat.flatten(1)) @ ones.T
        synapses += 0 if i == 0 and work.activity is None else float(reached.sum())
        dense += int(everywhere.sum())
    if work.layers[0].kind == "recurrent":
        synapses += float(spikes[0][:-1].sum()) * 7
        dense += 7 * 7 * (work.steps - 1) * work.batch
    assert found["synaptic_operations"] == pytest.approx(synapses / work.batch, abs=len(work.layers))
    assert found["dense_multiplications"] * work.batch == dense
    assert found["spikes"] * work.batch == sum(int(s.sum()) for s in spikes)
    assert (found["multiplications"] > 0) == (work.activity is None)


def test_goals_are_those_of_the_issue():
    goals = {name: (*w.training, *w.inference) for name, w in WORKS.items()}
    assert goals["mlp100_T50"] == (0.25, 0.85, 0.25, 0.6)
    assert goals["onm4096"] == (0.40, 1.4, 0.5, None)
    assert goals["conv"] == (0.75, None, 1.0, None)
