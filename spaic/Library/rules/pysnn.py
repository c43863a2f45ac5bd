"""PySNN's rules. They count in steps: what a trace loses is a share per step, whatever dt is."""

from __future__ import annotations

from spaic.Dynamics.parameter import Parameter
from spaic.Dynamics.rules import Rule
from spaic.registry import rules

_KEEP = Parameter(0.8, "1", "what a step leaves of a trace", "[0, 1]")
_ALPHA = Parameter(1.0, "1", "jump of a trace at a spike", "(0, inf)")

pysnn_mstdpet = rules.add(
    "pysnn_mstdpet",
    Rule(
        name="pysnn_mstdpet",
        summary="Rewarded pairs as PySNN counts them: in steps, and two spikes in one step make both kinds of pair.",
        source="Florian 2007, Neural Comput. 19:1468, eqs. 3.6-3.8, in the discrete form of Buller 2019, PySNN, MSTDPET",
        pre="x := keep * x\ns := 0",
        post="y := keep * y",
        synapse="E := e_trace_decay * E",
        on_pre="x += alpha; s = 1; E -= a_post * y",
        on_post="y += alpha; E += a_pre * x - a_post * alpha * s",
        on_reward="w += lr * reward * E",
        parameters=dict(
            a_pre=Parameter(1.0, "1", "eligibility of a pair, pre before post"),
            a_post=Parameter(1.0, "1", "what a pair takes from it, post before pre"),
            lr=Parameter(0.01, "1", "learning rate"),
            e_trace_decay=Parameter(0.9, "1", "what a step leaves of the eligibility trace", "[0, 1]"),
            keep=_KEEP,
            alpha=_ALPHA,
        ),
    ),
)

fede_stdp = rules.add(
    "fede_stdp",
    Rule(
        name="fede_stdp",
        summary="In every step, weights grow where the presynaptic trace is large among all, else shrink; about w_init they are stable.",
        source="Paredes-Valles, Scheper & de Croon 2020, IEEE TPAMI 42:2051, eqs. 9-11, in the form of Buller 2019, PySNN, FedeSTDP; "
        "while there is no trace at all nothing changes, where PySNN divides 0 by 0",
        pre="x := keep * x",
        on_pre="x += alpha",
        largest={"top": "x"},
        end_step="""
            w += lr * sign(top) * (exp(w_init - w) * (exp(x / max(top, 1e-30)) - a) - exp(w - w_init) * (exp(1 - x / max(top, 1e-30)) - a))
        """,
        parameters=dict(
            lr=Parameter(1e-4, "1", "learning rate", "(0, inf)"),
            w_init=Parameter(0.5, "1", "weight about which all are stable"),
            a=Parameter(0.5, "1", "spread of the weights that result: the larger, the wider", "[0, 1]"),
            keep=_KEEP,
            alpha=_ALPHA,
        ),
    ),
    aliases=("fedestdp",),
)
