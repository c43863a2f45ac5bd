"""Rules with a third factor: what pairs of spikes make eligible, a reward makes permanent."""

from __future__ import annotations

from typing import Any

from spaic.Dynamics.parameter import Parameter
from spaic.Dynamics.rules import Rule
from spaic.registry import rules

_TRACES: dict[str, Any] = dict(pre="dx/dt = -x / tau_plus", post="dy/dt = -y / tau_minus")
_TIMES = dict(
    tau_plus=Parameter(20.0, "ms", "decay of the presynaptic trace", "(0, inf)"),
    tau_minus=Parameter(20.0, "ms", "decay of the postsynaptic trace", "(0, inf)"),
)
_LR = Parameter(0.1, "1", "learning rate")

rstdp = rules.add(
    "rstdp",
    Rule(
        name="rstdp",
        summary="Pairs of spikes leave an eligibility trace; the product of it and of a dopamine concentration changes the weight.",
        source="Izhikevich 2007, Cereb. Cortex 17:2443, eqs. 1-3",
        synapse="dc/dt = -c / tau_c",
        modulator="dD/dt = -D / tau_D",
        on_pre="c -= A_minus * y; x += 1",
        on_post="c += A_plus * x; y += 1",
        each_step="w += dt * c * D",
        on_reward="D += reward",
        parameters=dict(
            _TIMES,
            A_plus=Parameter(0.01, "1", "eligibility of a pair, pre before post"),
            A_minus=Parameter(0.0105, "1", "eligibility of a pair, post before pre"),
            tau_c=Parameter(1000.0, "ms", "decay of the eligibility trace", "(0, inf)"),
            tau_D=Parameter(200.0, "ms", "decay of the dopamine concentration", "(0, inf)"),
        ),
        **_TRACES,
    ),
    aliases=("dopamine_stdp",),
)

mstdp = rules.add(
    "mstdp",
    Rule(
        name="mstdp",
        summary="The pairs of the last step times the reward of that step.",
        source="Florian 2007, Neural Comput. 19:1468, eqs. 3.1-3.5 (MSTDP)",
        synapse="e := 0",
        on_pre="x += A_plus; e += y",
        on_post="y += A_minus; e += x",
        on_reward="w += lr * reward * e",
        parameters=dict(_TIMES, lr=_LR, A_plus=Parameter(1.0, "1", "jump of the presynaptic trace"),
                        A_minus=Parameter(-1.0, "1", "jump of the postsynaptic trace")),
        **_TRACES,
    ),
)  # fmt: skip

mstdpet = rules.add(
    "mstdpet",
    Rule(
        name="mstdpet",
        summary="Pairs of spikes decay in an eligibility trace, and a reward multiplies it.",
        source="Florian 2007, Neural Comput. 19:1468, eqs. 3.6-3.8 (MSTDPET)",
        synapse="dz/dt = -z / tau_z",
        on_pre="x += A_plus; z += y / tau_z",
        on_post="y += A_minus; z += x / tau_z",
        on_reward="w += lr * reward * z",
        parameters=dict(_TIMES, lr=_LR, tau_z=Parameter(25.0, "ms", "decay of the eligibility trace", "(0, inf)"),
                        A_plus=Parameter(1.0, "1", "jump of the presynaptic trace"),
                        A_minus=Parameter(-1.0, "1", "jump of the postsynaptic trace")),
        **_TRACES,
    ),
    aliases=("rstdpet",),
)  # fmt: skip
