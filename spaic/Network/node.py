"""Nodes: where data enter a network and leave it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from math import isfinite, prod
from typing import Any, ClassVar

import numpy as np

from spaic.errors import DeclarationError, InputError, StateError, nearest, reject_unknown
from spaic.Network.element import Element
from spaic.Network.neurongroup import group_shape
from spaic.registry import Registry, decoders, encoders, generators


class Node(Element):
    """An encoder, generator or decoder.

    Called by its own name it makes one of the two from its keywords: ``Node(num=784, encoding="latency")`` is an
    :class:`Encoder`, ``Node(decoding="spike_counts", target=layer)`` a :class:`Decoder`.
    """

    kind = "node"
    codes: ClassVar[Registry[Any]]

    @classmethod
    def meant(cls, args: tuple[Any, ...], options: Mapping[str, Any]) -> Callable[..., Any] | None:
        if cls is not Node:
            return None
        kinds: dict[str, type] = {"encoding": Encoder, "decoding": Decoder}
        for keyword, kind in kinds.items():
            if keyword in options:
                return kind
        raise DeclarationError("Node: neither encoding nor decoding is given; use Encoder, Generator or Decoder")

    def _set_code(self, method: str | None, options: dict[str, Any], default: str | None = None) -> None:
        if method is None and default is None:
            raise DeclarationError(f"{type(self).__name__}: no coding_method is given; {nearest('', self.codes)}")
        self.coding_method = self.codes.canonical(method or default)
        code = self.codes[self.coding_method]
        where = f"{type(self).__name__}({self.coding_method})"
        reject_unknown(where, options, [f.name for f in dataclasses.fields(code)])
        self.code = code(**options)


class _Source(Node):
    """What encoders and generators have in common: data to be turned into the input of a run."""

    volatile: ClassVar[frozenset[str]] = frozenset({"source", "is_new"})
    shared: ClassVar[tuple[str, ...]] = ("source", "loader")

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self.source: Any = None
        self.loader: Any = None
        self.is_new = False

    shape: tuple[int, ...]

    @property
    def num(self) -> int:
        """Number of values of a sample."""
        return prod(self.shape)

    def _take(self, data: Any) -> None:
        self.source, self.is_new = data, True


class Encoder(_Source):
    """Encodes samples into the input of the network.

    Parameters
    ----------
    shape_or_data : int, tuple, data set or loader, optional
        Number or shape of the values of one sample, or data from whose first sample it is taken.
    num : int, optional
        Number of values of a sample.
    shape : tuple of int, optional
        Their shape.
    coding_method : str
        poisson, bernoulli, latency, direct, phase, null.
    name : str, optional
        Name where it is not assigned to an attribute.
    **options
        Parameters of the code.

    Examples
    --------
    >>> import spaic
    >>> spaic.Encoder(num=784, coding_method="latency").shape
    (784,)
    >>> spaic.Encoder(num=784, coding_method="latencie")
    Traceback (most recent call last):
        ...
    spaic.errors.UnknownName: unknown encoder 'latencie'; did you mean 'latency'?
    """

    kind = "encoder"
    codes = encoders

    def __init__(
        self,
        shape_or_data: Any = None,
        num: int | None = None,
        *,
        shape: Any = None,
        coding_method: str | None = None,
        name: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(name)
        if shape_or_data is not None:
            if shape is not None:
                raise DeclarationError("Encoder: the shape is given twice; give it once")
            num, shape = _size_of(shape_or_data, num)
        self.shape = group_shape(num, shape, "Encoder")
        self.loader = shape_or_data if hasattr(shape_or_data, "dataset") else None  # for net.train(epochs=...)
        self._set_code(coding_method, options)

    def __call__(self, data: Any) -> None:
        """Set the batch ``[batch, *shape]`` (or ``[batch, num]``) of the next runs."""
        self._take(_checked(self, data))


class Generator(_Source):
    """Makes input without a data set.

    Parameters
    ----------
    num, shape : int, tuple of int
        Number or shape of the values; the shape of `dec_target` by default.
    coding_method : str
        poisson_generator, constant_current, sin, ramp.
    dec_target : NeuronGroup, optional
        A group into which the values go without a connection, neuron by neuron.
    coding_var_name : str, optional
        The port of `dec_target`; its current input by default.
    name : str, optional
        Name where it is not assigned to an attribute.
    **options
        Parameters of the generator.
    """

    kind = "generator"
    refers = ("dec_target",)
    codes = generators

    def __init__(
        self,
        num: int | None = None,
        *,
        shape: Any = None,
        coding_method: str | None = None,
        dec_target: Any = None,
        coding_var_name: str | None = None,
        name: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(name)
        self.dec_target, self.coding_var_name = dec_target, coding_var_name
        follows = num is None and shape is None and dec_target is not None
        self.own_shape = None if follows else group_shape(num, shape, "Generator")
        self._set_code(coding_method, options)

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        """Shape of the values: its own, or that of the target."""
        return self.dec_target.shape if self.own_shape is None else self.own_shape

    def __call__(self, value: Any = None) -> None:
        """Set the value that the generator works from: a rate, a current, an amplitude."""
        if value is not None:
            _check_finite(self.path, value)
        self._take(value)


class Decoder(Node):
    """Reads a group and turns its activity into a prediction.

    Parameters
    ----------
    num : int, optional
        Number of neurons read; must be that of the target.
    dec_target : NeuronGroup
        The group.
    coding_method : str
        spike_counts (default), spike_rate, first_spike, final_voltage, max_voltage, null.
    coding_var_name : str, optional
        Variable that is read; by default the one that the code needs.
    name : str, optional
        Name where it is not assigned to an attribute.
    **options
        Parameters of the code.
    """

    kind = "decoder"
    volatile: ClassVar[frozenset[str]] = frozenset({"label"})
    codes = decoders
    refers = ("dec_target",)

    def __init__(
        self,
        num: int | None = None,
        dec_target: Any = None,
        *,
        coding_method: str | None = None,
        coding_var_name: str | None = None,
        name: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(name)
        self.dec_target = dec_target
        if not isinstance(self.dec_target, Element) or not hasattr(self.dec_target, "shape"):
            raise DeclarationError(f"Decoder: the target is {self.dec_target!r}; give the group to be read as dec_target")
        if num is not None and num != prod(self.dec_target.shape):
            raise DeclarationError(
                f"Decoder: num is {num}, the target has {prod(self.dec_target.shape)} neurons; make them equal or leave num out"
            )
        self._set_code(coding_method, options, "spike_counts")
        self.coding_var_name = coding_var_name or self.code.reads
        self.label: Any = None
        self._prediction: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_prediction": None}  # it belongs to a run, which a copy has not had

    @property
    def num(self) -> int:
        """Number of neurons read."""
        return prod(self.dec_target.shape)

    def __call__(self, label: Any = None) -> Any:
        """Store the labels of the batch and return the last prediction, if there is one."""
        self.label = label
        return self._prediction

    def receive(self, prediction: Any) -> None:
        """Take what a run predicts."""
        self._prediction = prediction

    @property
    def predict(self) -> Any:
        """The prediction of the last run, ``[batch, num]``, differentiable."""
        if self._prediction is None:
            raise StateError(f"{self.path}: there is no prediction yet; call net.run(T) first")
        return self._prediction


def _size_of(given: Any, num: int | None) -> tuple[int | None, Any]:
    """Number and shape meant by the first argument of an encoder."""
    if hasattr(given, "__index__"):
        if num is not None:
            raise DeclarationError(f"Encoder: the size is given twice, {given!r} and {num!r}; give it once")
        return given.__index__(), None
    if isinstance(given, (tuple, list)):
        return num, given
    data = getattr(given, "dataset", given)
    try:
        sample = data[0][0]
    except (TypeError, KeyError, IndexError):
        raise DeclarationError(f"Encoder: cannot tell a size from {given!r}; give num or shape") from None
    return num, np.shape(sample)


def _checked(node: Encoder, data: Any) -> Any:
    """`data` as ``[batch, *shape]``, or InputError."""
    array = data if hasattr(data, "detach") else _as_array(node.path, data)
    expected = f"expected [batch, {', '.join(map(str, node.shape))}]"
    lead = 2 if node.coding_method == "null" else 1
    if array.ndim < lead + 1:
        raise InputError(f"{node.path}: the input has shape {tuple(array.shape)}, {expected}; add the batch dimension")
    width = prod(array.shape[lead:])
    if width != node.num or (array.ndim != lead + 1 and tuple(array.shape[lead:]) != node.shape):
        raise InputError(f"{node.path}: the input has shape {tuple(array.shape)}, {expected}; reshape it or change the encoder")
    if array.shape[0] == 0:
        raise InputError(f"{node.path}: the batch is empty; give at least one sample")
    _check_finite(node.path, array)
    return array.reshape(*array.shape[:lead], *node.shape)


def _as_array(path: str, data: Any) -> np.ndarray:
    try:
        array = np.asarray(data)
    except ValueError:
        raise InputError(f"{path}: the samples have different lengths; give samples of one shape") from None
    if array.dtype.kind not in "fiub":
        raise InputError(f"{path}: the input has type {array.dtype}; give numbers")
    return array


def _check_finite(path: str, value: Any) -> None:
    if hasattr(value, "detach"):
        if value.is_complex():
            raise InputError(f"{path}: the input has type {value.dtype}; give real numbers")
        if not value.is_floating_point() or isfinite(value.detach().sum().item()):
            return
        finite = value.detach().isfinite()  # a sum of large numbers may be infinite
        wrong = None if bool(finite.all()) else value.detach()[~finite].reshape(-1)[0].item()
    else:
        array = _as_array(path, value)
        if array.dtype.kind != "f":
            return
        finite = np.isfinite(array)
        wrong = None if finite.all() else array[~finite].reshape(-1)[0]
    if wrong is not None:
        raise InputError(f"{path}: the input holds {wrong}; clean the data before they enter the network")
