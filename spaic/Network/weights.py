"""Loading of weights by path, strictly."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spaic import spellings
from spaic.errors import DeclarationError, StateError

#: Paths shown in a message, of each kind.
_SHOWN = 20


@dataclass(frozen=True)
class Mismatch:
    """Where weights and network differ; it is false if they do not.

    Attributes
    ----------
    missing : tuple of str
        Paths of the network that were not given, and kept their values.
    extra : tuple of str
        Paths given that the network does not have.
    misshaped : tuple of str
        Paths whose shapes differ, with both shapes.
    """

    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    misshaped: tuple[str, ...] = ()

    @property
    def missing_keys(self) -> list[str]:
        """`missing`, by the name torch gives it."""
        return list(self.missing)

    @property
    def unexpected_keys(self) -> list[str]:
        """`extra`, by the name torch gives it."""
        return list(self.extra)

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra or self.misshaped)

    def __str__(self) -> str:
        found = []
        for what, paths in (("missing", self.missing), ("not in the network", self.extra), ("of another shape", self.misshaped)):
            if paths:
                more = f", ... ({len(paths)} in all)" if len(paths) > _SHOWN else ""
                found.append(f"{what}: {', '.join(paths[:_SHOWN])}{more}")
        return "; ".join(found) or "everything fits"


def load_weights(store: Any, state: Mapping[str, Any], strict: bool, where: str, hidden: Container[str] = ()) -> Mismatch:
    """Copy weights into the parameters of a built network, in place, so that optimizers go on with them.

    Parameters
    ----------
    store : object
        What a backend keeps parameters in.
    state : mapping of str to tensor or array
        Path, or name of a parameter in SPAIC, -> value.
    strict : bool
        True loads nothing and raises an error if anything is missing, extra or of another shape; False loads what fits.
    where : str
        The call, for messages.
    hidden : container of str
        Paths of elements that do not take part now; weights of theirs are not extra.

    Raises
    ------
    StateError
        Listing every path that does not fit, or naming a value that is not made of finite real numbers.
    """
    if not isinstance(state, Mapping):
        raise DeclarationError(f"{where}: {type(state).__name__} is not a mapping from paths to tensors; give a state_dict")
    named = {spellings.parameter_path(str(path)): value for path, value in state.items()}
    given = {path: value for path, value in named.items() if path.rpartition(".")[0] not in hidden}
    own = store.state_dict()
    shapes = {path: (_shape(value), _shape(own[path])) for path, value in given.items() if path in own}
    wrong = {path: both for path, both in shapes.items() if both[0] != both[1]}
    mismatch = Mismatch(
        tuple(p for p in own if p not in given),
        tuple(p for p in given if p not in own),
        tuple(f"{p} {both[0]}, needed {both[1]}" for p, both in wrong.items()),
    )
    if mismatch and strict:
        raise StateError(f"{where}: {mismatch}; load weights of the same network, or use strict=False to load what fits")
    fitting = {p: v for p, v in given.items() if p in own and p not in wrong}
    demand_numbers(fitting, where)
    store.copy_in(fitting)
    return mismatch


def demand_numbers(values: Mapping[str, Any], where: str) -> None:
    """Refuse weights that are not made of finite real numbers, by their paths."""
    for path, value in values.items():
        array = np.asarray(_on_cpu(value) if hasattr(value, "detach") else value)
        if array.dtype.kind not in "fiub":
            raise StateError(f"{where}: {path} has values of type {array.dtype}; give real numbers")
        if not np.isfinite(array).all():
            raise StateError(f"{where}: {path} holds {array[~np.isfinite(array)].flat[0]}; give finite numbers")


def _on_cpu(value: Any) -> Any:
    return value.detach().cpu() if value.is_complex() else value.detach().cpu().double()  # NumPy has no bfloat16


def _shape(value: Any) -> tuple[int, ...] | str:
    return tuple(value.shape) if hasattr(value, "shape") else () if isinstance(value, (int, float)) else type(value).__name__
