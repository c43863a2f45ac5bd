"""Neuron models."""

from spaic.Library.neurons import biophysical, integrate_and_fire

__all__ = ["biophysical", "integrate_and_fire"]
