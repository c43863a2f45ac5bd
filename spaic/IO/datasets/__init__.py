"""Data sets by name, each in its own file."""

from spaic.IO.datasets.boolean import AND, OR, XOR, Boolean
from spaic.IO.datasets.digits import Digits
from spaic.IO.datasets.idx import read_idx
from spaic.IO.datasets.mnist import MNIST, FashionMNIST
from spaic.IO.datasets.yin_yang import YinYang

__all__ = ["AND", "Boolean", "Digits", "FashionMNIST", "MNIST", "OR", "XOR", "YinYang", "read_idx"]
