"""Units, ranges and surrogates: values as users write them."""

import numpy as np
import pytest

from spaic import Parameter, Surrogate
from spaic.Dynamics.expression import Expression
from spaic.errors import DeclarationError
from spaic.units import check_unit, quantity


@pytest.mark.parametrize(
    "text, unit, value",
    [
        ("20 ms", "ms", 20.0), ("20", "ms", 20.0), ("0.02 s", "ms", 20.0), ("0.02s", "ms", 20.0), (" -70.6 mV ", "mV", -70.6),
        ("1e3 us", "ms", 1.0),
        ("2 nA", "pA", 2000.0), ("30 nS", "nS", 30.0), ("1 MOhm", "Ohm", 1e6), ("50 Hz", "Hz", 50.0), ("+.5", "1", 0.5),
        ("1 uF/cm2", "uF/cm2", 1.0), ("0.05 1/ms", "Hz", 50.0), ("3 µA/cm2", "nA/cm2", 3000.0),
    ],
)  # fmt: skip
def test_quantities(text, unit, value):
    assert quantity(text, unit, "x") == value


@pytest.mark.parametrize("text", ["", "ms", "20 30", "1,5 ms", "20 ms 5", "1e ms", "nan ms", "inf", "--1"])
def test_what_is_no_quantity(text):
    with pytest.raises(DeclarationError, match="^layer.tau: "):
        quantity(text, "ms", "layer.tau")


@pytest.mark.parametrize("text, unit", [("5 mV", "ms"), ("5 Hz", "ms"), ("1 uF", "uF/cm2")])
def test_dimensions_are_not_mixed(text, unit):
    with pytest.raises(DeclarationError, match="is not a quantity in"):
        quantity(text, unit, "layer.tau")


def test_a_pure_number_has_no_unit():
    assert quantity("0.5", "1", "layer.R") == 0.5
    with pytest.raises(DeclarationError, match="layer.R: '5 ms' is not a pure number; give it without a unit"):
        quantity("5 ms", "1", "layer.R")
    with pytest.raises(DeclarationError, match="layer.R: cannot read 'big' as a quantity; write for example '20'$"):
        quantity("big", "1", "layer.R")


def test_unknown_units_suggest_the_nearest():
    assert check_unit("mV/ms", "x") == "mV/ms"
    with pytest.raises(DeclarationError, match="layer.tau: unknown unit 'msec'; did you mean 'ms'"):
        quantity("20 msec", "ms", "layer.tau")
    with pytest.raises(DeclarationError, match="unknown unit 'furlong'"):
        Parameter(1.0, "furlong")


@pytest.mark.parametrize(
    "interval, inside, outside",
    [
        ("(0, inf)", [1e-300, 1.0, 1e300], [0.0, -1.0, np.inf, -np.inf, np.nan]),
        ("[0, 1]", [0.0, 0.5, 1.0], [-1e-300, np.nextafter(1.0, 2.0), np.nan]),
        ("[0, 1)", [0.0], [1.0]),
        ("(-inf, inf)", [-1e300, 1e300], [np.inf, -np.inf, np.nan]),
    ],
)
def test_ranges_are_open_or_closed_as_written(interval, inside, outside):
    parameter = Parameter(0.5, range=interval)
    assert (parameter.check(inside, "x") == inside).all()
    for value in outside:
        with pytest.raises(DeclarationError, match=r"layer\.tau: .* is outside"):
            parameter.check([inside[0], value], "layer.tau")


def test_the_first_value_outside_is_named_with_its_unit():
    with pytest.raises(DeclarationError, match=r"x: -3\.0 ms is outside \(0, inf\)"):
        Parameter(1.0, "ms", range="(0, inf)").check(np.array([[1.0, -3.0], [-4.0, 2.0]]), "x")


@pytest.mark.parametrize("interval", ["", "0, 1", "(0; 1)", "(a, b)", "(0, 1", "(0, 1, 2)"])
def test_a_range_that_cannot_be_meant(interval):
    with pytest.raises(DeclarationError, match="range"):
        Parameter(1.0, range=interval)


def test_a_default_lies_in_its_range():
    with pytest.raises(DeclarationError, match="outside"):
        Parameter(-1.0, range="(0, inf)")


def test_a_surrogate_reads_x_and_its_parameters():
    made = Surrogate("flat", "where(abs(x) < alpha, 1, 0)", {"alpha": Parameter(0.5, range="(0, inf)")})
    assert made.using(alpha=2.0).sympy == Expression("where(abs(x) < 2, 1, 0)").sympy
    assert made.values == {}
    with pytest.raises(DeclarationError, match="surrogate flat: unknown parameter 'alfa'; did you mean 'alpha'"):
        made.using(alfa=1.0)
    with pytest.raises(DeclarationError, match="surrogate flat.alpha: -1.0 is outside"):
        made.using(alpha=-1.0)
    with pytest.raises(DeclarationError, match="surrogate bad: unknown name 'V'"):
        Surrogate("bad", "exp(-V)")
