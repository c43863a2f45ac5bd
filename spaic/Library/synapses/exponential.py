"""Synapses whose current is a sum of exponentials."""

from __future__ import annotations

from spaic.Dynamics.models import SynapseModel
from spaic.Dynamics.parameter import Parameter
from spaic.registry import synapses

_TAU = Parameter(5.0, "ms", "decay time constant", "(0, inf)")

first_order = synapses.add(
    "first_order",
    SynapseModel(
        name="first_order",
        summary="A spike jumps the current by its weight; the current decays exponentially.",
        source="Gerstner et al. 2014, Neuronal Dynamics, eq. 3.1",
        equations="dI_syn/dt = -I_syn / tau",
        receive="I_syn += w",
        output="I_syn",
        method="exact",
        parameters=dict(tau=_TAU),
    ),
    aliases=("1_order_synapse", "first_order_chemical_synapse"),
)

second_order = synapses.add(
    "second_order",
    SynapseModel(
        name="second_order",
        summary="A difference of two exponentials: the current rises with tau_d and decays with tau_r.",
        source="Gerstner et al. 2014, Neuronal Dynamics, eq. 3.2",
        equations="""
            dR/dt = -R / tau_r
            dD/dt = -D / tau_d
            I_syn = R - D
        """,
        receive="R += w; D += w",
        output="I_syn",
        method="exact",
        parameters=dict(
            tau_r=Parameter(9.0, "ms", "decay of the current", "(0, inf)"), tau_d=Parameter(2.0, "ms", "rise of the current", "(0, inf)")
        ),
    ),
    aliases=("2_order_synapse", "second_order_chemical_synapse"),
)

alpha = synapses.add(
    "alpha",
    SynapseModel(
        name="alpha",
        summary="After a spike the current follows w (t / tau) e^(1 - t / tau): it peaks at its weight after tau.",
        source="Rall 1967, J. Neurophysiol. 30:1138; Gerstner et al. 2014, Neuronal Dynamics, section 3.1",
        equations="""
            dA/dt = -A / tau
            dI_syn/dt = (A - I_syn) / tau
        """,
        receive="A += exp(1) * w",
        output="I_syn",
        method="exact",
        parameters=dict(tau=_TAU),
    ),
    aliases=("alpha_synapse",),
)

double_exponential = synapses.add(
    "double_exponential",
    SynapseModel(
        name="double_exponential",
        summary="The current rises with tau_rise and decays with tau_decay; its peak after one spike is the weight of the spike.",
        source="Roth and van Rossum 2009, Modeling synapses, in Computational Modeling Methods for Neuroscientists, eq. 6.4",
        equations="""
            dA/dt = -A / tau_rise
            dI_syn/dt = A / tau_rise - I_syn / tau_decay
            ratio = tau_rise / tau_decay
            gain = exp(ratio / exprel(log(ratio)))
        """,  # 1 / exprel(log(r)) is log(r) / (r - 1), which is 1 where both time constants are equal
        receive="A += gain * w",
        output="I_syn",
        method="exact",
        parameters=dict(
            tau_rise=Parameter(1.0, "ms", "time constant of the rise", "(0, inf)"),
            tau_decay=Parameter(5.0, "ms", "time constant of the decay", "(0, inf)"),
        ),
    ),
    aliases=("biexponential", "double_exponential_synapse"),
)
