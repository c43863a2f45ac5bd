"""Projections, connection policies, and connections that end in an assembly."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import spaic


def column(excitatory: int = 4, inhibitory: int = 2) -> spaic.Assembly:
    """Two groups; the excitatory one drives the inhibitory one."""
    made = spaic.Assembly()
    made.exc = spaic.NeuronGroup(excitatory, model="lif", neuron_type="excitatory")
    made.inh = spaic.NeuronGroup(inhibitory, model="lif", neuron_type=["inhibitory", "fast"])
    made.inner = spaic.Connection(made.exc, made.inh)
    return made


def columns() -> spaic.Network:
    net = spaic.Network()
    net.left, net.right = column(), column(3, 1)
    net.set_backend_dt(1.0)
    return net


def pairs(net: spaic.Network) -> list[tuple[str, str]]:
    net.build()
    return [(c.pre.path, c.post.path) for c in net.way.get_connections()]


class TestPolicies:
    def test_without_a_policy_all_pairs(self):
        net = columns()
        net.way = spaic.Projection(net.left, net.right, link_type="full", w_mean=1.0)
        assert len(pairs(net)) == 4
        assert net.state_dict()["way.exc_to_inh.weight"].shape == (1, 4)

    @pytest.mark.parametrize(
        "policy, expected",
        [
            (spaic.IncludedTypePolicy(pre_types=["excitatory"]), [("left.exc", "right.exc"), ("left.exc", "right.inh")]),
            (spaic.IncludedTypePolicy(pre_types="excitatory", post_types="fast"), [("left.exc", "right.inh")]),
            (spaic.ExcludedTypePolicy(pre_types="inhibitory", post_types="fast"), [("left.exc", "right.exc")]),
            (spaic.IndexConnectPolicy([0, 1], [1, 0]), [("left.exc", "right.inh"), ("left.inh", "right.exc")]),
            (spaic.IndexConnectPolicy(pre_indexs=[(0, 0)], post_indexs=[(1, 0)]), [("left.exc", "right.exc"), ("left.inh", "right.exc")]),
            (spaic.CustomConnectPolicy(lambda a, b: a.num > b.num + 1), [("left.exc", "right.inh")]),
            (
                [spaic.IncludedTypePolicy(pre_types="excitatory"), spaic.ExcludedTypePolicy(post_types="excitatory")],
                [("left.exc", "right.inh")],
            ),
            (spaic.IncludedTypePolicy("excitatory") & spaic.IncludedTypePolicy(None, "excitatory"), [("left.exc", "right.exc")]),
        ],
    )  # fmt: skip
    def test_what_they_choose(self, policy, expected):
        net = columns()
        net.way = spaic.Projection(net.left, net.right, policy, "full")
        assert pairs(net) == expected

    def test_types_of_an_assembly_count_for_what_is_in_it(self):
        net = columns()
        net.left.deep = column()
        net.left.deep.add_type("cortex")
        net.way = spaic.Projection(net.left, net.right, spaic.IncludedTypePolicy("cortex", "excitatory"), "full")
        assert pairs(net) == [("left.deep.exc", "right.exc"), ("left.deep.inh", "right.exc")]
        assert list(net.way._members) == ["deep_exc_to_exc", "deep_inh_to_exc"]

    def test_a_policy_of_ones_own(self):
        class Same(spaic.ConnectPolicy):
            def select(self, pairs, pre, post):
                return [(a, b) for a, b in pairs if a.name == b.name]

        net = columns()
        net.way = spaic.Projection(net.left, net.right, Same(), "full")
        assert pairs(net) == [("left.exc", "right.exc"), ("left.inh", "right.inh")]

    @pytest.mark.parametrize(
        "make, said",
        [
            (lambda n: spaic.Projection(n.left, n.right, spaic.IncludedTypePolicy("excitator"), "full"), "did you mean 'excitatory'"),
            (lambda n: spaic.Projection(n.left, n.right, spaic.ExcludedTypePolicy(["excitatory", "inhibitory"]), "full"), "choose no pair"),
            (lambda n: spaic.Projection(n.left, n.right, spaic.IndexConnectPolicy([0], [7]), "full"), "has 2 members on level 1"),
            (lambda n: spaic.Projection(n.left, n.right, spaic.IndexConnectPolicy([0], [1, 0]), "full"), "1 and 2 places"),
            (lambda n: spaic.Projection(n.left, n.right, spaic.IncludedTypePolicy(), "full"), "neither pre_types nor post_types"),
            (lambda n: spaic.Projection(n.left, n.right, ["exc"], "full"), "is not a connection policy"),
            (lambda n: spaic.Projection(n.left, n.right, spaic.IncludedTypePolicy("fast")), "there is no link_type"),
            (lambda n: spaic.Projection(n.left, n.right), "neither a link_type nor connections"),
            (lambda n: spaic.Projection(n.left, 3, link_type="full"), "post is 3"),
            (lambda n: spaic.Projection(n.left, n.right, link_type="ful"), "did you mean 'full'"),
            (lambda n: spaic.Projection(n.left, n.right, link_type="full", weigth=1.0), "did you mean 'weight'"),
        ],
    )
    def test_mistakes(self, make, said):
        net = columns()
        with pytest.raises(spaic.SpaicError, match=said):
            net.way = make(net)
            net.build()


class TestProjections:
    def test_edits_of_an_assembly_change_it_and_keep_the_other_weights(self):
        net = columns()
        net.way = spaic.Projection(net.left, net.right, spaic.IncludedTypePolicy("excitatory"), "full")
        net.build()
        before = net.state_dict()["way.exc_to_inh.weight"].clone()
        net.left.more = spaic.NeuronGroup(2, model="lif", neuron_type="excitatory")
        net.right.del_assembly("exc")
        assert pairs(net) == [("left.exc", "right.inh"), ("left.more", "right.inh")]
        assert torch.equal(net.state_dict()["way.exc_to_inh.weight"], before)

    def test_connections_by_hand(self):
        class Way(spaic.Projection):
            def __init__(self, pre, post):
                super().__init__(pre, post)
                self.c1 = spaic.Connection(pre.exc, post.inh)

        net = columns()
        net.way = Way(net.left, net.right)
        net.build()
        assert "way.c1.weight" in net.state_dict()

    def test_parameters_may_be_a_mapping(self):
        net = columns()
        net.way = spaic.Projection(net.left, net.right, [], "full", ConnectionParameters={"w_mean": 0.5, "w_std": 0.0, "delay": 2.0})
        net.build()
        assert (net.state_dict()["way.exc_to_exc.weight"] == 0.5).all()
        assert "delay 2 ms" in net.explain()

    def test_it_is_trained_and_hidden_as_a_whole(self):
        net = columns()
        net.way = spaic.Projection(net.left, net.right, link_type="full")
        net.learner = spaic.STCA([net.way], alpha=0.5)
        net.build()
        assert len(net.learner.parameters()) == 4
        net.way.assembly_hide()
        net.learner.assembly_hide()
        net.build()
        assert list(net.state_dict()) == ["left.inner.weight", "right.inner.weight"]


class TestConnectionsToAssemblies:
    def test_it_goes_to_the_groups_that_take_the_input(self):
        net = columns()
        net.way = spaic.Connection(net.left, net.right, link_type="full", weight=0.5)
        assert pairs(net) == [("left.inh", "right.exc")]
        assert (net.state_dict()["way.inh_to_exc.weight"] == 0.5).all()

    def test_encoders_and_decoders_say_which_groups_they_are(self):
        net = columns()
        net.right.pixels = spaic.Encoder(2, coding_method="direct")
        net.right.wire = spaic.Connection(net.right.pixels, net.right.inh)
        net.left.read = spaic.Decoder(dec_target=net.left.exc)
        net.way = spaic.Connection(net.left, net.right)
        assert pairs(net) == [("left.exc", "right.inh")]

    def test_where_it_is_not_clear_the_candidates_are_named(self):
        net = columns()
        net.right.back = spaic.Connection(net.right.inh, net.right.exc)
        net.way = spaic.Connection(net.left, net.right)
        with pytest.raises(spaic.NetworkError, match="right: .* receives its input; connect to one of them: right.exc, right.inh"):
            net.build()

    def test_from_an_encoder_and_between_two_groups(self):
        net = columns()
        net.pixels = spaic.Encoder(3, coding_method="direct")
        net.way = spaic.Connection(net.pixels, net.left)
        assert pairs(net) == [("pixels", "left.exc")]
        net.pixels(np.ones((1, 3)))
        net.run(3.0)

    def test_in_a_with_block(self):
        with spaic.Network() as net:
            a = column()
            b = column()
            way = spaic.Connection(a, b)
        assert (net.a, net.b, net.way) == (a, b, way) and len(pairs(net)) == 1


@pytest.mark.parametrize("policy", [
    spaic.IncludedTypePolicy(pre_types="excitatory", post_types="fast"),
    spaic.IndexConnectPolicy([0], [1]),
    spaic.CustomConnectPolicy(lambda a, b: a.name == "exc" and b.name == "inh"),
    spaic.ExcludedTypePolicy(pre_types="fast") & spaic.ExcludedTypePolicy(post_types="excitatory"),
])  # fmt: skip
@pytest.mark.parametrize("options", [
    {"link_type": "random", "fan_in": 2, "storage": "sparse", "sign": "+", "w_norm": 2.0},
    {"link_type": "distance", "width": 0.5, "delay_trainable": True, "max_delay": 4.0},
    {"link_type": "index_list", "index_list": [(3, 0), (1, 0)], "weight": [0.5, 2.0]},
])  # fmt: skip
def test_policies_choose_for_every_kind_of_link(policy, options):
    net = columns()
    net.way = spaic.Projection(net.left, net.right, policy, **options)
    assert pairs(net) == [("left.exc", "right.inh")]
    weight = net.state_dict()["way.exc_to_inh.weight"]
    if options["link_type"] == "random":
        assert weight.shape == (2,) and (weight >= 0).all() and weight.sum().item() == pytest.approx(2.0)
    if options["link_type"] == "distance":
        assert net.state_dict()["way.exc_to_inh.delay"].shape == weight.shape == (1, 4)
    if options["link_type"] == "index_list":
        assert weight.tolist() == [[0.0, 2.0, 0.0, 0.5]]
