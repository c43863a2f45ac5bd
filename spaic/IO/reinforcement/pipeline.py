"""A network in a closed loop with an environment: training, evaluation, files."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from spaic.IO.reinforcement import evaluation, saving
from spaic.IO.reinforcement.checks import demand_seed
from spaic.IO.reinforcement.loop import Loop
from spaic.IO.reinforcement.returns import Returns
from spaic.keywords import checked
from spaic.Learning.evaluation import in_mode
from spaic.Learning.interrupt import Interrupt
from spaic.Library.ranges import demand_count, demand_flag, demand_number


class RLPipeline(Loop):
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
    >>> import numpy as np, spaic
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

    @checked
    def train(
        self,
        num_episodes: int | None = None,
        *,
        early_stop: float | None = None,
        window: int = 100,
        progress: bool | None = None,
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
        progress : bool, optional
            Whether to show a progress bar; by default where somebody sees it: in a terminal or a notebook.
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

    def _bar(self, goal: int, progress: bool | None) -> Any:
        from tqdm.auto import tqdm

        return tqdm(
            total=goal,
            initial=min(self.history.episodes, goal),
            desc="episodes",
            unit="",
            disable=None if progress is None else not progress,
        )

    @checked
    def evaluate(self, episodes: int = 100, *, seed: int | None = None, best: bool = True) -> Returns:
        """Returns of episodes of their own, in which nothing is learned or recorded; the training goes on as if they had not been.

        They go on in other environments, which ``environment.another()`` makes.

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
        own = self.seed if seed is None else demand_seed("RLPipeline.evaluate.seed", seed)
        return evaluation.evaluate(self, episodes, own, best)

    # --- saved and resumed

    def save(self, path: str | Path) -> Path:
        """Write network, learner, memory, history and episodes to one file, at once or not at all."""
        return saving.save(self, path)

    def load(self, path: str | Path) -> None:
        """Take over what :meth:`save` wrote, all or nothing, into a pipeline and network declared the same; it goes on bit for bit.

        Episodes under way are started again with their seeds and led to where they were, which needs an environment without
        randomness of its own.
        """
        saving.load(self, path)
