"""What delays keep of the past, looked at before there is memory for it."""

from __future__ import annotations

from math import prod

from spaic.errors import NetworkError
from spaic.Graph.graph import Graph
from spaic.Graph.schedule import schedule
from spaic.memory import available_memory, in_words

_BYTES = {"float32": 4, "float64": 8}


def check_memory(graph: Graph, batch: int, dtype: str) -> None:
    """Refuse delays that reach back further than there is memory for.

    Raises
    ------
    NetworkError
        With the link that reaches back furthest, and the bytes it takes.
    """
    if graph.clock.is_continuous:
        return  # spikes on their way are kept as such
    depths = schedule(graph).depth
    needed: dict[str, tuple[int, str]] = {}
    for link in graph.links:
        size = depths[link.name] * batch * prod(graph.shape(link.source_node)) * _BYTES.get(dtype, 8)
        if size > needed.get(link.source, (0, ""))[0]:
            needed[link.source] = size, link.name
    total, room = sum(size for size, _ in needed.values()), available_memory() // 2
    if total > room:
        size, name = max(needed.values())
        raise NetworkError(
            f"{name}: its longest delay of {depths[name] * graph.clock.dt:g} ms takes {in_words(size)} for what {batch} sample(s) sent "
            f"before, the limit is {in_words(room)}, half of the memory available; delays are in ms: give a shorter one, or a larger dt"
        )
