"""Edits of assemblies: README method 3, what stays, what goes, what is refused."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

import spaic
from spaic.Library import ExampleNet
from spaic.Network.transaction import _of_addition


def small() -> spaic.Network:
    net = spaic.Network()
    net.input = spaic.Encoder(3, coding_method="direct")
    net.layer1 = spaic.NeuronGroup(4, model="lif")
    net.layer2 = spaic.NeuronGroup(2, model="lif")
    net.link1 = spaic.Connection(net.input, net.layer1)
    net.link2 = spaic.Connection(net.layer1, net.layer2)
    net.output = spaic.Decoder(dec_target=net.layer2)
    net.watch = spaic.StateMonitor(net.layer1, "V")
    net.learner = spaic.STCA(alpha=5.0)
    net.optim = spaic.Adam(lr=0.1)
    net.set_backend_dt(1.0)
    net.input(np.full((2, 3), 0.06))
    return net


def trained(net: spaic.Network) -> spaic.Network:
    net.run(10.0)
    net.output.predict.square().sum().backward()
    net.learner.optim_step()
    return net


def built_paths(net: spaic.Network) -> list[str]:
    net.build()
    return list(net.state_dict())


class TestReadmeMethod3:
    def test_as_written(self):
        Net = ExampleNet()
        neuron_param = {"tau_m": 8.0, "V_th": 1.5}
        layer3 = spaic.NeuronGroup(100, neuron_model="lif", param=neuron_param)
        spaic.NeuronGroup(100, neuron_model="lif", param=neuron_param)
        Net.add_assembly("layer3", layer3)
        Net.del_assembly(Net.layer3)
        Net.copy_assembly("net_layer", ExampleNet())
        Net.replace_assembly(Net.layer1, layer3)
        Net2 = ExampleNet()
        Net.merge_assembly(Net2)
        con = spaic.Connection(Net.layer2, Net.net_layer, link_type="full")
        Net.add_connection("con3", con)
        Net3 = Net.select_assembly([Net.layer2, Net.net_layer])
        backend = spaic.Torch_Backend()
        Net.build(backend)
        assert Net.layer1 is layer3 and Net.layer1.parameters["tau_m"] == 8.0
        assert list(Net.state_dict()) == [
            *("connection1.weight", "connection2.weight", "net_layer.connection1.weight", "net_layer.connection2.weight"),
            *("connection1_1.weight", "connection2_1.weight", "con3.layer2_to_layer1.weight"),
        ]
        for net in (Net, Net3):
            for encoder in net.members(spaic.Encoder):
                encoder(np.random.default_rng(0).random((2, 784)))
            net.run(2.0)
        assert Net3.net_layer.output.predict.shape == (2, 10)
        assert Net2.layer1.path == "layer1" and built_paths(Net2) == ["connection1.weight", "connection2.weight"]


class TestDelete:
    def test_what_refers_to_it_goes_with_it(self):
        net = small()
        assert net.del_assembly(net.layer2) == ["layer2", "link2", "output"]
        assert built_paths(net) == ["link1.weight"]

    def test_by_name_path_and_statement(self):
        net = small()
        net.box = spaic.Assembly()
        net.box.inner = spaic.NeuronGroup(2, model="lif")
        net.box.other = spaic.NeuronGroup(2, model="lif")
        assert net.del_assembly("box.inner") == ["box.inner"]
        assert net.box.del_assembly(name="other") == ["box.other"]
        del net.watch
        assert "watch" not in dir(net) and built_paths(net) == ["link1.weight", "link2.weight"]

    def test_a_learner_goes_on_with_what_is_left(self):
        net = small()
        net.learner = spaic.STCA([net.link1, net.link2], alpha=0.5)
        net.del_connection(net.link1)
        assert net.learner.trainable == (net.link2,)
        assert net.del_connection("link2") == ["link2", "learner"]

    def test_what_is_not_there(self):
        net = small()
        with pytest.raises(spaic.UnknownName, match="no member 'layer3'; did you mean 'layer2'"):
            net.del_assembly("layer3")
        with pytest.raises(spaic.NetworkError, match="is not in it"):
            net.del_assembly(spaic.NeuronGroup(2, model="lif"))

    def test_an_element_of_a_list(self):
        net = spaic.Network()
        net.layers = [spaic.NeuronGroup(2, model="lif") for _ in range(3)]
        net.del_assembly(net.layers[1])
        assert list(net._members) == ["layers_0", "layers_2"] and [g.name for g in net.layers] == ["layers_0", "layers_2"]


class TestReplace:
    def test_references_and_weights_go_over(self):
        net = trained(small())
        before = {k: v.clone() for k, v in net.state_dict().items()}
        old, new = net.layer1, spaic.NeuronGroup(4, model="clif")
        net.replace_assembly(old, new)
        assert (net.layer1, net.link1.post, net.link2.pre, net.watch.target) == (new, new, new, new)
        assert old.parent is None and list(net._members)[1] == "layer1"
        net.run(5.0)
        assert all(torch.equal(net.state_dict()[k], v) for k, v in before.items())

    def test_another_size_changes_the_connections(self):
        net = trained(small())
        before = net.state_dict()["link1.weight"].clone()
        net.replace_assembly("layer2", spaic.NeuronGroup(5, model="lif"))
        net.run(5.0)
        assert net.state_dict()["link2.weight"].shape == (5, 4) and torch.equal(net.state_dict()["link1.weight"], before)
        assert net.output.predict.shape == (2, 5)

    def test_an_assembly_takes_over_by_the_names_of_its_parts(self):
        def box(size, *names):
            made = spaic.Assembly()
            for name in names:
                setattr(made, name, spaic.NeuronGroup(size, model="lif"))
            return made

        net = small()
        net.box = box(3, "first", "second")
        net.way = spaic.Connection(net.layer1, net.box.first)
        with pytest.raises(spaic.NetworkError, match="way refers to box.first, which .* does not have"):
            net.replace_assembly(net.box, box(6, "other"))
        assert net.way.post is net.box.first
        net.replace_assembly(net.box, box(6, "first", "third"))
        assert net.way.post is net.box.first and net.box.first.num == 6
        net.build()

    def test_a_group_by_an_assembly_makes_projections(self):
        net = small()
        net.del_assembly("watch")
        net.del_assembly("output")
        made = spaic.Assembly()
        made.a, made.b = spaic.NeuronGroup(3, model="lif"), spaic.NeuronGroup(3, model="lif")
        made.between = spaic.Connection(made.a, made.b)
        net.replace_assembly(net.layer1, made)
        assert sorted(built_paths(net)) == ["layer1.between.weight", "link1.input_to_a.weight", "link2.b_to_layer2.weight"]

    @pytest.mark.parametrize(
        "new, said",
        [
            (lambda net: spaic.Encoder(3, coding_method="direct"), "cannot take the place of the neurongroup"),
            (lambda net: net.link1, "cannot take the place"),
            (lambda net: "layer2", "cannot take the place"),
            (lambda net: spaic.Assembly(), "watch refer to its neurons"),
            (lambda net: small().layer1, "belongs to another assembly already"),
        ],
    )
    def test_what_cannot_take_its_place(self, new, said):
        net = small()
        before = dict(net._members)
        with pytest.raises(spaic.NetworkError, match=said):
            net.replace_assembly(net.layer1, new(net))
        assert net._members == before and net.link1.post is net.layer1
        net.run(2.0)


class TestCopyMergeSelect:
    def test_a_copy_starts_with_the_weights_and_learns_alone(self):
        net, other = small(), trained(small())
        copied = net.copy_assembly("twin", other)
        net.twin.input(np.ones((2, 3)))
        net.run(5.0)
        assert torch.equal(net.state_dict()["twin.link1.weight"], other.state_dict()["link1.weight"])
        assert not torch.equal(net.state_dict()["link1.weight"], other.state_dict()["link1.weight"])
        assert copied is net.twin and copied.link1.post is copied.layer1 and copied.learner.trainable == ()
        assert net.twin.learner.parameters()[0] is not other.learner.parameters()[0]

    def test_a_copy_of_one_group_shares_nothing(self):
        net = small()
        copied = net.copy_assembly("layer3", net.layer1)
        copied.parameters["tau_m"] = 5.0
        assert "tau_m" not in net.layer1.parameters and built_paths(net) == ["link1.weight", "link2.weight"]

    def test_names_that_clash_get_a_number(self):
        net = small()
        found = net.merge_assembly(small())
        again = net.merge_assembly(small())
        assert (found["layer1"].name, again["layer1"].name) == ("layer1_1", "layer1_2")
        assert found["link2"].pre is net.layer1_1 and net.link2.pre is net.layer1

    def test_learners_train_what_came_with_them(self):
        net, other = small(), trained(small())
        net.merge_assembly(other)
        for encoder in net.members(spaic.Encoder):
            encoder(np.ones((2, 3)))
        net.run(10.0)
        assert torch.equal(net.state_dict()["link1_1.weight"], other.state_dict()["link1.weight"])
        assert len(net.learner.parameters()) == len(net.learner_1.parameters()) == 2
        assert not {id(p) for p in net.learner.parameters()} & {id(p) for p in net.learner_1.parameters()}

    def test_a_learner_inside_keeps_the_optimizer_of_the_network_it_came_from(self):
        other = small()
        other.box = spaic.Assembly()
        other.box.cells = spaic.NeuronGroup(2, model="lif")
        other.box.wire = spaic.Connection(other.layer2, other.box.cells)
        other.box.own = spaic.STBP(alpha=0.5)
        net = spaic.Network()
        net.merge_assembly(other)
        net.build()
        assert net.box.own.optimizer.param_groups[0]["lr"] == 0.1 and len(net.box.own.parameters()) == 1
        part = other.select_assembly([other.layer2, other.box])
        part.build()
        assert part.box.own.optimizer.param_groups[0]["lr"] == 0.1

    def test_a_deep_copy_can_be_edited(self):
        net = trained(small())
        twin = copy.deepcopy(net)
        twin.layer3 = spaic.NeuronGroup(2, model="lif")
        twin.build()
        assert all(torch.equal(twin.state_dict()[k], v) for k, v in net.state_dict().items())
        assert not {id(p) for p in twin.parameters()} & {id(p) for p in net.parameters()}

    def test_selection_can_be_run_and_leaves_the_original_alone(self):
        net = trained(small())
        part = net.select_assembly(["input", net.layer1], name="front")
        assert isinstance(part, spaic.Network) and list(part._members) == ["input", "layer1", "link1"]
        part.input(np.ones((1, 3)))
        part.run(5.0)
        assert torch.equal(part.state_dict()["link1.weight"], net.state_dict()["link1.weight"])
        assert net.link1.post is net.layer1 and net.layer1.parent is net
        assert list(net.select_assembly([net.layer1, net.layer2], with_connection=False)._members) == ["layer1", "layer2"]

    @pytest.mark.parametrize(
        "edit, said",
        [
            (lambda net: net.copy_assembly("layer1", net.layer2), "the name 'layer1' is taken"),
            (lambda net: net.copy_assembly("x", small().link1), "leads out of the network"),
            (lambda net: net.merge_assembly(net), "cannot be merged into it"),
            (lambda net: net.merge_assembly(net.layer1), "cannot be merged into it"),
            (lambda net: net.select_assembly([net.layer1, net.layer1]), "listed twice"),
            (lambda net: net.select_assembly([net.watch]), "refers to 'layer1', which is not selected"),
            (lambda net: net.add_assembly("y", 3), "is not a part of a network"),
            (lambda net: net.add_assembly("run", spaic.NeuronGroup(2, model="lif")), "is a method of Network"),
        ],
    )
    def test_what_cannot_be_done_changes_nothing(self, edit, said):
        net = small()
        before = dict(net._members)
        with pytest.raises(spaic.NetworkError, match=said):
            edit(net)
        assert net._members == before
        net.run(2.0)


class TestHideAndShow:
    def test_hidden_parts_neither_run_nor_train_nor_show(self):
        net = trained(small())
        weight = net.state_dict()["link2.weight"].clone()
        net.layer2.assembly_hide()
        assert "layer2" not in net.explain() and net.output not in list(net.members())
        net.run(5.0)
        assert list(net.state_dict()) == ["link1.weight"]
        net.layer2.assembly_show()
        net.run(5.0)
        assert torch.equal(net.state_dict()["link2.weight"], weight)

    def test_an_assembly_hides_what_is_in_it(self):
        net = small()
        net.copy_assembly("twin", small())
        net.twin.assembly_hide()
        net.run(5.0)
        assert list(net.state_dict()) == ["link1.weight", "link2.weight"] and net.twin.layer1.is_hidden
        net.twin.assembly_show()
        net.run(5.0)
        assert len(net.state_dict()) == 4


class TestLists:
    def test_what_is_appended_belongs_to_the_network(self):
        net = spaic.Network()
        net.layers = []
        net.layers.append(spaic.NeuronGroup(2, model="lif"))
        net.layers.append(spaic.NeuronGroup(3, model="lif"))
        net.wires = {"forward": spaic.Connection(net.layers[0], net.layers[1])}
        assert built_paths(net) == ["wires_forward.weight"]
        assert [g.path for g in net.layers] == ["layers_0", "layers_1"]

    def test_a_shorter_list(self):
        net = spaic.Network()
        net.layers = [spaic.NeuronGroup(2, model="lif") for _ in range(3)]
        net.layers = net.layers[1:]
        assert list(net._members) == ["layers_0", "layers_1"] and net.layers_0 is net.layers[0]


class TestFreezing:
    def test_frozen_weights_stay(self):
        net = small()
        net.run(5.0)
        net.link1.requires_grad = False
        before = {k: v.clone() for k, v in net.state_dict().items()}
        trained(net)
        assert torch.equal(net.state_dict()["link1.weight"], before["link1.weight"])
        assert not torch.equal(net.state_dict()["link2.weight"], before["link2.weight"])
        net.requires_grad = False
        assert not any(p.requires_grad for p in net.parameters())
        net.requires_grad = True
        assert not net.link1.requires_grad and net.link2.requires_grad

    def test_what_torch_froze_stays_frozen_after_a_rebuild(self):
        net = trained(small())
        next(p for n, p in net.named_parameters() if n == "link1.weight").requires_grad_(False)
        net.layer3 = spaic.NeuronGroup(2, model="lif")
        net.build()
        assert {n: p.requires_grad for n, p in net.named_parameters()} == {"link1.weight": False, "link2.weight": True}


class TestBounds:
    def test_weights_stay_between_their_bounds(self):
        net = small()
        net.link2 = spaic.Connection(net.layer1, net.layer2, w_min=0.0, w_max=0.5, w_mean=0.4, w_std=1.0)
        net.build()
        for _ in range(5):
            weight = net.state_dict()["link2.weight"]
            assert weight.min() >= 0.0 and weight.max() <= 0.5
            trained(net)
        net.run(1.0)
        weight = net.state_dict()["link2.weight"]
        assert weight.min() >= 0.0 and weight.max() <= 0.5

    @pytest.mark.parametrize(
        "options, said",
        [
            ({"w_min": 1.0, "w_max": 0.0}, "w_min 1 is above w_max 0"),
            ({"w_min": "a"}, "expected a number"),
            ({"w_min": 0.0, "weight": -np.ones((2, 4))}, "given values are outside"),
            ({"link_type": "dropout", "p": 0.5, "w_max": 1.0}, "bound weights, and 'dropout' has none"),
        ],
    )
    def test_bounds_that_cannot_be_kept(self, options, said):
        net = small()
        with pytest.raises((spaic.DeclarationError, spaic.NetworkError), match=said):
            net.link2 = spaic.Connection(net.layer1, net.layer2, **options)
            net.build()


def test_a_misspelt_method_is_named():
    with pytest.raises(AttributeError, match="did you mean 'replace_assembly'"):
        small().replace_asembly("layer1", None)


def test_a_part_of_a_network_is_not_run_alone():
    net = small()
    net.copy_assembly("twin", small())
    with pytest.raises(spaic.NetworkError, match="twin: it is a part of"):
        net.twin.run(5.0)


def test_the_same_graph_in_three_ways():
    class Declared(spaic.Network):
        def __init__(self):
            super().__init__()
            self.input = spaic.Encoder(3, coding_method="direct")
            self.box = spaic.Assembly()
            self.box.cells = spaic.NeuronGroup(4, model="lif")
            self.way = spaic.Connection(self.input, self.box, link_type="full")

    with spaic.Network() as block:
        input = spaic.Encoder(3, encoding="direct")
        with spaic.Assembly() as box:
            cells = spaic.NeuronGroup(4, neuron_model="lif")
        way = spaic.Connection(input, box)
    assert block.way is way and block.box.cells is cells

    edited = spaic.Network()
    edited.add_assembly("box", spaic.Assembly())
    edited.box.add_assembly("cells", spaic.NeuronGroup(9, model="clif"))
    edited.add_assembly("input", spaic.Encoder(3, coding_method="direct"))
    edited.add_connection("way", spaic.Connection(edited.input, edited.box))
    edited.replace_assembly("box.cells", spaic.NeuronGroup(4, model="lif"))
    edited.copy_assembly("extra", edited.box)
    edited.del_assembly("extra")

    assert len({Declared().graph.digest, block.graph.digest, edited.graph.digest}) == 1
    edited.replace_assembly("box.cells", spaic.NeuronGroup(4, model="lif", tau_m=19.0))
    assert edited.graph.digest != block.graph.digest


class TestWhatReviewersFound:
    def test_a_source_of_copies_saves_what_it_learned_since(self, tmp_path):
        net = trained(small())
        net.select_assembly(["layer1", "layer2"])
        trained(net)
        loaded = spaic.load(net.save(tmp_path / "net"))
        assert all(torch.equal(loaded.state_dict()[k], v) for k, v in net.state_dict().items())
        net.set_random_seed(99)
        fresh = net.state_dict()["link2.weight"]
        assert not torch.equal(fresh, loaded.state_dict()["link2.weight"])

    def test_edits_inside_a_nested_network_are_noticed(self):
        big = spaic.Network()
        big.sub = small()
        big.build()
        big.sub.replace_assembly("layer1", spaic.NeuronGroup(7, model="lif"))
        assert big.state_dict()["sub.link1.weight"].shape == (7, 3)
        big.sub.del_connection("link2")
        assert list(big.state_dict()) == ["sub.link1.weight"]

    def test_a_trained_network_takes_its_weights_along_and_back(self):
        net = trained(small())
        weight = net.state_dict()["link1.weight"].clone()
        big = spaic.Network()
        big.sub = net
        assert torch.equal(big.state_dict()["sub.link1.weight"], weight)
        for call in (lambda: net.run(2.0), net.state_dict, lambda: net.save_state("x")):
            with pytest.raises(spaic.NetworkError, match="sub: it is a part of"):
                call()
        with torch.no_grad():
            big.state_dict()["sub.link1.weight"].fill_(0.5)
        big.del_assembly("sub")
        assert (net.state_dict()["link1.weight"] == 0.5).all()

    def test_a_network_that_is_hidden_and_shown(self):
        net = trained(small())
        net.hide()
        assert net.state_dict() == {}
        net.show()
        assert len(net.state_dict()) == 2

    def test_a_group_that_moves_keeps_its_connections_in_a_projection(self):
        net = spaic.Network()
        net.a = spaic.Assembly()
        net.a.x, net.a.y = spaic.NeuronGroup(3, model="lif"), spaic.NeuronGroup(3, model="lif")
        net.p = spaic.Projection(net.a, net.a, link_type="full", delay=1.0)
        net.build()
        kept = net.state_dict()["p.x_to_x.weight"].clone()
        old = net.a.x
        net.a.x = spaic.NeuronGroup(3, model="lif")
        net.a.y = old
        net.build()
        assert {k.name: (k.source, k.target) for k in net.graph.links}["p.y_to_x"] == ("a.y.O", "a.x.input")
        assert torch.equal(net.state_dict()["p.y_to_y.weight"], kept)

    def test_flags_of_a_connection_that_becomes_a_projection(self):
        net = small()
        for name in ("watch", "output"):
            net.del_assembly(name)
        net.link2.hide()
        net.link1.requires_grad = False
        box = spaic.Assembly()
        box.g = spaic.NeuronGroup(4, model="lif")
        net.replace_assembly("layer1", box)
        assert net.link2.is_hidden and not net.link1.requires_grad and list(net.state_dict()) == ["link1.input_to_g.weight"]
        net.link2.show()
        net.link1.requires_grad = True
        net.build()
        assert {n: p.requires_grad for n, p in net.named_parameters()} == {
            "link1.input_to_g.weight": True,
            "link2.g_to_layer2.weight": True,
        }

    def test_a_frozen_part_thaws_when_it_moves_out(self):
        net = spaic.Network()
        net.a = spaic.Assembly()
        net.a.x, net.a.y = spaic.NeuronGroup(3, model="lif"), spaic.NeuronGroup(3, model="lif")
        net.a.c = spaic.Connection(net.a.x, net.a.y)
        net.other = spaic.Connection(net.a.x, net.a.y)
        net.learner = spaic.STCA(net, alpha=0.5)
        net.a.requires_grad = False
        net.build()
        c = net.a.c
        net.a.del_connection(c)
        net.add_connection("c", c)
        net.build()
        assert all(p.requires_grad for p in net.parameters()) and c.requires_grad

    def test_optimizers_made_in_a_block_belong_to_one_network(self):
        with spaic.Network() as net:
            group = spaic.NeuronGroup(3, model="lif")
            inner = ExampleNet()
        assert list(net._members) == ["group", "inner"] and net.inner is inner and net.group is group

    def test_lists_that_change_after_a_build(self):
        net = spaic.Network()
        net.layers = [spaic.NeuronGroup(3, model="lif"), spaic.NeuronGroup(2, model="lif")]
        net.build()
        net.layers.append(spaic.NeuronGroup(4, model="lif"))
        net.del_assembly(net.layers[2])
        net.layers.append(spaic.NeuronGroup(5, model="lif"))
        net.run(1.0)
        assert [p.size for p in net._simulation.graph.populations] == [3, 2, 5]
        net.layers.pop(0)
        net.run(1.0)
        assert [p.size for p in net._simulation.graph.populations] == [2, 5]
        with pytest.raises(spaic.NetworkError, match="belongs to another assembly"):
            net.layers = [spaic.NeuronGroup(1, model="lif"), small().layer1]
        assert len(net.layers) == 2 and len(net._members) == 2

    def test_a_new_group_starts_from_its_own_state(self):
        net = small()
        net.run(5.0)
        net.replace_assembly("layer1", spaic.NeuronGroup(4, model="lif"))
        net.run_continue(1.0)
        assert net.watch.times.tolist() == [1.0]

    @pytest.mark.parametrize("name", ["_members", "parent", "name", "type", "a.b", "", "1x", "a b", "class", 3])
    def test_names_that_cannot_be_one(self, name):
        net = small()
        with pytest.raises(spaic.NetworkError, match="name|attribute"):
            net.add_assembly(name, spaic.NeuronGroup(2, model="lif"))
        net.run(1.0)

    @pytest.mark.parametrize(
        "change, said",
        [
            (lambda net: setattr(net.link1, "pre", "x"), "link1.pre: 'x' is not a part"),
            (lambda net: setattr(net.layer1, "name", "z"), "its name follows from where it is assigned"),
            (lambda net: net.copy_assembly("x", None), "no member None"),
            (lambda net: net.select_assembly(3), "names no members"),
            (lambda net: net.select_assembly([]), "names no members"),
            (lambda net: net.train(3), "mode is 3"),
            (lambda net: net.fit(None), "net.fit: None gives no batches"),
            (lambda net: net.test(), "None gives no batches"),
            (lambda net: net.test([1.0].append), "gives no batches"),
            (lambda net: spaic.CustomConnectPolicy(3), "is no function"),
            (lambda net: spaic.IncludedTypePolicy(pre_types=3), "is not a list of types"),
            (lambda net: spaic.STCA(net, pathway=net.layer1), "unknown keyword 'pathway'"),
        ],
    )
    def test_mistakes_are_named(self, change, said):
        with pytest.raises(spaic.SpaicError, match=said):
            change(small())


class TestAdditions:
    def test_what_is_kept_does_not_grow_with_the_network(self):
        net = small()
        few = _of_addition(net, "wire", spaic.Connection(net.layer1, net.layer1))
        for k in range(20):
            net.add_connection(f"wire{k}", spaic.Connection(net.layer1, net.layer1))
        many = _of_addition(net, "wire", spaic.Connection(net.layer1, net.layer1))
        assert len(few) == len(many) == 2

    def test_one_that_fails_half_way_leaves_everything_as_it_was(self, monkeypatch):
        net, other = small(), small()
        net.box = spaic.Assembly()
        other.run(2.0)
        before = [dict(e.__dict__) for e in (net, net.box, other)], list(net._members), list(net.box._members)
        monkeypatch.setattr(type(net), "_changed", lambda self: 1 / 0)  # the last thing that an addition does
        with pytest.raises(ZeroDivisionError):
            net.box.add_assembly("part", other)
        monkeypatch.undo()
        after = [dict(e.__dict__) for e in (net, net.box, other)], list(net._members), list(net.box._members)
        assert after == before and other.layer1._learned is None
        net.box.add_assembly("part", other)
        assert other.layer1.path == "box.part.layer1"
