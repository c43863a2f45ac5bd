"""Neurons of one or two equations with an upstroke, a resonance or a dendrite."""

from __future__ import annotations

from spaic.Dynamics.models import NeuronModel
from spaic.Dynamics.parameter import Parameter
from spaic.registry import neurons

_REFRACTORY = Parameter(0.0, "ms", "refractory period", "[0, inf)")

quadratic_if = neurons.add(
    "quadratic_if",
    NeuronModel(
        name="quadratic_if",
        summary="Quadratic integrate-and-fire: V is drawn to V_rest below V_crit and runs away above it.",
        source="Gerstner et al. 2014, Neuronal Dynamics, eq. 5.16; Latham et al. 2000, J. Neurophysiol. 83:808",
        equations="""
            v = min(V, V_peak)  # beyond the peak nothing is integrated: the spike is over
            dV/dt = (a * (v - V_rest) * (v - V_crit) + R * I) / tau_m
        """,
        spike="V >= V_peak",
        reset="V = V_reset",
        refractory="t_ref: V",
        interpolate=True,
        initial=dict(V="V_rest"),
        units=dict(V="mV", v="mV", I="pA"),
        method="rk4",
        parameters=dict(
            tau_m=Parameter(10.0, "ms", "time scale of the membrane", "(0, inf)"),
            a=Parameter(0.1, "1/mV", "curvature", "(0, inf)"),
            V_rest=Parameter(-65.0, "mV", "resting potential"),
            V_crit=Parameter(-55.0, "mV", "potential beyond which the upstroke runs by itself"),
            R=Parameter(0.1, "GOhm", "membrane resistance", "(0, inf)"),
            V_peak=Parameter(0.0, "mV", "peak of the spike"),
            V_reset=Parameter(-70.0, "mV", "membrane potential after a spike"),
            t_ref=_REFRACTORY,
        ),
    ),
    aliases=("qif", "qlif"),
)

exponential_if = neurons.add(
    "exponential_if",
    NeuronModel(
        name="exponential_if",
        summary="Exponential integrate-and-fire: the sodium upstroke as an exponential of V.",
        source="Fourcaud-Trocme et al. 2003, J. Neurosci. 23:11628, eqs. 1-3 and table 1",
        equations="""
            v = min(V, V_peak)  # beyond the peak nothing is integrated: the spike is over
            dV/dt = (-(v - V_rest) + Delta_T * exp((v - V_T) / Delta_T) + R * I) / tau_m
        """,
        spike="V >= V_peak",
        reset="V = V_reset",
        refractory="t_ref: V",
        interpolate=True,
        initial=dict(V="V_rest"),
        units=dict(V="mV", v="mV", I="pA"),
        method="rk4",
        parameters=dict(
            tau_m=Parameter(10.0, "ms", "membrane time constant", "(0, inf)"),
            V_rest=Parameter(-65.0, "mV", "resting potential"),
            V_T=Parameter(-59.9, "mV", "threshold of the exponential"),
            Delta_T=Parameter(3.48, "mV", "sharpness of the upstroke", "(0, inf)"),
            R=Parameter(0.1, "GOhm", "membrane resistance", "(0, inf)"),
            V_peak=Parameter(-30.0, "mV", "peak of the spike"),
            V_reset=Parameter(-68.0, "mV", "membrane potential after a spike"),
            t_ref=Parameter(1.7, "ms", "refractory period", "[0, inf)"),
        ),
    ),
    aliases=("eif",),
)

resonate_and_fire = neurons.add(
    "resonate_and_fire",
    NeuronModel(
        name="resonate_and_fire",
        summary="A damped oscillator that fires when V crosses 1: spikes in its own rhythm drive it best.",
        source="Izhikevich 2001, Neural Netw. 14:883, eqs. 5-6 with z = X + i V",
        equations="""
            dX/dt = b * X - omega * V + I
            dV/dt = omega * X + b * V
        """,
        receive="X += w",
        spike="V > V_th",
        reset="X = 0; V = V_reset",
        units=dict(I="1/ms"),
        method="exact",
        parameters=dict(
            b=Parameter(-0.1, "1/ms", "rate of damping; negative"),
            omega=Parameter(1.0, "1/ms", "angular frequency"),
            V_th=Parameter(1.0, "1", "firing threshold"),
            V_reset=Parameter(1.0, "1", "V after a spike; X becomes 0"),
        ),
    ),
    aliases=("raf",),
)

izhikevich_2007 = neurons.add(
    "izhikevich_2007",
    NeuronModel(
        name="izhikevich_2007",
        summary="Izhikevich's neuron in physical units.",
        source="Izhikevich 2007, Dynamical Systems in Neuroscience, eqs. 8.5-8.6; Neurapse's IZHIKEVICH",
        equations="""
            v = min(V, V_peak)  # beyond the peak nothing is integrated: the spike is over
            dV/dt = (k * (v - V_r) * (v - V_t) - U + I) / C
            dU/dt = a * (b * (v - V_r) - U)
        """,
        spike="V >= V_peak",
        reset="V = c; U += d",
        interpolate=True,
        initial=dict(V="V_r"),
        units=dict(V="mV", v="mV", U="pA", I="pA"),
        method="rk4",
        parameters=dict(
            C=Parameter(100.0, "pF", "membrane capacitance", "(0, inf)"),
            k=Parameter(0.7, "nS/mV", "curvature", "(0, inf)"),
            V_r=Parameter(-60.0, "mV", "resting potential"),
            V_t=Parameter(-40.0, "mV", "instantaneous threshold"),
            a=Parameter(0.03, "1/ms", "rate of the recovery current", "(0, inf)"),
            b=Parameter(-2.0, "nS", "sensitivity of the recovery current"),
            c=Parameter(-50.0, "mV", "membrane potential after a spike"),
            d=Parameter(100.0, "pA", "jump of the recovery current"),
            V_peak=Parameter(35.0, "mV", "peak of the spike"),
        ),
    ),
)

two_compartment = neurons.add(
    "two_compartment",
    NeuronModel(
        name="two_compartment",
        summary="A soma that fires and a passive dendrite that its reset leaves alone; inputs go to either.",
        source="Rospars & Lansky 1993, Biol. Cybern. 69:283, eqs. 1-2",
        equations="""
            dV/dt = (-(V - V_rest) + g_soma * (V_d - V) + R * I) / tau_soma
            dV_d/dt = (-(V_d - V_rest) + g_dendrite * (V - V_d) + R * I_dendrite) / tau_dendrite
        """,
        receive=dict(soma="V += w", dendrite="V_d += w"),
        inputs=("I", "I_dendrite"),
        spike="V > V_th",
        reset="V = V_reset",
        refractory="t_ref: V",
        initial=dict(V="V_rest", V_d="V_rest"),
        method="exact",
        parameters=dict(
            tau_soma=Parameter(10.0, "ms", "time constant of the soma", "(0, inf)"),
            tau_dendrite=Parameter(20.0, "ms", "time constant of the dendrite", "(0, inf)"),
            g_soma=Parameter(1.0, "1", "coupling of the soma, in units of its leak", "[0, inf)"),
            g_dendrite=Parameter(0.5, "1", "coupling of the dendrite, in units of its leak", "[0, inf)"),
            V_rest=Parameter(0.0, "1", "resting potential"),
            V_th=Parameter(1.0, "1", "firing threshold"),
            V_reset=Parameter(0.0, "1", "potential of the soma after a spike"),
            R=Parameter(1.0, "1", "membrane resistance"),
            t_ref=_REFRACTORY,
        ),
    ),
)
