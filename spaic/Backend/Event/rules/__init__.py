"""Plasticity in continuous time."""
