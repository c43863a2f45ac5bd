"""Whole networks in files: what comes back, what goes on, what is refused."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

import spaic
from spaic import registry
from spaic.IO import inspection
from spaic.IO.checkpoint import read
from spaic.IO.description import describe
from spaic.IO.files import codec, container
from spaic.IO.rebuilding import rebuild

OWN = spaic.NeuronModel(
    name="own",
    equations="dV/dt = (-V + g * I) / tau_m",
    receive="V += w",
    spike="V > V_th",
    reset="V -= V_th",
    parameters={"tau_m": spaic.Parameter(8.0, "ms", range="(0, inf)"), "g": 2.0, "V_th": 1.0},
    method="exact",
)


def everything(dtype: str = "float32") -> spaic.Network:
    """A network with one of each kind of element."""
    net = spaic.Network("whole", seed=3)
    net.input = spaic.Encoder(shape=(1, 6, 6), coding_method="poisson", unit_conversion=0.4)
    net.maps = spaic.NeuronGroup(shape=(2, 2, 2), model="lif", tau_m=np.linspace(5, 20, 8).reshape(2, 2, 2), trainable=["V_th"])
    net.conv = spaic.Connection(net.input, net.maps, link_type="conv", syn_type=["conv", "maxpool", "dropout"], p=0.2, bias=True)
    net.box = spaic.Assembly()
    net.box.add_type("cortex")
    net.box.exc = spaic.NeuronGroup(4, model=OWN, neuron_type="excitatory", initial={"V": spaic.uniform(0.0, 0.5)})
    net.box.inh = spaic.NeuronGroup(2, model="lif", reset="V -= V_th", t_ref="2 ms", integrator="euler")
    net.box.loop = spaic.Connection(net.box.exc, net.box.inh, syn_type="first_order", syn_kwargs={"tau": 3.0})
    net.box.back = spaic.Connection(net.box.inh, net.box.exc, link_type="sparse", density=0.5, max_delay=3.0, w_max=2.0)
    net.way = spaic.Projection(net.maps, net.box, spaic.IncludedTypePolicy(None, "excitatory"), "full", w_mean=0.3, w_std=0.2)
    net.out = spaic.NeuronGroup(3, model="clif")
    net.last = spaic.Connection(net.box.exc, net.out, bias=spaic.constant(0.1))
    net.tonic = spaic.Generator(dec_target=net.out, coding_method="constant_current")
    net.tonic(0.5)
    net.output = spaic.Decoder(dec_target=net.out)
    net.layers = [spaic.NeuronGroup(2, model="if"), spaic.NeuronGroup(2, model="if")]
    net.layers_1.hide()
    net.side = spaic.Connection(net.maps, net.layers[1])
    net.watch = spaic.StateMonitor(net.box.exc, "V", index=[1, 3], dt=2.0)
    net.spikes = spaic.SpikeMonitor(net.out)
    net.fine = spaic.STBP([net.last, net.out], alpha=0.4, optimizer=spaic.SGD(lr=0.05, momentum=0.9))
    net.learner = spaic.STCA(net, alpha=2.0)
    net.optim = spaic.Adam(lr=0.01, betas=(0.8, 0.99), schedule="StepLR", maxstep=2)
    net.set_backend("torch", dt=1.0, dtype=dtype)
    net.input(np.random.default_rng(0).random((3, 1, 6, 6)))
    return net


def learn(net: spaic.Network, times: int = 2) -> None:
    for _ in range(times):
        net.run(8.0)
        loss = net.output.predict.square().mean()
        for learner in (net.learner, net.fine):
            learner.optim_zero_grad()
        loss.backward()
        for learner in (net.learner, net.fine):
            learner.optim_step()


def assert_same(a: spaic.Network, b: spaic.Network) -> None:
    assert list(a.state_dict()) == list(b.state_dict())
    for path, value in a.state_dict().items():
        assert torch.equal(value, b.state_dict()[path]), path


class TestWholeNetworks:
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_it_comes_back_and_goes_on_bit_for_bit(self, dtype, tmp_path):
        net = everything(dtype)
        learn(net)
        loaded = spaic.load(net.save(tmp_path / "net"))
        assert [e.path for e in net.everything()] == [e.path for e in loaded.everything()]
        assert loaded.graph.digest == net.graph.digest
        assert_same(net, loaded)
        for each in (net, loaded):
            each.run_continue(4.0)
        assert torch.equal(net.output.predict, loaded.output.predict)
        assert (net.watch.values[..., -2:] == loaded.watch.values).all()
        for each in (net, loaded):
            learn(each, 3)
        assert_same(net, loaded)
        assert net.learner.optimizer.param_groups[0]["lr"] == loaded.learner.optimizer.param_groups[0]["lr"]

    def test_before_a_build_and_after_an_edit(self, tmp_path):
        net = everything()
        loaded = spaic.load(net.save(tmp_path / "a"))
        for each in (net, loaded):
            learn(each)
        assert_same(net, loaded)
        net.replace_assembly("out", spaic.NeuronGroup(4, model="clif"))
        again = spaic.load(net.save(tmp_path / "b"))
        assert again.state_dict()["last.weight"].shape == (4, 4)
        assert_same(net, again)

    def test_hidden_parts_keep_their_weights(self, tmp_path):
        net = everything()
        net.layers_1.show()
        net.build()
        weight = net.state_dict()["side.weight"].clone()
        net.layers_1.hide()
        learn(net)
        loaded = spaic.load(net.save(tmp_path / "net"))
        assert "side.weight" not in loaded.state_dict() and loaded.layers[1].is_hidden
        loaded.layers_1.show()
        loaded.build()
        assert torch.equal(loaded.state_dict()["side.weight"], weight)

    def test_frozen_parts_stay_frozen(self, tmp_path):
        net = everything()
        net.last.requires_grad = False
        net.build()
        loaded = spaic.load(net.save(tmp_path / "net"))
        flags = {n: p.requires_grad for n, p in loaded.named_parameters()}
        assert not flags["last.weight"] and flags["conv.weight"] and not loaded.last.requires_grad

    def test_the_code_that_declared_it_is_not_needed(self, tmp_path):
        net = everything()
        learn(net)
        net.save(tmp_path / "net")
        script = """
            import spaic, sys
            net = spaic.load(sys.argv[1])
            net.run(8.0)
            print(net.box.exc.model.equations, net.output.predict.sum().item())
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "net.spaic")], capture_output=True, text=True, check=False
        )
        net.run(8.0)
        assert done.stdout.split("\n")[0] == f"{OWN.equations} {net.output.predict.sum().item()}", done.stderr

    def test_text_holds_the_declaration(self, tmp_path):
        net = everything()
        for suffix in (".json", ".yaml"):
            loaded = spaic.load(net.save(tmp_path / f"net{suffix}"))
            assert loaded.graph.digest == net.graph.digest
            assert (tmp_path / f"net{suffix}").read_text().count("V_th") > 1

    def test_every_registered_item_comes_back(self):
        for name in registry.neurons:
            net = spaic.Network()
            net.cells = spaic.NeuronGroup(2, model=name)
            again = rebuild(json.loads(json.dumps(describe(net))))
            assert again.cells.model is registry.neurons[name]
            assert again.graph.digest == net.graph.digest

    def test_codes_and_policies_of_ones_own(self, tmp_path):
        @registry.encoders.register("mirrored")
        @dataclasses.dataclass(frozen=True)
        class Mirrored(registry.encoders["direct"]):
            factor: float = 1.0

        try:
            net = spaic.Network()
            net.input = spaic.Encoder(3, coding_method="mirrored", factor=2.0)
            net.a, net.b = spaic.Assembly(), spaic.Assembly()
            net.a.x, net.b.y = spaic.NeuronGroup(3, model="lif"), spaic.NeuronGroup(3, model="lif")
            net.wire = spaic.Connection(net.input, net.a)
            net.way = spaic.Projection(net.a, net.b, spaic.CustomConnectPolicy(lambda a, b: True), "full")
            net.build()
            path = net.save(tmp_path / "net")
            loaded = spaic.load(path)
            assert loaded.input.code.factor == 2.0 and loaded.graph.digest == net.graph.digest  # the choice of the function is kept
        finally:
            registry.encoders.remove("mirrored")
        with pytest.raises(spaic.DataError, match="the encoder 'mirrored' is not registered here; import the module"):
            spaic.load(path)

    def test_what_a_file_cannot_hold_is_listed(self, tmp_path):
        class Unknown(spaic.BaseInitializer):
            def sample(self, rng, shape, fan_in, fan_out):
                return rng.random(shape)

        net = everything()
        net.last = spaic.Connection(net.box.exc, net.out, weight=Unknown())
        net.optim = spaic.Adam(lr=0.1, schedule="LambdaLR", lr_lambda=lambda step: 1.0)
        with pytest.raises(spaic.UnsupportedError, match=r"(?s)last.*Unknown.*not registered") as caught:
            net.save(tmp_path / "net")
        assert "2 elements" in str(caught.value) and not list(tmp_path.iterdir())


class TestWeights:
    def test_state_of_a_torch_module_by_path(self):
        class Twin(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.last = torch.nn.Linear(4, 3)

        net, twin = everything(), Twin()
        net.build()
        with pytest.raises(spaic.StateError, match="missing: conv.weight, .*maps.V_th"):
            net.load_state_dict(twin.state_dict())
        mismatch = net.load_state_dict({**twin.state_dict(), "other": 1.0, "conv.weight": torch.zeros(1)}, strict=False)
        assert mismatch.extra == ("other",) and mismatch.misshaped == ("conv.weight (1,), needed (2, 1, 3, 3)",)
        assert "way.maps_to_exc.weight" in mismatch.missing and torch.equal(net.state_dict()["last.weight"], twin.last.weight)

    def test_loading_goes_on_with_the_same_parameters(self, tmp_path):
        net = everything()
        learn(net)
        path = net.save_state("state", tmp_path)
        before = {n: id(p) for n, p in net.named_parameters()}
        saved = {k: v.clone() for k, v in net.state_dict().items()}
        learn(net)
        assert not net.state_from_dict(filename="state", direct=tmp_path)
        assert {n: id(p) for n, p in net.named_parameters()} == before
        assert all(torch.equal(net.state_dict()[k], v) for k, v in saved.items())
        learn(net)
        assert not torch.equal(net.state_dict()["conv.weight"], saved["conv.weight"])
        with pytest.raises(spaic.DataError, match="it holds weights alone"):
            spaic.load(path)

    def test_into_a_network_that_is_there(self, tmp_path):
        net, other = everything(), everything()
        learn(net)
        net.save(tmp_path / "net")
        assert not other.load(tmp_path / "net.spaic")
        for each in (net, other):
            learn(each)
        assert_same(net, other)
        other.replace_assembly("out", spaic.NeuronGroup(4, model="clif"))
        with pytest.raises(spaic.StateError, match=r"of another shape: last.weight \(3, 4\), needed \(4, 4\)"):
            other.load(tmp_path / "net")
        assert other.load(tmp_path / "net", strict=False).misshaped

    @pytest.mark.parametrize(
        "call, said",
        [
            (lambda net, folder: net.state_from_dict(), "give either"),
            (lambda net, folder: net.state_from_dict({}, "x"), "give either"),
            (lambda net, folder: net.load_state_dict([1]), "list is not a mapping"),
            (lambda net, folder: net.state_from_dict(filename="x.pt", direct=folder), "weights_only=True"),
            (lambda net, folder: net.load("missing", folder), "missing.spaic"),
            (lambda net, folder: net.save("x", folder / "nowhere"), "nowhere"),
            (lambda net, folder: net.save("x", folder, keep=0), "keep"),
        ],
    )
    def test_mistakes(self, call, said, tmp_path):
        with pytest.raises(spaic.SpaicError, match=said):
            call(everything(), tmp_path)


class TestDamagedDescriptions:
    """Files with a right checksum and wrong contents."""

    @pytest.mark.parametrize(
        "change, said",
        [
            (lambda t: t.pop("weights"), "weights"),
            (lambda t: t.update(kind="other"), "not a checkpoint"),
            (lambda t: t.update(layout=99), "layout is 99"),
            (lambda t: t["description"].pop("elements"), "'elements' is missing"),
            (lambda t: t["description"]["elements"][1].pop("model"), "maps: .*not complete"),
            (lambda t: t["description"]["elements"][1].update(kind="nonsense"), "unknown kind 'nonsense'"),
            (lambda t: t["description"]["elements"][1].update(num=-3, shape=None), "maps: .*not a positive whole number"),
            (lambda t: t["description"]["elements"][-1].update(path="../../evil"), "could hold"),
            (lambda t: t["description"]["elements"][-1].update(path="run"), "is a method"),
            (lambda t: t["description"]["elements"][2].update(pre="nothing"), "conv: .*nothing"),
            (lambda t: t["description"]["models"]["lif"].update(equations="dV/dt = __import__('os')"), "models.lif"),
            (lambda t: t["description"]["models"]["lif"].update(evil=1), "no field 'evil'"),
            (lambda t: t["description"]["network"]["backend"].update(name="evil"), "unknown backend"),
            (lambda t: t["weights"].update({"last.weight": np.zeros((1, 1), np.float32)}), "do not fit"),
            (lambda t: t["weights"].update({"nobody.weight": np.zeros(1)}), "belongs to no element"),
            (lambda t: t["weights"].pop("last.weight"), "missing: last.weight"),
            (lambda t: t["state"].pop("runs"), "not complete|runs"),
            (lambda t: t["state"]["state"]["arrays"].pop("out.V"), "out.V"),
            (lambda t: t["learners"].update(nobody={}), "no such learner"),
            (lambda t: t["learners"]["learner"].clear(), "learner"),
            (lambda t: t.pop("holds"), "does not say whether"),
            (lambda t: t.update(progres=None), "unknown key 'progres'; did you mean 'progress'"),
            (lambda t: t.pop("state"), "'state' is missing"),
            (lambda t: t["learners"].pop("fine"), "fine: the state of this learner is missing"),
            (lambda t: t["sources"].update(input=np.ones((3, 7))), "input: .*shape"),
            (lambda t: t["sources"].update(input=np.full((3, 36), np.nan)), "input: the input holds nan"),
            (lambda t: t["weights"].update({"last.weight": np.full((3, 4), np.nan, np.float32)}), "last.weight holds nan"),
            (lambda t: t["state"].update(runs=-5), "'runs' of the saved state is -5"),
            (lambda t: t["state"]["state"].update(step=1.5), "'step' of the saved state"),
            (lambda t: t["state"]["state"].update(batch=10**9), "batch of 1000000000"),
            (lambda t: t["state"]["starts"].update(input=10**7), "do not fit a saved state"),
            (lambda t: t["state"]["lengths"].update(input=10**12), "do not fit a saved state"),
            (lambda t: t["state"]["state"]["arrays"]["out.V"].fill(np.inf), "out.V: .*finite"),
            (lambda t: t["learners"]["learner"]["groups"][0].update(lr={"a": 1}), "learner: lr of a parameter group"),
            (lambda t: t["learners"]["learner"]["groups"][0].update(capturable=True), "learner: capturable .* here it is False"),
            (lambda t: t["learners"]["learner"]["moments"]["conv.weight"].update(exp_avg="x"), "exp_avg of 'conv.weight'"),
            (lambda t: t["learners"]["learner"]["scheduler"].update(_step_count=None), "schedule: _step_count is None"),
            (lambda t: t["description"]["network"].update(lists="x"), "'lists' is 'x'"),
            (lambda t: t["description"]["network"].update(lists={"box": ["conv"]}), "cannot name a list"),
            (lambda t: t["description"]["network"].update(training="no"), "give true or false"),
            (lambda t: t["description"]["network"].update(type=3), "give a list of text"),
            (lambda t: t["description"].update(extra=1), "unknown key 'extra'"),
            (lambda t: t["description"]["elements"][-1].update(path="parent"), "attribute of every"),
            (lambda t: t["description"]["elements"][1].update(nums=3), "maps: unknown key 'nums'; did you mean 'num'"),
            (lambda t: t["description"]["elements"][1].update(model="lof"), "maps: unknown model 'lof'; did you mean 'lif'"),
            (lambda t: t["description"]["elements"][1].update(shape=[10**5, 10**5]), "neurons and inputs"),
            (lambda t: t["description"]["elements"][2].update(link="full"), "is no link"),
            (lambda t: t["description"]["elements"][2].update(hidden="no"), "conv.hidden: 'no' is no truth value"),
            (lambda t: t["description"]["elements"][2]["link"].update(name=[]), "conv.*no text"),
            (lambda t: t["description"]["elements"][2].update(delay=1e9), "conv(: a delay of 1e.09 ms|.delay: 1,000,000,000 steps)"),
        ],
    )
    def test_they_are_refused_by_name(self, change, said, tmp_path):
        net = everything()
        learn(net, 1)
        tree = read(net.save(tmp_path / "net"))
        change(tree)
        arrays: dict[str, np.ndarray] = {}
        path = container.write(tmp_path / "bad", codec.encode(tree, arrays, ""), arrays)
        with pytest.raises(spaic.DataError, match=said) as caught:
            spaic.load(path)
        assert str(caught.value).startswith(str(path))
        if "description" in tree and tree.get("kind") == "spaic checkpoint":
            inspected(path)


def inspected(path) -> None:
    """A damaged file is described, or refused by name."""
    for look in (inspection.inspect, lambda p: inspection.diff(p, p)):
        try:
            look(path)
        except spaic.DataError as error:
            assert str(path) in str(error)


class TestIntoANetworkThatIsThere:
    def test_a_failure_changes_nothing(self, tmp_path):
        net, other = everything(), everything()
        learn(net)
        learn(other, 1)
        tree = read(net.save(tmp_path / "net"))
        tree["state"]["runs"] = -1
        arrays: dict[str, np.ndarray] = {}
        path = container.write(tmp_path / "bad", codec.encode(tree, arrays, ""), arrays)
        before = {k: v.clone() for k, v in other.state_dict().items()}, other.learner.state_dict()["groups"], other.learner.optimizer
        with pytest.raises(spaic.DataError, match="'runs'"):
            other.load(path)
        assert all(torch.equal(other.state_dict()[k], v) for k, v in before[0].items())
        assert other.learner.state_dict()["groups"] == before[1] and other.learner.optimizer is before[2]

    @pytest.mark.parametrize(
        "change, said", [(lambda n: n.set_random_seed(7), "seed 3, here it is 7"), (lambda n: n.set_backend_dt(0.5), "dt 1.0")]
    )
    def test_of_another_seed_or_time_step(self, change, said, tmp_path):
        net, other = everything(), everything()
        net.build()
        change(other)
        with pytest.raises(spaic.StateError, match=said):
            other.load(net.save(tmp_path / "net"))

    def test_its_own_file_with_a_hidden_part(self, tmp_path):
        net = everything()
        net.layers_1.show()
        net.build()
        weight = net.state_dict()["side.weight"].clone()
        net.layers_1.hide()
        path = net.save(tmp_path / "net")
        assert not net.load(path)
        net.layers_1.show()
        net.build()
        assert torch.equal(net.state_dict()["side.weight"], weight)

    def test_of_a_learner_whose_parts_are_all_hidden(self, tmp_path):
        net = everything()
        net.fine.redirect(lambda part: {net.last: net.side, net.out: net.side}.get(part, part))
        loaded = spaic.load(net.save(tmp_path / "before"))
        net.build()
        loaded = spaic.load(net.save(tmp_path / "net"))
        assert loaded.fine.state_dict()["name"] is None

    @pytest.mark.parametrize("value, said", [(float("nan"), "holds nan"), (1j, "complex")])
    def test_weights_that_are_no_numbers(self, value, said):
        net = everything()
        state = net.state_dict()
        with pytest.raises(spaic.StateError, match=rf"last.weight .*{said}"):
            net.load_state_dict({**state, "last.weight": np.full((3, 4), value)})


def test_a_monitor_records_only_into_its_own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = spaic.Network()
    net.cells = spaic.NeuronGroup(2, model="lif")
    net.mon = spaic.StateMonitor(net.cells, "V", file="rec.h5")
    assert spaic.load(net.save("near")).mon.options["file"] == "rec.h5"
    tree = describe(net)
    for file in ("/tmp/x.h5", "../x.h5", "C:x.h5"):
        next(e for e in tree["elements"] if e["path"] == "mon")["file"] = file
        with pytest.warns(UserWarning, match=r"mon: it recorded into .*x.h5"):
            assert rebuild(tree).mon.options["file"] is None


@pytest.mark.parametrize("content, said", [({"array": [[1], [2, 3]]}, "no array of numbers"), ({"array": ["a"]}, "no array of numbers")])
def test_text_that_is_no_array(content, said, tmp_path):
    net = everything()
    file = net.save(tmp_path / "net.json")
    tree = json.loads(file.read_text())
    tree["elements"][1]["parameters"]["tau_m"] = content
    file.write_text(json.dumps(tree))
    with pytest.raises(spaic.DataError, match=said) as caught:
        spaic.load(file)
    assert str(caught.value).startswith(str(file))


class TestLookingAtFiles:
    def test_differences_that_no_number_shows(self, tmp_path):
        net = everything()
        net.build()
        tree = read(net.save(tmp_path / "one"))
        weight = tree["weights"]["last.weight"]
        weight.flat[0], weight.flat[1] = 0.0, 1.0
        paths = []
        for name, value in (("plain", 0.0), ("negative", -0.0), ("nan", np.nan)):
            weight.flat[0] = value
            arrays: dict[str, np.ndarray] = {}
            paths.append(container.write(tmp_path / name, codec.encode(tree, arrays, ""), arrays))
        for other in paths[1:]:
            found = inspection.diff(paths[0], other)
            assert found == "~ weights.last.weight: 1 of 12 values differs, in NaN, infinity or sign"
        with pytest.raises(spaic.DataError, match="description in text"):
            inspection.inspect(net.save(tmp_path / "net.json"))

    def test_inspect_and_diff(self, tmp_path):
        net = everything()
        learn(net)
        one = net.save(tmp_path / "one")
        text = inspection.inspect(one)
        for part in ("box.exc", "own 4", "last.weight", "neuron states of run 2 after 8 steps", "seed 3", "hidden"):
            assert part in text
        assert inspection.diff(one, net.save(tmp_path / "two")) == ""
        net.out.parameters["tau_m"] = 5.0
        net.del_assembly("spikes")
        learn(net, 1)
        found = inspection.diff(one, net.save(tmp_path / "three"))
        for part in ("- description.elements.spikes", "+ description.elements.out.parameters.tau_m", "~ weights.last.weight: "):
            assert part in found
        assert "weights alone" in inspection.inspect(net.save_state("state", tmp_path))

    def test_earlier_versions_are_kept(self, tmp_path):
        net = everything()
        for _ in range(4):
            learn(net, 1)
            net.save(tmp_path / "net", keep=3)
        assert sorted(p.name for p in tmp_path.iterdir()) == ["net.1.spaic", "net.2.spaic", "net.spaic"]
        assert spaic.load(tmp_path / "net.2.spaic")._simulation.runs == 2
