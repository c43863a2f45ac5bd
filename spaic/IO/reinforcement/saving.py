"""A closed loop in one file: the network, what learns, and where the episodes are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spaic.errors import DataError, StateError
from spaic.IO.boundary import reading
from spaic.IO.checkpoint import contents, demand_contents, take_contents, with_suffix
from spaic.IO.files import codec, container
from spaic.IO.reinforcement.returns import Returns

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
        "due": [list(due) for due in pipeline._due],
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
        episodes = pipeline.new_episodes()
        if tree["episodes"] is not None:
            episodes.load_state(tree["episodes"])
        take_contents(pipeline.network, tree["network"], path)
        pipeline.reset_pipeline()
        if pipeline.learner is not None:
            pipeline.learner.load_state(tree["learner"]["state"])
        if pipeline.replay_memory is not None:
            pipeline.replay_memory.load_state(tree["memory"])
        pipeline.episodes = episodes
        pipeline.history, pipeline.steps, pipeline._goes_on = history, int(tree["steps"]), bool(tree["goes on"])
        pipeline._due = [[float(value) for value in due] for due in tree["due"]]


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
