"""Neurons whose threshold or currents remember their spikes, and neurons that fire at random."""

from __future__ import annotations

from spaic.Dynamics.models import NeuronModel
from spaic.Dynamics.parameter import Parameter
from spaic.registry import neurons

_REFRACTORY = Parameter(0.0, "ms", "refractory period", "[0, inf)")
#: (a^2 + b^2) / 2 of two normal numbers is exponentially distributed: rho dt exceeds it with probability 1 - exp(-rho dt).
_DRAW = "E := (xi_a**2 + xi_b**2) / 2"
#: rho dt > E as logarithms: far above the threshold exp(drive) would overflow, and its gradient with it.
_FIRES = "drive > log(E / (rho_0 * dt))"

glif = neurons.add(
    "glif",
    NeuronModel(
        name="glif",
        summary="Generalised leaky integrate-and-fire with after-spike currents and a threshold that follows spikes and V.",
        source="Teeter et al. 2018, Nat. Commun. 9:709, GLIF5; SPAIC's parameters, its currents set to f I + delta by a spike",
        equations="""
            dV/dt = (I + I_1 + I_2 - (V - E_L) / R) / C
            dTheta_s/dt = -b_s * Theta_s
            dTheta_v/dt = a_v * (V - E_L) - b_v * Theta_v
            dI_1/dt = -k_1 * I_1
            dI_2/dt = -k_2 * I_2
            V_th = Theta_v + Theta_s + Theta_inf
        """,
        spike="V > V_th",
        reset="V = E_L + f_v * (V - E_L) - delta_v; Theta_s += delta_Theta_s; I_1 = f_1 * I_1 + delta_I_1; I_2 = f_2 * I_2 + delta_I_2",
        refractory="t_ref: V",
        initial=dict(V="E_L", Theta_s=0.1, Theta_v=0.2, I_1=0.08, I_2=0.06),
        method="exact",
        parameters=dict(
            R=Parameter(2.0, "1", "membrane resistance", "(0, inf)"),
            C=Parameter(60.0, "1", "membrane capacitance; R C is in ms", "(0, inf)"),
            E_L=Parameter(0.0, "1", "resting potential"),
            Theta_inf=Parameter(1.0, "1", "threshold at rest"),
            f_v=Parameter(0.1, "1", "share of the potential that a spike leaves"),
            delta_v=Parameter(0.05, "1", "drop of the potential at a spike"),
            b_s=Parameter(0.02, "1/ms", "decay of the spike component of the threshold", "[0, inf)"),
            delta_Theta_s=Parameter(0.2, "1", "jump of the spike component of the threshold"),
            k_1=Parameter(0.8, "1/ms", "decay of the first after-spike current", "[0, inf)"),
            k_2=Parameter(0.6, "1/ms", "decay of the second after-spike current", "[0, inf)"),
            f_1=Parameter(1.0, "1", "share of the first current that a spike leaves"),
            f_2=Parameter(1.0, "1", "share of the second current that a spike leaves"),
            delta_I_1=Parameter(0.1, "1", "jump of the first current"),
            delta_I_2=Parameter(0.1, "1", "jump of the second current"),
            a_v=Parameter(0.12, "1/ms", "rate at which the threshold follows the potential"),
            b_v=Parameter(0.3, "1/ms", "decay of the voltage component of the threshold", "[0, inf)"),
            t_ref=_REFRACTORY,
        ),
    ),
)

lif_escape = neurons.add(
    "lif_escape",
    NeuronModel(
        name="lif_escape",
        summary="Leaky integrate-and-fire that fires at random with rate rho, which grows by e when V rises by Delta.",
        source="Gerstner et al. 2014, Neuronal Dynamics, eqs. 9.1-9.8; the probability of a spike in a step is 1 - exp(-rho dt)",
        equations=f"""
            dV/dt = (-(V - V_rest) + R * I) / tau_m
            drive = (V - V_th) / Delta
            rho = rho_0 * exp(drive)
            {_DRAW}
        """,
        receive="V += w",
        spike=_FIRES,
        reset="V = V_reset",
        refractory="t_ref: V",
        initial=dict(V="V_rest"),
        units=dict(rho="1/ms"),
        method="exact",
        parameters=dict(
            tau_m=Parameter(20.0, "ms", "membrane time constant", "(0, inf)"),
            V_rest=Parameter(0.0, "1", "resting potential"),
            V_th=Parameter(1.0, "1", "potential at which the rate is rho_0"),
            rho_0=Parameter(1.0, "1/ms", "rate at V_th", "(0, inf)"),
            Delta=Parameter(0.1, "1", "softness of the threshold", "(0, inf)"),
            V_reset=Parameter(0.0, "1", "membrane potential after a spike"),
            R=Parameter(1.0, "1", "membrane resistance"),
            t_ref=_REFRACTORY,
        ),
    ),
    aliases=("stochastic_lif", "escape_noise"),
)

gif = neurons.add(
    "gif",
    NeuronModel(
        name="gif",
        summary="Generalised integrate-and-fire: spike-triggered currents W, a moving threshold T, and random firing.",
        source="Mensi et al. 2012, J. Neurophysiol. 107:1756, eqs. 1-6; Pozzorini et al. 2015, PLoS Comput. Biol. 11:e1004275",
        equations=f"""
            dV/dt = (-g_L * (V - E_L) - W_1 - W_2 + I) / C
            dW_1/dt = -W_1 / tau_1
            dW_2/dt = -W_2 / tau_2
            dT_1/dt = -T_1 / tau_1
            dT_2/dt = -T_2 / tau_2
            drive = (V - V_T - T_1 - T_2) / Delta_V
            rho = rho_0 * exp(drive)
            {_DRAW}
        """,
        spike=_FIRES,
        reset="V = V_reset; W_1 += q_1; W_2 += q_2; T_1 += h_1; T_2 += h_2",
        refractory="t_ref: V",
        initial=dict(V="E_L"),
        units=dict(V="mV", W_1="pA", W_2="pA", T_1="mV", T_2="mV", I="pA", rho="1/ms"),
        method="exact",
        parameters=dict(
            C=Parameter(80.0, "pF", "membrane capacitance", "(0, inf)"),
            g_L=Parameter(4.0, "nS", "leak conductance", "(0, inf)"),
            E_L=Parameter(-70.0, "mV", "resting potential"),
            V_reset=Parameter(-55.0, "mV", "membrane potential after a spike"),
            V_T=Parameter(-45.0, "mV", "threshold without spikes"),
            Delta_V=Parameter(2.0, "mV", "softness of the threshold", "(0, inf)"),
            rho_0=Parameter(1.0, "1/ms", "rate at the threshold", "(0, inf)"),
            tau_1=Parameter(20.0, "ms", "fast time constant of currents and threshold", "(0, inf)"),
            tau_2=Parameter(200.0, "ms", "slow time constant of currents and threshold", "(0, inf)"),
            q_1=Parameter(20.0, "pA", "jump of the fast current"),
            q_2=Parameter(5.0, "pA", "jump of the slow current"),
            h_1=Parameter(5.0, "mV", "fast jump of the threshold"),
            h_2=Parameter(1.0, "mV", "slow jump of the threshold"),
            t_ref=Parameter(4.0, "ms", "refractory period", "[0, inf)"),
        ),
    ),
)
