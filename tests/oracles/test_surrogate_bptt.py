"""432 gradients of surrogate BPTT from an independent implementation."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import spaic
from tests.contracts.uncompiled import in_python

TAU = -1.0 / np.log(0.8)  # decays by 0.8 in a step of 1 ms

#: SPAIC's discrete clif: the reset kernel acts one step late and has not decayed by then. V = M - S - E, D = M - S.
LATE_CLIF = spaic.NeuronModel(
    name="late_clif",
    equations="""
        a_p = exp(-dt / tau_p)
        a_q = exp(-dt / tau_q)
        a_m = exp(-dt / tau_m)
        V := a_m * V + (a_p - a_m) * D + (a_p - a_q) * S - P
        D := a_p * D + (a_p - a_q) * S
        S := a_q * S
        P := 0
    """,
    receive="S += V_0 * w",
    spike="V > 1",
    reset="P = 1",
    parameters=dict(tau_p=12.0, tau_q=8.0, tau_m=20.0, V_0=spaic.Parameter("(tau_p/tau_q)**(tau_p/(tau_p-tau_q))/(tau_p/tau_q-1)")),
)
#: Subtraction that is delayed by one step and does not decay (snnTorch's default).
DELAYED = spaic.NeuronModel(
    name="delayed_subtraction",
    equations="V := 0.8 * V - P\nP := 0",
    receive="V += w",
    spike="V > 1",
    reset="P = 1",
)
NEURONS = {
    "lif_hard": dict(model="lif", tau_m=TAU),
    "lif_soft": dict(model="lif", tau_m=TAU, reset="V -= V_th"),
    "lif_softd": dict(model=DELAYED),
    "clif": dict(model=LATE_CLIF),
}
SURROGATES = {
    "rect_a1": ("stbp_rectangular", {"a": 1.0}),
    "rect_a1_2": ("stbp_rectangular", {"a": 2.0}),
    "stca_alpha1": ("rectangular", {"alpha": 1.0}),
    "poly_a2": ("stbp_polynomial", {"a": 1.0}),
    "sigmoid_a3": ("stbp_sigmoid", {"a": 0.25}),
    "gauss_a4": ("gaussian", {"a": 0.5}),
    "atan_2": ("atan", {"alpha": 2.0}),
    "fastsig_10": ("fast_sigmoid", {"slope": 10.0}),
    "triangle_0p3": ("triangular", {"height": 0.3, "width": 1.0}),
}
#: Python runs the generated text of the others as it is.
COMPILED = ("rect_a1", "atan_2")
LOSSES = ("rate_mse", "ce_count", "ce_maxv")
CASES = list(product(NEURONS, ("ff", "rec"), ("full", "det")))


@pytest.fixture(scope="module")
def truth(oracles):
    with np.load(oracles / "surrogate_bptt.npz", allow_pickle=False) as file:
        return {k: file[k] for k in file.files}


def build(truth, neuron, wiring, mode, surrogate, dtype):
    scale = 0.6 if neuron == "clif" else 1.0
    with spaic.Network() as net:
        source = spaic.Encoder(num=5, coding_method="null")
        hidden = spaic.NeuronGroup(7, **NEURONS[neuron])
        out = spaic.NeuronGroup(3, **NEURONS[neuron])
        w1 = spaic.Connection(source, hidden, weight=scale * truth["W1"].T)
        w2 = spaic.Connection(hidden, out, weight=scale * truth["W2"].T)
        if wiring == "rec":
            v1 = spaic.Connection(hidden, hidden, weight=scale * truth["V1"].T)
        counts = spaic.Decoder(dec_target=out)
        peak = spaic.Decoder(dec_target=out, coding_method="max_voltage")
        monitors = [spaic.StateMonitor(group, v) for group in (hidden, out) for v in ("O", "V_before_reset")]
        name, values = SURROGATES[surrogate]
        learner = spaic.SurrogateBP(surrogate=name, reset_gradient=mode == "full", **values)
    assert source and w1 and w2 and counts and peak and learner and (wiring == "ff" or v1)
    net.set_backend("torch", dt=1.0, dtype=dtype, kernels="auto" if dtype == "float64" else "plain")  # both ways, each kernel once
    net.source(np.moveaxis(truth["X"], 0, 1))
    return net, monitors


def loss_of(net, which, truth):
    counts, labels = net.counts.predict, torch.as_tensor(truth["Y"], dtype=net.counts.predict.dtype)
    if which == "rate_mse":
        return 0.5 / len(labels) * ((labels - counts / 25) ** 2).sum()
    return F.cross_entropy(counts if which == "ce_count" else net.peak.predict, labels.argmax(1))


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-12), ("float32", 1e-5)])
@pytest.mark.parametrize("surrogate", SURROGATES)
@pytest.mark.parametrize("neuron, wiring, mode", CASES)
def test_gradients(truth, neuron, wiring, mode, surrogate, dtype, tolerance, monkeypatch, tmp_path):
    if surrogate not in COMPILED:
        in_python(monkeypatch, tmp_path)
    net, _ = build(truth, neuron, wiring, mode, surrogate, dtype)
    net.run(25.0)
    for which in LOSSES:
        net.learner.optim_zero_grad()
        loss = loss_of(net, which, truth)
        loss.backward(retain_graph=True)
        key = f"{neuron}.{wiring}.{mode}.{which}.{surrogate}"
        assert loss.item() == pytest.approx(float(truth[f"{key}.loss"]), rel=tolerance)
        for connection, name in (("w1", "dW1"), ("w2", "dW2"), ("v1", "dV1")):
            if f"{key}.{name}" in truth and (connection != "v1" or wiring == "rec"):
                ours = dict(net.named_parameters())[f"{connection}.weight"].grad.numpy().T
                expected = truth[f"{key}.{name}"]
                assert np.abs(ours - expected).max() <= tolerance * np.abs(expected).max(), (which, name)


@pytest.mark.parametrize("neuron, wiring", list(product(NEURONS, ("ff", "rec"))))
def test_forward(truth, neuron, wiring):
    net, monitors = build(truth, neuron, wiring, "full", "atan_2", "float64")
    net.run(25.0)
    for monitor, name in zip(monitors, ("hid", "vh", "out", "vo"), strict=True):
        expected = truth[f"{neuron}.{wiring}.{name}"]
        assert np.abs(np.moveaxis(monitor.values, -1, 0) - expected).max() < 1e-12
