"""Gradients with respect to recorded variables."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import spaic


def graded(loops: bool = False, **options) -> spaic.Network:
    net = spaic.Network()
    net.input = spaic.Encoder(3, coding_method="direct")
    net.cells = spaic.NeuronGroup(2, model="lif", tau_m=10.0, V_th=100.0)
    net.link = spaic.Connection(net.input, net.cells, weight=0.1)
    if loops:
        net.loop = spaic.Connection(net.cells, net.cells, weight=0.1, delay=1.0)
    net.output = spaic.Decoder(dec_target=net.cells, coding_method="final_voltage")
    net.learner = spaic.STCA(net, alpha=0.5)
    net.watch = spaic.StateMonitor(net.cells, "V_before_reset", get_grad=True, **options)
    net.set_backend("torch", dt=1.0, dtype="float64")
    net.input(np.ones((4, 3)))
    return net


@pytest.mark.parametrize("loops", [False, True])
def test_the_gradient_of_the_last_potential_decays_backwards(loops):
    net = graded(loops)
    net.run(6.0)
    net.output.predict.sum().backward()
    decay = np.exp(-1.0 / 10.0)
    expected = decay ** np.arange(5, -1, -1)
    assert net.watch.grads.shape == net.watch.values.shape == (4, 2, 6)
    assert np.abs(net.watch.grads - expected).max() < 1e-12
    assert (net.watch.grad == net.watch.grads).all()


def test_chosen_neurons_and_samples():
    net = graded(index=[1], dt=2.0)
    net.run(6.0)
    net.output.predict.sum().backward()
    assert net.watch.grads.shape == (4, 1, 3) and net.watch.grads[0, 0, -1] == 1.0


@pytest.mark.parametrize("kernels", ["plain", "auto"])
def test_results_are_those_without_it(kernels):
    with_it, without = graded(), graded()
    without.del_assembly("watch")
    found = []
    for net in (with_it, without):
        net.set_backend("torch", dt=1.0, dtype="float64", kernels=kernels)
        net.run(6.0)
        net.output.predict.square().sum().backward()
        found.append(next(net.parameters()).grad)
    if kernels == "plain":
        assert torch.equal(*found)
    torch.testing.assert_close(*found, rtol=1e-12, atol=0.0)  # gradients of single steps are seen in plain torch only


def test_before_a_backward_pass_and_where_there_is_none():
    net = graded()
    net.run(6.0)
    with pytest.raises(spaic.StateError, match="watch: there are no gradients; .*backward"):
        _ = net.watch.grads
    net.weight = spaic.StateMonitor(net.link, "weight", get_grad=True)
    with pytest.raises(spaic.DeclarationError, match="get_grad is for variables of a neuron group"):
        net.build()
