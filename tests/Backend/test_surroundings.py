"""What a program around spaic sets for torch: default device, inference mode, compilation, views of weights."""

import numpy as np
import pytest
import torch

import spaic
from spaic.errors import DeclarationError, UnsupportedError

LINKS = {"full": {}, "loop": {}, "sparse": {"link_type": "sparse", "density": 0.6, "storage": "sparse"}}


def network(kind="full", coding="null", kernels="plain"):
    """Two layers whose weights are learned; the first is fed back into itself where `kind` is ``loop``."""
    with spaic.Network() as net:
        net.x = spaic.Encoder(num=6, coding_method=coding)
        net.hidden = spaic.NeuronGroup(5, model="lif")
        net.output = spaic.NeuronGroup(3, model="lif")
        net.first = spaic.Connection(net.x, net.hidden, weight=0.12, **LINKS[kind])
        net.second = spaic.Connection(net.hidden, net.output, weight=0.15)
        if kind == "loop":
            net.back = spaic.Connection(net.hidden, net.hidden, weight=0.02)
        net.out = spaic.Decoder(num=3, dec_target=net.output, coding_method="spike_counts")
        net.learner = spaic.Learner(trainable=net, algorithm="STCA")
    net.set_backend("torch", dt=1.0, kernels=kernels)
    return net


def images():
    return torch.ones(2, 10, 6, device="cpu")


def gradients(net):
    """Gradients of the number of spikes of a run."""
    net.run(10.0)
    net.out.predict.sum().backward()
    return {name: p.grad.clone() for name, p in net.named_parameters()}


@pytest.mark.parametrize("kind", LINKS)
@pytest.mark.parametrize("kernels", ["plain", "auto"])
def test_the_default_device_of_torch_is_not_ours(kind, kernels):
    """On a device where nothing can be computed every forgotten tensor fails."""
    expected, net = network(kind), network(kind, kernels=kernels)
    expected.x(images())
    wanted = gradients(expected)
    with torch.device("meta"):
        net.x(images())
        found = gradients(net)
    assert found.keys() == wanted.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, wanted[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", LINKS)
def test_what_was_built_in_inference_mode_can_be_trained(kind):
    net = network(kind)
    with torch.inference_mode():
        net.x(images())
        net.run(10.0)
        assert not net.out.predict.requires_grad
    outside = network(kind)
    for each in (net, outside):
        each.x(images())
    found, wanted = gradients(net), gradients(outside)
    assert wanted["second.weight"].any()
    assert all(torch.equal(found[name], gradient) for name, gradient in wanted.items())


@pytest.mark.parametrize("kind", LINKS)
@pytest.mark.parametrize("coding", ["null", "latency"])
def test_a_run_begun_in_inference_mode_goes_on_with_gradients(kind, coding):
    net = network(kind, coding)
    with torch.inference_mode():
        net.x(images()[:, :5] if coding == "null" else torch.full((2, 6), 0.5))
        net.run(5.0)
    if coding == "null":
        net.x(images()[:, :5])
    net.run_continue(5.0)
    net.out.predict.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters())


def test_second_derivatives_are_refused():
    net = network()
    net.x(images())
    net.run(10.0)
    with pytest.raises(UnsupportedError, match=r"^out: create_graph=True asks for second derivatives"):
        torch.autograd.grad(net.out.predict.sum(), list(net.parameters()), create_graph=True)


@pytest.mark.parametrize("way", ["data", "numpy"])
def test_weights_may_be_changed_behind_the_back_of_torch(way):
    """A link whose weights were all the same is simulated with what they are now."""
    with spaic.Network() as net:
        net.x = spaic.Encoder(num=6, coding_method="null")
        net.cells = spaic.NeuronGroup(5, model="lif")
        net.link = spaic.Connection(net.x, net.cells, link_type="sparse", density=0.6, weight=0.02)
        net.voltages = spaic.StateMonitor(net.cells, "V")
    net.set_backend("torch", dt=1.0)

    def potentials():
        net.x(torch.ones(1, 10, 6, dtype=torch.uint8))
        net.run(10.0)
        return net.voltages.values.copy()

    first = potentials()
    (parameter,) = net.parameters()
    (parameter.data if way == "data" else parameter.detach().numpy())[1:] *= 3
    changed = potentials()
    with torch.no_grad():
        parameter.mul_(1.0)  # torch counts this one
    assert not np.array_equal(first, changed)
    np.testing.assert_array_equal(changed, potentials())


def test_a_type_is_no_device():
    net = network()
    net.build()
    with pytest.raises(DeclarationError, match=r"torch.float64 is a type, no device; give dtype='float64'"):
        net.to(torch.float64)


def test_a_step_with_a_network_in_it_can_be_compiled():
    """``torch.compile`` works on what is around the network, which runs as it is."""
    net = network(kernels="auto")

    def step(x, factor):
        net.x(x)
        net.run(10.0)
        return (net.out.predict * factor).sum()

    factor = torch.tensor(0.5, requires_grad=True)
    plain, compiled = step(images(), factor), torch.compile(step, backend="eager")(images(), factor)
    assert torch.equal(plain, compiled)
    compiled.backward()
    assert factor.grad == plain / factor
    assert net.second.weight.grad is not None
