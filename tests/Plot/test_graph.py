import pytest
from matplotlib.patches import FancyArrowPatch

from spaic.errors import InputError
from spaic.Plot import LinkArrow, NodeBox, draw_graph

NODES = [
    NodeBox("input", "input", (8, 8), "poisson"),
    NodeBox("column.exc", "population", (100,), "lif"),
    NodeBox("column.inh", "population", (25,), "lif"),
    NodeBox("reading", "output", (10,), "spike_counts"),
]
LINKS = [
    LinkArrow("link1", "input", "column.exc", kind="conv"),
    LinkArrow("link2", "column.exc", "column.inh", kind="full"),
    LinkArrow("link3", "column.inh", "column.exc", 0.1, "full"),
    LinkArrow("link4", "column.exc", "reading"),
    LinkArrow("link5", "column.exc", "column.exc", 1.0, "sparse"),
]


def test_nodes_assemblies_and_delays_are_written():
    texts = [text.get_text() for text in draw_graph(NODES, LINKS).texts]
    assert {"input", "exc", "inh", "reading", "column", "poisson · 8×8", "lif · 100"} <= set(texts)
    assert {"conv", "full", "full, 0.1 ms", "sparse, 1 ms"} <= set(texts)


def test_each_link_is_an_arrow_and_those_in_cycles_are_dashed():
    arrows = [patch for patch in draw_graph(NODES, LINKS).patches if isinstance(patch, FancyArrowPatch)]
    assert [arrow.get_linestyle() for arrow in arrows] == ["solid", "solid", "dashed", "solid", "dashed"]


def test_a_lone_node_and_nothing_at_all_can_be_drawn():
    assert draw_graph(NODES[:1], []).texts
    assert not draw_graph([], []).texts


def test_a_link_to_an_unknown_node_is_named():
    with pytest.raises(InputError, match="'link9'.*'colum.exc'; did you mean 'column.exc'"):
        draw_graph(NODES, [LinkArrow("link9", "input", "colum.exc")])


def test_two_nodes_of_one_path_are_refused():
    with pytest.raises(InputError, match="2 nodes are called 'input'"):
        draw_graph(NODES[:1] * 2, [])
