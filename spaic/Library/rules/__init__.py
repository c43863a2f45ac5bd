"""Plasticity rules."""

from spaic.Library.rules import pairs, rates, rewarded, triplets

__all__ = ["pairs", "rates", "rewarded", "triplets"]
