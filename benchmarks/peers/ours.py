"""spaic, through its public names: the library's lif, a learner for its surrogate, torch's Adam."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

import spaic
from peers.torch_runner import TorchRunner
from peers.works import DECAY, KERNEL, POOL, THRESHOLD, Layer, Work

TEXT = "spaic as in this checkout: lif, SurrogateBP, null code, spike_counts"
PACKAGES = ("torch", "numba")

_DT = 1.0
_POOLED = {"pool_kernel_size": POOL}


def network(work: Work, arrays: dict[str, np.ndarray]) -> spaic.Network:
    """The work as a network of groups and connections."""
    with spaic.Network() as net:
        before: Any = spaic.Encoder(shape=work.shape, coding_method="null", name="pixels")
        side = work.shape[-1]
        for i, layer in enumerate(work.layers):
            side = side // POOL if layer.is_pooled else side
            shape = (layer.outputs, side, side) if layer.kind == "conv" else (layer.outputs,)
            group = spaic.NeuronGroup(shape=shape, model="lif", tau_m=-_DT / math.log(DECAY), V_th=THRESHOLD, name=f"layer{i}")
            spaic.Connection(before, group, name=f"w{i}", weight=arrays[f"w{i}"], **_link(layer))
            if layer.kind == "recurrent":
                spaic.Connection(group, group, name=f"r{i}", weight=arrays[f"r{i}"])
            before = group
        spaic.Decoder(dec_target=before, coding_method="spike_counts", name="output")
        spaic.SurrogateBP(surrogate="fast_sigmoid", slope=1.0, reset_gradient=False, name="learner")
    net.set_backend("torch", dt=_DT)
    return net


def _link(layer: Layer) -> dict[str, Any]:
    if layer.kind != "conv":
        return dict(syn_type=["maxpool", "basic"], syn_kwargs=_POOLED) if layer.is_pooled else {}
    around = dict(syn_type=["maxpool", "conv"], syn_kwargs=_POOLED) if layer.is_pooled else {}
    return dict(link_type="conv", kernel_size=KERNEL, padding=KERNEL // 2, **around)


def prepare(work: Work, arrays: dict[str, np.ndarray], is_training: bool) -> TorchRunner:
    """The network, ready to run."""
    net = network(work, arrays)
    net.build()
    net.train(is_training)

    def forward(x: torch.Tensor) -> torch.Tensor:
        net.pixels(x)
        net.run(work.steps * _DT)
        return net.output.predict

    parameters = [getattr(net, name).weight for name in work.weights]
    return TorchRunner(forward, parameters, arrays, is_training, arrange=lambda x: x.transpose(0, 1))
