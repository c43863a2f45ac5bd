"""PySNN's neurons: each carries a trace r of its spikes. The linear ones count in steps, the others in ms."""

from __future__ import annotations

from spaic.Dynamics.models import NeuronModel
from spaic.Dynamics.parameter import Parameter
from spaic.registry import neurons

_THRESHOLD = Parameter(1.0, "1", "firing threshold")
_REST = Parameter(0.0, "1", "potential at rest and after a spike")
_ALPHA_V = Parameter(1.0, "1", "gain of the input")
_ALPHA_T = Parameter(1.0, "1", "gain of the trace")
_T_REF = Parameter(0.0, "ms", "refractory period", "[0, inf)")
_TAU_V = Parameter(5.0, "ms", "membrane time constant", "(0, inf)")
_TAU_T = Parameter(4.0, "ms", "decay of the trace", "(0, inf)")
_KEEP_V = Parameter(0.8, "1", "what a step leaves of V", "[0, 1]")
_KEEP_T = Parameter(0.8, "1", "what a step leaves of the trace", "[0, 1]")
_PER_SPIKE = "r += alpha_t / tau_t"
_CELL = dict(V_rest=_REST, V_th=_THRESHOLD, alpha_v=_ALPHA_V, alpha_t=_ALPHA_T, t_ref=_T_REF)
_PYSNN = "Buller 2019, PySNN"

if_trace = neurons.add(
    "if_trace",
    NeuronModel(
        name="if_trace",
        summary="Perfect integrator, counted in steps, with a trace of its spikes.",
        source=f"{_PYSNN}, IFNeuron",
        equations="""
            V := V + alpha_v * I
            r := keep_t * r
        """,
        spike="V >= V_th",
        reset="V = V_rest; r += alpha_t",
        refractory="t_ref: V",
        initial=dict(V="V_rest"),
        parameters=dict(**_CELL, keep_t=_KEEP_T),
    ),
    aliases=("ifneuron",),
)

lif_linear_trace = neurons.add(
    "lif_linear_trace",
    NeuronModel(
        name="lif_linear_trace",
        summary="Leaky integrate-and-fire, counted in steps, with a trace of its spikes.",
        source=f"{_PYSNN}, LIFNeuron with update_type='linear'",
        equations="""
            V := V_rest + keep_v * (V - V_rest) + alpha_v * I
            r := keep_t * r
        """,
        spike="V >= V_th",
        reset="V = V_rest; r += alpha_t",
        refractory="t_ref: V",
        initial=dict(V="V_rest"),
        parameters=dict(**_CELL, keep_v=_KEEP_V, keep_t=_KEEP_T),
    ),
)

lif_trace = neurons.add(
    "lif_trace",
    NeuronModel(
        name="lif_trace",
        summary="Leaky integrate-and-fire with an exponential trace of its spikes.",
        source=f"{_PYSNN}, LIFNeuron with update_type='exponential', which is this by forward Euler at dt = 1 ms",
        equations="""
            dV/dt = (-(V - V_rest) + alpha_v * I) / tau_v
            dr/dt = -r / tau_t
        """,
        spike="V >= V_th",
        reset=f"V = V_rest; {_PER_SPIKE}",
        refractory="t_ref: V",
        initial=dict(V="V_rest"),
        method="exact",
        parameters=dict(**_CELL, tau_v=_TAU_V, tau_t=_TAU_T),
    ),
    aliases=("lifneuron",),
)

alif_linear_trace = neurons.add(
    "alif_linear_trace",
    NeuronModel(
        name="alif_linear_trace",
        summary="Leaky integrate-and-fire, counted in steps, whose threshold theta jumps at a spike and returns to V_inf; with a trace.",
        source=f"{_PYSNN}, AdaptiveLIFNeuron with update_type='linear', whose threshold returns to V_inf = 0",
        equations="""
            V := V_rest + keep_v * (V - V_rest) + alpha_v * I
            theta := V_inf + keep_theta * (theta - V_inf)
            r := keep_t * r
        """,
        spike="V >= theta",
        reset="V = V_rest; theta += alpha_theta; r += alpha_t",
        refractory="t_ref: V",
        initial=dict(V="V_rest", theta="V_th"),
        parameters=dict(
            **_CELL,
            keep_v=_KEEP_V,
            keep_t=_KEEP_T,
            V_inf=Parameter("V_th", "1", "threshold after a long silence"),
            alpha_theta=Parameter(0.5, "1", "rise of the threshold per spike"),
            keep_theta=Parameter(0.9, "1", "what a step leaves of the rise", "[0, 1]"),
        ),
    ),
)

alif_trace = neurons.add(
    "alif_trace",
    NeuronModel(
        name="alif_trace",
        summary="Leaky integrate-and-fire whose threshold theta jumps at a spike and returns to V_inf; with an exponential trace.",
        source=f"{_PYSNN}, AdaptiveLIFNeuron with update_type='exponential', whose threshold returns to V_inf = 0",
        equations="""
            dV/dt = (-(V - V_rest) + alpha_v * I) / tau_v
            dtheta/dt = -(theta - V_inf) / tau_theta
            dr/dt = -r / tau_t
        """,
        spike="V >= theta",
        reset=f"V = V_rest; theta += alpha_theta / tau_theta; {_PER_SPIKE}",
        refractory="t_ref: V",
        initial=dict(V="V_rest", theta="V_th"),
        method="exact",
        parameters=dict(
            **_CELL,
            tau_v=_TAU_V,
            tau_t=_TAU_T,
            V_inf=Parameter("V_th", "1", "threshold after a long silence"),
            alpha_theta=Parameter(2.0, "1", "area of the rise of the threshold after a spike, in ms"),
            tau_theta=Parameter(20.0, "ms", "decay of the rise", "(0, inf)"),
        ),
    ),
    aliases=("adaptivelifneuron",),
)

fede = neurons.add(
    "fede",
    NeuronModel(
        name="fede",
        summary="Leaky integrate-and-fire that is driven by what its afferents bring beyond their traces; with a trace of its own.",
        source=f"{_PYSNN}, FedeNeuron; Paredes-Valles et al. 2020, IEEE TPAMI 42:2051, eq. 4",
        equations="""
            dV/dt = (-(V - V_rest) + alpha_v * (I - I_trace)) / tau_v
            dr/dt = -r / tau_t
        """,
        inputs=("I", "I_trace"),
        spike="V >= V_th",
        reset=f"V = V_rest; {_PER_SPIKE}",
        refractory="t_ref: V",
        initial=dict(V="V_rest"),
        method="exact",
        parameters=dict(**_CELL, tau_v=_TAU_V, tau_t=_TAU_T),
    ),
    aliases=("fedeneuron",),
)
