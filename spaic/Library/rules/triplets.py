"""Rules beyond pairs of spikes: triplets, and the membrane potential."""

from __future__ import annotations

from spaic.Dynamics.parameter import Parameter
from spaic.Dynamics.rules import Rule
from spaic.registry import rules

triplet = rules.add(
    "triplet_stdp",
    Rule(
        name="triplet_stdp",
        summary="Pairs and triplets of spikes, all-to-all: potentiation grows with the rate.",
        source="Pfister & Gerstner 2006, J. Neurosci. 26:9673, eqs. 1-4; visual cortex, all-to-all (their table 4)",
        pre="dr1/dt = -r1 / tau_plus\ndr2/dt = -r2 / tau_x",
        post="do1/dt = -o1 / tau_minus\ndo2/dt = -o2 / tau_y",
        on_pre="w -= o1 * (A2_minus + A3_minus * r2); r1 += 1; r2 += 1",
        on_post="w += r1 * (A2_plus + A3_plus * o2); o1 += 1; o2 += 1",
        parameters=dict(
            A2_plus=Parameter(5e-10, "1", "potentiation of a pair"),
            A3_plus=Parameter(6.2e-3, "1", "potentiation of a triplet, post pre post"),
            A2_minus=Parameter(7e-3, "1", "depression of a pair"),
            A3_minus=Parameter(2.3e-4, "1", "depression of a triplet, pre post pre"),
            tau_plus=Parameter(16.8, "ms", "decay of the fast presynaptic trace", "(0, inf)"),
            tau_minus=Parameter(33.7, "ms", "decay of the fast postsynaptic trace", "(0, inf)"),
            tau_x=Parameter(101.0, "ms", "decay of the slow presynaptic trace", "(0, inf)"),
            tau_y=Parameter(125.0, "ms", "decay of the slow postsynaptic trace", "(0, inf)"),
        ),
    ),
)

clopath = rules.add(
    "clopath",
    Rule(
        name="clopath",
        summary="Voltage-based: a presynaptic spike depresses with the low-passed potential, its trace potentiates with the potential.",
        source="Clopath et al. 2010, Nat. Neurosci. 13:344, eqs. 1-3, without the homeostatic scaling of A_LTD",
        pre="dx/dt = -x / tau_x",
        post="du_minus/dt = (V - u_minus) / tau_minus\ndu_plus/dt = (V - u_plus) / tau_plus",
        post_reads=("V",),
        initial=dict(u_minus=-70.6, u_plus=-70.6),
        on_pre="w -= A_LTD * max(u_minus - theta_minus, 0); x += 1 / tau_x",
        each_step="w += dt * A_LTP * x * max(V - theta_plus, 0) * max(u_plus - theta_minus, 0)",
        parameters=dict(
            A_LTD=Parameter(14e-5, "1/mV", "amplitude of the depression"),
            A_LTP=Parameter(8e-5, "1/mV", "amplitude of the potentiation"),
            theta_minus=Parameter(-70.6, "mV", "threshold of the low-passed potential"),
            theta_plus=Parameter(-45.3, "mV", "threshold of the potential"),
            tau_x=Parameter(15.0, "ms", "decay of the presynaptic trace", "(0, inf)"),
            tau_minus=Parameter(10.0, "ms", "low pass of the depression", "(0, inf)"),
            tau_plus=Parameter(7.0, "ms", "low pass of the potentiation", "(0, inf)"),
        ),
    ),
    aliases=("voltage_stdp",),
)
