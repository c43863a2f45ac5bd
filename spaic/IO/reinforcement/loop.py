"""One step of a network and its environment."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from spaic.errors import DeclarationError, StateError
from spaic.IO.reinforcement.checks import demand_declared, demand_seed
from spaic.IO.reinforcement.ends import ends
from spaic.IO.reinforcement.environment import BaseEnvironment
from spaic.IO.reinforcement.episodes import Ended, Episodes
from spaic.IO.reinforcement.replay import ReplayMemory, Transition
from spaic.IO.reinforcement.returns import Returns
from spaic.IO.reinforcement.step import Late, Step, checked_step
from spaic.Learning.plasticity import PlasticityLearner
from spaic.Learning.reinforcement import Agent, DirectReward, Experience, RewardLearner
from spaic.Library.ranges import demand_count, demand_flag, demand_number, demand_positive
from spaic.Network.network import Network
from spaic.Network.readers import Action
from spaic.seeds import Key
from spaic.units import in_unit


class Loop:
    """A network and its environment, step by step; :class:`spaic.RLPipeline` says what the arguments are."""

    def __init__(
        self,
        network: Network,
        environment: BaseEnvironment,
        time: float | str,
        num_episodes: int = 100,
        action_repeat: int = 1,
        probability_random_action: float = 0.0,
        render_interval: int | None = None,
        reward_delay: int | None = None,
        replay_memory: bool | ReplayMemory = False,
        memory_capacity: int = 10_000,
        *,
        learner: RewardLearner | None = None,
        copies: int = 1,
        carry_on: bool = False,
        seed: int | None = None,
        encoder: Any = None,
        action: Any = None,
        reward: Any = None,
    ) -> None:
        _demand_parts(network, environment, learner)
        time = in_unit(time, "ms", "RLPipeline.time")
        demand_positive("RLPipeline.time", time)
        demand_number("RLPipeline.probability_random_action", probability_random_action, 0.0, 1.0)
        demand_flag("RLPipeline.carry_on", carry_on)
        optional = {name: n for name, n in (("render_interval", render_interval), ("reward_delay", reward_delay)) if n is not None}
        for name, value in {"num_episodes": num_episodes, "action_repeat": action_repeat, "copies": copies, **optional}.items():
            demand_count(f"RLPipeline.{name}", value)
        if carry_on and copies > 1:
            raise DeclarationError("RLPipeline: carry_on=True is for one copy, as episodes end one by one; give copies=1")
        if probability_random_action:
            _demand_bounds(environment)
        self.network, self.environment, self.time = network, environment, float(time)
        self.num_episodes, self.action_repeat, self.copies = num_episodes, action_repeat, copies
        self.probability_random_action, self.render_interval = float(probability_random_action), render_interval
        self.reward_delay, self.carry_on = reward_delay or 0, carry_on
        self.seed = network._seed if seed is None else demand_seed("RLPipeline.seed", seed)
        self.encoder, self.actor, self.reward = ends(network, environment, encoder, action, reward)
        self.replay_memory = self._memory(replay_memory, memory_capacity)
        self.learner = self._direct() if learner is None else learner
        random_share = self.probability_random_action
        self.agent = Agent(network, self.encoder, self.actor, self.time, copies, self.seed, carry_on, random_share)
        self.reset_pipeline()

    def _memory(self, wanted: bool | ReplayMemory, capacity: int) -> ReplayMemory | None:
        if isinstance(wanted, ReplayMemory):
            return wanted
        demand_flag("RLPipeline.replay_memory", wanted)
        return ReplayMemory(capacity, self.seed) if wanted else None

    def _direct(self) -> RewardLearner | None:
        uses = any("on_reward" in k.declaration.statements for k in self.network.members(PlasticityLearner))
        return DirectReward() if uses else None

    def reset_pipeline(self) -> None:
        """Begin anew with the first episode; what the network and the learner have learned stays."""
        if self.learner is not None:
            self.learner.start(self.agent)
        self.episodes = self.new_episodes()
        self.history = Returns()
        self.steps = 0
        self.frame: Any = None
        self._goes_on = False
        self._late = Late(self.copies, self.reward_delay)
        self._seen: np.ndarray | None = None

    def new_episodes(self) -> Episodes:
        """The episodes of a training, none of them started."""
        return Episodes(self.environment, self.copies, self.seed, "train")

    # --- one step

    def step(self) -> Step:
        """One step of every copy: act, learn, and start a new episode where one is over."""
        with torch.no_grad():
            result = self.env_step()
            self.update_step(result)
        return result

    def env_step(self) -> Step:
        """Show the network what is observed, and do what it says.

        Returns
        -------
        next_state : ndarray
            ``[copies, *shape]``.
        reward : ndarray
            ``[copies]``.
        done : ndarray
            ``[copies]`` truth values.
        """
        if not self.episodes.started:
            self.episodes.start()
        seen = self.episodes.observations.copy()
        self.agent.run(seen, self._goes_on)
        self._chosen = self._actions()
        outcomes = [self._act(copy, action) for copy, action in enumerate(self._chosen)]
        self.steps += self.copies
        if self.render_interval is not None and (self.steps // self.copies) % self.render_interval == 0:
            self.frame = self.environment.render()
        self._seen, self._truncated = seen, np.array([truncated for _, _, truncated in outcomes])
        done = np.array([done for _, done, _ in outcomes])
        return self.episodes.observations.copy(), np.array([reward for reward, _, _ in outcomes]), done

    def _actions(self) -> np.ndarray:
        """What to do in each copy."""
        if not isinstance(self.actor, Action):
            chosen = self.actor.predict.detach().double().cpu().numpy().reshape(self.copies, -1)
        else:
            chosen = self.actor.action.cpu().numpy().astype(np.int64)
        if not self.probability_random_action:
            return np.asarray(chosen)
        rng = Key(self.seed, "pipeline", "random action", self.steps).generator()
        is_random = rng.random(self.copies) < self.probability_random_action
        low, high = self.environment.low, self.environment.high
        if low is None or high is None:
            return np.where(is_random, rng.integers(self.environment.action_num, size=self.copies), chosen)
        return np.where(is_random[:, None], rng.uniform(low, high, (self.copies, len(low))), chosen)

    def _act(self, copy: int, action: Any) -> tuple[float, bool, bool]:
        total = 0.0
        for _ in range(self.action_repeat):
            outcome = self.episodes.step(copy, action)
            total += outcome.reward
            if outcome.done:
                break
        return total, outcome.done, outcome.truncated

    def update_step(self, result: Any) -> None:
        """Learn from what :meth:`env_step` gave, and start a new episode where one is over.

        Parameters
        ----------
        result : tuple
            (next_state, reward, done) of all copies.
        """
        if self._seen is None:
            raise StateError("RLPipeline.update_step: there is no step to learn from; call env_step() first, once for each update_step()")
        following, reward, done = checked_step(result, self._seen.shape)
        seen, self._seen = self._seen, None
        late = self._late(reward, done)
        if self.reward is not None:
            self.reward(late)
        truncated = done & self._truncated
        experience = Experience(seen, self._chosen, late, following, done & ~truncated, truncated)
        if self.replay_memory is not None:
            for row in zip(seen, self._chosen, following, late, experience.terminated, strict=True):
                self.replay_memory.push(Transition(*row))
        if self.learner is not None:
            self.learner.observe(experience)
        self._goes_on = self.carry_on and not done.any()
        for copy in np.flatnonzero(done).tolist():
            self._end(self.episodes.ended(copy))

    def _end(self, ended: Ended) -> None:
        self.history.add(ended.total, ended.length, self.steps)
        self.episodes.restart(ended.copy)


def _demand_parts(network: Any, environment: Any, learner: Any) -> None:
    if not isinstance(network, Network):
        raise DeclarationError(f"RLPipeline.network: {network!r} is no network; give a spaic.Network")
    if not isinstance(environment, BaseEnvironment):
        raise DeclarationError(f"RLPipeline.environment: {environment!r} is no environment; give spaic.GymEnvironment('CartPole-v1')")
    demand_declared(environment)
    if learner is not None and not isinstance(learner, RewardLearner):
        raise DeclarationError(f"RLPipeline.learner: {learner!r} is no learner of rewards; give spaic.PolicyGradient(...)")


def _demand_bounds(environment: BaseEnvironment) -> None:
    """Refuse to draw actions from a range without end."""
    low, high = environment.low, environment.high
    if low is not None and high is not None and not np.isfinite(np.subtract(high, low)).all():
        raise DeclarationError(
            f"RLPipeline.probability_random_action: actions of {environment.name} lie between {np.ravel(low).tolist()} and "
            f"{np.ravel(high).tolist()}, from which none can be drawn; give 0, or an environment with finite bounds"
        )
