"""Decoders, actions and rewards: what makes a result of the activity of a group."""

from __future__ import annotations

from abc import abstractmethod
from math import prod
from typing import Any, ClassVar

from spaic.clock import Clock
from spaic.errors import DeclarationError, NetworkError, StateError
from spaic.Network.element import Element
from spaic.Network.given import check_finite
from spaic.Network.neurongroup import group_shape
from spaic.Network.node import Node
from spaic.registry import actions, decoders, rewards
from spaic.seeds import Key


class Reader(Node):
    """What decoders, actions and rewards have in common: a group whose record over a run they reduce to a result."""

    refers = ("dec_target",)
    #: The code where none is named; None if one has to be.
    usual_code: ClassVar[str | None] = None

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
        self._set_code(coding_method, options, self.usual_code)
        self.dec_target = dec_target
        needs_one = dec_target is not None or self.code.reads is not None
        if needs_one and not (isinstance(dec_target, Element) and hasattr(dec_target, "shape")):
            raise DeclarationError(f"{type(self).__name__}: the target is {dec_target!r}; give the group to be read as dec_target")
        self._set_num(num)
        self.coding_var_name = coding_var_name or self.code.reads or "O"
        self._result: Any = None

    def _set_num(self, num: int | None) -> None:
        if num is not None and self.dec_target is not None and num != self.num:
            kind = type(self).__name__
            raise DeclarationError(f"{kind}: num is {num}, the target has {self.num} neurons; make them equal or leave num out")

    @property
    def num(self) -> int:
        """Number of neurons read; 1 if there is no target."""
        return 1 if self.dec_target is None else prod(self.dec_target.shape)

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


class Decoder(Reader, keyword="decoding"):
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

    usual_code = "spike_counts"
    label: Any = None

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

    own_num: int | None = None

    def _set_num(self, num: int | None) -> None:
        self.own_num = None if num is None else group_shape(num, None, "Action")[0]

    @property
    def num(self) -> int:
        """Number of actions."""
        return super().num if self.own_num is None else self.own_num

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

    source: Any = None

    def __call__(self, label: Any) -> None:
        """Set what the next runs are judged by: the labels ``[batch]``, or the reward itself for ``environment_reward``."""
        check_finite(self.path, label)
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
