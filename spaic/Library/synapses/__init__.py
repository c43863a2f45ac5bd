"""Synapse models."""

from spaic.Library.synapses import conductance, exponential, short_term, stages

__all__ = ["conductance", "exponential", "short_term", "stages"]
