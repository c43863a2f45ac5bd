"""Images of spikes as bytes: the maximum over squares of two by two, and the way back.

An image is ``[channels, height, width]``, flat, one in each row of an array. What an odd height or width leaves over belongs to no
square. The arithmetic on bytes has no branches, so that compilers take many squares at once.
"""

from __future__ import annotations

import numpy as np

KERNELS = ("pool", "unpool")
HELPERS = ("spread_out",)

Array = np.ndarray
TILE = 512  # squares that are worked on together: many lines of small images
U = np.uint64  # places are never negative, which spares asking
B = np.uint8


def pool(lo: int, hi: int, images: Array, channels: int, height: int, width: int, pooled: Array, winners: Array) -> None:
    """The maximum over squares of 0 and 1, and which of its four places, row by row, has it first."""
    up, across = height // 2, width // 2
    for row in range(lo, hi):
        image, small, winner = images[row], pooled[row], winners[row]
        for line in range(channels * up):
            top = U((line // up * height + line % up * 2) * width)
            below, start = top + U(width), U(line * across)
            for x in range(U(across)):
                a, b = image[top + U(2) * x], image[top + U(2) * x + U(1)]
                c, d = image[below + U(2) * x], image[below + U(2) * x + U(1)]
                upper = a | b
                small[start + x] = upper | c | d
                winner[start + x] = ((a ^ B(1)) & b) | (((upper ^ B(1)) & (c | d)) << B(1)) | ((upper ^ B(1)) & (c ^ B(1)) & d)


def unpool(lo: int, hi: int, gradient: Array, channels: int, height: int, width: int, winners: Array, out: Array) -> None:
    """The gradient of :func:`pool`: to the place that had the maximum."""
    up, across = height // 2, width // 2
    lines = max(1, TILE // max(1, across))
    upper, lower = np.empty(2 * lines * across, gradient.dtype), np.empty(2 * lines * across, gradient.dtype)
    for row in range(lo, hi):
        total = out[row]
        if height % 2 or width % 2:
            for k in range(U(channels * height * width)):
                total[k] = 0
        for first in range(0, channels * up, lines):
            count = min(lines, channels * up - first)
            spread_out(gradient[row], winners[row], U(first * across), U(count * across), upper, lower)
            for line in range(first, first + count):
                top, start = U((line // up * height + line % up * 2) * width), U((line - first) * across * 2)
                for x in range(U(2 * across)):
                    total[top + x] = upper[start + x]
                for x in range(U(2 * across)):
                    total[top + U(width) + x] = lower[start + x]


def spread_out(gradient: Array, winners: Array, start: U, count: U, upper: Array, lower: Array) -> None:
    """The upper and the lower lines of squares from `start` on, without what lies between lines."""
    zero = gradient.dtype.type(0)
    for x in range(count):
        g, w = gradient[start + x], winners[start + x]
        upper[U(2) * x] = g if w == 0 else zero
        upper[U(2) * x + U(1)] = g if w == 1 else zero
        lower[U(2) * x] = g if w == 2 else zero
        lower[U(2) * x + U(1)] = g if w == 3 else zero
