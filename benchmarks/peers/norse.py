"""Norse: LIFBoxCell, its LIF without a synaptic current, in a loop over `unbind`, with the products over all time before it."""

from __future__ import annotations

import numpy as np
import torch
from norse.torch import LIFBoxCell, LIFBoxFeedForwardState, LIFBoxParameters

from peers import plain_torch, torch_runner
from peers.works import DECAY, THRESHOLD, Work

TEXT = "LIFBoxCell in a loop over steps, weights 10 times as large (it scales its input), surrogate 'super', own reset without gradient"
PACKAGES = ("norse", "torch")

_DT = 1e-3
#: Norse adds (1 - DECAY) I; the weights make up for it.
SCALE = 1 / (1 - DECAY)


def _reset(spikes: torch.Tensor, v: torch.Tensor, to: torch.Tensor, threshold: torch.Tensor) -> torch.Tensor:
    """Norse's reset to a value, here 0, without gradient through the spike."""
    return (1 - spikes.detach()) * v


_LIF = LIFBoxCell(
    LIFBoxParameters(
        tau_mem_inv=torch.as_tensor((1 - DECAY) / _DT), v_th=torch.as_tensor(THRESHOLD), method="super", reset_method=_reset
    ),
    dt=_DT,
)  # fmt: skip


def lif(current: torch.Tensor, recurrent: torch.Tensor | None = None) -> torch.Tensor:
    """Spikes ``[T, B, ...]`` of Norse's neurons with this current, and with these weights from their own spikes of the step before."""
    state, spikes = LIFBoxFeedForwardState(v=torch.zeros_like(current[0])), []
    for now in current.unbind(0):
        if recurrent is not None and spikes:
            now = torch.addmm(now, spikes[-1], recurrent.T)
        fired, state = _LIF(now, state)
        spikes.append(fired)
    return torch.stack(spikes)


def prepare(work: Work, arrays: dict[str, np.ndarray], is_training: bool) -> torch_runner.TorchRunner:
    """The network, ready to run."""
    return plain_torch.Plain(work, arrays, is_training, neurons=lif, scale=SCALE)
