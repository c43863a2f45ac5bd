"""Chains of layers from arrays of spikes: what they are given, and what they refuse by name."""

import numpy as np
import pytest

import spaic
from spaic import events
from spaic.errors import DeclarationError, InputError
from spaic.Graph.values import Draw


class Broken(Draw):
    """Draws one weight that is no number."""

    def sample(self, rng, shape, fan_in, fan_out):
        return np.full(shape, np.inf)


def layer(**options):
    return events.Network().add_layer(2, 3, 1.0, 0.1, **options)


@pytest.mark.parametrize(
    "samples, message",
    [
        (5, "infer_batch: 5 is no list of samples"),
        (events.SpikeArray([0], [1.0]), "infer_batch: Index: 0, Time: 1 is no list"),
        ([5], r"infer_batch\[0\]: 5 is no sample; give a SpikeArray, or a pair"),
        ([([0], [1.0]), ([0], [1.0], [2.0])], r"infer_batch\[1\]: \(\[0\], \[1.0\], \[2.0\]\) is no sample"),
        ([([0], ["x"])], r"infer_batch\[0\]: spikes are numbers"),
        ([], "there is no sample"),
    ],
)
def test_samples_that_are_none(samples, message):
    net = events.Network()
    net.add_layer(2, 3, 1.0, 0.1)
    with pytest.raises(InputError, match=message):
        net.infer_batch(samples)


@pytest.mark.parametrize(
    "options, message",
    [
        (dict(initializer="x"), "layer 0.initializer: expected a number"),
        (dict(initializer=float("nan")), "layer 0.initializer: nan is not finite"),
        (dict(initializer=np.ones(2)), r"layer 0.initializer: the array has shape \(2,\), needed \(3, 2\)"),
        (dict(initializer=Broken()), "layer 0.initializer: .*Broken.* drew inf"),
        (dict(plasticity=3), "layer 0: plasticity is 3; give spaic.events.Plasticity"),
    ],
)
def test_layers_that_cannot_be_meant(options, message):
    with pytest.raises(DeclarationError, match=message):
        layer(**options)


@pytest.mark.parametrize("options", [dict(seed="x"), dict(seed=1.5), dict(seed=True), dict(most_spikes=0), dict(most_spikes=np.ones(2))])
def test_numbers_of_a_network_are_whole(options):
    (name,) = options
    with pytest.raises(DeclarationError, match=f"Network: {name} is .*; give a (positive )?whole number"):
        events.Network(**options)


def test_initializers():
    assert (layer(initializer=0.5).weights == 0.5).all()
    assert (layer(initializer=np.float32(0.5)).weights == 0.5).all()
    given = np.arange(6.0).reshape(3, 2)
    found = layer(initializer=given).weights
    found += 1.0  # its own, in place
    assert (found == given + 1.0).all() and given[0, 0] == 0.0
    drawn = layer(initializer=spaic.uniform(2.0, 3.0)).weights
    assert (drawn >= 2.0).all() and np.ptp(drawn) > 0
    assert np.array_equal(events.Network(seed=np.int64(0)).add_layer(2, 3, 1.0, 0.1).weights, layer().weights)


def test_traces_of_a_batch_are_those_of_its_last_sample():
    def count(weight, neuron, synapse):
        synapse[0] += 1.0

    made = []
    for samples in ([([0, 0, 1], [0.5, 1.0, 2.0]), ([1], [1.0])], [([1], [1.0])]):
        net = events.Network()
        own = net.add_layer(2, 3, 1.0, 0.1, plasticity=events.Plasticity((float("inf"),), on_pre_synapse=count))
        net.infer_batch(samples)
        made.append((own.synaptic_traces, own.spike_counts))
    assert made[0][0][..., 0].tolist() == [[0.0, 1.0]] * 3
    for batch, alone in zip(*made, strict=True):
        np.testing.assert_array_equal(batch, alone)
