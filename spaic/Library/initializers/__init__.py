"""Distributions of initial weights and biases. The classes keep the lower-case names under which SPAIC and torch export them."""

from spaic.Library.initializers.base import BaseInitializer
from spaic.Library.initializers.distributions import constant, fan_in_normal, normal, ones, sparse, trunc_normal, uniform, zeros
from spaic.Library.initializers.scaled import kaiming_normal, kaiming_uniform, lecun_normal, xavier_normal, xavier_uniform
from spaic.Library.initializers.structured import dirac, eye, orthogonal

__all__ = [
    "BaseInitializer",
    "constant",
    "dirac",
    "eye",
    "fan_in_normal",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "normal",
    "ones",
    "orthogonal",
    "sparse",
    "trunc_normal",
    "uniform",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]
