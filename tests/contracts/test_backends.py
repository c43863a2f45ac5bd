"""Every registered model does the same on every backend, in pieces and at once; some of them with every integrator they accept."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from spaic import NeuronModel, Reference_Backend, Torch_Backend, registry
from spaic.clock import Clock
from spaic.Dynamics.document import integrators
from spaic.Dynamics.parameter import Parameter
from spaic.Graph.graph import Graph, Probe
from spaic.Graph.links import Link, Synapse
from spaic.Graph.nodes import Input, Population
from spaic.Graph.schedule import schedule
from spaic.Graph.transforms import Conv2d, Dense, OneToOne, Pool2d, Scale
from spaic.Graph.verify import recordable, verify
from spaic.Library.streams import Constant, Recorded
from tests.contracts.uncompiled import in_python

STEPS, BATCH = 60, 3

#: Model -> time step in ms, constant current, and weight of a spike, so that it fires a few times if it does at all.
DRIVES = {
    "if": (0.5, 0.1, 0.4),
    "lif": (0.5, 1.5, 0.4),
    "cuba": (0.5, 1.0, 0.5),
    "clif": (0.5, None, 0.5),
    "plif": (0.5, 0.9, 0.5),
    "alif": (0.5, 1.5, 0.4),
    "izhikevich": (0.2, 10.0, 15.0),
    "adex": (0.05, 6000.0, 2400.0),  # a step of 0.1 ms through the upstroke makes 1e-12 of the last bit
    "hodgkin_huxley": (0.02, 60.0, 30.0),
    "aclif": (0.5, None, 0.5),
    "alif_linear_trace": (1.0, 0.3, 0.5),
    "alif_stdp_ex": (0.5, None, 0.8),
    "alif_trace": (0.5, 1.5, 1.5),
    "clif2k": (0.5, None, 0.5),
    "cuba_exc_inh": (0.5, 20.0, 8.0),
    "cubali": (0.5, 0.5, 0.1),
    "darwin_alif": (1.0, 2000.0, 4000.0),
    "darwin_clif": (1.0, 1500.0, 800.0),
    "darwin_random": (1.0, 3000.0, 2000.0),
    "diehl_cook": (0.5, None, 8.0),
    "exponential_if": (0.1, 150.0, 150.0),
    "fede": (0.5, 3.0, 3.0),
    "gif": (0.5, 400.0, 200.0),
    "glif": (0.5, 20.0, 20.0),
    "graded_lif": (0.5, 1.5, 0.4),
    "if_bias": (0.5, 0.1, 0.4),
    "if_soft_reset": (0.5, 0.1, 0.4),
    "if_trace": (1.0, 0.1, 0.4),
    "izhikevich_2007": (0.2, 2000.0, 800.0),
    "li": (0.5, 0.5, 0.1),
    "lif_alpha": (0.5, 1.0, 0.5),
    "lif_cond": (0.5, 50.0, 0.5),
    "lif_current": (0.5, 5.0, 2.0),
    "lif_double_exp": (0.5, 1.0, 0.5),
    "lif_escape": (0.5, 0.8, 0.3),
    "lif_int": (1.0, None, 0.5),
    "lif_linear_trace": (1.0, 0.3, 0.5),
    "lif_stdp_ex": (0.5, None, 10.0),
    "lif_stdp_ih": (0.5, None, 10.0),
    "lif_trace": (0.5, 1.5, 1.5),
    "lifm": (0.5, 0.05, 0.3),
    "meanfield": (0.5, 1.0, 0.5),
    "cann_field": (0.5, 1.0, 0.5),
    "nonspiking_if": (0.5, 0.1, 0.02),
    "nonspiking_lif": (0.5, None, 0.1),
    "pclif": (1.0, 0.2, 0.4),
    "quadratic_if": (0.2, 1500.0, 400.0),
    "relay": (1.0, 0.4, 0.1),
    "resonate_and_fire": (0.2, 0.4, 0.4),
    "sliding_psn": (1.0, 0.5, 0.05),
    "ternary_lif": (0.5, 1.5, 0.4),
    "two_compartment": (0.5, 1.5, 0.4),
    "wilson_cowan": (0.5, 1.0, 1.0),
    "noisy": (0.5, 1.0, 0.4),
    "bursting": (0.5, 0.6, 0.5),
}
#: Ports that work against the others get less.
SHARE = {"inh": 0.02, "I_trace": 0.2}
#: What no registered model has: noise in coupled states, maps, time, two receive ports, several currents.
OWN = {
    "noisy": NeuronModel(
        """
        u = I - V + U
        dV/dt = u / tau + 0.1 * xi_a
        dU/dt = -U / tau + 0.2 * xi_b
        m := 0.9 * m + 0.1 * xi_a
        """,
        {"tau": Parameter(5.0, "ms", range="(0, inf)")}, receive="V += w", spike="V + 0.1 * m > 0.9", reset="V = 0; U *= 0.5",
        name="noisy", method="exact",
    ),
    "bursting": NeuronModel(
        """
        dV/dt = (I_a - V) / tau + 0.2 * sin(t) * I_b + where(V > 0.5, 0.1, tanh(V)) / tau
        n := min(n + 0.1 * V + where(V > 0.3, 0.1, 0.3), 2)
        """,
        {"tau": Parameter(5.0, "ms", range="(0, inf)"), "t_ref": Parameter(1.0, "ms", range="[0, inf)")},
        receive={"fast": "V += w", "slow": "n -= w * abs(V)"}, inputs=("I_a", "I_b"), initial={"V": "tau / 100", "n": 0.5},
        spike="V >= 1 + n / 10", reset="V -= 1; n /= 2", refractory="t_ref: V", name="bursting", method="rk2",
    ),
}  # fmt: skip
MODELS = {**registry.neurons, **OWN}
#: Their equations and the forms of them cover what the integrators can meet; the other models run their own.
THOROUGH = {
    "if", "lif", "cuba", "clif", "plif", "alif", "izhikevich", "adex", "hodgkin_huxley", "lif_cond", "noisy", "bursting",
}  # fmt: skip
#: Python runs the generated text of the others as it is.
COMPILED = THOROUGH - {"lif_cond"}
#: Islands take LLVM many times as long as layers.
COMPILED_ISLANDS = {"lif", "izhikevich", "noisy"}
#: Integers let no gradient pass.
ROUNDED = {"darwin_alif", "darwin_clif", "darwin_random"}


def methods_of(name):
    return integrators(MODELS[name]) if name in THOROUGH else (MODELS[name].method,)


CASES = [(name, method) for name in MODELS for method in methods_of(name)]


def parameters_of(model, shape, dt, rng):
    """A value per neuron for every parameter, some 10 % around the default; refractory periods of whole steps."""
    values = {}
    for name, p in model.parameters.items():
        if not isinstance(p.default, str):
            values[name] = np.minimum(p.default * (1 + 0.1 * rng.uniform(-1, 1, shape)), p.bounds[1]) if p.default else p.default
    if model.refractory_period:
        values[model.refractory_period[0]] = dt * rng.integers(0, 4, shape).astype(float)
    return values


def output_of(model):
    """What links read: spikes, or the first state of a neuron that never fires."""
    return "O" if model.condition else model.states[0]


def dense(rng, pre, post, weight, **fields):
    return Dense(pre, post, weight * rng.uniform(0.2, 1.0, (post, pre)), **fields)


def watch_everything(graph):
    nodes = [f"{n.name}.{v}" for n in (*graph.inputs, *graph.populations) for v in recordable(graph, n.name)]
    links = [f"{k.name}.{v}" for k in graph.links for v in recordable(graph, k.name)]
    return replace(graph, probes=tuple(Probe(path) for path in (*nodes, *links)))


def recurrent(name, method):
    """Input to A to B and back, through every port, with delays of both kinds, a bias, a mask and both synapses."""
    model, (dt, current, weight) = MODELS[name], DRIVES[name]
    rng = np.random.default_rng(11)
    first, last, out = model.ports[0], model.ports[-1], output_of(model)
    a, b = (Population(n, s, model, parameters_of(model, s, dt, rng), method) for n, s in (("A", (2, 2)), ("B", (3,))))
    second = Synapse(registry.synapses["second_order"], {"tau_r": 9.0, "tau_d": 2.0}, "exact")
    quick = Synapse(registry.synapses["first_order"], {"tau": 3.0}, "exact")
    links = [
        Link("in_a", "spikes.O", f"A.{first}", (dense(rng, 5, 4, weight),), delay=2 * dt),
        Link("in_b", "spikes.O", f"B.{last}", (dense(rng, 5, 3, SHARE.get(last, 1) * weight / 2),), synapse=second),
        Link("a_b", f"A.{out}", f"B.{first}", (dense(rng, 4, 3, weight, mask=rng.random((3, 4)) < 0.7),),
             delay=dt * rng.integers(0, 3, (3, 4))),
        Link("b_a", f"B.{out}", f"A.{first}", (dense(rng, 3, 4, -weight / 4, bias=weight * rng.random(4) / 50),),
             delay=dt * rng.integers(1, 4, (4, 3))),
        Link("a_a", f"A.{out}", f"A.{last}", (OneToOne(4, -weight / 5 * rng.random(4)),), synapse=quick),
        Link("v_b", f"A.{model.states[0]}", f"B.{last}", (dense(rng, 4, 3, 1e-4),), delay=3 * dt),
    ]  # fmt: skip
    if current is not None:
        links += [
            Link(f"clamp_{n}_{p}", f"current_{n}.O", f"{n}.{p}", (Scale(SHARE.get(p, 1) * current),)) for n in "AB" for p in model.currents
        ]
    links += [
        Link(f"more_{p}", "spikes.O", f"B.{p}", (dense(rng, 5, 3, SHARE.get(p, 1) * weight / 10),)) for p in model.receives if p != first
    ]
    inputs = [Input("spikes", (5,)), *([Input("current_A", (2, 2)), Input("current_B", (3,))] if current is not None else [])]
    return watch_everything(verify(Graph((*inputs, a, b), tuple(links), (), Clock(dt), seed=5)))


def streams(graph):
    generator = torch.Generator().manual_seed(3)
    found = {}
    for node in graph.inputs:
        if node.name.startswith("current"):
            found[node.name] = Constant(0.5 + torch.rand((BATCH, *node.shape), generator=generator, dtype=torch.float64), STEPS)
        else:
            found[node.name] = Recorded((torch.rand((STEPS, BATCH, *node.shape), generator=generator) < 0.2).double())
    return found


def compiled(backend, graph):
    made = backend(dt=graph.clock.dt, dtype="float64")
    program = made.compile(graph)
    return program, made.store(graph, program.initial_parameters()).tensors()


def run(backend, graph, inputs, pieces=(STEPS,)):
    """Recordings of a run in pieces, as NumPy arrays, and the final state."""
    program, values = compiled(backend, graph)
    state = replace(program.initial_state(values, BATCH), run=2)
    parts = []
    with torch.no_grad():
        for steps in pieces:
            state, recorded = program.run(values, state, inputs, steps)
            parts.append({k: np.asarray(v, dtype=np.float64) for k, v in recorded.items()})
    assert state.step == sum(pieces)
    return {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}, {k: np.asarray(v) for k, v in state.arrays.items()}


def assert_same(found, expected):
    """Equal spikes; everything else within 1e-12 of its scale."""
    assert set(found) == set(expected)
    for path, values in expected.items():
        assert found[path].shape == values.shape, path
        assert np.isfinite(values).all(), path
        if path.endswith(".O"):
            assert np.array_equal(found[path], values), path
        scale = np.max(np.abs(values), initial=1e-300)
        np.testing.assert_allclose(found[path] / scale, values / scale, rtol=0, atol=1e-12, err_msg=path)


def assert_agree(graph, inputs):
    expected, state = run(Reference_Backend, graph, inputs)
    found, final = run(Torch_Backend, graph, inputs)
    assert_same(found, expected)
    assert_same(final, state)
    return expected


@pytest.fixture
def economy(request, monkeypatch, tmp_path):
    """Only some models are compiled, with the integrator that is their own."""
    name = request.getfixturevalue("name")
    method = request.getfixturevalue("method") if "method" in request.fixturenames else MODELS[name].method
    if name not in COMPILED_ISLANDS or method != MODELS[name].method:
        in_python(monkeypatch, tmp_path)


@pytest.mark.parametrize("name, method", CASES)
def test_backends_agree(name, method, economy):
    graph = recurrent(name, method)
    assert any(stage.is_island for stage in schedule(graph).stages)
    recorded = assert_agree(graph, streams(graph))
    assert {p.reads for p in graph.probes} == set(recorded)
    rate = [recorded[f"{p}.O"].mean() for p in "AB" if MODELS[name].condition]
    assert all(0.005 < r < 0.9 for r in rate), f"the drive of {name} says little: rates {rate}"


@pytest.mark.parametrize("backend", [Reference_Backend, Torch_Backend])
@pytest.mark.parametrize("name", MODELS)
def test_a_run_in_pieces_is_one_run(backend, name, economy):
    graph = recurrent(name, MODELS[name].method)
    whole, last = run(backend, graph, streams(graph))
    parted, end = run(backend, graph, streams(graph), (1, 7, 2, 31, 1, STEPS - 42))
    assert_same(parted, whole)
    assert_same(end, last)


@pytest.mark.parametrize("backend", [Reference_Backend, Torch_Backend])
@pytest.mark.parametrize("every", [2, 7])
def test_probes_of_every_k_steps_do_not_depend_on_the_pieces(backend, every):
    graph = recurrent("lif", "exact")
    sparse = replace(graph, probes=tuple(replace(p, every=every) for p in graph.probes))
    whole, _ = run(backend, graph, streams(graph))
    for pieces in ((STEPS,), (10, 20, 30), (9, 51), (5, 13, 42)):
        found, _ = run(backend, sparse, streams(graph), pieces)
        assert_same(found, {k: v[every - 1 :: every] for k, v in whole.items()})


@pytest.mark.parametrize("backend", [Reference_Backend, Torch_Backend])
def test_noise_is_new_in_every_run_and_the_same_in_the_same_run(backend):
    graph = recurrent("noisy", "euler")
    program, values = compiled(backend, graph)
    first = program.initial_state(values, BATCH)
    runs = [np.asarray(program.run(values, replace(first, run=n), streams(graph), 20)[1]["A.V"]) for n in (1, 1, 2)]
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


# --- transforms


def images(method="exact"):
    """Convolution, both poolings, and convolution with groups, stride and padding, in a loop with a link of the same kind."""
    rng, model, dt = np.random.default_rng(2), registry.neurons["lif"], 0.5
    default = {k: p.default for k, p in model.parameters.items()}
    shapes = {"A": (4, 6, 6), "B": (4, 3, 3), "C": (4, 3, 3), "D": (6, 2, 3)}
    groups = [Population(n, s, model, default, method) for n, s in shapes.items()]
    uniform = lambda *shape: rng.uniform(-0.2, 0.6, shape)  # noqa: E731
    links = (
        Link("conv", "image.O", "A.input", (Conv2d(2, 4, (3, 3), uniform(4, 2, 3, 3), uniform(4) / 10, padding=(1, 1)),)),
        Link("mean", "A.O", "B.input", (Pool2d((2, 2), (2, 2)),), delay=dt),
        Link("maximum", "A.O", "C.input", (Pool2d((3, 3), (2, 2), (1, 1), is_max=True), OneToOne(36, uniform(36))), delay=2 * dt),
        Link("both", "image.O", "C.input", (Conv2d(2, 4, (3, 3), uniform(4, 2, 3, 3), padding=(1, 1)), Pool2d((2, 2), (2, 2)))),
        Link("grouped", "C.O", "D.input", (Conv2d(4, 6, (2, 2), uniform(6, 2, 2, 2), None, (2, 1), (1, 1), (1, 2), 2),)),
        Link("back", "B.O", "B.input", (Conv2d(4, 4, (3, 3), uniform(4, 4, 3, 3) / 4, padding=(1, 1)),)),
    )
    return watch_everything(verify(Graph((Input("image", (2, 6, 6)), *groups), links, (), Clock(dt), 0)))


def test_images():
    graph = images()
    recorded = assert_agree(graph, streams(graph))
    assert all(0 < recorded[f"{p}.O"].mean() < 1 for p in "ABCD")


#: Parameters that make a lif with a threshold of 1 fire.
LIVELY = {
    "conductance": {"E_rev": 5.0},
    "nmda": {"E_rev": 20.0, "tau_decay": 20.0},
    "tsodyks_markram": {"U": 0.9, "tau_rec": 0.5},
}


@pytest.mark.parametrize("synapse", registry.synapses)
@pytest.mark.parametrize("delay", [None, 1.0])
def test_synapses(synapse, delay, monkeypatch, tmp_path):
    """On a layer, and on a loop; one of each kind is compiled."""
    if synapse not in ("first_order", "conductance"):
        in_python(monkeypatch, tmp_path)
    model, rng = registry.neurons["lif"], np.random.default_rng(4)
    values = {k: p.default for k, p in registry.synapses[synapse].parameters.items()} | LIVELY.get(synapse, {})
    shaped = Synapse(registry.synapses[synapse], values, "exact")
    default = {k: p.default for k, p in model.parameters.items()}
    links = [
        Link("in_a", "spikes.O", "A.input", (dense(rng, 5, 4, 0.3),), shaped, delay),
        Link("a_b", "A.O", "B.input", (dense(rng, 4, 4, 0.2),), shaped, delay),
        Link("b_b", "B.O", "B.input", (OneToOne(4, 0.1 * rng.random(4)),), shaped, delay),
    ]
    groups = [Population(n, (4,), model, default, "exact") for n in "AB"]
    graph = watch_everything(verify(Graph((Input("spikes", (5,)), *groups), tuple(links), (), Clock(0.5), 0)))
    recorded = assert_agree(graph, streams(graph))
    assert recorded["B.O"].any() and recorded["b_b.current"].any()


# --- layers over all time, islands step by step


def forward(name, is_island):
    """Two trained groups in a row, with everything that carries gradient; a weight of 0 back makes them an island."""
    model, (dt, current, weight) = MODELS[name], DRIVES[name]
    rng = np.random.default_rng(8)
    first, last, out = model.ports[0], model.ports[-1], output_of(model)
    own = {k: parameters_of(model, (4,), dt, rng) for k in "AB"}
    trained = frozenset(k for k in own["A"] if model.parameters[k].unit == "ms" and k != "t_ref") | {
        k for k, p in model.parameters.items() if p.trainable
    }
    groups = [
        Population(k, (4,), model, own[k], model.method, surrogate=registry.surrogates["atan"].using(alpha=2 / weight), trainable=trained)
        for k in "AB"
    ]
    synapse = Synapse(registry.synapses["first_order"], {"tau": 3.0}, "exact")
    learned = frozenset({"weight", "bias"})
    links = [
        Link("in_a", "spikes.O", f"A.{first}", (dense(rng, 5, 4, weight, bias=weight / 50 * rng.random(4)),), delay=dt, trainable=learned),
        Link("in_b", "spikes.O", f"B.{last}", (dense(rng, 5, 4, SHARE.get(last, 1) * weight / 4),), synapse, trainable=learned | {"tau"}),
        Link("a_b", f"A.{out}", f"B.{first}", (dense(rng, 4, 4, weight),), delay=dt * rng.integers(0, 3, (4, 4)), trainable=learned),
        Link("v_b", f"A.{model.states[0]}", f"B.{last}", (OneToOne(4, 1e-3 * rng.random(4)),), delay=0.0, trainable=learned),
    ]
    if current is not None:
        links += [
            Link(f"clamp_{n}_{p}", f"current_{n}.O", f"{n}.{p}", (Scale(SHARE.get(p, 1) * current),)) for n in "AB" for p in model.currents
        ]
    links += [
        Link(f"more_{n}_{p}", "spikes.O", f"{n}.{p}", (dense(rng, 5, 4, SHARE.get(p, 1) * weight / 10),))
        for p in model.receives
        if p != first
        for n in "AB"
    ]
    if is_island:
        links.append(Link("z_back", f"B.{out}", f"A.{first}", (Dense(4, 4, np.zeros((4, 4))),), delay=dt))
    inputs = [Input("spikes", (5,)), *([Input("current_A", (4,)), Input("current_B", (4,))] if current is not None else [])]
    graph = verify(Graph((*inputs, *groups), tuple(links), (), Clock(dt), 5))
    assert [s.is_island for s in schedule(graph).stages] == ([True] if is_island else [False, False])
    return watch_everything(graph)


def trained(graph):
    """Recordings, and the gradient of every trained value."""
    backend = Torch_Backend(dt=graph.clock.dt, dtype="float64")
    program = backend.compile(graph)
    store = backend.store(graph, program.initial_parameters())
    values = store.tensors()
    _, recorded = program.run(values, program.initial_state(values, BATCH), streams(graph), STEPS)
    model = graph.by_name["B"].model
    read = {f"{group}.{variable}" for group in "AB" for variable in (output_of(model), *model.states)}
    loss = sum((recorded[path] * torch.linspace(0.5, 1.5, 4, dtype=torch.float64)).mean() for path in sorted(read))
    names, tensors = zip(*((k, p) for k, p in store.named_parameters() if p.requires_grad), strict=True)
    gradients = torch.autograd.grad(loss, tensors)
    return {k: v.detach().numpy() for k, v in recorded.items()}, {k: g.numpy() for k, g in zip(names, gradients, strict=True)}


@pytest.mark.parametrize("name", [n for n in MODELS if n not in ROUNDED])
def test_layers_and_islands_give_equal_spikes_and_gradients(name, economy):
    layers, slopes = trained(forward(name, is_island=False))
    island, stepwise = trained(forward(name, is_island=True))
    assert not MODELS[name].condition or (layers["A.O"].any() and layers["B.O"].any())
    assert_same({k: island[k] for k in layers}, layers)
    assert {k for k, g in slopes.items() if not np.any(g)} == set(), "a gradient of 0 compares nothing"
    assert_same({k: stepwise[k] for k in slopes}, slopes)
