"""The torch backend."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from spaic.Backend.backend import NOTHING, Backend, kept
from spaic.Backend.Plastic.program import with_plasticity
from spaic.Backend.Torch.arithmetic import TorchArithmetic
from spaic.Backend.Torch.guard import guard
from spaic.Backend.Torch.module import ParameterTree
from spaic.Backend.Torch.options import Options
from spaic.Backend.Torch.program import TorchProgram
from spaic.Backend.Torch.simulation.learning_loop import LearningLoop
from spaic.errors import DeclarationError
from spaic.Graph.graph import Graph
from spaic.Graph.program import Program, Recordings, State
from spaic.Graph.stream import Stream
from spaic.registry import backends


@backends.register("torch", "pytorch")
class Torch_Backend(Backend):  # noqa: N801  the naming of backends that users know
    """Runs and trains networks with torch.

    Parameters
    ----------
    device : str
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``.
    dt : float
        Time step in ms.
    dtype : str or torch.dtype
        ``"float32"`` or ``"float64"``.
    kernels : str
        ``"auto"``: neurons run in kernels generated from their equations wherever there is one. ``"plain"``: neurons run in plain torch
        operations, step by step, and products are dense unless `products` says otherwise, which is the yardstick.
    products : str or mapping of str to str
        How spikes are multiplied with the weights of a link: ``"dense"``, ``"sparse"`` (only what fired is added up), or ``"auto"``, which
        decides by the share of ones in each run; for all links, or by path. The result is the same but for the order of sums.
    checkpoint_time : int, "sqrt" or None
        Keep what a backward pass needs for this many steps only and compute the others again on the way back: memory for about
        ``checkpoint_time`` steps instead of all, for one more forward pass. ``"sqrt"`` takes the square root of the number of steps.

    Raises
    ------
    DeclarationError
        If the device is unknown or not there, or an option is unknown.
    """

    backend_name = "pytorch"
    is_differentiable = True

    def __init__(
        self,
        device: str = "cpu",
        dt: float | str = 0.1,
        dtype: object = "float32",
        kernels: str = "auto",
        products: str | Mapping[str, str] = "auto",
        checkpoint_time: int | str | None = None,
    ) -> None:
        super().__init__(str(device), dt, dtype)
        self.torch_device = _device(device)
        self.torch_dtype: torch.dtype = getattr(torch, self.dtype)
        self.options = Options(kernels, products, checkpoint_time)

    def compile(self, graph: Graph) -> Program:
        device, dtype = self.torch_device, self.torch_dtype
        return with_plasticity(graph, lambda g: TorchProgram(g, device, dtype, self.options), TorchArithmetic(device, dtype), LearningLoop)

    def store(
        self, graph: Graph, values: Mapping[str, np.ndarray], previous: Any = None, same: Mapping[str, str] = NOTHING
    ) -> ParameterTree:
        learned = previous.learned() if previous is not None and same else {}
        start = kept(values, {new: learned[old] for new, old in same.items() if old in learned})
        earlier = previous if isinstance(previous, ParameterTree) else None
        with torch.inference_mode(False):  # what is built there may be trained elsewhere
            return ParameterTree(graph, start, self.torch_device, self.torch_dtype, earlier, same)

    def move(self, device: object) -> None:
        self.torch_device, self.device = _device(device), str(device)

    def untraced(self, run: Callable[..., None]) -> Callable[..., None]:
        return torch.compiler.disable(run) if torch.compiler.is_dynamo_compiling() else run

    def without_gradient(self, state: State) -> State:
        return replace(state, arrays={k: v.detach() for k, v in state.arrays.items()})

    def run_without_gradient(
        self, program: Program, parameters: Mapping[str, Any], state: State, inputs: Mapping[str, Stream], steps: int
    ) -> tuple[State, Recordings]:
        with torch.no_grad():
            return program.run(parameters, state, inputs, steps)

    def as_numpy(self, array: torch.Tensor) -> np.ndarray:
        return array.detach().cpu().numpy()

    def as_array(self, array: np.ndarray) -> torch.Tensor:
        return torch.tensor(array, dtype=self.torch_dtype, device=self.torch_device)

    def is_finite(self, array: torch.Tensor) -> bool:
        values = array.detach()
        return math.isfinite(values.sum().item()) or bool(values.isfinite().all())  # a sum of large numbers may overflow

    def guarded(self, prediction: torch.Tensor, path: str) -> torch.Tensor:
        return guard(prediction, path) if prediction.requires_grad else prediction


def _device(device: object) -> torch.device:
    if isinstance(device, torch.dtype):
        raise DeclarationError(f"Torch_Backend: {device} is a type, no device; give dtype={str(device)[6:]!r} when the backend is made")
    try:
        found = torch.device(device)  # type: ignore[call-overload]
    except (RuntimeError, TypeError):
        raise DeclarationError(f"Torch_Backend: unknown device {device!r}; use 'cpu', 'cuda' or 'cuda:<n>'") from None
    if found.type == "cuda" and not torch.cuda.is_available():
        raise DeclarationError(
            f"Torch_Backend: device {device!r} is not available, torch sees no CUDA here; use 'cpu' (see `spaic doctor`)"
        )
    return found
