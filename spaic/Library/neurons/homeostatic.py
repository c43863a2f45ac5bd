"""Neurons of unsupervised networks, whose threshold rises with every spike and sinks slowly."""

from __future__ import annotations

from spaic.Dynamics.models import NeuronModel
from spaic.Dynamics.parameter import Parameter
from spaic.registry import neurons

_TAU_M = Parameter(100.0, "ms", "membrane time constant", "(0, inf)")
_T_REF = Parameter(0.0, "ms", "refractory period", "[0, inf)")

lif_stdp_ex = neurons.add(
    "lif_stdp_ex",
    NeuronModel(
        name="lif_stdp_ex",
        summary="Excitatory leaky integrate-and-fire whose threshold every spike raises by theta_plus.",
        source="Diehl & Cook 2015, Front. Comput. Neurosci. 9:99, without conductances, as SPAIC's lifstdp_ex",
        equations="""
            dV/dt = -(V - V_rest) / tau_m
            dtheta/dt = -theta / tau_theta
        """,
        receive="V += w",
        spike="V > V_th + theta",
        reset="V = V_reset; theta += theta_plus",
        refractory="t_ref: V",
        initial=dict(V="V_rest"),
        units=dict(V="mV", theta="mV"),
        method="exact",
        parameters=dict(
            tau_m=_TAU_M,
            tau_theta=Parameter(1e7, "ms", "decay of the raised threshold", "(0, inf)"),
            theta_plus=Parameter(0.05, "mV", "rise of the threshold per spike", "[0, inf)"),
            V_th=Parameter(-52.0, "mV", "threshold without spikes"),
            V_rest=Parameter(-65.0, "mV", "resting potential"),
            V_reset=Parameter(-60.0, "mV", "membrane potential after a spike"),
            t_ref=_T_REF,
        ),
    ),
    aliases=("lifstdp_ex",),
)

alif_stdp_ex = neurons.add(
    "alif_stdp_ex",
    NeuronModel(
        name="alif_stdp_ex",
        summary="Excitatory leaky integrate-and-fire whose threshold every spike raises in proportion to itself; reset by subtraction.",
        source="SPAIC's alifstdp_ex",
        equations="""
            dV/dt = -(V - V_rest) / tau_m
            dtheta/dt = -theta / tau_theta
        """,
        receive="V += w",
        spike="V > V_th + theta",
        reset="V -= V_reset; theta += theta_plus * (V_th + theta)",
        refractory="t_ref: V",
        initial=dict(V="V_rest"),
        method="exact",
        parameters=dict(
            tau_m=_TAU_M,
            tau_theta=Parameter(1e5, "ms", "decay of the raised threshold", "(0, inf)"),
            theta_plus=Parameter(0.001, "1", "rise of the threshold per spike, as a share of it", "[0, inf)"),
            V_th=Parameter(2.0, "1", "threshold without spikes"),
            V_rest=Parameter(0.0, "1", "resting potential"),
            V_reset=Parameter(2.0, "1", "what a spike takes from V"),
            t_ref=_T_REF,
        ),
    ),
    aliases=("alifstdp_ex",),
)

lif_stdp_ih = neurons.add(
    "lif_stdp_ih",
    NeuronModel(
        name="lif_stdp_ih",
        summary="Inhibitory leaky integrate-and-fire of unsupervised networks, in mV.",
        source="Diehl & Cook 2015, Front. Comput. Neurosci. 9:99, without conductances, as SPAIC's lifstdp_ih",
        equations="dV/dt = -(V - V_rest) / tau_m",
        receive="V += w",
        spike="V > V_th",
        reset="V = V_reset",
        refractory="t_ref: V",
        initial=dict(V="V_rest"),
        units=dict(V="mV"),
        method="exact",
        parameters=dict(
            tau_m=Parameter(10.0, "ms", "membrane time constant", "(0, inf)"),
            V_th=Parameter(-40.0, "mV", "firing threshold"),
            V_rest=Parameter(-60.0, "mV", "resting potential"),
            V_reset=Parameter(-45.0, "mV", "membrane potential after a spike"),
            t_ref=_T_REF,
        ),
    ),
    aliases=("lifstdp_ih",),
)

diehl_cook = neurons.add(
    "diehl_cook",
    NeuronModel(
        name="diehl_cook",
        summary="Excitatory neuron of Diehl and Cook: conductances in units of the leak, and a threshold that every spike raises.",
        source="Diehl & Cook 2015, Front. Comput. Neurosci. 9:99, eqs. 1-3 and their code; SPAIC's diehlandcook is it in integers",
        equations="""
            dV/dt = (V_rest - V + g_exc * (E_exc - V) + g_inh * (E_inh - V)) / tau_m
            dg_exc/dt = -g_exc / tau_exc
            dg_inh/dt = -g_inh / tau_inh
            dtheta/dt = -theta / tau_theta
        """,
        receive=dict(exc="g_exc += w", inh="g_inh += w"),
        spike="V > V_th + theta",
        reset="V = V_reset; theta += theta_plus",
        refractory="t_ref: V",
        initial=dict(V="V_rest"),
        units=dict(V="mV", theta="mV"),
        method="exponential_midpoint",
        parameters=dict(
            tau_m=_TAU_M,
            tau_exc=Parameter(1.0, "ms", "decay of the excitatory synapses", "(0, inf)"),
            tau_inh=Parameter(2.0, "ms", "decay of the inhibitory synapses", "(0, inf)"),
            E_exc=Parameter(0.0, "mV", "excitatory reversal potential"),
            E_inh=Parameter(-100.0, "mV", "inhibitory reversal potential"),
            V_rest=Parameter(-65.0, "mV", "resting potential"),
            V_th=Parameter(-52.0, "mV", "threshold without spikes"),
            V_reset=Parameter(-65.0, "mV", "membrane potential after a spike"),
            tau_theta=Parameter(1e7, "ms", "decay of the raised threshold", "(0, inf)"),
            theta_plus=Parameter(0.05, "mV", "rise of the threshold per spike", "[0, inf)"),
            t_ref=Parameter(5.0, "ms", "refractory period", "[0, inf)"),
        ),
    ),
    aliases=("diehlandcook",),
)
