"""Who fired, one bit for each neuron and instant: packed, turned, listed; and sums over the rows of those who fired.

Bits are words of 64, ``bits[r, w]`` for the inputs ``64 w`` to ``64 w + 63`` of row ``r``, the lowest bit first. Sums are taken in
ascending order of the inputs, eight at a time, whatever the range of a call: results do not depend on the number of threads.
"""

from __future__ import annotations

import numpy as np

KERNELS = ("to_bytes", "to_bits", "unpack", "pack", "flip", "count", "list_rows", "add_rows", "add_picked", "add_into_picked")
HELPERS = ("ones", "word_at", "packed_word", "append", "append_all", "add_listed")

U = np.uint64
Array = np.ndarray
STRETCH = 4096  # numbers that are looked at together
TILE = 512  # rows of a result that take their sums together from one part of the table


def ones(x: U) -> U:
    """Number of bits of `x` that are set; compilers know this form."""
    x = x - ((x >> U(1)) & U(0x5555555555555555))
    x = (x & U(0x3333333333333333)) + ((x >> U(2)) & U(0x3333333333333333))
    return (((x + (x >> U(4))) & U(0x0F0F0F0F0F0F0F0F)) * U(0x0101010101010101)) >> U(56)


def word_at(x: Array, i: U) -> U:
    """Eight bytes of `x` from `i` on; becomes one load, aligned or not."""
    low = U(x[i]) | U(x[i + U(1)]) << U(8) | U(x[i + U(2)]) << U(16) | U(x[i + U(3)]) << U(24)
    return low | U(x[i + U(4)]) << U(32) | U(x[i + U(5)]) << U(40) | U(x[i + U(6)]) << U(48) | U(x[i + U(7)]) << U(56)


def packed_word(x: Array, first: int, stop: int) -> tuple[U, U]:
    """The bytes ``x[first:stop]``, at most 64, as bits; and the union of all bytes, by eights."""
    bits, seen = U(0), U(0)
    whole = (stop - first) // 8
    for q in range(whole):
        word = word_at(x, U(first + 8 * q))
        seen |= word
        bits |= ((word * U(0x0102040810204080)) >> U(56)) << U(8 * q)
    for k in range(8 * whole, stop - first):
        seen |= U(x[U(first + k)])
        bits |= U(x[U(first + k)]) << U(k)
    return bits, seen


def append(chosen: Array, n: U, word: U, base: U) -> U:
    """Write ``base +`` the places of the ones of `word` to `chosen` from `n` on, eight at least; returns where they end."""
    end = n + ones(word)
    for k in range(8):  # eight without asking: a branch that is guessed wrong costs more
        chosen[n + U(k)] = base + ones((word & (~word + U(1))) - U(1))
        word &= word - U(1)
    n += U(8)
    while word:
        chosen[n] = base + ones((word & (~word + U(1))) - U(1))
        word &= word - U(1)
        n += U(1)
    return end


def append_all(chosen: Array, words: Array, first: int, stop: int) -> int:
    """List the ones of ``words[first:stop]`` in `chosen`, which has room for eight more; returns their number."""
    n = U(0)
    for w in range(first, stop):
        if words[w]:
            n = append(chosen, n, words[w], U(64 * w))
    return int(n)


def to_bytes(lo: int, hi: int, values: Array, found: Array, wrong: Array) -> None:
    """Numbers as bytes 0 or 1, in stretches; and the stretches where one is neither."""
    for stretch in range(lo, hi):
        others = np.uint8(0)
        here, there = values[stretch * STRETCH : (stretch + 1) * STRETCH], found[stretch * STRETCH : (stretch + 1) * STRETCH]
        for i in range(len(here)):
            there[i] = here[i] == 1
            others |= np.uint8((here[i] != 0) & (here[i] != 1))
        wrong[stretch] = others


def to_bits(lo: int, hi: int, values: Array, batch: int, of_step: int, of_sample: int, size: int, bits: Array, counts: Array) -> None:
    """Rows of numbers as bits, and the number of ones of each row: -1 where a number is neither 0 nor 1.

    Row ``r`` of `values`, ``size`` numbers, begins at the place ``r // batch * of_step + r % batch * of_sample``.
    """
    ones_of = np.zeros(-(-size // 64) * 64, np.uint8)
    for r in range(lo, hi):
        first = r // batch * of_step + r % batch * of_sample
        row = values[first : first + size]
        others = np.uint8(0)
        for i in range(size):
            ones_of[i] = row[i] == 1
            others |= np.uint8((row[i] != 0) & (row[i] != 1))
        total = U(0)
        for w in range(bits.shape[1]):
            word, _ = packed_word(ones_of, 64 * w, 64 * w + 64)
            bits[r, w] = word
            total += ones(word)
        counts[r] = -1 if others else int(total)


def unpack(lo: int, hi: int, bits: Array, found: Array) -> None:
    """Bits as bytes 0 or 1."""
    for r in range(lo, hi):
        row = found[r]
        for w in range(bits.shape[1]):
            word = bits[r, w]
            part = row[64 * w : 64 * w + 64]
            for k in range(len(part)):
                part[k] = np.uint8((word >> U(k)) & U(1))


def pack(lo: int, hi: int, values: Array, bits: Array, counts: Array) -> None:
    """Rows of bytes 0 or 1 as bits, and the number of ones of each row: -1 where there is another byte."""
    size = values.shape[1]
    whole = size // 64
    for r in range(lo, hi):
        row = values[r]
        total, seen = U(0), U(0)
        for w in range(whole):
            word, union = packed_word(row, 64 * w, 64 * w + 64)
            bits[r, w] = word
            total += ones(word)
            seen |= union
        if whole < bits.shape[1]:
            word, union = packed_word(row, 64 * whole, size)
            bits[r, whole] = word
            total += ones(word)
            seen |= union
        counts[r] = -1 if seen & U(0xFEFEFEFEFEFEFEFE) else int(total)


def flip(lo: int, hi: int, bits: Array, flipped: Array) -> None:
    """Rows for columns: squares of 64 by 64 bits, of all words of 64 rows at once (Hacker's Delight, 2nd edition, section 7-3)."""
    rows, words = bits.shape
    block = np.empty((64, words), np.uint64)
    for g in range(lo, hi):
        here = min(64, rows - 64 * g)
        for i in range(64):
            for w in range(words):
                block[i, w] = bits[64 * g + i, w] if i < here else U(0)
        mask = U(0x00000000FFFFFFFF)
        for step in range(5, -1, -1):
            half = 1 << step
            for pair in range(32):
                i = (pair >> step << step + 1) | (pair & (half - 1))
                upper, lower = block[i], block[i + half]
                for w in range(words):
                    swap = ((upper[w] >> U(half)) ^ lower[w]) & mask
                    upper[w] ^= swap << U(half)
                    lower[w] ^= swap
            mask ^= mask << U(half >> 1)
        for w in range(words):
            for i in range(min(64, flipped.shape[0] - 64 * w)):
                flipped[64 * w + i, g] = block[i, w]


def count(lo: int, hi: int, bits: Array, counts: Array) -> None:
    """Number of ones in each row."""
    for r in range(lo, hi):
        total = U(0)
        for w in range(bits.shape[1]):
            total += ones(bits[r, w])
        counts[r] = int(total)


def list_rows(lo: int, hi: int, bits: Array, pointers: Array, indices: Array) -> None:
    """``indices[pointers[r]:pointers[r + 1]]``: the places of the ones of row `r`."""
    for r in range(lo, hi):
        n = U(pointers[r])
        for w in range(bits.shape[1]):
            word = bits[r, w]
            while word:
                indices[n] = U(64 * w) + ones((word & (~word + U(1))) - U(1))
                word &= word - U(1)
                n += U(1)


def add_listed(total: Array, table: Array, chosen: Array, n: int) -> None:
    """Add the rows ``chosen[:n]`` of `table` to `total`; eight rows in one pass spare loads and stores of the sum."""
    k = 0
    while k + 8 <= n:
        a, b, c, d = table[chosen[k]], table[chosen[k + 1]], table[chosen[k + 2]], table[chosen[k + 3]]
        e, f, g, h = table[chosen[k + 4]], table[chosen[k + 5]], table[chosen[k + 6]], table[chosen[k + 7]]
        for p in range(len(total)):
            total[p] += ((a[p] + b[p]) + (c[p] + d[p])) + ((e[p] + f[p]) + (g[p] + h[p]))
        k += 8
    if k + 4 <= n:
        a, b, c, d = table[chosen[k]], table[chosen[k + 1]], table[chosen[k + 2]], table[chosen[k + 3]]
        for p in range(len(total)):
            total[p] += (a[p] + b[p]) + (c[p] + d[p])
        k += 4
    while k < n:
        a = table[chosen[k]]
        for p in range(len(total)):
            total[p] += a[p]
        k += 1


def add_rows(lo: int, hi: int, bits: Array, start: Array, table: Array, near: int, out: Array) -> None:
    """``out[r] = start +`` the sum of the rows of `table` whose bits are set in ``bits[r]``.

    `near` words of bits are taken together for a tile of results, so that the part of the table they point at stays in the cache.
    """
    words, width = bits.shape[1], out.shape[1]
    chosen = np.empty(64 * near + 8, np.uint32)
    for tile in range(lo, hi, TILE):
        for first in range(0, words, near):
            for r in range(tile, min(tile + TILE, hi)):
                total = out[r]
                if first == 0:
                    for p in range(width):
                        total[p] = start[p]
                n = append_all(chosen, bits[r], first, min(first + near, words))
                add_listed(total, table, chosen, n)


def add_picked(lo: int, hi: int, bits: Array, start: Array, weight: Array, out: Array) -> None:
    """As :func:`add_rows` for few ones: ``out[:, lo:hi]``, picked from the columns of `weight`, which is not turned."""
    chosen = np.empty(64 * bits.shape[1] + 8, np.uint32)
    for r in range(bits.shape[0]):
        n = append_all(chosen, bits[r], 0, bits.shape[1])
        for p in range(lo, hi):
            row, total = weight[p], start[p]
            for k in range(n):
                total += row[chosen[k]]
            out[r, p] = total


def add_into_picked(lo: int, hi: int, bits: Array, values: Array, out: Array) -> None:
    """The adjoint of :func:`add_picked`: ``out[lo:hi]`` gains ``values[r]`` in the columns whose bits are set in ``bits[r]``."""
    chosen = np.empty(64 * bits.shape[1] + 8, np.uint32)
    for r in range(bits.shape[0]):
        n = append_all(chosen, bits[r], 0, bits.shape[1])
        for p in range(lo, hi):
            row, value = out[p], values[r, p]
            for k in range(n):
                row[chosen[k]] += value
