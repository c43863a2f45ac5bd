"""Modes of a linear system: coordinates in which it decays one by one, or in small blocks where rates repeat or rotate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Rates closer than this, relative to the larger, share a block: apart from it their eigenvectors are far from parallel.
_CLOSE = 0.05
_ZERO = 1e-14


@dataclass(frozen=True, eq=False)
class Modes:
    """``x = basis y`` with ``dy/dt = T y``, T block diagonal.

    Attributes
    ----------
    basis, inverse : ndarray
        Shape (n, n).
    T : ndarray
        Shape (n, n), in 1/ms.
    size : ndarray of int64
        Shape (n,): size of the block that begins at a row, 0 inside of blocks.
    growth : ndarray
        Shape (n,): how fast the norm of the block that begins at a row can grow at most, in 1/ms, at least 0.
    """

    basis: np.ndarray
    inverse: np.ndarray
    T: np.ndarray
    size: np.ndarray
    growth: np.ndarray


def modes(A: np.ndarray) -> Modes:
    """Modes of ``dx/dt = A x`` (`A` in 1/ms, shape (n, n)); repeated and complex rates included.

    Each cluster of close rates gets an orthonormal basis of its invariant subspace (ordered real Schur form), so that nothing is divided
    by the difference of two rates that are nearly equal.

    Examples
    --------
    >>> modes(np.array([[-1.0, 1.0], [0.0, -0.5]])).size
    array([1, 1])
    >>> modes(np.array([[-1.0, 1.0], [0.0, -1.0]])).size  # an alpha function
    array([2, 0])
    """
    n = len(A)
    columns, blocks = [], []
    for cluster in _clusters(np.linalg.eigvals(A)):
        for Q, T in _parts(*_subspace(A, cluster)):
            columns.append(Q)
            blocks.append(T)
    T, size, growth = np.zeros((n, n)), np.zeros(n, np.int64), np.zeros(n)
    basis = np.concatenate(columns, axis=1) if columns else np.zeros((0, 0))
    at = 0
    for block in blocks:
        m = len(block)
        T[at : at + m, at : at + m] = block
        size[at] = m
        growth[at] = max(0.0, float(np.linalg.eigvalsh((block + block.T) / 2).max())) if m > 1 else max(0.0, float(block[0, 0]))
        at += m
    return Modes(basis, np.linalg.inv(basis), T, size, growth)


def _clusters(rates: np.ndarray) -> list[np.ndarray]:
    """Groups of close eigenvalues, each closed under conjugation."""
    scale = float(np.abs(rates).max(initial=0.0))
    waiting, found = [complex(r) if abs(r) > _ZERO * scale else 0j for r in rates], []
    while waiting:
        group, grew = [waiting.pop(0)], True
        while grew:
            near = [r for r in waiting if any(min(abs(r - g), abs(r - g.conjugate())) <= _CLOSE * max(abs(r), abs(g)) for g in group)]
            grew = bool(near)
            for r in near:
                waiting.remove(r)
                group.append(r)
        found.append(np.array(group))
    return found


def _subspace(A: np.ndarray, cluster: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal basis of the invariant subspace of these eigenvalues, and `A` in it."""
    from scipy.linalg import schur

    if len(cluster) == len(A):
        T, Q = schur(A, output="real")
        return Q, T
    others = np.abs(np.linalg.eigvals(A)[:, None] - cluster[None, :]).min(axis=1)
    limit = np.sort(others)[len(cluster) - 1 : len(cluster) + 1].mean()
    T, Q, count = schur(A, output="real", sort=lambda re, im=0.0: float(np.abs(complex(re, im) - cluster).min()) <= limit)
    return Q[:, :count], T[:count, :count]


def _parts(Q: np.ndarray, T: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """A block as it is, scaled so that its norm decays where it can; split up where it is diagonal."""
    m = len(T)
    off = T - np.diag(np.diag(T))
    if m == 1 or np.abs(off).max() <= _ZERO * max(np.abs(T).max(), 1e-300):
        return [(Q[:, k : k + 1], T[k : k + 1, k : k + 1]) for k in range(m)]
    if m == 2 and T[1, 0] != 0:  # a rotation: make it one of a circle
        scale = np.array([1.0, np.sqrt(abs(T[1, 0] / T[0, 1]))])
    else:
        smallest = np.abs(np.diag(T)).min() or 1.0
        scale = min(1.0, 0.5 * smallest / np.abs(np.triu(off, 1)).max()) ** np.arange(m)
    return [(Q * scale, T * scale[None, :] / scale[:, None])]
