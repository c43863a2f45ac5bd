"""Time in chunks that are computed again: the same results and gradients, for memory that does not grow with the run."""

import gc
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

import spaic
from spaic.Backend.Torch.program import TorchProgram
from spaic.Backend.Torch.recompute import chunk_length
from spaic.errors import UnsupportedError
from spaic.Graph.nodes import Input
from tests.Backend.test_islands import DT, QUICK, RICH, dense, group, link, network
from tests.contracts.test_kernels import compare, data, fires, in_python, single
from tests.Network.builders import NOISY, SAMPLES, WEIGHTS

CHUNKS = [1, 4, "sqrt", 1000]


# --- the same results


def everything():
    """A layer, a loop, delays within and across chunks, a synapse, noise, and input that is the same in every step."""
    groups = [group("A", 4, "alif", ("tau_m", "V_rest"), t_ref=2 * DT), group("B", 3, RICH, ("tau",)), group("C", 3, "cuba", ("tau_s",))]
    links = [
        link("in_a", "spikes.O", "A.input", dense(5, 4, 0.9, 1), delay=3 * DT),
        link("more", "steady.O", "A.I", dense(5, 4, 0.3, 2, bias=np.full(4, 0.5))),
        link("a_b", "A.O", "B.fast", dense(4, 3, 1.2, 3), delay=DT * np.arange(12).reshape(3, 4)),
        link("b_c", "B.V", "C.I", dense(3, 3, 3.0, 4), delay=0.0, synapse=QUICK),
        link("c_b", "C.O", "B.slow", dense(3, 3, 0.4, 5), delay=2 * DT),
    ]
    return network([Input("spikes", (5,)), Input("steady", (5,))], groups, links)


@pytest.mark.parametrize("length", CHUNKS)
def test_same_gradients(length, monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)
    graph = everything()
    fires(compare(graph, data(graph, 22, 3), (17, 5), constant=("steady",), checkpoint_time=length), "A", "B", "C")


@pytest.mark.parametrize("length", [3, "sqrt"])
def test_same_gradients_compiled(length):
    graph = single("lif", learns=False)
    graph = network([n for n in graph.inputs if n.name == "spikes"], graph.populations, [k for k in graph.links if k.name == "to_input"])
    fires(compare(graph, data(graph, 20, 3), (13, 7), checkpoint_time=length), "A")


def randomly(code, length, keeps):
    """Results and gradients of a network with random input, weights, dropout, noise and delays."""
    with spaic.Network(seed=3) as net:
        input = spaic.Encoder(num=6, coding_method=code)
        first = spaic.NeuronGroup(5, model="alif", t_ref=2.0, trainable=["tau_m", "V_rest"])
        second = spaic.NeuronGroup(5, model=NOISY)
        into = spaic.Connection(input, first, syn_type=["dropout", "basic"], syn_kwargs={"p": 0.3}, delay=3.0, **WEIGHTS)
        forth = spaic.Connection(first, second, syn_type="first_order", max_delay=4.0, **WEIGHTS)
        back = spaic.Connection(second, second, delay=2.0, **WEIGHTS)
        output = spaic.Decoder(dec_target=second)
        monitors = [spaic.StateMonitor(second, "V"), spaic.StateMonitor(into, "weight"), spaic.SpikeMonitor(input)]
        learner = spaic.SurrogateBP()
    assert all(e.parent is net for e in (forth, back, learner, *monitors))
    net.set_backend("torch", dt=1.0, dtype="float64", checkpoint_time=length)
    net.input(SAMPLES)
    net.run(15.0)
    net.run_continue(6.0, keep_gradient=keeps)
    leaves = {k: p for k, p in net.named_parameters() if p.requires_grad}
    gradients = torch.autograd.grad(output.predict.sum(), list(leaves.values()), allow_unused=True)
    values = [output.predict.detach().numpy(), *(np.asarray(m.values if hasattr(m, "values") else m.spk_times) for m in monitors[:2])]
    return values, dict(zip(leaves, gradients, strict=True))


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("code", ["poisson", "direct", "latency"])
def test_what_is_random_is_drawn_again(code, keeps, monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)
    values, gradients = randomly(code, None, keeps)
    assert values[0].any() and gradients["into.weight"].any() and gradients["first.tau_m"].any()
    for length in CHUNKS:
        again, found = randomly(code, length, keeps)
        assert all(np.array_equal(a, b) for a, b in zip(again, values, strict=True))
        for path, gradient in gradients.items():
            torch.testing.assert_close(found[path], gradient, rtol=0, atol=1e-12 * gradient.abs().max().item())


@pytest.mark.parametrize("length", [None, 4])
@pytest.mark.parametrize("code", ["direct", "null"])
def test_gradients_reach_the_data(code, length, monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)
    with spaic.Network() as net:
        input = spaic.Encoder(num=6, coding_method=code)
        cells = spaic.NeuronGroup(5, model="lif")
        wire = spaic.Connection(input, cells, **WEIGHTS)
        output = spaic.Decoder(dec_target=cells)
        learner = spaic.SurrogateBP()
    assert wire.parent is learner.parent is net
    net.set_backend("torch", dt=1.0, dtype="float64", checkpoint_time=length)
    values = torch.from_numpy(np.random.default_rng(0).random((3, 6) if code == "direct" else (3, 15, 6))).requires_grad_()
    net.input(values)
    net.run(15.0)
    output.predict.sum().backward()
    assert values.grad is not None and values.grad.any()


@pytest.mark.parametrize("first", [0, 6])
@pytest.mark.parametrize("length", CHUNKS)
def test_gradients_of_data_alone(length, first, monkeypatch, tmp_path):
    """Nothing is trained; the data are numbers in each step, and the same ones in all, and begin later than the run."""
    in_python(monkeypatch, tmp_path)
    groups = [group("A", 4, "lif"), group("B", 3, "cuba", ("tau_s",))]
    links = [
        link("in_a", "level_moving.O", "A.I", dense(5, 4, 2.0, 1), delay=2 * DT),
        link("steady_a", "level_steady.O", "A.I", dense(5, 4, 2.0, 2)),
        link("a_b", "A.O", "B.I", dense(4, 3, 3.0, 3)),
        link("b_b", "B.V", "B.I", dense(3, 3, 0.3, 4), delay=DT),
    ]
    graph = network([Input("level_moving", (5,)), Input("level_steady", (5,))], groups, links)
    graph = replace(graph, links=tuple(replace(k, trainable=frozenset()) for k in graph.links))
    values = data(graph, 22, 3)
    found = compare(graph, values, (17, 5), constant=("level_steady",), first=first, checkpoint_time=length)
    assert found["d level_moving"].any() and found["d level_steady"].any()


def test_data_are_asked_for_when_nothing_else_requires_gradient(monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)
    lengths = count_runs(monkeypatch)
    net = deep(4, "direct")
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    values = torch.rand(BATCH, 20, requires_grad=True)
    net.input(values)
    net.run(10.0)
    assert lengths == [4, 4, 2]
    net.output.predict.sum().backward()
    assert lengths == [4, 4, 2, 2, 4, 4] and values.grad.any()


def test_data_that_change_before_the_way_back_are_noticed(monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)
    net = deep(4, "null")
    values = torch.rand(BATCH, 10, 20, requires_grad=True)
    net.input(values)
    net.run(10.0)
    with torch.no_grad():
        values.mul_(2.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        net.output.predict.sum().backward()


# --- memory


class Live(TorchDispatchMode):
    """The largest number of bytes of tensors that were there at once, of those made meanwhile."""

    def __init__(self):
        super().__init__()
        self.there, self.peak = {}, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                self.there[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
        self.there = {k: v for k, v in self.there.items() if not v[0].expired()}
        self.peak = max(self.peak, sum(size for _, size in self.there.values()))
        return result


HIDDEN, BATCH = 200, 16


def deep(length, code="poisson"):
    """Much in the middle, little that is recorded."""
    with spaic.Network() as net:
        input = spaic.Encoder(num=20, coding_method=code)
        hidden = spaic.NeuronGroup(HIDDEN, model="lif")
        cells = spaic.NeuronGroup(2, model="lif")
        wires = [spaic.Connection(input, hidden, **WEIGHTS), spaic.Connection(hidden, cells, w_mean=0.01)]
        output = spaic.Decoder(dec_target=cells)
        learner = spaic.SurrogateBP()
    assert all(e.parent is net for e in (*wires, output, learner))
    net.set_backend("torch", dt=1.0, checkpoint_time=length)
    net.input(np.random.default_rng(0).random((BATCH, 10, 20) if code == "null" else (BATCH, 20), dtype=np.float32))
    net.build()
    return net


def used(length, steps):
    """Bytes at the peak, and those that autograd holds between the passes."""
    net, saved = deep(length), {}

    def pack(x):
        saved[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
        return x

    gc.collect()
    with Live() as live, saved_tensors_hooks(pack, lambda x: x):
        net.run(float(steps))
        held = sum(saved.values())
        net.output.predict.sum().backward()
    assert all(p.grad.any() for p in net.parameters())
    return live.peak, held


@pytest.fixture
def one_thread():
    """On a busy machine a thread that comes late holds on to what it was called with."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_memory_is_that_of_a_chunk(one_thread):
    one_number = HIDDEN * BATCH * 4  # of each hidden neuron in one step
    peak, held = used(20, 400)
    assert held < 40 * one_number and peak < 120 * one_number
    whole, all_of_it = used(None, 400)
    assert all_of_it > 400 * one_number and whole > 4 * peak
    longer, more = used(20, 1600)
    assert longer < 2 * peak, "states between chunks and little else grows"
    assert more < 4.5 * held


def test_the_square_root(one_thread):
    peaks = [used("sqrt", steps)[0] for steps in (100, 1600)]
    assert peaks[1] < 6 * peaks[0], "16 times as long, 4 times as much"


@pytest.mark.parametrize("choice, steps, expected", [
    (1, 10, 1), (7, 10, 7), (70, 10, 70), ("sqrt", 1, 1), ("sqrt", 3, 1), ("sqrt", 100, 10), ("sqrt", 120, 10), ("sqrt", 121, 11),
])  # fmt: skip
def test_chunk_length(choice, steps, expected):
    assert chunk_length(choice, steps) == expected


# --- how often, and when not


def count_runs(monkeypatch):
    lengths, once = [], TorchProgram._run
    monkeypatch.setattr(TorchProgram, "_run", lambda self, *args: lengths.append(args[-1]) or once(self, *args))
    return lengths


def test_each_chunk_is_run_twice_and_no_more(monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)
    lengths = count_runs(monkeypatch)
    net = deep(4)
    net.run(10.0)
    assert lengths == [4, 4, 2]
    net.output.predict.sum().backward()
    assert lengths == [4, 4, 2, 2, 4, 4]


def test_without_gradient_nothing_is_run_twice(monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)
    lengths = count_runs(monkeypatch)
    net = deep(4)
    with torch.no_grad():
        net.run(10.0)
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    net.run(10.0)
    assert sum(lengths) == 20 and not net.output.predict.requires_grad


def test_two_ways_back_through_the_same_run(monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)
    net = deep(4)
    net.run(10.0)
    leaves = list(net.parameters())
    first = torch.autograd.grad(net.output.predict.sum(), leaves, retain_graph=True)
    assert all(torch.equal(a, b) for a, b in zip(first, torch.autograd.grad(net.output.predict.sum(), leaves), strict=True))


def test_weights_that_change_before_the_way_back_are_noticed(monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)
    net = deep(4)
    net.run(10.0)
    with torch.no_grad():
        next(iter(net.parameters())).mul_(2.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        net.output.predict.sum().backward()


def test_watching_gradients_is_refused():
    net = deep(4)
    net.watch = spaic.StateMonitor(net.hidden, "V", get_grad=True)
    with pytest.raises(UnsupportedError, match="hidden.V: its gradient cannot be watched with checkpoint_time=4"):
        net.run(10.0)
