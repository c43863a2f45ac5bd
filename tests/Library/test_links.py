"""Every link type against a matrix built by loops, on both backends, and what each refuses."""

from itertools import product

import numpy as np
import pytest
import scipy.sparse
import torch

import spaic
from spaic import registry
from spaic.Backend.Reference.program import apply as in_numpy
from spaic.Backend.Torch.links.transforms import apply as in_torch
from spaic.errors import DeclarationError, GraphError
from spaic.Graph.transforms import Dense, Sparse
from spaic.Graph.values import materialise
from spaic.seeds import Key

RNG = np.random.default_rng(7)


def made(name, pre, post, seed=0, **options):
    """The transform of a link type that has the parameters, and these as arrays."""
    transform, *_ = registry.links[name](**options).transforms(pre, post, "way", Key(seed, "way", "pattern"))
    values = {
        k: np.broadcast_to(materialise(v, shape, Key(seed, "way", k), *transform.fans()), shape)
        for k, (v, shape) in transform.parameters().items()
    }
    return transform, values


def matrix_of(transform, values, pre, apply):
    """What a transform does to every unit vector, ``[post, pre]``, without its bias."""
    size = int(np.prod(pre))
    units = np.eye(size).reshape(size, *pre)
    own = {k: v for k, v in values.items() if k != "bias"}
    if apply is in_torch:
        own = {k: torch.tensor(np.array(v), dtype=torch.float64) for k, v in own.items()}
        return in_torch(transform, torch.tensor(units), own).reshape(size, -1).numpy().T
    return in_numpy(transform, units, own).reshape(size, -1).T


def assert_matrix(transform, values, pre, expected):
    assert int(np.prod(transform.output_shape(pre, "way"))) == len(expected)
    for apply in (in_numpy, in_torch):
        np.testing.assert_allclose(matrix_of(transform, values, pre, apply), expected, rtol=0, atol=1e-12)
    if "bias" in values:
        x = RNG.normal(size=(3, *pre))
        whole = in_numpy(transform, x, values)
        own = {k: torch.tensor(np.array(v), dtype=torch.float64) for k, v in values.items()}
        bias = values["bias"]
        spread = bias.repeat(whole[0].size // bias.size) if whole[0].size != bias.size else bias.ravel()
        np.testing.assert_allclose(whole.reshape(3, -1), x.reshape(3, -1) @ expected.T + spread, rtol=0, atol=1e-12)
        np.testing.assert_allclose(in_torch(transform, torch.tensor(x), own).numpy(), whole, rtol=0, atol=1e-12)


# --- images


def each(*sizes):
    return product(*(range(n) for n in sizes))


def conv_matrix(weight, pre, places, stride, padding, dilation, groups):
    """Loops over every output, input channel and tap."""
    out, per_in = weight.shape[:2]
    found = np.zeros((out, *places, *pre))
    for o in range(out):
        first = o // (out // groups) * per_in
        for place in each(*places):
            for c in range(per_in):
                for tap in each(*weight.shape[2:]):
                    at = [p * s + t * d - q for p, s, t, d, q in zip(place, stride, tap, dilation, padding, strict=True)]
                    if all(0 <= a < n for a, n in zip(at, pre[1:], strict=True)):
                        found[(o, *place, first + c, *at)] += weight[(o, c, *tap)]
    return found.reshape(out * int(np.prod(places)), -1)


def triple(value, n):
    return (value,) * n if isinstance(value, int) else value


CONVOLUTIONS = [
    ("conv1d", (2, 9), {"kernel_size": 3, "out_channels": 3, "stride": 2, "padding": 1}),
    ("conv1d", (4, 10), {"kernel_size": 2, "out_channels": 2, "dilation": 3, "groups": 2, "bias": [0.1, -0.3]}),
    ("conv", (2, 5, 6), {"kernel_size": (3, 2), "out_channels": 3, "stride": (1, 2), "padding": (1, 0), "bias": [0.1, 0.2, 0.3]}),
    ("conv", (4, 6, 6), {"kernel_size": 2, "out_channels": 6, "groups": 2, "dilation": (2, 1)}),
    ("conv3d", (2, 4, 3, 4), {"kernel_size": (2, 3, 2), "out_channels": 2, "padding": (0, 1, 1), "stride": (2, 1, 2), "bias": [1.0, 2.0]}),
    ("depthwise", (3, 5, 5), {"kernel_size": 3, "multiplier": 2, "padding": 1}),
]


@pytest.mark.parametrize("name, pre, options", CONVOLUTIONS)
def test_convolutions(name, pre, options):
    transform, values = made(name, pre, (99,), **options)
    n = len(pre) - 1
    places = transform.output_shape(pre, "way")[1:]
    stride, padding, dilation = (triple(options.get(k, d), n) for k, d in (("stride", 1), ("padding", 0), ("dilation", 1)))
    groups = pre[0] if name == "depthwise" else options.get("groups", 1)
    assert_matrix(transform, values, pre, conv_matrix(values["weight"], pre, places, stride, padding, dilation, groups))


@pytest.mark.parametrize(
    "name, pre, options",
    [
        ("conv_transpose1d", (2, 4), {"kernel_size": 3, "out_channels": 3, "stride": 2, "padding": 1, "output_padding": 1}),
        (
            "conv_transpose",
            (2, 3, 4),
            {"kernel_size": (3, 2), "out_channels": 3, "stride": (1, 2), "padding": (1, 0), "bias": [0.1, 0.2, 0.3]},
        ),
        ("conv_transpose", (4, 3, 3), {"kernel_size": 2, "out_channels": 2, "groups": 2, "dilation": 2, "output_padding": (1, 0)}),
        ("conv_transpose3d", (1, 2, 3, 2), {"kernel_size": 2, "out_channels": 2, "stride": (2, 1, 3), "output_padding": (1, 0, 2)}),
    ],
)
def test_transposed_convolutions_are_the_transpose(name, pre, options):
    transform, values = made(name, pre, (99,), **options)
    n = len(pre) - 1
    result = transform.output_shape(pre, "way")
    stride, padding, dilation = (triple(options.get(k, d), n) for k, d in (("stride", 1), ("padding", 0), ("dilation", 1)))
    back = conv_matrix(values["weight"], result, pre[1:], stride, padding, dilation, options.get("groups", 1))
    assert_matrix(transform, values, pre, back.T)


@pytest.mark.parametrize("name, pre, kernel, stride, padding", [
    ("pool1d", (2, 7), (3,), (2,), (1,)),
    ("pool", (2, 5, 6), (2, 3), (2, 1), (1, 0)),
    ("pool3d", (1, 4, 4, 3), (2, 2, 2), (2, 1, 1), (0, 1, 0)),
])  # fmt: skip
@pytest.mark.parametrize("mode", ["avg", "max"])
def test_pooling(name, pre, kernel, stride, padding, mode):
    transform, _ = made(name, pre, (1,), pool_kernel_size=kernel, pool_stride=stride, pool_padding=padding, mode=mode)
    x = RNG.normal(size=(2, *pre))
    result = transform.output_shape(pre, "way")
    expected = np.zeros((2, *result))
    for b, c in each(2, pre[0]):
        for place in each(*result[1:]):
            seen = []
            for tap in each(*kernel):
                at = [p * s + t - q for p, s, t, q in zip(place, stride, tap, padding, strict=True)]
                if all(0 <= a < n for a, n in zip(at, pre[1:], strict=True)):
                    seen.append(x[(b, c, *at)])
            expected[(b, c, *place)] = max(seen) if mode == "max" else sum(seen) / np.prod(kernel)
    np.testing.assert_allclose(in_numpy(transform, x, {}), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(in_torch(transform, torch.tensor(x), {}).numpy(), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("pre, factor", [((2, 5), 3), ((1, 3, 4), (2, 3)), ((2, 1, 3), 2), ((1, 2, 3, 2), (2, 1, 3))])
def test_upsampling(pre, factor):
    """Copies, and between the centres a straight line, as np.interp draws it along one axis after the other."""
    factors = triple(factor, len(pre) - 1)
    x = RNG.normal(size=(2, *pre))
    near, far = x, x
    for axis, f in enumerate(factors, start=2):
        near = np.repeat(near, f, axis)
        n = far.shape[axis]
        at = (np.arange(n * f) + 0.5) / f - 0.5
        far = np.apply_along_axis(lambda line, at=at, n=n: np.interp(at, np.arange(n), line), axis, far)
    for way, expected in (("nearest", near), ("linear", far)):
        transform, _ = made("upsample", pre, (1,), upscale=factor, interpolation=way)
        assert transform.output_shape(pre, "way") == expected.shape[1:]
        np.testing.assert_allclose(in_numpy(transform, x, {}), expected, rtol=0, atol=1e-12)
        np.testing.assert_allclose(in_torch(transform, torch.tensor(x), {}).numpy(), expected, rtol=0, atol=1e-12)


def test_changes_of_shape():
    x = RNG.normal(size=(2, 2, 3, 4))
    for name, options, shape in (("flatten", {}, (24,)), ("unflatten", {}, (4, 6)), ("unflatten", {"shape": (6, 2, 2)}, (6, 2, 2))):
        transform, _ = made(name, (2, 3, 4), (4, 6), **options)
        assert transform.output_shape((2, 3, 4), "way") == shape
        for y in (in_numpy(transform, x, {}), in_torch(transform, torch.tensor(x), {}).numpy()):
            assert np.array_equal(y, x.reshape(2, *shape))


@pytest.mark.parametrize("pre, options", [
    ((2, 7), {"kernel_size": 3, "stride": 2, "padding": 1, "out_channels": 2}),
    ((2, 4, 5), {"kernel_size": (2, 3), "dilation": (1, 2), "out_channels": 3, "bias": 0.5}),
    ((1, 3, 4, 3), {"kernel_size": 2, "padding": (1, 0, 0), "out_channels": 1, "stride": 2}),
])  # fmt: skip
@pytest.mark.parametrize("storage", ["dense", "sparse"])
def test_locally_connected_has_the_pattern_of_a_convolution(pre, options, storage):
    transform, values = made("locally_connected", pre, (9,), storage=storage, **options)
    link = registry.links["locally_connected"](storage=storage, **options)
    assert link.transforms(pre, (9,), "way", Key(0, "way", "pattern"))[1].shape[0] == options["out_channels"]
    n = len(pre) - 1
    defaults = {"stride": 1, "padding": 0, "dilation": 1, "kernel_size": 3}
    stride, padding, dilation, kernel = (triple(options.get(k, d), n) for k, d in defaults.items())
    places = [(s + 2 * p - d * (k - 1) - 1) // t + 1 for s, p, d, k, t in zip(pre[1:], padding, dilation, kernel, stride, strict=True)]
    pattern = conv_matrix(np.ones((options["out_channels"], pre[0], *kernel)), pre, places, stride, padding, dilation, 1) != 0
    found = matrix_of(transform, values, pre, in_numpy)
    assert np.array_equal(found != 0, pattern)
    assert len(set(found[pattern])) == pattern.sum(), "weights are shared"
    assert_matrix(transform, values, pre, found)


# --- pairs


def as_matrix(transform, values):
    """The weights ``[post, pre]`` of a pattern, by a loop."""
    if isinstance(transform, Dense):
        return np.where(transform.mask, values["weight"], 0.0)
    found = np.zeros((transform.post, transform.pre))
    for i in range(transform.pre):
        for s in range(transform.starts[i], transform.starts[i + 1]):
            found[transform.targets[s], i] = values["weight"][s]
    return found


PATTERNS = [
    ("sparse", (30,), (20,), {"density": 0.2}),
    ("random", (30,), (20,), {"probability": 0.3, "bias": 0.25}),
    ("random", (30,), (20,), {"fan_in": 7}),
    ("random", (30,), (20,), {"fan_out": 15}),
    ("distance", (6, 5), (4, 5), {"width": 0.2}),
    ("distance", (6, 5), (4, 5), {"width": 0.3, "decays": "weight", "kernel": "exponential", "is_periodic": True, "probability": 0.5}),
    ("small_world", (24,), (24,), {"neighbours": 6, "rewiring": 0.3}),
    ("index_list", (5,), (4,), {"index_list": [(4, 0), (0, 3), (0, 1), (2, 2)], "weight": [1.0, 2.0, 3.0, 4.0]}),
    ("reservoir", (25,), (25,), {"density": 0.4}),
]


@pytest.mark.parametrize("name, pre, post, options", PATTERNS)
def test_patterns_are_the_same_in_both_storages(name, pre, post, options):
    dense, of_dense = made(name, pre, post, storage="dense", **options)
    sparse, of_sparse = made(name, pre, post, storage="sparse", **options)
    assert isinstance(dense, Dense) and isinstance(sparse, Sparse)
    assert_matrix(dense, of_dense, pre, as_matrix(dense, of_dense))
    assert_matrix(sparse, of_sparse, pre, as_matrix(sparse, of_sparse))
    assert np.array_equal(as_matrix(dense, of_dense) != 0, as_matrix(sparse, of_sparse) != 0)
    again, _ = made(name, pre, post, storage="sparse", **options)
    assert np.array_equal(again.targets, sparse.targets), "not reproducible"
    if name not in ("index_list", "reservoir"):
        given = RNG.normal(size=(int(np.prod(post)), int(np.prod(pre))))
        (placed,) = registry.links[name](weight=given, storage="sparse", **{k: v for k, v in options.items() if k != "decays"}).transforms(
            pre, post, "way", Key(0, "way", "pattern")
        )
        matrix = as_matrix(placed, {"weight": placed.weight})
        assert np.array_equal(matrix[matrix != 0], given[matrix != 0])


def test_index_lists_and_matrices():
    transform, values = made("index_list", (5,), (4,), index_list=np.array([(4, 0), (0, 3), (0, 1)]), weight=[1.0, 2.0, 3.0])
    expected = np.zeros((4, 5))
    expected[0, 4], expected[3, 0], expected[1, 0] = 1, 2, 3
    assert np.array_equal(as_matrix(transform, values), expected)
    for storage in ("dense", "sparse"):
        for matrix in (expected, expected.tolist(), scipy.sparse.csr_array(expected), scipy.sparse.coo_matrix(expected)):
            transform, values = made("matrix", (5,), (4,), matrix=matrix, storage=storage)
            assert_matrix(transform, values, (5,), expected)
    transform, values = made("matrix", (5,), (4,), matrix=expected, weight=2.0)
    assert np.array_equal(as_matrix(transform, values), 2 * (expected != 0))
    square = np.arange(9.0).reshape(3, 3)
    transform, values = made("matrix", (3,), (3,), matrix=square, allow_self=False)
    assert np.array_equal(as_matrix(transform, values), square - np.diag(np.diag(square)))
    empty, _ = made("index_list", (5,), (4,), index_list=[])
    assert not empty.mask.any()


def test_large_thin_patterns_are_stored_one_by_one():
    large, _ = made("random", (1024,), (1024,), probability=0.01)
    assert isinstance(large, Sparse) and abs(large.synapses - 1024 * 1024 * 0.01) < 5 * np.sqrt(1024 * 1024 * 0.01)
    assert isinstance(made("sparse", (1024,), (1024,), density=0.02)[0], Sparse)
    assert isinstance(made("random", (1023,), (1024,), probability=0.01)[0], Dense)
    assert isinstance(made("random", (1024,), (1024,), probability=0.2)[0], Dense)


@pytest.mark.parametrize("p", [0.0, 0.03, 0.5, 1.0])
def test_each_pair_has_its_probability(p):
    counts = np.zeros((15, 20))
    runs = 400
    for seed in range(runs):
        transform, _ = made("random", (20,), (15,), seed=seed, probability=p)
        counts += transform.mask
    spread = np.sqrt(runs * p * (1 - p))
    assert (np.abs(counts - runs * p) <= 5 * spread).all()
    if 0 < p < 1:  # the counts of the pairs are binomial
        assert abs(counts.var() / spread**2 - 1) < 5 * np.sqrt(2 / counts.size)


@pytest.mark.parametrize("k, own", [(3, True), (3, False), (11, True), (11, False), (12, True), (0, True)])
def test_fixed_fans_are_uniform_choices(k, own):
    counts = np.zeros((12, 12))
    runs = 300
    for seed in range(runs):
        transform, _ = made("random", (12,), (12,), seed=seed, fan_in=k, allow_self=own)
        assert (transform.mask.sum(1) == k).all()
        counts += transform.mask
    p = k / (12 if own else 11)
    possible = np.ones((12, 12), bool) if own else ~np.eye(12, dtype=bool)
    assert not counts[~possible].any()
    assert (np.abs(counts - runs * p)[possible] <= 5 * np.sqrt(runs * p * (1 - p)) + 1e-9).all()
    outward, _ = made("random", (12,), (30,), fan_out=k)
    assert (outward.mask.sum(0) == k).all()


@pytest.mark.parametrize(
    "kernel, shape", [("gaussian", lambda d: np.exp(-(d**2) / 2)), ("exponential", lambda d: np.exp(-d)), ("box", lambda d: d <= 1)]
)
@pytest.mark.parametrize("periodic", [False, True])
def test_the_probability_falls_with_the_distance(kernel, shape, periodic):
    pre, post, width, runs = (4, 3), (3, 5), 0.31, 300
    expected, counts = np.zeros((15, 12)), np.zeros((15, 12))
    for (i, (a, b)), (j, (c, d)) in product(enumerate(each(*pre)), enumerate(each(*post))):
        gaps = [abs((a + 0.5) / 4 - (c + 0.5) / 3), abs((b + 0.5) / 3 - (d + 0.5) / 5)]
        gaps = [min(g, 1 - g) for g in gaps] if periodic else gaps
        expected[j, i] = 0.8 * shape(np.hypot(*gaps) / width)
    for seed in range(runs):
        counts += made("distance", pre, post, seed=seed, kernel=kernel, width=width, probability=0.8, is_periodic=periodic)[0].mask
    assert (np.abs(counts - runs * expected) <= 5 * np.sqrt(runs * expected * (1 - expected)) + 1e-9).all()
    transform, values = made("distance", pre, post, kernel=kernel, width=width, is_periodic=periodic, decays="weight", weight=2.0)
    np.testing.assert_allclose(as_matrix(transform, values), 2 * expected / 0.8, rtol=0, atol=1e-12)


@pytest.mark.parametrize("periodic", [False, True])
def test_neurons_stand_where_they_are_put(periodic):
    """SPAIC's neuron_position; weights fall with the distance, and those beyond a box are not there."""
    rng = np.random.default_rng(3)
    here, there = rng.random((9, 3)), rng.random((7, 3))
    around = {"pre_position": here, "post_position": there, "is_periodic": periodic, "width": 0.4}
    gap = np.abs(there[:, None] - here[None])
    distance = np.sqrt((np.minimum(gap, 1 - gap) if periodic else gap) ** 2 @ np.ones(3))
    transform, values = made("dist_depd", (9,), (7,), weight=2.0, decays="weight", kernel="exponential", **around)
    np.testing.assert_allclose(matrix_of(transform, values, (9,), in_numpy), 2.0 * np.exp(-distance / 0.4), rtol=1e-12)
    transform, values = made("distance", (3, 3), (7,), weight=1.0, kernel="box", **around)
    assert (matrix_of(transform, values, (3, 3), in_numpy) == (distance <= 0.4)).all() and 0 < (distance <= 0.4).mean() < 1


def test_small_worlds():
    ring, _ = made("small_world", (20,), (20,), neighbours=4, rewiring=0.0)
    expected = [[(j - i) % 20 in (1, 2, 18, 19) for i in range(20)] for j in range(20)]
    assert np.array_equal(ring.mask, expected)
    kept, out = 0, 0
    for seed in range(50):
        world, _ = made("small_world", (60,), (60,), seed=seed, neighbours=6, rewiring=0.25)
        assert (world.mask.sum(0) == 6).all() and not world.mask.diagonal().any()
        near = np.array([[(j - i) % 60 in (1, 2, 3, 57, 58, 59) for i in range(60)] for j in range(60)])
        kept, out = kept + (world.mask & near).sum(), out + (world.mask & ~near).sum()
    total = kept + out
    returned = 0.25 * 5 / 54 * 2  # at most: an edge that moves to another neighbour that has moved away
    assert 0.25 * (1 - returned) - 5 * np.sqrt(0.19 / total) < out / total < 0.25 + 5 * np.sqrt(0.19 / total)


@pytest.mark.parametrize("storage, size", [("dense", 40), ("sparse", 40), ("sparse", 450)])
def test_reservoirs_have_their_spectral_radius(storage, size):
    transform, values = made("reservoir", (size,), (size,), spectral_radius=0.8, density=0.2, storage=storage)
    radius = np.abs(np.linalg.eigvals(as_matrix(transform, values))).max()
    assert abs(radius - 0.8) < 1e-6


# --- a population as a whole


@pytest.mark.parametrize("backend", ["reference", "torch"])
def test_the_mean_of_a_population_smoothed(backend):
    """SPAIC's spike2mass: every neuron of the target gets its weight times the leaky sum of the mean of the spikes."""
    spikes = RNG.integers(0, 2, (2, 12, 2, 3)).astype(float)
    weight = np.array([[0.5], [-1.0]])
    with spaic.Network() as net:
        net.input = spaic.Encoder(shape=(2, 3), coding_method="null")
        net.rates = spaic.NeuronGroup(2, model="meanfield")
        net.way = spaic.Connection(
            net.input, net.rates, link_type="spike2mass", weight=weight, syn_type="first_order", syn_kwargs={"tau": 6.0}
        )
        net.current = spaic.StateMonitor(net.way, "current")
    net.set_backend(backend, dt=1.0, dtype="float64", **({"kernels": "plain"} if backend == "torch" else {}))
    net.input(spikes)
    net.run(12.0)
    mass, expected = np.zeros(2), np.zeros((2, 2, 12))
    for n in range(12):
        mass = np.exp(-1 / 6.0) * mass + spikes[:, n].mean((1, 2))
        expected[:, :, n] = mass[:, None] * weight[:, 0]
    np.testing.assert_allclose(net.current.values, expected, rtol=0, atol=1e-12)
    assert net.way.weight.shape == (2, 1)


# --- gradients, one of each family


@pytest.mark.parametrize("name, pre, options", [
    ("conv1d", (2, 6), {"kernel_size": 3, "out_channels": 2}),
    ("conv3d", (1, 3, 3, 3), {"kernel_size": 2, "out_channels": 2}),
    ("depthwise", (2, 4, 4), {}),
    ("conv_transpose", (2, 2, 3), {"kernel_size": 2, "out_channels": 1, "stride": 2}),
    ("locally_connected", (1, 4, 4), {"kernel_size": 2, "out_channels": 2, "storage": "sparse"}),
    ("pool3d", (1, 2, 4, 4), {"mode": "max"}),
    ("random", (8,), {"fan_in": 3}),
    ("small_world", (7,), {"storage": "sparse"}),
])  # fmt: skip
def test_gradients(name, pre, options):
    post = (7,)
    transform, values = made(name, pre, post, **options)
    x = torch.tensor(RNG.normal(size=(2, *pre)), requires_grad=True)
    given = [torch.tensor(np.array(v), dtype=torch.float64, requires_grad=True) for v in values.values()]
    assert torch.autograd.gradcheck(lambda x, *g: in_torch(transform, x, dict(zip(values, g, strict=True))), (x, *given))


# --- what is refused


@pytest.mark.parametrize("name, options, message", [
    ("random", {"probability": 1.5}, r"Connection\(random\).probability: 1.5 is outside \[0, 1\]"),
    ("random", {"probability": -0.1}, r"-0.1 is outside \[0, 1\]"),
    ("random", {"probability": True}, r"True is outside \[0, 1\]"),
    ("random", {"probability": 0.1, "fan_in": 3}, "probability and fan_in are given; give one"),
    ("random", {"fan_in": -1}, "fan_in: -1 is not a whole number of at least 0"),
    ("random", {"fan_out": 2.5}, "fan_out: 2.5 is not a whole number"),
    ("random", {"storage": "csr"}, "storage: unknown way 'csr'"),
    ("random", {"allow_self": 1}, "allow_self: 1 is no truth value"),
    ("distance", {"kernel": "gausian"}, "unknown kernel 'gausian'; did you mean 'gaussian'"),
    ("distance", {"width": 0}, "width: 0 is not above 0"),
    ("distance", {"pre_position": [0.1, 0.2]}, r"pre_position: shape \(2,\) is not \(neurons, dimensions\)"),
    ("distance", {"post_position": [[np.nan]]}, "post_position: nan is not finite"),
    ("distance", {"pre_position": [[1.5]], "is_periodic": True}, r"pre_position: positions on a torus lie in \[0, 1\], got 1.5"),
    ("distance", {"decays": "both"}, "decays: 'both' does not decay"),
    ("distance", {"probability": 2}, r"2 is outside \[0, 1\]"),
    ("small_world", {"neighbours": 3}, "neighbours: 3 is odd"),
    ("small_world", {"neighbours": 0}, "neighbours: 0 is not a whole number of at least 2"),
    ("small_world", {"rewiring": 1.1}, r"1.1 is outside \[0, 1\]"),
    ("reservoir", {"spectral_radius": 0.0}, "spectral_radius: 0.0 is not above 0"),
    ("reservoir", {"density": -1}, r"-1 is outside \[0, 1\]"),
    ("index_list", {}, "there is no index_list"),
    ("index_list", {"index_list": [1, 2, 3]}, r"shape \(3,\) of int64 is no list of pairs"),
    ("index_list", {"index_list": [(0.5, 1)]}, "is no list of pairs of whole numbers"),
    ("matrix", {}, "there is no matrix"),
    ("matrix", {"matrix": [1.0, 2.0]}, "give an array or a SciPy sparse matrix"),
    ("matrix", {"matrix": [[np.nan]]}, "matrix: nan is not finite"),
    ("upsample", {"interpolation": "cubic"}, "interpolation: unknown way 'cubic'"),
    ("upsample", {"upscale": 0}, "upscale: 0 is not a whole number of at least 1"),
    ("upsample", {"upscale": (1, 2, 3, 4)}, "has 4 dimensions"),
    ("pool1d", {"mode": "min"}, "unknown mode 'min'"),
])  # fmt: skip
def test_declarations_that_cannot_be(name, options, message):
    with pytest.raises(DeclarationError, match=message):
        registry.links[name](**options)


@pytest.mark.parametrize("name, pre, post, options, message", [
    ("random", (5, 2), (4,), {"fan_in": 11}, r"way.fan_in: 11 different neurons out of 10 cannot be chosen .* shapes \(5, 2\) and \(4,\)"),
    ("random", (4,), (4,), {"fan_out": 4, "allow_self": False}, r"way.fan_out: 4 different neurons out of 3 .* not connected to itself"),
    ("distance", (4,), (2, 2), {}, r"way: the groups have shapes \(4,\) and \(2, 2\) and stand in 1 and 2 dimensions"),
    ("distance", (4,), (3,), {"pre_position": np.ones((3, 1))}, r"way.pre_position: there are 3 positions and 4 neurons \(shape \(4,\)\)"),
    ("distance", (4,), (3,), {"post_position": np.ones((3, 2))}, "stand in 1 and 2 dimensions"),
    ("small_world", (9,), (8,), {}, r"way: 4 neighbours on one ring .* got shapes \(9,\) and \(8,\)"),
    ("small_world", (5,), (5,), {}, "4 neighbours on one ring need groups of the same size above 5"),
    ("reservoir", (5,), (6,), {}, r"way: a reservoir connects a group with itself, got shapes \(5,\) and \(6,\)"),
    ("reservoir", (5,), (5,), {"density": 0.0}, "no eigenvalue but 0"),
    ("index_list", (5,), (4,), {"index_list": [(5, 0)]}, "way: the presynaptic neuron 5 does not exist, there are 5"),
    ("index_list", (5,), (4,), {"index_list": [(1, 0), (1, 0)]}, r"way: the pair \(1, 0\) is given twice"),
    ("index_list", (5,), (4,), {"index_list": [(1, 0)], "weight": [1.0, 2.0]}, r"way.weight: .* shape \(2,\), needed .* \(4, 5\)"),
    ("matrix", (5,), (4,), {"matrix": np.ones((5, 4))}, r"way.matrix: its shape is \(5, 4\), needed \(post, pre\) = \(4, 5\)"),
    ("conv1d", (5,), (4,), {"out_channels": 1}, r"way: the source has shape \(5,\), a sequence \(channels, length\) is needed"),
    ("conv3d", (1, 5, 5), (4,), {"out_channels": 1}, r"a volume \(channels, depth, height, width\) is needed"),
    ("conv1d", (2, 5), (4,), {}, "way: the number of channels of the result is not known"),
    ("locally_connected", (5,), (4,), {"out_channels": 1}, "channels and one to three dimensions are needed"),
    ("locally_connected", (1, 3), (4,), {"out_channels": 1, "kernel_size": 5}, r"way: a window of \(5,\) does not fit into \(3,\)"),
    ("conv_transpose", (3, 5, 5), (4,), {"out_channels": 4, "groups": 2}, "3 and 4 channels do not divide into 2 groups"),
    ("unflatten", (6,), (4,), {}, r"way: 6 values \(shape \(6,\)\) do not fill the shape \(4,\)"),
    ("depthwise", (2, 4, 4), (4,), {"multiplier": 0}, "multiplier: 0 is not a whole number of at least 1; give one"),
])  # fmt: skip
def test_groups_that_do_not_fit(name, pre, post, options, message):
    with pytest.raises((GraphError, DeclarationError), match=message):
        made(name, pre, post, **options)[0].output_shape(pre, "way")


def test_windows_that_do_not_fit():
    with pytest.raises(GraphError, match=r"way: a window of \(5,\) does not fit into \(3,\) with padding \(0,\)"):
        made("conv1d", (1, 3), (4,), out_channels=1, kernel_size=5)[0].output_shape((1, 3), "way")
    with pytest.raises(GraphError, match="output_padding: 2 is not below the stride 2"):
        made("conv_transpose1d", (1, 3), (4,), out_channels=1, stride=2, output_padding=2)[0].output_shape((1, 3), "way")
    with pytest.raises(GraphError, match=r"way: a kernel of \(2,\) with padding \(2,\) leaves \(-1,\) of \(2,\)"):
        made("conv_transpose1d", (1, 2), (4,), out_channels=1, kernel_size=2, padding=2)[0].output_shape((1, 2), "way")


class TestLinksOfAGroupToItself:
    """Their usual weights have mean 0, where those between groups have one that makes the target fire."""

    def weights(self, closed=True, **options):
        with spaic.Network() as net:
            net.x = spaic.Encoder(num=400, coding_method="null")
            net.cells = spaic.NeuronGroup(400, model="lif")
            net.into = spaic.Connection(net.x, net.cells)
            net.link = spaic.Connection(net.cells if closed else net.x, net.cells, **options)
        net.set_backend("torch", dt=1.0)
        net.build()
        return net.link.weight.detach().numpy()

    @pytest.mark.parametrize("options", [{}, {"link_type": "sparse", "density": 0.5}, {"link_type": "random", "probability": 0.5}])
    def test_the_usual_ones(self, options):
        closed, through = self.weights(**options), self.weights(closed=False, **options)
        fan_in = 400 if not options else 200
        assert abs(closed[closed != 0].mean()) < 0.1 / fan_in**0.5
        np.testing.assert_allclose(through[through != 0].mean(), 6 / fan_in, rtol=0.1)
        np.testing.assert_allclose(closed[closed != 0].std(), fan_in**-0.5, rtol=0.1)

    @pytest.mark.parametrize(
        "options, mean",
        [({"weight": 0.5}, 0.5), ({"w_mean": 0.25}, 0.25), ({"link_type": "one_to_one"}, 1.0), ({"w_std": 1e-9, "w_mean": 1.0}, 1.0)],
    )
    def test_what_is_given_or_has_a_default_of_its_own_stays(self, options, mean):
        np.testing.assert_allclose(self.weights(**options), mean, rtol=1e-6)

    def test_a_recurrent_network_is_not_driven_by_itself(self):
        with spaic.Network() as net:
            net.x = spaic.Encoder(num=20, coding_method="null")
            net.hidden = spaic.NeuronGroup(64, model="alif")
            net.into = spaic.Connection(net.x, net.hidden)
            net.back = spaic.Connection(net.hidden, net.hidden)
            net.spikes = spaic.SpikeMonitor(net.hidden)
        net.set_backend("torch", dt=1.0, kernels="plain")
        net.x((np.random.default_rng(0).random((4, 50, 20)) < 0.06).astype(np.uint8))
        net.run(50.0)
        assert 0.005 < np.mean(net.spikes.values) < 0.5
