"""The plain loop through torch.compile: the loop over time of the neurons is unrolled and compiled, CHUNK steps at a time."""

from __future__ import annotations

import numpy as np
import torch

from peers import plain_torch
from peers.works import DECAY, Work

TEXT = "the plain loop with its loop over time compiled by torch.compile (inductor), 25 steps per graph"
PACKAGES = ("torch",)

#: Steps per graph. One graph for all of T is no faster, and takes minutes to compile where T is 200 or 500.
CHUNK = 25


@torch.compile
def _some_steps(current: torch.Tensor, v: torch.Tensor, spiked: torch.Tensor, recurrent: torch.Tensor | None) -> tuple[torch.Tensor, ...]:
    """Spikes of some steps, the membranes and the spikes of the last."""
    spikes = []
    for now in current.unbind(0):
        if recurrent is not None:
            now = torch.addmm(now, spiked, recurrent.T)
        v = now + DECAY * v
        spiked = plain_torch.Spike.apply(v)
        spikes.append(spiked)
        v = v * (1.0 - spiked.detach())
    return torch.stack(spikes), v, spiked


def lif(current: torch.Tensor, recurrent: torch.Tensor | None = None) -> torch.Tensor:
    """As `plain_torch.lif`, compiled."""
    v = spiked = torch.zeros_like(current[0])
    found = []
    for part in current.split(CHUNK):
        spikes, v, spiked = _some_steps(part, v, spiked, recurrent)
        found.append(spikes)
    return torch.cat(found)


def prepare(work: Work, arrays: dict[str, np.ndarray], is_training: bool) -> plain_torch.Plain:
    """The network, ready to run."""
    return plain_torch.Plain(work, arrays, is_training, neurons=lif)
