"""Integrators that differ from lif in reset, bias or unit, and neurons that never fire: readouts, relays and rates."""

from __future__ import annotations

from spaic.Dynamics.models import NeuronModel
from spaic.Dynamics.parameter import Parameter
from spaic.registry import neurons

_THRESHOLD = Parameter(1.0, "1", "firing threshold")
_RESET = Parameter(0.0, "1", "membrane potential after a spike")
_REST = Parameter(0.0, "1", "resting potential")
_TAU_M = Parameter(20.0, "ms", "membrane time constant", "(0, inf)")
_RESISTANCE = Parameter(1.0, "1", "membrane resistance")
_REFRACTORY = Parameter(0.0, "ms", "refractory period", "[0, inf)")
_BIAS = Parameter(0.0, "1/ms", "constant drive; ConstantDecay of SPAIC is its negative")
_GAIN = Parameter(1.0, "1/ms", "gain of the input current")

if_soft_reset = neurons.add(
    "if_soft_reset",
    NeuronModel(
        name="if_soft_reset",
        summary="Perfect integrator with reset by subtraction: what exceeds the threshold is kept.",
        source="Rueckauer et al. 2017, Front. Neurosci. 11:682, eq. 4",
        equations="dV/dt = bias + R * I",
        receive="V += w",
        spike="V > V_th",
        reset="V -= V_th",
        method="exact",
        parameters=dict(V_th=_THRESHOLD, R=_GAIN, bias=_BIAS),
    ),
    aliases=("ifsoftreset",),
)

if_bias = neurons.add(
    "if_bias",
    NeuronModel(
        name="if_bias",
        summary="Perfect integrator with a constant drive: the neuron of converted networks.",
        source="Rueckauer et al. 2017, Front. Neurosci. 11:682, eq. 3 (reset to zero)",
        equations="dV/dt = bias + R * I",
        receive="V += w",
        spike="V > V_th",
        reset="V = V_reset",
        method="exact",
        parameters=dict(V_th=_THRESHOLD, V_reset=_RESET, R=_GAIN, bias=_BIAS),
    ),
    aliases=("ifb",),
)

nonspiking_if = neurons.add(
    "nonspiking_if",
    NeuronModel(
        name="nonspiking_if",
        summary="Perfect integrator that never fires: a readout that adds up all it receives.",
        source="Rueckauer et al. 2017, Front. Neurosci. 11:682, section 2.2 (output layer)",
        equations="dV/dt = bias + R * I",
        receive="V += w",
        method="exact",
        parameters=dict(R=_GAIN, bias=_BIAS),
    ),
    aliases=("nonspikingifb", "integrator"),
)

lif_current = neurons.add(
    "lif_current",
    NeuronModel(
        name="lif_current",
        summary="Leaky integrate-and-fire whose connections bring a current, not jumps.",
        source="Gerstner et al. 2014, Neuronal Dynamics, eq. 1.5",
        equations="dV/dt = (-(V - V_rest) + R * I) / tau_m",
        spike="V > V_th",
        reset="V = V_reset",
        refractory="t_ref: V",
        initial=dict(V="V_rest"),
        method="exact",
        parameters=dict(tau_m=_TAU_M, V_rest=_REST, V_th=_THRESHOLD, V_reset=_RESET, R=_RESISTANCE, t_ref=_REFRACTORY),
    ),
    aliases=("constantcurrentlif",),
)

lif_int = neurons.add(
    "lif_int",
    NeuronModel(
        name="lif_int",
        summary="Leaky integrate-and-fire counted in steps: V keeps the factor decay of itself per step, and fires on equality.",
        source="SPAIC's lifint, after Hazan et al. 2018, Front. Neuroinform. 12:89 (BindsNET); held while refractory",
        equations="V := V_rest + decay * (V - V_rest)",
        receive="V += w",
        spike="V >= V_th",
        reset="V = V_reset",
        refractory="t_ref: V",
        initial=dict(V="V_rest"),
        parameters=dict(
            decay=Parameter(1.0, "1", "what is left after a step", "[0, 1]"),
            V_rest=_REST,
            V_th=_THRESHOLD,
            V_reset=_RESET,
            t_ref=_REFRACTORY,
        ),
    ),
    aliases=("lifint",),
)

li = neurons.add(
    "li",
    NeuronModel(
        name="li",
        summary="Leaky integrator that never fires: a readout.",
        source="Bellec et al. 2018, NeurIPS (LSNN), readout neurons",
        equations="dV/dt = (-(V - V_rest) + R * I) / tau_m",
        receive="V += w",
        initial=dict(V="V_rest"),
        method="exact",
        parameters=dict(tau_m=_TAU_M, V_rest=_REST, R=_RESISTANCE),
    ),
    aliases=("leaky_integrator",),
)

cubali = neurons.add(
    "cubali",
    NeuronModel(
        name="cubali",
        summary="Leaky integrator with an exponential synaptic current that never fires: the readout for cuba layers.",
        source="Pedersen et al. 2024, Nat. Commun. 15:8122 (NIR), CuBa-LI",
        equations="""
            dV/dt = (-(V - V_rest) + R * (I_syn + I)) / tau_m
            dI_syn/dt = -I_syn / tau_s
        """,
        receive="I_syn += w",
        initial=dict(V="V_rest"),
        method="exact",
        parameters=dict(tau_m=_TAU_M, tau_s=Parameter(5.0, "ms", "synaptic time constant", "(0, inf)"), V_rest=_REST, R=_RESISTANCE),
    ),
    aliases=("cuba_li",),
)

nonspiking_lif = neurons.add(
    "nonspiking_lif",
    NeuronModel(
        name="nonspiking_lif",
        summary="Leaky integrator of a double-exponential current that peaks at the weight; it never fires.",
        source="SPAIC's nonspikinglif without its four steps of latency; Gu et al. 2019, IJCAI, eq. 2",
        equations="""
            dV/dt = (-V + D) / tau_m
            dD/dt = -D / tau_p + (1 / tau_q - 1 / tau_p) * S
            dS/dt = -S / tau_q
        """,
        receive="S += V_0 * w",
        method="exact",
        parameters=dict(
            tau_p=Parameter(4.0, "ms", "decay of the current", "(0, inf)"),
            tau_q=Parameter(1.0, "ms", "rise of the current", "(0, inf)"),
            tau_m=Parameter(1.0, "ms", "membrane time constant", "(0, inf)"),
            V_0=Parameter("(tau_p / tau_q)**(tau_p / (tau_p - tau_q)) / (tau_p / tau_q - 1)", "1", "scale: a unit weight peaks at 1"),
        ),
    ),
    aliases=("nonspikinglif",),
)

relay = neurons.add(
    "relay",
    NeuronModel(
        name="relay",
        summary="Passes on what it receives: an amount above V_th as a spike, and any amount as the variable G.",
        source="SPAIC's null",
        equations="G := I",
        spike="G > V_th",
        parameters=dict(V_th=Parameter(0.5, "1", "smallest amount that is a spike")),
    ),
    aliases=("null",),
)

meanfield = neurons.add(
    "meanfield",
    NeuronModel(
        name="meanfield",
        summary="Rate neuron: U follows its input, and r = max(U, 0) is its rate, which links read as pre_var_name='r'.",
        source="Dayan & Abbott 2001, Theoretical Neuroscience, eq. 7.8",
        equations="""
            dU/dt = (-U + rho * I + I_ext) / tau
            r = max(U, 0)
        """,
        inputs=("I", "I_ext"),
        method="exact",
        parameters=dict(rho=Parameter(0.1, "1", "weight of the recurrent input"), tau=Parameter(1.0, "ms", "time constant", "(0, inf)")),
    ),
    aliases=("mean_field",),
)

cann_field = neurons.add(
    "cann_field",
    NeuronModel(
        name="cann_field",
        summary="Rate neuron of a continuous attractor: its rate r is its squared activity q, divided by that of the whole field. "
        "A neuron knows only itself: a link with pre_var_name='q' and a weight of 1 brings the sum to the port I_sum.",
        source="Fung, Wong & Wu 2010, Neural Comput. 22:752, eqs. 1-2; SPAIC's cann_field",
        equations="""
            dU/dt = (-U + rho * I + I_ext) / tau
            q = max(U, 0)**2
            r = q / (1 + k * I_sum)
        """,
        inputs=("I", "I_sum", "I_ext"),
        method="exact",
        parameters=dict(
            rho=Parameter(0.02, "1", "weight of the recurrent input"),
            k=Parameter(0.01, "1", "strength of the division", "[0, inf)"),
            tau=Parameter(1.0, "ms", "time constant", "(0, inf)"),
        ),
    ),
)

wilson_cowan = neurons.add(
    "wilson_cowan",
    NeuronModel(
        name="wilson_cowan",
        summary="Active share r of a population with a sigmoid response; two of them, linked with pre_var_name='r', make the pair.",
        source="Wilson & Cowan 1972, Biophys. J. 12:1, eqs. 11, 12 and 15, parameters of their excitatory population",
        equations="""
            response = sigmoid(a * (I - theta)) - sigmoid(-a * theta)
            dr/dt = (-r + (k - k_ref * r) * response) / tau
        """,
        method="exponential_midpoint",
        parameters=dict(
            a=Parameter(1.2, "1", "steepness of the response", "(0, inf)"),
            theta=Parameter(2.8, "1", "input of the steepest response"),
            k=Parameter("1 / (1 + exp(-a * theta))", "1", "largest response to a full input"),
            k_ref=Parameter(1.0, "1", "share of the active that is refractory", "[0, inf)"),
            tau=Parameter(10.0, "ms", "time constant", "(0, inf)"),
        ),
    ),
)
