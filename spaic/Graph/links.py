"""Links of a graph: pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from spaic.Dynamics.models import SynapseModel
from spaic.Graph.transforms import Transform
from spaic.Graph.values import Value


@dataclass(frozen=True, eq=False)
class Synapse:
    """A synapse model with its parameter values.

    Attributes
    ----------
    model : SynapseModel
        The declaration.
    parameters : dict of str to Value
        Scalars for every parameter.
    integrator : str
        Method that advances the equations.
    """

    model: SynapseModel
    parameters: dict[str, Value]
    integrator: str


@dataclass(frozen=True, eq=False)
class Link:
    """A way from a variable to a port.

    Attributes
    ----------
    name : str
        Path.
    source : str
        Path of the variable that is transmitted, such as ``"layer1.O"``.
    target : str
        Path of the port that receives, such as ``"layer2.input"``.
    transforms : tuple of Transform
        Applied in order.
    synapse : Synapse, optional
        Shapes what arrives, after the transforms.
    delay : Value or None
        In ms: a scalar, or many, as :mod:`spaic.Graph.delays` says. None: not stated.
    trainable : frozenset of str
        Parameters that a learner changes.
    bounds : mapping of str to (float, float)
        Parameter -> smallest and largest value it may have.
    delay_limit : float or None
        In ms: the delay is a parameter of that name, any number from 0 to this, whole steps or not. None: it is fixed.
    norm : float or None
        What the absolute values of the weights that enter a neuron add up to. None: whatever they do.
    shares : str
        Path of the link whose parameters it uses; empty: its own.
    """

    name: str
    source: str
    target: str
    transforms: tuple[Transform, ...]
    synapse: Synapse | None = None
    delay: Value | None = None
    trainable: frozenset[str] = frozenset()
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    delay_limit: float | None = None
    norm: float | None = None
    shares: str = ""

    @property
    def owner(self) -> str:
        """Path of the link whose parameters it uses."""
        return self.shares or self.name

    @property
    def source_node(self) -> str:
        """Path of the node that sends."""
        return self.source.rpartition(".")[0]

    @property
    def variable(self) -> str:
        """Name of the variable that is sent."""
        return self.source.rpartition(".")[2]

    @property
    def target_node(self) -> str:
        """Path of the node that receives."""
        return self.target.rpartition(".")[0]

    @property
    def port(self) -> str:
        """Name of the port that receives."""
        return self.target.rpartition(".")[2]
