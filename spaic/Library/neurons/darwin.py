"""Neurons of the Darwin chip: 16-bit integers, counted in steps."""

from __future__ import annotations

from spaic.Dynamics.models import NeuronModel
from spaic.Dynamics.parameter import Parameter
from spaic.registry import neurons

_SOURCE = "Ma et al. 2017, J. Syst. Archit. 77:43 (Darwin), in the integers of SPAIC's {}; rounding lets no gradient pass"
_KEEP = "floor(256 * exp(-dt / {0}) + 0.5) / 256"
_MEMBRANE = f"""
    keep_m = {_KEEP.format("tau_m")}
    keep_s = {_KEEP.format("tau_s")}
    arrived = clip(floor(keep_s * I_syn + I + 0.5), -32768, 32768)
    I_syn := arrived
    V := clip(floor(keep_m * V + arrived + bias + 0.5), -32768, 32768)
"""
_BIAS = Parameter(0.0, "1", "added to V in every step, a whole number")
_PARAMETERS = dict(
    tau_m=Parameter(12.0, "ms", "membrane time constant, of which the chip keeps the decay per step as a multiple of 1/256", "(0, inf)"),
    tau_s=Parameter(8.0, "ms", "synaptic time constant, likewise", "(0, inf)"),
    bias=_BIAS,
    V_th=Parameter(16384.0, "1", "firing threshold"),
)

darwin_clif = neurons.add(
    "darwin_clif",
    NeuronModel(
        name="darwin_clif",
        summary="Current-based leaky integrate-and-fire of the Darwin chip, in 16-bit integers; reset to 0.",
        source=_SOURCE.format("darwin_clif"),
        equations=_MEMBRANE,
        spike="V > V_th",
        reset="V = 0",
        parameters=_PARAMETERS,
    ),
)

darwin_alif = neurons.add(
    "darwin_alif",
    NeuronModel(
        name="darwin_alif",
        summary="darwin_clif with a threshold that every spike raises by a fifth of V_th and that returns by 1 in 1000 per step.",
        source=_SOURCE.format("darwin_alif"),
        equations=_MEMBRANE + "theta := 0.999 * theta + floor(0.001 * V_th + 0.5)\n",
        spike="V > theta",
        reset="V = 0; theta += floor(0.2 * V_th + 0.5)",
        initial=dict(theta="V_th"),
        parameters=_PARAMETERS,
    ),
)

darwin_random = neurons.add(
    "darwin_random",
    NeuronModel(
        name="darwin_random",
        summary="Random source of the Darwin chip: a leaky sum of whole numbers that are uniform over a width of std.",
        source=_SOURCE.format("darwin_random"),
        equations=f"""
            V := {_KEEP.format("tau_m")} * V + floor(std * (exp(-(xi_a**2 + xi_b**2) / 2) - 0.5) + 0.5) + bias + I
        """,  # exp(-(a^2 + b^2) / 2) of two normal numbers is uniform
        spike="V > V_th",
        reset="V = 0",
        parameters=dict(
            tau_m=Parameter(10.0, "ms", "membrane time constant", "(0, inf)"),
            std=Parameter(0.0, "1", "width of the random numbers", "[0, inf)"),
            bias=_BIAS,
            V_th=Parameter(15000.0, "1", "firing threshold"),
        ),
    ),
)
