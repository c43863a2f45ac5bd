"""A continuous attractor: rates on a ring that hold a bump where it was put."""

from __future__ import annotations

import math

import numpy as np

from spaic.errors import DeclarationError, InputError
from spaic.Library.ranges import demand_number, demand_positive
from spaic.Network.connection import Connection
from spaic.Network.network import Network
from spaic.Network.neurongroup import NeuronGroup, group_shape
from spaic.Network.sources import Generator
from spaic.registry import networks


@networks.register("ring_attractor", "RingAttractor", "cann")
class RingAttractor(Network):
    """Neurons on a ring whose activity is a bump that stays where an input has put it.

    Neurons of the model ``cann_field``: each prefers an angle and excites its neighbours; the activity of the whole ring divides that of
    each. Members: `cells` (activity `U`, rate `r`), `pool` (the activity of all), `cue` (an input ``[cells]`` for the first `cue_time` ms;
    :meth:`bump` makes one), and the connections `near`, `total` and `divide`.

    Parameters
    ----------
    num : int
        Number of neurons.
    width : float
        Width of the excitation in radians, in (0, 1].
    inhibition : float
        Strength of the division, as a part of the one beyond which no bump can stay, in (0, 1).
    cue_time : float
        How long the cue lasts in ms.
    name : str, optional
        Shown in messages.
    seed : int
        Seed of random numbers.

    Notes
    -----
    Source: Fung, Wong and Wu 2010, *Neural Computation* 22, 752, equations 1, 2 and 6. The coupling has a total strength of 1.

    Examples
    --------
    >>> from spaic.Library import RingAttractor
    >>> net = RingAttractor(32)
    >>> net.cue(net.bump(at=1.0))
    >>> net.run(10.0)
    """

    def __init__(
        self, num: int = 128, width: float = 0.5, inhibition: float = 0.5, cue_time: float = 10.0, name: str | None = None, seed: int = 0
    ) -> None:
        super().__init__(name, seed)
        demand_positive("RingAttractor.width", width, high=1.0)
        demand_positive("RingAttractor.inhibition", inhibition)
        if inhibition >= 1:
            raise DeclarationError(f"RingAttractor.inhibition: {inhibition!r} is outside (0, 1), where bumps stay; choose one from there")
        step, strength = 2 * math.pi / group_shape(num, None, "RingAttractor")[0], inhibition / (8 * math.sqrt(2 * math.pi) * width)
        self.cells = NeuronGroup(num, model="cann_field", rho=1.0, k=strength * step)
        self.pool = NeuronGroup(1, model="relay")
        self.cue = Generator(dec_target=self.cells, coding_method="square_pulse", end_time=cue_time, coding_var_name="I_ext")
        angle = self.angles
        weight = step * np.exp(-(_distance(angle[:, None], angle) ** 2) / (2 * width**2)) / (math.sqrt(2 * math.pi) * width)
        self.near = Connection(self.cells, self.cells, weight=weight, pre_var_name="r", post_var_name="I", is_parameter=False)
        self.total = Connection(self.cells, self.pool, weight=1.0, pre_var_name="q", is_parameter=False)
        self.divide = Connection(self.pool, self.cells, weight=1.0, pre_var_name="G", post_var_name="I_sum", is_parameter=False)

    @property
    def angles(self) -> np.ndarray:
        """The angle that each neuron prefers, in radians from 0 to 2 pi."""
        return np.arange(self.cells.num) * (2 * math.pi / self.cells.num)

    def bump(self, at: float, height: float = 1.0, width: float = 0.5) -> np.ndarray:
        """An input around the angle `at`, the value of the cue."""
        demand_number("RingAttractor.bump.at", at)
        demand_number("RingAttractor.bump.height", height)
        demand_positive("RingAttractor.bump.width", width)
        return np.asarray(height * np.exp(-(_distance(self.angles, at) ** 2) / (2 * width**2)))

    def place(self, activity: np.ndarray) -> np.ndarray:
        """The angle of the bump in an activity ``[..., cells]``: that of its population vector."""
        given = np.asarray(activity)
        if given.shape[-1:] != (self.cells.num,):
            raise InputError(
                f"RingAttractor.place: the activity has shape {given.shape}, needed [..., {self.cells.num}]; put the cells last"
            )
        return np.asarray(np.angle(given @ np.exp(1j * self.angles)) % (2 * math.pi))


def _distance(a: np.ndarray, b: np.ndarray | float) -> np.ndarray:
    return np.asarray(np.abs((a - b + math.pi) % (2 * math.pi) - math.pi))
