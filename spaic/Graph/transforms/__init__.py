"""What a link does to a spike vector on its way: pure data. Each backend has one function per class."""

from spaic.Graph.transforms.base import Transform
from spaic.Graph.transforms.image import Conv, Conv2d, Pool, Pool2d, Reshape, TransposedConv, Upsample
from spaic.Graph.transforms.junction import Junction
from spaic.Graph.transforms.matrix import Dense, Dropout, OneToOne, Scale
from spaic.Graph.transforms.normalization import BatchNorm
from spaic.Graph.transforms.sparse import Sparse, sparse_order
from spaic.Graph.transforms.time import OverTime

__all__ = [
    "BatchNorm",
    "Conv",
    "Conv2d",
    "Dense",
    "Dropout",
    "Junction",
    "OneToOne",
    "OverTime",
    "Pool",
    "Pool2d",
    "Reshape",
    "Scale",
    "Sparse",
    "Transform",
    "TransposedConv",
    "Upsample",
    "sparse_order",
]
