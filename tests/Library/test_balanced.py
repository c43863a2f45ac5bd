"""The balanced networks fire as published, and as the same networks do in Brian 2 (shared/oracles/published_results.json)."""

import numpy as np
import pytest
import torch

import spaic
from spaic.Backend.Torch.simulation.synapse_tables import bounds
from spaic.errors import DeclarationError
from spaic.Library import COBA, CUBA

SEEDS = range(5)


def statistics(make, seed):
    """Mean rate in Hz and mean interval variability of one second, and whether it was active to the end."""
    net = make(seed=seed)
    with net:
        net.of_exc, net.of_inh = spaic.SpikeMonitor(net.exc), spaic.SpikeMonitor(net.inh)
    net.set_backend("torch", dt=0.1)
    net.run(1000.0)
    monitors = (net.of_exc, net.of_inh)
    times = np.concatenate([m.spk_times[0] for m in monitors])
    neurons = np.concatenate([m.spk_index[0] + shift for m, shift in zip(monitors, (0, net.exc.num), strict=True)])
    intervals, owners = np.diff(times), neurons[1:][same := neurons[1:] == neurons[:-1]]
    intervals = intervals[same]
    count, total = np.bincount(owners, minlength=4000), np.bincount(owners, intervals, 4000)
    squares = np.bincount(owners, intervals**2, 4000)
    several = count >= 2
    mean = total[several] / count[several]
    variability = np.sqrt(np.maximum(squares[several] / count[several] - mean**2, 0.0)) / mean
    return len(times) / 4000, variability.mean() if several.any() else np.nan, times.max(initial=0.0) > 900.0


@pytest.fixture(scope="module")
def measured():
    found = {make: [statistics(make, seed) for seed in SEEDS] for make in (CUBA, COBA)}
    return {make: np.array([(rate, cv) for rate, cv, is_active in values if is_active]) for make, values in found.items()}


def test_cuba_fires_as_in_brian(measured):
    rates, variability = measured[CUBA].T
    assert len(rates) == len(SEEDS)
    assert (abs(rates - 5.51) < 4 * 0.17).all()
    assert abs(rates.mean() - 5.51) < 4 * 0.17 / np.sqrt(len(rates))
    assert abs(variability.mean() - 0.54) < 0.05


def test_coba_fires_as_in_brian_where_it_stays_active(measured):
    rates, variability = measured[COBA].T
    assert len(rates) >= 1
    assert (abs(rates - 19.4) < 4 * 1.1).all()
    assert abs(rates.mean() - 19.4) < 4 * 1.1 / np.sqrt(len(rates))
    assert abs(variability.mean() - 1.60) < 0.2


def test_a_synapse_takes_at_most_12_bytes():
    net = CUBA()
    net.set_backend("torch", dt=0.1)
    net.build()
    links = [link for link in net.graph.links if link.name in ("exc_exc", "exc_inh", "inh_exc", "inh_inh")]
    synapses = sum(link.transforms[0].synapses for link in links)
    memory = 0
    for link in links:
        (transform,) = link.transforms
        held = [transform.starts, transform.targets, *(v for v in vars(transform).values() if isinstance(v, np.ndarray))]
        held = {
            id(a): a for a in (*held, net.state_dict()[f"{link.name}.weight"].numpy(), bounds(transform, np.array([0, 8, transform.post])))
        }
        memory += sum(a.nbytes for a in held.values())
    assert abs(synapses - 320_000) < 5 * np.sqrt(320_000)
    assert memory <= 12 * synapses


def test_small_ones_have_the_same_mean_input():
    net = COBA(400, probability=0.2, seed=2)
    net.set_backend("torch", dt=0.1, kernels="plain")
    net.build()
    sums = {name: float(net.state_dict()[f"{name}.weight"].sum()) for name in ("exc_exc", "inh_exc")}
    assert abs(sums["exc_exc"] / 320 - 64 * 0.6) < 0.05 * 64 * 0.6
    assert abs(sums["inh_exc"] / 320 - 16 * 6.7) < 0.05 * 16 * 6.7
    assert not any(p.requires_grad for p in net.parameters())


@pytest.mark.parametrize(
    "options, message",
    [
        ({"num": 9}, "COBA.num: 9 is no number of neurons"),
        ({"num": 400.0}, "COBA.num: 400.0"),
        ({"probability": 0.0}, r"COBA.probability: 0.0 is outside \(0, 1\]"),
        ({"probability": 2}, "COBA.probability: 2"),
        ({"tau_n": 10.0}, "unknown keyword 'tau_n'"),
        ({"integrator": "eular"}, "did you mean 'euler'"),
    ],
)
def test_bad_input_is_refused(options, message):
    with pytest.raises(DeclarationError, match=message):
        COBA(**options)


def test_they_are_named():
    from spaic.registry import networks

    assert networks["cuba"] is CUBA and networks["COBA"] is COBA
    assert torch.get_num_threads() >= 1
