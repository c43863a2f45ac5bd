"""Synapse models."""

from spaic.Library.synapses import exponential

__all__ = ["exponential"]
