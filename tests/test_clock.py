"""Time: whole steps, or a refusal that names the nearest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaic.clock import Clock
from spaic.errors import DeclarationError


@given(st.integers(0, 10**7), st.sampled_from([1.0, 0.5, 0.1, 0.01, 0.025, 1 / 3, 1e-4]))
def test_every_multiple_of_a_step_is_that_many_steps(steps, dt):
    assert Clock(dt).steps(steps * dt, minimum=0) == steps
    assert Clock(dt).steps(Clock(dt).time(steps), minimum=0) == steps


@given(st.integers(0, 10**5), st.floats(0.001, 0.999), st.sampled_from([1.0, 0.1, 0.025]))
def test_everything_in_between_is_refused(steps, part, dt):
    with pytest.raises(DeclarationError, match="is not a whole number of steps"):
        Clock(dt).steps((steps + part) * dt, minimum=0)


def test_the_nearest_durations_are_named():
    with pytest.raises(
        DeclarationError, match=r"net\.run: 1\.25 ms is not a whole number of steps of 0\.1 ms; the nearest are 1\.2 ms and 1\.3 ms"
    ):
        Clock(0.1).steps(1.25, "net.run")


def test_a_decimal_duration_is_on_a_decimal_grid():
    assert Clock(0.1).steps(0.3) == 3 and Clock(0.1).steps(0.1 + 0.2) == 3 and Clock(0.1).steps(1e5) == 10**6


@pytest.mark.parametrize("minimum", [1, 3])
def test_what_is_too_short(minimum):
    with pytest.raises(
        DeclarationError, match=rf"run: 0 ms is shorter than {minimum} step\(s\) of 0.5 ms; the shortest is {minimum * 0.5:g} ms"
    ):
        Clock(0.5).steps(0, "run", minimum=minimum)


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), -0.1])
def test_durations_are_finite_and_not_negative(value):
    with pytest.raises(DeclarationError, match="run: a duration must be finite and not negative"):
        Clock().steps(value, "run")


@pytest.mark.parametrize("value", [True, None, [1.0, 2.0], 1j])
def test_durations_are_numbers(value):
    with pytest.raises(DeclarationError, match="run: expected a number of ms"):
        Clock().steps(value, "run")
    with pytest.raises(DeclarationError, match="dt: expected a number of ms"):
        Clock(value)


def test_times_are_read_from_text_with_a_unit():
    assert Clock("0.1 ms") == Clock(0.1) == Clock("100 us") and Clock().steps("0.02 s") == Clock().steps("20") == 200
    with pytest.raises(DeclarationError, match="net.run: '20 mV' is not a quantity in ms; give it in ms"):
        Clock().steps("20 mV", "net.run")
    with pytest.raises(DeclarationError, match="net.run: cannot read 'long' as a quantity; write for example '20 ms'"):
        Clock().steps("long", "net.run")


@pytest.mark.parametrize("dt", [0, -0.1, float("nan"), float("inf")])
def test_a_step_is_positive_and_finite(dt):
    with pytest.raises(DeclarationError, match="dt: a time step must be positive and finite"):
        Clock(dt)


def test_the_default():
    assert Clock().dt == 0.1 and Clock(1).dt == 1.0 and isinstance(Clock(1).dt, float)
