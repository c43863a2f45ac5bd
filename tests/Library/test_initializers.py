"""Initializers: what every one promises, then the distribution of each."""

import math

import numpy as np
import pytest
import torch

from spaic.errors import DeclarationError
from spaic.Library import initializers as library
from spaic.registry import initializers
from spaic.seeds import Key

SHAPE, FAN_IN, FAN_OUT = (300, 200), 200, 300
REQUIRED = {"fan_in_normal": {"mean": 1.5, "std": 2.0}}


def make(name, **fields):
    return initializers[name](**(REQUIRED.get(name, {}) | fields))


def sample(initializer, shape=SHAPE, fan_in=FAN_IN, fan_out=FAN_OUT):
    return initializer.sample(Key(0, "w", "weight").generator(), shape, fan_in, fan_out)


@pytest.mark.parametrize("name", list(initializers))
class TestEveryInitializer:
    @pytest.mark.parametrize("shape", [(7,), (3, 5), (4, 2, 3, 3)])
    def test_shape_and_type(self, name, shape):
        values = sample(make(name), shape)
        assert values.shape == shape and values.dtype == np.float64 and np.isfinite(values).all()

    def test_the_generator_decides(self, name):
        assert np.array_equal(sample(make(name)), sample(make(name)))

    def test_is_exported_under_its_own_name(self, name):
        assert getattr(library, name) is initializers[name] and issubclass(initializers[name], library.BaseInitializer)

    def test_compares_by_value(self, name):
        assert make(name) == make(name) and hash(make(name)) == hash(make(name))


@pytest.mark.parametrize(
    ("initializer", "mean", "std"),
    [
        (library.uniform(), 0.5, 1 / math.sqrt(12)),
        (library.uniform(-1.0, 3.0), 1.0, 4 / math.sqrt(12)),
        (library.normal(2.0, 0.5), 2.0, 0.5),
        (library.fan_in_normal(1.5, 2.0), 1.5 / FAN_IN, 2.0 / math.sqrt(FAN_IN)),
        (library.xavier_normal(), 0.0, math.sqrt(2 / (FAN_IN + FAN_OUT))),
        (library.xavier_uniform(gain=2.0), 0.0, 2 * math.sqrt(2 / (FAN_IN + FAN_OUT))),
        (library.kaiming_normal(), 0.0, math.sqrt(2 / FAN_IN)),
        (library.kaiming_uniform(a=math.sqrt(5)), 0.0, math.sqrt(1 / 3 / FAN_IN)),
        (library.kaiming_uniform(mode="fan_out", nonlinearity="relu"), 0.0, math.sqrt(2 / FAN_OUT)),
    ],
)
def test_mean_and_deviation(initializer, mean, std):
    values = sample(initializer)
    assert values.mean() == pytest.approx(mean, abs=5 * std / math.sqrt(values.size))
    assert values.std() == pytest.approx(std, rel=5 / math.sqrt(values.size))


def test_uniform_stays_inside():
    values = sample(library.uniform(-1.0, 3.0))
    assert values.min() >= -1.0 and values.max() < 3.0


@pytest.mark.parametrize("nonlinearity", ["linear", "sigmoid", "tanh", "relu", "selu", "leaky_relu"])
def test_gains_are_those_of_torch(nonlinearity):
    ours = sample(library.kaiming_uniform(a=0.3, nonlinearity=nonlinearity)).max()
    bound = torch.nn.init.calculate_gain(nonlinearity, 0.3) * math.sqrt(3 / FAN_IN)
    assert ours <= bound and ours == pytest.approx(bound, rel=1e-3)


def test_constant():
    assert (sample(library.constant(0.25)) == 0.25).all()


@pytest.mark.parametrize(("sparsity", "zeros"), [(0.0, 0), (0.1, 1), (0.5, 4), (1.0, 7)])
def test_sparse_zeros_in_every_column(sparsity, zeros):
    values = sample(library.sparse(sparsity, std=1.0), (7, 50))
    assert ((values == 0).sum(0) == zeros).all()
    assert zeros in (0, 7) or len({tuple(column) for column in (values == 0).T.tolist()}) > 1


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda: library.uniform(1.0, 0.0), r"^uniform\.b: 0\.0 "),
        (lambda: library.normal(std=-1.0), r"^normal\.std: -1\.0 "),
        (lambda: library.normal(mean="0"), r"^normal\.mean: .*'0'"),
        (lambda: library.fan_in_normal(0.0, -2.0), r"^fan_in_normal\.std: "),
        (lambda: library.xavier_normal(gain=float("nan")), r"^xavier_normal\.gain: nan "),
        (lambda: library.kaiming_normal(mode="fan"), r"^kaiming_normal\.mode: .*'fan'"),
        (lambda: library.kaiming_uniform(nonlinearity="reluu"), r"^kaiming_uniform\.nonlinearity: .*did you mean 'relu'\?"),
        (lambda: library.constant(float("inf")), r"^constant\.constant_value: inf "),
        (lambda: library.sparse(sparsity=1.5), r"^sparse\.sparsity: 1\.5 "),
        (lambda: sample(library.kaiming_normal(), fan_in=0), r"^kaiming_normal: .*which is 0 "),
        (lambda: sample(library.fan_in_normal(1.0, 1.0), fan_in=0), "^fan_in_normal: "),
        (lambda: sample(library.xavier_uniform(), fan_in=0, fan_out=0), "^xavier_uniform: "),
    ],
)
def test_what_cannot_be_meant_is_refused(build, text):
    with pytest.raises(DeclarationError, match=text):
        build()


# --- those of torch.nn.init


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (4, 2, 3, 3), (7,)])
def test_orthogonal_rows_or_columns(shape):
    values = sample(library.orthogonal(gain=1.5), shape).reshape(1 if len(shape) == 1 else shape[0], -1)
    small = values @ values.T if len(values) <= values.shape[1] else values.T @ values
    np.testing.assert_allclose(small, 2.25 * np.eye(len(small)), rtol=0, atol=1e-12)


def test_every_orthogonal_matrix_is_as_likely():
    corner = np.array([library.orthogonal().sample(np.random.default_rng(k), (3, 3), 3, 3)[0, 0] for k in range(2000)])
    assert abs(corner.mean()) < 5 / math.sqrt(3 * 2000) and corner.var() == pytest.approx(1 / 3, rel=0.15)


@pytest.mark.parametrize(("shape", "groups"), [((4, 4, 3, 3), 1), ((6, 2, 3), 3), ((2, 5, 2, 3, 4), 1), ((5, 3), 1)])
def test_dirac_and_eye_are_those_of_torch(shape, groups):
    if len(shape) > 2:
        expected = torch.nn.init.dirac_(torch.empty(shape), groups).numpy()
    else:
        expected = torch.nn.init.eye_(torch.empty(shape)).numpy()
        assert np.array_equal(sample(library.eye(2.0), shape), 2 * expected)
    assert np.array_equal(sample(library.dirac(groups), shape), expected)


@pytest.mark.parametrize(
    ("mean", "std", "a", "b"), [(0.0, 1.0, -2.0, 2.0), (1.0, 0.5, 0.9, 1.2), (0.0, 1.0, 6.0, 7.0), (0.0, 1.0, -9.0, -8.0)]
)
def test_a_truncated_normal_is_that_of_scipy(mean, std, a, b):
    from scipy.stats import kstest, truncnorm

    values = sample(library.trunc_normal(mean, std, a, b)).ravel()
    assert a <= values.min() and values.max() <= b
    assert kstest(values, truncnorm((a - mean) / std, (b - mean) / std, mean, std).cdf).pvalue > 1e-4


def test_constants_and_lecun():
    assert (sample(library.ones()) == 1).all() and (sample(library.zeros()) == 0).all()
    assert sample(library.lecun_normal()).std() == pytest.approx(1 / math.sqrt(FAN_IN), rel=0.02)


@pytest.mark.parametrize(("name", "fields"), [
    ("trunc_normal", {"std": 0.0}), ("trunc_normal", {"a": 3.0}), ("orthogonal", {"gain": "big"}), ("dirac", {"groups": 0}),
    ("eye", {"gain": math.inf}),
])  # fmt: skip
def test_fields_out_of_range(name, fields):
    with pytest.raises(DeclarationError, match=f"{name}.(std|a|b|gain|groups)"):
        initializers[name](**fields)
