"""A network whose rules learn, in one compiled loop over time that visits only the synapses of neurons that fire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spaic.Backend.Kernels.text import rule_text
from spaic.Backend.Plastic.at_work import RuleAtWork
from spaic.Backend.Torch.program import TorchProgram
from spaic.Backend.Torch.run import Run
from spaic.Backend.Torch.simulation.kernel_order import kernel_order
from spaic.Backend.Torch.simulation.simulated import Simulated
from spaic.Backend.Torch.simulation.simulation_choice import gradient_flows, hindrance, is_spiking, passes_events
from spaic.Dynamics.kinds import NUMBER, kinds
from spaic.Graph.links import Link
from spaic.Graph.program import Recordings, State
from spaic.Graph.schedule import Stage
from spaic.Graph.stream import Stream
from spaic.Graph.transforms import Dense, OneToOne, Sparse

States = dict[RuleAtWork, dict[str, Any]]


class LearningLoop:
    """All steps of a network with rules, in one kernel.

    Parameters
    ----------
    program : TorchProgram
        Of the network without its rules.
    rules : sequence of RuleAtWork
        What learns.
    """

    def __init__(self, program: TorchProgram, rules: Sequence[RuleAtWork]) -> None:
        self.program, self.rules = program, rules
        self.stage = Stage(tuple(name for stage in program.schedule.stages for name in stage.populations), True)
        self.learned = frozenset(rule.link.name for rule in rules)
        self.obstacle = self._obstacle()
        self.orders = {} if self.obstacle else {rule: kernel_order(rule) for rule in rules}

    def _obstacle(self) -> str:
        """Why this is not possible; nothing if it is, without gradients."""
        found = [reason for rule in self.rules if (reason := self._of_rule(rule))]
        return found[0] if found else hindrance(self.program, self.stage, self.learned)

    def _of_rule(self, rule: RuleAtWork) -> str:
        transform, *others = rule.link.transforms
        if others or not isinstance(transform, (Dense, OneToOne, Sparse)) or (isinstance(transform, Dense) and transform.mask is not None):
            return f"{rule.link.name} is neither full, sparse nor one-to-one"
        if len([r for r in self.rules if r.link.name == rule.link.name]) > 1:
            return f"{rule.link.name} has two rules"
        if any(k.owner == rule.link.owner for k in self.program.graph.links if k.name != rule.link.name):
            return f"{rule.link.name} shares its weights"
        if not isinstance(rule.arrivals.delay, int) and rule.arrivals.which is None:
            return f"{rule.link.name} has a delay for each value of its source"
        if rule.arrivals.which is not None and rule.rule.reads("pre"):
            return f"{rule.rule.name} reads variables of neurons whose synapses have delays of their own"
        for _, side, variable in rule_text.reads(rule.rule):
            node = rule.link.source_node if side == "pre" else rule.link.target_node
            if not self._is_recorded(node, variable):
                return f"{rule.rule.name} reads {variable} of {node}, which is no number"
        return rule_text.obstacle(rule.rule)

    def _is_recorded(self, node: str, variable: str) -> bool:
        """Whether a variable is a number in a population."""
        tape = self.program.elements[node].tape if node in self.program.elements else None
        return tape is not None and variable in tape.outputs and kinds(tape).get(tape.outputs[variable], NUMBER) == NUMBER

    def advance(
        self, parameters: Mapping[str, Any], weights: dict[str, Any], states: States, state: State, inputs: Mapping[str, Stream], steps: int
    ) -> tuple[State, Recordings] | None:
        """All steps; what was learned is put into `weights` and `states`. None if this run has to go step by step."""
        if self.obstacle:
            return None
        run = Run(self.program, {**parameters, **weights}, state, inputs, steps)
        given = [inputs[rule.link.source_node] for rule in self.rules if rule.link.source_node in inputs]
        if gradient_flows(run, self.stage) or not all(is_spiking(stream) for stream in given):
            return None
        simulated = Simulated(run, self.stage, self.orders)
        for name in self.stage.populations:
            for link in self.program.graph.arriving(name):
                simulated.add(link, None if self._passes_events(run, link) else run.delivered(link.name))
        for k, rule in enumerate(self.rules):
            simulated.traces |= {f"{k}.{name}": self._as_table(rule, name, states[rule][name]) for name in rule.rule.states}
        simulated.run()
        for k, rule in enumerate(self.rules):
            weights[rule.path] = self.orders[rule].from_kernel(torch.from_numpy(simulated.weight(rule.link.name)))
            states[rule] = {name: self._as_state(rule, name, simulated.traces[f"{k}.{name}"]) for name in rule.rule.states}
        return run.finish()

    def _passes_events(self, run: Run, link: Link) -> bool:
        return link.name in self.learned or passes_events(run, link, self.stage)

    def _as_table(self, rule: RuleAtWork, name: str, values: Tensor) -> np.ndarray:
        """A copy of a state as the kernel has it."""
        known = values.detach()
        known = self.orders[rule].to_kernel(known) if rule.rule.side(name) == "synapse" else known
        return np.array(known.numpy(), order="C")

    def _as_state(self, rule: RuleAtWork, name: str, values: np.ndarray) -> Tensor:
        found = torch.from_numpy(values)
        return self.orders[rule].from_kernel(found) if rule.rule.side(name) == "synapse" else found
