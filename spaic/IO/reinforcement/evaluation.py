"""What a network gets without learning, in episodes of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from spaic.IO.reinforcement.checks import another
from spaic.IO.reinforcement.episodes import Episodes
from spaic.IO.reinforcement.returns import Returns
from spaic.Learning.evaluation import in_mode
from spaic.Learning.plasticity import PlasticityLearner
from spaic.Monitor.monitor import Monitor
from spaic.Network.element import Annotation
from spaic.Network.network import Network
from spaic.Network.readers import Action

if TYPE_CHECKING:
    from spaic.IO.reinforcement.pipeline import RLPipeline


def evaluate(pipeline: RLPipeline, number: int, seed: int, best: bool) -> Returns:
    """Returns of `number` episodes; see :meth:`RLPipeline.evaluate`."""
    copies = 1 if _is_one_by_one(pipeline.network) else number
    first = another(pipeline.environment)
    episodes = Episodes(first, copies, seed, "evaluate")
    history = Returns()
    try:
        with torch.no_grad(), in_mode(pipeline.network, False), _as_before(pipeline.network):
            while history.episodes < number:
                _play(pipeline, episodes, history, best)
    finally:
        episodes.close()
        first.close()
    return history


def _is_one_by_one(net: Network) -> bool:
    """Whether a rule refuses batches, or has noise refuse them, which is so in evaluation mode too."""
    return any(learner.reduction in (None, "per_sample") for learner in net.members(PlasticityLearner))


def _play(pipeline: RLPipeline, episodes: Episodes, history: Returns, best: bool) -> None:
    """One episode of each copy; those that are over stay in the batch until all are."""
    episodes.start()
    is_running = np.ones(len(episodes), dtype=bool)
    goes_on = False
    while is_running.any():
        _run(pipeline, episodes.observations, goes_on)
        chosen = _actions(pipeline.actor, best)
        for copy in np.flatnonzero(is_running).tolist():
            for _ in range(pipeline.action_repeat):
                if episodes.step(copy, chosen[copy]).done:
                    is_running[copy] = False
                    break
        goes_on = pipeline.carry_on
    for copy in range(len(episodes)):
        ended = episodes.ended(copy)
        history.add(ended.total, ended.length, sum(history.lengths) + ended.length)


def _run(pipeline: RLPipeline, observations: np.ndarray, goes_on: bool) -> None:
    """A run that nobody watches: what monitors have recorded is of the training."""
    net = pipeline.network
    watchers = [one for one in net.members(Annotation) if not isinstance(one, Monitor)]
    pipeline.encoder(observations.astype(np.float32))
    net._built().run(pipeline.time, goes_on, False, watchers, False)


def _actions(actor: Any, best: bool) -> np.ndarray:
    if not isinstance(actor, Action):
        return np.asarray(actor.predict.detach().double().cpu().numpy())
    chosen = actor.code.best(actor.scores) if best else actor.action
    return np.asarray(chosen.cpu().numpy().astype(np.int64))


@contextmanager
def _as_before(net: Network) -> Iterator[None]:
    """Put the state of the network and its inputs back, so that runs that follow are those that would have followed."""
    simulation = net._built()
    fields = ("runs", "state", "starts", "lengths", "streams")
    kept = {name: getattr(simulation, name) for name in fields}
    kept = {name: dict(value) if isinstance(value, dict) else value for name, value in kept.items()}
    sources = [(node, node.source, node.is_new) for node in simulation.sources]
    results = [(reader, reader._result) for reader in simulation.readers]
    try:
        yield
    finally:
        for name, value in kept.items():
            setattr(simulation, name, value)
        for node, source, is_new in sources:
            node.source, node.is_new = source, is_new
        for reader, result in results:
            reader._result = result
