"""Kernels and functions that are written by hand."""
