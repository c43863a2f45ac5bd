"""What a backend makes of a graph, and what goes in and out of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spaic.Graph.graph import Graph
from spaic.Graph.stream import Stream


@dataclass(frozen=True)
class State:
    """All that a run leaves behind and the next one may carry on from.

    Attributes
    ----------
    step : int
        Number of steps done since the initial state.
    batch : int
        Number of samples.
    arrays : dict of str to array
        Path -> value: ``"layer1.V"`` and, for delayed links, ``"layer1.O.history"``.
    run : int
        Number of the run, which chooses the noise.
    is_training : bool
        Whether dropout is at work, and batch normalization measures.
    statistics : dict of str to array
        Path -> value after a training run of what it measures, such as running means; they are parameters of the next run.
    """

    step: int
    batch: int
    arrays: Mapping[str, Any] = field(default_factory=dict)
    run: int = 0
    is_training: bool = True
    statistics: Mapping[str, Any] = field(default_factory=dict)


#: Path of a variable -> its values ``[steps, batch, *shape]``.
Recordings = dict[str, Any]


class Program(ABC):
    """A compiled graph. It holds no state and no weights: both go in and come out.

    Attributes
    ----------
    graph : Graph
        What was compiled.
    """

    graph: Graph

    def __deepcopy__(self, memo: dict[int, object]) -> Program:
        return self  # a program never changes

    @abstractmethod
    def initial_parameters(self) -> dict[str, Any]:
        """Path -> initial array of every parameter, drawn from the graph's seed."""

    @abstractmethod
    def initial_state(self, parameters: Mapping[str, Any], batch: int) -> State:
        """The state at time 0."""

    @abstractmethod
    def run(self, parameters: Mapping[str, Any], state: State, inputs: Mapping[str, Stream], steps: int) -> tuple[State, Recordings]:
        """Advance by `steps` steps; `inputs` are indexed by steps since the start of this stream's run.

        Parameters
        ----------
        parameters : mapping of str to array
            As :meth:`initial_parameters` gives them, possibly changed.
        state : State
            Where to start.
        inputs : mapping of str to Stream
            One per input node; step n of the run reads ``chunk(state.step + n, ...)``.
        steps : int
            Number of steps.

        Returns
        -------
        state : State
            Where the run ended.
        recordings : dict of str to array
            For every output and probe: path -> ``[samples, batch, *shape]``.
        """

    def longest(self, batch: int, inputs: Mapping[str, Stream]) -> int:
        """The most steps to be run at a time where no gradient is wanted, so that memory stays small; 0: as for any program."""
        return 0

    @abstractmethod
    def source(self, path: str) -> str:
        """The operations that one step of a population runs, as readable text."""

    def execution(self) -> list[str]:
        """How each part is executed, for people: ``"path: how"``."""
        return []
