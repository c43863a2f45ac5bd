"""Learners as plain data, and back."""

import json

import pytest

import spaic
from spaic.Learning.optimizer import Optimizer
from spaic.registry import learners, surrogates
from tests.Learning.builders import Small, changed, learning, small, train, weights

OWN = spaic.Surrogate("bump", "where(abs(x) < w, 1 / (2 * w), 0)", {"w": spaic.Parameter(0.5, range="(0, inf)")})


def elements(net):
    return {"": net, **{element.path: element for element in net.members()}}


def through_a_file(net):
    """The learner of a network, rebuilt for another one from JSON."""
    text = json.dumps(net.learner.describe())
    other = small()
    other.learner = spaic.Learner.from_description(json.loads(text), elements(other))
    return other


MADE = {
    "STCA": lambda net: spaic.STCA(0.7, net, reset_gradient=False),
    "STBP": lambda net: spaic.STBP(net.part, alpha=0.3),
    "nothing said": lambda net: spaic.STCA(),
    "list": lambda net: spaic.SurrogateBP([net.link1, net.part.loop], "atan", alpha=3.0),
    "own surrogate": lambda net: spaic.SurrogateBP(net, OWN, w=0.8),
}


@pytest.mark.parametrize("kind", MADE)
def test_the_same_learner(kind):
    net = small(MADE[kind])
    net.learner.set_optimizer("AdamW", 0.02, betas=(0.8, 0.99), clip_norm=2.0, schedule="StepLR", maxstep=3)
    other = through_a_file(net)
    one, two = net.learner, other.learner
    assert type(one) is type(two) and one.describe() == two.describe() and [p.path for p in one.parts()] == [p.path for p in two.parts()]
    assert one.shown_surrogate == two.shown_surrogate
    before = weights(net)
    assert train(net, 3) == train(other, 3) and changed(net, before) == changed(other, before) != set()


def test_everything_that_was_declared():
    net = learning()
    net.learner = spaic.STCA(net, optimizer=spaic.SGD(lr=0.1), groups=[dict(parts=net.part, lr=0.5), dict(names="bias", lr=0.2)])
    net.learner.set_schedule([("LinearLR", {}), ("ExponentialLR", {"gamma": 0.9})], milestones=[4])
    net.build()
    assert net.learner.describe() == {
        "algorithm": "stca",
        "trainable": [""],
        "options": {"alpha": 0.5, "reset_gradient": True},
        "optimizer": {
            "name": "SGD", "lr": 0.1, "options": {}, "schedule": None, "schedule_options": {}, "clip_norm": None, "clip_value": None,
        },
        "schedule": {
            "name": "SequentialLR",
            "options": {"schedulers": [["LinearLR", {}], ["ExponentialLR", {"gamma": 0.9}]], "milestones": [4]},
        },
        "groups": [
            {"parts": ["part"], "names": [], "options": {"lr": 0.5}},
            {"parts": [], "names": ["bias"], "options": {"lr": 0.2}},
        ],
    }  # fmt: skip
    assert through_a_file(net).learner.describe() == net.learner.describe()


def test_an_optimizer_of_the_network_is_not_the_learner_s():
    net = learning()
    assert net.learner.describe()["optimizer"] is None
    assert Optimizer(**json.loads(json.dumps(net.optim.describe()))) == net.optim


def test_registered_surrogates_go_by_name_and_others_as_they_are():
    assert small(MADE["list"]).learner.describe()["options"]["surrogate"] == {"surrogate": "atan", "values": {"alpha": 3.0}}
    own = small(MADE["own surrogate"]).learner.describe()["options"]["surrogate"]
    assert own["derivative"] == OWN.derivative and own["values"] == {"w": 0.8}
    like = spaic.Surrogate("atan", "1 / (1 + x**2)")
    assert small(lambda net: spaic.SurrogateBP(net, like)).learner.describe()["options"]["surrogate"]["derivative"] == like.derivative


@pytest.mark.parametrize("name", sorted(surrogates))
def test_every_surrogate(name):
    net = small(lambda net: spaic.SurrogateBP(net, name))
    assert through_a_file(net).learner.shown_surrogate == net.learner.shown_surrogate


def test_in_a_block_the_block_does_not_take_it():
    net = small(lambda net: spaic.STCA(net, optimizer=spaic.SGD(lr=0.1)))
    description = net.learner.describe()
    host = Small()
    with host:
        spaic.Learner.from_description(description, elements(host))
    assert not list(host.members(spaic.Learner))


@pytest.fixture
def registered():
    names = []

    def register(kind):
        names.append(kind.__name__)
        return learners.add(kind.__name__, kind)

    yield register
    for name in names:
        learners.remove(name)


class TestLearnersOfTheUser:
    def test_arguments_that_are_kept(self, registered):
        @registered
        class Clipped(spaic.SurrogateBP):
            def __init__(self, trainable=None, *, limit=1.0, steps=(1, 2), **options):
                super().__init__(trainable, **options)
                self.limit, self.steps = limit, steps

        net = small(lambda net: spaic.Learner(net.part, algorithm="clipped", surrogate="sigmoid", limit=0.5))
        assert net.learner.describe()["options"] == {
            "limit": 0.5, "steps": [1, 2], "surrogate": {"surrogate": "sigmoid", "values": {}}, "reset_gradient": True,
        }  # fmt: skip
        other = through_a_file(net).learner
        assert type(other) is Clipped and other.limit == 0.5 and other.surrogate.name == "sigmoid" and other.trainable[0].path == "part"

    def test_arguments_that_are_not_kept(self, registered):
        @registered
        class Forgetful(spaic.STCA):
            def __init__(self, trainable=None, *, limit=1.0):
                super().__init__(trainable)

        net = small(lambda net: Forgetful(net))
        with pytest.raises(spaic.UnsupportedError, match="learner: Forgetful does not keep its argument 'limit'; set self.limit in"):
            net.learner.describe()

    def test_arguments_that_are_no_plain_data(self, registered):
        @registered
        class Strange(spaic.STCA):
            def __init__(self, trainable=None, *, weigh=None):
                super().__init__(trainable)
                self.weigh = weigh

        net = small(lambda net: Strange(net, weigh=[1, {"how": len}]))
        with pytest.raises(spaic.UnsupportedError, match=r"learner.weigh\[1\].how: a builtin_function_or_method cannot be written down"):
            net.learner.describe()
        assert through_a_file(small(lambda net: Strange(net, weigh=[1, None]))).learner.weigh == [1, None]

    def test_a_class_that_is_not_registered(self):
        class Unknown(spaic.STCA):
            pass

        with pytest.raises(spaic.UnsupportedError, match="learner: Unknown is not registered, .*spaic.registry.learners.register"):
            small(lambda net: Unknown(0.5, net)).learner.describe()


class TestMistakes:
    def test_functions_in_schedules(self):
        net = learning()
        net.learner.set_schedule("LambdaLR", lambda epoch: 0.5**epoch)
        with pytest.raises(spaic.UnsupportedError, match="learner: the schedule LambdaLR has a Python function; use one with numbers"):
            net.learner.describe()
        net.learner = spaic.STCA(net, optimizer=spaic.SGD(schedule="MultiplicativeLR", lr_lambda=lambda step: 0.5))
        with pytest.raises(spaic.UnsupportedError, match="SGD: the schedule MultiplicativeLR has a Python function"):
            net.learner.describe()

    @pytest.mark.parametrize(
        ("change", "error", "said"),
        [
            (lambda d: d.pop("groups"), spaic.DeclarationError, "learner: the description has keys"),
            (lambda d: d.update(speed=1), spaic.DeclarationError, "learner: the description has keys"),
            (lambda d: d.update(algorithm="stcb"), spaic.UnknownName, "unknown learning algorithm 'stcb'; did you mean 'stca'"),
            (lambda d: d.update(trainable=["link"]), spaic.UnknownName, "there is no element 'link' to train; did you mean 'link"),
            (lambda d: d["options"].update(alpha=-1.0), spaic.DeclarationError, "alpha"),
        ],
    )
    def test_a_description_of_something_else(self, change, error, said):
        net = learning()
        description = net.learner.describe()
        change(description)
        with pytest.raises(error, match=said):
            spaic.Learner.from_description(description, elements(net))
