"""Everything chosen by name: importing this package registers it."""

from spaic.Library import (
    actions,
    decoders,
    encoders,
    events,
    generators,
    initializers,
    links,
    networks,
    neurons,
    noise,
    presets,
    recorded,
    rewards,
    rules,
    surrogates,
    synapses,
    timing,
)
from spaic.Library.networks import ExampleNet

__all__ = [
    "ExampleNet",
    "actions",
    "decoders",
    "encoders",
    "events",
    "generators",
    "initializers",
    "links",
    "networks",
    "neurons",
    "noise",
    "presets",
    "recorded",
    "rewards",
    "rules",
    "surrogates",
    "synapses",
    "timing",
]
