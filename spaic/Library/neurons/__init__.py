"""Neuron models."""

from spaic.Library.neurons import (
    adaptive,
    biophysical,
    darwin,
    graded,
    homeostatic,
    integrate_and_fire,
    kernels,
    linear,
    nonlinear,
    parallel,
    refused,
    synaptic,
    traced,
)

__all__ = [
    "adaptive",
    "biophysical",
    "darwin",
    "graded",
    "homeostatic",
    "integrate_and_fire",
    "kernels",
    "linear",
    "nonlinear",
    "parallel",
    "refused",
    "synaptic",
    "traced",
]
