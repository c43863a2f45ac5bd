"""Relatives of clif: neurons that add up kernels of incoming spikes and of their own."""

from __future__ import annotations

from spaic.Dynamics.models import NeuronModel
from spaic.Dynamics.parameter import Parameter
from spaic.registry import neurons

_THRESHOLD = Parameter(1.0, "1", "firing threshold")

clif2k = neurons.add(
    "clif2k",
    NeuronModel(
        name="clif2k",
        summary="clif with two kernels: the reset decays as slowly as the spike response.",
        source="Gu et al. 2019, IJCAI, eqs. 1-3 with one decay for the response and the reset, as in SPAIC; "
        "their M, S and E are held as V = M - S - E and S",
        equations="""
            dV/dt = -V / tau_m + (1 / tau_s - 1 / tau_m) * S
            dS/dt = -S / tau_s
        """,
        receive="S += V_0 * w",
        spike="V > V_th",
        reset="V -= V_th",
        method="exact",
        parameters=dict(
            tau_m=Parameter(20.0, "ms", "decay of the spike response and of the reset", "(0, inf)"),
            tau_s=Parameter(12.0, "ms", "rise of the spike response", "(0, inf)"),
            V_th=_THRESHOLD,
            V_0=Parameter("(tau_m / tau_s)**(tau_m / (tau_m - tau_s)) / (tau_m / tau_s - 1)", "1", "scale: a unit weight peaks at 1"),
        ),
    ),
)

pclif = neurons.add(
    "pclif",
    NeuronModel(
        name="pclif",
        summary="clif2k whose decays are learned as factors per step; the reset acts one step after the spike, undiminished.",
        source="SPAIC's pclif; Gu et al. 2019, IJCAI, eqs. 1-3",
        equations="""
            M := tau_m * (M + I)
            S := tau_s * (S + I)
            E := tau_m * E
            V = M - S - E
        """,
        spike="V > V_th",
        reset="E += V_th / tau_m",
        parameters=dict(
            tau_m=Parameter(0.9, "1", "decay of the response and of the reset per step", "(0, 1)", trainable=True),
            tau_s=Parameter(0.6, "1", "decay of the rise per step", "(0, 1)", trainable=True),
            V_th=_THRESHOLD,
        ),
    ),
)

aclif = neurons.add(
    "aclif",
    NeuronModel(
        name="aclif",
        summary="clif with an adaptation A that each spike of its own raises by 1 and that lowers V by beta * A.",
        source="Gu et al. 2019, IJCAI, eqs. 1-3, with the adaptation of Bellec et al. 2018, NeurIPS (LSNN)",
        equations="""
            dU/dt = -U / tau_m + (1 / tau_m - 1 / tau_p) * D + (1 / tau_q - 1 / tau_p) * S
            dD/dt = -D / tau_p + (1 / tau_q - 1 / tau_p) * S
            dS/dt = -S / tau_q
            dA/dt = -A / tau_a
            V = U - beta_adaptive * A
        """,
        receive="S += V_0 * w",
        spike="V > V_th",
        reset="U -= V_th; A += 1",
        method="exact",
        parameters=dict(
            tau_p=Parameter(12.0, "ms", "decay of the spike response", "(0, inf)"),
            tau_q=Parameter(8.0, "ms", "rise of the spike response", "(0, inf)"),
            tau_m=Parameter(20.0, "ms", "decay of the reset kernel", "(0, inf)"),
            tau_a=Parameter(2000.0, "ms", "decay of the adaptation", "(0, inf)"),
            beta_adaptive=Parameter(0.1, "1", "effect of the adaptation", "[0, inf)"),
            V_th=_THRESHOLD,
            V_0=Parameter("(tau_p / tau_q)**(tau_p / (tau_p - tau_q)) / (tau_p / tau_q - 1)", "1", "scale: a unit weight peaks at 1"),
        ),
    ),
)
