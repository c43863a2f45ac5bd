"""Declarations of neuron and synapse models. A model is its equations; everything else is derived from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from spaic.Dynamics.equations import Assignment, parse_assignments
from spaic.Dynamics.expression import Comparison, Expression, is_name
from spaic.Dynamics.model import Model
from spaic.errors import DeclarationError, nearest


@dataclass(frozen=True, eq=False)
class NeuronModel(Model):
    """A neuron model, declared once as equations.

    Parameters
    ----------
    spike : str
        Condition under which the neuron fires, such as ``"V > V_th"``; empty for a neuron that never does.
    reset : str
        What a spike does to the states, such as ``"V = V_reset"`` or ``"V -= V_th; b += beta"``.
    refractory : str
        ``"t_ref: V"``: for `t_ref` ms after a spike V keeps its value after the reset and no spike occurs.
    interpolate : bool
        True resets at the crossing of the threshold within the step, found by linear interpolation, and integrates the
        rest of the step from there: for neurons whose upstroke is much faster than dt. The spike keeps the time of its step.
    equations, parameters, receive, inputs, initial, units, method, substeps, name, summary, source
        See :class:`Model`.

    Examples
    --------
    >>> m = NeuronModel("dV/dt = (I - V) / tau", dict(tau=10.0), spike="V > 1", reset="V = 0")
    >>> m.states, m.ports
    (('V',), ('I',))
    """

    spike: str = ""
    reset: str = ""
    refractory: str = ""
    interpolate: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reset.strip() and not self.spike.strip():
            raise DeclarationError(f"{self.name}: there is a reset but no spike condition; add spike='V > V_th'")
        if self.refractory:
            self._check_refractory()
        if self.interpolate and (self.receives or not self.condition):
            raise DeclarationError(f"{self.name}: interpolate needs a spike condition and no receive text; use a current input I")

    @cached_property
    def condition(self) -> Comparison | None:
        """The spike condition, or None."""
        return Comparison(self.spike, f"{self.name}, spike") if self.spike.strip() else None

    @cached_property
    def resets(self) -> tuple[Assignment, ...]:
        """Statements of the reset, in order."""
        return parse_assignments(self.reset, self.name, "reset")

    @cached_property
    def refractory_period(self) -> tuple[str, tuple[str, ...]] | None:
        """Name of the parameter that holds the refractory period, and the states it holds still."""
        if not self.refractory.strip():
            return None
        parameter, _, held = self.refractory.partition(":")
        return parameter.strip(), tuple(s.strip() for s in held.split(",") if s.strip())

    @property
    def variables(self) -> tuple[str, ...]:
        return (*super().variables, *(("O",) if self.condition else ()))

    def _texts(self) -> list[tuple[Expression, set[str]]]:
        condition = [self.condition.residual] if self.condition else []
        own: list[tuple[Expression, set[str]]] = [(e, set()) for e in (*condition, *(a.right for a in self.resets))]
        return [*super()._texts(), *own]

    def _targets(self) -> list[tuple[str, str]]:
        return [*super()._targets(), *((a.name, "reset") for a in self.resets)]

    def _check_refractory(self) -> None:
        period, held = self.refractory_period or ("", ())
        if period not in self.parameters:
            raise DeclarationError(f"{self.name}, refractory: {period!r} is not a parameter; {nearest(period, self.parameters)}")
        for name in held:
            if name not in self.states:
                raise DeclarationError(f"{self.name}, refractory: {name!r} is not a state; {nearest(name, self.states)}")
        if not held or not self.condition:
            raise DeclarationError(f"{self.name}, refractory: {self.refractory!r} needs a spike condition and states; write 't_ref: V'")


@dataclass(frozen=True, eq=False)
class SynapseModel(Model):
    """A synapse that shapes what a connection carries: after the weights one set of states per postsynaptic neuron, before them one
    per presynaptic neuron.

    Parameters
    ----------
    output : str
        The state or value that is delivered.
    reads : mapping of str to str
        Names in the equations -> states of the postsynaptic neuron, such as ``{"V_post": "V"}``: their values at the start of the step.
        What such a synapse delivers goes to a current port.
    is_presynaptic : bool
        True for a synapse that acts on each presynaptic neuron, before the weights.
    equations, parameters, receive, inputs, initial, units, method, substeps, name, summary, source
        See :class:`Model`.
    """

    output: str = ""
    reads: Mapping[str, str] = field(default_factory=dict)
    is_presynaptic: bool = False

    def __post_init__(self) -> None:
        if self.reads:
            object.__setattr__(self, "inputs", tuple(dict.fromkeys((*self.inputs, *self.reads))))
        super().__post_init__()
        names = [e.name for e in self.lines]
        if self.output not in names:
            raise DeclarationError(f"{self.name}: the output {self.output!r} is not a state or value; {nearest(self.output, names)}")
        self._check_reads()

    @property
    def ports(self) -> tuple[str, ...]:
        return tuple(port for port in super().ports if port not in self.reads)

    def _check_reads(self) -> None:
        for name, state in self.reads.items():
            if not is_name(state):
                raise DeclarationError(f"{self.name}, reads: {state!r} is no name of a state; write for example {{'V_post': 'V'}}")
            if name not in self.currents:
                raise DeclarationError(f"{self.name}, reads: no equation reads {name!r}; use it, or leave it out")
        if self.reads and self.is_presynaptic:
            raise DeclarationError(f"{self.name}: it reads the postsynaptic neuron and is presynaptic; leave one of them out")
        if self.reads and self.noises:
            raise DeclarationError(f"{self.name}: it has noise and reads the postsynaptic neuron, which is not supported; leave out one")
