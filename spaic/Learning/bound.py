"""An optimizer at work on its parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch.optim import lr_scheduler

from spaic.errors import StateError
from spaic.Learning.gradients import clip_norm, clip_value, gradient_norm
from spaic.Learning.groups import ParamGroup
from spaic.Learning.optimizer_state import load_state, state_of
from spaic.Learning.schedule import Schedule

if TYPE_CHECKING:
    from spaic.Learning.optimizer import Optimizer


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
    gradient_norm : float or None
        Norm of the gradients of the last step, all parameters together, before it was clipped.
    parameters : dict of str to Parameter
        Path -> parameter.
    declared : Optimizer
        What it was made from.
    groups : list of ParamGroup or None
        What each parameter group of torch is; None for the first, which holds what is in no other.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        path: str,
        parameters: dict[str, torch.nn.Parameter],
        declared: Optimizer,
        groups: Sequence[ParamGroup] = (),
    ) -> None:
        self.optimizer = optimizer
        self.scheduler: lr_scheduler.LRScheduler | None = None
        self.schedule: Schedule | None = None
        self.every_step = False
        self.path = path
        self.parameters = parameters
        self.declared = declared
        self.groups: list[ParamGroup | None] = [None, *groups]
        self.gradient_norm: float | None = None
        self.declared_lr = [float(group["lr"]) for group in optimizer.param_groups]
        self._kind = self._kind_of_parameters()

    @property
    def lr(self) -> float:
        """The learning rate of the next step, outside of parameter groups if anything is outside of them."""
        groups = self.optimizer.param_groups
        return float(next((group for group in groups if group["params"]), groups[0])["lr"])

    def set_schedule(self, schedule: Schedule, every_step: bool = False) -> None:
        """Let `schedule` drive the learning rate from here on; an earlier one is dropped and its changes undone."""
        if self.scheduler is not None:
            for group, lr in zip(self.optimizer.param_groups, self.declared_lr, strict=True):
                group["lr"] = lr
                group.pop("initial_lr", None)
        self.scheduler = schedule.start(self.optimizer, self.path)
        self.schedule = schedule
        self.every_step = every_step

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self.optimizer.zero_grad()

    def check_gradients(self) -> float:
        """The norm of the gradients; :class:`NumericalError` if one is not finite, StateError if all parameters are frozen."""
        if self.is_frozen:
            raise StateError(f"{self.path}: all that it trains is frozen; set requires_grad = True on a connection or group of it")
        return gradient_norm(self.parameters)

    @property
    def is_frozen(self) -> bool:
        """Whether no parameter takes a gradient."""
        return not any(p.requires_grad for p in self.parameters.values())

    def step(self) -> None:
        """Change the parameters once; advance the schedule if it counts steps.

        Raises
        ------
        NumericalError
            If a gradient is not finite; no parameter has been changed then.
        StateError
            If all parameters are frozen.
        """
        norm = self.check_gradients()
        if self.declared.clip_norm is not None:
            clip_norm(self.parameters, norm, self.declared.clip_norm)
        if self.declared.clip_value is not None:
            clip_value(self.parameters, self.declared.clip_value)
        self._follow()
        self.optimizer.step()
        self.gradient_norm = norm
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
        """A copy of everything that training has changed, as plain data and tensors; see :mod:`spaic.Learning.optimizer_state`."""
        return state_of(self)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave; refused if it belongs to another optimizer, schedule or other parameters."""
        load_state(self, state)

    def paths(self) -> list[list[str]]:
        """Paths of the parameters in each parameter group of torch."""
        path_of = {id(p): path for path, p in self.parameters.items()}
        return [[path_of[id(p)] for p in group["params"]] for group in self.optimizer.param_groups]

    def moments(self) -> dict[str, dict[str, Any]]:
        """Path -> what torch keeps of a parameter from step to step: the tensors themselves."""
        return {path: self.optimizer.state[p] for path, p in self.parameters.items() if p in self.optimizer.state}

    def take(self, options: Sequence[Mapping[str, Any]], moments: Mapping[str, Mapping[str, Any]]) -> None:
        """Put in options of the parameter groups, and what was kept of parameters; what is not given stays as it is."""
        paths = self.paths()
        number = {path: i for i, path in enumerate(path for inside in paths for path in inside)}
        groups = [
            {**{k: v for k, v in group.items() if k != "params"}, **new, "params": [number[path] for path in inside]}
            for group, new, inside in zip(self.optimizer.param_groups, options, paths, strict=True)
        ]
        kept = {path: values for path, values in {**self.moments(), **moments}.items() if path in number}
        self.optimizer.load_state_dict({"state": {number[path]: dict(v) for path, v in kept.items()}, "param_groups": groups})
        for path, values in kept.items():
            held = self.optimizer.state[self.parameters[path]]
            for key, value in values.items():  # torch turns counters and factors into numbers of the type of the parameter
                if isinstance(value, torch.Tensor) and not value.ndim:
                    held[key] = value.to(held[key].device)

    def _follow(self) -> None:
        """Go with parameters that moved to another device or number type since the last step."""
        kind = self._kind_of_parameters()
        if kind != self._kind:
            self.take([{}] * len(self.groups), {})
            self._kind = kind

    def _kind_of_parameters(self) -> tuple[torch.device, torch.dtype]:
        first = next(iter(self.parameters.values()))
        return first.device, first.dtype

    def _advance(self, scheduler: lr_scheduler.LRScheduler) -> None:
        try:
            scheduler.step()
        except ValueError as error:  # OneCycleLR knows its last step
            raise StateError(f"{self.path}: {type(scheduler).__name__} is at its end ({error}); give it more steps") from error
