"""Networks in which a step can only be done when the input of all steps is known."""

from __future__ import annotations

from spaic.errors import InputError
from spaic.Graph.graph import Graph
from spaic.Graph.program import State


def demand_whole(graph: Graph, state: State, steps: int) -> None:
    """Refuse a run that is not what a link over time was declared for.

    Raises
    ------
    InputError
        With both numbers of steps.
    """
    for path, needed in graph.whole_runs.items():
        if state.step or steps != needed:
            dt = graph.clock.dt
            begins = f", from step {state.step} on" if state.step else ""
            raise InputError(
                f"{path}: it mixes all {needed} steps of a run and is given {steps}{begins}; call net.run({needed * dt:g}), which is not "
                "continued, or declare it with the steps of the run"
            )
