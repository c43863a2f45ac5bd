"""Training and evaluation in one line each."""

from spaic.Learning.evaluation import evaluate, predict
from spaic.Learning.fit import fit
from spaic.Learning.history import History

__all__ = ["History", "evaluate", "fit", "predict"]
