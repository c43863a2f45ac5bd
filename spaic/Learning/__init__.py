"""How weights change: gradient learners and optimizers."""

from spaic.Learning.learner import Learner
from spaic.Learning.surrogate_gradient import STBP, STCA, SurrogateBP

__all__ = ["STBP", "STCA", "Learner", "SurrogateBP"]
