"""Rules of rates, with rates as traces of the spikes: Hebb, Oja, BCM, and homeostatic scaling."""

from __future__ import annotations

from typing import Any

from spaic.Dynamics.parameter import Parameter
from spaic.Dynamics.rules import Rule
from spaic.registry import rules

_TAU = Parameter(100.0, "ms", "time over which rates are taken", "(0, inf)")
_ETA = Parameter(1e-3, "1", "learning rate")
_RATES: dict[str, Any] = dict(pre="dx/dt = -x / tau", post="dy/dt = -y / tau", on_pre="x += 1 / tau", on_post="y += 1 / tau")

hebb = rules.add(
    "hebb",
    Rule(
        name="hebb",
        summary="The weight grows with the product of both rates.",
        source="Hebb 1949, The Organization of Behavior; Gerstner & Kistler 2002, Spiking Neuron Models, eq. 10.2",
        each_step="w += dt * eta * x * y",
        parameters=dict(tau=_TAU, eta=_ETA),
        **_RATES,
    ),
    aliases=("hebbian",),
)

oja = rules.add(
    "oja",
    Rule(
        name="oja",
        summary="Hebb with a decay by the square of the postsynaptic rate: the weights become the first principal component.",
        source="Oja 1982, J. Math. Biol. 15:267, eq. 3",
        each_step="w += dt * eta * y * (x - y * w)",
        parameters=dict(tau=_TAU, eta=_ETA),
        **_RATES,
    ),
)

bcm = rules.add(
    "bcm",
    Rule(
        name="bcm",
        summary="Potentiation above, depression below a threshold that slides with the square of the postsynaptic rate.",
        source="Bienenstock, Cooper & Munro 1982, J. Neurosci. 2:32; Intrator & Cooper 1992, Neural Networks 5:3",
        pre="dx/dt = -x / tau",
        post="dy/dt = -y / tau\ndtheta/dt = (y**2 / y_0 - theta) / tau_theta",
        on_pre="x += 1 / tau",
        on_post="y += 1 / tau",
        each_step="w += dt * eta * x * y * (y - theta)",
        method="rk2",
        parameters=dict(
            tau=_TAU,
            eta=_ETA,
            tau_theta=Parameter(1000.0, "ms", "time constant of the sliding threshold", "(0, inf)"),
            y_0=Parameter(0.01, "1/ms", "rate at which the threshold equals the rate", "(0, inf)"),
        ),
    ),
)

scaling = rules.add(
    "homeostatic_scaling",
    Rule(
        name="homeostatic_scaling",
        summary="All weights of a neuron grow together while it fires below its target rate, and shrink above it.",
        source="Turrigiano et al. 1998, Nature 391:892; van Rossum, Bi & Turrigiano 2000, J. Neurosci. 20:8812, eq. 3",
        post="dy/dt = -y / tau",
        on_post="y += 1 / tau",
        each_step="w += dt * eta * w * (rho_0 - y)",
        parameters=dict(tau=Parameter(1000.0, "ms", "time over which the rate is taken", "(0, inf)"), eta=_ETA,
                        rho_0=Parameter(0.005, "1/ms", "target rate", "[0, inf)")),
    ),
)  # fmt: skip
