"""What delays keep of the past, looked at before there is memory for it."""

from __future__ import annotations

from math import prod

from spaic.errors import NetworkError
from spaic.Graph.graph import Graph
from spaic.Graph.schedule import schedule
from spaic.memory import available_memory, in_words

_BYTES = {"float32": 4, "float64": 8}
#: Bytes that are there anyway: finding out how many there are takes longer than a short run.
_LITTLE = 1 << 26


class Pasts:
    """The past values that delays of a graph reach back to.

    Parameters
    ----------
    graph : Graph
        Any graph.
    """

    def __init__(self, graph: Graph) -> None:
        self.numbers: dict[str, tuple[int, str, float]] = {}  # source -> numbers of one sample, the link, and its delay in ms
        if graph.clock.is_continuous:
            return  # spikes on their way are kept as such
        for name, depth in schedule(graph).depth.items():
            link = next(link for link in graph.links if link.name == name)
            size = depth * prod(graph.shape(link.source_node))
            if size > self.numbers.get(link.source, (0,))[0]:
                self.numbers[link.source] = size, name, depth * graph.clock.dt

    def check_memory(self, batch: int, dtype: str) -> None:
        """Refuse delays that reach back further than there is memory for.

        Raises
        ------
        NetworkError
            With the link that takes most, and the bytes.
        """
        each = batch * _BYTES.get(dtype, 8)
        total = each * sum(size for size, _, _ in self.numbers.values())
        if total <= _LITTLE or total <= (room := available_memory() // 2):
            return
        size, name, delay = max(self.numbers.values())
        raise NetworkError(
            f"{name}: its longest delay of {delay:g} ms takes {in_words(each * size)} for what {batch} sample(s) sent before, the limit is "
            f"{in_words(room)}, half of the memory available; delays are in ms: give a shorter one, or a larger dt"
        )
