"""Simulation by events gives what the reference backend gives: spikes exactly, states to rounding."""

import importlib.util
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import spaic
from spaic import NeuronModel, registry
from spaic.Backend.Kernels.text import sparse_sums
from spaic.Backend.Reference.program import ReferenceProgram
from spaic.Backend.Torch.options import Options
from spaic.Backend.Torch.program import TorchProgram
from spaic.Backend.Torch.simulation import simulated, simulated_call
from spaic.Backend.Torch.simulation.simulation_choice import obstacle
from spaic.clock import Clock
from spaic.Graph.events import Events
from spaic.Graph.graph import Graph, Probe
from spaic.Graph.links import Link, Synapse
from spaic.Graph.nodes import Input, Population
from spaic.Graph.transforms import Dense, OneToOne, Scale, Sparse, sparse_order
from spaic.Graph.verify import verify
from spaic.Library.streams import Constant, Recorded

STEPS = 120
NOISY = NeuronModel(
    "dV/dt = (-V + I) / tau + sigma * xi\nu = V - t / 50", {"tau": 5.0, "sigma": 0.3}, receive="V += w", spike="u > 0.6", reset="V = 0",
    name="noisy", method="euler",
)  # fmt: skip


# --- networks


def sparse(rng, pre, post, probability, mean, **options):
    i, j = np.nonzero(rng.random((pre, post)) < probability)
    starts, targets, _ = sparse_order(i, j, pre, post, "test")
    return Sparse(pre, post, starts, targets, rng.normal(mean, 0.3 * abs(mean), len(targets)), **options)


def population(name, size, model, **given):
    model = registry.neurons[model] if isinstance(model, str) else model
    declared = {p: model.parameter(p).default for p in model.parameters}
    return Population(name, (size,), model, {**declared, **given}, model.method)


def circuit():
    """Two populations with every kind of way: fixed delays and one per synapse, a synapse, a full link, input as events and not."""
    rng = np.random.default_rng(5)
    e = population("e", 30, "cuba", t_ref=0.5, tau_m=10.0, V_th=rng.normal(0.25, 0.02, 30))
    i = population("i", 20, "lif", t_ref=0.3)
    first_order = Synapse(registry.synapses["first_order"], {"tau": 3.0}, "exact")
    back = sparse(rng, 20, 30, 0.3, -0.15, bias=rng.random(30) * 0.02)
    links = (
        Link("in", "x.O", "e.input", (sparse(rng, 12, 30, 0.3, 1.0),), delay=0.2),
        Link("late", "x.O", "i.input", (spread := sparse(rng, 12, 20, 0.3, 0.4),), delay=rng.integers(0, 4, spread.synapses) * 0.1),
        Link("clamp", "level.O", "e.I", (Scale(0.1),)),
        Link("ee", "e.O", "e.input", (sparse(rng, 30, 30, 0.2, 0.2),), delay=0.3),
        Link("ei", "e.O", "i.input", (sparse(rng, 30, 20, 0.2, 0.4),), synapse=first_order),
        Link("ie", "i.O", "e.input", (back,), delay=0.1 + rng.integers(0, 30, back.synapses) * 0.1),
        Link("ii", "i.O", "i.input", (Dense(20, 20, rng.normal(-0.05, 0.01, (20, 20))),), delay=0.2),
        Link("own", "i.O", "i.input", (OneToOne(20, -0.2),), delay=0.4),
    )
    probes = (Probe("e.O"), Probe("i.O"), Probe("e.V"), Probe("i.V", 7), Probe("ei.I_syn"), Probe("x.O"))
    return Graph((Input("x", (12,)), Input("level", (30,)), e, i), links, probes, Clock(0.1), 3)


def instant():
    """The second population hears the first in the same step; noise, the time, and a value that is not recorded."""
    rng = np.random.default_rng(1)
    links = (
        Link("ab", "a.O", "b.input", (sparse(rng, 25, 20, 0.3, 0.3),), delay=0.0),
        Link("ba", "b.O", "a.input", (sparse(rng, 20, 25, 0.3, -0.3),), delay=0.1),
        Link("bb", "b.O", "b.input", (back := sparse(rng, 20, 20, 0.3, 0.1),), delay=0.5 + np.zeros(back.synapses)),
    )
    nodes = (population("a", 25, NOISY), population("b", 20, "lif", tau_m=rng.uniform(5, 20, 20)))
    return Graph(nodes, links, (Probe("a.O"), Probe("b.O"), Probe("b.V_before_reset", 3)), Clock(0.1), 8)


def forward():
    """Without a loop, behind a population that is no part of the stage."""
    rng = np.random.default_rng(2)
    links = (
        Link("first", "x.O", "a.input", (Dense(12, 20, rng.normal(0.4, 0.1, (20, 12))),)),
        Link("second", "a.O", "b.input", (sparse(rng, 20, 15, 0.4, 0.3),), delay=0.2),
        Link("third", "b.O", "c.input", (Dense(15, 5, rng.normal(0.4, 0.1, (5, 15))),), delay=0.3),
    )
    nodes = (Input("x", (12,)), population("a", 20, "lif"), population("b", 15, "lif", t_ref=0.2), population("c", 5, "lif"))
    return Graph(nodes, links, (Probe("b.O"), Probe("c.V"), Probe("c.O")), Clock(0.1), 8)


def streams(graph, batch):
    rng = np.random.default_rng(9)
    found = {n.name: Recorded(torch.from_numpy((rng.random((STEPS, batch, *n.shape)) < 0.1).astype(np.uint8))) for n in graph.inputs}
    if "level" in found:
        found["level"] = Constant(torch.from_numpy(rng.random((batch, 30))), STEPS)
    return found


def execute(program, batch, pieces=(STEPS,), dtype=torch.float64):
    """Final state and recordings of a run in pieces."""
    values = program.initial_parameters()
    if isinstance(program, TorchProgram):
        values = {k: torch.tensor(v, dtype=dtype) if v.ndim else float(v) for k, v in values.items()}
    state, found, inputs = program.initial_state(values, batch), [], streams(program.graph, batch)
    for steps in pieces:
        state, recordings = program.run(values, state, inputs, steps)
        found.append(recordings)
    return state, {k: np.concatenate([np.asarray(r[k]) for r in found]) for k in found[0]}


def torch_program(graph, dtype=torch.float64, **options):
    return TorchProgram(graph, torch.device("cpu"), dtype, Options(**options))


@pytest.fixture
def uncompiled(monkeypatch, tmp_path):
    """Python runs the generated text as it is; the list holds the texts that ran."""
    known, seen = {}, []

    def load(text, name, announce=""):
        if text not in known:
            path = tmp_path / f"kernel_{len(known)}.py"
            path.write_text(text, encoding="utf-8")
            spec = importlib.util.spec_from_file_location(path.stem, path)
            known[text] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(known[text])
        seen.append(text)
        return known[text]

    monkeypatch.setattr(simulated_call, "jit", SimpleNamespace(load=load))
    return seen


# --- against the reference


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("make", [circuit, instant, forward], ids=lambda f: f.__name__)
def test_it_is_the_reference(make, batch, uncompiled):
    graph = make()
    verify(graph)
    wanted, expected = execute(ReferenceProgram(graph), batch)
    state, found = execute(torch_program(graph), batch)
    assert uncompiled, "the stage was not simulated by events"
    for path, values in expected.items():
        assert values.any(), path
        np.testing.assert_allclose(found[path], values, rtol=1e-12, atol=1e-12, err_msg=path)
    for path in (p for p in expected if p.endswith(".O")):
        assert np.array_equal(found[path], expected[path]), path
    for path, values in wanted.arrays.items():
        np.testing.assert_allclose(state.arrays[path], values, rtol=1e-12, atol=1e-12, err_msg=path)


@pytest.mark.parametrize("make", [circuit, instant], ids=lambda f: f.__name__)
def test_pieces_change_nothing(make, uncompiled):
    graph = make()
    state, whole = execute(torch_program(graph), 1)
    again, parts = execute(torch_program(graph), 1, (1, 2, 40, STEPS - 43))
    assert all(np.array_equal(whole[path], parts[path]) for path in whole)
    assert all(np.array_equal(state.arrays[path], again.arrays[path]) for path in state.arrays)


def test_compiled_it_is_the_same_on_any_number_of_threads(monkeypatch):
    monkeypatch.setattr(simulated, "_WORTH", 16)
    graph, results = circuit(), []
    expected = execute(ReferenceProgram(graph), 1)[1]
    monkeypatch.setattr(simulated, "free", lambda threads: threads)  # whatever else runs here
    before = torch.get_num_threads()
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        results.append(execute(torch_program(graph), 1)[1])
    torch.set_num_threads(before)
    for path, values in expected.items():
        np.testing.assert_allclose(results[0][path], values, rtol=1e-12, atol=1e-12, err_msg=path)
        assert all(np.array_equal(results[0][path], other[path]) for other in results[1:]), path


def test_float32_is_close(uncompiled):
    graph = circuit()
    expected = execute(ReferenceProgram(graph), 1)[1]
    found = execute(torch_program(graph, torch.float32), 1, dtype=torch.float32)[1]
    assert found["e.V"].dtype == np.float32
    np.testing.assert_allclose(found["e.V"], expected["e.V"], rtol=1e-3, atol=1e-4)


def test_one_weight_for_all_is_read_once(uncompiled):
    rng = np.random.default_rng(0)
    same = replace(sparse(rng, 25, 20, 0.3, 0.3), weight=0.3)
    graph = instant()
    graph = replace(graph, links=(replace(graph.links[0], transforms=(same,)), *graph.links[1:]))
    expected = execute(ReferenceProgram(graph), 1)[1]
    program = torch_program(graph)
    values = {k: torch.tensor(v) if v.ndim else float(v) for k, v in program.initial_parameters().items()}
    state = program.initial_state(values, 1)
    assert np.array_equal(np.asarray(program.run(values, state, {}, STEPS)[1]["b.O"]), expected["b.O"])
    with torch.no_grad():
        values["ab.weight"][1::2] = 0.0  # seen although the tensor is the same
    changed = program.run(values, state, {}, STEPS)[1]["b.V_before_reset"]
    assert not np.allclose(np.asarray(changed), expected["b.V_before_reset"])


# --- gradients, and what goes another way


def test_with_gradients_it_goes_the_other_way(uncompiled):
    graph = forward()
    program = torch_program(graph)
    values = {k: torch.tensor(v) if v.ndim else float(v) for k, v in program.initial_parameters().items()}
    state, inputs = program.initial_state(values, 1), streams(graph, 1)
    without = program.run(values, state, inputs, STEPS)[1]
    assert uncompiled
    uncompiled.clear()
    values["second.weight"].requires_grad_()
    found = program.run(values, state, inputs, STEPS)[1]
    assert not uncompiled
    assert torch.equal(found["b.O"].detach(), without["b.O"])
    values["second.weight"].requires_grad_(False)
    values["third.weight"].requires_grad_()  # the readout of a fixed part is trained
    program.run(values, state, inputs, STEPS)
    assert uncompiled


def with_link(link, probes=()):
    graph = instant()
    return Graph(graph.nodes, (*graph.links, link), (*graph.probes, *probes), graph.clock, graph.seed)


@pytest.mark.parametrize(
    "graph, reason",
    [
        (with_link(Link("gap", "a.V", "b.I", (Dense(25, 20, 0.1),), delay=0.1)), "gap carries V, which is no spike"),
        (with_link(Link("two", "b.O", "a.input", (Dense(20, 25, 0.1), Scale(2.0)), delay=0.1)), "two is neither sparse, full nor one-to"),
        (with_link(Link("full", "b.O", "b.input", (Dense(20, 20, 0.1),), delay=np.full((20, 20), 0.2))), "full has a delay per synapse"),
        (replace(instant(), probes=(Probe("ba.current"),)), "the current of ba is recorded"),
        (replace(instant(), probes=(Probe("a.V", 1, True),)), "a gradient is watched"),
    ],
)  # fmt: skip
def test_what_it_cannot_do_is_said_and_goes_the_other_way(graph, reason, uncompiled):
    verify(graph)
    program = torch_program(graph)
    stage = program.schedule.stages[0]
    assert obstacle(program, stage).startswith(reason)
    assert reason in " ".join(program.execution())
    expected = execute(ReferenceProgram(replace(graph, probes=tuple(replace(p, gradient=False) for p in graph.probes))), 1)[1]
    found = {k: v for k, v in execute(program, 1)[1].items() if not k.endswith("gradient")} if "gradient" not in reason else {}
    assert not uncompiled
    for path in found:
        np.testing.assert_allclose(found[path], expected[path], rtol=1e-10, atol=1e-10)


def test_plain_kernels_and_dense_networks_are_not_simulated():
    plain = torch_program(instant(), kernels="plain")
    assert "kernels" in obstacle(plain, plain.schedule.stages[0])
    program = torch_program(forward())
    reasons = {stage.populations[0]: obstacle(program, stage) for stage in program.schedule.stages}
    assert reasons == {"a": "no connection is sparse", "b": "", "c": "no connection is sparse"}
    assert "passes on spikes as events" in program.execution()[1]
    assert "events" not in program.execution()[0]


def test_the_source_is_shown():
    program = torch_program(circuit())
    text = program.source("e")
    assert "def simulate(" in text and text == program.source("i")
    assert sparse_sums.SUMS["scattered"] in text


# --- recordings


def small(seed=0):
    with spaic.Network(seed=seed) as net:
        source = spaic.Encoder(num=20, coding_method="poisson")
        cells = spaic.NeuronGroup(30, model="lif", t_ref=1.0)
        drive = spaic.Connection(source, cells, link_type="random", probability=0.3, storage="sparse", weight=0.5)
        loop = spaic.Connection(
            cells, cells, link_type="random", probability=0.2, storage="sparse", weight=0.1, max_delay=2.0, min_delay=0.5
        )
        spikes = spaic.SpikeMonitor(cells)
    net.set_backend("torch", dt=0.5)
    net.source(np.full((2, 20), 0.5))
    return net


def test_spike_monitors_keep_lists(uncompiled):
    net, other = small(), small()
    with other:
        other.dense = spaic.StateMonitor(other.cells, "O")
    for n in (net, other):
        n.run(30.0)
        n.run_continue(20.0)
    store = net.spikes._store
    assert isinstance(store.events(0, 100), Events) and other.spikes._store.events(0, 100) is None
    assert store.nbytes < 0.5 * other.spikes._store.nbytes
    assert net.spikes.spk_count.sum() > 50
    assert np.array_equal(net.spikes.spk_count, other.spikes.spk_count)
    for part, wanted in ((net.spikes, other.spikes), (net.spikes.between(10.0, 35.0), other.spikes.between(10.0, 35.0))):
        assert np.array_equal(part.values, wanted.values) and part.values.dtype == wanted.values.dtype
        assert np.array_equal(part.time_pop_rate, wanted.time_pop_rate)
        assert all(np.array_equal(a, b) for a, b in zip(part.spk_times, wanted.spk_times, strict=True))
        assert all(np.array_equal(a, b) for a, b in zip(part.spk_index, wanted.spk_index, strict=True))
    assert torch.equal(net.spikes.tensor_values, other.spikes.tensor_values)


def test_events_are_joined_and_cut():
    events = Events([(np.array([0, 1, 1, 3]), np.array([1, 0, 2], np.int32))], (3,))
    twice = Events.joined([events, events.between(1, 3)])
    assert twice.shape == (5, 1, 3) and twice.count == 5
    assert np.array_equal(twice.dense(np.uint8), np.concatenate([events.dense(np.uint8), events.dense(np.uint8)[1:]]))


def test_nan_is_found(uncompiled):
    net = small()
    net.build()
    with torch.no_grad():
        net.drive.weight[:] = float("nan")
    with pytest.raises(spaic.errors.NumericalError, match="cells: V"):
        net.run(5.0)
