"""Two populations described by their rates."""

from __future__ import annotations

from spaic.Library.ranges import demand_number
from spaic.Network.connection import Connection
from spaic.Network.network import Network
from spaic.Network.neurongroup import NeuronGroup
from spaic.Network.sources import Generator
from spaic.registry import networks


@networks.register("wilson_cowan", "WilsonCowan", "mean_field")
class WilsonCowan(Network):
    """An excitatory and an inhibitory population that oscillate together once the input is strong enough.

    Members: `exc` and `inh` (model wilson_cowan; the active share is `r`), `drive` (the input of `exc`), and the connections `exc_exc`,
    `exc_inh`, `inh_exc` and `inh_inh`.

    Parameters
    ----------
    exc_exc, exc_inh, inh_exc, inh_inh : float
        Strength of the coupling from the first to the second, the last two taken as inhibition.
    num : int
        Number of such pairs, independent of each other.
    name : str, optional
        Shown in messages.
    seed : int
        Seed of random numbers.

    Notes
    -----
    Source: Wilson and Cowan 1972, *Biophysical Journal* 12, 1, equations 11, 12 and 15; figure 11 has these couplings and responses, and
    with an input of 1.25 this limit cycle.

    Examples
    --------
    >>> from spaic.Library import WilsonCowan
    >>> net = WilsonCowan()
    >>> net.drive(1.25)
    >>> net.run(10.0)
    """

    def __init__(
        self, exc_exc: float = 16.0, exc_inh: float = 15.0, inh_exc: float = 12.0, inh_inh: float = 3.0, num: int = 1,
        name: str | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(name, seed)
        for each, value in (("exc_exc", exc_exc), ("exc_inh", exc_inh), ("inh_exc", inh_exc), ("inh_inh", inh_inh)):
            demand_number(f"WilsonCowan.{each}", value)
        self.exc = NeuronGroup(num, model="wilson_cowan", a=1.3, theta=4.0, neuron_type="excitatory")
        self.inh = NeuronGroup(num, model="wilson_cowan", a=2.0, theta=3.7, neuron_type="inhibitory")
        self.drive = Generator(dec_target=self.exc, coding_method="constant_current")
        self.exc_exc = _coupling(self.exc, self.exc, exc_exc)
        self.exc_inh = _coupling(self.exc, self.inh, exc_inh)
        self.inh_exc = _coupling(self.inh, self.exc, -inh_exc)
        self.inh_inh = _coupling(self.inh, self.inh, -inh_inh)


def _coupling(pre: NeuronGroup, post: NeuronGroup, weight: float) -> Connection:
    return Connection(pre, post, link_type="one_to_one", weight=float(weight), pre_var_name="r", post_var_name="I")
