"""What an optimizer has learned about its parameters, by their paths: written down, read back, handed on to its successor."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from spaic.errors import StateError, UnsupportedError
from spaic.Learning.groups import ParamGroup
from spaic.Learning.optimizer_checks import check_alike, check_moments, check_options
from spaic.Learning.schedule import Schedule

if TYPE_CHECKING:
    from spaic.Learning.bound import BoundOptimizer
    from spaic.Learning.optimizer import Optimizer

#: What schedules keep for each parameter group.
_PER_GROUP = ("base_lrs", "_last_lr", "min_lrs", "max_lrs", "base_momentums", "max_momentums", "lr_lambdas")

#: Options that may change without making what was learned meaningless.
_HARMLESS = ("lr", "weight_decay")

KEYS = ("name", "schedule", "groups", "moments", "scheduler")


def state_of(bound: BoundOptimizer) -> dict[str, Any]:
    """Everything that training has changed in an optimizer and its schedule.

    Returns
    -------
    dict
        ``name`` and ``schedule``, names; ``groups``, options of each parameter group, with the paths of its ``parameters``;
        ``moments``, path -> what is kept of the parameter; ``scheduler``, the position of the schedule. Tensors are copies.

    Raises
    ------
    UnsupportedError
        If the schedule has a Python function.
    """
    schedule = bound.schedule
    if schedule is not None and schedule.functions:
        raise UnsupportedError(
            f"{bound.path}: the schedule {schedule.name} has a Python function ({', '.join(schedule.functions)}), which cannot be written "
            "down; use a schedule with numbers, such as SequentialLR, or save net.state_dict() alone"
        )
    return {
        **_names(bound),
        "groups": [{"parameters": p, **o} for p, o in zip(bound.paths(), _options(bound), strict=True)],
        "moments": copy.deepcopy(bound.moments()),
        "scheduler": None if bound.scheduler is None else _plain(bound.scheduler.state_dict()),
    }


def load_state(bound: BoundOptimizer, state: Mapping[str, Any]) -> None:
    """Take over what :func:`state_of` gave.

    Raises
    ------
    StateError
        If it belongs to another optimizer or schedule, or to other parameters or groups of them; nothing is changed then.
    """
    where = bound.path
    _check_form(where, state)
    for what, name in _names(bound).items():
        if state[what] != name:
            raise StateError(f"{where}: the state is of {what} {state[what]}, here it is {name}; declare the same one")
    _check_parameters(where, state, bound)
    for group, options in zip(state["groups"], _options(bound), strict=True):
        _demand_no_others(where, "options", set(group) - {"parameters"}, set(options))
        check_options(where, group, options)
    check_moments(where, state["moments"])
    if bound.scheduler is not None:
        _check_scheduler(where, state["scheduler"], _plain(bound.scheduler.state_dict()))
        check_alike(f"{where}: the schedule", state["scheduler"], _plain(bound.scheduler.state_dict()))
    state = copies(state)  # torch would go on working in the tensors it is given
    bound.optimizer.state.clear()
    bound.take([_alike(group, own) for group, own in zip(state["groups"], _options(bound), strict=True)], state["moments"])
    if bound.scheduler is not None:
        bound.scheduler.load_state_dict(state["scheduler"])


@dataclass(frozen=True)
class Inheritance:
    """What an optimizer leaves to the one that takes its place when a network is built anew or copied.

    Attributes
    ----------
    declared : Optimizer
        What it was made from.
    schedule : Schedule or None
        Its schedule, `every_step` as in :class:`BoundOptimizer`.
    groups : list of ParamGroup or None
        Its parameter groups.
    options : list of dict
        Their options.
    moments : dict
        Path -> what was kept of the parameter.
    kinds : dict
        Path -> what `moments` depend on: optimizer, shape and options of the parameter.
    scheduler : dict or None
        Position of the schedule.
    """

    declared: Optimizer
    schedule: Schedule | None
    every_step: bool
    groups: list[ParamGroup | None]
    options: list[dict[str, Any]]
    moments: dict[str, dict[str, Any]]
    kinds: dict[str, tuple[Any, ...]]
    scheduler: dict[str, Any] | None

    @classmethod
    def of(cls, bound: BoundOptimizer) -> Inheritance:
        """What `bound` leaves."""
        return cls(
            bound.declared,
            bound.schedule,
            bound.every_step,
            bound.groups,
            _options(bound),
            bound.moments(),
            _kinds(bound),
            None if bound.scheduler is None else bound.scheduler.state_dict(),
        )

    def renamed(self, paths: Mapping[str, str]) -> Inheritance:
        """The same for parameters under new paths: new path -> path until now; others are dropped."""
        moments = {new: self.moments[old] for new, old in paths.items() if old in self.moments}
        return replace(self, moments=moments, kinds={new: self.kinds[old] for new, old in paths.items() if old in self.kinds})

    def pass_on(self, bound: BoundOptimizer) -> None:
        """Give it to `bound`: what was kept of parameters that are still there, and the position of a schedule that is the same."""
        schedule_goes_on = (self.schedule, self.every_step) == (bound.schedule, bound.every_step)
        kinds = _kinds(bound)
        moments = {path: kept for path, kept in self.moments.items() if path in kinds and kinds[path] == self.kinds[path]}
        origin = [self._position(group) if schedule_goes_on and self._same_rates(bound.declared) else None for group in bound.groups]
        options = [self._options(bound, i, origin[i], schedule_goes_on) for i in range(len(bound.groups))]
        bound.take(options, moments)
        if bound.scheduler is not None and self.scheduler is not None and schedule_goes_on:
            state = _merged(bound.scheduler.state_dict(), self.scheduler, origin)
            bound.scheduler.load_state_dict(state)
            bound.scheduler._last_lr = [group["lr"] for group in bound.optimizer.param_groups]

    def _options(self, bound: BoundOptimizer, number: int, origin: int | None, schedule_goes_on: bool) -> dict[str, Any]:
        """What a parameter group takes over: all, if it was there; else a rate that has come as far as that of the others."""
        if origin is not None:
            return self.options[origin]
        if self.schedule is None or not schedule_goes_on:
            return {}
        return {"lr": bound.declared_lr[number] * self.options[0]["lr"] / self.options[0].get("initial_lr", self.declared.lr)}

    def _position(self, group: ParamGroup | None) -> int | None:
        key = None if group is None else group.key
        return next((i for i, own in enumerate(self.groups) if (None if own is None else own.key) == key), None)

    def _same_rates(self, declared: Optimizer) -> bool:
        return (self.declared.name, self.declared.lr, self.declared.options) == (declared.name, declared.lr, declared.options)


def _kinds(bound: BoundOptimizer) -> dict[str, tuple[Any, ...]]:
    """Path -> optimizer, shape and options of a parameter, on which it depends what is kept of it."""
    found: dict[str, tuple[Any, ...]] = {}
    for group, inside in zip(bound.groups, bound.paths(), strict=True):
        options = {**bound.declared.options, **({} if group is None else group.options)}
        lasting = {name: value for name, value in options.items() if name not in _HARMLESS}
        found.update({path: (bound.declared.name, tuple(bound.parameters[path].shape), lasting) for path in inside})
    return found


def _names(bound: BoundOptimizer) -> dict[str, str | None]:
    return {"name": type(bound.optimizer).__name__, "schedule": None if bound.schedule is None else bound.schedule.name}


def _options(bound: BoundOptimizer) -> list[dict[str, Any]]:
    return [{k: v for k, v in group.items() if k != "params"} for group in bound.optimizer.param_groups]


def copies(value: Any) -> Any:
    """A deep copy of nested data, with tensors in place of arrays."""
    if isinstance(value, Mapping):
        return {key: copies(item) for key, item in value.items()}
    return torch.from_numpy(np.array(value)) if isinstance(value, np.ndarray) else copy.deepcopy(value)


def _alike(group: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a group; a file may have turned tuples into lists."""
    options = {key: value for key, value in group.items() if key != "parameters"}
    return {key: tuple(value) if isinstance(own[key], tuple) else value for key, value in options.items()}


def _plain(state: Mapping[str, Any]) -> dict[str, Any]:
    """The state of a scheduler without what its declaration says already and no plain data can hold."""
    found = {k: copy.deepcopy(v) for k, v in state.items() if not isinstance(v, Counter) and k != "_schedulers"}
    if "_schedulers" in state:
        found["_schedulers"] = [_plain(part) for part in state["_schedulers"]]
    return found


def _merged(fresh: Mapping[str, Any], earlier: Mapping[str, Any], origin: Sequence[int | None]) -> dict[str, Any]:
    """The earlier state of a scheduler for other parameter groups: `origin` has the earlier number of each, if there was one."""
    state = {**fresh, **earlier}
    for key in _PER_GROUP:
        if isinstance(fresh.get(key), list) and isinstance(earlier.get(key), list):
            state[key] = [new if i is None else earlier[key][i] for new, i in zip(fresh[key], origin, strict=True)]
    if "_schedulers" in fresh:
        state["_schedulers"] = [_merged(f, e, origin) for f, e in zip(fresh["_schedulers"], earlier["_schedulers"], strict=True)]
    return state


def _check_form(where: str, state: Mapping[str, Any]) -> None:
    if not isinstance(state, Mapping) or sorted(state) != sorted(KEYS):
        keys = sorted(state) if isinstance(state, Mapping) else repr(state)
        raise StateError(f"{where}: the state has keys {keys}, not {sorted(KEYS)}; give what state_dict returned")
    groups, moments = state["groups"], state["moments"]
    is_right = isinstance(groups, (list, tuple)) and all(isinstance(g, Mapping) and "parameters" in g for g in groups)
    if not is_right or not isinstance(moments, Mapping) or not all(isinstance(m, Mapping) for m in moments.values()):
        raise StateError(f"{where}: the groups or moments of the state have another form; give what state_dict returned")


def _check_parameters(where: str, state: Mapping[str, Any], bound: BoundOptimizer) -> None:
    theirs = [list(group["parameters"]) for group in state["groups"]]
    given, own = {p for group in theirs for p in group}, set(bound.parameters)
    if given != own:
        raise StateError(
            f"{where}: the state is of other parameters (missing {sorted(own - given)}, extra {sorted(given - own)}); "
            "load it where the same ones are trained"
        )
    if list(map(sorted, theirs)) != list(map(sorted, bound.paths())):
        raise StateError(f"{where}: the state has the parameter groups {theirs}, here they are {bound.paths()}; add the same groups")
    _demand_no_others(where, "moments", set(state["moments"]), own)
    for path, values in state["moments"].items():
        shape = tuple(bound.parameters[path].shape)
        for key, value in values.items():
            if isinstance(value, (torch.Tensor, np.ndarray)) and not _fits(tuple(value.shape), shape):
                raise StateError(f"{where}: {key} of {path!r} has shape {tuple(value.shape)}, the parameter {shape}; declare it the same")


def _fits(value: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether a value is one per entry, per row or column, or a single one."""
    try:
        return tuple(torch.broadcast_shapes(value, shape)) == shape
    except RuntimeError:
        return False


def _check_scheduler(where: str, given: Any, own: Mapping[str, Any]) -> None:
    if not isinstance(given, Mapping) or set(given) != set(own):
        theirs = set(given) if isinstance(given, Mapping) else set()
        raise StateError(
            f"{where}: the state of the schedule lacks {sorted(set(own) - theirs)} and has {sorted(theirs - set(own))} besides; "
            "give what state_dict returned"
        )


def _demand_no_others(where: str, what: str, given: set[str], known: set[str]) -> None:
    if given - known:
        raise StateError(f"{where}: the state has {what} {sorted(given - known)} that are not here; give what state_dict returned")
