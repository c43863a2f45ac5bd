"""The parameters of a built network as a torch module, under their paths."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spaic.Backend.Torch.links.constraints import confine
from spaic.errors import NetworkError
from spaic.Graph.constraints import trained_ranges
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
    previous : ParameterTree, optional
        That of an earlier build: its parameters are used again where they fit, frozen if they were.
    same : mapping of str to str
        Path -> path in `previous`.
    """

    def __init__(
        self,
        graph: Graph,
        values: Mapping[str, np.ndarray],
        device: torch.device,
        dtype: torch.dtype,
        previous: ParameterTree | None = None,
        same: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        earlier = {} if previous is None else previous.tensors()
        trainable = {f"{k.name}.{p}" for k in graph.links for p in k.trainable} | {
            f"{n.name}.{p}" for n in graph.populations for p in n.trainable
        }
        weights = {f"{k.name}.{p}" for k in graph.links for t in k.transforms for p in t.parameters()}
        self.trainable = frozenset(trainable)
        self._bounds = {f"{k.name}.{p}": bounds for k in graph.links for p, bounds in k.bounds.items() if p != "weight"}
        self._weights = [(k, t) for k in graph.links for t in k.transforms if not k.shares and "weight" in t.parameters()]
        self._bounds |= {f"{k.name}.delay": (0.0, k.delay_limit) for k in graph.links if k.delay_limit is not None}
        self._ranges = trained_ranges(graph, values)
        self._places: dict[str, nn.Module] = {}
        self._numbers: dict[str, float] = {}
        for path, value in values.items():
            if path in weights or path in trainable:
                parameter: nn.Parameter = nn.Parameter(torch.tensor(value, dtype=dtype, device=device))
                old_path = (same or {}).get(path, "")
                old = earlier.get(old_path)
                is_frozen = previous is not None and old_path in previous.trainable and not earlier[old_path].requires_grad
                if isinstance(old, nn.Parameter) and (old.shape, old.dtype, old.device) == (parameter.shape, dtype, parameter.device):
                    parameter = old
                self._place(path).register_parameter(path.rpartition(".")[2], parameter)
                parameter.requires_grad_(path in trainable and not is_frozen)
            elif value.ndim:
                self._place(path).register_buffer(path.rpartition(".")[2], torch.tensor(value, dtype=dtype, device=device))
            else:
                self._numbers[path] = float(value)
                continue
            self._places[path] = self._place(path)

    def tensors(self) -> dict[str, Any]:
        """Path -> tensor, or float for plain numbers."""
        found: dict[str, Any] = dict(self._numbers)
        for path, place in self._places.items():
            name = path.rpartition(".")[2]
            found[path] = place._parameters[name] if name in place._parameters else place._buffers[name]
        return found

    def learned(self, owners: Container[str] | None = None) -> dict[str, np.ndarray]:
        """Path -> a copy of everything that is not a plain number of the graph; of the given elements only, if they are given."""
        tensors = self.tensors()
        paths = [p for p in self._places if owners is None or p.rpartition(".")[0] in owners]
        return {path: tensors[path].detach().cpu().numpy().copy() for path in paths}

    def copy_in(self, values: Mapping[str, Any]) -> None:
        """Copy values into the tensors that are here, so that an optimizer goes on with them."""
        tensors = self.tensors()
        with torch.no_grad():
            for path, value in values.items():
                tensors[path].copy_(value if isinstance(value, Tensor) else torch.from_numpy(np.asarray(value)))

    def keep_in_range(self) -> None:
        """Put parameters of neurons and synapses that a step of training took out of their ranges back to the ends."""
        _clip(self.tensors(), self._ranges)

    def confine(self) -> None:
        """Put weights and delays that left their bounds back on them."""
        tensors = self.tensors()
        _clip(tensors, self._bounds)
        with torch.no_grad():
            for link, transform in self._weights:
                bounds = link.bounds.get("weight")
                if bounds is not None or link.norm is not None:
                    confine(transform, tensors[f"{link.name}.weight"], bounds, link.norm)

    def freeze(self, owners: Mapping[str, bool]) -> None:
        """Stop, or let go on, the training of elements: path of an element -> whether it is trained."""
        tensors = self.tensors()
        for path in self.trainable:
            if path.rpartition(".")[0] in owners:
                tensors[path].requires_grad_(owners[path.rpartition(".")[0]])

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


def _clip(tensors: Mapping[str, Any], bounds: Mapping[str, tuple[float, float]]) -> None:
    with torch.no_grad():
        for path, (low, high) in bounds.items():
            value = tensors[path]  # a plain number cannot leave them; what stays inside may still be needed by backward passes
            if isinstance(value, Tensor) and bool(((value < low) | (value > high)).any()):
                value.clamp_(low, high)
