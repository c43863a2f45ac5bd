"""Signs, sums and bounds of weights: at the beginning, and after every step of a learner. Absent synapses stay absent."""

import numpy as np
import pytest
import torch

import spaic
from spaic.errors import DeclarationError, NetworkError

DATA = np.random.default_rng(0).random((5, 6)).astype(np.float32)


def network(backend="torch", pre=6, post=4, **options):
    with spaic.Network(seed=3) as net:
        net.input = spaic.Encoder(shape=pre if isinstance(pre, tuple) else (pre,), coding_method="poisson")
        net.cells = spaic.NeuronGroup(post, model="lif")
        net.way = spaic.Connection(net.input, net.cells, **options)
        net.output = spaic.Decoder(dec_target=net.cells, coding_method="final_voltage")
        if backend == "torch":
            net.learner = spaic.SurrogateBP(net)
    net.set_backend(backend, dt=1.0, **({"kernels": "plain"} if backend == "torch" else {}))
    net.build()
    return net


def weights(net):
    value = net.state_dict()["way.weight"]
    return value.detach().numpy() if hasattr(value, "detach") else value


def trained(net, rounds=5, data=DATA):
    """Weights after steps that lead anywhere."""
    optimizer = torch.optim.Adam(net.parameters(), lr=0.5)
    generator = torch.Generator().manual_seed(0)
    for _ in range(rounds):
        net.input(data)
        net.run(10.0)
        optimizer.zero_grad()
        (net.output.predict * torch.randn(net.output.predict.shape, generator=generator)).sum().backward()
        optimizer.step()
    net.input(data)
    net.run(1.0)
    return weights(net)


@pytest.mark.parametrize("sign", ["+", "-"])
@pytest.mark.parametrize("backend", ["torch", "reference"])
def test_drawn_weights_are_mirrored(sign, backend):
    plain, signed = weights(network(backend, w_mean=0.0, w_std=1.0)), weights(network(backend, w_mean=0.0, w_std=1.0, sign=sign))
    assert (plain > 0).any() and (plain < 0).any()
    assert np.array_equal(signed, np.abs(plain) if sign == "+" else -np.abs(plain))


@pytest.mark.parametrize("sign", ["+", "-"])
@pytest.mark.parametrize("link", [{}, {"link_type": "random", "storage": "sparse", "probability": 0.6}])
def test_a_sign_lasts(sign, link):
    found = trained(network(sign=sign, w_std=0.3, w_mean=0.2, **link))
    assert (found >= 0).all() if sign == "+" else (found <= 0).all()
    assert (found == 0).any() and (found != 0).any()


@pytest.mark.parametrize("link", [
    {"link_type": "full"},
    {"link_type": "random", "fan_in": 3, "storage": "dense"},
    {"link_type": "random", "fan_in": 3, "storage": "sparse"},
])  # fmt: skip
@pytest.mark.parametrize("backend", ["torch", "reference"])
def test_sums_of_what_enters_a_neuron(link, backend):
    net = network(backend, w_norm=2.5, w_std=0.4, **link)
    np.testing.assert_allclose(sums(net), 2.5, rtol=1e-6)
    if backend == "torch":
        before = weights(net).copy()
        assert np.abs(trained(net) - before).max() > 0.1
        np.testing.assert_allclose(sums(net), 2.5, rtol=1e-6)


def sums(net):
    transform = net.graph.links[0].transforms[0]
    found = np.zeros(4)
    values = weights(net)
    for j in range(4):
        if hasattr(transform, "targets"):
            found[j] = sum(abs(values[s]) for s in range(len(values)) if transform.targets[s] == j)
        else:
            found[j] = np.abs(values[j]).sum()
    return found


def test_sums_of_the_channels_of_a_convolution():
    net = network(pre=(1, 4, 4), post=8, link_type="conv", out_channels=2, kernel_size=3, w_norm=1.5)
    np.testing.assert_allclose(np.abs(weights(net)).sum((1, 2, 3)), 1.5, rtol=1e-6)


def test_a_neuron_without_weights_has_no_sum():
    matrix = np.ones((4, 6))
    matrix[2] = 0
    assert np.array_equal(sums(network(link_type="matrix", matrix=matrix, storage="dense", w_norm=3.0)), [3, 3, 0, 3])


def test_sign_and_bounds_together():
    found = trained(network(sign="-", w_min=-0.4, w_std=0.3))
    assert found.min() >= np.float32(-0.4) and found.max() <= 0


@pytest.mark.parametrize("bounds", [{}, {"w_min": 0.1, "w_max": 0.4}, {"w_norm": 1.0}])
def test_absent_synapses_are_absent(bounds):
    net = network(link_type="random", probability=0.5, **bounds)
    mask = net.graph.links[0].transforms[0].mask
    assert not mask.all() and not weights(net)[~mask].any()
    found = trained(net)
    assert not found[~mask].any() and found[mask].all()


@pytest.mark.parametrize("options, message", [
    ({"sign": "positive"}, r"Connection\(full\).sign: 'positive' is no sign"),
    ({"sign": "+", "w_max": -1.0}, "no weight between w_min and w_max has the sign"),
    ({"w_norm": 0.0}, "w_norm: 0.0 is not above 0"),
    ({"w_norm": True}, "w_norm: True is not above 0"),
    ({"w_norm": float("nan")}, "w_norm: nan is not above 0"),
])  # fmt: skip
def test_declarations_that_cannot_be(options, message):
    with pytest.raises(DeclarationError, match=message):
        network(**options)


@pytest.mark.parametrize("options, message", [
    ({"weight": -1.0, "sign": "+"}, "way.weight: given values are outside"),
    ({"link_type": "flatten", "post": 6, "sign": "+"}, "way: sign and w_norm are about weights, and 'flatten' has none"),
    ({"link_type": "one_to_one", "post": 6, "w_norm": 1.0}, "way.w_norm: the weights that enter a neuron of 'one_to_one' are not apart"),
    ({"link_type": "random", "allow_self": False}, "way.allow_self: 'input' is not 'cells', so no neuron meets itself"),
])  # fmt: skip
def test_connections_that_cannot_be_held(options, message):
    with pytest.raises(NetworkError, match=message):
        network(**options)


def test_constraints_are_saved(tmp_path):
    net = network(sign="-", w_norm=2.0, link_type="random", probability=0.5)
    net.save(tmp_path / "net.spaic")
    loaded = spaic.load(tmp_path / "net.spaic")
    assert (loaded.way.sign, loaded.way.w_norm, loaded.way.bounds) == ("-", 2.0, net.way.bounds)


@pytest.mark.parametrize("options", [
    {"link_type": "index_list", "index_list": [(0, 1), (3, 2)], "weight": [1.0, 2.0]},
    {"link_type": "random", "fan_in": 2, "storage": "sparse", "delay": np.full((4, 6), 2.0)},
    {"link_type": "distance", "width": 0.4},
    {"link_type": "distance", "decays": "weight", "width": 0.5, "pre_position": np.eye(6), "post_position": np.eye(6)[:4]},
    {"link_type": "population_mean", "weight": np.ones((4, 1))},
])  # fmt: skip
def test_links_are_saved(options, tmp_path):
    net = network(**options)
    net.save(tmp_path / "net.spaic")
    loaded = spaic.load(tmp_path / "net.spaic")
    assert np.array_equal(weights(loaded), weights(net))
    for a, b in zip(net.graph.links[0].transforms, loaded.graph.links[0].transforms, strict=True):
        assert type(a) is type(b)


def test_a_sparse_matrix_is_saved(tmp_path):
    import scipy.sparse

    matrix = scipy.sparse.random_array((4, 6), density=0.5, rng=np.random.default_rng(0))
    net = network(link_type="matrix", matrix=matrix)
    net.save(tmp_path / "net.spaic")
    loaded = spaic.load(tmp_path / "net.spaic")
    np.testing.assert_allclose(weights(loaded), matrix.toarray(), rtol=1e-6)


def test_no_neuron_meets_itself():
    with spaic.Network() as net:
        net.cells = spaic.NeuronGroup(9, model="lif")
        net.way = spaic.Connection(net.cells, net.cells, link_type="random", probability=0.9, allow_self=False)
    net.set_backend("reference", dt=1.0)
    net.build()
    found = net.state_dict()["way.weight"]
    assert not found.diagonal().any() and (found != 0).sum() > 50
