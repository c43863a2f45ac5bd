"""Named sets of parameters: what they hold, how they mix with others, and the firing patterns they promise."""

import json

import numpy as np
import pytest

import spaic
from spaic.Dynamics.parameter import Parameter
from spaic.Dynamics.presets import add_preset, presets
from spaic.errors import DeclarationError
from tests.oracles.cells import clamp, load

NEURONS = spaic.registry.neurons
ALL = [(name, preset) for name in NEURONS for preset in presets(NEURONS[name])]
NAUD = {
    "tonic": "naud_tonic", "adapting": "naud_adaptation", "initial_burst": "naud_initial_burst", "irregular": "naud_irregular_spiking",
    "regular_bursting": "naud_regular_bursting", "delayed_accelerating": "naud_delayed_accelerating",
    "delayed_regular_bursting": "naud_delayed_regular_bursting", "transient": "naud_transient_spiking",
}  # fmt: skip
CHAOTIC = "irregular"


def test_the_promised_ones_are_there():
    assert set(NAUD) | {"rs", "ib", "ch"} == set(presets(NEURONS["adex"]))
    assert {"rs", "ib", "ch", "fs", "tc", "rz", "lts", "tonic_bursting", "rebound_spike"} <= set(presets(NEURONS["izhikevich"]))
    assert set(presets(NEURONS["izhikevich_2007"])) == {"rs", "ib", "ch"}
    assert len(ALL) > 35


@pytest.mark.parametrize("name, preset", ALL)
def test_a_preset_is_described_and_can_be_chosen(name, preset):
    chosen = presets(NEURONS[name])[preset]
    assert chosen.name == preset and len(chosen.summary) > 5 and len(chosen.source) > 5
    group = spaic.NeuronGroup(3, model=name, preset=preset.upper().replace("_", "-"))
    assert group.parameters == dict(chosen.values)


def test_given_parameters_win_whatever_their_case_and_place():
    group = spaic.NeuronGroup(2, model="adex", preset="tonic", b=5.0, param={"TAU_W": 40.0})
    assert (group.parameters["b"], group.parameters["tau_w"], group.parameters["C"]) == (5.0, 40.0, 200.0)


def test_a_preset_may_change_with_the_rest_of_the_group():
    group = spaic.NeuronGroup(2, model="adex", preset="tonic", reset="V = V_reset", integrator="euler")
    assert group.parameters["E_L"] == -70.0 and group.integrator == "euler"


@pytest.mark.parametrize("model, preset, message", [
    ("adex", "tonik", r"NeuronGroup\(adex\): unknown preset 'tonik'; did you mean 'tonic'\?"),
    ("lif", 3, r"NeuronGroup\(lif\): unknown preset 3; choose one of: neurapse"),
    ("clif", "tonic", r"NeuronGroup\(clif\): unknown preset 'tonic'; it has none, give the parameters themselves"),
])  # fmt: skip
def test_an_unknown_preset_is_refused(model, preset, message):
    with pytest.raises(DeclarationError, match=message):
        spaic.NeuronGroup(2, model=model, preset=preset)


def test_a_misspelt_keyword_names_the_preset():
    with pytest.raises(DeclarationError, match="unknown keyword 'presett'; did you mean 'preset'"):
        spaic.NeuronGroup(2, presett="tonic")


@pytest.mark.parametrize("name, values, message", [
    ("x", {"tau": 3.0}, "preset 'x' of own: unknown parameter 'tau'; did you mean 'tau_m'?"),
    ("x", {"tau_m": -1.0}, r"preset 'x' of own, tau_m: -1.0 ms is outside \(0, inf\)"),
    ("Slow one", {}, "preset 'Slow one' of own: the name is taken"),
])  # fmt: skip
def test_a_wrong_preset_is_refused(name, values, message, monkeypatch):
    monkeypatch.setattr("spaic.Dynamics.presets._PRESETS", {})
    model = spaic.NeuronModel("dV/dt = -V / tau_m", {"tau_m": Parameter(5.0, "ms", range="(0, inf)")}, spike="V > 1", name="own")
    add_preset(model, "slow-one", "of a test", "here", tau_m=50.0)
    assert spaic.NeuronGroup(1, model=model, preset="slow one").parameters == {"tau_m": 50.0}
    with pytest.raises(DeclarationError, match=message):
        add_preset(model, name, "", "", **values)


def test_saved_networks_keep_what_a_preset_gave(tmp_path):
    with spaic.Network() as net:
        net.cells = spaic.NeuronGroup(2, model="adex", preset="adapting")
    net.save(filename=str(tmp_path / "net.spaic"))
    assert spaic.load(tmp_path / "net.spaic").cells.parameters == net.cells.parameters


def test_naud_patterns_fire_as_often_as_in_truth(oracles):
    cases = json.loads((oracles / "adex_izh_hh_truth.json").read_text())["adex_params"]
    truth = load(oracles / "adex_izh_hh_truth.npz")
    sets = [presets(NEURONS["adex"])[name].values for name in NAUD]
    for name, case in NAUD.items():
        theirs = dict(C="C", g_L="gL", E_L="EL", V_T="VT", Delta_T="DT", a="a", tau_w="tw", b="b", V_reset="Vr", V_peak="Vpk")
        assert presets(NEURONS["adex"])[name].values == {ours: cases[case][k] for ours, k in theirs.items()}, name
    values = {k: np.array([s[k] for s in sets]) for k in sets[0]}
    (times,) = clamp(np.array([cases[c]["I"] for c in NAUD.values()]), 0.1, 300.0, model="adex", **values)
    for (name, case), found in zip(NAUD.items(), times, strict=True):
        if name != CHAOTIC:
            assert len(found) == (truth[f"adex_{case}_spikes"] <= 300.0).sum() > 0, name


def test_the_chaotic_pattern_converges_for_as_long_as_it_can(oracles):
    """Its first eight spikes converge with dt; then every interval doubles what is left of the error, and no dt gives the count."""
    current = json.loads((oracles / "adex_izh_hh_truth.json").read_text())["adex_params"][NAUD[CHAOTIC]]["I"]
    expected = load(oracles / "adex_izh_hh_truth.npz")[f"adex_{NAUD[CHAOTIC]}_spikes"][:8]
    for dt in (0.1, 0.02, 0.004, 0.001):
        (found,) = clamp(np.array([current]), dt, 110.0, model="adex", preset=CHAOTIC)[0]
        assert len(found) == len(expected)
        assert np.abs(found - expected).max() < 60 * dt, dt


def test_the_2003_gallery_fires_as_often_as_in_truth(oracles):
    cases = json.loads((oracles / "adex_izh_hh_truth.json").read_text())["izh_params"]
    sets = {name: presets(NEURONS["izhikevich"])[name.lower()].values for name in cases}
    assert sets == {name: {k: case[k] for k in "abcd"} for name, case in cases.items()}
    values = {k: np.array([chosen[k] for chosen in sets.values()]) for k in "abcd"}
    current, start = np.array([case["I"] for case in cases.values()]), dict(V=-65.0, U=-65.0 * values["b"])
    (times,) = clamp(current, 0.1, 500.0, model="izhikevich", initial=start, **values)
    assert [len(t) for t in times] == [case["n_true_500ms"] for case in cases.values()] == [12, 18, 47, 69, 75, 53, 41]


def test_izhikevich_patterns():
    """Bursts, single spikes and rebounds are what they are called."""
    current = np.zeros((3000, 6))
    current[200:, 0], current[200:, 1], current[200:, 2], current[200:, 3] = 14.0, 0.5, 15.0, 0.6
    current[200:250, 4] = -15.0
    current[200:250, 5] = -15.0
    names = ("tonic_spiking", "phasic_spiking", "tonic_bursting", "phasic_bursting", "rebound_spike", "rebound_burst")
    sets = [presets(NEURONS["izhikevich"])[n].values for n in names]
    values = {k: np.array([s[k] for s in sets]) for k in "abcd"}
    start = dict(V=-64.0, U=-64.0 * values["b"])
    (times,) = clamp(current, 0.1, 300.0, model="izhikevich", initial=start, **values)
    late = [t[t > 20.0] for t in times]
    tonic, phasic, bursting, burst, rebound, rebounds = late
    assert len(tonic) > 5 and np.diff(tonic)[2:].std() < 1.0
    assert len(phasic) == 1
    assert np.diff(bursting).max() > 5 * np.diff(bursting).min()
    assert 2 <= len(burst) <= 12 and burst.max() < 150.0
    assert len(rebound) == 1 and rebound[0] > 25.0
    assert len(rebounds) >= 2 and rebounds[0] > 25.0
