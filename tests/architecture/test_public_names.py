"""The names that ``import spaic`` gives."""

import inspect
from types import ModuleType

import pytest

import spaic

#: What SPAIC's users and our own documents rely on.
PROMISED = [
    "Network",
    "Assembly",
    "NeuronGroup",
    "Connection",
    "Node",
    "Encoder",
    "Decoder",
    "Generator",
    "NeuronModel",
    "SynapseModel",
    "Parameter",
    "Surrogate",
    "Torch_Backend",
    "Reference_Backend",
    "StateMonitor",
    "SpikeMonitor",
    "Learner",
    "STCA",
    "STBP",
    "SurrogateBP",
    "Adam",
    "AdamW",
    "SGD",
    "RMSprop",
    "Adamax",
    "Adagrad",
    "Adadelta",
    "ASGD",
    "Rprop",
    "NAdam",
    "RAdam",
    "Dataset",
    "CustomDataset",
    "MNIST",
    "FashionMNIST",
    "Digits",
    "YinYang",
    "Dataloader",
    "BaseInitializer",
    "uniform",
    "normal",
    "xavier_normal",
    "xavier_uniform",
    "kaiming_normal",
    "kaiming_uniform",
    "constant",
    "sparse",
    "fan_in_normal",
    "fit",
    "evaluate",
    "predict",
    "count_cross_entropy",
    "Plot",
    "IO",
    "Library",
    "Learning",
    "Monitor",
    "registry",
    "SpaicError",
    "DeclarationError",
    "NetworkError",
    "GraphError",
    "InputError",
    "StateError",
    "NumericalError",
    "DataError",
    "UnsupportedError",
    "UnknownName",
]


def test_promised_names_are_there_and_exported():
    assert set(PROMISED) <= set(spaic.__all__) and all(hasattr(spaic, name) for name in spaic.__all__)


def test_no_class_hides_a_package():
    """Except Network, which SPAIC's users know as the class."""
    assert all(isinstance(getattr(spaic, name), ModuleType) for name in ("Backend", "Monitor", "Library", "Learning", "Graph", "Dynamics"))


@pytest.mark.parametrize("name", [n for n in PROMISED if not isinstance(getattr(spaic, n), ModuleType)])
def test_what_is_public_says_what_it_is(name):
    item = getattr(spaic, name)
    assert inspect.getdoc(item) and item.__doc__ != getattr(super, "__doc__", None)
