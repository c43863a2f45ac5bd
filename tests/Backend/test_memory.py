"""Encoding is lazy in time: a long run without gradient makes no floating-point array over all of it."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import spaic

STEPS, BATCH, PIXELS = 2000, 20, 784


class Sizes(TorchDispatchMode):
    """Notes the largest floating-point tensor, and the largest number of bytes, that any operation returns."""

    def __init__(self):
        super().__init__()
        self.floats = self.bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(tensor, torch.Tensor):
                self.bytes = max(self.bytes, tensor.untyped_storage().nbytes())
                if tensor.is_floating_point():
                    self.floats = max(self.floats, tensor.untyped_storage().nbytes() // tensor.element_size())
        return result


@pytest.mark.parametrize("code", ["poisson", "latency"])
@pytest.mark.parametrize("delay", [None, 2.0])
def test_a_long_run_without_gradient(code, delay):
    with spaic.Network() as net:
        input = spaic.Encoder(num=PIXELS, coding_method=code)
        cells = spaic.NeuronGroup(10, model="lif")
        wire = spaic.Connection(input, cells, delay=delay)
        output = spaic.Decoder(dec_target=cells)
        learner = spaic.STCA(0.5)
    assert wire.parent is output.parent is learner.parent is net
    net.input(np.random.default_rng(0).random((BATCH, PIXELS), dtype=np.float32))
    net.build()
    with torch.no_grad(), Sizes() as sizes:
        net.run(STEPS * 0.1)
    assert net.output.predict.any()
    assert sizes.floats < STEPS * BATCH * PIXELS / 4
    assert sizes.bytes < STEPS * BATCH * PIXELS * 4 / 4


def test_a_run_with_gradient_keeps_spikes_as_bytes():
    with spaic.Network() as net:
        input = spaic.Encoder(num=PIXELS, coding_method="poisson")
        cells = spaic.NeuronGroup(10, model="lif")
        wire = spaic.Connection(input, cells)
        output = spaic.Decoder(dec_target=cells)
        learner = spaic.STCA(0.5)
    assert wire.parent is output.parent is learner.parent is net
    net.input(np.random.default_rng(0).random((BATCH, PIXELS), dtype=np.float32))
    net.build()
    with Sizes() as sizes:
        net.run(50.0)
        net.output.predict.sum().backward()
    assert sizes.floats < 500 * BATCH * PIXELS
