"""Parameter groups: what is in them, their options, and that they last."""

import copy

import pytest

import spaic
from tests.Learning.builders import backward, changed, learning, small, train, weights


def groups(learner):
    """Paths and learning rate of each group."""
    return [(sorted(g["parameters"]), g["lr"]) for g in learner.state_dict()["groups"]]


def test_parts_with_a_rate_of_their_own():
    net = learning(spaic.SGD(lr=0.1))
    net.learner.add_param_group(net.link1, lr=0.01)
    net.learner.add_param_group([net.part], lr=0.02)
    before = weights(net)
    backward(net)
    gradients = {path: p.grad.clone() for path, p in net.named_parameters()}
    net.learner.optim_step()
    assert groups(net.learner) == [(["link2.bias", "link2.weight"], 0.1), (["link1.weight"], 0.01), (["part.loop.weight"], 0.02)]
    for path, rate in {"link2.weight": 0.1, "link1.weight": 0.01, "part.loop.weight": 0.02}.items():
        expected = before[path].add(gradients[path], alpha=-rate)
        assert net.state_dict()[path].equal(expected) and gradients[path].any()


def test_names_of_parameters():
    net = learning(spaic.SGD(lr=0.1, weight_decay=0.5))
    net.learner.add_param_group(names="bias", weight_decay=0.0, lr=1.0)
    net.build()
    assert groups(net.learner) == [(["link1.weight", "link2.weight", "part.loop.weight"], 0.1), (["link2.bias"], 1.0)]
    assert [g["weight_decay"] for g in net.learner.optimizer.param_groups] == [0.5, 0.0]


def test_parts_and_names():
    net = learning()
    net.learner.add_param_group(net.link2, names=["bias"], lr=0.5)
    net.learner.add_param_group(net.link2, names="weight", lr=0.25)
    net.build()
    assert groups(net.learner)[1:] == [(["link2.bias"], 0.5), (["link2.weight"], 0.25)]


def test_as_a_keyword():
    net = small(lambda net: spaic.STCA(net, optimizer=spaic.Adam(lr=0.1), groups=[dict(parts=net.link1, lr=0.5), dict(names="bias", lr=1)]))
    net.build()
    assert [rate for _, rate in groups(net.learner)] == [0.1, 0.5, 1]


def test_a_schedule_drives_all_groups():
    net = learning(spaic.SGD(lr=0.4, schedule="StepLR", maxstep=1, gamma=0.5))
    net.learner.add_param_group(net.link1, lr=0.1)
    train(net, 2)
    assert [rate for _, rate in groups(net.learner)] == [0.1, 0.025]


def test_a_group_that_is_added_later_joins_the_schedule():
    net = learning(spaic.Adam(lr=0.4, schedule="StepLR", maxstep=1, gamma=0.5))
    train(net, 2)
    net.learner.add_param_group(net.link1, lr=0.8)
    assert [rate for _, rate in groups(net.learner)] == pytest.approx([0.1, 0.2], rel=1e-12)
    assert net.learner.state_dict()["moments"]["link1.weight"]["step"] == 2
    train(net)
    assert [rate for _, rate in groups(net.learner)] == pytest.approx([0.05, 0.1], rel=1e-12)
    net.learner.clear_param_groups()
    assert groups(net.learner) == [(["link1.weight", "link2.bias", "link2.weight", "part.loop.weight"], 0.05)]


def test_an_option_for_which_more_has_to_be_kept_starts_its_parameters_anew():
    net = learning()
    train(net, 2)
    net.learner.add_param_group(net.link1, amsgrad=True)
    net.learner.add_param_group(net.part, weight_decay=0.1)
    train(net)
    found = net.learner.state_dict()["moments"]
    assert {path: int(kept["step"]) for path, kept in found.items()} == {
        "link1.weight": 1, "link2.weight": 3, "link2.bias": 3, "part.loop.weight": 3,
    }  # fmt: skip


@pytest.mark.parametrize("copied", [False, True])
def test_a_rebuild_and_a_copy_keep_groups(copied):
    net = learning()
    net.learner.add_param_group(net.link1, lr=0.5)
    train(net)
    if copied:
        net = copy.deepcopy(net)
    net.watch = spaic.StateMonitor(net.out, "V")
    before = weights(net)
    train(net)
    assert groups(net.learner)[1] == (["link1.weight"], 0.5)
    assert net.learner.param_groups[0].parts == (net.link1,) and len(changed(net, before)) == 4


def test_a_part_that_is_replaced_takes_the_group_over():
    net = learning()
    net.learner.add_param_group(net.part, lr=0.5)
    train(net)
    net.learner.optimizer.param_groups[1]["lr"] = 0.123
    new = spaic.Assembly()
    new.hidden, new.extra = spaic.NeuronGroup(10, model="lif"), spaic.NeuronGroup(2, model="lif")
    new.loop = spaic.Connection(new.hidden, new.extra)
    net.replace_assembly(net.part, new)
    train(net)
    assert groups(net.learner)[1] == (["part.loop.weight"], 0.123)


def test_a_hidden_part_leaves_its_group_empty():
    net = learning()
    net.learner.add_param_group(net.part.loop, lr=0.5)
    train(net)
    net.part.loop.hide()
    train(net)
    assert groups(net.learner)[1] == ([], 0.5)
    net.part.loop.show()
    train(net)
    assert groups(net.learner)[1] == (["part.loop.weight"], 0.5)


class TestMistakes:
    def test_an_option_that_the_optimizer_does_not_have(self):
        net = learning()
        with pytest.raises(spaic.DeclarationError, match="unknown option of Adam 'weight_decy'; did you mean 'weight_decay'"):
            net.learner.add_param_group(net.link1, weight_decy=0.1)
        with pytest.raises(spaic.DeclarationError, match="unknown option of Adam 'momentum'"):
            net.learner.add_param_group(net.link1, momentum=0.9)
        assert net.learner.param_groups == ()

    def test_an_option_that_no_optimizer_has(self):
        with pytest.raises(spaic.DeclarationError, match="STCA: .*: unknown option 'momentun'; did you mean 'momentum'"):
            spaic.STCA().add_param_group(names="bias", momentun=0.9)
        learner = spaic.STCA()
        learner.add_param_group(names="bias", momentum=0.9)
        with pytest.raises(spaic.DeclarationError, match="unknown option of Adam 'momentum'"):
            learner.set_optimizer("Adam", 0.1)

    @pytest.mark.parametrize("options", [{"lr": 0.0}, {"lr": "fast"}, {"betas": (2.0, 0.9)}, {"weight_decay": -1.0}])
    def test_a_value_that_cannot_be_meant(self, options):
        with pytest.raises(spaic.DeclarationError, match="lr is|Adam refuses"):
            learning().learner.add_param_group(names="bias", **options)

    def test_a_part_given_twice(self):
        net = learning()
        net.learner.add_param_group(net.link1, lr=0.5)
        with pytest.raises(spaic.DeclarationError, match="link1.* is in two parameter groups, or twice in one"):
            net.learner.add_param_group([net.link2, net.link1], lr=0.1)
        with pytest.raises(spaic.DeclarationError, match="link2.* is in two parameter groups, or twice in one"):
            net.learner.add_param_group([net.link2, net.link2], lr=0.1)

    def test_a_parameter_in_two_groups(self):
        net = learning()
        net.learner.add_param_group(net.link2, lr=0.5)
        net.learner.add_param_group(names="bias", lr=0.1)
        with pytest.raises(spaic.NetworkError, match="'link2.bias' is in the parameter group of .*link2.* and in .*'bias'.*; name smaller"):
            net.build()

    def test_a_group_of_what_is_not_trained(self):
        net = small(lambda net: spaic.STCA(net.link1, optimizer=spaic.Adam()))
        net.learner.add_param_group(net.link2, lr=0.5)
        with pytest.raises(spaic.NetworkError, match=r"learner: .*group of .*link2.* holds nothing that this learner trains \(link1"):
            net.build()

    @pytest.mark.parametrize(
        ("call", "said"),
        [
            (lambda learner: learner.add_param_group(lr=0.1), "a parameter group of nothing; give parts"),
            (lambda learner: learner.add_param_group(names="bias"), "a parameter group without options"),
            (lambda learner: learner.add_param_group("link1", lr=0.1), "'link1' is not a part of a network"),
            (lambda learner: learner.add_param_group(names=[3], lr=0.1), r"names of parameters are \[3\]; give text"),
            (lambda learner: spaic.STCA(groups=["bias"]), "groups holds 'bias'; give dicts such as"),
        ],
    )
    def test_what_makes_no_group(self, call, said):
        with pytest.raises(spaic.DeclarationError, match=said):
            call(spaic.STCA())

    def test_a_part_of_another_network(self):
        net = learning()
        net.learner.add_param_group(learning().link1, lr=0.1)
        with pytest.raises(spaic.SpaicError, match="learner: .*link1"):
            net.build()
