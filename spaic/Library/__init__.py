"""Everything chosen by name: importing this package registers it."""

from spaic.Library import decoders, encoders, generators, initializers, links, networks, neurons, surrogates, synapses
from spaic.Library.networks import ExampleNet

__all__ = [
    "ExampleNet",
    "decoders",
    "encoders",
    "generators",
    "initializers",
    "links",
    "networks",
    "neurons",
    "surrogates",
    "synapses",
]
