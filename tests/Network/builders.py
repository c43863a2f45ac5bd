"""Small networks that the tests of several folders run."""

from __future__ import annotations

from typing import Any

import numpy as np

import spaic

#: Four samples for the six inputs of :func:`layered`.
SAMPLES = np.random.default_rng(0).random((4, 6)).astype(np.float32)
LABELS = np.array([0, 1, 2, 1])
#: The same number of samples as lists of events: times in ms and neurons.
EVENTS = [[[0.5, 3.0, 7.2], [0, 5, 2]], [[], []], [[19.9], [3]], [[1.0, 1.0], [1, 4]]]
#: Neither silent nor saturated.
WEIGHTS = {"w_mean": 0.3, "w_std": 0.3}


class Layered(spaic.Network):
    """6 inputs, 5 hidden and 3 output neurons."""

    def __init__(
        self, code: str = "poisson", model: str = "lif", decoding: str = "spike_counts", learns: bool = True, seed: int = 0, **options: Any
    ) -> None:
        super().__init__(seed=seed)
        self.input = spaic.Encoder(num=6, coding_method=code, **options)
        self.hidden = spaic.NeuronGroup(5, model=model)
        self.out = spaic.NeuronGroup(3, model=model)
        self.link1 = spaic.Connection(self.input, self.hidden, **WEIGHTS)
        self.link2 = spaic.Connection(self.hidden, self.out, **WEIGHTS)
        self.output = spaic.Decoder(dec_target=self.out, coding_method=decoding)
        if learns:
            self.learner = spaic.SurrogateBP(self)


def layered(dtype: str = "float32", dt: float = 1.0, data: Any = SAMPLES, **options: Any) -> Layered:
    """:class:`Layered` with a backend and input."""
    net = Layered(**options)
    net.set_backend("torch", dt=dt, dtype=dtype)
    if options.get("code") != "null":
        net.input(data)
    return net


def looped(dtype: str = "float64", learns: bool = False, **group: Any) -> Any:
    """A network with everything that is carried from step to step: a loop, delays, a synapse, noise, adaptation."""
    with spaic.Network() as net:
        input = spaic.Encoder(num=6, coding_method="poisson")
        first = spaic.NeuronGroup(5, model="alif", t_ref=2.0, **group)
        second = spaic.NeuronGroup(3, model=NOISY, **group)
        into = spaic.Connection(input, first, delay=3.0, **WEIGHTS)
        forth = spaic.Connection(first, second, syn_type="first_order", max_delay=4.0, **WEIGHTS)
        back = spaic.Connection(second, first, delay=2.0, **WEIGHTS)
        output = spaic.Decoder(dec_target=second)
        if learns:
            learner = spaic.SurrogateBP()
    net.set_backend("torch", dt=1.0, dtype=dtype)
    net.input(SAMPLES)
    made = [input, first, second, into, forth, back, output, *([learner] if learns else [])]
    assert all(element.parent is net for element in made)
    return net


NOISY = spaic.NeuronModel(
    name="noisy",
    equations="dV/dt = -V / tau + sigma * xi",
    receive="V += w",
    spike="V > 1",
    reset="V = 0",
    parameters={"tau": 10.0, "sigma": 0.1},
    method="exact",
)
