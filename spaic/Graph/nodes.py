"""Nodes of a graph: pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod

from spaic.Dynamics.models import NeuronModel
from spaic.Dynamics.surrogate import Surrogate
from spaic.Graph.values import Value

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Input:
    """Where data enter; its variable is ``O``.

    Attributes
    ----------
    name : str
        Path.
    shape : tuple of int
        Shape of one sample.
    """

    name: str
    shape: Shape


@dataclass(frozen=True, eq=False)
class Population:
    """Neurons of one model.

    Attributes
    ----------
    name : str
        Path.
    shape : tuple of int
        Shape of the population.
    model : NeuronModel
        The declaration.
    parameters : mapping of str to Value
        Scalars or arrays of `shape` for every parameter of the model.
    initial : mapping of str to Value or str
        Initial values that differ from the model's.
    integrator : str
        Method that advances the equations.
    surrogate : Surrogate, optional
        Derivative of the spike used in gradients; None stops gradients here.
    reset_gradient : bool
        Whether the spike in the reset carries gradient.
    trainable : frozenset of str
        Parameters that a learner changes.
    """

    name: str
    shape: Shape
    model: NeuronModel
    parameters: Mapping[str, Value]
    integrator: str
    initial: Mapping[str, Value] = field(default_factory=dict)
    surrogate: Surrogate | None = None
    reset_gradient: bool = True
    trainable: frozenset[str] = frozenset()

    @property
    def size(self) -> int:
        """Number of neurons."""
        return prod(self.shape)


@dataclass(frozen=True, eq=False)
class Output:
    """A variable that leaves the network, for a decoder.

    Attributes
    ----------
    name : str
        Path.
    reads : str
        Path of the variable, such as ``"layer2.O"``.
    """

    name: str
    reads: str


Node = Input | Population | Output
