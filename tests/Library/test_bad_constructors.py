"""Whatever a connection, code, link or initializer is given, it works or is refused by an error of spaic, never by one from within."""

import dataclasses
import inspect
import warnings

import numpy as np
import pytest
import torch

import spaic
from spaic import registry
from spaic.clock import Clock
from spaic.errors import SpaicError
from spaic.Graph.values import materialise
from spaic.seeds import Key

NONSENSE = {
    "text": "abc", "none": None, "negative": -1, "nan": float("nan"), "infinite": float("inf"), "true": True, "list": [1, 2],
    "object": object(), "zero": 0, "half": 0.5, "one": 1, "empty": (), "complex": 1j, "tensor": torch.ones(2),
}  # fmt: skip
#: What a name needs besides the field that is wrong.
NEEDED = {
    "index_list": {"index_list": [(0, 1)]}, "matrix": {"matrix": np.ones((8, 8))}, "from_file": {"file": "nowhere.npy"},
    "fan_in_normal": {"mean": 0.0, "std": 1.0}, "locally_connected": {"out_channels": 2},
}  # fmt: skip
SHAPES = {"1d": (2, 8), "3d": (1, 4, 4, 4)}
FLAT = (
    "batchnorm", "distance", "dropout", "electrical", "flatten", "full", "index_list", "matrix", "one_to_one", "population_mean", "random",
    "reservoir", "small_world", "sparse", "unflatten",
)  # fmt: skip
CLOCK, KEY = Clock(0.1), Key(0, "way", "pattern")
SPIKES = torch.tensor([[[1.0, 0.0, 1.0, 0.0]] * 2, [[0.0, 0.0, 1.0, 1.0]] * 2])  # [time, batch, neuron]


def use_links(name, link):
    shape = (8,) if name in FLAT else SHAPES.get(name[-2:], (2, 5, 5))
    for transform in link.transforms(shape, shape, "way", KEY):
        for value, size in transform.parameters().values():
            materialise(value, size, KEY, *transform.fans())
        shape = transform.output_shape(shape, "way")


def use_initializers(name, initializer):
    initializer.sample(np.random.default_rng(0), (4, 4), 4, 4)


def use_encoders(name, code):
    if not getattr(code, "takes_events", False):
        code.encode(torch.rand((2, 50, 3) if name == "null" else (2, 3)), CLOCK, 50, KEY).chunk(0, 50)


def use_generators(name, code):
    source = {"sin": None, "spike_list": ([0], [1.0]), "timed_array": [1.0, 2.0]}.get(name, 1.0)
    code.generate(source, (3,), 2, CLOCK, 50, KEY, "cpu").chunk(0, 50)


def use_decoders(name, code):
    code.check(4, "way")
    code.finish(code.fold(None, SPIKES, 0, CLOCK), 2, CLOCK)


def use_rewards(name, code):
    spikes = SPIKES[..., :1] if name == "xor_reward" else SPIKES
    code.check(spikes.shape[2], "way")
    code.judged(code.fold(None, spikes, 0, CLOCK), [0, 1], "way")


def use_actions(name, choice):
    choice.chosen(choice.add(None, SPIKES, 0, CLOCK), 2, CLOCK, 4, KEY)


USES = {kind.removeprefix("use_"): use for kind, use in list(globals().items()) if kind.startswith("use_")}
FIELDS = [(kind, name, f.name) for kind in USES for name, made in getattr(registry, kind).items() for f in dataclasses.fields(made)]


@pytest.mark.parametrize("kind, name, field", FIELDS)
def test_no_field_fails_from_within(kind, name, field):
    conv = {"out_channels": 2} if kind == "links" and name.startswith("conv") else {}
    refused = 0
    for value in NONSENSE.values():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                USES[kind](name, getattr(registry, kind)[name](**NEEDED.get(name, {}) | conv | {field: value}))
        except SpaicError as error:
            assert ": " in str(error) and len(str(error)) < 600
            refused += 1
    assert refused > 0


KEYWORDS = [p for p in inspect.signature(spaic.Connection.__init__).parameters if p not in ("self", "pre", "post", "name", "options")]


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_no_keyword_of_a_connection_fails_from_within(keyword):
    refused = 0
    for value in NONSENSE.values():
        with spaic.Network() as net:
            net.source = spaic.Encoder(num=4, coding_method="null")
            net.cells = spaic.NeuronGroup(3, model="lif", V_th=1e9)
        net.set_backend("reference", dt=1.0)
        net.source(np.ones((1, 3, 4)))
        try:
            net.way = spaic.Connection(net.source, net.cells, **{keyword: value})
            net.run(3.0)
        except SpaicError as error:
            assert ": " in str(error)
            refused += 1
    assert refused > 5
