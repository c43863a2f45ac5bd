"""A network in a closed loop with an environment."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import torch

from spaic.errors import DeclarationError
from spaic.IO.reinforcement import evaluation, saving
from spaic.IO.reinforcement.ends import ends
from spaic.IO.reinforcement.environment import BaseEnvironment
from spaic.IO.reinforcement.episodes import Ended, Episodes
from spaic.IO.reinforcement.replay import ReplayMemory, Transition
from spaic.IO.reinforcement.returns import Returns
from spaic.Learning.evaluation import in_mode
from spaic.Learning.interrupt import Interrupt
from spaic.Learning.plasticity import PlasticityLearner
from spaic.Learning.reinforcement import Agent, DirectReward, Experience, RewardLearner
from spaic.Library.ranges import demand_count, demand_flag, demand_number, demand_positive
from spaic.Network.network import Network
from spaic.Network.readers import Action
from spaic.seeds import Key

#: What an environment did in a step: ``[copies, *shape]``, ``[copies]``, ``[copies]``.
Step = tuple[np.ndarray, np.ndarray, np.ndarray]


class RLPipeline:
    """Observations go into an encoder, actions come out of an Action, rewards go to a Reward and to what learns.

    Parameters
    ----------
    network : Network
        The network: with one encoder of as many values as an observation has, and one Action of as many actions as there are (a Decoder
        of as many values where actions are continuous). Where there are several, say which.
    environment : BaseEnvironment
        Such as ``spaic.GymEnvironment("CartPole-v1")``.
    time : float
        Duration in ms for which an observation is shown.
    num_episodes : int
        How many episodes :meth:`train` goes on for.
    action_repeat : int
        For how many steps of the environment an action is kept; their rewards are added up.
    probability_random_action : float
        Share of actions that are drawn at random instead.
    render_interval : int, optional
        Number of steps from one picture of the first copy (:attr:`frame`) to the next.
    reward_delay : int, optional
        By how many steps rewards come late; those still due when an episode ends come with its last step.
    replay_memory : bool or ReplayMemory
        Whether transitions are kept in :attr:`replay_memory`.
    memory_capacity : int
        How many of them.
    learner : RewardLearner, optional
        What learns: :class:`spaic.PolicyGradient`, :class:`spaic.TemporalDifference`. By default rewards go straight to the plasticity
        rules that use one, if there are any.
    copies : int
        Number of environments that the network acts in at once, as one batch.
    carry_on : bool
        Whether the state of the network goes on from step to step of an episode (``run_continue``), with one copy; else each observation
        is a run of its own.
    seed : int, optional
        Of episodes and of what is drawn here; that of the network by default.
    encoder, action, reward : Element or str, optional
        Which of the network take part.

    Attributes
    ----------
    history : Returns
        Return and length of each episode.
    steps : int
        Steps so far, of all copies together.
    frame : object
        The latest picture.

    Examples
    --------
    >>> import spaic
    >>> class Coin(spaic.BaseEnvironment):
    ...     name, shape, action_num = "coin", (2,), 2
    ...     def reset(self, seed=None):
    ...         self.side = np.random.default_rng(seed).integers(2)
    ...         return np.eye(2)[self.side]
    ...     def step(self, action):
    ...         return spaic.IO.Outcome(np.eye(2)[self.side], float(action == self.side), True, {})
    >>> with spaic.Network() as net:
    ...     seen = spaic.Encoder(num=2, coding_method="direct")
    ...     cells = spaic.NeuronGroup(2, model="lif")
    ...     wire = spaic.Connection(seen, cells, link_type="one_to_one", weight=2.0)
    ...     choice = spaic.Action(dec_target=cells, coding_method="highest_spikes_action")
    >>> pipeline = spaic.RLPipeline(net, Coin(), time=2.0, num_episodes=5)
    >>> pipeline.train(progress=False).mean()
    1.0
    """

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
        if not isinstance(network, Network):
            raise DeclarationError(f"RLPipeline.network: {network!r} is no network; give a spaic.Network")
        if not isinstance(environment, BaseEnvironment):
            raise DeclarationError(f"RLPipeline.environment: {environment!r} is no environment; give spaic.GymEnvironment('CartPole-v1')")
        if learner is not None and not isinstance(learner, RewardLearner):
            raise DeclarationError(f"RLPipeline.learner: {learner!r} is no learner of rewards; give spaic.PolicyGradient(...)")
        demand_positive("RLPipeline.time", time)
        demand_number("RLPipeline.probability_random_action", probability_random_action, 0.0, 1.0)
        demand_flag("RLPipeline.carry_on", carry_on)
        for name, value in (("num_episodes", num_episodes), ("action_repeat", action_repeat), ("copies", copies)):
            demand_count(f"RLPipeline.{name}", value)
        for name, steps in (("render_interval", render_interval), ("reward_delay", reward_delay)):
            if steps is not None:
                demand_count(f"RLPipeline.{name}", steps)
        if carry_on and copies > 1:
            raise DeclarationError("RLPipeline: carry_on=True is for one copy, as episodes end one by one; give copies=1")
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

    # --- many of them

    def train(
        self,
        num_episodes: int | None = None,
        *,
        early_stop: float | None = None,
        window: int = 100,
        progress: bool = True,
        callback: Callable[[RLPipeline], Any] | None = None,
        checkpoint: str | Path | None = None,
        every: int = 100,
    ) -> Returns:
        """Act and learn until there have been `num_episodes` episodes, those of before included.

        Parameters
        ----------
        num_episodes : int, optional
            That of the pipeline by default.
        early_stop : float, optional
            The mean return of the last `window` episodes at which to stop.
        window : int
            Number of episodes of that mean, which the progress bar shows.
        progress : bool
            Whether to show a progress bar.
        callback : callable, optional
            Called with the pipeline after each step; what it returns, if true, ends the training.
        checkpoint : str or Path, optional
            A file that is written after each `every` episodes, at the end, and on Ctrl-C: see :meth:`save`.
        every : int
            Number of episodes from one file to the next.

        Returns
        -------
        Returns
            The history.

        Raises
        ------
        KeyboardInterrupt
            After Ctrl-C, at the end of a step; another call goes on from there.
        """
        goal = self.num_episodes if num_episodes is None else num_episodes
        for name, value in (("num_episodes", goal), ("window", window), ("every", every)):
            demand_count(f"RLPipeline.train.{name}", value)
        if early_stop is not None:
            demand_number("RLPipeline.train.early_stop", early_stop)
        saved = self.history.episodes
        with in_mode(self.network, True), Interrupt() as interrupt, closing(self._bar(goal, progress)) as bar:
            while self.history.episodes < goal:
                before = self.history.episodes
                self.step()
                is_over = callback is not None and bool(callback(self))
                is_over |= interrupt.is_requested or self._is_reached(early_stop, window)
                if checkpoint is not None and (is_over or self.history.episodes >= min(saved + every, goal)):
                    saved = self.history.episodes
                    self.save(checkpoint)
                if self.history.episodes > before:
                    bar.update(min(self.history.episodes, goal) - before)
                    bar.set_postfix(mean=f"{self.history.mean(window):.1f}", steps=self.steps, **self._facts())
                if is_over:
                    break
        return self.history

    def _is_reached(self, early_stop: float | None, window: int) -> bool:
        return early_stop is not None and self.history.episodes >= window and self.history.mean(window) >= early_stop

    def _facts(self) -> dict[str, str]:
        found = {} if self.learner is None else self.learner.facts
        return {name: f"{value:.3g}" for name, value in found.items()}

    def _bar(self, goal: int, progress: bool) -> Any:
        from tqdm.auto import tqdm

        return tqdm(total=goal, initial=min(self.history.episodes, goal), desc="episodes", unit="", disable=not progress)

    def evaluate(self, episodes: int = 100, *, seed: int | None = None, best: bool = True) -> Returns:
        """Returns of episodes of their own, in which nothing is learned; the training goes on as if they had not been.

        Parameters
        ----------
        episodes : int
            How many: all at once, or one after the other where a plasticity rule says nothing of batches (``reduction``).
        seed : int, optional
            Of the episodes; that of the pipeline by default. They are never those of the training.
        best : bool
            Whether the action is always the one that the scores speak for, with nothing drawn.
        """
        demand_count("RLPipeline.evaluate.episodes", episodes)
        demand_flag("RLPipeline.evaluate.best", best)
        return evaluation.evaluate(self, episodes, self.seed if seed is None else seed, best)

    # --- saved and resumed

    def save(self, path: str | Path) -> Path:
        """Write network, learner, memory, history and episodes to one file, at once or not at all."""
        return saving.save(self, path)

    def load(self, path: str | Path) -> None:
        """Take over what :meth:`save` wrote, into a pipeline and network declared the same; the training goes on bit for bit.

        Episodes under way are started again with their seeds and led to where they were, which needs an environment without
        randomness of its own.
        """
        saving.load(self, path)
