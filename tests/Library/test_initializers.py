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
