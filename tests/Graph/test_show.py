"""A graph as text, and look-ups in it."""

import numpy as np
import pytest

from spaic import registry
from spaic.errors import UnknownName
from spaic.Graph.links import Synapse
from spaic.Graph.schedule import schedule
from spaic.Graph.show import delay_text, explain
from spaic.Graph.transforms import Conv2d, Dense, Pool2d
from spaic.Library.initializers import uniform


def network(make):
    groups = [make.group("hidden.A", tau_m=np.array([5.0, 20.0])), make.group("hidden.B", tau_m=uniform(1.0, 2.0)), make.group("C")]
    synapse = Synapse(registry.synapses["first_order"], {"tau": 5.0}, "exact")
    links = [
        make.link("into", "x", "hidden.A.input", synapse=synapse, trainable=frozenset({"weight"})),
        make.link("there", "hidden.A.O", "hidden.B.input"),
        make.link("back", "hidden.B.O", "hidden.A.input", delay=np.array([[0.5, 1.0], [2.0, 0.5]])),
        make.link("away", "hidden.B.O", "C", delay=1.5),
    ]
    return make.graph([make.input("x", (2,)), *groups, make.output("out", "C.O")], links, seed=7)


def line(text, *parts):
    """The only line that has all `parts`."""
    found = [k for k in text.splitlines() if all(p in k for p in parts)]
    assert len(found) == 1, (parts, found)
    return found[0]


def test_the_head_counts(make):
    assert explain(network(make)).startswith("3 groups, 6 neurons, 16 weights, dt 0.5 ms, seed 7\n")


def test_nodes_stand_in_their_assemblies(make):
    text = explain(network(make))
    assert line(text, "hidden/") == "  hidden/"
    assert line(text, "    A ").startswith("    A ")
    assert "lif [2], exact" in line(text, "tau_m=array[2] 5..20 ms")
    assert "tau_m=uniform" in line(text, "    B ")
    assert line(text, "tau_m=20 ms").startswith("  C ")
    line(text, "  x ", "input [2]")
    line(text, "  out ", "output of C.O")


def test_links_show_the_delay_they_got(make):
    text = explain(network(make))
    assert line(text, "  into ", "->").endswith(
        "x.O -> hidden.A.input, Dense [[2, 2]] then synapse first_order, delay 0 ms (not stated), trained"
    )
    assert "delay 0.5 ms (not stated)" in line(text, "  there ", "->", "delay")
    assert "delay 0.5..2 ms per synapse" in line(text, "  back ", "->", "delay")
    assert line(text, "  away ", "->", "delay").endswith("delay 1.5 ms")


def test_transforms_are_named_in_order(make):
    transforms = (Conv2d(1, 2, (1, 1), 1.0), Pool2d((1, 1), (1, 1)), Dense(4, 2, 1.0))
    text = explain(make.graph([make.input("x", (1, 1, 2)), "A"], [make.link("k", "x", "A", *transforms)]))
    line(text, "Conv2d [[2, 1, 1, 1]] then Pool2d [] then Dense [[2, 4]]")


def test_the_schedule(make):
    text = explain(network(make))
    line(text, "1. hidden.A, hidden.B (island, step by step)")
    line(text, "2. C (layer, over all time)")


def test_the_drawing_marks_the_way_back(make):
    drawing = explain(network(make)).split("\ndrawing\n")[1]
    line(drawing, "[x] --into--> [hidden.A]")
    line(drawing, "[hidden.A] --there--> [hidden.B]")
    line(drawing, "[hidden.A] <--back-- [hidden.B]")
    line(drawing, "[hidden.B] --away--> [C]")
    line(drawing, "[C] ==> (out)")


def test_what_is_trained_is_listed_if_it_is_known(make):
    assert "trainable" not in explain(network(make))
    line(explain(network(make), {"into.weight": 1234}), "into.weight", "1,234")


def test_delay_text(make):
    graph = network(make)
    plan = schedule(graph)
    assert {k.name: delay_text(plan, k, 0.5) for k in graph.links}["away"] == "1.5 ms"


def test_look_ups(make):
    graph = network(make)
    assert graph.shape("hidden.A") == (2,) and graph.shape("x") == (2,)
    assert [k.name for k in graph.arriving("hidden.A")] == ["back", "into"]
    assert graph.read_variables() == {"x.O", "hidden.A.O", "hidden.B.O", "C.O"}
    for name in ("hidden.C", "out"):
        with pytest.raises(UnknownName, match=f"{name}: no input or population has this path"):
            graph.shape(name)
