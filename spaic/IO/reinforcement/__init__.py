"""Closed loops: environments, memories of what happened, and the loop itself."""

from spaic.IO.reinforcement.environment import BaseEnvironment, Outcome
from spaic.IO.reinforcement.fields import Boxes, GaussianFields
from spaic.IO.reinforcement.gym_environment import GymEnvironment
from spaic.IO.reinforcement.pipeline import RLPipeline
from spaic.IO.reinforcement.replay import ReplayMemory, Transition
from spaic.IO.reinforcement.returns import Returns

__all__ = [
    "BaseEnvironment",
    "Boxes",
    "GaussianFields",
    "GymEnvironment",
    "Outcome",
    "RLPipeline",
    "ReplayMemory",
    "Returns",
    "Transition",
]
