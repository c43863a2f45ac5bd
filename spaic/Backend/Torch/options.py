"""How a program is executed; none of it changes results beyond the order of sums."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from spaic.Backend.Torch.links.product_ways import PRODUCTS
from spaic.errors import DeclarationError, nearest
from spaic.Graph.graph import Graph

KERNELS = ("auto", "plain")


@dataclass(frozen=True)
class Options:
    """Choices of execution.

    Attributes
    ----------
    kernels : str
        ``"auto"`` or ``"plain"``.
    products : str or mapping of str to str
        ``"auto"``, ``"dense"`` or ``"sparse"``, for all links or by path.
    checkpoint_time : int, "sqrt" or None
        Steps of a chunk of time that is computed again on the way back; None: nothing is computed twice.
    """

    kernels: str = "auto"
    products: str | Mapping[str, str] = "auto"
    checkpoint_time: int | str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "checkpoint_time", _length(self.checkpoint_time))
        if self.kernels not in KERNELS:
            raise DeclarationError(f"Torch_Backend.kernels: unknown choice {self.kernels!r}; {nearest(str(self.kernels), KERNELS)}")
        object.__setattr__(self, "products", _products(self.products))

    def __reduce__(self) -> tuple[Any, ...]:
        products = self.products if isinstance(self.products, str) else dict(self.products)  # a view of a dict cannot be copied
        return Options, (self.kernels, products, self.checkpoint_time)

    def product(self, link: str) -> str:
        """How the spikes of a link are multiplied."""
        how = self.products if isinstance(self.products, str) else self.products.get(link, "auto")
        return "dense" if how == "auto" and self.kernels == "plain" else how

    def check(self, graph: Graph) -> None:
        """Refuse choices for links that are not there."""
        links = [link.name for link in graph.links]
        for path in () if isinstance(self.products, str) else self.products:
            if path not in links:
                raise DeclarationError(f"Torch_Backend.products: no link is called {path!r}; {nearest(path, links)}")


def _length(given: Any) -> int | str | None:
    """A number of steps, also one of NumPy, as a plain one."""
    if given is None or (isinstance(given, str) and given == "sqrt"):
        return given
    try:
        steps = 0 if isinstance(given, bool) else operator.index(given)
    except TypeError:
        steps = 0
    if steps < 1:
        raise DeclarationError(f"Torch_Backend.checkpoint_time: {given!r} is no number of steps; give one of at least 1, 'sqrt' or None")
    return steps


def _products(given: Any) -> str | Mapping[str, str]:
    """A copy that no one changes."""
    if not isinstance(given, (str, Mapping)):
        choices = ", ".join(PRODUCTS)
        raise DeclarationError(f"Torch_Backend.products: {given!r} is no choice; give one of {choices}, or a mapping of links to them")
    chosen = {"": given} if isinstance(given, str) else dict(given)
    for path, how in chosen.items():
        if how not in PRODUCTS:
            where = f" for {path}" if path else ""
            raise DeclarationError(f"Torch_Backend.products: unknown choice {how!r}{where}; {nearest(str(how), PRODUCTS)}")
    return given if isinstance(given, str) else MappingProxyType(chosen)
