"""A rule at work on one link: its states, and what one step does to them and to the weight."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING, Any

from spaic.Backend.Plastic.arithmetic import Arithmetic
from spaic.Backend.Plastic.arrivals import Arrivals
from spaic.Backend.Plastic.layout import layout
from spaic.Dynamics.names import arrival
from spaic.Dynamics.rules import REWARD, WEIGHT
from spaic.errors import UnsupportedError
from spaic.Graph.graph import Graph
from spaic.Graph.plasticity import Plasticity
from spaic.Graph.verify import delivered_shape

if TYPE_CHECKING:
    from spaic.Dynamics.rule_step import Term, Update

States = dict[str, Any]


class RuleAtWork:
    """A rule on one link.

    Parameters
    ----------
    graph : Graph
        Where the link is.
    plasticity : Plasticity
        Rule, values and link.
    arithmetic : Arithmetic
        Kind of arrays.

    Raises
    ------
    UnsupportedError
        If the link has no weights of its own, or learns its delay, or the rule needs what the link does not have.
    """

    def __init__(self, graph: Graph, plasticity: Plasticity, arithmetic: Arithmetic) -> None:
        from spaic.Dynamics.rule_step import decays, updates  # SymPy is loaded when it is needed

        self.plasticity, self.rule, self.arithmetic = plasticity, plasticity.rule, arithmetic
        self.link = next(k for k in graph.links if k.name == plasticity.link)
        self.path = f"{self.link.name}.weight"
        weighing = [t for t in self.link.transforms if not t.is_identity]
        if len(weighing) != 1:
            stages = ", ".join(type(t).__name__ for t in self.link.transforms)
            raise UnsupportedError(
                f"{self.link.name}: a rule needs a link with weights and nothing else, this one has {stages}; part it in two"
            )
        transform = weighing[0]
        pre, post = graph.shape(self.link.source_node), delivered_shape(graph, self.link)
        self.arrivals = Arrivals(graph, self.link, arithmetic)
        self.layout = layout(transform, arithmetic, self.link.name, pre, post, self.arrivals.which)
        self.sizes = {"pre": (self.arrivals.copies * prod(pre),), "post": (prod(post),), "synapse": self.layout.shape, "modulator": ()}
        self.bounds = self.link.bounds.get("weight")
        self.parameters = {k: float(v) for k, v in plasticity.parameters.items()}
        self.values = {**self.parameters, "dt": graph.clock.dt}
        self.decays, self.updates = decays(self.rule), updates(self.rule)
        if not self.layout.has_synapses:
            self._check_separable(type(transform).__name__)

    def reads(self) -> tuple[str, ...]:
        """Paths of what it reads from the network in every step."""
        post = ("O",) if self.rule.needs_post_spikes else ()
        return (
            self.link.source,
            *(f"{self.link.source_node}.{variable}" for variable in self.rule.reads("pre").values()),
            *(f"{self.link.target_node}.{variable}" for variable in (*post, *self.rule.reads("post").values())),
        )

    def initial(self, batch: int) -> States:
        """States at the start, by their names."""
        found = {}
        for side, model in self.rule.models.items():
            for name in model.states:
                found[name] = self.arithmetic.full((batch, *self.sizes[side]), float(self.rule.initial.get(name, 0.0)))
        return found

    def step(self, states: States, weight: Any, arrived: Any, seen: Mapping[str, Any]) -> tuple[States, Any]:
        """States and weight after a step.

        Parameters
        ----------
        states : dict
            Before it.
        weight : array
            Before it.
        arrived : array
            What arrived at the synapses: ``[batch, *pre]``, or what :attr:`arrivals` says.
        seen : mapping
            Path -> value of :meth:`reads` at the end of the step, ``[batch, *shape]``.
        """
        node, of_source = self.link.source_node, self.arrivals.of_source
        now = {name: of_source(self._flat(seen[f"{node}.{of}"])) for name, of in self.rule.reads("pre").items()}
        now |= {name: self._flat(seen[f"{self.link.target_node}.{of}"]) for name, of in self.rule.reads("post").items()}
        if "each_step" in self.updates:
            states, weight = self._section("each_step", states, weight, now, None, None)
        for tape in self.decays.values():
            states = {**states, **self._decayed(tape, states, now)}
        spikes = {"pre": self._flat(arrived)}
        if self.rule.needs_post_spikes:
            spikes["post"] = self._flat(seen[f"{self.link.target_node}.O"])
        for when, side in (("on_pre", "pre"), ("on_post", "post")):
            if when in self.updates and bool((spikes[side] != 0).any()):
                states, weight = self._section(when, states, weight, now, side, spikes[side])
        if "end_step" in self.updates:
            states, weight = self._section("end_step", states, weight, now, None, None)
        return states, weight

    def rewarded(self, states: States, weight: Any, reward: Any) -> tuple[States, Any]:
        """States and weight after a reward, ``[batch]``."""
        return self._section("on_reward", states, weight, {REWARD: reward}, None, None)

    # --- parts

    def _flat(self, values: Any) -> Any:
        return self.arithmetic.real(values).reshape(len(values), -1)

    def _largest(self, values: Any) -> Any:
        return self.arithmetic.full((len(values),), 0.0) + values.max()

    def _decayed(self, tape: Any, states: States, now: Mapping[str, Any]) -> States:
        given = {**self.values, **states, **{arrival(k): v for k, v in now.items()}}
        result = tape.run(self.arithmetic.table, {k: given[k] for k in tape.inputs})
        return {k: v + 0 * states[k] if getattr(v, "shape", ()) != states[k].shape else v for k, v in result.items()}

    def _section(self, when: str, states: States, weight: Any, now: Mapping[str, Any], side: str | None, spikes: Any) -> tuple[States, Any]:
        for update in self.updates[when]:
            given = {**states, **now}
            given |= {name: self._largest(given[of]) for name, of in self.rule.largest.items() if name in update.tape.inputs}
            if update.side == "weight":
                weight = weight + self._weight_change(update, given, weight, side, spikes)
            else:
                states = {**states, update.target: self._state(update, given, weight, side, spikes)}
        if self.bounds is not None:
            weight = self.arithmetic.table["min"](self.arithmetic.table["max"](weight, self.bounds[0]), self.bounds[1])
        return states, weight

    def _state(self, update: Update, given: States, weight: Any, side: str | None, spikes: Any) -> Any:
        old = given[update.target]
        at_synapses = update.side == "synapse"
        result = self._run(update.tape, given, weight, update.side)
        gate = spikes
        if side is not None and at_synapses:
            gate = self.layout.pre(spikes) if side == "pre" else self.layout.post(spikes)
        if gate is None:
            return old + result if update.is_change else result + 0 * old
        return old + gate * result if update.is_change else self.arithmetic.table["where"](gate != 0, result + 0 * old, old)

    def _run(self, tape: Any, given: States, weight: Any, side: str) -> Any:
        """A tape on values as they meet at the synapses, or on those of one side."""
        values: dict[str, Any] = dict(self.values)
        for name, value in given.items():
            if name in tape.inputs:
                values[name] = self._met(name, value) if side in ("synapse", "weight") else value
        if WEIGHT in tape.inputs:
            values[WEIGHT] = weight
        return tape.run(self.arithmetic.table, {k: values[k] for k in tape.inputs})["result"]

    def _met(self, name: str, value: Any) -> Any:
        side = self.rule.side(name)
        views = {"pre": self.layout.pre, "post": self.layout.post, "modulator": self.layout.modulator}
        return views[side](value) if side in views else value

    def _weight_change(self, update: Update, given: States, weight: Any, side: str | None, spikes: Any) -> Any:
        batch = len(next(iter(given.values()))) if given else len(spikes)
        share = 1.0 / batch if self.plasticity.reduction == "mean" else 1.0
        if update.terms is not None:
            return sum(self._product(term, given, weight, side, spikes, batch) for term in update.terms) * share
        change = self._run(update.tape, given, weight, "weight")
        if side is not None:
            change = change * (self.layout.pre(spikes) if side == "pre" else self.layout.post(spikes))
        change = change + self.arithmetic.full((batch, *(1 for _ in self.layout.shape)), 0.0)
        return self.layout.confined(change.sum(0)) * share

    def _product(self, term: Term, given: States, weight: Any, side: str | None, spikes: Any, batch: int) -> Any:
        factors: dict[str, Any] = {}
        for own, tape in (("pre", term.pre), ("post", term.post)):
            value = None if tape is None else self._factor(tape, given) + self.arithmetic.full((1, *self.sizes[own]), 0.0)
            if own == side:
                value = spikes if value is None else value * spikes
            factors[own] = value
        if factors["pre"] is None and factors["post"] is None:
            change = self.layout.pairs(batch, weight)
        else:
            change = self.layout.product(factors["pre"], factors["post"], weight)
        if term.weight is None:
            return change
        values = {**self.values, WEIGHT: weight}
        return change * term.weight.run(self.arithmetic.table, {k: values[k] for k in term.weight.inputs})["result"]

    def _factor(self, tape: Any, given: States) -> Any:
        values = {**self.values, **{k: v if v.ndim > 1 else v[:, None] for k, v in given.items() if k in tape.inputs}}
        return tape.run(self.arithmetic.table, {k: values[k] for k in tape.inputs})["result"]

    def _check_separable(self, kind: str) -> None:
        if "synapse" in self.rule.models:
            raise UnsupportedError(
                f"{self.link.name}: {self.rule.name!r} has states per synapse, a {kind} shares its weights; use another rule"
            )
        for when, section in self.updates.items():
            if any(u.side == "weight" and u.terms is None for u in section):
                raise UnsupportedError(
                    f"{self.link.name}: {self.rule.name!r}, {when} is no sum of products of both sides, which the shared weights of a "
                    f"{kind} need; use another rule"
                )
