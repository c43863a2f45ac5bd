"""Which neurons, or which synapses, a monitor records."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from spaic.errors import DeclarationError


def chosen(index: Any) -> list[int] | None:
    """The numbers of the neurons meant, or None for all of them."""
    if isinstance(index, str):
        if index != "full":
            raise DeclarationError(f"monitor: index {index!r} is not known; use 'full' or a list of neuron numbers")
        return None
    numbers = list(index) if isinstance(index, (Sequence, np.ndarray)) else [index]
    if len(numbers) == 1 and isinstance(numbers[0], (Sequence, np.ndarray)):
        numbers = list(numbers[0])
    if not numbers or any(not hasattr(i, "__index__") or isinstance(i, bool) for i in numbers):
        raise DeclarationError(f"monitor: index {index!r} is not a list of neuron numbers; give whole numbers, or 'full'")
    return [i.__index__() for i in numbers]


def check_choice(index: list[int], target: Any, variable: str, path: str, parameter: tuple[int, ...] | None) -> None:
    """Refuse numbers that are outside of what is watched: neurons, or the values of a parameter of that shape."""
    if parameter is not None:
        _check(index, prod(parameter), f"{target.path}.{variable}", "values", path)
        return
    neurons = getattr(target, "post", target) if variable == "current" else target
    if not hasattr(neurons, "shape"):
        reads = f"{target.path}.{variable}"
        raise DeclarationError(f"{path}.index: {reads!r} has no neurons to choose from; leave the index out")
    _check(index, prod(neurons.shape), target.path, "neurons", path)


def _check(index: list[int], size: int, where: str, what: str, path: str) -> None:
    wrong = [i for i in index if not -size <= i < size]
    if wrong:
        raise DeclarationError(f"{path}.index: {wrong} is outside of {where!r} with {size} {what}; give indices from 0 to {size - 1}")
