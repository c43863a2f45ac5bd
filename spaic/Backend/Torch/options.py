"""How a program is executed; none of it changes results beyond the order of sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spaic.errors import DeclarationError, nearest
from spaic.Graph.graph import Graph

KERNELS = ("auto", "plain")
PRODUCTS = ("auto", "dense", "sparse")


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
        length = self.checkpoint_time
        if not (length is None or length == "sqrt" or (isinstance(length, int) and not isinstance(length, bool) and length > 0)):
            raise DeclarationError(
                f"Torch_Backend.checkpoint_time: {length!r} is no number of steps; give one of at least 1, 'sqrt' or None"
            )
        if self.kernels not in KERNELS:
            raise DeclarationError(f"Torch_Backend.kernels: unknown choice {self.kernels!r}; {nearest(str(self.kernels), KERNELS)}")
        chosen = {"": self.products} if isinstance(self.products, str) else self.products
        for path, how in chosen.items():
            if how not in PRODUCTS:
                raise DeclarationError(
                    f"Torch_Backend.products: unknown choice {how!r} {path and f'for {path} '}; {nearest(str(how), PRODUCTS)}"
                )

    def product(self, link: str) -> str:
        """How the spikes of a link are multiplied."""
        return self.products if isinstance(self.products, str) else self.products.get(link, "auto")

    def check(self, graph: Graph) -> None:
        """Refuse choices for links that are not there."""
        links = [link.name for link in graph.links]
        for path in () if isinstance(self.products, str) else self.products:
            if path not in links:
                raise DeclarationError(f"Torch_Backend.products: no link is called {path!r}; {nearest(path, links)}")
