"""A memory of what happened, from which batches are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from spaic.errors import InputError, StateError
from spaic.IO.reinforcement.checks import as_numbers, checked_flag, demand_seed
from spaic.Library.ranges import demand_count
from spaic.seeds import Key

_DONE = "ReplayMemory: done"


class Transition(NamedTuple):
    """One step of an episode, or a batch of them with a first axis more.

    Attributes
    ----------
    state, next_state : ndarray
        What was observed before the action, and after it.
    action : int or ndarray
        What was done.
    reward : float
        What it was worth.
    done : bool
        Whether the episode ended with it, so that `next_state` is worth nothing.
    """

    state: Any
    action: Any
    next_state: Any
    reward: Any
    done: Any = False


class ReplayMemory:
    """The latest transitions, kept as arrays.

    Parameters
    ----------
    capacity : int
        How many are kept; the oldest make room.
    seed : int
        What decides which are drawn.

    Examples
    --------
    >>> memory = ReplayMemory(2, seed=0)
    >>> for step in range(3):
    ...     memory.push([float(step)], 0, [step + 1.0], 1.0)
    >>> len(memory), sorted(memory.sample(2).state[:, 0].tolist())
    (2, [1.0, 2.0])
    """

    def __init__(self, capacity: int, seed: int = 0) -> None:
        demand_count("ReplayMemory.capacity", capacity)
        self.capacity, self.seed = int(capacity), demand_seed("ReplayMemory.seed", seed)
        self._columns: dict[str, np.ndarray] = {}
        self._count = self._draws = 0

    def __len__(self) -> int:
        return min(self._count, self.capacity)

    def push(self, state: Any, action: Any = None, next_state: Any = None, reward: Any = None, done: bool = False) -> None:
        """Keep a transition, given as its parts or as a :class:`Transition`.

        Without a `next_state` the episode ended there.

        Raises
        ------
        InputError
            If it has another shape than those before, or holds what is not finite.
        """
        if isinstance(state, Transition):
            state, action, next_state, reward, done = state
        if next_state is None:
            next_state, done = np.zeros_like(_as_array("state", state)), True
        row = {"state": state, "action": action, "next_state": next_state, "reward": reward, "done": checked_flag(_DONE, done)}
        values = {name: _as_array(name, value) for name, value in row.items()}
        if values["state"].shape != values["next_state"].shape:
            raise InputError(
                f"ReplayMemory: state has shape {values['state'].shape}, next_state {values['next_state'].shape}; make them equal"
            )
        if not self._columns:
            self._columns = {name: np.zeros((self.capacity, *value.shape), value.dtype) for name, value in values.items()}
        for name, value in values.items():
            if value.shape != self._columns[name].shape[1:]:
                raise InputError(
                    f"ReplayMemory: {name} has shape {value.shape}, those before {self._columns[name].shape[1:]}; use one memory for each"
                )
        for name, value in values.items():
            held = self._columns[name]
            self._columns[name] = held.astype(np.result_type(held.dtype, value.dtype), copy=False)  # the type that holds both
            self._columns[name][self._count % self.capacity] = value
        self._count += 1

    def sample(self, batch_size: int) -> Transition:
        """So many different transitions, as arrays with the batch as first axis.

        Raises
        ------
        StateError
            If there are fewer.
        """
        demand_count("ReplayMemory.sample", batch_size)
        if batch_size > len(self):
            raise StateError(f"ReplayMemory: {batch_size} transitions are asked for, it holds {len(self)}; wait for more")
        rng = Key(self.seed, "replay memory", "sample", self._draws).generator()
        self._draws += 1
        chosen = rng.choice(len(self), size=batch_size, replace=False)
        return Transition(**{name: column[chosen] for name, column in self._columns.items()})

    # --- saved and resumed

    def state(self) -> dict[str, Any]:
        """All of it as plain data and arrays."""
        kept = {name: column[: len(self)].copy() for name, column in self._columns.items()}
        return {"capacity": self.capacity, "seed": self.seed, "count": self._count, "draws": self._draws, "columns": kept}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state` gave.

        Raises
        ------
        StateError
            If it is of another memory.
        """
        if not isinstance(state, Mapping) or set(state) != {"capacity", "seed", "count", "draws", "columns"}:
            raise StateError("ReplayMemory: the state is not that of a memory; give what state() gave")
        if (state["capacity"], state["seed"]) != (self.capacity, self.seed):
            raise StateError(
                f"ReplayMemory: capacity and seed were {state['capacity']} and {state['seed']}, here they are {self.capacity} and "
                f"{self.seed}; declare the same"
            )
        count, draws, kept = state["count"], state["draws"], _columns(state["columns"])
        if not all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n >= 0 for n in (count, draws)):
            raise StateError(f"ReplayMemory: count and draws are {count!r} and {draws!r}, not whole numbers; give what state() gave")
        size = min(int(count), self.capacity)
        if set(kept) != (set(Transition._fields) if size else set()) or any(len(column) != size for column in kept.values()):
            raise StateError("ReplayMemory: the saved columns do not belong together; give what state() gave")
        self._columns = {name: np.zeros((self.capacity, *column.shape[1:]), column.dtype) for name, column in kept.items()}
        for name, column in kept.items():
            self._columns[name][:size] = column
        self._count, self._draws = int(count), int(draws)


def _columns(given: Any) -> dict[str, np.ndarray]:
    found = {name: as_numbers(column, None) for name, column in given.items()} if isinstance(given, Mapping) else {"columns": None}
    if any(column is None or not column.ndim for column in found.values()):
        raise StateError("ReplayMemory: the saved columns are no arrays of numbers; give what state() gave")
    return {name: column for name, column in found.items() if column is not None}


def _as_array(name: str, value: Any) -> np.ndarray:
    given = as_numbers(value, None)
    if given is None:
        raise InputError(f"ReplayMemory: {name} is {value!r}, not numbers; give an array or a number")
    if given.dtype.kind == "f" and not np.isfinite(given).all():
        raise InputError(f"ReplayMemory: {name} holds {given[~np.isfinite(given)].reshape(-1)[0]}; give finite numbers")
    return given.astype(np.float64) if name == "reward" else given
