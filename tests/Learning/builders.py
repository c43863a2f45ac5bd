"""A small network that learns, and batches for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import spaic

_RNG = np.random.default_rng(0)
SAMPLES = _RNG.random((24, 8)).astype(np.float32)
LABELS = np.arange(24) % 3
#: Neither silent nor saturated.
WEIGHTS = {"w_mean": 0.3, "w_std": 0.3}
#: Duration of a run in ms.
TIME = 10.0


class Small(spaic.Network):
    """8 inputs, an assembly with 10 hidden neurons and their input, 3 outputs."""

    def __init__(self, code: str = "direct", model: str = "lif", seed: int = 0) -> None:
        super().__init__(seed=seed)
        self.input = spaic.Encoder(num=8, coding_method=code)
        self.part = spaic.Assembly()
        self.part.hidden = spaic.NeuronGroup(10, model=model)
        self.out = spaic.NeuronGroup(3, model=model)
        self.link1 = spaic.Connection(self.input, self.part.hidden, **WEIGHTS)
        self.part.loop = spaic.Connection(self.part.hidden, self.part.hidden, w_mean=0.0, w_std=0.1)
        self.link2 = spaic.Connection(self.part.hidden, self.out, bias=True, **WEIGHTS)
        self.output = spaic.Decoder(dec_target=self.out)


PATHS = ["link1.weight", "link2.bias", "link2.weight", "part.loop.weight"]


def small(*learners: Any, optim: Any = None, dtype: str = "float32", **options: Any) -> Any:
    """:class:`Small` at 1 ms with input; each learner is a function of the network."""
    net: Any = Small(**options)
    for number, learner in enumerate(learners, 1):
        setattr(net, f"learner{number}" if len(learners) > 1 else "learner", learner(net))
    if optim is not None:
        net.optim = optim
    net.set_backend("torch", dt=1.0, dtype=dtype)
    net.set_runtime(TIME)
    net.input(SAMPLES[:6])
    return net


def learning(optim: Any = None, **options: Any) -> Any:
    """:func:`small` with one learner of everything and an optimizer, Adam by default."""
    return small(lambda net: spaic.STCA(0.5, net), optim=optim or spaic.Adam(lr=0.01), **options)


def backward(net: Any) -> torch.Tensor:
    """Run on six samples and compute the gradients."""
    net.input(SAMPLES[:6])
    net.run()
    loss = spaic.count_cross_entropy(net.output.predict, LABELS[:6])
    spaic.Learning.Learners(net).optim_zero_grad()
    loss.backward()
    return loss.detach()


def train(net: Any, steps: int = 1) -> list[float]:
    """Step all learners."""
    losses = []
    for _ in range(steps):
        losses.append(backward(net).item())
        spaic.Learning.Learners(net).optim_step()
    return losses


def weights(net: Any) -> dict[str, torch.Tensor]:
    """A copy of all weights."""
    return {path: tensor.detach().clone() for path, tensor in net.state_dict().items()}


def changed(net: Any, before: dict[str, torch.Tensor]) -> set[str]:
    """Paths of what is different from `before`."""
    return {path for path, tensor in net.state_dict().items() if not torch.equal(tensor, before[path])}


def moments(learner: Any, path: str) -> dict[str, Any]:
    """A copy of what the optimizer keeps of a parameter."""
    state: dict[str, Any] = learner.state_dict()["moments"].get(path, {})
    return state


def same(first: Any, second: Any) -> bool:
    """Whether nested data are equal, bit for bit."""
    if isinstance(first, dict):
        return isinstance(second, dict) and list(first) == list(second) and all(same(v, second[k]) for k, v in first.items())
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, (torch.Tensor, np.ndarray)):
        a, b = np.asarray(first), np.asarray(second)
        return bool(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes())
    return bool(first == second)


def loader(shuffle: bool = True, batch_size: int = 6) -> spaic.Dataloader:
    """Four batches of six."""
    return spaic.Dataloader(spaic.CustomDataset(SAMPLES, LABELS), batch_size=batch_size, shuffle=shuffle)


def torch_loader(**options: Any) -> Any:
    """The same data from a torch loader, in an order that the global generator of torch draws."""
    data = torch.utils.data.TensorDataset(torch.from_numpy(SAMPLES), torch.from_numpy(LABELS))
    return torch.utils.data.DataLoader(data, batch_size=6, shuffle=True, **options)
