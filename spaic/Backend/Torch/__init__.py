"""Execution with torch."""
