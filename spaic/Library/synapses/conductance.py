"""Synapses that open a conductance: their current depends on the potential of the postsynaptic neuron."""

from __future__ import annotations

from spaic.Dynamics.models import SynapseModel
from spaic.Dynamics.parameter import Parameter
from spaic.registry import synapses

conductance = synapses.add(
    "conductance",
    SynapseModel(
        name="conductance",
        summary="A spike jumps a conductance by its weight; the current is the conductance times the distance to the reversal potential.",
        source="Gerstner et al. 2014, Neuronal Dynamics, eq. 3.2",
        equations="""
            dg/dt = -g / tau
            I_syn = g * (E_rev - V_post)
        """,
        receive="g += w",
        inputs=(),
        reads={"V_post": "V"},
        units={"g": "nS", "I_syn": "pA", "V_post": "mV"},
        output="I_syn",
        method="exact",
        parameters=dict(
            tau=Parameter(5.0, "ms", "decay of the conductance", "(0, inf)"),
            E_rev=Parameter(0.0, "mV", "reversal potential, in the unit of V"),
        ),
    ),
    aliases=("conductance_synapse",),
)

nmda = synapses.add(
    "nmda",
    SynapseModel(
        name="nmda",
        summary="A slow conductance that magnesium blocks at rest: it passes current where transmitter and depolarisation meet.",
        source="Jahr and Stevens 1990, J. Neurosci. 10:3178, for the block; kinetics as double_exponential",
        equations="""
            dA/dt = -A / tau_rise
            dg/dt = A / tau_rise - g / tau_decay
            ratio = tau_rise / tau_decay
            gain = exp(ratio / exprel(log(ratio)))
            B = 1 / (1 + Mg / 3.57 * exp(-0.062 * V_post))
            I_syn = g * B * (E_rev - V_post)
        """,
        receive="A += gain * w",
        inputs=(),
        reads={"V_post": "V"},
        units={"A": "nS", "g": "nS", "I_syn": "pA", "V_post": "mV"},
        output="I_syn",
        method="exact",
        parameters=dict(
            tau_rise=Parameter(2.0, "ms", "time constant of the rise", "(0, inf)"),
            tau_decay=Parameter(100.0, "ms", "time constant of the decay", "(0, inf)"),
            E_rev=Parameter(0.0, "mV", "reversal potential"),
            Mg=Parameter(1.0, "1", "concentration of magnesium outside, in mmol/l", "[0, inf)"),
        ),
    ),
    aliases=("nmda_synapse",),
)
