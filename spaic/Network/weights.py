"""Loading of weights by path, strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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


def load_weights(store: Any, state: Mapping[str, Any], strict: bool, where: str) -> Mismatch:
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

    Raises
    ------
    StateError
        Listing every path that does not fit.
    """
    if not isinstance(state, Mapping):
        raise DeclarationError(f"{where}: {type(state).__name__} is not a mapping from paths to tensors; give a state_dict")
    given = {spellings.parameter_path(str(path)): value for path, value in state.items()}
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
    store.copy_in({p: v for p, v in given.items() if p in own and p not in wrong})
    return mismatch


def _shape(value: Any) -> tuple[int, ...] | str:
    return tuple(value.shape) if hasattr(value, "shape") else () if isinstance(value, (int, float)) else type(value).__name__
