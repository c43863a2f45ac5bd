"""Integrate-and-fire neurons, with and without leak."""

from __future__ import annotations

from spaic import spellings
from spaic.Dynamics.models import NeuronModel
from spaic.Dynamics.parameter import Parameter
from spaic.registry import neurons

_THRESHOLD = Parameter(1.0, "1", "firing threshold")
_RESET = Parameter(0.0, "1", "membrane potential after a spike")
_REST = Parameter(0.0, "1", "resting potential")
_TAU_M = Parameter(20.0, "ms", "membrane time constant", "(0, inf)")
_RESISTANCE = Parameter(1.0, "1", "membrane resistance")
_REFRACTORY = Parameter(0.0, "ms", "refractory period", "[0, inf)")

integrate_and_fire = neurons.add(
    "if",
    NeuronModel(
        name="if",
        summary="Perfect integrator: spikes add up without leak.",
        source="Lapicque 1907, J. Physiol. Pathol. Gen. 9:620; Gerstner et al. 2014, Neuronal Dynamics, section 1.3",
        equations="dV/dt = R * I",
        receive="V += w",
        spike="V > V_th",
        reset="V = V_reset",
        refractory="t_ref: V",
        method="exact",
        parameters=dict(V_th=_THRESHOLD, V_reset=_RESET, R=Parameter(1.0, "1/ms", "gain of the input current"), t_ref=_REFRACTORY),
    ),
)

lif = neurons.add(
    "lif",
    NeuronModel(
        name="lif",
        summary="Leaky integrate-and-fire; an incoming spike is a jump of the membrane potential.",
        source="Gerstner et al. 2014, Neuronal Dynamics, eq. 1.5",
        equations="dV/dt = (-(V - V_rest) + R * I) / tau_m",
        receive="V += w",
        spike="V > V_th",
        reset="V = V_reset",
        refractory="t_ref: V",
        initial=dict(V="V_rest"),
        method="exact",
        parameters=dict(tau_m=_TAU_M, V_rest=_REST, V_th=_THRESHOLD, V_reset=_RESET, R=_RESISTANCE, t_ref=_REFRACTORY),
    ),
    aliases=spellings.aliases("neuron model", "lif"),
)

cuba = neurons.add(
    "cuba",
    NeuronModel(
        name="cuba",
        summary="Leaky integrate-and-fire with an exponential synaptic current.",
        source="Brette et al. 2007, J. Comput. Neurosci. 23:349, benchmark 2 (current-based)",
        equations="""
            dV/dt = (-(V - V_rest) + R * (I_syn + I)) / tau_m
            dI_syn/dt = -I_syn / tau_s
        """,
        receive="I_syn += w",
        spike="V > V_th",
        reset="V = V_reset",
        refractory="t_ref: V",
        initial=dict(V="V_rest"),
        method="exact",
        parameters=dict(
            tau_m=_TAU_M,
            tau_s=Parameter(5.0, "ms", "synaptic time constant", "(0, inf)"),
            V_rest=_REST,
            V_th=_THRESHOLD,
            V_reset=_RESET,
            R=_RESISTANCE,
            t_ref=_REFRACTORY,
        ),
    ),
    aliases=("lif_exp",),
)

clif = neurons.add(
    "clif",
    NeuronModel(
        name="clif",
        summary="A unit spike raises V by a difference of exponentials that peaks at 1; a spike of its own lowers V by V_th, which decays.",
        source="Gu et al. 2019, IJCAI, eqs. 1-3 (STCA); their M, S and E are held as V = M - S - E, D = M - S and S, "
        "where nothing cancels in float32",
        equations="""
            dV/dt = -V / tau_m + (1 / tau_m - 1 / tau_p) * D + (1 / tau_q - 1 / tau_p) * S
            dD/dt = -D / tau_p + (1 / tau_q - 1 / tau_p) * S
            dS/dt = -S / tau_q
        """,
        receive="S += V_0 * w",
        spike="V > V_th",
        reset="V -= V_th",
        method="exact",
        parameters=dict(
            tau_p=Parameter(12.0, "ms", "decay of the spike response", "(0, inf)"),
            tau_q=Parameter(8.0, "ms", "rise of the spike response", "(0, inf)"),
            tau_m=Parameter(20.0, "ms", "decay of the reset kernel", "(0, inf)"),
            V_th=_THRESHOLD,
            V_0=Parameter("(tau_p / tau_q)**(tau_p / (tau_p - tau_q)) / (tau_p / tau_q - 1)", "1", "scale: a unit weight peaks at 1"),
        ),
    ),
)

plif = neurons.add(
    "plif",
    NeuronModel(
        name="plif",
        summary="Leaky integrate-and-fire whose leak is learned: the decay per step is 1 - sigmoid(a).",
        source="Fang et al. 2021, ICCV, eqs. 9-12 (1 / tau = sigmoid(a) per step)",
        equations="V := V + sigmoid(a) * (I - (V - V_reset))",
        spike="V > V_th",
        reset="V = V_reset",
        initial=dict(V="V_reset"),
        parameters=dict(
            tau_m=Parameter(2.0, "1", "initial membrane time constant in steps", "(1, inf)"),
            a=Parameter("-log(tau_m - 1)", "1", "leak", trainable=True),
            V_th=_THRESHOLD,
            V_reset=_RESET,
        ),
    ),
)

alif = neurons.add(
    "alif",
    NeuronModel(
        name="alif",
        summary="Leaky integrate-and-fire with an adaptive threshold V_th + beta * A.",
        source="Bellec et al. 2018, NeurIPS (LSNN), eqs. 1-3",
        equations="""
            dV/dt = (-(V - V_rest) + R * I) / tau_m
            dA/dt = -A / tau_a
            theta = V_th + beta * A
        """,
        receive="V += w",
        spike="V > theta",
        reset="V = V_reset; A += 1",
        refractory="t_ref: V",
        initial=dict(V="V_rest"),
        method="exact",
        parameters=dict(
            tau_m=_TAU_M,
            tau_a=Parameter(200.0, "ms", "time constant of the adaptation", "(0, inf)"),
            beta=Parameter(0.1, "1", "rise of the threshold per spike", "[0, inf)"),
            V_rest=_REST,
            V_th=_THRESHOLD,
            V_reset=_RESET,
            R=_RESISTANCE,
            t_ref=_REFRACTORY,
        ),
    ),
    aliases=("lsnn",),
)
