"""Spikes over time: bytes, bits and lists of who fired."""
