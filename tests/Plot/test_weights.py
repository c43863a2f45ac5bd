import numpy as np
import pytest
import torch

import spaic
from spaic.errors import InputError, StateError
from spaic.Plot import weight_map
from spaic.Plot.colours import scale
from spaic.Plot.weights import weights_of


def shown(ax):
    """The matrix that is drawn, with NaN where nothing is."""
    return np.ma.filled(ax.images[0].get_array().astype(float), np.nan)


def colours(ax):
    image = ax.images[0]
    return image.get_cmap().name, *image.get_clim()


def bar_of(ax):
    return next(other for other in ax.figure.axes if other is not ax)


def test_a_connection_is_drawn_with_the_weights_it_has_now(world):
    ax = weight_map(world.full)
    np.testing.assert_allclose(shown(ax), world.net.state_dict()["full.weight"].numpy())
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("neuron of pixels", "neuron of plain")
    assert bar_of(ax).get_ylabel() == "weight"


def test_synapses_that_are_not_there_are_left_out(world):
    matrix = shown(weight_map(world.sparse))
    assert (np.isnan(matrix) == (np.arange(36).reshape(6, 6) % 3 != 0)).all()
    assert np.isnan(weights_of(world.sparse_weight, "here").values[0, 1]).all()


def test_a_one_to_one_connection_is_a_row(world):
    np.testing.assert_array_equal(shown(weight_map(world.single)), np.arange(6.0)[None])


@pytest.mark.parametrize(("time", "sample"), [(None, -1), (5.0, 0), (9.9, 0), (10.0, 1), (20.0, 3)])
def test_a_monitor_gives_the_weights_of_the_time_asked_for(world, time, sample):
    np.testing.assert_allclose(shown(weight_map(world.weight, time=time)), world.weight.values[..., sample])


@pytest.mark.parametrize("backend", ["torch", "reference"])
def test_weights_of_every_backend_are_drawn(backend):
    with spaic.Network() as net:
        a, b = spaic.NeuronGroup(3, model="lif"), spaic.NeuronGroup(2, model="lif")
        wire = spaic.Connection(a, b, weight=np.arange(6.0).reshape(2, 3))
    net.set_backend(backend)
    assert b.parent is net
    np.testing.assert_array_equal(shown(weight_map(wire)), [[0, 1, 2], [3, 4, 5]])


def test_mixed_signs_are_centred_at_zero_and_one_sign_is_not():
    assert colours(weight_map([[-1.0, 3.0]])) == ("RdBu_r", -3.0, 3.0)
    assert colours(weight_map([[1.0, 3.0]])) == ("viridis", 1.0, 3.0)
    assert colours(weight_map([[-2.0, -1.0]])) == ("viridis", -2.0, -1.0)


def test_limits_are_kept_and_what_is_beyond_is_shown_by_the_bar():
    ax = weight_map([[-1.0, 3.0]], limits=(-0.5, 0.5))
    assert colours(ax) == ("RdBu_r", -0.5, 0.5)
    assert ax.images[0].colorbar.extend == "both"
    assert weight_map([[-1.0, 3.0]]).images[0].colorbar.extend == "neither"


@pytest.mark.parametrize("matrix", [np.ones((2, 2)), np.zeros((1, 1)), np.full((2, 2), np.nan), [[np.inf, 1.0], [2.0, -np.inf]]])
def test_constant_missing_and_infinite_weights_are_drawn(matrix):
    ax = weight_map(matrix)
    low, high = ax.images[0].get_clim()
    assert low < high and np.isfinite([low, high]).all()
    ax.figure.canvas.draw()


def test_large_and_narrow_matrices_fill_the_axes():
    assert weight_map(np.ones((2000, 1000))).get_aspect() == 1.0
    assert weight_map(np.ones((2000, 3))).get_aspect() == "auto"


def test_the_shape_of_the_presynaptic_side_is_known(world):
    assert weights_of(world.conv, "here").pre_shape == (2, 4, 4)
    assert weights_of(torch.ones(2, 3), "here").pre_shape is None


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("conv", {}, r"\[3, 2, 3, 3\], a matrix is needed; use spaic.Plot.kernels"),
        ("pool", {}, r"'pool' \(pool\) has no weights"),
        ("membrane", {}, "the monitor records 'cells.V_before_reset', not weights"),
        ("plain", {}, "<NeuronGroup plain> has no weights of its own"),
        ("net", {}, r"has no weights of its own \(inside it: conv, pool, full"),
        ("full", {"time": 5.0}, "time 5.0 is given, but these weights are not recorded over time"),
        ("weight", {"time": 30.0}, "time 30.0 ms is outside of the recording; give one from 5 to 20 ms"),
        ("weight", {"time": 1.0}, "time 1.0 ms is outside"),
        ("weight", {"time": "end"}, "time 'end' ms is outside"),
        ("full", {"limits": (1.0, -1.0)}, r"the limits \(1.0, -1.0\) are no interval"),
    ],
)
def test_what_cannot_be_drawn_is_named(world, source, options, message):
    with pytest.raises(InputError, match=f"weight_map: .*{message}"):
        weight_map(getattr(world, source), **options)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (2, 2, 2)])
def test_an_array_that_is_no_matrix_is_named(shape):
    with pytest.raises(InputError, match="a matrix is needed"):
        weight_map(np.zeros(shape))


def test_a_connection_outside_of_a_network_has_no_weights():
    with pytest.raises(StateError, match="belongs to no network yet"):
        weight_map(spaic.Connection(spaic.NeuronGroup(2, model="lif"), spaic.NeuronGroup(2, model="lif")))


def test_a_hidden_connection_says_that_it_is_hidden():
    with spaic.Network() as net:
        a, b = spaic.NeuronGroup(3, model="lif"), spaic.NeuronGroup(2, model="lif")
        wire = spaic.Connection(a, b)
    wire.hide()
    assert b.parent is net
    with pytest.raises(InputError, match="it is hidden, show"):
        weight_map(wire)


def test_a_projection_names_its_connections():
    with spaic.Network() as net:
        one, two = spaic.Assembly(), spaic.Assembly()
        one.a, two.b = spaic.NeuronGroup(3, model="lif"), spaic.NeuronGroup(2, model="lif")
        way = spaic.Projection(one, two, link_type="full")
    net.build()
    with pytest.raises(InputError, match=r"<Projection way> has no weights of its own \(inside it: way.a_to_b\)"):
        weight_map(way)
    assert shown(weight_map(way.a_to_b)).shape == (2, 3)


def test_a_scale_needs_finite_ends():
    with pytest.raises(InputError, match="no interval"):
        scale(np.eye(2), (0.0, float("nan")), "here")


def test_a_list_of_synapses_is_drawn_as_a_matrix():
    with spaic.Network() as net:
        net.a, net.b = spaic.NeuronGroup(5, model="lif"), spaic.NeuronGroup(4, model="lif")
        net.way = spaic.Connection(net.a, net.b, link_type="index_list", index_list=[(4, 0), (0, 3)], weight=[1.0, 2.0], storage="sparse")
    net.set_backend("reference", dt=1.0)
    net.build()
    values = weights_of(net.way, "here").values
    assert values.shape == (4, 5) and values[0, 4] == 1 and values[3, 0] == 2 and np.isnan(values).sum() == 18
