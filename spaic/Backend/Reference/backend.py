"""The reference backend."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from spaic.Backend.backend import Backend, kept
from spaic.Backend.Reference.program import ReferenceProgram
from spaic.errors import DeclarationError, StateError, UnsupportedError
from spaic.Graph.graph import Graph
from spaic.registry import backends


@backends.register("reference", "numpy")
class Reference_Backend(Backend):  # noqa: N801  the naming of backends that users know
    """NumPy in float64, one step at a time: slow, and right by definition.

    Parameters
    ----------
    device : str
        Only ``"cpu"``.
    dt : float
        Time step in ms.
    dtype : str
        Only ``"float64"``.
    """

    backend_name = "reference"

    def __init__(self, device: str = "cpu", dt: float = 0.1, dtype: object = "float64") -> None:
        super().__init__(device, dt, dtype)
        if self.dtype != "float64" or str(device) != "cpu":
            raise DeclarationError(f"Reference_Backend: it computes in float64 on the CPU, got {dtype!r} on {device!r}; use Torch_Backend")

    def compile(self, graph: Graph) -> ReferenceProgram:
        return ReferenceProgram(graph)

    def store(self, graph: Graph, values: Mapping[str, np.ndarray], previous: Any = None, same: Collection[str] = ()) -> ArrayStore:
        learned = {k: v for k, v in previous.learned().items() if k in same} if previous is not None else {}
        trainable = {f"{n.name}.{p}" for n in graph.populations for p in n.trainable}
        return ArrayStore(kept(values, learned), trainable)


class ArrayStore:
    """Parameters as NumPy arrays; nothing here can be trained.

    Parameters
    ----------
    values : mapping of str to ndarray
        Path -> array.
    trainable : collection of str
        Plain numbers that a learner changes elsewhere, and that count as learned.
    """

    def __init__(self, values: Mapping[str, np.ndarray], trainable: Collection[str] = ()) -> None:
        self._learned = {k for k, v in values.items() if np.ndim(v) or k in trainable}
        self._values = {k: np.array(v, dtype=np.float64) for k, v in values.items()}

    def tensors(self) -> dict[str, np.ndarray]:
        """Path -> array."""
        return dict(self._values)

    def learned(self) -> dict[str, np.ndarray]:
        """Path -> a copy of everything that is not a plain number of the graph."""
        return {k: v.copy() for k, v in self._values.items() if k in self._learned}

    def sizes(self) -> dict[str, int]:
        """Path -> number of trainable values: none."""
        return {}

    def needs_gradient(self) -> bool:
        """Whether a run has to keep what a backward pass needs: never."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """Path -> array of everything that is not a plain number of the graph."""
        return {k: v for k, v in self._values.items() if k in self._learned}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> None:
        """Copy weights in; with `strict` all paths must be there, and no others."""
        wrong = set(state) ^ set(self.state_dict())
        if strict and wrong:
            raise StateError(f"load_state_dict: missing or unexpected {sorted(wrong)}; use strict=False to load the others")
        for path in set(state) & self._learned:
            value = np.asarray(state[path], dtype=np.float64)
            if value.shape != self._values[path].shape:
                raise StateError(f"{path}: shape {value.shape} does not fit {self._values[path].shape}; load weights of the same network")
            self._values[path] = value.copy()

    def parameters(self) -> Any:
        """Refused: only torch trains."""
        raise UnsupportedError("Reference_Backend: it has no torch parameters; use Torch_Backend to train")

    named_parameters = parameters
