"""One step of a model in NumPy, without a network around it."""

import numpy as np
import pytest

from spaic.Backend.element import Element
from spaic.Dynamics.names import arrival
from spaic.Dynamics.primitives import PRIMITIVES


class Cell:
    """Neurons of `model` that go from state to state; ``cell(V=1.0)`` is one step, ``cell.run`` are many.

    What arrives at a port is given by its name, a standard normal number by ``noise_<name>``.
    """

    def __init__(self, model, method=None, dt=0.1, shape=(), connected=None, **parameters):
        ports = model.ports if connected is None else connected
        self.dt, self.shape, self.model = dt, shape, model
        self.element = Element(
            "cell", shape, model, {k: np.asarray(v, float) for k, v in parameters.items()}, {}, method or model.method,
            frozenset(ports), frozenset(), None, True, frozenset(model.variables), 0,
        )  # fmt: skip
        self.parameters = self.element.parameters

    @property
    def initial(self):
        return {s: self.element.initial_value(s, PRIMITIVES, self.parameters) for s in self.element.step.states}

    def __call__(self, t=0.0, **given):
        ports = {arrival(p): given.pop(p, 0.0) for p in self.element.step.ports}
        normals = {f"normal:{n}": given.pop(f"noise_{n}", 0.0) for n in self.element.step.noises}
        inputs = {**self.parameters, **dict.fromkeys(self.element.step.states, 0.0), **ports, **normals, **given, "t": t, "dt": self.dt}
        return self.element.tape.run(PRIMITIVES, {k: np.asarray(v, dtype=np.float64) for k, v in inputs.items()})

    def run(self, state, steps, **arriving):
        """States after `steps` steps, and whether a spike occurred."""
        state, fired = dict(state), False
        for n in range(steps):
            result = self(t=n * self.dt, **state, **arriving)
            state = {s: result[s] for s in self.element.step.states}
            fired = fired or bool(np.any(result.get("O", 0.0)))
        return state, fired


@pytest.fixture(scope="session")
def cell():
    """The class :class:`Cell`."""
    return Cell
