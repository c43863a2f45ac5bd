"""Residual networks of spiking neurons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from spaic.errors import DeclarationError
from spaic.Learning.optimizer import optimizer_named
from spaic.Learning.surrogate_gradient import SurrogateBP
from spaic.Library.initializers import normal
from spaic.Library.ranges import demand_count, demand_sizes
from spaic.Network.assembly import Assembly
from spaic.Network.connection import Connection
from spaic.Network.network import Network
from spaic.Network.neurongroup import NeuronGroup
from spaic.Network.readers import Decoder
from spaic.Network.sources import Encoder
from spaic.registry import networks

#: What a group sends: its spikes, or, if it only adds up, their sum.
_SENDS = {"lif": "O", "relay": "G"}


def _neurons(channels: int, size: tuple[int, int], tau_m: float) -> NeuronGroup:
    return NeuronGroup(shape=(channels, *size), model="lif", tau_m=tau_m)


def _convolution(pre: Any, post: NeuronGroup, kernel: int, stride: int) -> Connection:
    """A convolution with batch normalization that keeps the size, but for the stride."""
    sends = _SENDS.get(getattr(pre, "model_name", "lif"), "O")
    return Connection(
        pre, post, link_type="conv", kernel_size=kernel, stride=stride, padding=kernel // 2, syn_type=["conv", "batchnorm"],
        weight=normal(0.0, math.sqrt(2 / (kernel**2 * pre.shape[0]))), pre_var_name=sends,
    )  # fmt: skip


def _identity(pre: NeuronGroup, post: NeuronGroup) -> Connection:
    return Connection(pre, post, link_type="one_to_one", weight=1.0, pre_var_name=_SENDS[pre.model_name], is_parameter=False)


class MembraneBlock(Assembly):
    """Two convolutions; the input of the block is added to the membranes of its last neurons.

    Parameters
    ----------
    before : NeuronGroup
        The input.
    channels : int
        Feature maps.
    stride : int
        1, or 2 to halve the size.
    tau_m : float
        Time constant of the membranes in ms.
    """

    def __init__(self, before: NeuronGroup, channels: int, stride: int, tau_m: float) -> None:
        super().__init__()
        size = (-(-before.shape[1] // stride), -(-before.shape[2] // stride))
        self.inner, self.out = _neurons(channels, size, tau_m), _neurons(channels, size, tau_m)
        self.conv1 = _convolution(before, self.inner, 3, stride)
        self.conv2 = _convolution(self.inner, self.out, 3, 1)
        is_same = before.shape == self.out.shape
        self.shortcut = _identity(before, self.out) if is_same else _convolution(before, self.out, 1, stride)


class SpikeBlock(Assembly):
    """Two convolutions; the spikes of the input of the block are added to those of its last neurons (SEW, with ADD).

    Parameters
    ----------
    before, channels, stride, tau_m
        As of :class:`MembraneBlock`.
    """

    def __init__(self, before: NeuronGroup, channels: int, stride: int, tau_m: float) -> None:
        super().__init__()
        size = (-(-before.shape[1] // stride), -(-before.shape[2] // stride))
        self.inner, self.last = _neurons(channels, size, tau_m), _neurons(channels, size, tau_m)
        self.out = NeuronGroup(shape=(channels, *size), model="relay")
        self.conv1 = _convolution(before, self.inner, 3, stride)
        self.conv2 = _convolution(self.inner, self.last, 3, 1)
        self.residual = _identity(self.last, self.out)
        if before.shape == self.out.shape:
            self.shortcut = _identity(before, self.out)
        else:
            self.beside = _neurons(channels, size, tau_m)
            self.conv_beside = _convolution(before, self.beside, 1, stride)
            self.shortcut = _identity(self.beside, self.out)


class _ResNet(Network):
    """A stem, stages of blocks, the mean over the image, and an integrator per class."""

    block: ClassVar[type[Any]]

    def __init__(
        self, shape: Sequence[int] = (3, 32, 32), classes: int = 10, blocks: Sequence[int] = (2, 2, 2, 2), width: int = 64,
        coding_method: str = "direct", tau_m: float = 2.0, lr: float = 0.001, name: str | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(name, seed)
        label = type(self).__name__
        size, stages = demand_sizes(f"{label}.shape", shape, 3), demand_sizes(f"{label}.blocks", blocks)
        demand_count(f"{label}.width", width)
        if min(size[1:]) >> (len(stages) - 1) < 1:
            raise DeclarationError(f"{label}: an image of {size[1:]} cannot be halved {len(stages) - 1} times; give fewer stages")
        self.image = Encoder(shape=size, coding_method=coding_method)
        before = self.stem = _neurons(width, (size[1], size[2]), tau_m)
        self.conv = _convolution(self.image, self.stem, 3, 1)
        for stage, number in enumerate(stages):
            for i in range(number):
                block = self.block(before, width << stage, 2 if stage and not i else 1, tau_m)
                setattr(self, f"stage{stage + 1}_{i + 1}", block)
                before = block.out
        self.readout = NeuronGroup(classes, model="li", tau_m=tau_m)
        self.full = Connection(
            before, self.readout, syn_type=["avgpool", "basic"], syn_kwargs={"pool_kernel_size": before.shape[1:]},
            weight=normal(0.0, 1 / math.sqrt(before.shape[0])), bias=True, pre_var_name=_SENDS[before.model_name],
        )  # fmt: skip
        self.output = Decoder(dec_target=self.readout, coding_method="mean_voltage")
        self.learner = SurrogateBP(self, surrogate="atan")
        self.optim = optimizer_named("Adam", lr)


@networks.register("spiking_resnet", "SpikingResNet", "resnet18")
class SpikingResNet(_ResNet):
    """Residual network with batch normalization over time; shortcuts are added to membranes. ResNet-18 by default.

    Members: `image`, `stem`, the blocks `stage1_1`, `stage1_2`, ... (each with its connections `conv1`, `conv2` and `shortcut` and the
    groups `inner` and `out`), `readout`, `output`, `learner` (SurrogateBP) and `optim` (Adam).

    Parameters
    ----------
    shape : sequence of three int
        Channels, height and width of an image.
    classes : int
        Number of classes.
    blocks : sequence of int
        Number of blocks of each stage; from stage to stage the size halves and the channels double. (3, 4, 6, 3) is ResNet-34.
    width : int
        Channels of the first stage.
    coding_method : str
        How images enter: ``"direct"`` as a current, ``"poisson"``, or ``"null"`` for one image per step.
    tau_m : float
        Time constant of the membranes in ms.
    lr : float
        Learning rate.
    name : str, optional
        Shown in messages.
    seed : int
        Seed of weights and input.

    Notes
    -----
    Source: Zheng, Wu, Deng, Hu and Li 2021, Going deeper with directly-trained larger spiking neural networks, *AAAI*.

    Examples
    --------
    >>> from spaic.Library import SpikingResNet
    >>> net = SpikingResNet((3, 8, 8), blocks=(1, 1), width=4)
    >>> net.stage2_1.out.shape
    (8, 4, 4)
    """

    block = MembraneBlock


@networks.register("sew_resnet", "SEWResNet", "sew_resnet18")
class SEWResNet(_ResNet):
    """Spike-element-wise residual network: shortcuts add spikes, so that a silent block passes on what it gets. ResNet-18 by default.

    Members as of :class:`SpikingResNet`; the group `out` of a block adds up spikes (model relay) and sends their number.

    Parameters
    ----------
    shape, classes, blocks, width, coding_method, tau_m, lr, name, seed
        As of :class:`SpikingResNet`.

    Notes
    -----
    Source: Fang, Yu, Chen, Huang, Masquelier and Tian 2021, Deep residual learning in spiking neural networks, *NeurIPS*, with g = ADD.
    """

    block = SpikeBlock
