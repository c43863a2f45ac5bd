"""Two layers of any registered model, driven as the contract of the backends drives it."""

from __future__ import annotations

from typing import Any

import numpy as np

import spaic
from spaic.registry import neurons
from tests.contracts.test_backends import DRIVES, SHARE, output_of
from tests.Network.builders import SAMPLES


def driven(name: str) -> Any:
    """6 inputs, 5 hidden and 3 output neurons of the model; links read its spikes, or the first state of one that never fires."""
    model, (dt, current, weight) = neurons[name], DRIVES[name]
    rng = np.random.default_rng(3)
    net = spaic.Network(seed=1)
    net.input = spaic.Encoder(num=6, coding_method="bernoulli", max_prob=0.3)
    net.hidden, net.out = (spaic.NeuronGroup(n, model=name) for n in (5, 3))
    for link, pre, post, read in (("link1", net.input, net.hidden, "O"), ("link2", net.hidden, net.out, output_of(model))):
        spread = weight * rng.uniform(0.5, 1.5, (post.num, pre.num))
        setattr(net, link, spaic.Connection(pre, post, weight=spread, pre_var_name=read, post_var_name=model.ports[0]))
    net.output = spaic.Decoder(dec_target=net.out, coding_method="final_voltage", coding_var_name=f"{model.states[0]}_before_reset")
    net.learner = spaic.SurrogateBP(net)
    net.set_backend("torch", dt=dt)
    net.input(SAMPLES)
    for port in model.currents if current is not None else ():
        clamp(net, port, SHARE.get(port, 1) * current)
    return net


def clamp(net: Any, port: str, amount: float) -> None:
    """A constant current into both groups."""
    for group in (net.hidden, net.out):
        electrode = spaic.Encoder(num=group.num, coding_method="direct")
        setattr(net, f"clamp_{group.name}_{port}", electrode)
        wire = spaic.Connection(electrode, group, link_type="one_to_one", weight=np.full(group.num, amount), post_var_name=port)
        setattr(net, f"wire_{group.name}_{port}", wire)
        electrode(np.ones((len(SAMPLES), group.num)))
