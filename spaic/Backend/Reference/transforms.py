"""Transforms in NumPy, one sample batch ``[batch, *shape]`` at a time."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import Any

import numpy as np

from spaic.errors import UnsupportedError
from spaic.Graph.transforms import BatchNorm, Dense, Dropout, Junction, OneToOne, OverTime, Reshape, Scale, Sparse, Transform

#: Names under which a link over time finds the number of the step, and what arrives in all of them.
STEP, WHOLE = "step", "whole"


@singledispatch
def apply(transform: Transform, x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    """The image of `x` under `transform`."""
    raise UnsupportedError(f"{type(transform).__name__}: the reference backend does not know this transform; add a function for it")


@apply.register
def _dense(transform: Dense, x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    weight = parameters["weight"] if transform.mask is None else parameters["weight"] * transform.mask
    return x.reshape(len(x), -1) @ weight.T + parameters.get("bias", 0.0)


@apply.register
def _sparse(transform: Sparse, x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    arriving = x.reshape(len(x), -1)[:, transform.sources] * parameters["weight"]
    y = np.zeros((transform.post, len(x)))
    np.add.at(y, transform.targets, arriving.T)
    return y.T + parameters.get("bias", 0.0)


@apply.register
def _one_to_one(transform: OneToOne, x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    return (x.reshape(len(x), -1) * parameters["weight"] + parameters.get("bias", 0.0)).reshape(x.shape)


@apply.register
def _scale(transform: Scale, x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    return transform.factor * x


@apply.register
def _dropout(transform: Dropout, x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    return x * parameters.get(transform.name, 1.0)


@apply.register
def _batch_norm(transform: BatchNorm, x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    measured: Any = parameters.get(transform.name, (parameters["running_mean"], parameters["running_var"]))
    if isinstance(measured, list):  # a run that measures what arrives here
        measured.append(x)
        return x
    mean, variance = measured
    factor = parameters["gamma"] * transform.scale / np.sqrt(variance + transform.eps)
    places = (1,) * (x.ndim - 2)
    return (x - mean.reshape(-1, *places)) * factor.reshape(-1, *places) + parameters["beta"].reshape(-1, *places)


@apply.register
def _over_time(transform: OverTime, x: np.ndarray, parameters: Mapping[str, Any]) -> np.ndarray:
    whole = parameters.get(WHOLE)
    if isinstance(whole, list):  # a run that finds out what arrives here
        whole.append(x)
    if not isinstance(whole, np.ndarray):
        return x
    n, weight = parameters[STEP], parameters["weight"] if transform.mask is None else parameters["weight"] * transform.mask
    return np.tensordot(weight[n], whole, axes=1) + parameters["bias"][n]


@apply.register
def _reshape(transform: Reshape, x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    return x.reshape(len(x), *transform.shape)


@apply.register
def _junction(transform: Junction, x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    flat, weight = x.reshape(len(x), -1), parameters["weight"]
    if isinstance(transform.of, OneToOne):
        return flat * (weight if transform.part == "back" else -weight)
    if isinstance(transform.of, Sparse):
        present = np.zeros((transform.of.post, transform.of.pre))
        present[transform.of.targets, transform.of.sources] = weight
        return flat @ present if transform.part == "back" else -present.sum(1 if transform.part == "rows" else 0) * flat
    present = weight if transform.of.mask is None else weight * transform.of.mask
    return flat @ present if transform.part == "back" else -present.sum(1 if transform.part == "rows" else 0) * flat
