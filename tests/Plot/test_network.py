import pytest
from matplotlib.patches import FancyArrowPatch

import spaic
from spaic.errors import InputError
from spaic.Plot import draw_network


class Column(spaic.Assembly):
    def __init__(self):
        super().__init__()
        self.exc = spaic.NeuronGroup(8, model="lif", neuron_type="excitatory")
        self.inh = spaic.NeuronGroup(2, model="lif", neuron_type="inhibitory")
        self.forth = spaic.Connection(self.exc, self.inh)
        self.back = spaic.Connection(self.inh, self.exc, delay=1.0)


@pytest.fixture
def areas():
    net = spaic.Network()
    net.eye = spaic.Encoder(shape=(2, 4), coding_method="poisson")
    net.v1, net.v2 = Column(), Column()
    net.optic = spaic.Connection(net.eye, net.v1.exc)
    net.way = spaic.Projection(net.v1, net.v2, link_type="sparse", delay=2.0)
    net.count = spaic.Decoder(dec_target=net.v2.exc)
    return net


def texts(ax):
    return [text.get_text() for text in ax.texts]


def arrows(ax):
    return [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]


def test_groups_nodes_and_connections_are_drawn_unbuilt(areas):
    ax = draw_network(areas, title="areas")
    assert ax.get_title(loc="left") == "areas"
    assert {"eye", "poisson · 2×4", "v1", "v2", "exc", "inh", "lif · 8", "count", "spike_counts · 8"} <= set(texts(ax))
    assert len(arrows(ax)) == 1 + 2 * 2 + 4 + 1


def test_delays_are_those_that_connections_got(areas):
    found = texts(draw_network(areas))
    assert found.count("full, 1 ms") == 2
    assert found.count("full, 0.1 ms") == 2  # not stated, in a loop
    assert found.count("sparse, 2 ms") == 4


def test_what_is_hidden_is_left_out(areas):
    areas.v2.hide()
    ax = draw_network(areas)
    assert "v2" not in texts(ax)
    assert len(arrows(ax)) == 3


@pytest.mark.parametrize(("depth", "boxes"), [(0, {"v1", "v2"}), (1, {"v1", "v2", "exc", "inh"}), (5, {"v1", "v2", "exc", "inh"})])
def test_assemblies_below_a_depth_are_one_box(areas, depth, boxes):
    ax = draw_network(areas, depth=depth)
    assert boxes <= set(texts(ax))
    assert ("exc" in texts(ax)) == ("exc" in boxes)
    if depth == 0:
        assert "2 groups · 10" in texts(ax)
        assert "4× sparse, 2 ms" in texts(ax)
        assert len(arrows(ax)) == 3


def test_equal_connections_are_one_arrow_and_others_are_not():
    with spaic.Network() as net:
        a, b = spaic.NeuronGroup(3, model="lif"), spaic.NeuronGroup(3, model="lif")
        wires = [spaic.Connection(a, b) for _ in range(3)]
        one = spaic.Connection(a, b, link_type="one_to_one", max_delay=5.0)
        shaped = spaic.Connection(a, b, syn_type="first_order")
    assert one.parent is shaped.parent is net and len(wires) == 3
    found = [text for text in texts(draw_network(net)) if "full" in text or "one" in text]
    assert len(found) == 3
    assert {"3× full", "full + first_order"} < set(found)
    assert any(text.startswith("one_to_one, 0") and " to " in text for text in found)


def test_a_generator_drives_its_target():
    with spaic.Network() as net:
        group = spaic.NeuronGroup(3, model="lif")
        clamp = spaic.Generator(dec_target=group, coding_method="constant_current")
    assert clamp.parent is net
    ax = draw_network(net)
    assert "constant_current · 3" in texts(ax)
    assert len(arrows(ax)) == 1


def test_an_empty_network_is_an_empty_drawing():
    assert not draw_network(spaic.Network()).texts


@pytest.mark.parametrize("depth", [-1, 0.5, True, "all"])
def test_a_depth_that_is_none_is_named(areas, depth):
    with pytest.raises(InputError, match="draw_network: depth"):
        draw_network(areas, depth=depth)


def test_something_else_than_a_network_is_named(areas):
    with pytest.raises(InputError, match=r"draw_network: <Column v1> is not a network"):
        draw_network(areas.v1)
