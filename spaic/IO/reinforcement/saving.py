"""A closed loop in one file: the network, what learns, and where the episodes are."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spaic.errors import DataError, StateError, UnsupportedError
from spaic.IO.boundary import reading
from spaic.IO.checkpoint import contents, demand_contents, take_contents, with_suffix
from spaic.IO.files import codec, container
from spaic.IO.reinforcement.checks import another
from spaic.IO.reinforcement.episodes import Episodes
from spaic.IO.reinforcement.replay import ReplayMemory
from spaic.IO.reinforcement.returns import Returns
from spaic.Learning.reinforcement import RewardLearner

if TYPE_CHECKING:
    from spaic.IO.reinforcement.pipeline import RLPipeline

KIND, LAYOUT = "spaic closed loop", 1

_KEYS = {"kind", "layout", "network", "settings", "learner", "memory", "history", "episodes", "steps", "goes on", "due"}


def save(pipeline: RLPipeline, path: str | Path) -> Path:
    """Write a pipeline to a file; see :meth:`RLPipeline.save`."""
    learner, memory = pipeline.learner, pipeline.replay_memory
    pipeline.network._built()  # weights are there from the first step on
    tree = {
        "kind": KIND,
        "layout": LAYOUT,
        "network": contents(pipeline.network),
        "settings": _settings(pipeline),
        "learner": None if learner is None else {"kind": type(learner).__name__, "state": learner.state()},
        "memory": None if memory is None else memory.state(),
        "history": pipeline.history.state(),
        "episodes": pipeline.episodes.state() if pipeline.episodes.started else None,
        "steps": pipeline.steps,
        "goes on": pipeline._goes_on,
        "due": [list(due) for due in pipeline._late.due],
    }
    arrays: dict[str, np.ndarray] = {}
    manifest = codec.encode(tree, arrays, "")
    return container.write(with_suffix(path), manifest, arrays)


def load(pipeline: RLPipeline, path: str | Path) -> None:
    """Take over what a file holds; see :meth:`RLPipeline.load`."""
    path = with_suffix(path)
    manifest, arrays = container.read(path)
    tree = codec.decode(manifest, arrays, str(path))
    if not isinstance(tree, dict) or tree.get("kind") != KIND:
        raise DataError(f"{path}: it is no file of a closed loop; give a file of RLPipeline.save")
    if tree.get("layout") != LAYOUT or set(tree) != _KEYS:
        raise DataError(f"{path}: its layout is {tree.get('layout')!r}, this spaic reads {LAYOUT}; use a newer spaic")
    demand_contents(tree["network"], path)
    _demand_same(pipeline, tree, path)
    with reading(path):
        history = Returns.from_state(tree["history"])
        due = [[float(value) for value in row] for row in tree["due"]]
        steps, goes_on = int(tree["steps"]), bool(tree["goes on"])
        if len(due) != pipeline.copies:
            raise DataError(f"{path}: rewards of {len(due)} copies are due, there are {pipeline.copies}; the file is damaged")
        _try(pipeline, tree)
        take_contents(pipeline.network, tree["network"], path)
        pipeline.reset_pipeline()
        _load_states(pipeline.learner, pipeline.replay_memory, tree)
        if tree["episodes"] is not None:
            pipeline.episodes.load_state(tree["episodes"])
        pipeline.history, pipeline.steps, pipeline._goes_on, pipeline._late.due = history, steps, goes_on, due


def _load_states(learner: RewardLearner | None, memory: ReplayMemory | None, tree: Mapping[str, Any]) -> None:
    if learner is not None:
        learner.load_state(tree["learner"]["state"])
    if memory is not None:
        memory.load_state(tree["memory"])


def _try(pipeline: RLPipeline, tree: Mapping[str, Any]) -> None:
    """Load the states into copies, so that what cannot be loaded has changed neither the learner nor the user's environment."""
    _load_states(copy.copy(pipeline.learner), copy.copy(pipeline.replay_memory), tree)
    if tree["episodes"] is None:
        return
    try:
        first = another(pipeline.environment)
    except UnsupportedError:  # it is the only one of its kind
        return
    episodes = Episodes(first, pipeline.copies, pipeline.seed, "train")
    try:
        episodes.load_state(tree["episodes"])
    finally:
        episodes.close()
        first.close()


def _settings(pipeline: RLPipeline) -> dict[str, Any]:
    """What has to be the same for the training to go on as it would have."""
    return {
        "environment": pipeline.environment.name,
        "time": pipeline.time,
        "action_repeat": pipeline.action_repeat,
        "probability_random_action": pipeline.probability_random_action,
        "reward_delay": pipeline.reward_delay,
        "copies": pipeline.copies,
        "carry_on": pipeline.carry_on,
        "seed": pipeline.seed,
    }


def _demand_same(pipeline: RLPipeline, tree: Mapping[str, Any], path: str | Path) -> None:
    own = {**_settings(pipeline), "learner": None if pipeline.learner is None else type(pipeline.learner).__name__}
    own["replay_memory"] = pipeline.replay_memory is not None
    saved = dict(tree["settings"]) if isinstance(tree["settings"], Mapping) else {}
    saved["learner"] = tree["learner"]["kind"] if isinstance(tree["learner"], Mapping) else None
    saved["replay_memory"] = tree["memory"] is not None
    for name, value in own.items():
        if saved.get(name) != value:
            raise StateError(f"{path}: {name} was {saved.get(name)!r} there, here it is {value!r}; declare the same")
