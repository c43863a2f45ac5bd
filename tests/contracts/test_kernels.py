"""What generated kernels compute, and the gradients they carry back, are those of plain torch.

Where compiling adds nothing to what a case is about, Python runs the generated text as it is (:func:`in_python`).
"""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from spaic import NeuronModel, Torch_Backend, registry
from spaic.clock import Clock
from spaic.Dynamics.parameter import Parameter
from spaic.Graph.graph import Graph, Probe
from spaic.Graph.links import Link, Synapse
from spaic.Graph.nodes import Input, Population
from spaic.Graph.stream import Later
from spaic.Graph.transforms import Dense, OneToOne, Scale
from spaic.Graph.verify import recordable, verify
from spaic.Library.streams import Constant, Recorded
from tests.contracts.test_backends import CASES, COMPILED, DRIVES, MODELS, ROUNDED, SHARE, parameters_of
from tests.contracts.uncompiled import in_python
from tests.Dynamics.test_adjoint import random_model

LEARNED = frozenset({"weight", "bias"})
#: Hidden states, and names that generated code uses itself.
OWN = NeuronModel(
    """
    dnumber/dt = (-number + i + I) / lo
    np := 0.8 * np + 0.2 * max(number, 0.1)
    i := i * exp(-dt / hi) + 0.1 * where(number > 0.5, np, 0.2)
    steps = i + np
    """,
    {"lo": Parameter(5.0, "ms", range="(0, inf)"), "hi": 9.0, "m": 1.0, "block": Parameter(1.0, "ms", range="[0, inf)")},
    receive={"first": "number += w", "arrays": "i += w * np"}, spike="number + 0.2 * np > m", reset="number -= m; np *= 0.5",
    refractory="block: number", name="own", method="rk2", initial={"np": "m / 4"},
)  # fmt: skip
SINGLES, DRIVE = {**MODELS, "own": OWN}, {**DRIVES, "own": (0.5, 1.0, 0.5), "late": (0.1, 1.0, 0.5)}
STEPS = {"hodgkin_huxley": 60, "adex": 40}


# --- how it is driven and compared


def watch(graph, *paths):
    """All variables of all populations, or those at `paths`, are recorded."""
    found = paths or [f"{p.name}.{v}" for p in graph.populations for v in recordable(graph, p.name)]
    return replace(graph, probes=tuple(Probe(path) for path in found))


def data(graph, steps, batch, seed=3):
    """Input -> values ``[steps, batch, *shape]``: spikes, or numbers where its name begins with "level"."""
    generator = torch.Generator().manual_seed(seed)
    drawn = {n.name: torch.rand((steps, batch, *n.shape), generator=generator, dtype=torch.float64) for n in graph.inputs}
    return {name: 0.5 + x if name.startswith("level") else (x < 0.25).double() for name, x in drawn.items()}


def run(graph, values, pieces, kernels="auto", dtype="float64", reads=None, has_gradient=True, constant=(), first=0, **options):
    """Path -> array: what was recorded, ``end`` states, and the gradients ``d`` of a loss on what `reads` chooses."""
    backend = Torch_Backend(dt=graph.clock.dt, dtype=dtype, kernels=kernels, **options)
    program = backend.compile(graph)
    store = backend.store(graph, program.initial_parameters())
    leaves = {name: p for name, p in store.named_parameters() if p.requires_grad}
    given = {k: v.to(backend.torch_dtype, copy=True) for k, v in values.items()}
    leaves |= {k: v.requires_grad_() for k, v in given.items() if k.startswith("level") and has_gradient}
    streams = {k: Later(Constant(v[0], sum(pieces)) if k in constant else Recorded(v), first) for k, v in given.items()}
    batch = next(iter(values.values())).shape[1] if values else 3
    state = replace(program.initial_state(store.tensors(), batch), run=2, step=first)
    shifts = {f"start {k}": torch.zeros_like(v, requires_grad=True) for k, v in state.arrays.items() if not k.endswith("refractory")}
    leaves |= shifts
    state = replace(state, arrays={k: v + shifts[f"start {k}"] if f"start {k}" in shifts else v for k, v in state.arrays.items()})
    parts = []
    with torch.set_grad_enabled(has_gradient), np.errstate(all="ignore"):
        for steps in pieces:
            state, recorded = program.run(store.tensors(), state, streams, steps)
            parts.append(recorded)
    found = {k: torch.cat([p[k] for p in parts]) for k in parts[0]} | {f"end {k}": v for k, v in state.arrays.items()}
    result = {k: v.detach().numpy() for k, v in found.items()}
    if has_gradient:
        loss = sum((v * _weights(v)).sum() for k, v in found.items() if v.is_floating_point() and (reads is None or reads(k)))
        with np.errstate(all="ignore"):
            gradients = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True, materialize_grads=True)
        result |= {f"d {k}": g.numpy() for k, g in zip(leaves, gradients, strict=True)}
    return result


def _weights(x):
    """No two alike, of either sign."""
    return torch.cos(torch.arange(x.numel(), dtype=torch.float64)).reshape(x.shape).to(x.dtype) / len(x)


def agree(found, expected, tolerance=1e-12, exact=None):
    """Equal spikes; everything else within `tolerance` of its scale, or of how far `expected` itself is from what is `exact`."""
    assert set(found) == set(expected)
    for path, values in expected.items():
        assert found[path].shape == values.shape, path
        assert found[path].dtype == values.dtype, path
        assert np.isfinite(values).all(), path
        if path.endswith(".O"):
            assert np.array_equal(found[path], values), path
        scale = float(np.max(np.abs(values), initial=0.0))
        error = float(np.max(np.abs(found[path] - values), initial=0.0))
        rounding = 0.0 if exact is None else float(np.max(np.abs(values - exact[path]), initial=0.0))
        assert error <= tolerance * scale + 2 * rounding, f"{path}: {error:.2g} of {scale:.2g}"  # 2: both may be as far off


def compare(graph, values, pieces, dtype="float64", products="auto", checkpoint_time=None, **options):
    """Kernels against plain torch; what plain torch found."""
    expected = run(graph, values, pieces, "plain", dtype, **options)
    exact = None if dtype == "float64" else run(graph, values, pieces, "plain", "float64", **options)
    found = run(graph, values, pieces, "auto", dtype, products=products, checkpoint_time=checkpoint_time, **options)
    agree(found, expected, 1e-5 if exact else 1e-12, exact)
    if exact:
        spikes = [k for k in exact if k.endswith(".O")]
        is_clear = all(np.array_equal(expected[k], exact[k]) for k in spikes)
        assert is_clear, "a spike is within rounding of the threshold: choose another drive"
    return expected


def fires(found, *names):
    """Neither silent nor saturated."""
    for name in names:
        assert 0.005 < found[f"{name}.O"].mean() < 0.9, f"{name} says little: rate {found[f'{name}.O'].mean()}"


def single(name, size=7, method=None, is_shared=False, learns=True, surrogate="atan", reset_gradient=True, strength=1.0, model=None):
    """Spikes and currents to one group, through every port, with everything trained."""
    model, (dt, current, weight) = model or SINGLES[name], DRIVE.get(name, (0.5, 1.0, 0.5))
    rng = np.random.default_rng(11)
    values = parameters_of(model, (size,), dt, rng)
    if is_shared:
        values = {k: p.default for k, p in model.parameters.items() if not isinstance(p.default, str)}
    refractory = model.refractory_period[0] if model.refractory_period else None
    trained = frozenset(model.parameters) - {refractory} if learns else frozenset()
    chosen = None if surrogate is None else registry.surrogates[surrogate]
    group = Population("A", (size,), model, values, method or model.method, {}, chosen, reset_gradient, trained)
    weights = lambda p: SHARE.get(p, 1) * strength * weight * rng.uniform(0.2, 1.0, (size, 5))  # noqa: E731
    links = [Link(f"to_{p}", "spikes.O", f"A.{p}", (Dense(5, size, weights(p), rng.random(size) * weight / 50),), trainable=LEARNED)
             for p in model.receives]  # fmt: skip
    inputs = [Input("spikes", (5,))] if links else []
    for p in model.currents if current is not None else ():
        links.append(
            Link(
                f"to_{p}",
                f"level_{p}.O",
                f"A.{p}",
                (OneToOne(size, np.full(size, SHARE.get(p, 1) * strength * current)),),
                trainable=LEARNED,
            )
        )
        links[-1] = replace(links[-1], trainable=frozenset({"weight"}))
        inputs.append(Input(f"level_{p}", (size,)))
    return watch(verify(Graph((*inputs, group), tuple(links), (), Clock(dt), 5)))


# --- every model


#: The others have up to 22 recorded variables, which take half a minute to compile.
WATCHED = {"hodgkin_huxley": ("A.O", "A.V", "A.I_K"), "adex": ("A.O", "A.V", "A.upstroke"), "izhikevich": ("A.O", "A.V_before_reset")}
#: What a first step forgets, so that nothing depends on where it starts.
FORGOTTEN = {"d start A.V_previous", "d A.tau_m", "d start A.E", "d start A.G"}
#: Likewise, for one model.
OWN_FORGOTTEN = {"sliding_psn": {"d start A.V"}}


@pytest.mark.parametrize("name", [*registry.neurons, "bursting"])
def test_every_model(name, monkeypatch, tmp_path):
    """In two runs, the second going on with gradient."""
    if name not in COMPILED | {"lif_escape", "darwin_clif"}:  # noise in maps, rounding
        in_python(monkeypatch, tmp_path)
    graph, steps = watch(single(name), *WATCHED.get(name, ())), STEPS.get(name, 24)
    expected = compare(graph, data(graph, steps, 3), (steps // 2, steps - steps // 2))
    if SINGLES[name].condition:
        fires(expected, "A")
    flat = {k for k, v in expected.items() if k.startswith("d ") and not v.any()}
    assert name in ROUNDED or flat <= FORGOTTEN | OWN_FORGOTTEN.get(name, set())


@pytest.mark.parametrize("name", ["lif", "own"])
def test_compiled_in_single_precision(name):
    graph = single(name)
    fires(compare(graph, data(graph, 20, 3), (20,), dtype="float32"), "A")


@pytest.mark.parametrize("name, method", [*CASES, ("own", "rk2"), ("own", "exponential_midpoint")])
def test_integrators(name, method, monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)
    graph, steps = single(name, 2, method), STEPS.get(name, 16)
    found = compare(graph, data(graph, steps, 2), (steps,))
    assert not SINGLES[name].condition or found["A.O"].any()


@pytest.mark.parametrize("name", SINGLES)
def test_single_precision(name, monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)
    graph, steps = single(name, 2), STEPS.get(name, 16)
    found = compare(graph, data(graph, steps, 2), (steps,), dtype="float32")
    assert not SINGLES[name].condition or found["A.O"].any()


@pytest.mark.parametrize("size, batch, steps", [(1, 1, 1), (7, 1, 5), (63, 3, 1), (65, 2, 9), (351, 3, 4)])
def test_ragged_sizes(size, batch, steps):
    """The last one is more than one block of a kernel."""
    graph = single("lif", size)
    compare(graph, data(graph, steps, batch), (steps,))


@pytest.mark.parametrize("strength, rate", [(1e-3, 0.0), (50.0, 1.0)], ids=["silent", "saturated"])
def test_activity(strength, rate):
    graph = watch(single("lif", 7, strength=strength))
    values = {k: v * 0 + 1 for k, v in data(graph, 10, 3).items()}
    parameters = [replace(n, parameters={**n.parameters, "t_ref": 0.0 * n.parameters["tau_m"]}) for n in graph.populations]
    graph = replace(graph, nodes=(*graph.inputs, *parameters))
    assert compare(graph, values, (10,))["A.O"].mean() == rate


# --- what a run asks for


@pytest.mark.parametrize("reads", ["A.V", "A.V_before_reset", "A.O", "end A.V"])
def test_a_loss_on_one_variable(reads):
    graph = single("lif")
    compare(graph, data(graph, 12, 3), (5, 7), reads=lambda path: path == reads)


def test_no_gradient_in_pieces():
    graph = single("lif")
    values = data(graph, 20, 3)
    whole = run(graph, values, (20,), has_gradient=False)
    agree(whole, run(graph, values, (20,), "plain", has_gradient=False))
    agree(run(graph, values, (1, 7, 2, 10), has_gradient=False), whole)
    trained = run(graph, values, (20,))
    agree(whole, {k: trained[k] for k in whole})


@pytest.mark.parametrize("every", [2, 7])
def test_probes_of_every_k_steps(every):
    graph = single("lif")
    values = data(graph, 20, 3)
    rare = replace(graph, probes=tuple(replace(p, every=every) for p in graph.probes))
    found = compare(rare, values, (9, 11))
    whole = run(graph, values, (20,))
    agree({k: v for k, v in found.items() if k[:2] == "A."}, {k: v[every - 1 :: every] for k, v in whole.items() if k[:2] == "A."})


def meeting():
    """Constant and changing currents at one port, one of them through a synapse, and two links at another."""
    graph = single("lif")
    slow = Synapse(registry.synapses["second_order"], {"tau_r": 9.0, "tau_d": 2.0}, "exact")
    more = (
        Link("more", "spikes.O", "A.input", (Dense(5, 7, np.linspace(-0.1, 0.3, 35).reshape(7, 5)),), delay=1.0, trainable=LEARNED),
        Link("steady", "level_b.O", "A.I", (Scale(0.7),)),
        Link("slow", "level_b.O", "A.I", (OneToOne(7, np.linspace(0.1, 0.5, 7)),), slow, trainable=frozenset({"weight", "tau_r"})),
    )
    return verify(replace(graph, nodes=(*graph.nodes, Input("level_b", (7,))), links=(*graph.links, *more)))


@pytest.mark.parametrize("constant", [("level_b", "level_I"), ("level_b",), ("level_I",)], ids=str)
def test_constant_input(constant, monkeypatch, tmp_path):
    if len(constant) == 1:
        in_python(monkeypatch, tmp_path)
    graph = watch(meeting(), "A.O", "A.V", "slow.current", "slow.I_syn", "steady.current")
    fires(compare(graph, data(graph, 20, 3), (12, 8), constant=constant), "A")
    compare(graph, data(graph, 1, 3), (1,), constant=constant)


@pytest.mark.parametrize("surrogate", registry.surrogates)
def test_surrogates(surrogate, monkeypatch, tmp_path):
    if surrogate not in ("multi_gaussian", "stbp_sigmoid"):
        in_python(monkeypatch, tmp_path)
    graph = watch(single("lif", surrogate=surrogate), "A.O")
    expected = compare(graph, data(graph, 16, 3), (16,))
    assert expected["d to_input.weight"].any()


@pytest.mark.parametrize("name", ["lif", "alif", "adex", "own", "bursting"])
@pytest.mark.parametrize("options", [{"reset_gradient": False}, {"surrogate": None}, {"learns": False}, {"is_shared": True}], ids=str)
def test_variants(name, options, monkeypatch, tmp_path):
    """Gradient not through the reset, not through spikes at all, not to neurons, and to one number for all neurons."""
    in_python(monkeypatch, tmp_path)
    graph = single(name, 3, **options)
    compare(graph, data(graph, STEPS.get(name, 20), 2), (STEPS.get(name, 20),), reads=lambda path: not path.endswith(".O"))


@pytest.mark.parametrize("name", registry.synapses)
def test_synapses(name, monkeypatch, tmp_path):
    """Their states are carried, and their parameters trained."""
    in_python(monkeypatch, tmp_path)
    graph, model = single("cuba"), registry.synapses[name]
    away = {"E_rev": 3.0} if "E_rev" in model.parameters else {}  # from where the neuron rests
    synapse = Synapse(model, {k: p.default for k, p in model.parameters.items()} | away, model.method)
    links = [replace(k, synapse=synapse, trainable=k.trainable | set(model.parameters)) for k in graph.links]
    watched = [f"{k.name}.{v}" for k in links for v in ("current", *model.states)]
    graph = watch(verify(replace(graph, links=tuple(links))), "A.O", "A.I_syn", *watched)
    expected = compare(graph, data(graph, 24, 3), (10, 14))
    assert not [f"{k.name}.{p}" for k in links for p in model.parameters if not expected[f"d {k.name}.{p}"].any()]


@pytest.mark.parametrize("seed", range(40))
def test_random_models(seed, monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)
    graph = single("", 3, model=random_model(seed), is_shared=seed % 3 == 0, learns=seed % 2 == 0)
    compare(graph, data(graph, 10, 2), (4, 6))


# --- delicate places


def declared(more, **options):
    """A leaky neuron with something `more` in its equation."""
    text = f"dV/dt = -V / tau + {more}"
    parameters = {"tau": Parameter(5.0, "ms", range="(0, inf)"), "p": 1.5, "q": 2.5}
    used = {k: v for k, v in parameters.items() if re.search(rf"\b{k}\b", text + str(options))}
    usual = {"receive": "V += w", "spike": "V > 0.7", "reset": "V = 0", "name": "declared", "method": "euler"}
    return NeuronModel(text, used, **{**usual, **options})


@pytest.mark.parametrize("options", [{}, {"learns": False}, {"is_shared": True}, {"learns": False, "is_shared": True}], ids=str)
@pytest.mark.parametrize("model", [
    pytest.param(declared("abs(V)**1.5 / tau"), id="power of 0"),
    pytest.param(declared("V**10 / tau"), id="high power of 0"),
    pytest.param(declared("max(V, 0)**p / tau"), id="any power of 0"),
    pytest.param(declared("((V + 2)**p)**q / 40 - (V + 2)**p**q / 50"), id="power of a power"),
    pytest.param(declared("n / 50\nn := min(n + V, p)", initial={"n": "p"}), id="tie with a parameter"),
    pytest.param(declared("n / 50\nn := max(V, where(V > 0.5, 1, 0))"), id="tie with a number of each neuron"),
    pytest.param(declared("n / 50\nn := max(V, 0) + min(t, V)"), id="ties with numbers for all"),
    pytest.param(declared("exp(p - q) / 5 + n / 50\nn := q", reset="V = 0; n = p"), id="difference in the prelude"),
    pytest.param(declared("tanh((1 + p)**V) / 5", method="exponential_euler"), id="logarithm in the prelude"),
    pytest.param(declared("1 / tau", spike="t > 5"), id="a spike of the time alone"),
    pytest.param(declared("1 / tau", reset=""), id="no reset"),
    pytest.param(declared("one / 30\none = 1\nbig = where(tau > 5, 1, 0)\nm := where(V > 0.3 and big > 0, 1, 0)"), id="constants"),
    pytest.param(declared("a / 50\na := b\nb := V", reset="V = 0; a = b"), id="states that only move"),
])  # fmt: skip
def test_delicate_places(model, options, monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)
    graph = single(model.name, 3, model=model, **options)
    compare(graph, data(graph, 12, 2), (12,))


def test_late_times_in_single_precision():
    """After 20 s, float32 knows the time to 1 us; plain torch computes with all of it."""
    graph = single("late", 3, model=declared("sin(t)"))
    compare(graph, data(graph, 12, 2), (12,), dtype="float32", first=200_000)


@pytest.mark.parametrize("kernels", ["plain", "auto"])
def test_no_gradient_is_promised_where_there_is_none(kernels, monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)
    graph = watch(single("lif", surrogate=None, learns=False), "A.O")
    with pytest.raises(RuntimeError, match="does not require grad"):
        run(graph, data(graph, 12, 2), (12,), kernels, reads=lambda path: path == "A.O")
