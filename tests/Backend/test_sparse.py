"""Synapses stored one by one do what a masked matrix does, on both backends, with and without delays."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import spaic.Backend.Torch.links.sparse as sparse_product
from spaic import Reference_Backend, Torch_Backend, registry
from spaic.Backend.Reference.transforms import apply as in_numpy
from spaic.Backend.Torch.links.transforms import apply as in_torch
from spaic.clock import Clock
from spaic.errors import GraphError
from spaic.Graph.graph import Graph, Probe
from spaic.Graph.links import Link
from spaic.Graph.nodes import Input, Population
from spaic.Graph.transforms import Dense, Sparse, sparse_order
from spaic.Graph.verify import verify
from spaic.Library.streams import Recorded

PRE, POST, STEPS, BATCH = 12, 9, 40, 3


def pattern(seed=0, density=0.3):
    """A mask with an empty row and an empty column, and a matrix of weights."""
    rng = np.random.default_rng(seed)
    mask = rng.random((POST, PRE)) < density
    mask[4], mask[:, 7] = False, False
    return mask, rng.normal(0.3, 1.0, (POST, PRE))


def stored(mask, weight, bias=None):
    """`Sparse` from a mask, by loops."""
    pairs = [(i, j) for i in range(PRE) for j in range(POST) if mask[j, i]]
    starts = np.array([sum(i < k for i, _ in pairs) for k in range(PRE + 1)])
    targets = np.array([j for _, j in pairs], np.int32)
    return Sparse(PRE, POST, starts, targets, np.array([weight[j, i] for i, j in pairs]), bias), pairs


def test_it_is_the_masked_matrix():
    mask, weight = pattern()
    bias = np.arange(9.0)
    transform, pairs = stored(mask, weight, bias)
    x = np.random.default_rng(1).normal(size=(5, 3, 4))
    expected = np.array([[sum(weight[j, i] * s[i] for i, k in pairs if k == j) + bias[j] for j in range(POST)] for s in x.reshape(5, PRE)])
    np.testing.assert_allclose(in_numpy(transform, x, {"weight": transform.weight, "bias": bias}), expected, rtol=0, atol=1e-12)
    given = {"weight": torch.tensor(transform.weight), "bias": torch.tensor(bias)}
    np.testing.assert_allclose(in_torch(transform, torch.tensor(x), given).numpy(), expected, rtol=0, atol=1e-12)
    assert transform.output_shape((3, 4), "k") == (9,)
    assert transform.parameters()["weight"][1] == (len(pairs),)
    assert transform.fans() == Dense(PRE, POST, 1.0, mask=mask).fans()


@pytest.mark.parametrize("is_alone", [False, True])
def test_gradients_are_those_of_the_matrix(is_alone, monkeypatch):
    """`is_alone`: where torch has no product of its own for the weights, in several pieces."""
    if is_alone:
        monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: False)
        monkeypatch.setattr(sparse_product, "CHUNK", 20)
    mask, weight = pattern()
    transform, _ = stored(mask, weight)
    x = torch.randn(5, PRE, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    w = torch.tensor(transform.weight, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, w: in_torch(transform, x, {"weight": w}), (x, w))


def test_no_synapse_at_all():
    transform = Sparse(PRE, POST, np.zeros(PRE + 1, np.int64), np.zeros(0, np.int32), 1.0)
    w = torch.zeros(0, dtype=torch.float64, requires_grad=True)
    y = in_torch(transform, torch.ones(2, PRE, dtype=torch.float64), {"weight": w})
    y.sum().backward()
    assert y.shape == (2, POST) and not y.any() and w.grad.shape == (0,)
    assert not in_numpy(transform, np.ones((2, PRE)), {"weight": np.zeros(0)}).any()


def graph_of(kind, is_loop):
    """Spikes through one link into a group, and back from it if there is a loop."""
    lif, dt = registry.neurons["lif"], 0.5
    mask, weight = pattern(2)
    steps = np.random.default_rng(5).integers(1, 5, (POST, PRE)) * dt
    transform, pairs = stored(mask, weight, 0.1)
    if kind == "dense":
        transform, delay = Dense(PRE, POST, np.where(mask, weight, 0.0), 0.1, mask), steps
    else:
        delay = np.array([steps[j, i] for i, j in pairs])
    a = Population("A", (PRE,), lif, {k: p.default for k, p in lif.parameters.items()}, lif.method)
    b = replace(a, name="B", shape=(POST,))
    links = [
        Link("in", "in.O", f"A.{lif.ports[0]}", (Dense(4, PRE, np.full((PRE, 4), 0.5)),)),
        Link("way", "A.O", f"B.{lif.ports[0]}", (transform,), delay=delay),
    ]
    if is_loop:
        links.append(Link("back", "B.O", f"A.{lif.ports[0]}", (Dense(POST, PRE, np.full((PRE, POST), 0.2)),)))
    probes = tuple(Probe(p) for p in ("A.O", "B.V", "B.O", "way.current"))
    return verify(Graph((Input("in", (4,)), a, b), tuple(replace(k, name=f"link_{k.name}") if k.name == "in" else k for k in links),
                        probes, Clock(dt), seed=1))  # fmt: skip


def recorded(backend, graph, pieces=(STEPS,)):
    made = backend(dt=graph.clock.dt, dtype="float64", **({"kernels": "plain"} if backend is Torch_Backend else {}))
    program = made.compile(graph)
    values = made.store(graph, program.initial_parameters()).tensors()
    spikes = torch.rand((STEPS, BATCH, 4), generator=torch.Generator().manual_seed(3)) < 0.3
    state, parts = program.initial_state(values, BATCH), []
    with torch.no_grad():
        for steps in pieces:
            state, found = program.run(values, state, {"in": Recorded(spikes.double())}, steps)
            parts.append(found)
    return {k: np.concatenate([np.asarray(p[k]) for p in parts]) for k in parts[0]}


@pytest.mark.parametrize("is_loop", [False, True])
def test_delays_per_synapse(is_loop):
    """The reference's masked matrix is the truth; both backends follow it with stored synapses, whole and in pieces."""
    expected = recorded(Reference_Backend, graph_of("dense", is_loop))
    assert 0.02 < expected["B.O"].mean() < 0.9
    for backend in (Reference_Backend, Torch_Backend):
        for pieces in ((STEPS,), (1, 7, 2, STEPS - 10)):
            found = recorded(backend, graph_of("sparse", is_loop), pieces)
            for path, values in expected.items():
                np.testing.assert_allclose(found[path], values, rtol=0, atol=1e-12, err_msg=path)


def test_the_order_of_pairs():
    rng = np.random.default_rng(3)
    flat = rng.permutation(PRE * POST)[:40]
    pre, post = flat // POST, flat % POST
    starts, targets, order = sparse_order(pre, post, PRE, POST, "k")
    assert sorted(zip(pre.tolist(), post.tolist(), strict=True)) == list(zip(pre[order].tolist(), post[order].tolist(), strict=True))
    assert targets.dtype == np.int32 and targets.tolist() == post[order].tolist()
    assert np.array_equal(np.diff(starts), np.bincount(pre, minlength=PRE))
    transform = Sparse(PRE, POST, starts, targets, 1.0)
    assert transform.sources.tolist() == pre[order].tolist()


@pytest.mark.parametrize(
    "pre, post, message",
    [
        ([0, 12], [0, 1], "k: the presynaptic neuron 12 does not exist, there are 12"),
        ([0, -1], [0, 1], "k: the presynaptic neuron -1 does not exist"),
        ([0, 1], [0, 9], "k: the postsynaptic neuron 9 does not exist, there are 9"),
        ([0, 3, 3], [0, 2, 2], r"k: the pair \(3, 2\) is given twice"),
    ],
)
def test_pairs_that_cannot_be(pre, post, message):
    with pytest.raises(GraphError, match=message):
        sparse_order(pre, post, PRE, POST, "k")


@pytest.mark.parametrize(
    "starts, targets",
    [
        ([0, 1], [0]),
        ([0, 2, 1], [0, 1]),
        ([0, 1, 2], [0, 3]),
        ([0, 2, 2], [1, 0]),
        ([0, 2, 2], [1, 1]),
        ([1, 1, 2], [0, 1]),
        ([0, 1, 3], [0, 1]),
    ],
)
def test_what_is_not_in_order(starts, targets):
    with pytest.raises(GraphError, match=r"k: starts \(shape .*\) and targets .* are not 2 ascending lists of neurons below 3"):
        Sparse(2, 3, np.array(starts), np.array(targets, np.int32), 1.0).output_shape((2,), "k")


def test_a_source_of_another_size():
    with pytest.raises(GraphError, match=r"k: the source has 5 neurons \(shape \(5,\)\), the synapses begin at 2"):
        Sparse(2, 3, np.array([0, 1, 2]), np.array([0, 2], np.int32), 1.0).output_shape((5,), "k")
