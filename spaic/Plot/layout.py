"""Where the boxes of a network drawing go: columns follow the signal, assemblies stay together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

#: A link as the positions of its source and target in the list of nodes.
Pair = tuple[int, int]

#: Rows an assembly needs above what is in it (for its name) and below.
_HEAD, _FOOT = 0.3, 0.15


@dataclass
class Block:
    """A node, an assembly, or the whole drawing.

    Attributes
    ----------
    path : str
        Path of the node or assembly; empty for the whole drawing.
    node : int or None
        Position in the list of nodes; None for an assembly.
    items : list of Block
        What an assembly holds, in the order of declaration.
    first, last : int
        Leftmost and rightmost column.
    top, height : float
        Upper edge and height in rows, counted downwards from the top of the drawing.
    """

    path: str
    node: int | None = None
    items: list[Block] = field(default_factory=list)
    first: int = 0
    last: int = 0
    top: float = 0.0
    height: float = 1.0

    def inner(self) -> Iterator[Block]:
        """Every block inside this one, outer ones first."""
        for item in self.items:
            yield item
            yield from item.inner()


def feedback_links(count: int, pairs: Sequence[Pair]) -> set[Pair]:
    """The links that run against the order of the drawing.

    They are the links inside a strongly connected component whose target was declared no later than their source; all other
    links together hold no cycle.

    Examples
    --------
    >>> sorted(feedback_links(3, [(0, 1), (1, 2), (2, 1), (2, 2)]))
    [(2, 1), (2, 2)]
    >>> feedback_links(2, [(1, 0)])
    set()
    """
    component = _components(count, pairs)
    return {(a, b) for a, b in pairs if component[a] == component[b] and b <= a}


def columns(count: int, pairs: Sequence[Pair]) -> list[int]:
    """The column of each node: its longest distance from a source of the network, feedback left aside.

    Examples
    --------
    >>> columns(4, [(0, 1), (1, 2), (2, 1), (0, 3), (2, 3)])
    [0, 1, 2, 3]
    """
    feedback = feedback_links(count, pairs)
    forward = [pair for pair in pairs if pair not in feedback]
    column = [0] * count
    moved = True
    while moved:  # ends: the forward links hold no cycle
        moved = False
        for source, target in forward:
            if column[target] <= column[source]:
                column[target] = column[source] + 1
                moved = True
    return column


def place(paths: Sequence[str], column: Sequence[int]) -> Block:
    """Arrange nodes, given by path and column, into nested blocks that do not overlap.

    Examples
    --------
    >>> drawing = place(["input", "a.one", "a.two", "out"], [0, 1, 1, 2])
    >>> [(block.path, round(block.top, 2)) for block in drawing.inner()]
    [('input', 0.73), ('a', 0.0), ('a.one', 0.3), ('a.two', 1.3), ('out', 0.73)]
    """
    root = Block("")
    for node, path in enumerate(paths):
        home = _assembly(root, path.split(".")[:-1])
        home.items.append(Block(path, node, first=column[node], last=column[node]))
    _pack(root)
    return root


def _components(count: int, pairs: Sequence[Pair]) -> list[int]:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    sources, targets = [a for a, _ in pairs], [b for _, b in pairs]
    matrix = coo_matrix(([1] * len(pairs), (sources, targets)), shape=(count, count))
    labels: list[int] = connected_components(matrix, directed=True, connection="strong")[1].tolist()
    return labels


def _assembly(block: Block, names: Sequence[str]) -> Block:
    """The block of the assembly called `names` inside `block`, made where it is missing."""
    for name in names:
        path = f"{block.path}.{name}" if block.path else name
        known = [item for item in block.items if item.node is None and item.path == path]
        if not known:
            known = [Block(path)]
            block.items += known
        block = known[0]
    return block


def _pack(block: Block) -> None:
    """Stack the items of `block` where they share columns, and set its extent."""
    for item in block.items:
        if item.node is None:
            _pack(item)
    if not block.items:
        return
    block.first, block.last = min(i.first for i in block.items), max(i.last for i in block.items)
    filled = dict.fromkeys(range(block.first, block.last + 1), 0.0)
    for item in block.items:
        span = range(item.first, item.last + 1)
        _lower(item, max(filled[c] for c in span))
        filled.update(dict.fromkeys(span, item.top + item.height))
    inside = max(filled.values())
    for group in _sharing_columns(block.items):
        free = inside - max(i.top + i.height for i in group)
        for item in group:
            _lower(item, free / 2)
    block.height = inside
    if block.path:
        block.height += _HEAD + _FOOT
        for item in block.items:
            _lower(item, _HEAD)


def _lower(block: Block, rows: float) -> None:
    block.top += rows
    for item in block.inner():
        item.top += rows


def _sharing_columns(items: Sequence[Block]) -> list[list[Block]]:
    """Groups of items whose columns overlap; the groups lie side by side."""
    groups: list[list[Block]] = []
    for item in sorted(items, key=lambda i: i.first):
        if groups and item.first <= max(i.last for i in groups[-1]):
            groups[-1].append(item)
        else:
            groups.append([item])
    return groups
