"""Leaky integrate-and-fire neurons with synapses of their own: conductances, alpha functions, two kinds of current."""

from __future__ import annotations

from spaic.Dynamics.models import NeuronModel
from spaic.Dynamics.parameter import Parameter
from spaic.registry import neurons

_TAU_M = Parameter(20.0, "ms", "membrane time constant", "(0, inf)")
_TAU_EXC = Parameter(5.0, "ms", "decay of the excitatory synapses", "(0, inf)")
_TAU_INH = Parameter(10.0, "ms", "decay of the inhibitory synapses", "(0, inf)")
_V_TH = Parameter(-50.0, "mV", "firing threshold")
_V_RESET = Parameter(-60.0, "mV", "membrane potential after a spike")
_T_REF = Parameter(5.0, "ms", "refractory period", "[0, inf)")
_THRESHOLD = Parameter(1.0, "1", "firing threshold")
_RESET = Parameter(0.0, "1", "membrane potential after a spike")
_REST = Parameter(0.0, "1", "resting potential")
_GAIN = Parameter(1.0, "1", "membrane resistance")
_NO_REFRACTORY = Parameter(0.0, "ms", "refractory period", "[0, inf)")

lif_cond = neurons.add(
    "lif_cond",
    NeuronModel(
        name="lif_cond",
        summary="Leaky integrate-and-fire with excitatory and inhibitory conductances, in units of the leak conductance; "
        "weights are positive at both ports.",
        source="Brette et al. 2007, J. Comput. Neurosci. 23:349, benchmark 1 (COBA): weights 0.6 and 6.7 there",
        equations="""
            dV/dt = (E_L - V + g_exc * (E_exc - V) + g_inh * (E_inh - V) + R * I) / tau_m
            dg_exc/dt = -g_exc / tau_exc
            dg_inh/dt = -g_inh / tau_inh
        """,
        receive=dict(exc="g_exc += w", inh="g_inh += w"),
        spike="V > V_th",
        reset="V = V_reset",
        refractory="t_ref: V",
        initial=dict(V="E_L"),
        units=dict(V="mV", I="pA"),
        method="exponential_midpoint",
        parameters=dict(
            tau_m=_TAU_M,
            E_L=Parameter(-60.0, "mV", "resting potential"),
            E_exc=Parameter(0.0, "mV", "excitatory reversal potential"),
            E_inh=Parameter(-80.0, "mV", "inhibitory reversal potential"),
            tau_exc=_TAU_EXC,
            tau_inh=_TAU_INH,
            R=Parameter(0.1, "GOhm", "membrane resistance, the inverse of the leak conductance", "(0, inf)"),
            V_th=_V_TH,
            V_reset=_V_RESET,
            t_ref=_T_REF,
        ),
    ),
    aliases=("coba", "lif_conductance"),
)

cuba_exc_inh = neurons.add(
    "cuba_exc_inh",
    NeuronModel(
        name="cuba_exc_inh",
        summary="Leaky integrate-and-fire with an excitatory and an inhibitory current of their own decay; "
        "weights at the port inh are negative.",
        source="Brette et al. 2007, J. Comput. Neurosci. 23:349, benchmark 2 (CUBA): weights 1.62 and -9 mV there",
        equations="""
            dV/dt = (V_rest - V + I_exc + I_inh + R * I) / tau_m
            dI_exc/dt = -I_exc / tau_exc
            dI_inh/dt = -I_inh / tau_inh
        """,
        receive=dict(exc="I_exc += w", inh="I_inh += w"),
        spike="V > V_th",
        reset="V = V_reset",
        refractory="t_ref: V",
        initial=dict(V="V_reset"),
        units=dict(V="mV", I_exc="mV", I_inh="mV", I="pA"),
        method="exact",
        parameters=dict(
            tau_m=_TAU_M,
            V_rest=Parameter(-49.0, "mV", "resting potential"),
            tau_exc=_TAU_EXC,
            tau_inh=_TAU_INH,
            R=Parameter(0.1, "GOhm", "membrane resistance", "(0, inf)"),
            V_th=_V_TH,
            V_reset=_V_RESET,
            t_ref=_T_REF,
        ),
    ),
    aliases=("cuba_ei",),
)

lif_alpha = neurons.add(
    "lif_alpha",
    NeuronModel(
        name="lif_alpha",
        summary="Leaky integrate-and-fire with an alpha-shaped synaptic current: a weight w peaks at w, tau_s after the spike.",
        source="Rall 1967, J. Neurophysiol. 30:1138; Gerstner et al. 2014, Neuronal Dynamics, section 3.1",
        equations="""
            dV/dt = (-(V - V_rest) + R * (I_syn + I)) / tau_m
            dI_syn/dt = (A - I_syn) / tau_s
            dA/dt = -A / tau_s
        """,
        receive="A += exp(1) * w",
        spike="V > V_th",
        reset="V = V_reset",
        refractory="t_ref: V",
        initial=dict(V="V_rest"),
        method="exact",
        parameters=dict(
            tau_m=_TAU_M,
            tau_s=Parameter(5.0, "ms", "time to the peak of the current", "(0, inf)"),
            V_rest=_REST,
            V_th=_THRESHOLD,
            V_reset=_RESET,
            R=_GAIN,
            t_ref=_NO_REFRACTORY,
        ),
    ),
    aliases=("alpha_lif",),
)

lif_double_exp = neurons.add(
    "lif_double_exp",
    NeuronModel(
        name="lif_double_exp",
        summary="Leaky integrate-and-fire with a current that rises with tau_r and decays with tau_d: a weight w peaks at w.",
        source="Roth & van Rossum 2009, in Computational Modeling Methods for Neuroscientists, eqs. 6.4-6.6",
        equations="""
            dV/dt = (-(V - V_rest) + R * (I_syn + I)) / tau_m
            dI_syn/dt = -I_syn / tau_d + (1 / tau_r - 1 / tau_d) * S
            dS/dt = -S / tau_r
        """,
        receive="S += scale * w",
        spike="V > V_th",
        reset="V = V_reset",
        refractory="t_ref: V",
        initial=dict(V="V_rest"),
        method="exact",
        parameters=dict(
            tau_m=_TAU_M,
            tau_d=Parameter(5.0, "ms", "decay of the current", "(0, inf)"),
            tau_r=Parameter(1.0, "ms", "rise of the current", "(0, inf)"),
            scale=Parameter("(tau_d / tau_r)**(tau_d / (tau_d - tau_r)) / (tau_d / tau_r - 1)", "1", "a unit weight peaks at 1"),
            V_rest=_REST,
            V_th=_THRESHOLD,
            V_reset=_RESET,
            R=_GAIN,
            t_ref=_NO_REFRACTORY,
        ),
    ),
    aliases=("lif_biexp",),
)

lifm = neurons.add(
    "lifm",
    NeuronModel(
        name="lifm",
        summary="Leaky integrate-and-fire whose synaptic current of 1 raises V by 1 per ms.",
        source="SPAIC's lifm, whose step of 1 ms this is for all dt",
        equations="""
            dV/dt = -V / tau_m + I_syn + I
            dI_syn/dt = -I_syn / tau_p
        """,
        receive="I_syn += w",
        spike="V > V_th",
        reset="V = 0",
        units=dict(I_syn="1/ms", I="1/ms"),
        method="exact",
        parameters=dict(
            tau_m=Parameter(10.0, "ms", "membrane time constant", "(0, inf)"),
            tau_p=Parameter(1.0, "ms", "decay of the synaptic current", "(0, inf)"),
            V_th=_THRESHOLD,
        ),
    ),
)
