"""Optimizers and learning-rate schedules of torch: chosen by name, checked at once, bound to weights later."""

from __future__ import annotations

import copy
import inspect
import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

import torch
from torch.optim import lr_scheduler

from spaic.errors import DeclarationError, StateError, reject_unknown
from spaic.Network import context
from spaic.Network.element import Attachment
from spaic.registry import Registry

_ALIASES = {"Adamax": ("Adamx",), "Rprop": ("Rpop",)}  # spellings of SPAIC

optimizers: Registry[Any] = Registry("optimizer")
for _name in ("Adam", "AdamW", "SGD", "RMSprop", "Adamax", "Adagrad", "Adadelta", "ASGD", "Rprop", "NAdam", "RAdam"):
    optimizers.add(_name, getattr(torch.optim, _name), _ALIASES.get(_name, ()))

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
        Its arguments, without the optimizer.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", schedules[self.name].__name__)
        object.__setattr__(self, "options", dict(self.options))
        known = _parameters(schedules[self.name])
        reject_unknown(self.name, self.options, known, "option")
        missing = [name for name, default in known.items() if default is inspect.Parameter.empty and name not in self.options]
        if missing:
            hint = f" (or maxstep, which is {_MAXSTEP[self.name]})" if _MAXSTEP.get(self.name) in missing else ""
            raise DeclarationError(f"{self.name}: no value for {', '.join(missing)}; give one{hint}")
        length = self.options.get(_MAXSTEP.get(self.name, ""))
        if length is not None and (isinstance(length, bool) or not isinstance(length, Integral) or length < 1):
            raise DeclarationError(f"{self.name}: {_MAXSTEP[self.name]} is {length!r}; give a whole number of steps from 1")

    def start(self, optimizer: torch.optim.Optimizer, path: str) -> lr_scheduler.LRScheduler:
        """The torch scheduler that drives `optimizer`; `path` is for the messages."""
        try:
            return schedules[self.name](optimizer, **self.options)
        except (TypeError, ValueError, ZeroDivisionError) as error:
            raise DeclarationError(f"{path}: {self.name} refuses {self.options} ({error}); correct them") from error


@dataclass(frozen=True)
class Optimizer(Attachment):
    """A torch optimizer with its learning rate and, perhaps, a schedule: a declaration that holds no weights.

    Parameters
    ----------
    name : str
        A class of :mod:`torch.optim`, in any case; `Adamx` and `Rpop` are read as Adamax and Rprop.
    lr : float, optional
        Learning rate, above 0; torch's own default when omitted.
    options : mapping
        Further arguments of the torch class.
    schedule : str, optional
        Name of a schedule, which then advances once per optimizer step.
    schedule_options : mapping
        Arguments of the schedule.

    Raises
    ------
    UnknownName
        If torch has no such optimizer or schedule.
    DeclarationError
        If a value or the name of an option cannot be meant.
    """

    name: str
    lr: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    schedule: str | None = None
    schedule_options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        torch_class = optimizers[self.name]
        name = torch_class.__name__
        lr = inspect.signature(torch_class).parameters["lr"].default if self.lr is None else self.lr
        if isinstance(lr, bool) or not isinstance(lr, Real) or not math.isfinite(lr) or lr <= 0:
            raise DeclarationError(f"{name}: lr is {lr!r}; give a finite learning rate above 0")
        reject_unknown(name, self.options, _parameters(torch_class), "option")
        self._settle(name=name, lr=float(lr), options=dict(self.options))
        if self.schedule is not None:
            schedule = Schedule(self.schedule, self.schedule_options)
            self._settle(schedule=schedule.name, schedule_options=schedule.options)
        elif self.schedule_options:
            raise DeclarationError(f"{name}: schedule_options {dict(self.schedule_options)} without a schedule; name one")
        if self.schedule == "ReduceLROnPlateau":
            raise DeclarationError(
                f"{name}: ReduceLROnPlateau needs the loss and cannot count steps; call learner.set_schedule("
                "'ReduceLROnPlateau') and then learner.optim_schedule(loss) once per epoch"
            )
        self.bind([torch.nn.Parameter(torch.zeros(1))], name)  # torch checks the values, here where they are written
        context.note(self)

    def bind(self, parameters: Iterable[torch.nn.Parameter], path: str) -> BoundOptimizer:
        """The optimizer of `parameters`; a parameter given twice counts once.

        Parameters
        ----------
        parameters : iterable of Parameter
            What it changes.
        path : str
            Path of the learner, for the messages.
        """
        unique = list({id(parameter): parameter for parameter in parameters}.values())
        if not unique:
            raise StateError(f"{path}: {self.name} has no parameters to change; make something trainable")
        try:
            optimizer = optimizers[self.name](unique, lr=self.lr, **self.options)
        except (TypeError, ValueError, RuntimeError) as error:
            raise DeclarationError(f"{path}: {self.name} refuses lr={self.lr}, {self.options} ({error}); correct them") from error
        bound = BoundOptimizer(optimizer, path)
        if self.schedule is not None:
            bound.set_schedule(Schedule(self.schedule, self.schedule_options), every_step=True)
        return bound

    def _settle(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)


class BoundOptimizer:
    """An optimizer at work on its parameters, with at most one schedule.

    Made by :meth:`Optimizer.bind`.

    Attributes
    ----------
    optimizer : torch.optim.Optimizer
        Torch's own.
    scheduler : torch.optim.lr_scheduler.LRScheduler or None
        Torch's own.
    every_step : bool
        Whether the schedule advances by itself with each step, else by :meth:`schedule_step`.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, path: str) -> None:
        self.optimizer = optimizer
        self.scheduler: lr_scheduler.LRScheduler | None = None
        self.every_step = False
        self.path = path
        self._declared_lr = [group["lr"] for group in optimizer.param_groups]

    @property
    def lr(self) -> float:
        """The learning rate of the next step."""
        return float(self.optimizer.param_groups[0]["lr"])

    def set_schedule(self, schedule: Schedule, every_step: bool = False) -> None:
        """Let `schedule` drive the learning rate from here on; an earlier one is dropped and its changes undone."""
        if self.scheduler is not None:
            for group, lr in zip(self.optimizer.param_groups, self._declared_lr, strict=True):
                group["lr"] = lr
                group.pop("initial_lr", None)
        self.scheduler = schedule.start(self.optimizer, self.path)
        self.every_step = every_step

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self.optimizer.zero_grad()

    def step(self) -> None:
        """Change the parameters once; advance the schedule if it counts steps."""
        self.optimizer.step()
        if self.scheduler is not None and self.every_step:
            self._advance(self.scheduler)

    def schedule_step(self, metric: float | torch.Tensor | None = None) -> None:
        """Advance the schedule once.

        Parameters
        ----------
        metric : float or tensor, optional
            What should fall, such as the loss of an epoch. Only ReduceLROnPlateau reads it.
        """
        if self.scheduler is None:
            raise StateError(f"{self.path}: the optimizer has no schedule; call set_schedule first")
        if self.every_step:
            raise StateError(f"{self.path}: {type(self.scheduler).__name__} already advances with every step; leave out this call")
        if not isinstance(self.scheduler, lr_scheduler.ReduceLROnPlateau):
            self._advance(self.scheduler)
        elif metric is None:
            raise StateError(f"{self.path}: ReduceLROnPlateau needs what should fall; give the loss")
        else:
            self.scheduler.step(float(metric))

    def state_dict(self) -> dict[str, Any]:
        """A copy of everything that training has changed, with the names it belongs to."""
        scheduler = None if self.scheduler is None else self.scheduler.state_dict()
        return {**self._names(), "optimizer": copy.deepcopy(self.optimizer.state_dict()), "scheduler": copy.deepcopy(scheduler)}

    def matches(self, state: Mapping[str, Any]) -> bool:
        """Whether `state` is of an optimizer and schedule of the same names."""
        return all(state[what] == name for what, name in self._names().items())

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave; refused if it belongs to another optimizer or schedule."""
        own = self._names()
        expected = [*own, "optimizer", "scheduler"]
        if sorted(state) != sorted(expected):
            raise StateError(f"{self.path}: the state has keys {sorted(state)}, not {sorted(expected)}; give what state_dict returned")
        for what, name in own.items():
            if state[what] != name:
                raise StateError(f"{self.path}: the state is of {what} {state[what]}, here it is {name}; declare the same one")
        state = copy.deepcopy(dict(state))  # torch would go on working in the tensors it is given
        try:
            self.optimizer.load_state_dict(state["optimizer"])
        except (KeyError, ValueError) as error:
            raise StateError(f"{self.path}: the state is of other parameters ({error}); load it where the same ones are trained") from error
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])

    def _names(self) -> dict[str, str | None]:
        schedule = None if self.scheduler is None else type(self.scheduler).__name__
        return {"name": type(self.optimizer).__name__, "schedule": schedule}

    def _advance(self, scheduler: lr_scheduler.LRScheduler) -> None:
        try:
            scheduler.step()
        except ValueError as error:  # OneCycleLR knows its last step
            raise StateError(f"{self.path}: {type(scheduler).__name__} is at its end ({error}); give it more steps") from error


def optimizer_named(
    name: str,
    lr: float | None = None,
    schedule: str | Schedule | None = None,
    maxstep: int | None = None,
    **options: Any,
) -> Optimizer:
    """The declaration of an optimizer, with the options of its schedule among its own.

    Parameters
    ----------
    name : str
        A class of :mod:`torch.optim`, in any case.
    lr : float, optional
        Learning rate; torch's own default when omitted.
    schedule : str or Schedule, optional
        A schedule that advances with each optimizer step.
    maxstep : int, optional
        Length of the schedule in optimizer steps: `step_size` of StepLR, `T_max` of CosineAnnealingLR, and so on.
    **options
        Arguments of the torch optimizer, or else of the schedule.

    Examples
    --------
    >>> optimizer_named("adam", 0.01, schedule="StepLR", maxstep=1000, betas=(0.9, 0.99), gamma=0.5).schedule_options
    {'gamma': 0.5, 'step_size': 1000}
    """
    torch_class = optimizers[name]
    if schedule is None or isinstance(schedule, Schedule):
        if maxstep is not None:
            raise DeclarationError(f"{torch_class.__name__}: maxstep {maxstep} without the name of a schedule; give schedule='StepLR', say")
        name_of_schedule, its_options = (None, {}) if schedule is None else (schedule.name, schedule.options)
        return Optimizer(name, lr, options, name_of_schedule, its_options)
    own = _parameters(torch_class)
    reject_unknown(torch_class.__name__, options, [*own, *_parameters(schedules[schedule])], "option")
    named = schedule_named(schedule, maxstep=maxstep, **{key: value for key, value in options.items() if key not in own})
    return Optimizer(name, lr, {key: value for key, value in options.items() if key in own}, named.name, named.options)


def schedule_named(name: str, value: Any = None, maxstep: int | None = None, **options: Any) -> Schedule:
    """The declaration of a schedule.

    Parameters
    ----------
    name : str
        A class of :mod:`torch.optim.lr_scheduler`, in any case.
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
    name = schedules[name].__name__
    if maxstep is not None:
        if name not in _MAXSTEP:
            raise DeclarationError(f"{name}: maxstep is {maxstep}, but this schedule has no length; leave it out")
        _put(name, options, _MAXSTEP[name], maxstep)
    if value is not None:
        is_gamma = name == "StepLR" and isinstance(value, Real) and value < 1
        _put(name, options, "gamma" if is_gamma else next(iter(_parameters(schedules[name]))), value)
        if is_gamma and "step_size" not in options:
            warnings.warn(f"StepLR: {value} is read as gamma, and step_size as 1; give both by name", stacklevel=2)
            options["step_size"] = 1
    return Schedule(name, options)


def _put(path: str, options: dict[str, Any], key: str, value: Any) -> None:
    if key in options:
        raise DeclarationError(f"{path}: {key} is given twice, as {options[key]!r} and as {value!r}; give one")
    options[key] = value


def _parameters(torch_class: type) -> dict[str, Any]:
    """Arguments that an option may name, with their defaults."""
    parameters = inspect.signature(torch_class).parameters
    ours = {"params", "lr", "optimizer", "last_epoch"}  # given by spaic itself
    return {name: parameter.default for name, parameter in parameters.items() if name not in ours}


def _factory(name: str) -> Callable[..., Optimizer]:
    def declare(lr: float | None = None, schedule: str | Schedule | None = None, maxstep: int | None = None, **options: Any) -> Optimizer:
        return optimizer_named(name, lr, schedule, maxstep, **options)

    declare.__name__ = declare.__qualname__ = name
    declare.__doc__ = f"Declare torch's {name}: :func:`optimizer_named` with that name."
    return declare


Adam = _factory("Adam")
AdamW = _factory("AdamW")
SGD = _factory("SGD")
RMSprop = _factory("RMSprop")
Adamax = _factory("Adamax")
Adagrad = _factory("Adagrad")
Adadelta = _factory("Adadelta")
ASGD = _factory("ASGD")
Rprop = _factory("Rprop")
NAdam = _factory("NAdam")
RAdam = _factory("RAdam")
