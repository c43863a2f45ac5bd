"""Images of spikes as bytes: the maximum over windows, with the way back, and the windows of a convolution side by side.

An image is ``[channels, height, width]``, flat, one in each row of an array. Every loop writes what belongs to the rows of its range
and nothing else.
"""

from __future__ import annotations

import numpy as np

KERNELS = ("pool", "unpool", "windows")
HELPERS = ("first_inside", "end_inside")

Array = np.ndarray
U, B = np.uint64, np.uint8  # places are never negative, which spares asking


def first_inside(offset: int, stride: int) -> int:
    """The first place of the result whose window, at this offset, lies within the image."""
    return max(0, (-offset + stride - 1) // stride)


def end_inside(offset: int, stride: int, size: int, places: int) -> int:
    """One behind the last."""
    return max(0, min(places, (size - 1 - offset) // stride + 1))


def pool(lo: int, hi: int, images: Array, sizes: Array, pooled: Array, winners: Array) -> None:
    """The maximum over windows of 0 and 1, and which place of the window has it first.

    `sizes` are channels, height, width, those of the result, and kernel, stride and padding in both directions. `winners` counts places
    of a window from its upper left corner, also those that lie in the padding.
    """
    channels, height, width, up, across = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]
    tall, wide, down, right, above, left = sizes[5], sizes[6], sizes[7], sizes[8], sizes[9], sizes[10]
    for row in range(lo, hi):
        image, small, winner = images[row], pooled[row], winners[row]
        for line in range(channels * up):
            c, y = line // up, line % up
            start = U(line * across)
            for x in range(across):
                small[start + U(x)] = 0
                winner[start + U(x)] = B(max(0, above - y * down) * wide + max(0, left - x * right))
            for place in range(tall * wide - 1, -1, -1):
                v, j, mark = y * down + place // wide - above, place % wide - left, B(place)
                if v < 0 or v >= height:
                    continue
                base = U((c * height + v) * width + j)
                for x in range(first_inside(j, right), end_inside(j, right, width, across)):
                    fired = image[base + U(x * right)]
                    winner[start + U(x)] = mark if fired else winner[start + U(x)]
                    small[start + U(x)] |= fired


def unpool(lo: int, hi: int, gradient: Array, sizes: Array, winners: Array, out: Array) -> None:
    """The gradient of :func:`pool`: to the place that had the maximum."""
    channels, height, width, up, across = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]
    tall, wide, down, right, above, left = sizes[5], sizes[6], sizes[7], sizes[8], sizes[9], sizes[10]
    for row in range(lo, hi):
        given, winner, total = gradient[row], winners[row], out[row]
        zero = given[0] * 0
        for k in range(channels * height * width):
            total[U(k)] = zero
        for line in range(channels * up):
            c, y = line // up, line % up
            start = U(line * across)
            for place in range(tall * wide):
                v, j, mark = y * down + place // wide - above, place % wide - left, B(place)
                if v < 0 or v >= height:
                    continue
                base = U((c * height + v) * width + j)
                for x in range(first_inside(j, right), end_inside(j, right, width, across)):
                    total[base + U(x * right)] += given[start + U(x)] if winner[start + U(x)] == mark else zero


def windows(lo: int, hi: int, images: Array, sizes: Array, spread: Array) -> None:
    """The window of each place of the result as a row: ``[rows * up * across, channels * tall * wide]``, 0 in the padding.

    `sizes` as for :func:`pool`, and the dilation in both directions.
    """
    channels, height, width, up, across = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]
    tall, wide, down, right, above, left = sizes[5], sizes[6], sizes[7], sizes[8], sizes[9], sizes[10]
    apart, beside = sizes[11], sizes[12]
    for row in range(lo, hi):
        image = images[row]
        for y in range(up):
            for x in range(across):
                window = spread[(row * up + y) * across + x]
                k = 0
                for c in range(channels):
                    for i in range(tall):
                        v = y * down + i * apart - above
                        inside = 0 <= v < height
                        base = (c * height + v) * width
                        for j in range(wide):
                            h = x * right + j * beside - left
                            window[k] = image[base + h] if inside and 0 <= h < width else 0
                            k += 1
