"""Optimizers of torch: chosen by name, checked at once, bound to weights later."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from numbers import Real
from typing import Any

import torch

from spaic import spellings
from spaic.errors import DeclarationError, StateError, UnsupportedError, reject_unknown
from spaic.Learning.bound import BoundOptimizer
from spaic.Learning.groups import ParamGroup
from spaic.Learning.plain import plain
from spaic.Learning.schedule import Schedule, parameters_of, schedule_named, schedules
from spaic.Network import context
from spaic.Network.element import Attachment
from spaic.registry import Registry

#: Those of :mod:`torch.optim` for dense parameters that need no closure; an older torch may lack some.
NAMES = ("Adam", "AdamW", "SGD", "RMSprop", "Adamax", "Adagrad", "Adadelta", "Adafactor", "ASGD", "Rprop", "NAdam", "RAdam")

#: Those that cannot be used, and why.
_REFUSED = {
    "lbfgs": "it computes the loss several times per step, which optim_step cannot do; give torch.optim.LBFGS(net.parameters()) a closure",
    "sparseadam": "it takes sparse gradients only, those of a network are dense; use Adam",
    "muon": "it takes matrices only, so no biases and no parameters of neurons; use AdamW, or torch.optim.Muon on the weights you choose",
}

#: Keywords that every optimizer takes besides its own.
_OWN = ("lr", "schedule", "maxstep", "clip_norm", "clip_value")
optimizers: Registry[Any] = Registry("optimizer")
for _name in NAMES:
    if hasattr(torch.optim, _name):
        optimizers.add(_name, getattr(torch.optim, _name), spellings.aliases("optimizer", _name))


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
    clip_norm : float, optional
        Before a step the gradients of all parameters together are scaled down to this norm, if theirs is larger.
    clip_value : float, optional
        Before a step each value of a gradient is brought between minus this and this.

    Raises
    ------
    UnknownName
        If torch has no such optimizer or schedule.
    UnsupportedError
        If the optimizer cannot be used here; the message says why.
    DeclarationError
        If a value or the name of an option cannot be meant.
    """

    name: str
    lr: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    schedule: str | None = None
    schedule_options: Mapping[str, Any] = field(default_factory=dict)
    clip_norm: float | None = None
    clip_value: float | None = None

    def __post_init__(self) -> None:
        torch_class = _torch_class(self.name)
        name = torch_class.__name__
        lr = inspect.signature(torch_class).parameters["lr"].default if self.lr is None else self.lr
        self._settle(name=name, lr=_positive(lr, name, "lr", "learning rate"))
        self._settle(options={k: tuple(v) if isinstance(v, list) else v for k, v in self.options.items()})
        reject_unknown(name, self.options, parameters_of(torch_class), "option")
        for limit in ("clip_norm", "clip_value"):
            if getattr(self, limit) is not None:
                self._settle(**{limit: _positive(getattr(self, limit), name, limit, "limit")})
        if self.clip_norm is not None and self.clip_value is not None:
            raise DeclarationError(f"{name}: both clip_norm {self.clip_norm} and clip_value {self.clip_value} are given; give one of them")
        self._settle_schedule()
        self.bind([torch.nn.Parameter(torch.zeros(1))], name)  # torch checks the values, here where they are written
        context.note(self)

    def _settle_schedule(self) -> None:
        schedule = self.step_schedule
        if schedule is not None:
            self._settle(schedule=schedule.name, schedule_options=schedule.options)
        elif self.schedule_options:
            raise DeclarationError(f"{self.name}: schedule_options {dict(self.schedule_options)} without a schedule; name one")
        if self.schedule == "ReduceLROnPlateau":
            raise DeclarationError(
                f"{self.name}: ReduceLROnPlateau needs the loss and cannot count steps; call learner.set_schedule("
                "'ReduceLROnPlateau') and then learner.optim_schedule(loss) once per epoch"
            )

    @property
    def step_schedule(self) -> Schedule | None:
        """The schedule that advances with each step."""
        return None if self.schedule is None else Schedule(self.schedule, self.schedule_options)

    def bind(
        self,
        parameters: Iterable[torch.nn.Parameter] | Mapping[str, torch.nn.Parameter],
        path: str,
        groups: Sequence[tuple[ParamGroup, Sequence[str]]] = (),
    ) -> BoundOptimizer:
        """The optimizer of `parameters`; a parameter given twice counts once.

        Parameters
        ----------
        parameters : mapping of str to Parameter, or iterable of Parameter
            What it changes, with paths; those without are numbered.
        path : str
            Path of the learner, for the messages.
        groups : sequence of (ParamGroup, paths)
            Groups with options of their own.
        """
        named = parameters if isinstance(parameters, Mapping) else {str(i): p for i, p in enumerate(parameters)}
        first: dict[int, str] = {}
        for key, parameter in named.items():
            first.setdefault(id(parameter), key)
        if not first:
            raise StateError(f"{path}: {self.name} has no parameters to change; make something trainable")
        for group, _ in groups:
            self.check_group(group, path)
        grouped = {key for _, keys in groups for key in keys}
        rest = {"params": [named[key] for key in first.values() if key not in grouped]}
        optimizer = self._made([rest, *({"params": [named[k] for k in keys], **group.options} for group, keys in groups)], path)
        bound = BoundOptimizer(optimizer, path, {key: named[key] for key in first.values()}, self, [group for group, _ in groups])
        if self.step_schedule is not None:
            bound.set_schedule(self.step_schedule, every_step=True)
        return bound

    def check_group(self, group: ParamGroup, path: str) -> None:
        """Refuse options of a parameter group that this optimizer does not have, or whose values it refuses."""
        where = f"{path}: {group!r}"
        reject_unknown(where, group.options, ["lr", *parameters_of(_torch_class(self.name))], f"option of {self.name}")
        if "lr" in group.options:
            _positive(group.options["lr"], where, "lr", "learning rate")
        options = {"lr": self.lr, **self.options, **group.options}
        self._made([{"params": [torch.nn.Parameter(torch.zeros(1))]}], where, options)

    def _made(self, groups: list[dict[str, Any]], path: str, options: Mapping[str, Any] | None = None) -> torch.optim.Optimizer:
        options = {"lr": self.lr, **self.options} if options is None else options
        try:
            made: torch.optim.Optimizer = optimizers[self.name](groups, **options)
        except (TypeError, ValueError, RuntimeError) as error:
            raise DeclarationError(f"{path}: {self.name} refuses {dict(options)} ({error}); correct them") from error
        return made

    def describe(self) -> dict[str, Any]:
        """Its fields as plain data; ``Optimizer(**description)`` is equal to it."""
        schedule = self.step_schedule
        if schedule is not None and schedule.functions:
            raise UnsupportedError(
                f"{self.name}: the schedule {schedule.name} has a Python function ({', '.join(schedule.functions)}), which cannot be "
                "written down; use a schedule with numbers, such as SequentialLR"
            )
        described: dict[str, Any] = plain(asdict(self), self.name)
        return described

    def _settle(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)


def optimizer_named(
    name: str,
    lr: float | None = None,
    schedule: str | Schedule | list[Any] | None = None,
    maxstep: int | None = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    **options: Any,
) -> Optimizer:
    """The declaration of an optimizer, with the options of its schedule among its own.

    Parameters
    ----------
    name : str
        A class of :mod:`torch.optim`, in any case.
    lr : float, optional
        Learning rate; torch's own default when omitted.
    schedule : str, Schedule or list, optional
        A schedule that advances with each optimizer step. A list of pairs (name, arguments), with `milestones`, is one after another.
    maxstep : int, optional
        Length of the schedule in optimizer steps: `step_size` of StepLR, `T_max` of CosineAnnealingLR, and so on.
    clip_norm, clip_value : float, optional
        Limits of the gradients, see :class:`Optimizer`.
    **options
        Arguments of the torch optimizer, or else of the schedule.

    Examples
    --------
    >>> optimizer_named("adam", 0.01, schedule="StepLR", maxstep=1000, betas=(0.9, 0.99), gamma=0.5).schedule_options
    {'gamma': 0.5, 'step_size': 1000}
    >>> parts = [("LinearLR", {"total_iters": 5}), ("CosineAnnealingLR", {"T_max": 20})]
    >>> optimizer_named("adam", 0.01, schedule=parts, milestones=[5]).schedule
    'SequentialLR'
    """
    torch_class = _torch_class(name)
    limits = {"clip_norm": clip_norm, "clip_value": clip_value}
    if schedule is None or isinstance(schedule, Schedule):
        if maxstep is not None:
            raise DeclarationError(f"{torch_class.__name__}: maxstep {maxstep} without the name of a schedule; give schedule='StepLR', say")
        if schedule is None:
            reject_unknown(torch_class.__name__, options, [*parameters_of(torch_class), *_OWN], "option")
        name_of_schedule, its_options = (None, {}) if schedule is None else (schedule.name, schedule.options)
        return Optimizer(name, lr, options, name_of_schedule, its_options, **limits)
    own = parameters_of(torch_class)
    composed = "SequentialLR" if isinstance(schedule, (list, tuple)) else schedule
    reject_unknown(torch_class.__name__, options, [*own, *_OWN, *parameters_of(schedules[composed])], "option")
    named = schedule_named(schedule, maxstep=maxstep, **{key: value for key, value in options.items() if key not in own})
    return Optimizer(name, lr, {key: value for key, value in options.items() if key in own}, named.name, named.options, **limits)


def all_options() -> list[str]:
    """The options that some optimizer has."""
    return sorted({"lr"}.union(*(parameters_of(optimizers[name]) for name in optimizers)))


def _torch_class(name: str) -> Any:
    reason = _REFUSED.get(spellings.name("optimizer", name)) if isinstance(name, str) else None
    if reason is not None:
        raise UnsupportedError(f"{name}: {reason}")
    return optimizers[name]


def _positive(value: Any, path: str, name: str, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value) or value <= 0:
        raise DeclarationError(f"{path}: {name} is {value!r}; give a finite {what} above 0")
    return float(value)


def _factory(name: str) -> Callable[..., Optimizer]:
    def declare(
        lr: float | None = None,
        schedule: str | Schedule | list[Any] | None = None,
        maxstep: int | None = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        **options: Any,
    ) -> Optimizer:
        return optimizer_named(name, lr, schedule, maxstep, clip_norm, clip_value, **options)

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
Adafactor = _factory("Adafactor")
ASGD = _factory("ASGD")
Rprop = _factory("Rprop")
NAdam = _factory("NAdam")
RAdam = _factory("RAdam")
