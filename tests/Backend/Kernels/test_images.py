"""The way back of pooling puts each gradient where torch puts it, whatever the shape of an image."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from spaic.Backend.Torch.firing.images import pooled
from spaic.Backend.Torch.firing.spikes import compact


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(2, 28, 28), (40, 14, 14), (3, 7, 9), (2, 3, 2), (1, 5, 1201), (2, 1, 6), (600, 2, 2)])
def test_the_gradient_of_pooling(shape, dtype):
    draw = torch.Generator().manual_seed(3)
    x = (torch.rand(3, 2, *shape, generator=draw) < 0.3).to(dtype).requires_grad_()
    small = pooled(compact(x))
    outside = torch.randn(3, 2, shape[0], shape[1] // 2, shape[2] // 2, generator=draw, dtype=dtype)
    (found,) = torch.autograd.grad(small.carrier, x, outside)
    if outside.numel() == 0:
        assert not found.any()
        return
    expected = F.max_pool2d(x.flatten(0, 1), 2)
    assert torch.equal(small.bytes.flatten(0, 1), expected.to(torch.uint8))
    assert torch.equal(found, torch.autograd.grad(expected, x, outside.flatten(0, 1))[0])
