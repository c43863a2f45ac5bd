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
    """States of torch's generator on the CPU, NumPy's global one, Python's, and that of a loader if it has its own.

    Attributes
    ----------
    torch : Tensor
        As ``torch.get_rng_state()`` gives it.
    numpy : dict
        As ``np.random.get_state(legacy=False)`` gives it.
    python : tuple
        As ``random.getstate()`` gives it.
    loader : Tensor or None
        State of ``loader.generator``, where that is a torch generator.
    """

    torch: Any
    numpy: dict[str, Any]
    python: tuple[Any, ...]
    loader: Any = None

    @classmethod
    def now(cls, loader: Any = None) -> Generators:
        """Their states at this moment."""
        own = _generator_of(loader)
        return cls(
            torch.get_rng_state(),
            np.random.get_state(legacy=False),
            random.getstate(),
            None if own is None else own.get_state(),
        )

    def restore(self, loader: Any = None) -> None:
        """Set them to these states."""
        try:
            torch.set_rng_state(self.torch)
            np.random.set_state(self.numpy)
            random.setstate(self.python)
            own = _generator_of(loader)
            if own is not None and self.loader is not None:
                own.set_state(self.loader)
        except (TypeError, ValueError, RuntimeError, KeyError) as error:
            raise StateError(f"net.fit: the saved state of a random generator cannot be restored ({error}); train anew") from error

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
            loader = None if state["loader"] is None else _bytes(state["loader"])
            return cls(_bytes(state["torch"]), _arrays(state["numpy"]), (int(python["version"]), words, python["gauss"]), loader)
        except (TypeError, ValueError, KeyError) as error:
            raise StateError(f"progress: the state of a random generator is damaged ({error!r}); give what state() gave") from error


def _bytes(value: Any) -> torch.Tensor:
    return torch.as_tensor(value, dtype=torch.uint8, device="cpu")


def _arrays(value: Any) -> Any:
    """`value` with arrays in place of tensors."""
    if isinstance(value, Mapping):
        return {key: _arrays(item) for key, item in value.items()}
    return value.numpy() if isinstance(value, torch.Tensor) else value


def _generator_of(loader: Any) -> torch.Generator | None:
    own = getattr(loader, "generator", None)
    return own if isinstance(own, torch.Generator) else None
