"""The windows of plasticity rules: what a pair of spikes does to a weight, over the time between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spaic.Backend.Plastic.arithmetic import NumpyArithmetic
from spaic.Backend.Plastic.at_work import RuleAtWork
from spaic.clock import Clock
from spaic.Dynamics.rules import Rule
from spaic.errors import InputError, UnsupportedError
from spaic.Graph.graph import Graph
from spaic.Graph.links import Link
from spaic.Graph.nodes import Input
from spaic.Graph.plasticity import Plasticity
from spaic.Graph.transforms import OneToOne
from spaic.Learning.plasticity import PlasticityLearner
from spaic.Plot.canvas import CYCLE, GREY, MOST, axes_for, legend_above, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def stdp_window(
    rules: Any,
    ax: Axes | None = None,
    *,
    span: float = 80.0,
    dt: float = 1.0,
    weight: float = 0.5,
    reward: float | None = None,
    title: str = "",
    ylabel: str = "change of the weight",
    **values: float,
) -> Axes:
    """Draw how a pair of one presynaptic and one postsynaptic spike changes a weight, over the time from the first to the second.

    Parameters
    ----------
    rules : str, Rule, PlasticityLearner or sequence of them
        What is drawn, each as a curve; a learner with its own values of the parameters.
    ax : matplotlib Axes, optional
        Where to draw; a new figure otherwise.
    span : float
        Longest time between the spikes in ms.
    dt : float
        Time step in ms.
    weight : float
        The weight before.
    reward : float, optional
        Given right after the later of the spikes, to rules that wait for one; 1 by default.
    **values : float
        Parameters of the rules.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    UnsupportedError
        For a rule that reads more of the neurons than their spikes.
    """
    several = rules if isinstance(rules, Sequence) and not isinstance(rules, str) else [rules]
    if not 0 < len(several) <= MOST:
        raise InputError(f"stdp_window: {len(several)} rules; give 1 to {MOST}, which colours can tell apart")
    curves = [window(rule, span, dt, weight, reward, **values) for rule in several]
    ax = axes_for(ax)
    ax.axhline(0.0, color=GREY, linewidth=0.8)
    ax.axvline(0.0, color=GREY, linewidth=0.8, linestyle=":")
    for rule, colour, (times, changes) in zip(several, CYCLE, curves, strict=False):
        causal = times >= 0  # at 0 the presynaptic spike comes first
        name = _learner(rule).declaration.name
        ax.plot(times[causal], changes[causal], color=colour, linewidth=1.6, label=name)
        ax.plot(times[~causal], changes[~causal], color=colour, linewidth=1.6)
    ax.margins(x=0.0)
    tidy(ax, title, "post after pre (ms)", ylabel)
    legend_above(ax)
    return ax


def window(
    rule: Any, span: float = 80.0, dt: float = 1.0, weight: float = 0.5, reward: float | None = None, **values: float
) -> tuple[np.ndarray, np.ndarray]:
    """The change of a weight by one pair of spikes, computed with the rule itself.

    Parameters
    ----------
    rule, span, dt, weight, reward, **values
        As for :func:`stdp_window`.

    Returns
    -------
    times, changes : ndarray
        Postsynaptic minus presynaptic time in ms, and the change of the weight until ten times `span` later.

    Examples
    --------
    >>> times, changes = window("stdp", span=20.0, dt=10.0)
    >>> times.tolist(), changes.round(4).tolist()
    ([-20.0, -10.0, 0.0, 10.0, 20.0], [-0.0039, -0.0064, 0.01, 0.0061, 0.0037])
    """
    learner = _learner(rule, **values)
    steps = Clock(dt).steps(span, "stdp_window.span", minimum=1)
    if not np.isfinite(weight):
        raise InputError(f"stdp_window: weight is {weight!r}; give a finite number")
    at_work = _at_work(learner, 2 * steps + 1, dt)
    states, weights = at_work.initial(1), np.full(2 * steps + 1, float(weight))
    shifts, is_rewarded = np.arange(-steps, steps + 1), "on_reward" in learner.declaration.statements
    if reward is not None and not is_rewarded:
        raise InputError(f"stdp_window: {learner.declaration.name!r} uses no reward; leave it out")
    pre_at, post_at = np.minimum(-shifts, 0), np.minimum(shifts, 0)  # the later spike of every pair is at 0
    for n in range(-steps, 10 * steps + 1):
        pre, post = (pre_at == n).astype(float)[None], (post_at == n).astype(float)[None]
        states, weights = at_work.step(states, weights, pre, {"post.O": post})
        if is_rewarded and n == 0:
            states, weights = at_work.rewarded(states, weights, np.array([1.0 if reward is None else float(reward)]))
    return shifts * dt, weights - weight


def _learner(rule: Any, **values: float) -> PlasticityLearner:
    """A learner with the rule and its values."""
    if isinstance(rule, PlasticityLearner):
        return PlasticityLearner(rule=rule.rule, param={**rule.param, **values})
    if not isinstance(rule, (str, Rule)):
        raise InputError(f"stdp_window: {rule!r} is no rule; give a name, a Rule or a PlasticityLearner")
    return PlasticityLearner(rule=rule, param=values)


def _at_work(learner: PlasticityLearner, pairs: int, dt: float) -> RuleAtWork:
    """The rule on as many synapses as there are pairs, each between neurons of its own."""
    declared = learner.declaration
    for side in ("pre", "post"):
        if declared.reads(side):
            variable = next(iter(declared.reads(side).values()))
            raise UnsupportedError(f"stdp_window: {declared.name!r} reads {variable!r} of neurons, so no pair of spikes tells what it does")
    if declared.largest:
        raise UnsupportedError(f"stdp_window: {declared.name!r} compares neurons with each other; look at it in a network")
    plasticity = Plasticity("rule", "wire", declared, learner.values, None)
    link = Link("wire", "pre.O", "post.input", (OneToOne(pairs, 0.0),))
    graph = Graph((Input("pre", (pairs,)), Input("post", (pairs,))), (link,), clock=Clock(dt), plasticity=(plasticity,))
    return RuleAtWork(graph, plasticity, NumpyArithmetic())
