"""Plasticity on any backend: rules executed between the steps of a program."""
