"""Learning without a global gradient: rules at work on connections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from spaic.Dynamics.rules import Rule
from spaic.errors import DeclarationError, InputError, NetworkError, StateError, nearest, reject_unknown
from spaic.Graph.graph import Graph
from spaic.Graph.nodes import Population
from spaic.Graph.plasticity import REDUCTIONS, Plasticity
from spaic.Learning.learner import Learner
from spaic.Learning.ownership import trained_by
from spaic.Network.connection import Connection
from spaic.registry import learners, rules
from spaic.units import in_unit


@learners.register("plasticity", "local")
class PlasticityLearner(Learner):
    """A plasticity rule on connections: their weights change while the network runs.

    Parameters
    ----------
    trainable : Connection, Assembly or list of them, optional
        Whose weights learn; by default all connections of the network or assembly that the learner belongs to.
    rule : str or Rule
        A registered rule (docs/plasticity.md lists them), or a declaration of your own.
    reduction : str, optional
        ``"sum"`` or ``"mean"`` over the samples of a batch, in every step. ``"per_sample"``: each sample has weights of its own from
        ``net.run`` on, through every ``net.run_continue``, and what the network learns is their mean (docs/semantics.md). Without it a
        batch of several samples is refused: they share the weights.
    param : mapping, optional
        Values of the rule's parameters; keywords win over it.
    name : str, optional
        Name where it is not assigned to an attribute.
    **values : float or str
        Values of the rule's parameters: numbers, or text with a unit (``"20 ms"``).

    Raises
    ------
    DeclarationError
        For an unknown rule, parameter or reduction.

    Examples
    --------
    >>> import spaic
    >>> with spaic.Network() as net:
    ...     pre = spaic.Encoder(num=2, coding_method="null")
    ...     post = spaic.NeuronGroup(1, model="lif", tau_m=5.0)
    ...     wire = spaic.Connection(pre, post, weight=0.6, w_min=0.0, w_max=1.0)
    ...     learner = spaic.PlasticityLearner(wire, "stdp", A_plus=0.1)
    >>> net.set_backend("torch", dt=1.0)
    >>> net.pre([[[1, 0], [0, 1], [0, 0]]])
    >>> net.run(3.0)
    >>> [round(w, 4) for w in net.wire.weight[0].tolist()]
    [0.6951, 0.7]
    """

    uses_gradient = False

    def __init__(
        self,
        trainable: Any = None,
        rule: str | Rule = "stdp",
        *,
        reduction: str | None = None,
        param: Mapping[str, float | str] | None = None,
        name: str | None = None,
        **values: float | str,
    ) -> None:
        super().__init__(trainable, name=name)
        found = rules[rule] if isinstance(rule, str) else rule
        if not isinstance(found, Rule):
            raise DeclarationError(f"PlasticityLearner: a rule is a name or a Rule, got {rule!r}; give one of these")
        where = f"PlasticityLearner({found.name})"
        if reduction is not None and reduction not in REDUCTIONS:
            raise DeclarationError(f"{where}: unknown reduction {reduction!r}; {nearest(reduction, REDUCTIONS)}")
        given = {**(param or {}), **values}
        reject_unknown(where, given, found.parameters)
        self.rule, self.reduction = rule, reduction
        self.param = {k: _checked(found, k, v, f"{where}.{k}") for k, v in given.items()}

    @property
    def declaration(self) -> Rule:
        """The rule itself."""
        found: Rule = rules[self.rule] if isinstance(self.rule, str) else self.rule
        return found

    @property
    def values(self) -> dict[str, float]:
        """Every parameter of the rule with its value."""
        return {k: self.param.get(k, float(self.declaration.parameter(k).default)) for k in self.declaration.parameters}

    def annotate(self, graph: Graph) -> Graph:
        own = trained_by(self, list(self.network.members(Learner)), graph)
        links = {link.name: link for link in graph.links}
        added = []
        for element in own:
            if isinstance(element, Connection):
                self._check_spikes(graph, links[element.path])
                self._check_reads(graph, links[element.path])
                added.append(self._plasticity(element.path))
        self._paths = ()
        return replace(graph, plasticity=(*graph.plasticity, *added))

    def _plasticity(self, path: str) -> Plasticity:
        return Plasticity(self._state_name(path), path, self.declaration, self.values, self.reduction)

    def _state_name(self, path: str) -> str:
        return f"{self.path}.{path}"

    def _check_spikes(self, graph: Graph, link: Any) -> None:
        target = graph.by_name[link.target_node]
        if self.declaration.needs_post_spikes and isinstance(target, Population) and target.model.condition is None:
            raise NetworkError(
                f"{link.name}: {self.declaration.name!r} needs spikes of {link.target_node!r}, whose model never fires; use another rule"
            )

    def _check_reads(self, graph: Graph, link: Any) -> None:
        for side, path in (("pre", link.source_node), ("post", link.target_node)):
            node = graph.by_name[path]
            known = node.model.variables if isinstance(node, Population) else ("O",)
            for variable in self.declaration.reads(side).values():
                if variable not in known:
                    raise NetworkError(
                        f"{link.name}: {self.declaration.name!r} reads {variable!r} of {path!r}, which has none "
                        f"({nearest(variable, known)}); use another neuron model, for 'taught' one from spaic.Library.rules.with_teacher"
                    )

    # --- rewards

    def reward(self, value: Any) -> None:
        """Give a reward: what the rule says under ``on_reward`` happens now.

        Parameters
        ----------
        value : float or array of shape (batch,)
            The reward, for all samples or for each.

        Raises
        ------
        NetworkError
            If the rule uses no reward.
        StateError
            If the network has not run yet.
        """
        if "on_reward" not in self.declaration.statements:
            known = [n for n in rules if "on_reward" in rules[n].statements]
            raise NetworkError(f"{self.path}: {self.declaration.name!r} uses no reward; choose one of {', '.join(known)}")
        simulation = self.network._simulation
        if simulation is None or simulation.state is None:
            raise StateError(f"{self.path}: there is nothing to reward yet; call net.run(T) first")
        try:
            values = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value, dtype=np.float64)
        except (TypeError, ValueError):
            values = np.array(np.nan)
        if values.shape not in ((), (simulation.state.batch,)) or not np.isfinite(values).all():
            raise InputError(
                f"{self.path}.reward: {value!r} is not one finite number, or one for each of {simulation.state.batch} samples; give that"
            )
        full = simulation.backend.as_array(np.array(np.broadcast_to(values, (simulation.state.batch,))))
        names = frozenset(p.name for p in simulation.graph.plasticity if p.name.startswith(f"{self.path}."))
        after = simulation.program.rewarded(simulation.store.tensors(), simulation.state, full, names)
        simulation.learning.before(simulation.store.tensors(), simulation.backend.as_numpy)
        simulation.learning.after(after.statistics, simulation.backend.as_numpy)
        simulation.store.copy_in(after.statistics)
        simulation.state = replace(after, statistics={})

    def trace(self, connection: Connection, name: str) -> np.ndarray:
        """A state of the rule as it is now: a trace, an eligibility.

        Parameters
        ----------
        connection : Connection
            Which of the connections it trains.
        name : str
            Name of the state in the rule.
        """
        if not isinstance(connection, Connection) or self.distance(connection) is None:
            raise DeclarationError(f"{self.path}.trace: {connection!r} is no connection that it trains; name one of {self.shown_parts}")
        if name not in self.declaration.states:
            raise DeclarationError(
                f"{self.path}: {self.declaration.name!r} has no state {name!r}; {nearest(name, self.declaration.states)}"
            )
        simulation = self.network._simulation
        path = f"{self._state_name(connection.path)}.{name}"
        if simulation is None or simulation.state is None or path not in simulation.state.arrays:
            raise StateError(f"{path}: there is no state yet; call net.run(T) first")
        values: np.ndarray = simulation.backend.as_numpy(simulation.state.arrays[path])
        return values


def _checked(rule: Rule, name: str, given: Any, path: str) -> float:
    """A value of a parameter, which is one number for all synapses."""
    declared = rule.parameter(name)
    value = in_unit(given, declared.unit, path)
    is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not is_number:
        raise DeclarationError(f"{path}: {value!r} is no number; give one in {declared.unit}")
    return float(declared.check(value, path))
