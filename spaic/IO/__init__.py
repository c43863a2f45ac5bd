"""Data in and out: data sets, where their files lie, and reading them in batches."""

from spaic.IO.checkpoint import load, save, with_suffix
from spaic.IO.checkpointing import Checkpoint
from spaic.IO.dataset import CustomDataset, Dataset
from spaic.IO.datasets import AND, MNIST, OR, XOR, Boolean, Digits, FashionMNIST, YinYang, read_idx
from spaic.IO.loader import Dataloader
from spaic.IO.reinforcement import (
    BaseEnvironment,
    Boxes,
    GaussianFields,
    GymEnvironment,
    Outcome,
    ReplayMemory,
    Returns,
    RLPipeline,
    Transition,
)
from spaic.IO.sampler import BatchSampler, RandomSampler, SequentialSampler

__all__ = [
    "AND",
    "BaseEnvironment",
    "BatchSampler",
    "Boolean",
    "Boxes",
    "Checkpoint",
    "CustomDataset",
    "Dataloader",
    "Dataset",
    "Digits",
    "FashionMNIST",
    "GaussianFields",
    "GymEnvironment",
    "MNIST",
    "OR",
    "Outcome",
    "RLPipeline",
    "RandomSampler",
    "ReplayMemory",
    "Returns",
    "SequentialSampler",
    "Transition",
    "XOR",
    "YinYang",
    "load",
    "read_idx",
    "save",
    "with_suffix",
]
