"""Neurapse's two kinds of plastic synapses."""

from __future__ import annotations

from spaic.Dynamics.parameter import Parameter
from spaic.Dynamics.rules import Rule
from spaic.registry import rules

proportional = rules.add(
    "proportional_stdp",
    Rule(
        name="proportional_stdp",
        summary="Each spike is paired with the last one of the other side, and changes the weight by a part of it.",
        source="Neurapse, PLASTIC_SYNAPSE_B; its depression is that of van Rossum, Bi & Turrigiano 2000, J. Neurosci. 20:8812",
        pre="dx/dt = -x / tau_l",
        post="dy/dt = -y / tau_l",
        on_pre="w -= A_minus * w * y; x = 1",
        on_post="w += A_plus * w * x; y = 1",
        parameters={
            "tau_l": Parameter(20.0, "ms", "decay of both traces", "(0, inf)"),
            "A_plus": Parameter(0.01, "1", "part of the weight that is gained, pre before post"),
            "A_minus": Parameter(0.07, "1", "part of the weight that is lost, post before pre"),
        },
    ),
    aliases=("plastic_synapse_b",),
)

causal = rules.add(
    "causal_stdp",
    Rule(
        name="causal_stdp",
        summary="A postsynaptic spike changes the weight by a part that is the synaptic current at that time; nothing else changes it.",
        source="Neurapse, PLASTIC_SYNAPSE_A, for all pairs of spikes; there with gamma 1, or -1 in its other direction",
        pre="dx/dt = -x / tau\ndz/dt = -z / tau_s",
        on_pre="x += 1; z += 1",
        on_post="w += gamma * w * (x - z)",
        parameters={
            "tau": Parameter(15.0, "ms", "decay of the synaptic current", "(0, inf)"),
            "tau_s": Parameter(3.75, "ms", "its rise", "(0, inf)"),
            "gamma": Parameter(0.1, "1", "part of the weight for a current of 1; negative weakens"),
        },
    ),
    aliases=("plastic_synapse_a",),
)
