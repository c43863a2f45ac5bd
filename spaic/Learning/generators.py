"""The global random generators: their state at one moment, and back to it."""

from __future__ import annotations

import copy
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from spaic.errors import StateError

_KEYS = ("torch", "numpy", "python", "loader")


@dataclass(frozen=True)
class Generators:
    """States of torch's generator on the CPU, NumPy's global one, Python's, and those that a loader and its samplers have.

    Attributes
    ----------
    torch : Tensor
        As ``torch.get_rng_state()`` gives it.
    numpy : dict
        As ``np.random.get_state(legacy=False)`` gives it.
    python : tuple
        As ``random.getstate()`` gives it.
    loader : list of Tensor or None
        States of ``loader.generator``, ``loader.sampler.generator`` and so on, where those are torch generators.
    """

    torch: Any
    numpy: dict[str, Any]
    python: tuple[Any, ...]
    loader: list[Any] | None = None

    @classmethod
    def now(cls, loader: Any = None) -> Generators:
        """Their states at this moment."""
        own = _generators_of(loader)
        return cls(
            torch.get_rng_state(),
            np.random.get_state(legacy=False),
            random.getstate(),
            [generator.get_state() for generator in own] or None,
        )

    def restore(self, loader: Any = None) -> None:
        """Set them to these states."""
        own = _generators_of(loader)
        if self.loader is not None and own and len(own) != len(self.loader):
            raise StateError(
                f"net.fit: the loader has {len(own)} random generators, that of the training to be resumed {len(self.loader)}; "
                "give the same loader"
            )
        try:
            torch.set_rng_state(self.torch)
            np.random.set_state(self.numpy)
            random.setstate(self.python)
            for generator, state in zip(own, self.loader or (), strict=False):
                generator.set_state(state)
        except (TypeError, ValueError, RuntimeError, LookupError, OverflowError, AttributeError) as error:
            raise StateError(f"net.fit: the saved state of a random generator cannot be restored ({error}); train anew") from error

    def _try(self) -> None:
        """Set generators that nobody uses to these states."""
        for state in (self.torch, *(self.loader or ())):
            torch.Generator().set_state(state)
        np.random.RandomState().set_state(self.numpy)
        random.Random().setstate(self.python)

    def state(self) -> dict[str, Any]:
        """Plain data, arrays and tensors."""
        version, words, gauss = self.python
        python = {"version": version, "words": np.array(words, dtype=np.uint32), "gauss": gauss}
        return {"torch": self.torch, "numpy": copy.deepcopy(self.numpy), "python": python, "loader": self.loader}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Generators:
        """What :meth:`state` gave."""
        if not isinstance(state, Mapping) or sorted(state) != sorted(_KEYS):
            raise StateError(f"progress: the state of the random generators is not a dict of {', '.join(_KEYS)}; give what state() gave")
        try:
            python = state["python"]
            words = tuple(int(word) for word in np.asarray(python["words"]))
            loader = None if state["loader"] is None else [_bytes(one) for one in state["loader"]]
            made = cls(_bytes(state["torch"]), _arrays(state["numpy"]), (int(python["version"]), words, python["gauss"]), loader)
            made._try()
            return made
        except (TypeError, ValueError, LookupError, RuntimeError, OverflowError, AttributeError) as error:
            raise StateError(f"progress: the state of a random generator is damaged ({error!r}); give what state() gave") from error


def _bytes(value: Any) -> torch.Tensor:
    return torch.as_tensor(value, dtype=torch.uint8, device="cpu")


def _arrays(value: Any) -> Any:
    """`value` with arrays in place of tensors."""
    if isinstance(value, Mapping):
        return {key: _arrays(item) for key, item in value.items()}
    return value.numpy() if isinstance(value, torch.Tensor) else value


def _generators_of(loader: Any) -> list[torch.Generator]:
    """Those of the loader, its sampler and its batch sampler, each once."""
    batches = getattr(loader, "batch_sampler", None)
    holders = (loader, getattr(loader, "sampler", None), batches, getattr(batches, "sampler", None))
    found = [getattr(holder, "generator", None) for holder in holders]
    return list({id(g): g for g in found if isinstance(g, torch.Generator)}.values())
