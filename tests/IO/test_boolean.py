"""Boolean problems: the truth tables, and a network that learns the one that no single layer can."""

import itertools

import numpy as np
import pytest

import spaic
from spaic.errors import DeclarationError
from spaic.IO import AND, OR, XOR, Boolean

FUNCTIONS = {
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "xor": lambda a, b: a != b,
    "nand": lambda a, b: not (a and b),
    "nor": lambda a, b: not (a or b),
    "xnor": lambda a, b: a == b,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_tables(name):
    dataset = Boolean(name.upper())
    assert (len(dataset), dataset.maxNum, dataset.class_number) == (4, 2, 2)
    seen = {tuple(map(bool, data)): bool(label) for data, label in (dataset[i] for i in range(4))}
    assert seen == {(a, b): bool(FUNCTIONS[name](a, b)) for a, b in itertools.product((False, True), repeat=2)}


@pytest.mark.parametrize("kind, name", [(AND, "and"), (OR, "or"), (XOR, "xor")])
def test_names_of_their_own(kind, name):
    assert np.array_equal(kind(3).data, Boolean(name, 3).data) and np.array_equal(kind().label, Boolean(name).label)


def test_bits_are_repeated_noisy_and_scaled():
    dataset = Boolean("and", repeats=3, low=0.2, high=0.3, intensity=10.0, copies=50)
    bits = np.tile([[0, 0], [1, 0], [0, 1], [1, 1]], (50, 1)).repeat(3, axis=1)
    zeros, ones = dataset.data[bits == 0], dataset.data[bits == 1]
    assert dataset.data.shape == (200, 6) and zeros.min() >= 0 and zeros.max() < 2.0 and ones.min() > 7.0 and ones.max() <= 10.0
    assert zeros.std() > 0.4 and ones.std() > 0.6
    assert np.array_equal(dataset.data, Boolean("and", 3, 0.2, 0.3, 10.0, 50).data)


@pytest.mark.parametrize(
    "options, says",
    [
        ({"function": "xro"}, "unknown function 'xro'; did you mean 'xor'"),
        ({"function": "or", "repeats": 0}, r"Boolean\.repeats: 0"),
        ({"function": "or", "copies": 1.5}, r"Boolean\.copies: 1\.5"),
        ({"function": "or", "low": 1.5}, r"Boolean\.low: 1\.5"),
        ({"function": "or", "high": -1}, r"Boolean\.high: -1"),
        ({"function": "or", "intensity": float("inf")}, r"Boolean\.intensity: inf"),
    ],
)
def test_what_is_no_problem_is_refused(options, says):
    with pytest.raises(DeclarationError, match=says):
        Boolean(**options)


def test_a_network_learns_exclusive_or():
    net = spaic.Network(seed=1)
    net.bits = spaic.Encoder(num=8, coding_method="direct")
    net.hidden = spaic.NeuronGroup(16, model="lif", tau_m=5.0)
    net.answer = spaic.NeuronGroup(2, model="li", tau_m=5.0)
    net.first = spaic.Connection(net.bits, net.hidden, w_mean=0.0, w_std=0.4, bias=True)
    net.second = spaic.Connection(net.hidden, net.answer, w_mean=0.0, w_std=0.2)
    net.output = spaic.Decoder(dec_target=net.answer, coding_method="mean_voltage")
    net.learner = spaic.SurrogateBP(net, surrogate="atan")
    net.optim = spaic.Adam(lr=0.02)
    net.set_backend("torch", dt=1.0, kernels="plain")
    loader = spaic.Dataloader(XOR(repeats=4, low=0.2, high=0.2, copies=8), batch_size=32, shuffle=True)
    history = net.fit(loader, epochs=40, run_time=10.0, test=spaic.Dataloader(XOR(repeats=4, seed=9), batch_size=4), progress=False)
    assert history.test_accuracy[-1] == 1.0
