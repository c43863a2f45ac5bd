"""Trained parameters of neurons stay in their declared ranges, as weights stay within their bounds."""

import numpy as np
import pytest
import torch

import spaic
from spaic.Graph.constraints import trained_ranges


def learning(lr, rule=spaic.SGD, **options):
    """Neurons whose time constant, gain and threshold are trained."""
    model = spaic.NeuronModel(
        "dV/dt = (g * I - V) / tau", {"tau": spaic.Parameter(10.0, "ms", range="(0, inf)"), "g": spaic.Parameter(1.0, "1", range="[0, 2]"),
                                      "V_th": spaic.Parameter(1.0, "1", range="(0, 5)")},
        inputs=("I",), spike="V > V_th", reset="V -= V_th",
    )  # fmt: skip
    net = spaic.Network(seed=1)
    net.input = spaic.Encoder(4, coding_method="null")
    net.cells = spaic.NeuronGroup(3, model=model, trainable=["tau", "g", "V_th"], **options)
    net.wire = spaic.Connection(net.input, net.cells, weight=1.5)
    net.out = spaic.Decoder(dec_target=net.cells, coding_method="mean_voltage")
    net.learner = spaic.STCA(1.0, net, optimizer=rule(lr=lr))
    net.set_backend("torch", dt=1.0, kernels="plain", dtype="float64")
    net.input((np.random.default_rng(0).random((2, 20, 4)) < 0.5).astype(np.uint8))
    return net


def step(net, factor):
    net.run(20.0)
    net.learner.optim_zero_grad()
    (factor * net.out.predict.sum()).backward()
    net.learner.optim_step()
    return {name: net.state_dict()[f"cells.{name}"].item() for name in ("tau", "g", "V_th")}


@pytest.mark.parametrize("factor", [1.0, -1.0])
def test_a_step_ends_inside(factor):
    net = learning(lr=1e4)
    ends = [step(net, factor) for _ in range(3)]
    assert all(found["tau"] >= 0.01 and 0.0 <= found["g"] <= 2.0 and 0.001 <= found["V_th"] <= 4.996 for found in ends)
    assert {ends[0]["g"]} <= {0.0, 2.0} and any(found["tau"] == 0.01 or found["V_th"] in (0.001, 4.996) for found in ends)
    net.run(20.0)
    assert torch.isfinite(net.out.predict).all()


def test_what_stays_inside_is_not_touched():
    """So that a backward pass through an earlier run still finds it as it was."""
    net = learning(lr=1e-3)
    net.run(20.0)
    first = net.out.predict.sum()
    versions = {name: p._version for name, p in net.named_parameters()}
    net.run(20.0)
    assert versions == {name: p._version for name, p in net.named_parameters()}
    first.backward()


def test_ends_that_do_not_belong_to_a_range():
    net = learning(lr=0.1, tau=0.002, V_th=4.9999)
    found = trained_ranges(net.graph, {f"cells.{k}": np.array(v) for k, v in (("tau", 0.002), ("g", 1.0), ("V_th", 4.9999))})
    assert found == {"cells.tau": (0.002, np.inf), "cells.g": (0.0, 2.0), "cells.V_th": (0.001, 4.9999)}


def test_values_that_no_learner_has_given_are_refused():
    """Torch's own optimizers, and hands, know no ranges: the next run says what is outside."""
    net = learning(lr=0.1)
    net.run(20.0)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e4)
    net.out.predict.sum().backward()
    optimizer.step()
    with pytest.raises(spaic.SpaicError, match=r"cells\.(g|tau|V_th): .* is outside"):
        net.run(20.0)
