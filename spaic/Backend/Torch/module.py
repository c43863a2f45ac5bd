"""The parameters of a built network as a torch module, under their paths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spaic.errors import NetworkError
from spaic.Graph.graph import Graph


class ParameterTree(nn.Module):
    """Weights and other parameters; ``state_dict`` keys are paths such as ``"connection1.weight"``.

    Weights, biases and trainable neuron parameters are torch parameters, other arrays are buffers, and plain numbers
    stay in the graph. States of neurons are never here.

    Parameters
    ----------
    graph : Graph
        Says what is trainable.
    values : mapping of str to ndarray
        Path -> initial value.
    device, dtype
        Of the tensors.
    same : mapping of str to Tensor, optional
        Parameters of an earlier build: those that fit are used again.
    """

    def __init__(
        self,
        graph: Graph,
        values: Mapping[str, np.ndarray],
        device: torch.device,
        dtype: torch.dtype,
        same: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        trainable = {f"{k.name}.{p}" for k in graph.links for p in k.trainable} | {
            f"{n.name}.{p}" for n in graph.populations for p in n.trainable
        }
        weights = {f"{k.name}.{p}" for k in graph.links for t in k.transforms for p in t.parameters()}
        self._paths: list[str] = []
        self._numbers: dict[str, float] = {}
        for path, value in values.items():
            if path in weights or path in trainable:
                parameter: nn.Parameter = nn.Parameter(torch.tensor(value, dtype=dtype, device=device))
                old = (same or {}).get(path)
                if isinstance(old, nn.Parameter) and (old.shape, old.dtype, old.device) == (parameter.shape, dtype, parameter.device):
                    parameter = old
                self._place(path).register_parameter(path.rpartition(".")[2], parameter)
                parameter.requires_grad_(path in trainable)
            elif value.ndim:
                self._place(path).register_buffer(path.rpartition(".")[2], torch.tensor(value, dtype=dtype, device=device))
            else:
                self._numbers[path] = float(value)
                continue
            self._paths.append(path)

    def tensors(self) -> dict[str, Any]:
        """Path -> tensor, or float for plain numbers."""
        found: dict[str, Any] = dict(self._numbers)
        for path in self._paths:
            owner, _, name = path.rpartition(".")
            found[path] = getattr(self.get_submodule(owner), name)
        return found

    def learned(self) -> dict[str, np.ndarray]:
        """Path -> a copy of everything that is not a plain number of the graph."""
        tensors = self.tensors()
        return {path: tensors[path].detach().cpu().numpy().copy() for path in self._paths}

    def sizes(self) -> dict[str, int]:
        """Path -> number of trainable values."""
        return {k: v.numel() for k, v in self.tensors().items() if isinstance(v, Tensor) and v.requires_grad}

    def needs_gradient(self) -> bool:
        """Whether a run has to keep what a backward pass needs."""
        return torch.is_grad_enabled() and any(p.requires_grad for p in self.parameters())

    def _place(self, path: str) -> nn.Module:
        """The module that holds the parameters of one element, made on the way."""
        place: nn.Module = self
        for part in path.split(".")[:-1]:
            children = dict(place.named_children())
            if part not in children:
                if hasattr(place, part):
                    raise NetworkError(f"{path}: {part!r} is a name that torch modules use themselves; rename the element")
                place.add_module(part, nn.Module())
            place = place.get_submodule(part)
        return place
