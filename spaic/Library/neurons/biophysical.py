"""Neurons with the dynamics of the spike itself."""

from __future__ import annotations

from spaic.Dynamics.models import NeuronModel
from spaic.Dynamics.parameter import Parameter
from spaic.registry import neurons

izhikevich = neurons.add(
    "izhikevich",
    NeuronModel(
        name="izhikevich",
        summary="Two equations that reproduce the firing patterns of cortical neurons.",
        source="Izhikevich 2003, IEEE Trans. Neural Netw. 14:1569, eqs. 1-3",
        equations="""
            v = min(V, V_th)  # beyond the peak nothing is integrated: the spike is over
            dV/dt = 0.04 * v**2 + 5 * v + 140 - U + I
            dU/dt = a * (b * v - U)
        """,
        spike="V >= V_th",
        reset="V = c; U += d",
        interpolate=True,
        initial=dict(V="c", U="b * c"),
        units=dict(V="mV", U="mV/ms", I="mV/ms", v="mV"),
        method="rk4",
        parameters=dict(
            a=Parameter(0.02, "1/ms", "rate of the recovery variable", "(0, inf)"),
            b=Parameter(0.2, "1/ms", "sensitivity of the recovery variable"),
            c=Parameter(-65.0, "mV", "membrane potential after a spike"),
            d=Parameter(8.0, "mV/ms", "jump of the recovery variable"),
            V_th=Parameter(30.0, "mV", "peak of the spike"),
        ),
    ),
    aliases=("izh", "izhikevich_2003"),
)

adex = neurons.add(
    "adex",
    NeuronModel(
        name="adex",
        summary="Exponential integrate-and-fire with adaptation.",
        source="Brette & Gerstner 2005, J. Neurophysiol. 94:3637, eqs. 1-3",
        equations="""
            v = min(V, V_peak)  # beyond the peak nothing is integrated: the spike is over
            upstroke = g_L * Delta_T * exp((v - V_T) / Delta_T)
            dV/dt = (-g_L * (v - E_L) + upstroke - W + I) / C
            dW/dt = (a * (v - E_L) - W) / tau_w
        """,
        spike="V >= V_peak",
        reset="V = V_reset; W += b",
        refractory="t_ref: V",
        interpolate=True,
        initial=dict(V="E_L"),
        units=dict(V="mV", W="pA", I="pA", upstroke="pA", v="mV"),
        method="rk4",
        parameters=dict(
            C=Parameter(281.0, "pF", "membrane capacitance", "(0, inf)"),
            g_L=Parameter(30.0, "nS", "leak conductance", "(0, inf)"),
            E_L=Parameter(-70.6, "mV", "resting potential"),
            V_T=Parameter(-50.4, "mV", "threshold of the exponential"),
            Delta_T=Parameter(2.0, "mV", "sharpness of the upstroke", "(0, inf)"),
            a=Parameter(4.0, "nS", "coupling of the adaptation to the membrane"),
            tau_w=Parameter(144.0, "ms", "time constant of the adaptation", "(0, inf)"),
            b=Parameter(80.5, "pA", "adaptation per spike"),
            V_peak=Parameter(20.0, "mV", "peak of the spike"),
            V_reset=Parameter(-70.6, "mV", "membrane potential after a spike"),
            t_ref=Parameter(0.0, "ms", "refractory period", "[0, inf)"),
        ),
    ),
    aliases=("aeif",),
)

hodgkin_huxley = neurons.add(
    "hodgkin_huxley",
    NeuronModel(
        name="hodgkin_huxley",
        summary="The squid giant axon; a spike is an upward crossing of V_th.",
        source="Hodgkin & Huxley 1952, J. Physiol. 117:500, eqs. 7, 12-14, 20-24, with the resting potential at -65 mV",
        equations="""
            alpha_m = 1 / exprel(-(V + 40) / 10)
            beta_m = 4 * exp(-(V + 65) / 18)
            alpha_h = 0.07 * exp(-(V + 65) / 20)
            beta_h = 1 / (1 + exp(-(V + 35) / 10))
            alpha_n = 0.1 / exprel(-(V + 55) / 10)
            beta_n = 0.125 * exp(-(V + 65) / 80)
            I_Na = g_Na * m**3 * h * (V - E_Na)
            I_K = g_K * n**4 * (V - E_K)
            dV/dt = (I - I_Na - I_K - g_L * (V - E_L)) / C
            dm/dt = alpha_m * (1 - m) - beta_m * m
            dh/dt = alpha_h * (1 - h) - beta_h * h
            dn/dt = alpha_n * (1 - n) - beta_n * n
            V_previous := V
        """,
        spike="where(V_previous > V_th, -1, V - V_th) > 0",
        initial=dict(V=-65.0, V_previous=-65.0, m=0.05293248525724958, h=0.5961207535084603, n=0.3176769140606974),
        units=dict(V="mV", I="uA/cm2", I_Na="uA/cm2", I_K="uA/cm2"),
        method="exponential_midpoint",
        substeps=2,  # sodium alone reaches 35 / ms: twice the stability limit of rk4 at 0.1 ms
        parameters=dict(
            C=Parameter(1.0, "uF/cm2", "membrane capacitance", "(0, inf)"),
            g_Na=Parameter(120.0, "mS/cm2", "sodium conductance", "[0, inf)"),
            g_K=Parameter(36.0, "mS/cm2", "potassium conductance", "[0, inf)"),
            g_L=Parameter(0.3, "mS/cm2", "leak conductance", "[0, inf)"),
            E_Na=Parameter(50.0, "mV", "sodium reversal potential"),
            E_K=Parameter(-77.0, "mV", "potassium reversal potential"),
            E_L=Parameter(-54.387, "mV", "leak reversal potential"),
            V_th=Parameter(0.0, "mV", "level whose upward crossing is a spike"),
        ),
    ),
    aliases=("hh",),
)
