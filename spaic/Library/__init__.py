"""Everything that is chosen by name. Importing this package registers it."""

from spaic.Library import decoders, encoders, generators, initializers, links, neurons, surrogates, synapses

__all__ = ["decoders", "encoders", "generators", "initializers", "links", "neurons", "surrogates", "synapses"]
