"""Encoders and generators: what turns data into the input of a network."""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar

import numpy as np

from spaic.errors import DeclarationError
from spaic.Network.given import check_finite, checked
from spaic.Network.neurongroup import group_shape
from spaic.Network.node import Node
from spaic.registry import encoders, generators


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


class Encoder(_Source, keyword="encoding"):
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
        poisson, bernoulli, latency, relative_latency, uniform, phase, direct, sstb, mstb, null (``spaic list encoders``).
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
        """Set the batch of the next runs: ``[batch, *shape]``, ``[batch, num]``, or a list of events per sample for a code of events."""
        self._take(self.code.checked(data, self.shape, self.path) if self._takes_events else checked(self, data))

    @property
    def data(self) -> Any:
        """What the code encodes: the source, together with the shape of a sample where the data do not show it."""
        return (self.source, self.shape) if self._takes_events else self.source

    @property
    def _takes_events(self) -> bool:
        return getattr(self.code, "takes_events", False)


class Generator(_Source):
    """Makes input without a data set.

    Parameters
    ----------
    num, shape : int, tuple of int
        Number or shape of the values; the shape of `dec_target` by default.
    coding_method : str
        poisson_generator, constant_current, square_pulse, sin, ramp, white_noise, ornstein_uhlenbeck, spike_list, timed_array, from_file,
        ... (``spaic list generators``).
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
            check_finite(self.path, value)
        self._take(value)


def _size_of(given: Any, num: int | None) -> tuple[int | None, Any]:
    """Number and shape meant by the first argument of an encoder."""
    if hasattr(given, "__index__") and not getattr(given, "ndim", 0):
        if num is not None:
            raise DeclarationError(f"Encoder: the size is given twice, {given!r} and {num!r}; give it once")
        return given.__index__(), None
    if isinstance(given, (tuple, list)):
        return num, given
    if getattr(given, "ndim", 0):
        return num, np.shape(given)[1:]
    data = getattr(given, "dataset", given)
    try:
        sample = data[0][0]
    except (TypeError, KeyError, IndexError):
        raise DeclarationError(f"Encoder: cannot tell a size from {given!r}; give num or shape") from None
    return num, np.shape(sample)
