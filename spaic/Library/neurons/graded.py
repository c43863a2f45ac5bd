"""Neurons whose spikes carry a number: links read it as pre_var_name='G'."""

from __future__ import annotations

from spaic.Dynamics.models import NeuronModel
from spaic.Dynamics.parameter import Parameter
from spaic.registry import neurons

_COMMON = dict(
    tau_m=Parameter(20.0, "ms", "membrane time constant", "(0, inf)"),
    V_th=Parameter(1.0, "1", "firing threshold", "(0, inf)"),
    R=Parameter(1.0, "1", "membrane resistance"),
)
_EQUATIONS = """
    dV/dt = (-V + R * I) / tau_m
    G := 0  # but for the step of a spike
"""

graded_lif = neurons.add(
    "graded_lif",
    NeuronModel(
        name="graded_lif",
        summary="Leaky integrate-and-fire with graded spikes: G is V where the neuron fires, and 0 elsewhere.",
        source="Orchard et al. 2021, IEEE SiPS (Loihi 2), graded spikes",
        equations=_EQUATIONS,
        receive="V += w",
        spike="V > V_th",
        reset="G = V; V = 0",
        method="exact",
        parameters=_COMMON,
    ),
)

ternary_lif = neurons.add(
    "ternary_lif",
    NeuronModel(
        name="ternary_lif",
        summary="Leaky integrate-and-fire that fires on either side: G is the sign of V where it does, and 0 elsewhere.",
        source="Guo et al. 2024, AAAI (Ternary Spike), eqs. 6-7",
        equations=_EQUATIONS,
        receive="V += w",
        spike="abs(V) > V_th",
        reset="G = sign(V); V = 0",
        method="exact",
        parameters=_COMMON,
    ),
)
