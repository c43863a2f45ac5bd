"""Random sequences of edits, builds, runs, training, saves and loads: no error without a name, and the tree stays whole."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

import spaic
from spaic.Network.container import Container
from spaic.Network.element import Element

#: Sequences in each of the parts below; the figure of the closing note of the issue was taken with 5000.
SEQUENCES = int(os.environ.get("SPAIC_SEQUENCES", "500"))
PARTS = 4

SIZES = st.sampled_from([1, 2, 3, 3, 3])
PICKS = st.integers(0, 1000)


def small(seed: int = 0) -> spaic.Network:
    """Two layers that learn, with everything that refers to them."""
    net = spaic.Network(seed=seed)
    net.input = spaic.Encoder(3, coding_method="direct")
    net.layer1 = spaic.NeuronGroup(3, model="lif", neuron_type="a")
    net.layer2 = spaic.NeuronGroup(2, model="if", neuron_type="b")
    net.link1 = spaic.Connection(net.input, net.layer1)
    net.link2 = spaic.Connection(net.layer1, net.layer2, w_min=-1.0, w_max=2.0)
    net.output = spaic.Decoder(dec_target=net.layer2)
    net.watch = spaic.StateMonitor(net.layer1, "V")
    net.learner = spaic.STCA(net, alpha=0.5)
    net.optim = spaic.Adam(lr=0.01)
    net.set_backend("torch", dt=1.0, kernels="plain")  # what is edited is the network: hundreds of them would have to be compiled
    return net


def structure(net: spaic.Network) -> dict[str, object]:
    """Everything that declares a network: whose member under which name, what refers to what, flags."""
    return {
        path: (id(e), e.name, id(e.parent), tuple(map(id, e.parts())), e._is_hidden, e._is_frozen, tuple(getattr(e, "_members", ())))
        for path, e in [("", net), *((e.path, e) for e in net.everything())]
    }


def weights(net: spaic.Network) -> dict[tuple[int, str], torch.Tensor]:
    """Learned values of the last build by element and name."""
    if net._simulation is None:
        return {}
    simulation = net._simulation
    found = {}
    for path, value in simulation.store.tensors().items():
        owner, _, name = path.rpartition(".")
        if torch.is_tensor(value):
            found[id(simulation.elements[owner]), name] = value.detach().clone()
    return found


class Edits(RuleBasedStateMachine):
    """A network, and some elements that belong to nothing."""

    @initialize(seed=st.integers(0, 3))
    def start(self, seed):
        self.net = small(seed)
        self.loose: list[Element] = []
        self.folder = Path(tempfile.mkdtemp())
        self.was: dict[tuple[int, str], torch.Tensor] = {}

    def teardown(self):
        for file in self.folder.iterdir() if hasattr(self, "folder") else ():
            file.unlink()
        if hasattr(self, "folder"):
            self.folder.rmdir()

    # --- choosing

    def elements(self, kind=Element):
        return [e for e in self.net.everything() if isinstance(e, kind)]

    def pick(self, number, kind=Element):
        found = self.elements(kind)
        return found[number % len(found)] if found else None

    def holder(self, number):
        found = [self.net, *self.elements(spaic.Assembly)]
        return found[number % len(found)]

    def attempt(self, edit):
        """What an edit gives, or None where it is refused by name, everything being as it was."""
        before, kept = structure(self.net), weights(self.net)
        try:
            return edit()
        except spaic.SpaicError as error:
            assert len(str(error)) > 10
            assert structure(self.net) == before
            after = weights(self.net)
            assert all(torch.equal(after[k], v) for k, v in kept.items() if k in after)
            return None

    # --- edits

    @rule(size=SIZES, model=st.sampled_from(["lif", "if", "clif"]), number=PICKS, name=st.sampled_from(["layer1", "g", "h"]))
    def add_group(self, size, model, number, name):
        group = spaic.NeuronGroup(size, model=model)
        self.attempt(lambda: self.holder(number).add_assembly(name, group))

    @rule(number=PICKS, name=st.sampled_from(["box", "g"]))
    def add_assembly(self, number, name):
        box = spaic.Assembly()
        box.inner = spaic.NeuronGroup(3, model="lif")
        box.other = spaic.NeuronGroup(2, model="lif")
        box.wire = spaic.Connection(box.inner, box.other)
        self.attempt(lambda: self.holder(number).add_assembly(name, box))

    @rule(
        a=PICKS,
        b=PICKS,
        number=PICKS,
        link=st.sampled_from(["full", "full", "one_to_one", "sparse"]),
        name=st.sampled_from(["c", "d", "e"]),
    )
    def connect(self, a, b, number, link, name):
        kinds = (spaic.NeuronGroup, spaic.Encoder, spaic.Assembly)
        pre, post = self.pick(a, kinds), self.pick(b, kinds)
        if pre is not None and post is not None:
            self.attempt(lambda: self.holder(number).add_connection(name, spaic.Connection(pre, post, link_type=link, delay=1.0)))

    @rule(a=PICKS, b=PICKS, name=st.sampled_from(["p", "q"]), tag=st.sampled_from(["a", "b", "zzz"]))
    def project(self, a, b, name, tag):
        pre, post = self.pick(a, (spaic.Assembly, spaic.NeuronGroup)), self.pick(b, (spaic.Assembly, spaic.NeuronGroup))
        if pre is not None and post is not None:
            policy = spaic.ExcludedTypePolicy(pre_types=tag)
            self.attempt(lambda: self.net.add_projection(name, spaic.Projection(pre, post, policy, link_type="full", delay=1.0)))

    @rule(a=PICKS)
    def watch(self, a):
        group = self.pick(a, spaic.NeuronGroup)
        if group is not None:
            self.attempt(lambda: self.net.add_monitor("watch", spaic.StateMonitor(group, "V")))

    @rule(a=PICKS, by_name=st.booleans())
    def delete(self, a, by_name):
        element = self.pick(a)
        if element is not None:
            gone = self.attempt(lambda: self.net.del_assembly(element.path if by_name else element))
            if gone is not None:
                self.loose.append(element)
                assert element not in self.net and element.parent is None

    @precondition(lambda self: self.loose)
    @rule(a=PICKS, number=PICKS, name=st.sampled_from(["back", "layer1"]))
    def put_back(self, a, number, name):
        element = self.loose[a % len(self.loose)]
        own = [element, *(element.everything() if isinstance(element, Container) else ())]
        if any(part not in self.net and part is not self.net and part not in own for e in own for part in e.parts()):
            return  # it would refer to what is gone, which the next build says
        if self.attempt(lambda: self.holder(number).add_assembly(name, element)) is not None:
            self.loose.remove(element)

    @rule(a=PICKS, b=PICKS, size=SIZES, is_new=st.booleans())
    def replace(self, a, b, size, is_new):
        old = self.pick(a, (spaic.NeuronGroup, spaic.Assembly))
        new = spaic.NeuronGroup(size, model="lif") if is_new else self.pick(b, (spaic.NeuronGroup, spaic.Assembly))
        if old is not None and new is not None:
            self.attempt(lambda: self.net.replace_assembly(old, new))

    @precondition(lambda self: len(list(self.net.everything())) < 40)
    @rule(a=PICKS, name=st.sampled_from(["twin", "layer2"]))
    def copy(self, a, name):
        element = self.pick(a)
        if element is not None:
            original = structure(self.net)
            made = self.attempt(lambda: self.net.copy_assembly(name, element))
            if made is not None:
                after = structure(self.net)
                assert all(after[path][:2] == row[:2] for path, row in original.items())

    @precondition(lambda self: len(list(self.net.everything())) < 40)
    @rule(number=PICKS, is_built=st.booleans())
    def merge(self, number, is_built):
        other = small(1)
        if is_built:
            other.build()
        before = structure(other)
        self.attempt(lambda: self.holder(number).merge_assembly(other))
        assert structure(other) == before

    @rule(picks=st.lists(PICKS, min_size=1, max_size=3), with_connection=st.booleans())
    def select(self, picks, with_connection):
        chosen = [e for e in (self.pick(p, (spaic.NeuronGroup, spaic.Assembly, spaic.Encoder)) for p in picks) if e is not None]
        before = structure(self.net)
        made = self.attempt(lambda: self.net.select_assembly(chosen, with_connection=with_connection)) if chosen else None
        assert structure(self.net) == before
        if made is not None:
            whole(made)
            assert not {id(e) for e in made.everything()} & {id(e) for e in self.net.everything()}

    @rule(a=PICKS, is_hidden=st.booleans())
    def hide_or_show(self, a, is_hidden):
        element = self.pick(a)
        if element is not None:
            element.hide() if is_hidden else element.show()

    @rule(a=PICKS, value=st.booleans())
    def freeze(self, a, value):
        element = self.pick(a)
        if element is not None:
            element.requires_grad = value

    # --- building and running

    @rule()
    def build(self):
        before = weights(self.net)
        origins = {id(e): e._learned for e in self.net.everything()}
        if self.attempt(lambda: self.net.build() or True):
            for key, value in weights(self.net).items():
                if key in before and before[key].shape == value.shape and origins.get(key[0]) is None:
                    assert torch.equal(before[key], value)

    @rule(is_continued=st.booleans())
    def run(self, is_continued):
        for encoder in self.net.members(spaic.Encoder):
            encoder(np.ones((2, *encoder.shape)))
        self.attempt(lambda: self.net.run_continue(2.0) if is_continued else self.net.run(3.0))

    @rule()
    def train(self):
        for encoder in self.net.members(spaic.Encoder):
            encoder(np.ones((2, *encoder.shape)))

        def once():
            self.net.run(3.0)
            outputs = [d.predict for d in self.net.members(spaic.Decoder)]
            loss = sum(p.square().sum() for p in outputs)
            if outputs and loss.requires_grad:
                loss.backward()
                for learner in self.net.members(spaic.Learner):
                    learner.optim_step()

        try:
            once()
        except spaic.SpaicError as error:
            assert len(str(error)) > 10

    @rule()
    def save_and_load(self):
        path = self.attempt(lambda: self.net.save(self.folder / "net.spaic"))
        if path is None:
            return
        loaded = spaic.load(path)
        whole(loaded)
        assert [e.path for e in loaded.everything()] == [e.path for e in self.net.everything()]
        saved = self.net._simulation
        if saved is not None and loaded._simulation is not None:
            assert loaded.graph.digest == self.net.graph.digest
            found = loaded._simulation.store.state_dict()
            assert all(torch.equal(found[k], v) for k, v in saved.store.state_dict().items())

    # --- what always holds

    @invariant()
    def the_tree_is_whole(self):
        if hasattr(self, "net"):
            whole(self.net)


def whole(net: Container) -> None:
    """Every member knows its place, paths are unique, and references lead into the network."""
    inside = {id(net)} | {id(e) for e in net.everything()}
    paths = [e.path for e in net.everything()]
    assert len(paths) == len(set(paths))
    for container in [net, *(e for e in net.everything() if isinstance(e, Container))]:
        for name, member in container._members.items():
            if isinstance(member, Element):
                assert member.parent is container and member.name == name
    for element in net.everything():
        assert all(id(part) in inside for part in element.parts()), element


@pytest.mark.parametrize("part", range(PARTS))
def test_sequences(part):
    machine = type(f"Edits{part}", (Edits,), {})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=SEQUENCES,
            stateful_step_count=12,
            deadline=None,
            derandomize=False,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
