"""Plasticity rules."""

from spaic.Library.rules import neurapse, pairs, pysnn, rates, rewarded, supervised, triplets
from spaic.Library.rules.supervised import with_teacher

__all__ = ["neurapse", "pairs", "pysnn", "rates", "rewarded", "supervised", "triplets", "with_teacher"]
