"""Nodes: where data enter a network and leave it."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Callable, Mapping
from math import isfinite, prod
from typing import Any, ClassVar

import numpy as np

from spaic.clock import Clock
from spaic.errors import DeclarationError, InputError, NetworkError, StateError, nearest, reject_unknown
from spaic.Network.element import Element
from spaic.Network.neurongroup import group_shape
from spaic.registry import Registry, actions, decoders, encoders, generators, rewards
from spaic.seeds import Key


class Node(Element):
    """An encoder, generator, decoder, action or reward.

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
        self.coding_method = self.codes.canonical(default if method is None else method)
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
        self._take(self.code.checked(data, self.shape, self.path) if self._takes_events else _checked(self, data))

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
            _check_finite(self.path, value)
        self._take(value)


class Reader(Node):
    """What decoders, actions and rewards have in common: a group whose record over a run they reduce to a result."""

    refers = ("dec_target",)

    def _set_target(self, target: Any) -> None:
        self.dec_target = target
        if not isinstance(target, Element) or not hasattr(target, "shape"):
            raise DeclarationError(f"{type(self).__name__}: the target is {target!r}; give the group to be read as dec_target")

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_result": None}  # it belongs to a run, which a copy has not had

    dec_target: Any
    coding_var_name: str | None

    @property
    def reads(self) -> str | None:
        """Path of the variable that is read; None if there is no target."""
        return None if self.dec_target is None else f"{self.dec_target.path}.{self.coding_var_name}"

    @abstractmethod
    def check(self) -> None:
        """Refuse a target that the code cannot read."""

    @abstractmethod
    def fold(self, carry: Any, record: Any, first_step: int, clock: Clock) -> Any:
        """Take in the record ``[steps, batch, *shape]`` of the next steps; None is the carry of the first ones."""

    @abstractmethod
    def finish(self, carry: Any, steps: int, clock: Clock, key: Key) -> Any:
        """The result of a run of `steps` steps; random choices belong to `key`."""

    def receive(self, result: Any) -> None:
        """Take the result of a run."""
        self._result = result

    def _last(self, what: str) -> Any:
        if self._result is None:
            raise StateError(f"{self.path}: there is no {what} yet; call net.run(T) first")
        return self._result


class Decoder(Reader):
    """Reads a group and turns its activity into a prediction.

    Parameters
    ----------
    num : int, optional
        Number of neurons read; must be that of the target.
    dec_target : NeuronGroup
        The group.
    coding_method : str
        spike_counts (default), spike_rate, first_spike, final_voltage, max_voltage, null, ... (``spaic list decoders``).
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
        self._set_target(dec_target)
        if num is not None and num != prod(self.dec_target.shape):
            raise DeclarationError(
                f"Decoder: num is {num}, the target has {prod(self.dec_target.shape)} neurons; make them equal or leave num out"
            )
        self._set_code(coding_method, options, "spike_counts")
        self.coding_var_name = coding_var_name or self.code.reads
        self.label: Any = None
        self._result: Any = None

    @property
    def num(self) -> int:
        """Number of neurons read."""
        return prod(self.dec_target.shape)

    def __call__(self, label: Any = None) -> Any:
        """Store the labels of the batch and return the last prediction, if there is one."""
        self.label = label
        return self._result

    def check(self) -> None:
        self.code.check(self.num, self.path)

    def fold(self, carry: Any, record: Any, first_step: int, clock: Clock) -> Any:
        return self.code.add(carry, record, first_step, clock)

    def finish(self, carry: Any, steps: int, clock: Clock, key: Key) -> Any:
        return self.code.finish(carry, steps, clock)

    @property
    def predict(self) -> Any:
        """The prediction of the last run, ``[batch, num]``, differentiable."""
        return self._last("prediction")


class Action(Reader):
    """Chooses one of several actions from the activity of a group: one whole number per sample.

    Parameters
    ----------
    num : int, optional
        Number of actions; each belongs to as many consecutive neurons. One per neuron by default.
    dec_target : NeuronGroup
        The group.
    coding_method : str
        highest_spikes_action, pop_rate_action, softmax_action, ... (``spaic list actions``).
    coding_var_name : str, optional
        Variable that is read; by default the one that the code needs.
    name : str, optional
        Name where it is not assigned to an attribute.
    **options
        Parameters of the code.

    Examples
    --------
    >>> import spaic
    >>> net = spaic.Network()
    >>> net.cells = spaic.NeuronGroup(6, model="lif")
    >>> net.choice = spaic.Action(num=3, dec_target=net.cells, coding_method="random_action")
    >>> net.run(1.0)
    >>> int(net.choice.action) in (0, 1, 2)
    True
    """

    kind = "action"
    codes = actions

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
        self._set_target(dec_target)
        self.own_num = None if num is None else group_shape(num, None, "Action")[0]
        self._set_code(coding_method, options)
        self.coding_var_name = coding_var_name or self.code.reads
        self._result: Any = None

    @property
    def num(self) -> int:
        """Number of actions."""
        return prod(self.dec_target.shape) if self.own_num is None else self.own_num

    def check(self) -> None:
        neurons = prod(self.dec_target.shape)
        if neurons % self.num:
            raise NetworkError(f"{self.path}: {neurons} neurons do not divide into {self.num} actions; change one of the two")

    def fold(self, carry: Any, record: Any, first_step: int, clock: Clock) -> Any:
        return self.code.add(carry, record, first_step, clock)

    def finish(self, carry: Any, steps: int, clock: Clock, key: Key) -> Any:
        return self.code.chosen(carry, steps, clock, self.num, key), self.code.scores(carry, steps, clock, self.num)

    @property
    def action(self) -> Any:
        """The action chosen in the last run for each sample, ``[batch]`` whole numbers; ``int(...)`` makes one of a batch of 1."""
        return self._last("action")[0]

    @property
    def scores(self) -> Any:
        """What each action got in the last run, by which it was chosen: ``[batch, num]``, differentiable."""
        return self._last("action")[1]


class Reward(Reader):
    """Judges what a group did in a run: the reward of each sample.

    ``net.reward(label)`` says what was right, before the run; ``net.reward.reward`` is the judgement after it.

    Parameters
    ----------
    num : int, optional
        Number of neurons read; must be that of the target.
    dec_target : NeuronGroup, optional
        The group; ``environment_reward`` needs none.
    coding_method : str
        global_reward, da_reward, xor_reward, classify_reward, environment_reward (``spaic list rewards``).
    coding_var_name : str, optional
        Variable that is read; by default the one that the code needs.
    name : str, optional
        Name where it is not assigned to an attribute.
    **options
        Parameters of the code.
    """

    kind = "reward"
    volatile: ClassVar[frozenset[str]] = frozenset({"source"})
    shared: ClassVar[tuple[str, ...]] = ("source",)
    codes = rewards

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
        self._set_code(coding_method, options)
        self.dec_target = dec_target
        if self.code.reads is not None or dec_target is not None:
            self._set_target(dec_target)
        if num is not None and dec_target is not None and num != self.num:
            raise DeclarationError(f"Reward: num is {num}, the target has {self.num} neurons; make them equal or leave num out")
        self.coding_var_name = coding_var_name or self.code.reads or "O"
        self.source: Any = None
        self._result: Any = None

    @property
    def num(self) -> int:
        """Number of neurons read; 1 if there is no target."""
        return 1 if self.dec_target is None else prod(self.dec_target.shape)

    def __call__(self, label: Any) -> None:
        """Set what the next runs are judged by: the labels ``[batch]``, or the reward itself for ``environment_reward``."""
        _check_finite(self.path, label)
        self.source = label

    def check(self) -> None:
        self.code.check(self.num, self.path)

    def fold(self, carry: Any, record: Any, first_step: int, clock: Clock) -> Any:
        return self.code.fold(carry, record, first_step, clock)

    def finish(self, carry: Any, steps: int, clock: Clock, key: Key) -> Any:
        return None if self.source is None else self.code.judged(carry, self.source, self.path)

    @property
    def reward(self) -> Any:
        """The reward of the last run: ``[batch]``, or as the code says."""
        if self.source is None:
            raise StateError(f"{self.path}: nothing says what was right; call net.{self.path}(label) before net.run(T)")
        return self._last("reward")


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
    if lead == 1:
        _check_finite(node.path, array)
    else:  # a value for every step: the code looks at all of them once, for spikes as for numbers that are none
        _check_real(node.path, array)
    return array.reshape(*array.shape[:lead], *node.shape)


def _as_array(path: str, data: Any) -> np.ndarray:
    try:
        array = np.asarray(data)
    except ValueError:
        raise InputError(f"{path}: the samples have different lengths; give samples of one shape") from None
    if array.dtype.kind not in "fiub":
        raise InputError(f"{path}: the input has type {array.dtype}; give numbers")
    return array


def _check_real(path: str, value: Any) -> None:
    if hasattr(value, "detach") and value.is_complex():
        raise InputError(f"{path}: the input has type {value.dtype}; give real numbers")


def _check_finite(path: str, value: Any) -> None:
    _check_real(path, value)
    if hasattr(value, "detach"):
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
