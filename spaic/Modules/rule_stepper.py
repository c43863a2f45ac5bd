"""A plasticity rule between two torch modules, one step at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spaic.Backend.Plastic.at_work import RuleAtWork
from spaic.Backend.Torch.arithmetic import TorchArithmetic
from spaic.Dynamics.rules import Rule
from spaic.errors import DeclarationError, InputError, NetworkError, StateError, UnsupportedError, nearest
from spaic.Graph.graph import Graph
from spaic.Graph.links import Link
from spaic.Graph.nodes import Input, Population
from spaic.Graph.plasticity import PER_SAMPLE, Plasticity
from spaic.Learning.plasticity import PlasticityLearner
from spaic.Modules.connection import Connection
from spaic.Modules.neuron import Neuron
from spaic.Modules.stateful import Signal, Stateful


class RuleStepper(Stateful):
    """Lets a connection learn by a plasticity rule: call :meth:`step` once per time step, after connection and neuron.

    Parameters
    ----------
    connection : Connection
        Whose weights learn, in place.
    neuron : Neuron
        What it leads to.
    rule : str or Rule
        A registered rule, or a declaration. What it reads of the presynaptic neuron is the trace that travels with the spikes.
    reduction : str, optional
        ``"sum"`` or ``"mean"`` over the samples of a batch; without it a batch of several samples is refused.
    **values : float
        Values of the rule's parameters.

    Examples
    --------
    >>> import torch
    >>> wire, cell = Connection(1, 1, weight=0.5), Neuron("lif", 1)
    >>> rule = RuleStepper(wire, cell, "stdp", A_plus=0.1)
    >>> for n in range(3):
    ...     fired = cell([wire(torch.tensor([[float(n == 0)]])), torch.tensor([[2.0 * (n == 2)]])])
    ...     rule.step()
    >>> round(wire.weight.item(), 4)
    0.5905
    """

    def __init__(
        self, connection: Connection, neuron: Neuron, rule: str | Rule = "stdp", *, reduction: str | None = None, **values: float
    ) -> None:
        super().__init__()
        checked = PlasticityLearner(rule=rule, reduction=reduction, param=values)
        self.rule, self.where = checked.declaration, f"RuleStepper({checked.declaration.name})"
        if reduction == PER_SAMPLE:
            raise UnsupportedError(f"{self.where}: the samples of a batch share the weights of a module; use reduction='mean' or 'sum'")
        self._ends = (connection, neuron)  # in a tuple, so that they are no part of this module
        self._check_ends()
        self.batch = 0
        population = Population("post", neuron.shape, neuron.model, {}, neuron.model.method)
        link = Link(connection.path, "pre.O", f"post.{neuron.model.ports[0]}", connection.link.transforms, delay=connection.link.delay,
                    bounds=connection.link.bounds)  # fmt: skip
        plasticity = Plasticity("rule", link.name, self.rule, checked.values, reduction)
        self.graph = Graph((Input("pre", connection.pre), population), (link,), clock=connection.clock, plasticity=(plasticity,))
        self._at_work: tuple[torch.device, torch.dtype, RuleAtWork] | None = None
        self._rule_at_work()

    def step(self) -> None:
        """Learn from what connection and neuron have just done."""
        connection, neuron = self._ends
        arrived = connection.arrived
        if arrived is None or neuron.spikes is None:
            raise StateError(f"{self.where}: connection and neuron have made no step; call both first")
        spikes = arrived.spikes if isinstance(arrived, Signal) else arrived
        self._check_batch(spikes)
        at_work = self._rule_at_work()
        states = dict(self.state) if self.steps else at_work.initial(len(spikes))
        with torch.no_grad():
            states, weight = at_work.step(states, connection.weight, spikes, self._seen(arrived))
            self._take_over(states, weight)
        self.steps += 1

    def reward(self, value: float | Tensor) -> None:
        """Give a reward: one for all samples, or ``[batch]``."""
        if "on_reward" not in self.rule.statements:
            raise NetworkError(f"{self.where}: the rule uses no reward; choose another, such as 'rstdp' or 'pysnn_mstdpet'")
        if not self.steps:
            raise StateError(f"{self.where}: there is nothing to reward yet; call step() first")
        weight, batch = self._ends[0].weight, self.batch
        given = torch.as_tensor(value, dtype=weight.dtype, device=weight.device)
        if given.shape not in ((), (batch,)) or not bool(given.isfinite().all()):
            raise InputError(f"{self.where}.reward: {value!r} is not one finite number, or one for each of {batch} samples; give that")
        with torch.no_grad():
            self._take_over(*self._rule_at_work().rewarded(dict(self.state), weight, given.expand(batch)))

    # --- parts

    def _take_over(self, states: Mapping[str, Any], weight: Tensor) -> None:
        for name, value in states.items():
            self._keep(name, value)
        self._ends[0].weight.copy_(weight)

    def _seen(self, arrived: Signal | Tensor) -> dict[str, Any]:
        _, neuron = self._ends
        found: dict[str, Any] = {"post.O": neuron.spikes}
        for variable in self.rule.reads("post").values():
            found[f"post.{variable}"] = neuron.state[variable]
        for variable in self.rule.reads("pre").values():
            if not isinstance(arrived, Signal):
                raise StateError(
                    f"{self.where}: it reads {variable!r}, and no trace arrives; send a Signal, from a neuron with trace={variable!r}"
                )
            found[f"pre.{variable}"] = arrived.trace
        return found

    def _rule_at_work(self) -> RuleAtWork:
        weight = self._ends[0].weight
        if self._at_work is None or self._at_work[:2] != (weight.device, weight.dtype):
            arithmetic = TorchArithmetic(weight.device, weight.dtype)
            self._at_work = (weight.device, weight.dtype, RuleAtWork(self.graph, self.graph.plasticity[0], arithmetic))
        return self._at_work[2]

    def _check_ends(self) -> None:
        connection, neuron = self._ends
        if not isinstance(connection, Connection) or not isinstance(neuron, Neuron):
            raise DeclarationError(f"{self.where}: {self._ends!r} are not a Connection and a Neuron of spaic.Modules; give these")
        if np.prod(connection.post) != np.prod(neuron.shape) or connection.clock != neuron.clock:
            raise NetworkError(f"{self.where}: {connection.path} and {neuron.path} differ in shape or dt; give the same to both")
        if self.rule.needs_post_spikes and neuron.output != "O":
            raise NetworkError(f"{self.where}: it needs spikes, and {neuron.path} returns {neuron.output!r}; use another rule")
        for variable in self.rule.reads("post").values():
            if variable not in neuron.model.states:
                raise NetworkError(f"{self.where}: it reads {variable!r} of {neuron.path}; {nearest(variable, neuron.model.states)}")
        if not isinstance(connection.delay, int):
            raise UnsupportedError(f"{self.where}: {connection.path} has a delay per synapse, one trace travels; give it one delay")
        if len(set(self.rule.reads("pre").values())) > 1:
            raise UnsupportedError(f"{self.where}: it reads several variables of the presynaptic neuron, one trace travels; use another")

    def _check_batch(self, spikes: Tensor) -> None:
        if len(spikes) > 1 and self.graph.plasticity[0].reduction is None:
            raise InputError(
                f"{self.where}: {len(spikes)} samples ask for different changes of one weight; give it reduction='mean' or 'sum', or run "
                "one sample at a time"
            )
        if self.steps and self.batch != len(spikes):
            raise StateError(f"{self.where}: the batch has changed to {len(spikes)} samples; call reset_state() between batches")
        self.batch = len(spikes)
