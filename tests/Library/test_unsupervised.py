"""Parts of learning without labels: readouts against loops written by hand, competition, and all of it together."""

import numpy as np
import pytest
import torch

import spaic
from spaic.errors import DeclarationError, InputError, StateError
from spaic.Library import LabelReadout, NGramReadout, winner_take_all

CLASSES, NEURONS = 4, 7
_RNG = np.random.default_rng(3)
LABELS = _RNG.integers(0, CLASSES, 50)
TRAINS = (_RNG.random((50, NEURONS, 12)) < np.where(np.arange(NEURONS)[None] % CLASSES == LABELS[:, None], 0.4, 0.1)[..., None]).astype(int)
TRAINS[:, 5] = 0  # one neuron never fires
COUNTS = TRAINS.sum(2)


def observed(parts=1):
    readout = LabelReadout(CLASSES)
    for counts, labels in zip(np.array_split(COUNTS, parts), np.array_split(LABELS, parts), strict=True):
        readout.observe(torch.from_numpy(counts), labels)
    return readout


def by_hand():
    """Rates, labels and predictions, neuron after neuron."""
    rates = np.array([[COUNTS[c == LABELS, n].mean() for c in range(CLASSES)] for n in range(NEURONS)])
    labels = [int(np.argmax(r)) if r.any() else -1 for r in rates]
    by_label, by_share = [], []
    for counts in COUNTS:
        groups = [[n for n in range(NEURONS) if labels[n] == c] for c in range(CLASSES)]
        by_label.append(int(np.argmax([np.mean([counts[n] for n in group]) if group else 0.0 for group in groups])))
        shares = [sum(counts[n] * rates[n, c] / rates[n].sum() for n in range(NEURONS) if rates[n].any()) for c in range(CLASSES)]
        by_share.append(int(np.argmax([shares[c] / max(1, len(groups[c])) for c in range(CLASSES)])))
    return rates, labels, by_label, by_share


@pytest.mark.parametrize("parts", [1, 7])
def test_labels_and_proportions(parts):
    readout, (rates, labels, by_label, by_share) = observed(parts), by_hand()
    np.testing.assert_allclose(readout.rates, rates, rtol=1e-14)
    np.testing.assert_array_equal(readout.labels, labels)
    np.testing.assert_array_equal(readout.by_label(COUNTS), by_label)
    np.testing.assert_array_equal(readout.by_proportion(COUNTS), by_share)
    assert readout.labels[5] == -1 and not readout.proportions[5].any()
    np.testing.assert_allclose(readout.proportions[[0, 1, 2, 3, 4, 6]].sum(1), 1.0)
    assert (readout.by_label(COUNTS) == LABELS).mean() > 0.7


@pytest.mark.parametrize("n", [1, 2, 3])
def test_sequences(n):
    readout = NGramReadout(CLASSES, n)
    readout.observe(TRAINS[:30], LABELS[:30])
    scores = {}
    orders = [[m for t in range(12) for m in range(NEURONS) if train[m, t]] for train in TRAINS]
    for order, label in zip(orders[:30], LABELS[:30], strict=True):
        for i in range(len(order) - n + 1):
            scores.setdefault(tuple(order[i : i + n]), [0] * CLASSES)[label] += 1
    expected = []
    for order in orders:
        votes = np.sum([scores.get(tuple(order[i : i + n]), [0] * CLASSES) for i in range(len(order) - n + 1)] or [[0] * CLASSES], 0)
        expected.append(int(np.argmax(votes)))
    np.testing.assert_array_equal(readout.predict(torch.from_numpy(TRAINS)), expected)


def test_what_readouts_refuse():
    readout, order = observed(), NGramReadout(3)
    with pytest.raises(StateError, match="LabelReadout: nothing was observed"):
        LabelReadout(3).by_label(COUNTS)
    with pytest.raises(StateError, match="NGramReadout: nothing was observed"):
        order.predict(TRAINS)
    with pytest.raises(InputError, match=r"by_label: the counts have the shape \[50, 5\]; give \[batch, 7\]"):
        readout.by_label(COUNTS[:, :5])
    with pytest.raises(InputError, match="a count is -1"):
        readout.by_label(-np.ones((2, NEURONS)))
    with pytest.raises(InputError, match="labels of shape .* such as .*; give 50 whole numbers from 0 to 3"):
        readout.observe(COUNTS, LABELS + 1)
    with pytest.raises(InputError, match="give 50 whole numbers"):
        readout.observe(COUNTS, LABELS[:9])
    with pytest.raises(InputError, match=r"NGramReadout.observe: the spikes have the shape \[50, 7\]; give \[batch, neurons, T\]"):
        order.observe(COUNTS, LABELS)
    for wrong in (0, 2.5, True, "ten"):
        with pytest.raises(DeclarationError, match="LabelReadout.classes: .* is no whole number above 0"):
            LabelReadout(wrong)
    with pytest.raises(DeclarationError, match="NGramReadout.n"):
        NGramReadout(3, 0)


def test_what_competition_refuses():
    with pytest.raises(DeclarationError, match="winner_take_all: 'cells' is no NeuronGroup"):
        winner_take_all("cells", 1.0)
    with pytest.raises(DeclarationError, match="winner_take_all.inhibition"):
        winner_take_all(spaic.NeuronGroup(3, model="lif"), -1.0)


def test_prototypes_are_found_without_labels():
    """Three noisy patterns, nine competing neurons with adaptive thresholds, STDP and normalised weights: each pattern gets neurons of its
    own, and their labels read new samples."""
    rng = np.random.default_rng(0)
    prototypes = np.kron(np.eye(3), np.ones((1, 10)))
    labels = np.arange(45) % 3
    samples = np.clip(prototypes[labels] * 0.9 + 0.05 + 0.05 * rng.standard_normal((45, 30)), 0, 1)
    net = spaic.Network(seed=1)
    net.source = spaic.Encoder(num=30, coding_method="poisson", unit_conversion=0.3)
    net.cells = spaic.NeuronGroup(9, model="alif", tau_m=20.0)
    net.wire = spaic.Connection(net.source, net.cells, weight=spaic.uniform(0.05, 0.25), w_min=0.0, w_max=1.0, w_norm=4.0)
    net.compete = winner_take_all(net.cells, 8.0)
    net.count = spaic.Decoder(dec_target=net.cells)
    net.spikes = spaic.SpikeMonitor(net.cells)
    net.learner = spaic.PlasticityLearner(net.wire, "post_pre_stdp", nu_post=0.05, nu_pre=0.005, reduction="mean")
    net.set_backend("torch", dt=1.0, kernels="plain")
    for batch in np.array_split(np.arange(30), 10):
        net.source(samples[batch])
        net.run(40.0)
    net.eval()
    readout, order = LabelReadout(3), NGramReadout(3)
    net.source(samples[:30])
    net.run(40.0)
    readout.observe(net.count.predict, labels[:30])
    order.observe(net.spikes.values, labels[:30])
    net.source(samples[30:])
    net.run(40.0)
    for found in (readout.by_label(net.count.predict), readout.by_proportion(net.count.predict), order.predict(net.spikes.values)):
        assert (found == labels[30:]).mean() >= 0.9
    np.testing.assert_allclose(net.wire.weight.detach().sum(1), 4.0, rtol=1e-5)
    fields = net.wire.weight.detach().numpy().reshape(9, 3, 10).mean(2)
    named = readout.proportions.max(1) > 0.9  # they fire for one class and no other
    np.testing.assert_array_equal(fields.argmax(1)[named], readout.labels[named])
    assert set(readout.labels[named]) == {0, 1, 2}
