"""Choices of execution: wrong ones are refused by name, right ones change nothing but how it is done, and can be seen."""

import copy
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import spaic
from spaic.Backend.Torch.kernels import fused, island_call
from spaic.errors import DeclarationError, SpaicError, UnknownName
from tests.contracts.test_kernels import in_python
from tests.Network.builders import SAMPLES, WEIGHTS


def made(code="poisson", learns=True, group=None, loop=None, link=None, **options):
    """Input, a group, and a group that feeds itself."""
    with spaic.Network() as net:
        input = spaic.Encoder(num=6, coding_method=code)
        hidden = spaic.NeuronGroup(5, model="lif", **(group or {}))
        last = spaic.NeuronGroup(4, model="alif", **(loop or {}))
        link1 = spaic.Connection(input, hidden, **WEIGHTS)
        link2 = spaic.Connection(hidden, last, **WEIGHTS, **(link or {}))
        back = spaic.Connection(last, last, delay=2.0, **WEIGHTS)
        output = spaic.Decoder(dec_target=last)
        learner = spaic.SurrogateBP()
    assert all(element.parent is net for element in (link1, link2, back, output, learner))
    if not learns:
        del net.learner
    net.set_backend("torch", dt=1.0, dtype="float64", **options)
    net.input(SAMPLES)
    return net


def outcome(net):
    """What comes out, and gradients."""
    net.run(15.0)
    leaves = {k: p for k, p in net.named_parameters() if p.requires_grad}
    return [net.output.predict.detach(), *torch.autograd.grad(net.output.predict.sum(), list(leaves.values()))]


# --- wrong ones


@pytest.mark.parametrize("options, message", [
    ({"kernels": "plian"}, r"Torch_Backend.kernels: .*'plian'.*did you mean 'plain'"),
    ({"kernels": None}, "Torch_Backend.kernels: .*None.*auto, plain"),
    ({"kernels": True}, "Torch_Backend.kernels: .*True"),
    ({"products": "spars"}, "Torch_Backend.products: .*'spars'.*did you mean 'sparse'"),
    ({"products": {"link1": "dens"}}, "Torch_Backend.products: .*'dens' for link1.*did you mean 'dense'"),
    ({"products": {"link1": None}}, "Torch_Backend.products: .*None for link1"),
    *[({"checkpoint_time": x}, "Torch_Backend.checkpoint_time: .*'sqrt'") for x in (0, -3, True, 2.0, "sqr", "", [4], float("inf"))],
])  # fmt: skip
def test_wrong_values_are_refused_when_it_is_made(options, message):
    with pytest.raises(DeclarationError, match=message):
        spaic.Torch_Backend(**options)


@pytest.mark.parametrize("products", [None, 3, ["dense"], {"dense"}], ids=str)
def test_products_that_are_no_text_and_no_mapping_are_refused(products):
    with pytest.raises(DeclarationError, match="Torch_Backend.products: "):
        spaic.Torch_Backend(products=products)


@pytest.mark.parametrize("path, message", [
    ("link33", "no link is called 'link33'; did you mean 'link[12]'"),
    ("nothing", "no link is called 'nothing'; choose one of: back, link1, link2"),
    ("lnik2", "no link is called 'lnik2'; did you mean 'link2'"),
    ("hidden", "no link is called 'hidden'"),
    (3, "no link is called 3"),
])  # fmt: skip
def test_unknown_links_are_refused_when_it_is_built(path, message):
    net = made(products={"link1": "dense", path: "sparse"})
    with pytest.raises(DeclarationError, match=f"Torch_Backend.products: {message}"):
        net.build()


def test_no_error_has_an_odd_gap():
    """Texts for people: no space before a semicolon."""
    for options in ({"products": "spars"}, {"products": {"link1": "spars"}}, {"kernels": "x"}, {"checkpoint_time": 0}):
        with pytest.raises(SpaicError) as caught:
            spaic.Torch_Backend(**options)
        assert " ;" not in str(caught.value) and "  " not in str(caught.value)


def test_what_was_given_is_kept_as_it_was():
    chosen = {"link1": "dense"}
    backend = spaic.Torch_Backend(products=chosen)
    chosen["link1"] = "nonsense"
    assert backend.options.product("link1") == "dense"


@pytest.mark.parametrize("length", [1, 7, "sqrt", None, 10**9, np.int64(3)], ids=str)
def test_right_lengths(length):
    assert spaic.Torch_Backend(checkpoint_time=length).options.checkpoint_time == length


# --- right ones


CHOICES = [{"kernels": "plain"}, {"products": "dense"}, {"products": "sparse"}, {"products": {"link1": "sparse", "back": "dense"}},
           {"checkpoint_time": 4}, {"kernels": "plain", "products": "sparse", "checkpoint_time": "sqrt"}]  # fmt: skip


@pytest.mark.parametrize("options", CHOICES, ids=str)
def test_choices_change_no_result(options, monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)
    expected, found = outcome(made()), outcome(made(**options))
    assert torch.equal(found[0], expected[0]) and expected[0].any()
    for a, b in zip(found[1:], expected[1:], strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12 * b.abs().max().item())


def test_products_by_path_are_seen_in_explain(monkeypatch, tmp_path, capsys):
    in_python(monkeypatch, tmp_path)
    net = made(products={"link1": "sparse", "link2": "dense"})
    assert "product" not in net.explain(), "nothing has run"
    net.run(15.0)
    text = net.explain()
    assert text.strip() == capsys.readouterr().out[-len(text) - 1 :].strip()
    assert "link1: sparse product" in text and "link2: dense product" in text
    assert f"{100 * share(net):.2g} % of its inputs were spikes" in text
    assert net.program.options.products == {"link1": "sparse", "link2": "dense"}


def share(net):
    """Of ones in what link1 saw."""
    stream = net._simulation.streams["input"]
    return float(stream.chunk(0, 15).double().mean())


@pytest.mark.parametrize("options, hidden, last", [
    ({}, "one compiled pass over time", "one compiled loop over time"),
    ({"kernels": "plain"}, "plain torch, step by step", "plain torch, step by step"),
])  # fmt: skip
def test_explain_says_what_runs(options, hidden, last, monkeypatch, tmp_path):
    net = made(**options)
    net.build()
    text = net.explain()
    assert f"hidden: {hidden}" in text and f"last: {last}" in text
    in_python(monkeypatch, tmp_path)
    loaded = spied(monkeypatch)
    net.run(5.0)
    assert bool(loaded) == (not options)


def test_gradients_that_are_watched_need_plain_torch(monkeypatch, tmp_path):
    """For that group only."""
    in_python(monkeypatch, tmp_path)
    net = made()
    net.watch = spaic.StateMonitor(net.hidden, "V", get_grad=True)
    net.build()
    text = net.explain()
    assert "hidden: plain torch" in text and "last: one compiled loop" in text


def test_a_copy_of_a_backend_has_its_options():
    backend = spaic.Torch_Backend(kernels="plain", products={"link1": "dense"}, checkpoint_time=3)
    for other in (copy.copy(backend), copy.deepcopy(backend)):
        assert other.options == backend.options


# --- the source


def spied(monkeypatch):
    """The texts that are run from now on."""
    texts = []
    for module in (fused, island_call):
        load = module.jit.load
        monkeypatch.setattr(module, "jit", SimpleNamespace(load=lambda text, *rest, load=load: texts.append(text) or load(text, *rest)))
    return texts


ARRAY, TAU = np.linspace(10, 20, 5), np.linspace(10, 20, 4)
MADE = [
    {}, {"group": {"t_ref": 2.0}}, {"link": {"syn_type": "first_order"}}, {"link": {"delay": 3.0}}, {"learns": False},
    {"loop": {"trainable": ["tau_m"], "tau_m": TAU}}, {"loop": {"trainable": "tau_a"}},
    {"group": {"tau_m": ARRAY}}, {"group": {"trainable": "tau_m"}},
]  # fmt: skip
CONSTANT = {"code": "direct"}


def sources(net):
    return {name: net.program.source(name) for name in ("hidden", "last")}


@pytest.mark.parametrize("options", MADE, ids=str)
def test_the_source_is_what_runs(options, monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)
    net = made(**options)
    found = sources(net)
    texts = spied(monkeypatch)
    net.run(5.0)
    for name, text in found.items():
        compile(text, name, "exec")
        assert text in texts, name
    assert sources(net) == found


@pytest.mark.parametrize("change", ["nothing", "no gradient", "frozen", "kept", "data", "one step", "chunks"])
@pytest.mark.parametrize("options", [*MADE, CONSTANT], ids=str)
def test_after_a_run_the_source_is_what_ran(options, change, monkeypatch, tmp_path):
    """What the graph does not say: how often the input changes, what is frozen, where gradient flows from."""
    in_python(monkeypatch, tmp_path)
    net = made(**options, **({"checkpoint_time": 3} if change == "chunks" else {}))
    if change == "data":
        net.input(torch.as_tensor(SAMPLES, dtype=torch.float64).requires_grad_())
    if change in ("frozen", "data"):
        net.hidden.requires_grad = net.last.requires_grad = net.link1.requires_grad = net.link2.requires_grad = False
    if change == "kept":
        net.run(5.0)
        net.hidden.requires_grad = net.link1.requires_grad = False
    texts = spied(monkeypatch)
    with torch.set_grad_enabled(change != "no gradient"):
        go_on = partial(net.run_continue, keep_gradient=True)
        (go_on if change == "kept" else net.run)(1.0 if change == "one step" else 5.0)
    ran, before = set(texts), len(texts)
    assert set(sources(net).values()) <= ran and len(texts) == before, "and nothing is compiled for it"
    if change == "no gradient":
        assert not any("def backward" in text for text in ran)


def test_the_source_is_code_with_the_names_of_the_equations(monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)
    net = made()
    text = net.program.source("hidden")
    assert "lif (exact), float64" in text and "def forward(" in text and "def backward(" in text
    assert "tau_m" in text and "kept_V" in text.replace("kept_V_before_reset", "kept_V") and "arrival_input" in text
    assert "add_rows(" in net.program.source("last")
    assert net.program.source("hidden") == text


def test_the_source_of_plain_torch_is_a_listing():
    net = made(kernels="plain")
    text = net.program.source("hidden")
    assert "# every step" in text and "def " not in text


@pytest.mark.parametrize("path, message", [("hiden", "did you mean 'hidden'"), ("link1", "no population"), ("", "no population")])
def test_the_source_of_what_is_no_population(path, message):
    with pytest.raises(UnknownName, match=message):
        made().program.source(path)
