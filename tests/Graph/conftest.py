"""Graphs of a few elements."""

import numpy as np
import pytest

from spaic import registry
from spaic.clock import Clock
from spaic.Graph.graph import Graph
from spaic.Graph.links import Link
from spaic.Graph.nodes import Input, Output, Population
from spaic.Graph.transforms import Dense


class Make:
    """Elements with all that a test does not care about filled in."""

    @staticmethod
    def group(name, shape=(2,), model="lif", **parameters):
        model = registry.neurons[model] if isinstance(model, str) else model
        values = {k: p.default for k, p in model.parameters.items() if not isinstance(p.default, str)}
        initial = parameters.pop("initial", {})
        return Population(name, shape, model, {**values, **parameters}, model.method, initial)

    @staticmethod
    def link(name, source, target, *transforms, pre=2, post=2, **fields):
        source, target = (f"{source}.O" if "." not in source else source), (f"{target}.input" if "." not in target else target)
        return Link(name, source, target, transforms or (Dense(pre, post, np.ones((post, pre))),), **fields)

    @staticmethod
    def graph(nodes, links=(), probes=(), dt=0.5, seed=0):
        """Nodes may be names of groups of two neurons."""
        made = tuple(Make.group(n) if isinstance(n, str) else n for n in nodes)
        return Graph(made, tuple(links), tuple(probes), Clock(dt), seed)

    input, output = Input, Output


@pytest.fixture(scope="session")
def make():
    """The class :class:`Make`."""
    return Make
