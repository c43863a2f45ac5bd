"""Synapses that read the state of their target, run in one step with it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import spaic
from tests.contracts.uncompiled import in_python

STEPS, BATCH = 30, 2


def network(backend, kernels="plain", is_loop=False, shape=(4,), dtype="float64"):
    """Two such synapses of different kinds at one port, an ordinary link there, another at a receive port."""
    net = spaic.Network(seed=4)
    net.input = spaic.Encoder(num=6, coding_method="null")
    net.cell = spaic.NeuronGroup(shape=shape, model="lif", tau_m=8.0, t_ref=1.0)
    net.ampa = spaic.Connection(net.input, net.cell, syn_type="conductance", syn_kwargs={"E_rev": 3.0}, w_mean=0.06, w_std=0.02)
    net.nmda = spaic.Connection(net.input, net.cell, syn_type="nmda", syn_kwargs={"E_rev": 3.0, "tau_decay": 9.0}, w_mean=0.05, bias=True)
    net.gaba = spaic.Connection(net.input, net.cell, syn_type="conductance", syn_kwargs={"E_rev": -1.0}, w_mean=0.02, delay=1.0)
    net.plain = spaic.Connection(net.input, net.cell, w_mean=0.05, post_var_name="I")
    net.jump = spaic.Connection(net.input, net.cell, w_mean=0.05)
    if is_loop:
        net.back = spaic.Connection(net.cell, net.cell, syn_type="conductance", w_mean=0.03)
    net.V, net.O = spaic.StateMonitor(net.cell, "V"), spaic.StateMonitor(net.cell, "O")
    net.g, net.B, net.c = spaic.StateMonitor(net.ampa, "g"), spaic.StateMonitor(net.nmda, "B"), spaic.StateMonitor(net.nmda, "current")
    net.set_backend(backend, dt=0.5, **({} if backend == "reference" else {"dtype": dtype, "kernels": kernels}))
    net.input((np.random.default_rng(3).random((BATCH, STEPS, 6)) < 0.3).astype(np.uint8))
    return net


def recorded(net):
    return {name: getattr(net, name).values for name in ("V", "O", "g", "B", "c")}


@pytest.mark.parametrize("is_loop", [False, True])
@pytest.mark.parametrize("shape", [(4,), (1, 2, 2)])
def test_backends_agree(is_loop, shape, monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)
    found = []
    for backend, kernels in (("reference", ""), ("torch", "plain"), ("torch", "auto")):
        net = network(backend, kernels, is_loop, shape)
        net.run(0.5 * STEPS)
        found.append(recorded(net))
    assert net.program.execution()[0] == ("cell: one compiled loop over time" if is_loop else "cell: one compiled pass over time")
    assert 0.02 < found[0]["O"].mean() < 0.5
    for name, expected in found[0].items():
        assert expected.shape == (BATCH, *shape, STEPS) and expected.any()
        assert all(np.abs(other[name] - expected).max() < 1e-12 for other in found[1:]), name


@pytest.mark.parametrize("is_loop", [False, True])
def test_a_run_goes_on_where_it_ended(is_loop, monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)
    net = network("torch", is_loop=is_loop)
    net.run(0.5 * STEPS)
    expected = net.V.values
    net.input(net.input.source[:, :10])
    net.run(5.0)
    first = net.V.values
    net.save(str(tmp_path / "net"))
    again = spaic.load(str(tmp_path / "net"))
    assert {"ampa.g", "nmda.A", "nmda.g", "gaba.g", "cell.V"} <= set(net._simulation.state.arrays)
    again.input(np.asarray(network("torch").input.source)[:, 10:])
    again.run_continue(0.5 * (STEPS - 10))
    assert np.array_equal(np.concatenate([first, again.V.values[..., -(STEPS - 10) :]], axis=-1), expected)


@pytest.mark.parametrize("kernels", ["plain", "auto"])
@pytest.mark.parametrize("is_loop", [False, True])
def test_gradients_are_finite_differences(kernels, is_loop, monkeypatch, tmp_path):
    """Through conductances and the potential that they read, with a threshold that is not reached."""
    in_python(monkeypatch, tmp_path)
    net = network("torch", kernels, is_loop)
    object.__setattr__(net.cell, "parameters", {**net.cell.parameters, "V_th": 1e6})
    net.output = spaic.Decoder(dec_target=net.cell, coding_method="final_voltage")
    net.learner = spaic.STCA(net, alpha=1.0)

    def loss():
        net.run(0.5 * STEPS)
        return (net.output.predict * torch.linspace(0.5, 1.5, 4)).sum()

    loss().backward()
    for connection in (net.ampa, net.nmda, net.gaba):
        weight = connection.weight
        for place in ((0, 0), (3, 5)):
            sides = []
            for change in (1e-6, -2e-6):
                weight.data[place] += change
                sides.append(float(loss().detach()))
            weight.data[place] += 1e-6
            assert float(weight.grad[place]) == pytest.approx((sides[0] - sides[1]) / 2e-6, rel=1e-6, abs=1e-9)
            assert weight.grad[place] != 0


def test_names_that_would_clash_are_refused():
    net = spaic.Network()
    net.input = spaic.Encoder(num=1, coding_method="poisson")
    net.cell = spaic.NeuronGroup(1, model=spaic.NeuronModel("dV/dt = I - V * s0_g", parameters={"s0_g": 1.0}, name="clash"))
    net.wire = spaic.Connection(net.input, net.cell, syn_type="conductance")
    net.input(np.ones((1, 1)))
    with pytest.raises(spaic.UnsupportedError, match=r"cell\.s0_g: names like s0_x"):
        net.run(1.0)
