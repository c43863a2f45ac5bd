"""Synapses whose current decays exponentially."""

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
