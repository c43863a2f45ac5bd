"""Every spelling of SPAIC in the tables of spaic/spellings.py is understood."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import spaic
from spaic import registry, spellings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def names() -> dict[str, object]:
    """What the rows of the table speak of."""
    rng = np.random.default_rng(0)
    loader = spaic.Dataloader(spaic.CustomDataset(rng.random((6, 784)), [0, 1, 2, 3, 4, 5]), batch_size=3)
    net = spaic.Network("TestNet")
    net.input = spaic.Encoder(loader, coding_method="poisson")
    net.layer1 = spaic.NeuronGroup(6, model="lif")
    net.layer2 = spaic.NeuronGroup(6, model="lif")
    net.link1 = spaic.Connection(net.input, net.layer1, w_mean=0.01)
    net.link2 = spaic.Connection(net.layer1, net.layer2, w_mean=0.5)
    net.output = spaic.Decoder(dec_target=net.layer2)
    net.learner1 = spaic.STCA(net, alpha=0.5)
    net.optim = spaic.Adam(lr=0.01)
    net.set_backend_dt(1.0)
    net.set_runtime(5.0)
    net.input(rng.random((2, 784)))
    return {"spaic": spaic, "net": net, "loader": loader, "data": rng.random((2, 784)), "label": np.array([0, 1])}


@pytest.mark.parametrize("call", spellings.CALLS)
def test_calls(call, names, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    if "state_from_dict" in call:
        names["net"].save_state("Test1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(call, names)
    net = names["net"]
    net.run(5.0)
    assert net.output.predict.shape[1] == 6


def test_what_calls_mean(names):
    net, loader = names["net"], names["loader"]
    assert spaic.Encoder(784, encoding="poisson").shape == spaic.Encoder(loader, encoding="poisson").shape == (784,)
    assert spaic.Decoder(target=net.layer2).num == 6
    group = spaic.NeuronGroup(3, neuron_model="lif", param={"tau_m": 8.0, "V_th": 1.5}, tau_m=9.0)
    assert (group.parameters["tau_m"], group.parameters["V_th"]) == (9.0, 1.5)
    assert spaic.STCA(0.25, net).surrogate.values == spaic.STCA(net, alpha=0.25).surrogate.values
    assert loader.batch_num == len(loader) == 2
    assert net.learner is net.learner1
    watched = spaic.StateMonitor(net.layer1, "V", index=[1, 3, 4])
    net.watched = watched
    net.spikes = spaic.SpikeMonitor(net.layer1)
    net.run(5.0)
    assert watched.values.shape == (2, 3, 5)
    assert (watched.time == watched.times).all() and (net.spikes.time == net.spikes.times).all() and net.spikes.spk_rate.shape == (2, 6)
    assert net.output(np.array([1, 2])) is not None
    assert list(net.get_aprameters())[0] is next(net.parameters())
    found = spaic.Connection(net.layer1, net.layer2, syn_type=["basic_synapse"], post_var_name="WgtSum", link_type="Full Connection")
    assert (found.link_type, found.post_var_name, found.synapse) == ("full", None, None)


@pytest.mark.parametrize(
    "kind, table",
    [("link type", registry.links), ("neuron model", registry.neurons), ("learning algorithm", registry.learners), ("optimizer", None)],
)
def test_names(kind, table):
    from spaic.Learning.optimizer import optimizers

    for theirs, ours in spellings.NAMES[kind].items():
        assert (optimizers if table is None else table).canonical(theirs.replace("_", " ")) == ours


@pytest.mark.parametrize("where, theirs", [(w, t) for w, names in spellings.KEYWORDS.items() for t in names])
def test_the_same_thing_twice_is_refused(where, theirs):
    ours = spellings.KEYWORDS[where][theirs]
    with pytest.raises(spaic.DeclarationError, match=f"{ours} and {theirs} mean the same"):
        spellings.keywords([where], {ours: 1, theirs: 2})


@pytest.mark.parametrize(
    "make, said",
    [
        (lambda: spaic.NeuronGroup(3, model="lif", neuron_model="clif"), "model and neuron_model"),
        (lambda: spaic.Encoder(3, coding_method="poisson", encoding="latency"), "coding_method and encoding"),
        (lambda: spaic.Decoder(target=object(), dec_target=object()), "dec_target and target"),
    ],
)
def test_elements_refuse_it_too(make, said):
    with pytest.raises(spaic.DeclarationError, match=f"{said} mean the same"):
        make()


def test_names_of_parameters_in_spaic_lead_to_ours():
    assert spellings.parameter_path("Net<net>_layer3<asb>_con1<con>:Net<net>_b<neg><-Net<net>_a<neg>:{weight}") == "layer3.con1.weight"
    assert spellings.parameter_path("autoname1<net>_layer1<neg>:{tauM}") == "layer1.tauM"
    assert spellings.parameter_path("link1.weight") == "link1.weight"


def test_the_page_is_what_the_tables_say():
    done = subprocess.run([sys.executable, "docs/generate_spellings.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
