"""The backend without a time step."""

from __future__ import annotations

from typing import Any

from spaic.Backend.Event.clock import EventClock
from spaic.Backend.Event.layer import Limits
from spaic.Backend.Event.program import EventProgram
from spaic.Backend.Torch.arithmetic import TorchArithmetic
from spaic.Backend.Torch.backend import Torch_Backend
from spaic.Backend.Torch.module import ParameterTree
from spaic.clock import milliseconds
from spaic.errors import DeclarationError
from spaic.Graph.graph import Graph
from spaic.registry import backends


def _always() -> bool:
    """A run goes at once and never in pieces: what it keeps grows with the number of spikes, not of steps."""
    return True


@backends.register("event", "events", "exact")
class Event_Backend(Torch_Backend):  # noqa: N801  the naming of backends that users know
    """Runs and trains networks exactly, from spike to spike, in float64.

    Parameters
    ----------
    device : str
        Only ``"cpu"``.
    dt : float or str
        Distance in ms of the samples that monitors take, and step of inputs that are given on a grid. No result depends on it otherwise.
    dtype : str
        Only ``"float64"``.
    most_spikes : int
        A neuron that fires more often in one run stops it with an error.
    least_slope : float
        Least slope of a membrane at its threshold, in 1/ms, that gradients divide by: a grazing spike has no finite derivative.
    count_unit : float
        In gradients of spike counts, which are piecewise constant, a spike that comes this many ms earlier counts for one more.

    Raises
    ------
    DeclarationError
        If it is asked for another device or number type, or a limit is not positive.
    """

    backend_name = "event"

    def __init__(
        self,
        device: str = "cpu",
        dt: float | str = 0.1,
        dtype: object = "float64",
        most_spikes: int = 1_000_000,
        least_slope: float = 1e-9,
        count_unit: float = 20.0,
    ) -> None:
        super().__init__(device, dt, dtype)
        self.clock = EventClock(self.clock.dt)
        if self.dtype != "float64" or str(device) != "cpu":
            raise DeclarationError(f"Event_Backend: it computes in float64 on the CPU, got {dtype!r} on {device!r}; use Torch_Backend")
        for name, value in (("most_spikes", most_spikes), ("least_slope", least_slope), ("count_unit", count_unit)):
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
                raise DeclarationError(f"Event_Backend: {name} is {value!r}; give a positive number")
        self.limits, self.count_unit = Limits(int(most_spikes), float(least_slope)), float(count_unit)

    @property
    def dt(self) -> float:
        """Distance of samples in ms."""
        return self.clock.dt

    @dt.setter
    def dt(self, value: float) -> None:
        self.clock = EventClock(milliseconds(value, f"{type(self).__name__}.dt"))

    def compile(self, graph: Graph) -> Any:
        return EventProgram(graph, self.limits, self.count_unit, TorchArithmetic(self.torch_device, self.torch_dtype))

    def store(self, graph: Graph, *args: Any, **options: Any) -> ParameterTree:
        made = super().store(graph, *args, **options)
        made.needs_gradient = _always  # type: ignore[method-assign]
        return made

    def move(self, device: object) -> None:
        """Refused: events run on the CPU."""
        raise DeclarationError(f"Event_Backend: it cannot move to {device!r}; use Torch_Backend")
