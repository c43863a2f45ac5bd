"""Between states as the network names them and modes as kernels hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from spaic.Backend.Event.equations.algebra import DRIVE
from spaic.Backend.Event.equations.groups import Group
from spaic.Backend.Event.equations.tables import Cells, _evaluated
from spaic.Backend.Event.layer import Population, Start
from spaic.Backend.Event.stage import Stage
from spaic.Backend.Torch import exact
from spaic.Dynamics.names import REFRACTORY


def path_of(group: Group, state: str) -> str:
    """Path of a state of a form."""
    link, _, name = state.rpartition(":")
    return f"{link}.{name}" if link else f"{group.population.name}.{name}"


def begin(stage: Stage, neurons: Population, parts: list[Cells], arrays: Mapping[str, Any], batch: int, time: float) -> Start:
    """Modes of all neurons of a stage from their states."""
    count, n = int(stage.firsts[-1]), neurons.tables.modes
    modes, phase, until = np.zeros((batch, count, n)), np.zeros((batch, count), np.int64), np.zeros((batch, count))
    for k, (group, part) in enumerate(zip(stage.groups, parts, strict=True)):
        own = slice(stage.firsts[k], stage.firsts[k + 1])
        states = np.zeros((batch, group.population.size, n))
        for i, name in enumerate(part.states):
            if name == "":
                states[:, :, i] = 1.0
            elif not name.startswith(DRIVE):
                states[:, :, i] = exact.numpy_of(arrays[path_of(group, name)]).reshape(batch, -1)
        waiting = arrays.get(f"{group.population.name}.{REFRACTORY}")
        if waiting is not None:
            left = exact.numpy_of(waiting).reshape(batch, -1)
            phase[:, own] = left > 0
            until[:, own] = time + left
        row = 2 * neurons.kind[own][None] + phase[:, own]
        modes[:, own] = np.einsum("bjkl,bjl->bjk", neurons.tables.inverse[row], states)
    return Start(modes.reshape(-1, n), phase.ravel(), until.ravel(), time)


def states_of(part: Cells, neurons: Population, own: slice, modes: np.ndarray, phase: np.ndarray) -> dict[str, np.ndarray]:
    """State -> values ``[..., neurons]``, of modes ``[..., neurons, n]`` and phases."""
    row = 2 * neurons.kind[own] + phase.astype(np.int64)
    found: dict[str, np.ndarray] = {}
    for i, name in enumerate(part.states):
        if name:
            found[name] = np.einsum("...k,...k->...", neurons.tables.basis[row, i], modes)
    return found


def end(stage: Stage, neurons: Population, parts: list[Cells], ended: Start, batch: int, old: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Path -> value of all states of a stage, shaped as they were."""
    found: dict[str, np.ndarray] = {}
    count = int(stage.firsts[-1])
    modes, phase, until = ended.modes.reshape(batch, count, -1), ended.phase.reshape(batch, -1), ended.until.reshape(batch, -1)
    for k, (group, part) in enumerate(zip(stage.groups, parts, strict=True)):
        own = slice(int(stage.firsts[k]), int(stage.firsts[k + 1]))
        for name, value in states_of(part, neurons, own, modes[:, own], phase[:, own]).items():
            if not name.startswith(DRIVE):
                path = path_of(group, name)
                found[path] = value.reshape(old[path].shape)
        path = f"{group.population.name}.{REFRACTORY}"
        if path in old:
            left = np.where(phase[:, own] > 0, until[:, own] - ended.time, 0.0)
            found[path] = left.reshape(old[path].shape)
    return found


def value_of(
    group: Group, name: str, states: Mapping[str, np.ndarray], parameters: Mapping[str, np.ndarray], shape: tuple[int, ...]
) -> np.ndarray:
    """An intermediate value that is linear in the states, ``[..., neurons]``."""
    total: Any = 0.0
    for state, expression in group.form.values[name].items():
        coefficient = np.broadcast_to(_evaluated(expression, parameters).reshape(-1), (shape[-1],))
        total = total + (coefficient if state == "" else coefficient * states[state])
    return np.broadcast_to(total, shape)
