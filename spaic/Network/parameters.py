"""A network as torch sees it: parameters, a state_dict, devices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from spaic.Network.built import Built
from spaic.Network.weights import Mismatch, load_weights
from spaic.spellings import spelled

P = TypeVar("P", bound="Parameters")


class Parameters(Built):
    """A built assembly that torch's optimizers, schedulers and loaders of weights take for a module."""

    def parameters(self) -> Iterator[Any]:
        """Torch parameters, for any optimizer."""
        return iter(self._built().store.parameters())

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        """Paths and torch parameters."""
        return iter(self._built().store.named_parameters())

    def state_dict(self) -> dict[str, Any]:
        """Path -> tensor of every weight; the states of neurons are not part of it."""
        store = self._built().store
        store.confine()
        return dict(store.state_dict())

    @spelled("net.load_state_dict")
    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> Mismatch:
        """Copy weights in, by path; optimizers go on with them.

        Parameters
        ----------
        state : mapping of str to tensor or array
            Such as :meth:`state_dict` or any torch module with the same paths gives; names of parameters in SPAIC are understood.
        strict : bool
            True loads nothing and raises an error unless everything fits; False loads what fits and returns what does not.

        Returns
        -------
        Mismatch
            Lists `missing`, `extra` and `misshaped` paths.

        Raises
        ------
        StateError
            Listing every path that does not fit.
        """
        hidden = {e.path for e in self.everything() if not e.takes_part()}
        return load_weights(self._built().store, state, strict, "net.load_state_dict", hidden)

    def to(self: P, device: Any) -> P:
        """Move to another device; weights and what an optimizer holds of them stay the same tensors."""
        simulation = self._built()
        self._backend.move(device)
        simulation.store.to(device)
        simulation.program = self._backend.compile(simulation.graph)
        simulation.state = None
        return self

    @property
    def module(self) -> Any:
        """The torch module that holds the weights."""
        return self._built().store
