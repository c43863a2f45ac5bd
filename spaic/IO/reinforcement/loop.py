"""One step of a network and its environment."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from spaic.errors import DeclarationError
from spaic.IO.reinforcement.ends import ends
from spaic.IO.reinforcement.environment import BaseEnvironment
from spaic.IO.reinforcement.episodes import Ended, Episodes
from spaic.IO.reinforcement.replay import ReplayMemory, Transition
from spaic.IO.reinforcement.returns import Returns
from spaic.Learning.plasticity import PlasticityLearner
from spaic.Learning.reinforcement import Agent, DirectReward, Experience, RewardLearner
from spaic.Library.ranges import demand_count, demand_flag, demand_number, demand_positive
from spaic.Network.network import Network
from spaic.Network.readers import Action
from spaic.seeds import Key

#: What an environment did in a step: ``[copies, *shape]``, ``[copies]``, ``[copies]``.
Step = tuple[np.ndarray, np.ndarray, np.ndarray]


class Loop:
    """A network and its environment, step by step; :class:`spaic.RLPipeline` says what the arguments are."""

    def __init__(
        self,
        network: Network,
        environment: BaseEnvironment,
        time: float,
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
        demand_positive("RLPipeline.time", time)
        demand_number("RLPipeline.probability_random_action", probability_random_action, 0.0, 1.0)
        demand_flag("RLPipeline.carry_on", carry_on)
        optional = {name: n for name, n in (("render_interval", render_interval), ("reward_delay", reward_delay)) if n is not None}
        for name, value in {"num_episodes": num_episodes, "action_repeat": action_repeat, "copies": copies, **optional}.items():
            demand_count(f"RLPipeline.{name}", value)
        if carry_on and copies > 1:
            raise DeclarationError("RLPipeline: carry_on=True is for one copy, as episodes end one by one; give copies=1")
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
            raise DeclarationError(f"RLPipeline.seed: {seed!r} is no seed; give a whole number")
        self.network, self.environment, self.time = network, environment, float(time)
        self.num_episodes, self.action_repeat, self.copies = num_episodes, action_repeat, copies
        self.probability_random_action, self.render_interval = float(probability_random_action), render_interval
        self.reward_delay, self.carry_on = reward_delay or 0, carry_on
        self.seed = network._seed if seed is None else seed
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
        self._due: list[list[float]] = [[] for _ in range(self.copies)]
        self._chosen: Any = None

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
        self._seen = self.episodes.observations.copy()
        self.agent.run(self._seen, self._goes_on)
        self._chosen = self._actions()
        outcomes = [self._act(copy, action) for copy, action in enumerate(self._chosen)]
        self.steps += self.copies
        if self.render_interval is not None and (self.steps // self.copies) % self.render_interval == 0:
            self.frame = self.environment.render()
        self._truncated = np.array([truncated for _, _, truncated in outcomes])
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
        following, reward, done = (np.asarray(part) for part in result)
        done = done.reshape(self.copies).astype(bool)
        late = self._late(reward.reshape(self.copies).astype(np.float64), done)
        if self.reward is not None:
            self.reward(late)
        truncated = done & self._truncated
        experience = Experience(self._seen, self._chosen, late, following.reshape(self._seen.shape), done & ~truncated, truncated)
        if self.replay_memory is not None:
            for row in zip(self._seen, self._chosen, experience.next_observation, late, experience.terminated, strict=True):
                self.replay_memory.push(Transition(*row))
        if self.learner is not None:
            self.learner.observe(experience)
        self._goes_on = self.carry_on and not done.any()
        for copy in np.flatnonzero(done).tolist():
            self._end(self.episodes.ended(copy))

    def _late(self, reward: np.ndarray, done: np.ndarray) -> np.ndarray:
        """The rewards that come now."""
        if not self.reward_delay:
            return reward
        found = np.zeros(self.copies)
        for copy, due in enumerate(self._due):
            due.append(float(reward[copy]))
            if done[copy]:
                found[copy] = sum(due)
                due.clear()
            elif len(due) > self.reward_delay:
                found[copy] = due.pop(0)
        return found

    def _end(self, ended: Ended) -> None:
        self.history.add(ended.total, ended.length, self.steps)
        self.episodes.restart(ended.copy)


def _demand_parts(network: Any, environment: Any, learner: Any) -> None:
    if not isinstance(network, Network):
        raise DeclarationError(f"RLPipeline.network: {network!r} is no network; give a spaic.Network")
    if not isinstance(environment, BaseEnvironment):
        raise DeclarationError(f"RLPipeline.environment: {environment!r} is no environment; give spaic.GymEnvironment('CartPole-v1')")
    if learner is not None and not isinstance(learner, RewardLearner):
        raise DeclarationError(f"RLPipeline.learner: {learner!r} is no learner of rewards; give spaic.PolicyGradient(...)")
