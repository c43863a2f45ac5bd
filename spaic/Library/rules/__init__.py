"""Plasticity rules."""

from spaic.Library.rules import pairs, pysnn, rates, rewarded, triplets

__all__ = ["pairs", "pysnn", "rates", "rewarded", "triplets"]
