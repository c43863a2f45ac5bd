"""Policy gradient: what was better than expected becomes more likely, by the surrogate gradient of the network."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spaic.errors import DeclarationError, NetworkError, StateError
from spaic.Learning.learners import Learners
from spaic.Learning.reinforcement import Agent, Experience, RewardLearner, demand
from spaic.Network.readers import Action, Decoder
from spaic.seeds import Key

_COLUMNS = ("observation", "action", "reward", "next_observation", "terminated", "truncated", "log_probability", "value")


class PolicyGradient(RewardLearner):
    """Proximal policy optimization of a spiking network, with a critic that is a decoder of the same network.

    The action is drawn with the probability p that the Action gives it (``softmax_action``, ``softmax_voltage_action``). After `horizon`
    steps of every copy the network is run again on what was observed, in batches, and the weights follow the surrogate gradient of::

        mean(min(q A, clip(q, 1 - clip, 1 + clip) A)) + entropy * H - value_weight * mean((V - R)^2) / value_unit^2,   q = p_new / p

    with A the generalized advantage, normalized in each batch, and R = A + V. All gradient learners of the network take part, with their
    own optimizers and schedules. One epoch of one batch without clipping (``epochs=1, minibatches=1, clip=None``) is the
    advantage actor-critic; with ``trace=1`` besides, REINFORCE with a baseline.

    Parameters
    ----------
    value : Decoder or str, optional
        What says how good a state is, one number per sample, or its path; without it the baseline is the mean over the batch.
    horizon : int
        Steps of each copy between two updates.
    epochs, minibatches : int
        How often all of them are gone through in an update, and in how many batches; of two steps or more each, as the advantage of a
        single step is 0 once it is normalized.
    discount, trace : float
        gamma and lambda of the advantage: what the next step counts, and how far errors of the critic reach.
    clip : float or None
        How far a probability may move in an update before its gradient stops, as a share of itself; None for no limit.
    entropy : float
        What indecision is worth.
    value_weight : float
        What the error of the critic costs.
    value_unit : float
        The return that a decoded value of 1 stands for.

    Notes
    -----
    Source: Schulman et al. 2017, arXiv:1707.06347, eqs. 7 and 9; the advantage: Schulman et al. 2016, arXiv:1506.02438, eq. 16.

    Examples
    --------
    >>> PolicyGradient(discount=1.5)
    Traceback (most recent call last):
        ...
    spaic.errors.DeclarationError: PolicyGradient.discount: 1.5 is no number from 0 to 1; give one
    """

    hyperparameters = ("horizon", "epochs", "minibatches", "discount", "trace", "clip", "entropy", "value_weight", "value_unit")

    def __init__(
        self,
        value: Decoder | str | None = None,
        *,
        horizon: int = 128,
        epochs: int = 4,
        minibatches: int = 4,
        discount: float = 0.99,
        trace: float = 0.95,
        clip: float | None = 0.2,
        entropy: float = 0.01,
        value_weight: float = 0.5,
        value_unit: float = 1.0,
    ) -> None:
        if value is not None and not isinstance(value, (Decoder, str)):
            raise DeclarationError(f"PolicyGradient.value: {value!r} is no decoder; give one of the network, or its path")
        for name, number, low, high, is_whole in (
            ("horizon", horizon, 1, inf, True),
            ("epochs", epochs, 1, inf, True),
            ("minibatches", minibatches, 1, inf, True),
            ("discount", discount, 0, 1, False),
            ("trace", trace, 0, 1, False),
            ("clip", 0.2 if clip is None else clip, 0, inf, False),
            ("entropy", entropy, 0, 1e6, False),
            ("value_weight", value_weight, 0, 1e6, False),
            ("value_unit", value_unit, 1e-9, 1e9, False),
        ):
            demand("PolicyGradient", name, number, low, high, is_whole)
        self.value = value
        self.horizon, self.epochs, self.minibatches = int(horizon), int(epochs), int(minibatches)
        self.discount, self.trace, self.clip = float(discount), float(trace), None if clip is None else float(clip)
        self.entropy, self.value_weight, self.value_unit = float(entropy), float(value_weight), float(value_unit)
        self.updates = 0
        self._rows: dict[str, list[np.ndarray]] = {name: [] for name in _COLUMNS}
        self._facts: dict[str, float] = {}

    def start(self, agent: Agent) -> None:
        if not isinstance(agent.actor, Action):
            raise NetworkError(f"PolicyGradient: {agent.actor.path!r} is no Action; it learns choices among whole numbers")
        if agent.carries_on:
            raise NetworkError("PolicyGradient: it runs the network again on single observations; use carry_on=False")
        if agent.random_share:
            raise NetworkError("PolicyGradient: it explores by the probabilities of the network; use probability_random_action=0")
        self._demand_batches(self.horizon * agent.copies)
        agent.actor.code.log_probabilities(torch.zeros(1, agent.actor.num))  # refused here if there are none
        self._critic = self._found(agent)
        if self._critic is not None and self._critic.num != 1:
            raise NetworkError(f"{self._critic.path}: it reads {self._critic.num} neurons, the value of a state is one number; give it one")
        Learners(agent.net).demand_optimizers()
        super().start(agent)
        self._rows = {name: [] for name in _COLUMNS}

    def _demand_batches(self, steps: int) -> None:
        """Refuse batches of a single step, whose advantage is 0 once it is normalized."""
        if steps < 2 * self.minibatches:
            raise NetworkError(
                f"PolicyGradient.minibatches: {steps} steps of all copies (horizon {self.horizon}) make no {self.minibatches} batches of "
                "two steps or more; use fewer batches, or a longer horizon"
            )

    def _found(self, agent: Agent) -> Decoder | None:
        own = {decoder.path: decoder for decoder in agent.net.members(Decoder)}
        if self.value is None:
            return None
        path = self.value if isinstance(self.value, str) else self.value.path
        if path not in own:
            raise NetworkError(f"PolicyGradient.value: the network has no decoder {path!r}; it has {', '.join(own) or 'none'}")
        if not isinstance(self.value, str) and own[path] is not self.value:
            raise NetworkError(f"PolicyGradient.value: {path!r} is a decoder of another network; give one of this network, or its path")
        return own[path]

    # --- what it is told

    def observe(self, experience: Experience) -> None:
        log, value = self._judged()
        taken = torch.as_tensor(experience.action)[:, None]
        row = {**experience._asdict(), "log_probability": log.gather(1, taken)[:, 0].numpy(), "value": value.numpy()}
        for name, values in self._rows.items():
            values.append(np.array(row[name]))
        if len(self._rows["action"]) >= self.horizon:
            self._update()

    def _judged(self, is_training: bool = False) -> tuple[Tensor, Tensor]:
        """Log-probabilities of the actions ``[B, actions]`` and values ``[B]`` of the last run, in float64 on the CPU."""
        actor: Any = self._agent().actor
        log = actor.code.log_probabilities(actor.scores).double().cpu()
        value = torch.zeros(len(log), dtype=torch.float64)
        if self._critic is not None:
            value = self._critic.predict[:, 0].double().cpu() * self.value_unit
        return (log, value) if is_training else (log.detach(), value.detach())

    # --- what it makes of it

    def _update(self) -> None:
        columns = {name: np.stack(values) for name, values in self._rows.items()}
        self._rows = {name: [] for name in _COLUMNS}
        gain = advantages(
            columns["reward"], columns["value"], self._next_values(columns), columns["terminated"], columns["truncated"],
            self.discount, self.trace,
        )  # fmt: skip
        goal = gain + columns["value"]
        flat = {name: column.reshape(-1, *column.shape[2:]) for name, column in {**columns, "gain": gain, "goal": goal}.items()}
        rng = Key(self._agent().seed, "policy gradient", "batches", self.updates).generator()
        for _ in range(self.epochs):
            for chosen in np.array_split(rng.permutation(len(flat["gain"])), self.minibatches):
                self._step({name: column[chosen] for name, column in flat.items()})
        Learners(self._agent().net).optim_schedule()
        self.updates += 1

    def _next_values(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Value of what followed each step: that of the next step, asked of the network where an episode or the horizon ends."""
        following = np.concatenate([columns["value"][1:], np.zeros_like(columns["value"][:1])])
        asked = columns["truncated"].copy()
        asked[-1] = True
        if self._critic is not None:
            with torch.no_grad():
                self._agent().run(columns["next_observation"][asked])
                following[asked] = self._judged()[1].numpy()
        return np.where(columns["terminated"], 0.0, following)

    def _step(self, batch: Mapping[str, np.ndarray]) -> None:
        learners = Learners(self._agent().net)
        with torch.enable_grad():
            self._agent().run(batch["observation"])
            loss = self._loss(*self._judged(is_training=True), {name: torch.from_numpy(column) for name, column in batch.items()})
            learners.optim_zero_grad()
            loss.backward()
        learners.optim_step()

    def _loss(self, log: Tensor, value: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        ratio = (log.gather(1, batch["action"][:, None])[:, 0] - batch["log_probability"]).exp()
        gain = (batch["gain"] - batch["gain"].mean()) / (batch["gain"].std(correction=0) + 1e-8)
        least = ratio * gain
        if self.clip is not None:
            least = torch.minimum(least, ratio.clamp(1 - self.clip, 1 + self.clip) * gain)
        entropy = -(log.exp() * log).sum(1).mean()
        error = ((value - batch["goal"]) / self.value_unit).square().mean()
        self._facts = {"entropy": float(entropy.detach()), "value_error": float(error.detach())}
        return -least.mean() - self.entropy * entropy + (self.value_weight * error if self._critic is not None else 0.0)

    # --- shown, saved and resumed

    @property
    def facts(self) -> dict[str, float]:
        return self._facts

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "value": self.value.path if isinstance(self.value, Decoder) else self.value}

    def state(self) -> dict[str, Any]:
        rows = {name: np.stack(values) for name, values in self._rows.items() if values}
        return {"settings": self.settings(), "updates": self.updates, "rows": rows}

    def load_state(self, state: Mapping[str, Any]) -> None:
        if not isinstance(state, Mapping) or set(state) != {"settings", "updates", "rows"}:
            raise StateError("PolicyGradient: the state is not that of a policy gradient; resume with the same learner")
        self.demand_same(state["settings"])
        updates, rows = state["updates"], _columns(state["rows"])
        if isinstance(updates, bool) or not isinstance(updates, (int, np.integer)) or updates < 0:
            raise StateError(f"PolicyGradient: the number of updates is {updates!r}; give what state() gave")
        self.updates = int(updates)
        self._rows = {name: list(rows[name]) if rows else [] for name in _COLUMNS}


def _columns(given: Any) -> dict[str, np.ndarray]:
    """The rows of a state, ``[T, B, ...]`` each, or StateError."""
    try:
        found = {name: np.asarray(column) for name, column in given.items()}
    except (AttributeError, ValueError):
        found = {"no columns": np.zeros(0)}
    is_known = set(found) in (set(), set(_COLUMNS)) and all(c.dtype.kind in "fiub" and c.ndim >= 2 for c in found.values())
    if not is_known or len({column.shape[:2] for column in found.values()}) > 1:
        raise StateError("PolicyGradient: its rows are no columns of one length; give what state() gave, resume with the same learner")
    return found


def advantages(
    reward: np.ndarray,
    value: np.ndarray,
    next_value: np.ndarray,
    terminated: np.ndarray,
    truncated: np.ndarray,
    discount: float,
    trace: float,
) -> np.ndarray:
    """How much better each step was than the critic expected, ``[T, B]``: the sum over later errors of it.

    Parameters
    ----------
    reward, value, next_value : ndarray
        ``[T, B]``; the value of what followed is 0 where the episode came to its end.
    terminated, truncated : ndarray
        ``[T, B]``: where an episode is over, so that what comes after belongs to another one.
    discount, trace : float
        gamma and lambda.

    Examples
    --------
    >>> over = np.array([[False], [True]])
    >>> advantages(np.ones((2, 1)), np.zeros((2, 1)), np.zeros((2, 1)), over, over & False, 0.5, 1.0).tolist()
    [[1.5], [1.0]]
    """
    error = reward + discount * next_value - value
    goes_on = 1.0 - (terminated | truncated)
    found = np.zeros_like(error)
    later = np.zeros_like(error[0])
    for step in reversed(range(len(error))):
        later = error[step] + discount * trace * goes_on[step] * later
        found[step] = later
    return found
