"""Surrogate derivatives, in x = V - V_th."""

from __future__ import annotations

from spaic.Dynamics.parameter import Parameter
from spaic.Dynamics.surrogate import Surrogate
from spaic.registry import surrogates


def _positive(default: float, meaning: str) -> Parameter:
    return Parameter(default, "1", meaning, "(0, inf)")


def _declare(name: str, derivative: str, source: str, summary: str, aliases: tuple[str, ...] = (), **parameters: Parameter) -> Surrogate:
    made = Surrogate(name, derivative, parameters, summary=summary, source=source)
    surrogates.add(name, made, aliases)
    return made


rectangular = _declare(
    "rectangular", "where(abs(x) < alpha, 1, 0)", "Gu et al. 2019, IJCAI (STCA)",
    "1 within a window around the threshold", ("rectanglegrad", "stca"),
    alpha=_positive(0.5, "half width of the window"),
)  # fmt: skip
stbp_rectangular = _declare(
    "stbp_rectangular", "where(abs(x) < a / 2, 1 / a, 0)", "Wu et al. 2018, Front. Neurosci. 12:331, eq. 25 (h1)",
    "window of unit area", a=_positive(1.0, "width of the window"),
)  # fmt: skip
stbp_polynomial = _declare(
    "stbp_polynomial", "max(sqrt(a) / 2 - a / 4 * abs(x), 0)", "Wu et al. 2018, Front. Neurosci. 12:331, eq. 26 (h2)",
    "triangle of unit area", a=_positive(1.0, "steepness: the width is 4 / sqrt(a)"),
)  # fmt: skip
stbp_sigmoid = _declare(
    "stbp_sigmoid", "sigmoid(x / a) * (1 - sigmoid(x / a)) / a", "Wu et al. 2018, Front. Neurosci. 12:331, eq. 27 (h3)",
    "derivative of a logistic function, of unit area", a=_positive(0.25, "width"),
)  # fmt: skip
gaussian = _declare(
    "gaussian", "exp(-x**2 / (2 * a)) / sqrt(2 * pi * a)", "Wu et al. 2018, Front. Neurosci. 12:331, eq. 28 (h4)",
    "normal density, of unit area", ("stbp", "stbp_gaussian"),
    a=_positive(0.5, "variance"),
)  # fmt: skip
sigmoid = _declare(
    "sigmoid", "alpha * sigmoid(alpha * x) * (1 - sigmoid(alpha * x))", "Zenke & Ganguli 2018, Neural Comput. 30:1514",
    "derivative of a logistic function", ("sigmoidgrad",),
    alpha=_positive(4.0, "slope"),
)  # fmt: skip
atan = _declare(
    "atan", "alpha / 2 / (1 + (pi / 2 * alpha * x)**2)", "Fang et al. 2021, ICCV (PLIF), eq. 7",
    "derivative of an arc tangent", ("atangrad",),
    alpha=_positive(2.0, "slope"),
)  # fmt: skip
fast_sigmoid = _declare(
    "fast_sigmoid", "1 / (1 + slope * abs(x))**2", "Zenke & Ganguli 2018, Neural Comput. 30:1514, eq. 7 (SuperSpike)",
    "derivative of a fast sigmoid, 1 at the threshold", ("superspike",),
    slope=_positive(10.0, "slope"),
)  # fmt: skip
triangular = _declare(
    "triangular", "height * max(1 - abs(x) / width, 0)", "Bellec et al. 2018, NeurIPS (LSNN), eq. 5",
    "triangle", height=_positive(0.3, "value at the threshold"), width=_positive(1.0, "half width"),
)  # fmt: skip
multi_gaussian = _declare(
    "multi_gaussian",
    "gamma * ((1 + h) * exp(-x**2 / (2 * sigma**2)) - h * exp(-(x - sigma)**2 / (2 * (s * sigma)**2)) / s"
    " - h * exp(-(x + sigma)**2 / (2 * (s * sigma)**2)) / s) / (sqrt(2 * pi) * sigma)",
    "Yin, Corradi & Bohte 2021, Nat. Mach. Intell. 3:905, eq. 6",
    "a normal density with negative flanks",
    gamma=_positive(0.5, "height"), h=Parameter(0.15, "1", "weight of the flanks", "[0, inf)"),
    s=_positive(6.0, "width of the flanks over that of the centre"), sigma=_positive(0.5, "width of the centre"),
)  # fmt: skip
exponential = _declare(
    "exponential", "height * exp(-slope * abs(x))", "Shrestha & Orchard 2018, NeurIPS (SLAYER), eq. 17",
    "two-sided exponential", height=_positive(1.0, "value at the threshold"), slope=_positive(5.0, "decay"),
)  # fmt: skip
gate = _declare(
    "gate", "where(abs(x) < 1 / alpha, 1, 0)", "as SPAIC's GateGrad", "1 within 1 / alpha of the threshold",
    ("gategrad",), alpha=_positive(2.0, "inverse half width"),
)  # fmt: skip
quadratic_gate = _declare(
    "quadratic_gate", "max(alpha - alpha**2 * abs(x), 0)", "Esser et al. 2016, PNAS 113:11441",
    "triangle of unit area", ("qgategrad",), alpha=_positive(2.0, "height"),
)  # fmt: skip
relu_like = _declare(
    "relu_like", "where(x > 0, alpha, 0)", "as SPAIC's ReLUGrad", "a constant above the threshold",
    ("relugrad",), alpha=_positive(1.0, "value above the threshold"),
)  # fmt: skip
straight_through = _declare(
    "straight_through", "1", "Bengio, Leonard & Courville 2013, arXiv:1308.3432", "1 everywhere", ("straight_through_estimator",),
)  # fmt: skip
