"""How weights change: gradient learners, optimizers, the ready loop and what may happen along it."""

from spaic.Learning.callbacks import Callback, EarlyStopping
from spaic.Learning.eprop import EProp
from spaic.Learning.feedback_alignment import DirectFeedbackAlignment, FeedbackAlignment
from spaic.Learning.fit import Fit
from spaic.Learning.history import History
from spaic.Learning.layerwise import DECOLLE, OTTT
from spaic.Learning.learner import Learner
from spaic.Learning.learners import Learners
from spaic.Learning.online import RTRL
from spaic.Learning.plasticity import PlasticityLearner
from spaic.Learning.policy_gradient import PolicyGradient
from spaic.Learning.progress import Progress
from spaic.Learning.reinforcement import Agent, DirectReward, Experience, RewardLearner
from spaic.Learning.surrogate_gradient import STBP, STCA, SurrogateBP
from spaic.Learning.temporal_difference import TemporalDifference
from spaic.Learning.tempotron import Tempotron

__all__ = [
    "DECOLLE",
    "OTTT",
    "RTRL",
    "STBP",
    "STCA",
    "Agent",
    "Callback",
    "DirectFeedbackAlignment",
    "DirectReward",
    "EProp",
    "EarlyStopping",
    "Experience",
    "FeedbackAlignment",
    "Fit",
    "History",
    "Learner",
    "Learners",
    "PlasticityLearner",
    "PolicyGradient",
    "Progress",
    "RewardLearner",
    "SurrogateBP",
    "TemporalDifference",
    "Tempotron",
]
