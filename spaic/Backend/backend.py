"""The common face of all backends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from spaic.clock import Clock, milliseconds
from spaic.errors import DeclarationError, UnsupportedError, nearest
from spaic.Graph.graph import Graph
from spaic.Graph.program import Program, Recordings, State
from spaic.Graph.stream import Stream

NOTHING: Mapping[str, str] = MappingProxyType({})
DTYPES = ("float32", "float64")


class Backend(ABC):
    """Compiles graphs for one kind of execution.

    Parameters
    ----------
    device : str
        Where arrays live, such as ``"cpu"`` or ``"cuda"``.
    dt : float or str
        Time step in ms, or text with its unit (``"0.1 ms"``).
    dtype : str
        ``"float32"`` or ``"float64"``; a torch or NumPy dtype of that name will do.
    """

    #: Registered name.
    backend_name = ""
    #: Whether its parameters can be trained by gradient.
    is_differentiable = False

    def __init__(self, device: str = "cpu", dt: float | str = 0.1, dtype: object = "float32") -> None:
        name = str(getattr(dtype, "name", dtype)).rpartition(".")[2]
        if name not in DTYPES:
            raise DeclarationError(f"backend: unknown number type {dtype!r}; {nearest(name, DTYPES)}")
        self.device, self.dtype, self.clock = device, name, Clock(milliseconds(dt, f"{type(self).__name__}.dt"))

    @property
    def dt(self) -> float:
        """Time step in ms."""
        return self.clock.dt

    @dt.setter
    def dt(self, value: float) -> None:
        self.clock = Clock(milliseconds(value, f"{type(self).__name__}.dt"))

    @abstractmethod
    def compile(self, graph: Graph) -> Program:
        """A program for `graph`; what the backend cannot do is refused by name."""

    @abstractmethod
    def store(self, graph: Graph, values: Mapping[str, np.ndarray], previous: Any = None, same: Mapping[str, str] = NOTHING) -> Any:
        """What holds the parameters: it has ``tensors()``, ``learned()``, ``sizes()``, ``needs_gradient()`` and ``confine()``.

        Parameters
        ----------
        graph : Graph
            Says what is trainable.
        values : mapping of str to ndarray
            Path -> initial value.
        previous : optional
            The store of an earlier build.
        same : mapping of str to str
            Path -> path in `previous` of a value that is kept where it fits: the very object, where the backends are of one kind, so
            that an optimizer goes on with it.
        """

    def move(self, device: object) -> None:
        """Use another device from now on."""
        raise UnsupportedError(f"{type(self).__name__}: it cannot move to {device!r}; use Torch_Backend")

    def untraced(self, run: Callable[..., None]) -> Callable[..., None]:
        """`run` as it is called where a compiler of the backend's library is looking on."""
        return run

    def without_gradient(self, state: State) -> State:
        """`state`, cut off from what computed it."""
        return state

    def run_without_gradient(
        self, program: Program, parameters: Mapping[str, Any], state: State, inputs: Mapping[str, Stream], steps: int
    ) -> tuple[State, Recordings]:
        """Run a program without keeping what a backward pass would need."""
        return program.run(parameters, state, inputs, steps)

    def as_numpy(self, array: Any) -> np.ndarray:
        """`array` as NumPy holds it."""
        return np.asarray(array)

    def as_array(self, array: np.ndarray) -> Any:
        """`array` as states are held here."""
        return np.asarray(array, dtype=np.float64)

    def is_finite(self, array: Any) -> bool:
        """True if there is no NaN and no infinity in `array`."""
        return bool(np.isfinite(array).all())

    def guarded(self, prediction: Any, path: str) -> Any:
        """`prediction`, which answers a second backward pass with an error that says what to do."""
        return prediction


def kept(values: Mapping[str, np.ndarray], previous: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """`values`, with those of an earlier build where path and shape are the same."""
    return {k: previous[k] if k in previous and np.shape(previous[k]) == np.shape(v) else v for k, v in values.items()}
