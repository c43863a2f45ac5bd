"""Gradients with respect to what is recorded."""

from __future__ import annotations

from typing import Any

import numpy as np

from spaic.errors import StateError


class Gradients:
    """One entry for each recorded step, which a backward pass fills in."""

    def __init__(self) -> None:
        self._pieces: list[tuple[list[Any], np.ndarray]] = []

    def clear(self) -> None:
        """Forget those of earlier runs."""
        self._pieces = []

    def add(self, entries: list[Any], chosen: np.ndarray) -> None:
        """Those of a piece of a run: one entry per step, and which steps are recorded."""
        self._pieces.append((entries, chosen))

    def stacked(self, path: str) -> Any:
        """``[samples, batch, *shape]``; 0 for steps that the loss does not depend on."""
        entries = [piece[i] for piece, chosen in self._pieces for i in chosen]
        known = next((e for e in entries if e is not None), None)
        if known is None:
            raise StateError(
                f"{path}: there are no gradients; give the monitor get_grad=True, run with a learner, and call loss.backward() first"
            )
        return known.new_tensor(np.stack([np.zeros(known.shape) if e is None else e.detach().cpu().numpy() for e in entries]))
