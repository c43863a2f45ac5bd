"""Operations on plain numbers give what tensors hold, also where Python knows no answer."""

import math

import numpy as np
import pytest
import torch

from spaic.Backend.Torch.steps.primitives import PRIMITIVES

NUMBERS = (-1000.0, -1.0, -0.5, 0.0, 0.5, 1.0, 1000.0)


@pytest.mark.parametrize("name", ["exp", "expm1", "log", "sqrt", "sin", "tanh", "sigmoid", "abs", "sign", "floor"])
def test_of_one_number(name):
    operation = PRIMITIVES[name]
    for x in NUMBERS:
        found = operation(x)
        assert not isinstance(found, (torch.Tensor, complex))
        np.testing.assert_allclose(found, operation(torch.tensor(x, dtype=torch.float64)).item(), rtol=1e-14)


@pytest.mark.parametrize("name", ["pow", "div"])
def test_of_two_numbers(name):
    operation = PRIMITIVES[name]
    for x in NUMBERS:
        for y in NUMBERS:
            found = operation(x, y)
            assert not isinstance(found, (torch.Tensor, complex))
            wanted = operation(torch.tensor(x, dtype=torch.float64), torch.tensor(y, dtype=torch.float64)).item()
            np.testing.assert_allclose(found, wanted, rtol=1e-14)


def test_what_has_no_answer_is_not_a_number():
    assert math.isnan(PRIMITIVES["sqrt"](-1.0))
    assert math.isnan(PRIMITIVES["pow"](-1.0, 0.5))
    assert PRIMITIVES["exp"](1000.0) == math.inf
    assert PRIMITIVES["div"](-1.0, 0.0) == -math.inf
