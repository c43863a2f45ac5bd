"""Drawings of nested networks stay readable: nothing written covers something else, and no arrow runs through a box."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest

from spaic.Plot import LinkArrow, NodeBox, draw_graph
from spaic.Plot.arrows import COLUMN, HEIGHT, ROW, WIDTH, along, curves
from spaic.Plot.labels import node_box, place_labels
from spaic.Plot.layout import columns, place


def nested():
    """Two areas of two columns of two groups each, with loops everywhere."""
    nodes, links = [NodeBox("retina", "input", (28, 28))], []
    for area, column in itertools.product(("v1", "v2"), ("upper", "lower")):
        exc, inh = (f"{area}.{column}.{name}" for name in ("exc", "inh"))
        nodes += [NodeBox(exc, "population", (80,), "lif"), NodeBox(inh, "population", (20,), "lif")]
        links += [LinkArrow("", exc, inh, 0.1, "full"), LinkArrow("", inh, exc, 1.0, "full"), LinkArrow("", exc, exc, 2.0, "sparse")]
    for area in ("v1", "v2"):
        links += [
            LinkArrow("", f"{area}.upper.exc", f"{area}.lower.exc", 1.5, "full"),
            LinkArrow("", f"{area}.lower.exc", f"{area}.upper.inh", 0.5, "full"),
        ]
    links += [
        LinkArrow("", "retina", "v1.upper.exc", 0.0, "full"),
        LinkArrow("", "retina", "v1.lower.exc", 0.0, "full"),
        LinkArrow("", "v1.lower.exc", "v2.upper.exc", 0.1, "full"),
        LinkArrow("", "v1.upper.exc", "v2.lower.exc", 5.0, "full"),
        LinkArrow("", "v2.upper.exc", "v1.upper.inh", 8.0, "full"),
    ]
    return nodes, links


def chain():
    names = "abcd"
    links = [LinkArrow("", a, b, 1.0, "full") for a, b in itertools.pairwise(names)]
    return [NodeBox(name) for name in names], [*links, LinkArrow("", "a", "d", 2.0, "sparse"), LinkArrow("", "d", "a", 3.0, "full")]


def parallel():
    links = [LinkArrow("", "a", "b", float(i), "full") for i in range(5)]
    return [NodeBox("a"), NodeBox("b")], [*links, *(LinkArrow("", "b", "a", float(i), "full") for i in (7, 8))]


EVERY = pytest.mark.parametrize("network", [nested, chain, parallel], ids=lambda network: network.__name__)


@EVERY
def test_no_text_covers_another(network):
    ax = draw_graph(*network())
    ax.figure.canvas.draw()
    boxes = [(text.get_text(), text.get_window_extent()) for text in ax.texts]
    for (one, first), (other, second) in itertools.combinations(boxes, 2):
        wide = min(first.x1, second.x1) - max(first.x0, second.x0)
        high = min(first.y1, second.y1) - max(first.y0, second.y0)
        assert min(wide, high) < 2.0, f"{one!r} and {other!r} cover each other"


@EVERY
def test_all_is_inside_of_the_figure(network):
    ax = draw_graph(*network(), title="a title")
    ax.figure.canvas.draw()
    sheet = ax.figure.bbox
    for text in ax.texts:
        box = text.get_window_extent()
        assert sheet.x0 <= box.x0 and box.x1 <= sheet.x1 and sheet.y0 <= box.y0 and box.y1 <= sheet.y1, text.get_text()


def test_arrows_keep_clear_of_the_boxes_they_do_not_join():
    nodes, links = nested()
    position = {node.path: i for i, node in enumerate(nodes)}
    pairs = [(position[link.source], position[link.target]) for link in links]
    column = columns(len(nodes), pairs)
    blocks = sorted((b for b in place(list(position), column).inner() if b.node is not None), key=lambda b: b.node)
    centres = [(COLUMN * block.first, -ROW * (block.top + 0.5)) for block in blocks]
    for pair, curve in zip(pairs, curves(pairs, column, centres), strict=True):
        points = along(curve, np.linspace(0, 1, 200))
        for node, (x, y) in enumerate(centres):
            inside = (abs(points[:, 0] - x) < WIDTH / 2) & (abs(points[:, 1] - y) < HEIGHT / 2)
            assert node in pair or not inside.any(), f"{nodes[pair[0]].path} -> {nodes[pair[1]].path} runs through {nodes[node].path}"


def test_an_arrow_ends_at_the_border_of_its_boxes():
    centres = [(0.0, 0.0), (2.3, 0.0), (2.3, -1.0)]
    pairs = [(0, 1), (1, 0), (1, 2), (2, 1), (0, 0)]
    for pair, curve in zip(pairs, curves(pairs, [0, 1, 1], centres), strict=True):
        for end, node in zip(curve[[0, -1]], pair, strict=True):
            away = np.abs(end - centres[node])
            on_side = np.isclose(away[0], WIDTH / 2) and away[1] <= HEIGHT / 2
            assert on_side or (np.isclose(away[1], HEIGHT / 2) and away[0] <= WIDTH / 2)


def test_a_label_stays_at_its_arrow_and_an_empty_one_has_no_place():
    curve = np.array([(0.7, 0.0), (1.2, 0.0), (1.7, 0.0), (2.2, 0.0)])
    places = place_labels(["full", ""], [curve, curve + (0, 1)], [node_box((0.0, 0.0)), node_box((2.9, 0.0))])
    assert places[1] is None
    assert np.abs(np.array(places[0]) - (1.45, 0.0)).max() < 0.3


def test_type_shrinks_with_the_axes_that_are_given():
    nodes, links = nested()
    wide = draw_graph(nodes, links)
    small = draw_graph(nodes, links, plt.figure(figsize=(5, 3)).add_subplot())
    size = {ax: next(text.get_fontsize() for text in ax.texts if text.get_text() == "exc") for ax in (wide, small)}
    assert size[small] < 0.5 * size[wide]


def test_long_names_keep_both_ends_and_fit_into_their_box():
    ax = draw_graph([NodeBox("thalamocortical_relay_neurons_left", "population", (64, 112, 112), "hodgkin_huxley")], [])
    ax.figure.canvas.draw()
    name = ax.texts[0]
    assert name.get_text() == "thalamocort…urons_left"
    width = ax.transData.transform((WIDTH, 0.0))[0] - ax.transData.transform((0.0, 0.0))[0]
    assert all(text.get_window_extent().width <= width for text in ax.texts)


def test_a_range_of_delays_is_written_out():
    assert LinkArrow("", "a", "b", (1.0, 5.0), "full").label == "full, 1 to 5 ms"
    assert LinkArrow("", "a", "b", (0.0, 0.0), "full").label == "full"
