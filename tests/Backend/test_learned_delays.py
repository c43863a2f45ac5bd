"""Delays that are learned: interpolated between steps, bounded, with the gradients of finite differences, and of use."""

import numpy as np
import pytest
import torch

import spaic
from spaic.errors import DeclarationError, GraphError

DT = 0.5


def graph(delay, kind="dense", bias=0.1):
    """Spikes through one link with learned delays into leaky cells that do not fire."""
    from spaic import registry
    from spaic.clock import Clock
    from spaic.Graph.graph import Graph, Probe
    from spaic.Graph.links import Link
    from spaic.Graph.nodes import Input, Population
    from spaic.Graph.transforms import Conv, Dense, OneToOne, Pool, Reshape, Sparse, TransposedConv
    from spaic.Graph.verify import verify

    rng = np.random.default_rng(4)
    shape, out = IMAGES.get(kind, ((6,), (6,) if kind == "one" else (3,)))
    lif = registry.neurons["lif"]
    weight = rng.normal(size=(3, 6))
    starts, targets = np.array([0, 1, 1, 3, 4, 6, 7]), np.array([2, 0, 1, 1, 0, 2, 1], np.int32)
    transform = {
        "dense": lambda: Dense(6, 3, weight, bias),
        "masked": lambda: Dense(6, 3, weight, bias, weight > -0.5),
        "one": lambda: OneToOne(6, weight[0], bias),
        "sparse": lambda: Sparse(6, 3, starts, targets, weight.ravel()[:7], bias),
        "conv": lambda: Conv(2, 3, (2,), rng.normal(size=(3, 2, 2)), bias, (1,), (0,), (1,)),
        "channels": lambda: Conv(2, 4, (2,), rng.normal(size=(4, 1, 2)), bias, (2,), (1,), (1,), 2),
        "transposed": lambda: TransposedConv(2, 3, (2,), rng.normal(size=(2, 3, 2)), bias, (1,), (0,), (0,), (1,)),
        "mean": lambda: Pool((2,), (2,), (0,)),
        "max": lambda: Pool((3,), (2,), (1,), True),
        "shape": lambda: Reshape((8,)),
    }[kind]()
    values = {k: p.default for k, p in lif.parameters.items()} | {"V_th": 1e6}
    trained = frozenset({"weight", "delay"} if "weight" in transform.parameters() else {"delay"})
    link = Link("way", "in.O", f"cells.{lif.ports[0]}", (transform,), delay=delay, delay_limit=4.0, trainable=trained)
    nodes = (Input("in", shape), Population("cells", out, lif, values, lif.method))
    return verify(Graph(nodes, (link,), (Probe("way.current"), Probe("cells.V")), Clock(DT), seed=2))


def spikes_of(graph, steps=30):
    generator = torch.Generator().manual_seed(1)
    return (torch.rand((steps, 2, *graph.shape("in")), generator=generator) < 0.4).double()


def run(backend, graph, spikes, values=None, pieces=None):
    from spaic.Library.streams import Recorded

    made = backend(dt=DT, dtype="float64", **({"kernels": "plain"} if backend is spaic.Torch_Backend else {}))
    program = made.compile(graph)
    own = made.store(graph, program.initial_parameters()).tensors() | (values or {})
    state, parts = program.initial_state(own, 2), []
    for steps in pieces or (len(spikes),):
        state, recorded = program.run(own, state, {"in": Recorded(spikes)}, steps)
        parts.append(recorded)
    return own, {k: [p[k] for p in parts] for k in parts[0]}


#: Kind of link -> shape of its delays.
SHAPES = {
    "dense": (3, 6), "masked": (1, 6), "one": (6,), "sparse": (7,), "conv": (3, 2, 2), "channels": (2,), "transposed": (2, 3, 1),
    "mean": (2, 2), "max": (1, 3), "shape": (2, 4),
}  # fmt: skip
#: Kind of link -> shapes of its source and its target.
IMAGES = {
    "conv": ((2, 4), (3, 3)), "channels": ((2, 4), (4, 3)), "transposed": ((2, 4), (3, 5)), "mean": ((2, 4), (2, 2)),
    "max": ((2, 4), (2, 2)), "shape": ((2, 4), (8,)),
}  # fmt: skip
CASES = [("conv", 0.7), ("max", 1.2), ("dense", 1.3), ("one", 2.0), ("sparse", 4.0), *[(kind, None) for kind in SHAPES]]


def given(kind, delay):
    if delay is not None:
        return delay
    delays = np.random.default_rng(3).uniform(0, 4, SHAPES[kind])
    delays.flat[:3] = (0.0, 4.0, 1.5)
    return delays


@pytest.mark.parametrize("kind, delay", CASES)
def test_both_backends_interpolate(kind, delay):
    """The current is what loops over steps and synapses say: the part 1 - f of k steps ago and f of k + 1."""
    made = graph(given(kind, delay), kind)
    spikes = spikes_of(made)
    own, found = run(spaic.Reference_Backend, made, spikes)
    _, quick = run(spaic.Torch_Backend, made, spikes, pieces=(1, 5, 24))
    for path in found:
        np.testing.assert_allclose(np.concatenate([q.detach() for q in quick[path]]), found[path][0], rtol=0, atol=1e-12, err_msg=path)
    if kind in ("dense", "masked"):
        x, w = spikes.numpy(), own["way.weight"]
        d = np.broadcast_to(own["way.delay"], w.shape) / DT
        expected = np.full((30, 2, 3), 0.1)
        for n in range(30):
            for j in range(3):
                for i in range(6):
                    k, f = int(d[j, i]), d[j, i] % 1
                    expected[n, :, j] += w[j, i] * ((1 - f) * (x[n - k, :, i] if n >= k else 0) + f * (x[n - k - 1, :, i] if n > k else 0))
        np.testing.assert_allclose(found["way.current"][0], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind, delay", [("conv", 0.7), ("max", 1.2), ("sparse", 3.9), *[(kind, None) for kind in SHAPES]])
def test_gradients_are_those_of_finite_differences(kind, delay):
    delays = given(kind, delay)
    delays = np.where(np.isclose(delays / DT, np.rint(delays / DT)), np.clip(delays + 0.13, 0, 3.9), delays)  # away from the kinks
    made = graph(float(delays) if delays.ndim == 0 else delays, kind)
    spikes = spikes_of(made, 15)
    if kind == "max":  # graded, as the maximum of spikes that meet has a kink
        spikes = spikes * torch.rand(spikes.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    start = run(spaic.Reference_Backend, made, spikes)[0]
    names = tuple(n for n in ("way.delay", "way.weight", "way.bias") if n in start)
    values = [torch.tensor(np.array(start[n]), dtype=torch.float64, requires_grad=True) for n in names]

    def loss(*given):
        _, found = run(spaic.Torch_Backend, made, spikes, dict(zip(names, given, strict=True)))
        return (found["cells.V"][0] ** 2).sum()

    assert torch.autograd.gradcheck(loss, values, eps=1e-5, atol=1e-6)
    gradient = torch.autograd.grad(loss(*values), values[0])[0]
    assert (gradient.abs() > 1e-3).sum() >= min(2, gradient.numel())


CHANNELS, CLASSES, DURATION = 8, 4, 40


def patterns(shifts):
    """Each channel fires once in every sample, at times of its class; the whole pattern is shifted. Intervals alone tell classes apart."""
    rng = np.random.default_rng(5)
    times = np.stack([rng.permutation(CHANNELS) * 2 for _ in range(CLASSES)])
    data = np.zeros((len(shifts) * CLASSES, DURATION, CHANNELS), np.float32)
    labels = np.tile(np.arange(CLASSES), len(shifts))
    for row, (shift, label) in enumerate((s, k) for s in shifts for k in range(CLASSES)):
        data[row, times[label] + shift, np.arange(CHANNELS)] = 1
    return data, labels


def detectors(**delays):
    """One cell per class that forgets within a step; its highest potential is what speaks for the class.

    No two channels fire in the same step, so whatever the weights are, without delays the highest potential is the largest weight, for
    every sample.
    """
    with spaic.Network(seed=1) as net:
        net.input = spaic.Encoder(num=CHANNELS, coding_method="null")
        net.cells = spaic.NeuronGroup(CLASSES, model="lif", tau_m=0.05, V_th=1e6)
        net.way = spaic.Connection(net.input, net.cells, weight=np.ones((CLASSES, CHANNELS)), **delays)
        net.output = spaic.Decoder(dec_target=net.cells, coding_method="max_voltage")
        net.learner = spaic.SurrogateBP(net)
    net.set_backend("torch", dt=1.0, dtype="float32", kernels="plain")
    return net


def accuracy_after_training(net, names, rounds=100):
    data, labels = patterns(range(0, 6, 2))
    net.input(data)
    net.run(float(DURATION))
    chosen = [p for k, p in net.named_parameters() if k in names]
    assert len(chosen) == len(names)
    optimizer = torch.optim.Adam(chosen, lr=0.2)
    for _ in range(rounds):
        net.input(data)
        net.run(float(DURATION))
        loss = torch.nn.functional.cross_entropy(net.output.predict, torch.tensor(labels))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    other, expected = patterns(range(1, 7, 2))
    with torch.no_grad():
        net.input(other)
        net.run(float(DURATION))
    return (net.output.predict.argmax(1).numpy() == expected).mean()


def test_only_delays_find_patterns_of_intervals():
    start = np.random.default_rng(0).uniform(4, 10, (CLASSES, CHANNELS))
    net = detectors(delay=start, delay_trainable=True, max_delay=15.0)
    assert accuracy_after_training(net, ["way.delay"]) == 1.0
    learned = net.state_dict()["way.delay"]
    assert learned.min() >= 0 and learned.max() <= 15 and not torch.equal(learned, learned.round())


def test_weights_alone_do_not_find_them():
    assert accuracy_after_training(detectors(), ["way.weight"], rounds=20) == 1 / CLASSES


def test_learned_delays_stay_within_their_bounds_and_are_saved(tmp_path):
    net = detectors(delay=3.0, delay_trainable=True, max_delay=6.0)
    data, _ = patterns([0])
    net.input(data)
    net.run(float(DURATION))
    delay = dict(net.named_parameters())["way.delay"]
    for wrong, right in ((-1.0, 0.0), (9.0, 6.0), (2.3, 2.3)):
        with torch.no_grad():
            delay.fill_(wrong)
        net.input(data)
        net.run(float(DURATION))
        assert delay.item() == pytest.approx(right)
    path = tmp_path / "net.spaic"
    net.save(path)
    loaded = spaic.load(path)
    assert loaded.state_dict()["way.delay"].item() == pytest.approx(2.3)
    assert loaded.way.delay_limit == 6.0


def test_drawn_delays_are_one_for_each_synapse():
    net = detectors(min_delay=2.0, delay_trainable=True, max_delay=6.0)
    net.build()
    delay = net.state_dict()["way.delay"]
    assert delay.shape == (CLASSES, CHANNELS) and 2 <= delay.min() < delay.max() <= 6


@pytest.mark.parametrize("options, message", [
    ({"delay_trainable": True}, r"Connection\(full\).max_delay: None is no time above 0"),
    ({"delay_trainable": True, "max_delay": -2.0}, "max_delay: -2.0 is no time above 0"),
    ({"delay_trainable": 1, "max_delay": 2.0}, "delay_trainable: 1 is no truth value"),
])  # fmt: skip
def test_declarations_that_cannot_be(options, message):
    with pytest.raises(DeclarationError, match=message):
        detectors(**options)


@pytest.mark.parametrize("options, message", [
    ({"delay": 7.0, "max_delay": 6.0}, "way.delay: 7 to 7 ms do not lie between 0 and max_delay = 6 ms"),
    ({"delay": np.full((CLASSES, CHANNELS), -1.0), "max_delay": 6.0}, "way.delay: -1 to -1 ms do not lie between 0"),
    ({"delay": np.ones((2, 2)), "max_delay": 6.0}, r"way.delay: the delays have shape \(2, 2\), needed \(4, 8\)"),
    ({"delay": 1.0, "max_delay": 6.5}, r"way.max_delay: .*6.5 ms"),
])  # fmt: skip
def test_delays_that_do_not_fit(options, message):
    with pytest.raises(spaic.errors.SpaicError, match=message):
        detectors(delay_trainable=True, **options).build()


def test_not_in_loops():
    with spaic.Network() as net:
        net.cells = spaic.NeuronGroup(3, model="lif")
        net.way = spaic.Connection(net.cells, net.cells, delay_trainable=True, max_delay=4.0)
    net.set_backend("torch", dt=1.0)
    with pytest.raises(GraphError, match="way.delay: it lies in a loop, where delays cannot be learned"):
        net.build()
