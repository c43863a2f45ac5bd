"""spaic: spiking neural networks, declared once, executed many ways."""

from spaic import IO, Learning, Library, Modules, Monitor, Plot, registry
from spaic.Backend.Event import feedforward as events
from spaic.Backend.Event.backend import Event_Backend
from spaic.Backend.Reference.backend import Reference_Backend
from spaic.Backend.Torch.backend import Torch_Backend
from spaic.Dynamics.models import NeuronModel, SynapseModel
from spaic.Dynamics.parameter import Parameter
from spaic.Dynamics.rules import Rule
from spaic.Dynamics.surrogate import Surrogate
from spaic.errors import (
    DataError,
    DeclarationError,
    GraphError,
    InputError,
    NetworkError,
    NumericalError,
    SpaicError,
    StateError,
    UnknownName,
    UnsupportedError,
)
from spaic.IO import (
    MNIST,
    BaseEnvironment,
    Checkpoint,
    CustomDataset,
    Dataloader,
    Dataset,
    Digits,
    FashionMNIST,
    GymEnvironment,
    ReplayMemory,
    RLPipeline,
    Transition,
    YinYang,
    load,
    save,
)
from spaic.keywords import refuse_misspelt
from spaic.Learning.calibration import calibrate
from spaic.Learning.callbacks import Callback, EarlyStopping
from spaic.Learning.eprop import EProp
from spaic.Learning.evaluation import evaluate, predict
from spaic.Learning.feedback_alignment import DirectFeedbackAlignment, FeedbackAlignment
from spaic.Learning.fit import fit
from spaic.Learning.history import History
from spaic.Learning.layerwise import DECOLLE, OTTT
from spaic.Learning.learner import Learner
from spaic.Learning.losses import count_cross_entropy
from spaic.Learning.online import RTRL
from spaic.Learning.optimizer import (
    ASGD,
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    NAdam,
    RAdam,
    RMSprop,
    Rprop,
)
from spaic.Learning.plasticity import PlasticityLearner
from spaic.Learning.policy_gradient import PolicyGradient
from spaic.Learning.surrogate_gradient import STBP, STCA, SurrogateBP
from spaic.Learning.temporal_difference import TemporalDifference
from spaic.Learning.tempotron import Tempotron
from spaic.Library.initializers import (
    BaseInitializer,
    constant,
    fan_in_normal,
    kaiming_normal,
    kaiming_uniform,
    normal,
    sparse,
    uniform,
    xavier_normal,
    xavier_uniform,
)
from spaic.Monitor.spike_monitor import SpikeMonitor
from spaic.Monitor.state_monitor import StateMonitor
from spaic.Network.assembly import Assembly
from spaic.Network.connection import Connection
from spaic.Network.network import Network
from spaic.Network.neurongroup import NeuronGroup
from spaic.Network.node import Node
from spaic.Network.policies import ConnectPolicy, CustomConnectPolicy, ExcludedTypePolicy, IncludedTypePolicy, IndexConnectPolicy
from spaic.Network.projection import Projection
from spaic.Network.readers import Action, Decoder, Reward
from spaic.Network.sources import Encoder, Generator
from spaic.version import VERSION

__version__ = VERSION

__all__ = [
    "BaseEnvironment",
    "GymEnvironment",
    "PolicyGradient",
    "RLPipeline",
    "ReplayMemory",
    "TemporalDifference",
    "Transition",
    "calibrate",
    "Action",
    "PlasticityLearner",
    "Reward",
    "Rule",
    "Adafactor",
    "History",
    "save",
    "load",
    "EProp",
    "DECOLLE",
    "OTTT",
    "RTRL",
    "EarlyStopping",
    "Checkpoint",
    "Callback",
    "Projection",
    "IndexConnectPolicy",
    "IncludedTypePolicy",
    "ExcludedTypePolicy",
    "CustomConnectPolicy",
    "ConnectPolicy",
    "ASGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Assembly",
    "BaseInitializer",
    "Connection",
    "CustomDataset",
    "DataError",
    "Dataloader",
    "Dataset",
    "DeclarationError",
    "Decoder",
    "Digits",
    "DirectFeedbackAlignment",
    "Encoder",
    "Event_Backend",
    "FashionMNIST",
    "FeedbackAlignment",
    "Generator",
    "GraphError",
    "IO",
    "InputError",
    "Learner",
    "Learning",
    "Library",
    "MNIST",
    "Modules",
    "Monitor",
    "NAdam",
    "Network",
    "NetworkError",
    "NeuronGroup",
    "NeuronModel",
    "Node",
    "NumericalError",
    "Parameter",
    "Plot",
    "RAdam",
    "RMSprop",
    "Reference_Backend",
    "Rprop",
    "SGD",
    "STBP",
    "STCA",
    "SpaicError",
    "SpikeMonitor",
    "StateError",
    "StateMonitor",
    "Surrogate",
    "SurrogateBP",
    "SynapseModel",
    "Tempotron",
    "Torch_Backend",
    "UnknownName",
    "UnsupportedError",
    "YinYang",
    "__version__",
    "constant",
    "count_cross_entropy",
    "evaluate",
    "events",
    "fan_in_normal",
    "fit",
    "kaiming_normal",
    "kaiming_uniform",
    "normal",
    "predict",
    "registry",
    "sparse",
    "uniform",
    "xavier_normal",
    "xavier_uniform",
]

for _module in (IO, Learning, Library, Monitor, Plot, events):
    refuse_misspelt(vars(_module), _module.__all__)
refuse_misspelt(globals(), __all__)
