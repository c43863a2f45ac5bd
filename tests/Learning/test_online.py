"""Gradients carried forwards in time: against backpropagation where theory says they are the same, and against loops written by hand."""

import math

import numpy as np
import pytest
import torch

import spaic
from spaic.errors import DeclarationError, InputError, NetworkError, StateError, UnsupportedError

STEPS, BATCH, NI, NH, NO = 14, 3, 5, 6, 2
_RNG = np.random.default_rng(5)
X = (_RNG.random((BATCH, STEPS, NI)) < 0.4).astype(float)
AIM = torch.from_numpy(_RNG.random((STEPS, BATCH, NO)))
MODELS = {"lif": dict(tau_m=5.0), "clif": {}, "alif": {}}


def loss(values, step):
    """Squared distance to a goal that moves."""
    return ((values - AIM[step]) ** 2).sum() / 2


def network(learner, model="lif", recurrent=True, delay=None, link="full", readout="V", dtype="float64", bias=True, **options):
    """Input, a group that may feed itself, and a readout that leaks or fires; read step by step."""
    net = spaic.Network()
    net.input = spaic.Encoder(num=NI, coding_method="null")
    net.hidden = spaic.NeuronGroup(NH, model=model, **MODELS.get(model, {}))
    net.out = spaic.NeuronGroup(NO, model="lif", tau_m=4.0, **({"V_th": 1e6} if readout == "V" else {}))
    sparse = dict(link_type="sparse", density=0.6) if link == "sparse" else {}
    net.into = spaic.Connection(net.input, net.hidden, w_mean=0.5, w_std=0.4, bias=bias, delay=delay, **sparse)
    if recurrent:
        net.loop = spaic.Connection(net.hidden, net.hidden, w_mean=0.0, w_std=0.4, delay=None if delay is None else delay + 1)
    net.onto = spaic.Connection(net.hidden, net.out, w_mean=0.4, w_std=0.4, bias=bias, delay=delay)
    net.output = spaic.Decoder(dec_target=net.out, coding_method="steps", variable=readout)
    net.learner = learner(**options)
    net.set_backend("torch", dt=1.0, dtype=dtype, kernels="plain")
    net.set_runtime(STEPS)
    net.input(X)
    return net


def forwards(net):
    """Gradients of :meth:`learn`, and the error."""
    net.learner.optim_zero_grad()
    total = net.learner.learn(loss)
    return {path: p.grad.clone() for path, p in net.named_parameters() if p.grad is not None}, total


def backwards(net):
    """Gradients of the same error by ``backward()``, and the error."""
    net.learner.optim_zero_grad()
    net.run()
    found = sum(loss(values, n) for n, values in enumerate(net.output.predict))
    found.backward()
    return {path: p.grad.clone() for path, p in net.named_parameters() if p.grad is not None}, found.item()


def close(found, expected, paths=None, tolerance=1e-10):
    assert set(found) == set(expected)
    for path in paths or expected:
        assert float(expected[path].abs().max()) > 1e-4, path
        torch.testing.assert_close(found[path], expected[path], rtol=tolerance, atol=tolerance * 0.1, msg=lambda text, p=path: f"{p}: {text}")
