"""Peers that need nothing but what the tests have: the loop in plain torch, the products, spaic itself."""

import importlib

import numpy as np
import pytest
import torch
from peers import figures, memory, plain_torch
from peers.works import DECAY, THRESHOLD


def test_the_plain_loop_is_the_equation(tiny):
    """One neuron after the other, in Python's own numbers."""
    from peers import arrays

    work = tiny["recurrent"]
    made = arrays.make(work, seed=1)
    spikes = plain_torch.prepare(work, made, False).spikes(0)[0]
    x, w, r = made["x"][0].astype(float), made["w0"].astype(float), made["r0"].astype(float)
    v, s = np.zeros((work.batch, 7)), np.zeros((work.batch, 7))
    for t in range(work.steps):
        v = DECAY * v + x[t] @ w.T + s @ r.T
        s = (v > THRESHOLD).astype(float)
        v = v * (1 - s)
        assert np.array_equal(spikes[t], s)
    assert 0 < spikes.mean() < 1


def test_the_surrogate_is_the_fast_sigmoid():
    v = torch.tensor([-1.0, 0.5, 1.0, 3.0], dtype=torch.float64, requires_grad=True)
    plain_torch.Spike.apply(v).sum().backward()
    assert torch.allclose(v.grad, 1 / (1 + (v.detach() - THRESHOLD).abs()) ** 2)


def test_spaic_gives_the_spikes_and_gradients_of_the_plain_loop(work, made):
    ours, plain = (importlib.import_module(f"peers.{name}").prepare(work, made, True) for name in ("ours", "plain_torch"))
    for i in range(2):
        assert np.array_equal(ours.counts(i), plain.counts(i))
        assert figures.relative_error(ours.gradients(i), plain.gradients(i)) < 1e-5
    assert plain.counts(0).sum() > 0


@pytest.mark.parametrize("name", ["plain_torch", "ours"])
def test_a_training_step_changes_the_weights_and_inference_does_not(name, tiny):
    from peers import arrays

    work = tiny["dense"]
    for is_training in (True, False):
        runner = importlib.import_module(f"peers.{name}").prepare(work, arrays.make(work, seed=3), is_training)
        before = runner.parameters[0].detach().clone()
        runner.step(0)
        assert torch.equal(runner.parameters[0].detach(), before) != is_training


@pytest.mark.parametrize("is_training", [True, False])
def test_the_products_run(work, made, is_training):
    runner = importlib.import_module("peers.products").prepare(work, made, is_training)
    runner.step(0)
    runner.step(1)
    assert not hasattr(runner, "counts")


def test_the_peak_of_a_step_is_seen():
    taken = memory.transient(lambda: np.ones(8_000_000))
    assert 60e6 < taken < 90e6
    assert memory.transient(lambda: None) < 5e6
