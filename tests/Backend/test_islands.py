"""Groups that feed each other: loops in generated code do, and give back, what plain torch does.

Delays, sizes, batches and lengths are arguments of a compiled loop, so that many cases here share one. Others are run by Python.
"""

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
from spaic.Graph.schedule import schedule
from spaic.Graph.transforms import Conv2d, Dense, Dropout, OneToOne, Pool2d, Scale
from spaic.Graph.verify import recordable, verify
from spaic.Library.streams import Recorded
from tests.contracts.test_kernels import agree, compare, data, fires, in_python, run, watch

DT = 0.5
QUICK = Synapse(registry.synapses["first_order"], {"tau": 3.0}, "exact")
SLOW = Synapse(registry.synapses["second_order"], {"tau_r": 9.0, "tau_d": 2.0}, "exact")
#: Two ports, noise, a map, and a variable besides O that is 0 or 1.
RICH = NeuronModel(
    """
    dV/dt = (-V + U + I) / tau + 0.1 * xi
    dU/dt = -U / 7 + 0.1 * where(V > 0.5, 1, 0)
    z := 0.7 * z + 0.3 * V
    flag = where(z > 0.2, 1, 0)
    """,
    {"tau": Parameter(5.0, "ms", range="(0, inf)"), "th": 1.0, "t_ref": Parameter(0.0, "ms", range="[0, inf)")},
    receive={"fast": "V += w", "slow": "U += w"}, spike="V > th + z / 5", reset="V -= th; z *= 0.5", refractory="t_ref: V",
    name="rich", method="rk2",
)  # fmt: skip


def group(name, shape, model="lif", trained=(), initial=None, surrogate="atan", reset_gradient=True, **values):
    model = registry.neurons[model] if isinstance(model, str) else model
    shape = shape if isinstance(shape, tuple) else (shape,)
    default = {k: p.default for k, p in model.parameters.items() if not isinstance(p.default, str)}
    chosen = None if surrogate is None else registry.surrogates[surrogate]
    return Population(name, shape, model, default | values, model.method, initial or {}, chosen, reset_gradient, frozenset(trained))


def link(name, source, target, transform, **options):
    """A link whose every parameter is trained."""
    transforms = transform if isinstance(transform, tuple) else (transform,)
    learned = frozenset(p for t in transforms for p in t.parameters())
    return Link(name, source, target, transforms, trainable=learned, **options)


def dense(pre, post, weight, seed=0, **options):
    return Dense(pre, post, weight * np.random.default_rng(seed).uniform(-0.3, 1.0, (post, pre)), **options)


def network(inputs, groups, links, seed=1):
    return watch(verify(Graph((*inputs, *groups), tuple(links), (), Clock(DT), seed)))


def execution(graph, **options):
    program = Torch_Backend(dt=DT, **options).compile(graph)
    return " ".join(program.execution())


# --- one group that feeds itself


def alone(size=4, delay=DT, **options):
    links = [
        link("forth", "spikes.O", "A.input", dense(5, size, 0.8)),
        link("back", "A.O", "A.input", dense(size, size, 0.6, 1), delay=delay),
    ]
    return network([Input("spikes", (5,))], [group("A", size, trained=("tau_m", "V_th"), **options)], links)


@pytest.mark.parametrize("size, batch, pieces, delay", [
    (4, 3, (24,), 1), (1, 1, (1,), 1), (4, 8, (10, 5), 2), (65, 9, (6,), 3), (7, 17, (2, 1, 7), 5), (4, 3, (4, 3), 30), (63, 1, (1, 6), 7),
])  # fmt: skip
def test_a_group_that_feeds_itself(size, batch, pieces, delay):
    """Batches beside whole groups of eight samples, delays beyond a run, gradients that go on from run to run."""
    graph = alone(size, delay * DT)
    assert "A: one compiled loop" in execution(graph)
    expected = compare(graph, data(graph, sum(pieces), batch), pieces)
    reaches = sum(pieces) > delay
    assert expected["d back.weight"].any() == (reaches and bool(expected["A.O"][:-delay].any()))
    assert expected["d start A.O.history"].any()


@pytest.mark.parametrize("products", ["dense", "sparse"])
def test_both_products(products):
    graph = alone()
    fires(compare(graph, data(graph, 20, 3), (20,), products=products), "A")


def test_without_gradient_and_in_pieces():
    graph = alone()
    values = data(graph, 20, 9)
    whole = run(graph, values, (20,), has_gradient=False)
    agree(run(graph, values, (1, 4, 15), has_gradient=False), whole)
    trained = run(graph, values, (20,))
    agree(whole, {k: trained[k] for k in whole})


def test_results_do_not_depend_on_threads():
    graph = alone(33)
    values, before = data(graph, 12, 40), torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = run(graph, values, (12,), products="sparse")
        torch.set_num_threads(2)
        two = run(graph, values, (12,), products="sparse")
    finally:
        torch.set_num_threads(before)
    assert all(np.array_equal(one[k], two[k]) for k in one)


@pytest.mark.parametrize("strength, rate", [(1e-4, 0.0), (100.0, 1.0)], ids=["silent", "saturated"])
def test_activity(strength, rate):
    graph = alone()
    weights = [replace(k, transforms=(Dense(k.transforms[0].pre, 4, strength * np.abs(k.transforms[0].weight)),)) for k in graph.links]
    graph = replace(graph, links=tuple(weights))
    values = {k: v * 0 + 1 for k, v in data(graph, 10, 3).items()}
    assert compare(graph, values, (10,))["A.O"].mean() == rate


def test_in_single_precision():
    graph = alone()
    fires(compare(graph, data(graph, 20, 3), (8, 12), dtype="float32"), "A")


@pytest.mark.parametrize("kernels", ["plain", "auto"])
@pytest.mark.parametrize("what", ["back.weight", "forth.weight", "A.tau_m"])
def test_a_parameter_that_changes_before_the_way_back_is_noticed(kernels, what):
    """It gives the gradients of what was run, or an error: never those of something else."""
    graph = alone()
    backend = Torch_Backend(dt=DT, dtype="float64", kernels=kernels)
    program = backend.compile(graph)
    store = backend.store(graph, program.initial_parameters())
    streams = {k: Recorded(v) for k, v in data(graph, 12, 3).items()}
    loss = program.run(store.tensors(), program.initial_state(store.tensors(), 3), streams, 12)[1]["A.V"].sum()
    leaves = dict(store.named_parameters())
    expected = torch.autograd.grad(loss, list(leaves.values()), retain_graph=True)
    with torch.no_grad():
        leaves[what].mul_(3.0)
    try:
        found = torch.autograd.grad(loss, list(leaves.values()))
    except RuntimeError as error:
        assert "modified by an inplace operation" in str(error)
    else:
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


# --- several groups


def three():
    """All kinds of links, delays and synapses in a loop of three groups, and members without delay between them."""
    rng = np.random.default_rng(7)
    groups = [
        group("A", 4, "alif", ("tau_m", "beta"), tau_m=rng.uniform(15, 25, 4), t_ref=DT * np.array([0.0, 1.0, 2.0, 0.0])),
        group("B", 3, "cuba", ("tau_s",), {"V": rng.uniform(0, 0.5, 3)}, "gaussian", False),
        group("C", (2, 2), RICH, ("tau", "th"), surrogate="triangular", t_ref=DT),
    ]
    links = [
        link("in_a", "spikes.O", "A.input", dense(5, 4, 0.9, 1), delay=DT),
        link("in_b", "level.O", "B.I", dense(3, 3, 1.5, 2), synapse=QUICK),
        link("a_b", "A.O", "B.input", dense(4, 3, 1.5, 3, bias=rng.random(3) / 10), delay=0.0),
        link("b_c", "B.V", "C.I", dense(3, 4, 3.0, 4), delay=0.0, synapse=QUICK),
        link("c_a", "C.O", "A.input", dense(4, 4, 0.4, 5), delay=3 * DT),
        link("flag", "C.flag", "A.I", OneToOne(4, rng.random(4), rng.random(4) / 10), delay=2 * DT),
        link("a_c", "A.O", "C.slow", OneToOne(4, rng.random(4) / 5), delay=DT * np.array([0, 1, 3, 0])),
        link("c_b", "C.O", "B.I", dense(4, 3, 0.6, 6, mask=rng.random((3, 4)) < 0.6), delay=DT * rng.integers(1, 4, (3, 4)), synapse=SLOW),
        link("again", "A.O", "C.fast", dense(4, 4, 0.5, 8), delay=2 * DT),
        link("reset", "A.V_before_reset", "A.I", dense(4, 4, 0.2, 9)),
    ]  # fmt: skip
    return network([Input("spikes", (5,)), Input("level", (3,))], groups, links)


def test_three_groups(monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)  # compiled it takes half a minute
    graph = three()
    assert [s.populations for s in schedule(graph).stages if s.is_island] == [("A", "B", "C")]
    assert "A, B, C: one compiled loop" in execution(graph)
    expected = compare(graph, data(graph, 30, 3), (13, 17))
    fires(expected, "A", "B", "C")
    assert {k for k, v in expected.items() if k.startswith("d ") and not v.any()} == set()


def test_two_groups_compiled():
    """A product of spikes, of numbers, one to one, and as it is; now, later and at several delays; with noise."""
    rng = np.random.default_rng(7)
    groups = [group("A", 4, trained=("tau_m",)), group("B", 3, RICH, ("th",), tau=rng.uniform(4, 6, 3))]
    links = [
        link("in_a", "spikes.O", "A.input", dense(5, 4, 0.9, 1)),
        link("a_b", "A.V_before_reset", "B.fast", dense(4, 3, 0.3, 3, bias=rng.random(3) / 10), delay=0.0),
        link("b_a", "B.O", "A.I", dense(3, 4, 2.0, 5), delay=DT * rng.integers(1, 3, (4, 3)), synapse=QUICK),
        link("b_b", "B.flag", "B.slow", OneToOne(3, rng.random(3) / 5), delay=2 * DT),
    ]
    graph = watch(network([Input("spikes", (5,))], groups, links), "A.O", "A.V", "B.O", "B.z")
    fires(compare(graph, data(graph, 30, 9), (13, 17)), "A", "B")


@pytest.mark.parametrize("options", [{"dtype": "float32"}, {"products": "sparse"}, {"products": {"in_a": "dense", "c_a": "sparse"}},
                                     {"reads": lambda path: path == "B.V"}, {"reads": lambda path: path == "end A.A"},
                                     {"constant": ("level",)}],
                         ids=["float32", "sparse", "by path", "reads V", "reads the end", "constant"])  # fmt: skip
def test_three_groups_in_other_ways(options, monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)
    graph = three()
    compare(graph, data(graph, 20, 3), (12, 8), **options)


def pair(*more, inputs=(), **options):
    """A and B feed each other, and what else there is."""
    links = [
        link("a_b", "A.O", "B.input", dense(4, 3, 0.9, 3, bias=np.full(3, 0.1)), delay=DT),
        link("b_a", "B.O", "A.input", dense(3, 4, 0.9, 4, bias=np.full(4, 0.15))),
    ]
    return network(inputs, [group("A", 4, **options), group("B", 3, "alif", ("tau_a",), **options)], [*links, *more])


PAIRS = {
    "no input": pair(),
    "no gradient through the reset": pair(reset_gradient=False),
    "no surrogate": pair(surrogate=None),
    "refractory": pair(t_ref=2 * DT),
    "a number": pair(link("x", "level.O", "A.I", OneToOne(4, np.full(4, 1.2))), inputs=[Input("level", (4,))]),
    "all of a potential": pair(link("x", "A.V", "B.I", dense(4, 3, 0.8), delay=2 * DT)),
    "before the reset": pair(link("x", "B.V_before_reset", "A.I", dense(3, 4, 0.8))),
    "several of each kind": pair(*[link(f"x{k}", "A.O", "B.input", dense(4, 3, 0.3, k), delay=k * DT) for k in (0, 2, 4)]),
    "both to one port and itself": pair(link("x", "A.O", "A.input", OneToOne(4, np.linspace(-0.4, 0.4, 4)), delay=DT * np.arange(1, 5))),
    "fixed weights": pair(replace(link("x", "A.O", "A.I", dense(4, 4, 0.5)), trainable=frozenset())),
}


@pytest.mark.parametrize("name", PAIRS)
def test_two_groups(name, monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)
    graph = PAIRS[name]
    reads = (lambda path: not path.endswith(".O")) if name == "no surrogate" else None
    for constant in [(), ("level",)] if graph.inputs else [()]:
        fires(compare(graph, data(graph, 20, 3), (12, 8), constant=constant, reads=reads), "A", "B")


def test_currents_of_links(monkeypatch, tmp_path):
    """With and without a synapse, with delays of all kinds, and a loss on them."""
    in_python(monkeypatch, tmp_path)
    graph = three()
    watched = [f"{k.name}.{v}" for k in graph.links for v in recordable(graph, k.name)]
    graph = watch(graph, *watched, "A.O", "B.O", "C.O")
    expected = compare(graph, data(graph, 20, 3), (12, 8), reads=lambda path: path in watched)
    assert all(expected[path].any() for path in watched)


def test_every_k_steps(monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)
    graph = three()
    graph = replace(graph, probes=tuple(replace(p, every=k % 3 + 1) for k, p in enumerate(graph.probes)))
    compare(graph, data(graph, 20, 3), (7, 13))


# --- what no loop is generated for


def images(*transforms):
    conv = Conv2d(2, 2, (3, 3), np.random.default_rng(1).uniform(-0.2, 0.5, (2, 2, 3, 3)), np.full(2, 0.05), padding=(1, 1))
    links = [link("forth", "spikes.O", "A.input", conv), link("back", "A.O", "A.input", transforms or conv, delay=2 * DT),
             link("on", "A.O", "B.input", (Pool2d((2, 2), (2, 2)), OneToOne(8, np.linspace(0.5, 1, 8))))]  # fmt: skip
    groups = [group("A", (2, 4, 4), trained=("tau_m",)), group("B", (2, 2, 2))]
    return network([Input("spikes", (2, 4, 4))], groups, links)


@pytest.mark.parametrize("graph", [
    pytest.param(images(), id="conv"),
    pytest.param(images(Pool2d((3, 3), (1, 1), (1, 1)), Scale(0.8)), id="pool"),
    pytest.param(images(Dropout(0.4, "dropout"), OneToOne(32, 0.3)), id="dropout"),
])  # fmt: skip
def test_what_has_no_kernel_runs_in_plain_torch(graph, monkeypatch, tmp_path):
    """And all around it does not."""
    in_python(monkeypatch, tmp_path)
    assert "A: plain torch, step by step B: one compiled pass" in execution(graph)
    fires(compare(graph, data(graph, 16, 2), (9, 7)), "A", "B")


# --- random networks


MODELS = {"lif": 0.8, "alif": 0.8, "cuba": 0.8, "if": 0.5, RICH: 0.8}


def random_network(seed):
    """One to three groups, and whatever may be between them."""
    rng = np.random.default_rng(seed)
    pick = lambda *options: options[rng.integers(len(options))]  # noqa: E731
    names = "ABC"[: pick(1, 2, 2, 3)]
    groups = {
        k: group(k, pick(1, 3, 4), pick(*MODELS), surrogate=pick("atan", "gaussian", "atan"), reset_gradient=pick(True, False))
        for k in names
    }  # noqa: E501
    for name, made in groups.items():
        own = {k: v * rng.uniform(0.9, 1.1, made.shape) for k, v in made.parameters.items() if v and rng.random() < 0.4}
        own |= {"t_ref": pick(0.0, 1.0, DT * rng.integers(0, 3, made.shape))}
        trained = frozenset(k for k in made.parameters if k != "t_ref" and rng.random() < 0.4)
        groups[name] = replace(made, parameters={**made.parameters, **own}, trainable=trained)
    inputs = [Input("spikes", (4,)), *([Input("level", (4,))] if rng.random() < 0.5 else [])]

    def one(name, source, target, pre, weight, delay):
        post = groups[target.partition(".")[0]].size
        bias = rng.random(post) / 20 if rng.random() < 0.3 else None
        if pre == post and rng.random() < 0.4:
            transform, shape = OneToOne(pre, weight * rng.uniform(-0.2, 1, pre), bias), (pre,)
        else:
            shape = (post, pre)
            transform = Dense(
                pre, post, weight * rng.uniform(-0.3, 1, shape), bias, rng.random(shape) < 0.6 if rng.random() < 0.3 else None
            )  # noqa: E501
        delay = pick(delay, delay + 2, delay + 40, delay + rng.integers(0, 4, shape))
        return link(name, source, target, transform, delay=DT * delay, synapse=pick(None, None, QUICK, SLOW))

    links = []
    for a, target in enumerate(names):
        model = groups[target].model
        for node in inputs:
            port = pick(*model.ports)
            links.append(one(f"{node.name}_{target}", f"{node.name}.O", f"{target}.{port}", 4, 2.0 if port in model.currents else 0.8, 0))
        for b, source in enumerate(names):
            for k in range(pick(0, 1, 1, 2) if a != b else pick(0, 1, 2)):
                sent = pick("O", "O", "O", "V", "V_before_reset", *(["flag"] if "flag" in groups[source].model.variables else []))
                port = pick(*model.ports)
                weight = (0.6 if sent in ("O", "flag") else 0.1) * (2 if port in model.currents else 1)
                links.append(
                    one(f"{source}_{target}_{k}", f"{source}.{sent}", f"{target}.{port}", groups[source].size, weight, int(b >= a))
                )  # noqa: E501
    graph = network(inputs, groups.values(), links, seed)
    elements = (*names, *(k.name for k in links))
    probes = tuple(Probe(f"{n}.{v}") for n in elements for v in recordable(graph, n) if rng.random() < (0.5 if n in names else 0.1))
    return replace(graph, probes=(Probe("A.V"), *(p for p in probes if p.reads != "A.V"))), rng


@pytest.mark.parametrize("seed", range(40))
def test_random_networks(seed, monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)
    graph, rng = random_network(seed)
    pieces = tuple(int(n) for n in rng.integers(1, 10, rng.integers(1, 4)))
    how = [None, None, 1, 3, "sqrt"][rng.integers(5)]
    values = data(graph, sum(pieces), int(rng.integers(1, 4)))
    compare(
        graph,
        values,
        pieces,
        products=["auto", "dense", "sparse"][rng.integers(3)],
        checkpoint_time=how if graph.inputs[1:] == () else None,
    )  # noqa: E501
