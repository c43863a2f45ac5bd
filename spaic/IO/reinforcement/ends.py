"""Where a network and an environment meet."""

from __future__ import annotations

from typing import Any

from spaic.errors import NetworkError, nearest
from spaic.IO.reinforcement.environment import BaseEnvironment
from spaic.Network.network import Network
from spaic.Network.readers import Action, Decoder, Reward
from spaic.Network.sources import Encoder


def ends(
    net: Network, environment: BaseEnvironment, encoder: Any, action: Any, reward: Any
) -> tuple[Encoder, Action | Decoder, Reward | None]:
    """What takes the observations, what says what to do, and what takes the rewards."""
    source = _meant(net, Encoder, encoder, "encoder")
    if source.num != environment.num:
        raise NetworkError(
            f"{source.path}: it takes {source.num} values, an observation of {environment.name} has {environment.num}; make them equal"
        )
    kind: Any = Action if environment.is_discrete else Decoder
    actor = _meant(net, kind, action, "action")
    if actor.num != environment.action_num:
        what = "actions" if environment.is_discrete else "values of an action"
        raise NetworkError(
            f"{actor.path}: it gives {actor.num}, {environment.name} has {environment.action_num} {what}; make them equal with num="
        )
    return source, actor, _reward(net, reward)


def _reward(net: Network, given: Any) -> Reward | None:
    if given is None and not list(net.members(Reward)):
        return None
    found: Reward = _meant(net, Reward, given, "reward")
    if found.coding_method != "environment_reward":
        raise NetworkError(f"{found.path}: {found.coding_method!r} judges by labels, an environment has none; use 'environment_reward'")
    return found


def _meant(net: Network, kind: type, given: Any, keyword: str) -> Any:
    """The element that is meant, or the only one of its kind."""
    own = {element.path: element for element in net.members(kind)}
    word = kind.__name__
    if given is None:
        if len(own) == 1:
            return next(iter(own.values()))
        if not own:
            raise NetworkError(f"RLPipeline: the network has no {word}; add one")
        raise NetworkError(f"RLPipeline: the network has {len(own)} of {word} ({', '.join(own)}); say which one with {keyword}=")
    path = given if isinstance(given, str) else getattr(given, "path", repr(given))
    if path not in own or (not isinstance(given, str) and own[path] is not given):
        raise NetworkError(f"RLPipeline.{keyword}: the network has no {word} {path!r}; {nearest(path, own)}")
    return own[path]
