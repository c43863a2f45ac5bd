"""What environments and users say, looked at before it is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from spaic.errors import DeclarationError, InputError
from spaic.IO.reinforcement.environment import BaseEnvironment, Outcome
from spaic.Library.ranges import demand_count


def demand_seed(path: str, seed: Any, least: int | None = None) -> int:
    """`seed` as an int, or DeclarationError."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or (least is not None and seed < least):
        start = "" if least is None else f" from {least}"
        raise DeclarationError(f"{path}: {seed!r} is no seed; give a whole number{start}")
    return int(seed)


def demand_declared(environment: BaseEnvironment) -> None:
    """DeclarationError unless an environment says what it shows and what can be done."""
    kind = type(environment).__name__
    for name in ("shape", "action_num"):
        if not hasattr(environment, name):
            raise DeclarationError(f"{kind}.{name}: it is not set; set it in the class or in __init__")
    shape = environment.shape
    if not isinstance(shape, tuple) or any(isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1 for n in shape):
        raise DeclarationError(f"{kind}.shape: {shape!r} is no shape; give a tuple of whole numbers, such as (4,)")
    demand_count(f"{kind}.action_num", environment.action_num)
    bounds = [bound for bound in (environment.low, environment.high) if bound is not None]
    if len(bounds) == 1 or any(np.shape(bound) != (environment.action_num,) for bound in bounds):
        raise DeclarationError(
            f"{kind}: low is {environment.low!r} and high {environment.high!r}; give {environment.action_num} bounds each, or None for both"
        )


def another(environment: BaseEnvironment) -> BaseEnvironment:
    """One more of the same kind, or an error that names it."""
    made: Any = environment.another()
    facts = [(one.shape, one.action_num, one.is_discrete) if isinstance(one, BaseEnvironment) else None for one in (made, environment)]
    if made is environment or facts[0] != facts[1]:
        what = "the environment itself" if made is environment else f"{made!r} of shape {getattr(made, 'shape', None)}"
        raise DeclarationError(f"{environment.name}: another() returned {what}; return one more of the same kind")
    return environment if made is environment else made


def checked_outcome(environment: BaseEnvironment, given: Any) -> Outcome:
    """What a step led to, or InputError."""
    name = environment.name
    if not isinstance(given, tuple) or len(given) != 4:
        what = f"{len(given)} values" if isinstance(given, tuple) else f"a {type(given).__name__}"
        raise InputError(f"{name}: step() returned {what}; return spaic.IO.Outcome(observation, reward, done, info)")
    observation, reward, done, info = given
    if not isinstance(info, Mapping):
        raise InputError(f"{name}: info is {info!r}; return a dict, {{}} if there is nothing to say")
    facts = dict(info)
    for key, check in (("truncated", checked_flag), ("raw_reward", checked_reward)):
        if key in facts:
            facts[key] = check(f"{name}: info[{key!r}]" if check is checked_flag else name, facts[key])
    values = checked_observation(name, observation, environment.shape)
    return Outcome(values, checked_reward(name, reward), checked_flag(f"{name}: done", done), facts)


def checked_flag(path: str, given: Any) -> bool:
    """`given` as a truth value, or InputError."""
    values = as_numbers(given)
    if values is None or values.size != 1 or values.reshape(()) not in (0, 1):
        raise InputError(f"{path} is {given!r}; give True or False")
    return bool(values.reshape(()))


def checked_observation(name: str, given: Any, shape: tuple[int, ...]) -> np.ndarray:
    """`given` as a float array of this shape, or InputError."""
    values = as_numbers(given)
    if values is None:
        raise InputError(f"{name}: the observation is a {type(given).__name__}, not an array of numbers; return an array")
    if values.shape != tuple(shape):
        raise InputError(f"{name}: the observation has shape {values.shape}, declared is {tuple(shape)}; make them equal")
    if not np.isfinite(values).all():
        wrong = values[~np.isfinite(values)].reshape(-1)[0]
        raise InputError(f"{name}: the observation holds {wrong}; end the episode before that, or correct the environment")
    return values


def checked_reward(name: str, given: Any) -> float:
    """`given` as a finite number, or InputError."""
    values = None if isinstance(given, (bool, np.bool_)) else as_numbers(given)
    if values is None or values.size != 1 or not np.isfinite(values).all():
        raise InputError(f"{name}: the reward is {given!r}; return one finite number")
    return float(values.reshape(()))


def checked_action(environment: BaseEnvironment, action: Any) -> Any:
    """An int within the number of actions, or values clipped to the bounds; anything else is an InputError."""
    name, number = environment.name, environment.action_num
    values = as_numbers(action, None)
    if environment.is_discrete:
        if values is None or values.size != 1 or values.dtype.kind not in "iu" or not 0 <= int(values.reshape(())) < number:
            raise InputError(f"{name}: the action is {action!r}; give a whole number from 0 to {number - 1}")
        return int(values.reshape(()))
    if values is None or values.size != number or values.dtype.kind not in "fiu" or not np.isfinite(values).all():
        raise InputError(f"{name}: the action is {action!r}; give {number} finite values")
    return np.clip(values.reshape(number).astype(np.float64), environment.low, environment.high)


def as_numbers(given: Any, dtype: Any = np.float64) -> np.ndarray | None:
    """`given` as an array of real numbers, of its own type with ``dtype=None``; None if it is none."""
    try:
        values = np.asarray(given.detach().cpu() if hasattr(given, "detach") else given)
        return None if values.dtype.kind not in "fiub" else values if dtype is None else values.astype(dtype)
    except (TypeError, ValueError):  # lists of different lengths, numbers of torch that NumPy does not have
        return None
