from __future__ import annotations

import json
import math
import warnings
from dataclasses import asdict

import numpy as np
import pytest
import torch

from spaic.errors import DeclarationError, StateError, UnknownName, UnsupportedError
from spaic.Learning import optimizer as module
from spaic.Learning.optimizer import SGD, Adam, Optimizer, Schedule, optimizer_named, optimizers, schedule_named, schedules

NAMES = ["Adam", "AdamW", "SGD", "RMSprop", "Adamax", "Adagrad", "Adadelta", "ASGD", "Rprop", "NAdam", "RAdam", "Adafactor"]
ENOUGH = {  # options with which each schedule runs
    "StepLR": {"step_size": 2},
    "MultiStepLR": {"milestones": [2, 4]},
    "ConstantLR": {},
    "LinearLR": {},
    "ExponentialLR": {"gamma": 0.9},
    "PolynomialLR": {},
    "CosineAnnealingLR": {"T_max": 5},
    "CosineAnnealingWarmRestarts": {"T_0": 3},
    "CyclicLR": {"base_lr": 0.001, "max_lr": 0.1, "cycle_momentum": False},
    "OneCycleLR": {"max_lr": 0.1, "total_steps": 20},
    "LambdaLR": {"lr_lambda": lambda step: 0.5**step},
    "MultiplicativeLR": {"lr_lambda": lambda step: 0.5},
}


def weight():
    return torch.nn.Parameter(torch.tensor([1.0, -2.0]))


def descend(bound, parameter, steps=1):
    rates = []
    for _ in range(steps):
        rates.append(bound.lr)
        bound.zero_grad()
        parameter.square().sum().backward()
        bound.step()
    return rates


@pytest.mark.parametrize("name", NAMES)
def test_every_factory_steps_as_torch_does(name):
    spec = getattr(module, name)(lr=0.01)
    assert spec.name == name and spec == optimizer_named(name.upper(), 0.01)
    ours, theirs = weight(), weight()
    bound, plain = spec.bind([ours], "learner1"), getattr(torch.optim, name)([theirs], lr=0.01)
    descend(bound, ours, 3)
    for _ in range(3):
        plain.zero_grad()
        theirs.square().sum().backward()
        plain.step()
    assert torch.equal(ours, theirs) and not torch.equal(ours, weight())


def test_every_name_is_covered():
    assert {optimizers[name].__name__ for name in optimizers} == set(NAMES)
    assert {schedules[name].__name__ for name in schedules} == {*ENOUGH, "ReduceLROnPlateau", "SequentialLR", "ChainedScheduler"}


@pytest.mark.parametrize(("written", "meant"), [("adam", "Adam"), ("Adamx", "Adamax"), ("Rpop", "Rprop"), (" sgd ", "SGD")])
def test_spellings(written, meant):
    assert optimizer_named(written, 0.1).name == meant


def test_unknown_names_suggest():
    with pytest.raises(UnknownName, match="unknown optimizer 'Adan'; did you mean 'adam'"):
        optimizer_named("Adan", 0.1)
    with pytest.raises(UnknownName, match="learning-rate schedule 'StepLRR'; did you mean 'steplr'"):
        Adam(0.1, schedule="StepLRR")
    with pytest.raises(DeclarationError, match="Adam: unknown option 'beta'; did you mean 'betas'"):
        Adam(0.1, beta=(0.9, 0.99))
    with pytest.raises(DeclarationError, match="Adam: unknown option 'gama'; did you mean 'gamma'"):
        Adam(0.1, schedule="StepLR", maxstep=3, gama=0.5)
    with pytest.raises(DeclarationError, match="StepLR: unknown option 'last_epoch'"):
        schedule_named("StepLR", step_size=3, last_epoch=5)


@pytest.mark.parametrize("lr", [0, -0.1, math.nan, math.inf, "0.1", True])
def test_learning_rates_that_cannot_be_meant(lr):
    with pytest.raises(DeclarationError, match="Adam: lr is "):
        Adam(lr=lr)


def test_learning_rate_default_and_types():
    assert Adam().lr == 0.001 and Adam(np.float32(0.5)).lr == 0.5 and SGD(1).lr == 1.0


def test_values_are_checked_where_they_are_written():
    with pytest.raises(DeclarationError, match="Adam: Adam refuses .*Invalid beta"):
        Adam(0.1, betas=(2.0, 0.9))
    with pytest.raises(DeclarationError, match="OneCycleLR refuses"):
        Adam(0.1, schedule="OneCycleLR", max_lr=0.1)
    with pytest.raises(DeclarationError, match=r"StepLR: no value for step_size; give one \(or maxstep, which is step_size\)"):
        Adam(0.1, schedule="StepLR")
    for length in (0, -3, 2.5, True):
        with pytest.raises(DeclarationError, match="StepLR: step_size is"):
            Adam(0.1, schedule="StepLR", maxstep=length)


@pytest.mark.parametrize("name", ENOUGH)
def test_every_schedule_counts_steps_as_torch_does(name):
    parameter, other = weight(), weight()
    bound = SGD(0.01, schedule=name.lower(), **ENOUGH[name]).bind([parameter], "learner1")
    plain = torch.optim.SGD([other], lr=0.01)
    scheduler = getattr(torch.optim.lr_scheduler, name)(plain, **ENOUGH[name])
    expected = []
    for _ in range(12):
        expected.append(plain.param_groups[0]["lr"])
        plain.step()
        scheduler.step()
    assert descend(bound, parameter, 12) == expected and len(set(expected)) > 1


@pytest.mark.parametrize(
    ("name", "option", "more"),
    [
        ("StepLR", "step_size", {}),
        ("CosineAnnealingLR", "T_max", {}),
        ("CosineAnnealingWarmRestarts", "T_0", {}),
        ("LinearLR", "total_iters", {}),
        ("ConstantLR", "total_iters", {}),
        ("PolynomialLR", "total_iters", {}),
        ("OneCycleLR", "total_steps", {"max_lr": 1.0}),
        ("CyclicLR", "step_size_up", {"base_lr": 0.1, "max_lr": 1.0, "cycle_momentum": False}),
    ],
)
def test_maxstep_is_the_length_of_a_schedule(name, option, more):
    assert Adam(0.01, schedule=name, maxstep=1000, **more).schedule_options == {**more, option: 1000}


def test_maxstep_without_a_meaning():
    with pytest.raises(DeclarationError, match="ExponentialLR: maxstep is 10"):
        Adam(0.01, schedule="ExponentialLR", maxstep=10, gamma=0.5)
    with pytest.raises(DeclarationError, match="Adam: maxstep 10 without"):
        Adam(0.01, maxstep=10)
    with pytest.raises(DeclarationError, match="step_size is given twice"):
        Adam(0.01, schedule="StepLR", maxstep=10, step_size=5)


def test_options_go_where_they_belong():
    spec = SGD(0.1, schedule="StepLR", maxstep=10, momentum=0.9, gamma=0.5)
    assert spec.options == {"momentum": 0.9} and spec.schedule_options == {"gamma": 0.5, "step_size": 10}
    assert SGD(0.1, schedule=Schedule("steplr", {"step_size": 10, "gamma": 0.5}), momentum=0.9) == spec


def test_a_spec_is_plain_data():
    spec = SGD(0.1, schedule="CosineAnnealingLR", maxstep=10, momentum=0.9)
    assert Optimizer(**json.loads(json.dumps(asdict(spec)))) == spec
    with pytest.raises(DeclarationError, match="without a schedule"):
        Optimizer("SGD", 0.1, schedule_options={"gamma": 1})


def test_positional_value_of_a_schedule():
    with pytest.warns(UserWarning, match="0.01 is read as gamma, and step_size as 1"):
        assert schedule_named("StepLR", 0.01).options == {"gamma": 0.01, "step_size": 1}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert schedule_named("StepLR", 0.01, maxstep=5).options == {"step_size": 5, "gamma": 0.01}
        assert schedule_named("StepLR", 30).options == {"step_size": 30}
        assert schedule_named("ExponentialLR", 0.9).options == {"gamma": 0.9}
        assert schedule_named("cosineannealinglr", 50) == Schedule("CosineAnnealingLR", {"T_max": 50})
        assert schedule_named("MultiStepLR", [3, 5]).options == {"milestones": [3, 5]}


def test_a_schedule_that_is_advanced_by_hand():
    parameter = weight()
    bound = SGD(0.1).bind([parameter], "learner1")
    with pytest.raises(StateError, match="learner1: the optimizer has no schedule"):
        bound.schedule_step()
    bound.set_schedule(schedule_named("ExponentialLR", 0.5))
    assert descend(bound, parameter, 3) == [0.1] * 3
    bound.schedule_step()
    assert bound.lr == 0.05
    bound.set_schedule(schedule_named("StepLR", 2, gamma=0.1))
    assert bound.lr == 0.1  # from the declared rate, not from where the other had come


def test_plateau_needs_the_loss():
    with pytest.raises(DeclarationError, match="set_schedule.*optim_schedule"):
        Adam(0.1, schedule="ReduceLROnPlateau")
    parameter = weight()
    bound = SGD(0.1).bind([parameter], "learner1")
    bound.set_schedule(schedule_named("ReduceLROnPlateau", patience=0))
    descend(bound, parameter)
    with pytest.raises(StateError, match="give the loss"):
        bound.schedule_step()
    bound.schedule_step(1.0)
    bound.schedule_step(torch.tensor(2.0))
    assert bound.lr == pytest.approx(0.01)


def test_a_schedule_that_counts_steps_is_not_advanced_twice():
    bound = Adam(0.1, schedule="StepLR", maxstep=5).bind([weight()], "learner1")
    with pytest.raises(StateError, match="learner1: StepLR already advances"):
        bound.schedule_step()


def test_the_end_of_one_cycle_is_named():
    parameter = weight()
    bound = SGD(0.1, schedule="OneCycleLR", maxstep=3, max_lr=0.1).bind([parameter], "learner1")
    with pytest.raises(StateError, match="learner1: OneCycleLR is at its end"):
        descend(bound, parameter, 5)


def test_binding():
    parameter = weight()
    assert len(Adam(0.1).bind([parameter, parameter], "learner1").optimizer.param_groups[0]["params"]) == 1
    with pytest.raises(StateError, match="learner1: Adam has no parameters"):
        Adam(0.1).bind([], "learner1")


def test_training_continues_exactly_from_a_saved_state():
    spec = Adam(0.1, schedule="StepLR", maxstep=2, gamma=0.5)
    parameter = weight()
    bound = spec.bind([parameter], "learner1")
    descend(bound, parameter, 3)
    copy = torch.nn.Parameter(parameter.detach().clone())
    other = spec.bind([copy], "learner1")
    state = bound.state_dict()
    expected = descend(bound, parameter, 4)  # must change neither the saved state nor the other optimizer
    other.load_state_dict(state)
    assert descend(other, copy, 4) == expected
    assert torch.equal(copy, parameter)


def test_a_state_of_something_else_is_refused():
    state = Adam(0.1).bind([weight()], "a").state_dict()
    with pytest.raises(StateError, match="b: the state is of name Adam, here it is SGD"):
        SGD(0.1).bind([weight()], "b").load_state_dict(state)
    with pytest.raises(StateError, match="of schedule None, here it is StepLR"):
        Adam(0.1, schedule="StepLR", maxstep=2).bind([weight()], "b").load_state_dict(state)
    with pytest.raises(StateError, match="other parameters"):
        Adam(0.1).bind([weight(), weight()], "b").load_state_dict(state)
    with pytest.raises(StateError, match="has keys"):
        Adam(0.1).bind([weight()], "b").load_state_dict({})


PARTS = [("LinearLR", {"total_iters": 3}), ("CosineAnnealingLR", {"T_max": 5}), ("ConstantLR", {"factor": 0.5, "total_iters": 100})]


def plain_rates(make, steps=14):
    optimizer = torch.optim.SGD([weight()], lr=0.4)
    scheduler, rates = make(optimizer), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


class TestComposedSchedules:
    def test_one_after_another_as_torch_does(self):
        def plain(optimizer):
            parts = [getattr(torch.optim.lr_scheduler, name)(optimizer, **options) for name, options in PARTS]
            return torch.optim.lr_scheduler.SequentialLR(optimizer, parts, [3, 8])

        expected = plain_rates(plain)
        parameter = weight()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            bound = SGD(0.4, schedule=PARTS, milestones=[3, 8]).bind([parameter], "learner1")
            assert descend(bound, parameter, 14) == expected
        assert len(set(expected)) > 5

    def test_all_at_once_as_torch_does(self):
        def plain(optimizer):
            parts = [getattr(torch.optim.lr_scheduler, name)(optimizer, **options) for name, options in PARTS[::2]]
            return torch.optim.lr_scheduler.ChainedScheduler(parts)

        parameter = weight()
        bound = SGD(0.4, schedule="ChainedScheduler", schedulers=PARTS[::2]).bind([parameter], "learner1")
        assert descend(bound, parameter, 14) == plain_rates(plain)

    def test_set_schedule_takes_them(self):
        parameter = weight()
        bound = SGD(0.4).bind([parameter], "learner1")
        bound.set_schedule(schedule_named(PARTS, milestones=[3, 8]))
        rates = []
        for _ in range(4):
            rates.append(bound.lr)
            descend(bound, parameter)
            bound.schedule_step()
        assert rates == plain_rates(lambda o: schedule_named(PARTS, milestones=[3, 8]).start(o, ""), 4)

    def test_they_are_plain_data(self):
        spec = SGD(0.1, schedule=PARTS, milestones=(3, 8))
        assert Optimizer(**json.loads(json.dumps(spec.describe()))) == spec
        assert spec.schedule_options == {"schedulers": PARTS, "milestones": [3, 8]}
        assert SGD(0.1, schedule="SequentialLR", schedulers=PARTS, milestones=[3, 8]) == spec
        assert SGD(0.1, schedule=Schedule("sequentiallr", {"schedulers": PARTS, "milestones": [3, 8]})) == spec

    @pytest.mark.parametrize(
        ("schedule", "options", "said"),
        [
            (PARTS, {}, "SequentialLR: 3 schedules without milestones; give the steps .*'ChainedScheduler'"),
            (PARTS, {"milestones": [3]}, r"SequentialLR: milestones are \[3\] for 3 schedules"),
            (PARTS, {"milestones": [8, 3]}, "rising whole numbers"),
            (PARTS, {"milestones": [0, 3]}, "rising whole numbers"),
            (PARTS, {"milestones": [2.5, 3]}, "rising whole numbers"),
            (PARTS, {"milestones": 3}, "milestones is 3; give a list"),
            ([], {"milestones": []}, r"schedulers is \[\]; give a list"),
            ([("LinearLR",)], {"milestones": []}, "is not a schedule; give a pair of a name and a dict"),
            ([("LinearLR", {"total": 3})], {"milestones": []}, "LinearLR: unknown option 'total'; did you mean 'total_iters'"),
            (["StepLR"], {"milestones": []}, "StepLR: no value for step_size"),
            (["ReduceLROnPlateau"], {"milestones": []}, "ReduceLROnPlateau cannot be a part of another schedule"),
            ([("SequentialLR", {"schedulers": PARTS, "milestones": [3, 8]})], {"milestones": []}, "cannot be a part of another"),
            ("ChainedScheduler", {}, "ChainedScheduler: no value for schedulers"),
            (PARTS, {"milestone": [3, 8]}, "SGD: unknown option 'milestone'; did you mean 'milestones'"),
        ],
    )
    def test_what_cannot_be_meant(self, schedule, options, said):
        with pytest.raises(DeclarationError, match=said):
            SGD(0.1, schedule=schedule, **options)

    def test_an_unknown_part(self):
        with pytest.raises(UnknownName, match="learning-rate schedule 'LinearLRR'; did you mean 'linearlr'"):
            SGD(0.1, schedule=["LinearLRR"], milestones=[])

    def test_functions_cannot_be_written_down(self):
        spec = SGD(0.1, schedule="ChainedScheduler", schedulers=[("LambdaLR", {"lr_lambda": lambda step: 1.0})])
        with pytest.raises(UnsupportedError, match=r"SGD: the schedule ChainedScheduler has a Python function \(LambdaLR: lr_lambda\)"):
            spec.describe()


@pytest.mark.parametrize(
    ("name", "reason"),
    [("LBFGS", "several times per step"), ("SparseAdam", "sparse gradients"), ("muon", "matrices only")],
)
def test_optimizers_that_cannot_be_used_say_why(name, reason):
    with pytest.raises(UnsupportedError, match=f"{name}: .*{reason}"):
        optimizer_named(name, 0.1)


def test_every_optimizer_of_torch_is_there_or_refused():
    there = {name for name in dir(torch.optim) if isinstance(getattr(torch.optim, name), type)} - {"Optimizer"}
    assert there == {*NAMES, "LBFGS", "SparseAdam", "Muon"}


def test_every_schedule_of_torch_is_there():
    kinds = torch.optim.lr_scheduler.LRScheduler
    found = vars(torch.optim.lr_scheduler).items()
    there = {name for name, kind in found if isinstance(kind, type) and issubclass(kind, kinds) and name[0] != "_"} - {kinds.__name__}
    assert there == {schedules[name].__name__ for name in schedules}
