"""Runs without gradients that pass on only the spikes that occur, and rules that learn in them."""
