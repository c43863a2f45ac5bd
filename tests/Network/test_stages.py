"""``syn_type``: what stands before and after a link, and dropout."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import spaic
from spaic.Graph.transforms import Conv2d, Dropout, Pool2d


def image(link_type: str = "conv", shape: tuple[int, ...] | None = None, **options) -> spaic.Network:
    net = spaic.Network()
    net.input = spaic.Encoder(shape=(1, 8, 8), coding_method="direct")
    net.cells = spaic.NeuronGroup(shape=shape or (2, 3, 3), model="if")
    net.link = spaic.Connection(net.input, net.cells, link_type=link_type, **options)
    net.current = spaic.StateMonitor(net.link, "current")
    net.set_backend_dt(1.0)
    net.input(np.random.default_rng(0).random((4, 1, 8, 8)))
    return net


def kinds(net: spaic.Network) -> list[type]:
    return [type(t) for t in net.graph.links[0].transforms]


@pytest.mark.parametrize(
    "given, expected",
    [
        (["conv", "maxpool"], [Conv2d, Pool2d]),
        (["conv_synapse", "avgpool_synapse", "dropout_synapse"], [Conv2d, Pool2d, Dropout]),
        (["dropout", "conv", "maxpool"], [Dropout, Conv2d, Pool2d]),
        (["maxpool"], [Conv2d, Pool2d]),
    ],
)
def test_stages_are_applied_in_order(given, expected):
    net = image(syn_type=given)
    assert kinds(net) == expected
    net.run(3.0)
    assert net.current.values.shape == (4, 2, 3, 3, 3)


def test_pooling_before_the_link():
    net = image(syn_type=["maxpool", "conv"], shape=(2, 2, 2))
    assert kinds(net) == [Pool2d, Conv2d]
    net.run(2.0)


def test_a_pool_link_takes_its_mode_from_the_synapse():
    for mode, is_max in (("maxpool", True), ("avgpool", False)):
        net = image("pool", shape=(1, 4, 4), syn_type=[mode], pool_kernel_size=[2, 2], pool_stride=2)
        (only,) = net.graph.links[0].transforms
        assert only.is_max == is_max


def test_flatten_and_directpass_change_nothing():
    net = image("full", shape=(5,), syn_type=["flatten", "basic"])
    net.run(2.0)
    assert net.state_dict()["link.weight"].shape == (5, 64)


@pytest.mark.parametrize("backend", ["torch", "reference"])
class TestDropout:
    def test_the_same_values_drop_during_a_run_and_others_in_the_next(self, backend):
        net = image("full", shape=(200,), syn_type=["basic", "dropout"], syn_kwargs={"p": 0.6}, w_mean=1.0, w_std=0.0)
        net.set_backend(backend)
        net.run(4.0)
        first = net.current.values
        assert (np.diff(first, axis=-1) == 0).all() and 0.5 < (first == 0).mean() < 0.7
        full = net.input.source.sum(axis=(1, 2, 3))
        kept = first[..., 0] != 0
        assert np.allclose(first[..., 0][kept], np.broadcast_to(full[:, None] / 0.4, kept.shape)[kept], rtol=1e-5)
        net.run(4.0)
        assert (first != net.current.values).any()

    def test_evaluation_drops_nothing(self, backend):
        net = image("full", shape=(50,), syn_type=["basic", "dropout"], p=0.6)
        net.set_backend(backend)
        assert net.training and net.eval() is net and not net.training
        net.run(2.0)
        assert (net.current.values != 0).all()
        net.train()
        net.run(2.0)
        assert (net.current.values == 0).any()


def test_both_backends_drop_the_same():
    found = []
    for backend in ("torch", "reference"):
        net = image(syn_type=["dropout", "conv", "maxpool", "dropout"], p=0.3)
        net.set_backend(backend, dt=1.0, dtype="float64")
        net.run(5.0)
        found.append(net.current.values)
    assert np.abs(found[0] - found[1]).max() < 1e-12


def test_gradients_flow_through_what_is_kept():
    net = image("full", shape=(20,), syn_type=["basic", "dropout"], p=0.5)
    net.output = spaic.Decoder(dec_target=net.cells, coding_method="final_voltage")
    net.learner = spaic.STCA(net, alpha=10.0)
    net.run(3.0)
    net.output.predict.sum().backward()
    gradient = next(net.parameters()).grad
    assert torch.isfinite(gradient).all() and bool(gradient.any())


@pytest.mark.parametrize(
    "options, said",
    [
        ({"syn_type": ["conv", "conv"]}, "names the link itself twice"),
        ({"syn_type": ["conv", "drop"]}, "unknown synapse model 'drop'; did you mean 'dropout'"),
        ({"syn_type": ["conductance", "maxpool"]}, "put it last"),
        ({"syn_type": ["conv", "tsodyks_markram"]}, "put it before 'basic'"),
        ({"syn_type": ["conv", "dropout"], "syn_kwargs": {"q": 0.6}}, "unknown keyword 'q'"),
        ({"syn_type": ["conv", "dropout"], "p": 1.0}, r"1.0 is outside \[0, 1\)"),
        ({"syn_type": ["conv", "first_order", "alpha"], "syn_kwargs": {"tau": 3.0}}, "first_order and alpha both have a parameter 'tau'"),
        ({"syn_type": ["conv", "first_order"], "syn_kwargs": {"taw": 3.0}}, "unknown synapse parameter 'taw'; did you mean 'tau'"),
        ({"syn_type": ["conv", "first_order"], "syn_kwargs": {"first_order": {"taw": 3.0}}}, "unknown keyword 'taw'"),
        ({"syn_type": ["batchnorm", "conv", "batchnorm"]}, "names 'batchnorm' twice"),
        ({"syn_type": ["conv", "batchnorm"], "momentum": 1.5}, r"momentum: 1.5 is outside \[0, 1\]"),
        ({"syn_type": ["conv", "batchnorm"], "eps": 0.0}, r"eps: 0.0 is outside \(0, inf\)"),
        ({"syn_type": ["upsample", "conv"], "upscale": 0}, "0 is not a whole number of at least 1"),
        ({"syn_type": ["conv", "electrical", "dropout"]}, "a gap junction has no others"),
    ],
)
def test_mistakes(options, said):
    with pytest.raises(spaic.SpaicError, match=said):
        image(**options).build()
