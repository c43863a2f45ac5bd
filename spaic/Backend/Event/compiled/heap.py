"""Compiled code: a queue of events, and arrays that grow."""

from typing import Any

import numpy as np

# --- kernels (the text from here on follows that of motion.py)

MORE_PARTS = ("is_before", "push", "pop", "longer", "longer_rows", "longer_whole")


def is_before(when: Any, what: Any, a: Any, b: Any) -> Any:
    """Order of two entries of the queue: by time, then kind, then neuron or number."""
    if when[a] != when[b]:
        return when[a] < when[b]
    if what[a, 0] != what[b, 0]:
        return what[a, 0] < what[b, 0]
    return what[a, 1] < what[b, 1]


def push(when: Any, what: Any, count: Any, t: Any, kind: Any, number: Any, version: Any) -> Any:
    """Put an entry into a binary heap with room for it."""
    when[count], what[count, 0], what[count, 1], what[count, 2] = t, kind, number, version
    at = count
    while at > 0:
        up = (at - 1) // 2
        if not is_before(when, what, at, up):
            break
        when[at], when[up] = when[up], when[at]
        for k in range(3):
            what[at, k], what[up, k] = what[up, k], what[at, k]
        at = up


def pop(when: Any, what: Any, count: Any) -> Any:
    """Move the first entry of a heap of `count` to its end and put the others in order."""
    last = count - 1
    when[0], when[last] = when[last], when[0]
    for k in range(3):
        what[0, k], what[last, k] = what[last, k], what[0, k]
    at = 0
    while True:
        least = at
        for child in range(2 * at + 1, min(2 * at + 3, last)):
            if is_before(when, what, child, least):
                least = child
        if least == at:
            break
        when[at], when[least] = when[least], when[at]
        for k in range(3):
            what[at, k], what[least, k] = what[least, k], what[at, k]
        at = least


def longer(a: Any) -> Any:
    """A vector with twice the room."""
    b = np.empty(2 * len(a))
    for i in range(len(a)):  # a slice would take seconds to compile
        b[i] = a[i]
    return b


def longer_rows(a: Any) -> Any:
    """Rows of numbers with twice the room."""
    b = np.empty((2 * len(a), a.shape[1]))
    for i in range(len(a)):
        for k in range(a.shape[1]):
            b[i, k] = a[i, k]
    return b


def longer_whole(a: Any) -> Any:
    """Rows of whole numbers with twice the room."""
    b = np.empty((2 * len(a), a.shape[1]), np.int64)
    for i in range(len(a)):
        for k in range(a.shape[1]):
            b[i, k] = a[i, k]
    return b
