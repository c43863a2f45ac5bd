"""Learning-rate schedules of torch: chosen by name, checked at once, started on an optimizer later."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch.optim import lr_scheduler

from spaic.errors import DeclarationError, reject_unknown
from spaic.registry import Registry

#: Schedules made of others: one after another, and all at once.
_SEQUENCE, _CHAIN = "SequentialLR", "ChainedScheduler"

schedules: Registry[Any] = Registry("learning-rate schedule")
for _name in (
    "StepLR",
    "MultiStepLR",
    "ConstantLR",
    "LinearLR",
    "ExponentialLR",
    "PolynomialLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "OneCycleLR",
    "ReduceLROnPlateau",
    "LambdaLR",
    "MultiplicativeLR",
    _SEQUENCE,
    _CHAIN,
):
    schedules.add(_name, getattr(lr_scheduler, _name))

_MAXSTEP = {  # what `maxstep` is called where a schedule has a length
    "StepLR": "step_size",
    "ConstantLR": "total_iters",
    "LinearLR": "total_iters",
    "PolynomialLR": "total_iters",
    "CosineAnnealingLR": "T_max",
    "CosineAnnealingWarmRestarts": "T_0",
    "CyclicLR": "step_size_up",
    "OneCycleLR": "total_steps",
}


@dataclass(frozen=True)
class Schedule:
    """How the learning rate changes, by the name and with the arguments torch gives it.

    Parameters
    ----------
    name : str
        A class of :mod:`torch.optim.lr_scheduler`, in any case.
    options : mapping
        Its arguments, without the optimizer. The `schedulers` of SequentialLR and ChainedScheduler are pairs (name, arguments).

    Examples
    --------
    >>> parts = [("LinearLR", {"total_iters": 5}), ("CosineAnnealingLR", {"T_max": 20})]
    >>> Schedule("SequentialLR", {"schedulers": parts, "milestones": [5]}).options["schedulers"][0]
    ('LinearLR', {'total_iters': 5})
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", schedules[self.name].__name__)
        object.__setattr__(self, "options", {k: list(v) if isinstance(v, tuple) else v for k, v in self.options.items()})
        known = parameters_of(schedules[self.name])
        reject_unknown(self.name, self.options, known, "option")
        missing = [name for name, default in known.items() if default is inspect.Parameter.empty and name not in self.options]
        if missing:
            hint = f" (or maxstep, which is {_MAXSTEP[self.name]})" if _MAXSTEP.get(self.name) in missing else ""
            raise DeclarationError(f"{self.name}: no value for {', '.join(missing)}; give one{hint}")
        length = self.options.get(_MAXSTEP.get(self.name, ""))
        if length is not None and not _is_count(length):
            raise DeclarationError(f"{self.name}: {_MAXSTEP[self.name]} is {length!r}; give a whole number of steps from 1")
        if self.is_composed:
            self._settle_parts()

    def _settle_parts(self) -> None:
        options: dict[str, Any] = dict(self.options)
        parts = [_part(self.name, given) for given in _sequence(self.name, "schedulers", options["schedulers"])]
        options["schedulers"] = [(part.name, part.options) for part in parts]
        if self.name == _SEQUENCE:
            milestones = _sequence(self.name, "milestones", options["milestones"])
            if not all(map(_is_count, milestones)) or milestones != sorted(set(milestones)) or len(milestones) != len(parts) - 1:
                raise DeclarationError(
                    f"{self.name}: milestones are {milestones} for {len(parts)} schedules; give the steps at which the second and the "
                    "later ones begin, rising whole numbers, one fewer than schedules"
                )
            options["milestones"] = milestones
        object.__setattr__(self, "options", options)

    @property
    def is_composed(self) -> bool:
        """Whether it is made of other schedules."""
        return self.name in (_SEQUENCE, _CHAIN)

    @property
    def functions(self) -> tuple[str, ...]:
        """Names of the arguments that are Python functions."""
        if self.is_composed:
            return tuple(f"{name}: {f}" for name, options in self.options["schedulers"] for f in Schedule(name, options).functions)
        return tuple(k for k, v in self.options.items() if any(map(callable, v if isinstance(v, (list, tuple)) else [v])))

    def start(self, optimizer: torch.optim.Optimizer, path: str) -> lr_scheduler.LRScheduler:
        """The torch scheduler that drives `optimizer`; `path` is for the messages."""
        try:
            if not self.is_composed:
                return schedules[self.name](optimizer, **self.options)
            parts = [Schedule(*part).start(optimizer, path) for part in self.options["schedulers"]]
            return lr_scheduler.ChainedScheduler(parts) if self.name == _CHAIN else self._sequence(optimizer, parts)
        except (TypeError, ValueError, ZeroDivisionError) as error:
            raise DeclarationError(f"{path}: {self.name} refuses {self.options} ({error}); correct them") from error

    def _sequence(self, optimizer: torch.optim.Optimizer, parts: list[lr_scheduler.LRScheduler]) -> lr_scheduler.SequentialLR:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "(?s).*before `optimizer.step", UserWarning)  # torch sets the parts back by stepping them
            return lr_scheduler.SequentialLR(optimizer, parts, list(self.options["milestones"]))


def schedule_named(name: str | Schedule | list[Any], value: Any = None, maxstep: int | None = None, **options: Any) -> Schedule:
    """The declaration of a schedule.

    Parameters
    ----------
    name : str, Schedule or list
        A class of :mod:`torch.optim.lr_scheduler`, in any case; or the parts of a SequentialLR, whose `milestones` are an option.
    value : optional
        The schedule's first argument; for StepLR a value below 1 is `gamma`.
    maxstep : int, optional
        Length of the schedule, whatever the schedule calls it.
    **options
        Further arguments of the schedule.

    Warns
    -----
    UserWarning
        If StepLR is given `gamma` as its `value` and no `step_size`, which then is 1.
    """
    if isinstance(name, Schedule):
        reject_unknown(name.name, options, (), "option besides a Schedule")
        return schedule_named(name.name, value, maxstep, **name.options)
    if isinstance(name, (list, tuple)):
        if "milestones" not in options:
            raise DeclarationError(
                f"{_SEQUENCE}: {len(name)} schedules without milestones; give the steps at which the later ones begin, or name "
                f"{_CHAIN!r} and give them as schedulers= to have all of them at once"
            )
        return schedule_named(_SEQUENCE, value, maxstep, schedulers=list(name), **options)
    kind: str = schedules[name].__name__
    if maxstep is not None:
        if kind not in _MAXSTEP:
            raise DeclarationError(f"{kind}: maxstep is {maxstep}, but this schedule has no length; leave it out")
        _put(kind, options, _MAXSTEP[kind], maxstep)
    if value is not None:
        is_gamma = kind == "StepLR" and isinstance(value, Real) and value < 1
        _put(kind, options, "gamma" if is_gamma else next(iter(parameters_of(schedules[kind]))), value)
        if is_gamma and "step_size" not in options:
            warnings.warn(f"StepLR: {value} is read as gamma, and step_size as 1; give both by name", stacklevel=2)
            options["step_size"] = 1
    return Schedule(kind, options)


def parameters_of(torch_class: type) -> dict[str, Any]:
    """Arguments of a torch optimizer or schedule that an option may name, with their defaults."""
    parameters = inspect.signature(torch_class).parameters
    ours = {"params", "lr", "optimizer", "last_epoch"}  # given by spaic itself
    return {name: parameter.default for name, parameter in parameters.items() if name not in ours}


def _put(path: str, options: dict[str, Any], key: str, value: Any) -> None:
    if key in options:
        raise DeclarationError(f"{path}: {key} is given twice, as {options[key]!r} and as {value!r}; give one")
    options[key] = value


def _part(path: str, given: Any) -> Schedule:
    if isinstance(given, str):
        given = (given, {})
    if not isinstance(given, Schedule):
        if not isinstance(given, (list, tuple)) or len(given) != 2 or not isinstance(given[1], Mapping):
            raise DeclarationError(f"{path}: {given!r} is not a schedule; give a pair of a name and a dict of its arguments")
        given = Schedule(*given)
    if given.is_composed or given.name == "ReduceLROnPlateau":
        raise DeclarationError(f"{path}: {given.name} cannot be a part of another schedule; give simple schedules that count steps")
    return given


def _sequence(path: str, name: str, value: Any) -> list[Any]:
    if not isinstance(value, (list, tuple)) or (name == "schedulers" and not value):
        raise DeclarationError(f"{path}: {name} is {value!r}; give a list")
    return list(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value >= 1)
