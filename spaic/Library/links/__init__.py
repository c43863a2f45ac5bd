"""Link types."""

from spaic.Library.links import dense, dropout, image, listed, local, over_time, pattern, pooling, population, random, reservoir, spatial

__all__ = [
    "dense",
    "dropout",
    "image",
    "listed",
    "local",
    "over_time",
    "pattern",
    "pooling",
    "population",
    "random",
    "reservoir",
    "spatial",
]
