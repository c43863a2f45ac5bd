"""The reference backend."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

import numpy as np

from spaic.Backend.backend import NOTHING, Backend, kept
from spaic.Backend.Plastic.arithmetic import NumpyArithmetic
from spaic.Backend.Plastic.program import with_plasticity
from spaic.Backend.Reference.program import ReferenceProgram
from spaic.errors import DeclarationError, UnsupportedError
from spaic.Graph.constraints import normalised
from spaic.Graph.graph import Graph
from spaic.Graph.program import Program
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

    def compile(self, graph: Graph) -> Program:
        return with_plasticity(graph, ReferenceProgram, NumpyArithmetic())

    def store(self, graph: Graph, values: Mapping[str, np.ndarray], previous: Any = None, same: Mapping[str, str] = NOTHING) -> ArrayStore:
        learned = previous.learned() if previous is not None and same else {}
        return ArrayStore(graph, kept(values, {new: learned[old] for new, old in same.items() if old in learned}))


class ArrayStore:
    """Parameters as NumPy arrays; nothing here can be trained.

    Parameters
    ----------
    graph : Graph
        Says what has bounds, and which plain numbers a learner changes elsewhere, so that they count as learned.
    values : mapping of str to ndarray
        Path -> array.
    """

    def __init__(self, graph: Graph, values: Mapping[str, np.ndarray]) -> None:
        trainable = {f"{n.name}.{p}" for n in graph.populations for p in n.trainable}
        self._bounds = {f"{k.name}.{p}": bounds for k in graph.links for p, bounds in k.bounds.items()}
        self._norms = [(k, t) for k in graph.links for t in k.transforms if k.norm is not None and "weight" in t.parameters()]
        self._learned = {k for k, v in values.items() if np.ndim(v) or k in trainable}
        self._values = {k: np.array(v, dtype=np.float64) for k, v in values.items()}

    def tensors(self) -> dict[str, np.ndarray]:
        """Path -> array."""
        return dict(self._values)

    def learned(self, owners: Container[str] | None = None) -> dict[str, np.ndarray]:
        """Path -> a copy of everything that is not a plain number of the graph; of the given elements only, if they are given."""
        return {k: v.copy() for k, v in self._values.items() if k in self._learned and (owners is None or k.rpartition(".")[0] in owners)}

    def confine(self) -> None:
        """Put values that left their bounds back on them."""
        for path, (low, high) in self._bounds.items():
            np.clip(self._values[path], low, high, out=self._values[path])
        for link, transform in self._norms:
            path = f"{link.name}.weight"
            self._values[path] = normalised(transform, self._values[path], float(link.norm or 0.0))

    def freeze(self, owners: Mapping[str, bool]) -> None:
        """Nothing is trained here."""

    def sizes(self) -> dict[str, int]:
        """Path -> number of trainable values: none."""
        return {}

    def needs_gradient(self) -> bool:
        """Whether a run has to keep what a backward pass needs: never."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """Path -> array of everything that is not a plain number of the graph."""
        return {k: v for k, v in self._values.items() if k in self._learned}

    def copy_in(self, values: Mapping[str, Any]) -> None:
        """Copy values into the arrays."""
        for path, value in values.items():
            self._values[path] = np.array(value.detach().cpu().numpy() if hasattr(value, "detach") else value, dtype=np.float64)

    def parameters(self) -> Any:
        """Refused: only torch trains."""
        raise UnsupportedError("Reference_Backend: it has no torch parameters; use Torch_Backend to train")

    named_parameters = parameters
