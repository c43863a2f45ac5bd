"""The works: which networks, on what input, and the figures that issue 4 wants reached. NumPy is all that this file needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

#: The neuron of all works: v <- DECAY v + I; a spike if v > THRESHOLD; then v <- 0. The threshold lies half way between two values that a
#: sum of weights can take (peers/arrays.py), because peers do not agree on what happens exactly at it.
DECAY, THRESHOLD = 0.9, 1.0 + 2.0**-19
#: The surrogate of all works, the fast sigmoid of slope 1, is what every peer has or takes. The reset carries no gradient.
SURROGATE = "ds/dv = 1 / (1 + |v - 1|)^2"
#: Learning rate of Adam: so small that the activity, and with it the work, is the same in the last round as in the first.
LEARNING_RATE = 1e-6
#: Batches between which the steps alternate, so that nothing can be remembered from the last step.
BATCHES = 2
KERNEL, POOL = 3, 2
#: The README of SPAIC, in ms.
README_TIME, README_DT = 200.0, 0.1


@dataclass(frozen=True)
class Layer:
    """Weights and the LIF neurons behind them; `outputs` are neurons, or channels of a convolution.

    A recurrent layer also sends its own spikes to itself, one step later. A pooled layer takes the maximum over 2 x 2 of its input.
    """

    kind: str
    inputs: int
    outputs: int
    is_pooled: bool = False

    @property
    def weight_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of its weights, the input's first."""
        if self.kind == "conv":
            return ((self.outputs, self.inputs, KERNEL, KERNEL),)
        own = ((self.outputs, self.outputs),) if self.kind == "recurrent" else ()
        return ((self.outputs, self.inputs), *own)


class Goal(NamedTuple):
    """What issue 4 asks for: our time over that of the best peer library (or of the original SPAIC), and over the products alone."""

    over_best: float | None = None
    over_products: float | None = None


@dataclass(frozen=True)
class Work:
    """A network, its input and how long it runs. An activity of None is dense input, uniform in [0, 1)."""

    name: str
    text: str
    layers: tuple[Layer, ...]
    shape: tuple[int, ...]
    batch: int
    steps: int
    activity: float | None
    training: Goal
    inference: Goal
    memory_over_spikingjelly: float | None = None
    is_readme: bool = False

    def as_plain(self) -> dict[str, Any]:
        """All of it as data that JSON can hold."""
        return asdict(self)

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Work:
        """The work that `as_plain` wrote."""
        layers = tuple(Layer(**layer) for layer in plain["layers"])
        goals = {name: Goal(*plain[name]) for name in ("training", "inference")}
        return cls(**{**plain, **goals, "layers": layers, "shape": tuple(plain["shape"])})

    @property
    def classes(self) -> int:
        """Output neurons."""
        return self.layers[-1].outputs

    @property
    def weights(self) -> list[str]:
        """Names of the weights: w0, w1, ..., and r0 for the recurrent ones of layer 0."""
        return [f"{letter}{i}" for i, layer in enumerate(self.layers) for letter, _ in zip("wr", layer.weight_shapes, strict=False)]


def _mlp(hidden: int, steps: int, over_best: float, over_products: float) -> Work:
    return Work(
        f"mlp{hidden}_T{steps}", f"784-{hidden}-10, batch 100, T {steps}, 10 % input",
        (Layer("dense", 784, hidden), Layer("dense", hidden, 10)), (784,), 100, steps, 0.1,
        Goal(over_best, over_products), Goal(0.25, 0.6), 0.35,
    )  # fmt: skip


def _open_neuromorphic(neurons: int) -> Work:
    return Work(
        f"onm{neurons}", f"{neurons}-{neurons}, batch 16, T 500, dense input",
        (Layer("dense", neurons, neurons),), (neurons,), 16, 500, None, Goal(0.40, 1.4), Goal(0.5),
    )  # fmt: skip


_ALL = (
    _mlp(100, 50, 0.25, 0.85),
    _mlp(100, 200, 0.25, 0.8),
    _mlp(800, 50, 0.30, 0.6),
    _mlp(800, 200, 0.30, 0.6),
    Work(
        "recurrent", "700-256 recurrent-20, batch 64, T 100, 5 % input",
        (Layer("recurrent", 700, 256), Layer("dense", 256, 20)), (700,), 64, 100, 0.05, Goal(0.30, 0.85), Goal(0.25, 0.6),
    ),
    _open_neuromorphic(512),
    _open_neuromorphic(4096),
    Work(
        "conv", "conv 32 - pool - conv 64 - pool - 10 on 28 x 28, kernels 3 x 3, batch 32, T 8, 10 % input",
        (Layer("conv", 1, 32), Layer("conv", 32, 64, is_pooled=True), Layer("dense", 64 * 7 * 7, 10, is_pooled=True)),
        (1, 28, 28), 32, 8, 0.1, Goal(0.75), Goal(1.0),
    ),
)  # fmt: skip

_README = Work(
    "readme", "README of SPAIC to the letter: 784-100-10 clif, latency code, T 2000, batch 100, STCA, Adam",
    (Layer("dense", 784, 100), Layer("dense", 100, 10)), (784,), 100, round(README_TIME / README_DT), None, Goal(1 / 15), Goal(),
    is_readme=True,
)  # fmt: skip

#: Name -> work, in the order of the issue's table.
WORKS: dict[str, Work] = {work.name: work for work in (*_ALL, _README)}
