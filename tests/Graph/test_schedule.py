"""The order of execution and the delays follow from the graph, never from the order of declaration."""

import itertools
import random

import numpy as np
import pytest

from spaic.errors import GraphError, SpaicError
from spaic.Graph.schedule import schedule
from spaic.Library.initializers import constant, uniform


def wired(make, *wires, delays=None, order=None, dt=0.5):
    """A graph of groups from text like ``"AB BC"``; `order` shuffles nodes and links."""
    pairs = " ".join(wires).split()
    names = sorted(set("".join(pairs)) - {"x"})
    links = [make.link(f"{a}_{b}", a, b, delay=(delays or {}).get(a + b)) for a, b in pairs]
    nodes = [*names, make.input("x", (2,))]
    if order is not None:
        random.Random(order).shuffle(nodes)
        random.Random(order + 1).shuffle(links)
    return make.graph(nodes, links, dt=dt)


def shown(plan):
    return [(stage.populations, stage.is_island) for stage in plan.stages]


def test_layers_in_a_row(make):
    plan = schedule(wired(make, "xC CA AB"))
    assert shown(plan) == [(("C",), False), (("A",), False), (("B",), False)]
    assert set(plan.delays.values()) == {0}


def test_a_cycle_is_an_island_with_one_step_inside(make):
    plan = schedule(wired(make, "xA AB BC CB CD xC"))
    assert shown(plan) == [(("A",), False), (("B", "C"), True), (("D",), False)]
    assert plan.delays == {"x_A": 0, "A_B": 0, "B_C": 1, "C_B": 1, "C_D": 0, "x_C": 0}


def test_a_group_that_feeds_itself_is_an_island(make):
    plan = schedule(wired(make, "xA AA AB"))
    assert shown(plan) == [(("A",), True), (("B",), False)]
    assert plan.delays["A_A"] == 1


def test_zero_delays_order_an_island(make):
    """C must come before B, which must come before A, whatever their names."""
    plan = schedule(wired(make, "AC CB BA", delays={"CB": 0.0, "BA": 0.0}))
    assert shown(plan) == [(("C", "B", "A"), True)]
    assert plan.delays == {"A_C": 1, "C_B": 0, "B_A": 0}


@pytest.mark.parametrize(
    "wires, delays", [("xA AB BC CB CD AD DE EE xE EF", {"BC": 1.0}), ("AB BA CD DC AC BD", {"AB": 0.0, "CD": 0.0}), ("AB CD EF BF", {})]
)
def test_the_order_of_declaration_means_nothing(make, wires, delays):
    expected = schedule(wired(make, wires, delays=delays))
    for order in range(20):
        plan = schedule(wired(make, wires, delays=delays, order=order))
        assert shown(plan) == shown(expected)
        assert plan.delays == expected.delays


def test_every_stage_comes_after_what_it_reads(make):
    for seed in range(30):
        rng = random.Random(seed)
        pairs = {"".join(rng.choices("ABCDEFGH", k=2)) for _ in range(10)}
        graph = wired(make, *sorted(pairs))
        plan = schedule(graph)
        place = {name: i for i, stage in enumerate(plan.stages) for name in stage.populations}
        assert sorted(place) == sorted(p.name for p in graph.populations)
        reach = closure(pairs)
        for a, b in pairs:
            assert place[a] <= place[b]
            is_inside = (b, a) in reach
            assert (place[a] == place[b]) == is_inside
            assert plan.delays[f"{a}_{b}"] == int(is_inside)
        for stage in plan.stages:
            assert stage.is_island == ((stage.populations[0],) * 2 in reach)


def closure(pairs):
    """All pairs (a, b) with a way from a to b."""
    reach = {tuple(p) for p in pairs}
    names = {n for p in reach for n in p}
    for via, a, b in itertools.product(sorted(names), names, names):
        if (a, via) in reach and (via, b) in reach:
            reach.add((a, b))
    return reach


@pytest.mark.parametrize("wires", ["AA", "AB BA", "xA AB BC CA CD"])
def test_a_loop_without_delay_is_named(make, wires):
    members = {a for a, b in wires.split() if (a, a) in closure(wires.split())}
    with pytest.raises(GraphError, match="has no delay; give one of its connections a delay of at least one step") as caught:
        schedule(wired(make, wires, delays=dict.fromkeys(wires.split(), 0.0)))
    named = str(caught.value).split("the loop ")[1].split(" has no delay")[0].split(" -> ")
    assert set(named) == members and named[0] == named[-1]


def test_one_stated_step_is_enough(make):
    plan = schedule(wired(make, "AB BA", delays={"AB": 0.0, "BA": 0.5}))
    assert shown(plan) == [(("A", "B"), True)]


@pytest.mark.parametrize("delay, steps", [(0.0, 0), (0.5, 1), (3.0, 6), (0.5 * 3, 3)])
def test_stated_delays_in_steps(make, delay, steps):
    plan = schedule(wired(make, "xA", delays={"xA": delay}))
    assert plan.delays["x_A"] == plan.depth["x_A"] == steps


def test_delays_off_by_rounding_alone_are_on_the_grid(make):
    assert schedule(wired(make, "xA", delays={"xA": 0.1 + 0.2}, dt=0.1)).delays["x_A"] == 3
    per_synapse = schedule(wired(make, "xA", delays={"xA": np.array([[0.1 + 0.2, 0.7], [1e-17, 1.1]])}, dt=0.1)).delays["x_A"]
    assert per_synapse.tolist() == [[3, 7], [0, 11]]


@pytest.mark.parametrize("delay", [0.7, 0.25, np.full((2, 2), 0.7), np.array([[0.5, 0.5], [0.5, 0.6]])])
def test_delays_off_the_grid(make, delay):
    with pytest.raises(SpaicError, match=r"x_A\.delay: 0\.\d+ ms is not a whole number of steps of 0\.5 ms"):
        schedule(wired(make, "xA", delays={"xA": delay}))


@pytest.mark.parametrize("delay", [-0.5, np.full((2, 2), -0.5)])
def test_negative_delays(make, delay):
    with pytest.raises(SpaicError, match=r"x_A\.delay: .*-0\.5"):
        schedule(wired(make, "xA", delays={"xA": delay}))


def test_one_delay_per_synapse(make):
    plan = schedule(wired(make, "xA", delays={"xA": np.array([[0.0, 1.0], [2.5, 0.5]])}))
    assert plan.delays["x_A"].tolist() == [[0, 2], [5, 1]] and plan.depth["x_A"] == 5


def test_drawn_delays_are_rounded_to_the_grid_and_belong_to_seed_and_path(make):
    draw = {"xA": uniform(0.0, 5.0), "xB": uniform(0.0, 5.0)}
    plan, again = (schedule(wired(make, "xA xB", delays=draw)) for _ in range(2))
    assert plan.delays["x_A"].dtype == np.int64 and ((plan.delays["x_A"] >= 0) & (plan.delays["x_A"] <= 10)).all()
    assert np.array_equal(plan.delays["x_A"], again.delays["x_A"])
    assert not np.array_equal(plan.delays["x_A"], plan.delays["x_B"])
    assert schedule(wired(make, "xA", delays={"xA": constant(0.7)})).delays["x_A"].tolist() == [[1, 1], [1, 1]]


def test_one_synapse_without_delay_makes_a_loop(make):
    delays = {"AB": np.array([[0.0, 1.0], [1.0, 1.0]]), "BA": 0.0}
    with pytest.raises(GraphError, match="has no delay"):
        schedule(wired(make, "AB BA", delays=delays))


def test_a_graph_without_links_or_groups(make):
    assert shown(schedule(make.graph(["B", "A"]))) == [(("A",), False), (("B",), False)]
    assert schedule(make.graph([])).stages == ()


def test_a_delay_that_no_memory_holds(make):
    with pytest.raises(GraphError, match=r"A_B.delay: 200,000,000,000,000 steps of \d+ values take [\d,]+ bytes for each sample"):
        schedule(wired(make, "xA AB", delays={"AB": 1e14}))
