"""What checks of declarations say: the range in words, counts as counts."""

import math

import pytest

from spaic.errors import DeclarationError
from spaic.Library.ranges import demand_count, demand_number, demand_positive


@pytest.mark.parametrize(
    ("checked", "said"),
    [
        (lambda: demand_count("a.b", 0), "a.b: 0 is not a whole number of at least 1; choose one"),
        (lambda: demand_count("a.b", 17, high=16), "a.b: 17 is not a whole number from 1 to 16; choose one"),
        (lambda: demand_count("a.b", 2.0), "a.b: expected a whole number, got 2.0; give an int"),
        (lambda: demand_number("a.b", math.inf), "a.b: inf is not a finite number; choose one"),
        (lambda: demand_number("a.b", -1, low=0.0), "a.b: -1 is not a finite number of at least 0; choose one"),
        (lambda: demand_number("a.b", 2, high=1.0), "a.b: 2 is not a finite number of at most 1; choose one"),
        (lambda: demand_number("a.b", 2, 0.0, 1.0), r"a.b: 2 is not a finite number in \[0, 1\]; choose one"),
        (lambda: demand_positive("a.b", 0.0), "a.b: it must be greater than 0, got 0.0; choose a number above 0$"),
        (lambda: demand_positive("a.b", 0, high=1.0), "a.b: it must be greater than 0, got 0; choose a number above 0 and at most 1"),
    ],
)
def test_what_is_said(checked, said):
    with pytest.raises(DeclarationError, match=said):
        checked()


def test_what_lies_in_the_range_passes():
    for value in (1, 16):
        demand_count("a.b", value, high=16)
    demand_number("a.b", 0, 0.0, 1.0)
    demand_positive("a.b", 1e-300, high=1.0)
