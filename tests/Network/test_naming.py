"""Names and paths: what is assigned, or made in a ``with`` block, belongs to the network under its name."""

import pytest
import torch
from torch.optim.lr_scheduler import StepLR

import spaic
from spaic.Network import context


def lif(num=2, **options):
    return spaic.NeuronGroup(num, model="lif", **options)


def names(assembly):
    return list(assembly._members)


@pytest.fixture(autouse=True)
def every_block_is_closed():
    assert not context._blocks.get()
    yield
    assert not context._blocks.get()


with spaic.Network() as at_module_level:
    layer = lif()
    wire = spaic.Connection(layer, layer)


def test_with_block_at_module_level():
    assert names(at_module_level) == ["layer", "wire"]
    assert at_module_level.layer is layer


def test_with_block_in_a_test_and_in_a_function():
    def build():
        with spaic.Network() as net:
            a = lif()
            b = lif(3)
        return net, a, b

    net, a, b = build()
    with spaic.Network() as here:
        c = lif()
    assert (net.a, net.b, here.c) == (a, b, c)
    assert names(net) == ["a", "b"] and names(here) == ["c"]


def test_names_are_inherited_and_extended_by_subclasses():
    class Base(spaic.Network):
        def __init__(self):
            super().__init__()
            self.a = lif()

    class Derived(Base):
        def __init__(self):
            super().__init__()
            self.b = lif()
            self.ab = spaic.Connection(self.a, self.b)

    net = Derived()
    assert names(net) == ["a", "b", "ab"] and net.ab.path == "ab"
    assert names(Base()) == ["a"]


def test_paths_of_nested_assemblies():
    class Column(spaic.Assembly):
        def __init__(self):
            super().__init__()
            self.cells = lif()
            self.inner = spaic.Assembly()
            self.inner.deep = lif()

    class Net(spaic.Network):
        def __init__(self):
            super().__init__(name="whole")
            self.left, self.right = Column(), Column()
            self.across = spaic.Connection(self.left.inner.deep, self.right.cells)

    net = Net()
    assert [g.path for g in net.members(spaic.NeuronGroup)] == ["left.cells", "left.inner.deep", "right.cells", "right.inner.deep"]
    assert [(k.source, k.target) for k in net.graph.links] == [("left.inner.deep.O", "right.cells.input")]


def test_nested_with_blocks():
    with spaic.Network() as net:
        before = lif()
        with spaic.Assembly() as part:
            cells = lif()
            with spaic.Assembly() as core:
                heart = lif()
        after = spaic.Connection(cells, heart)
    assert names(net) == ["before", "part", "after"] and core.parent is part
    assert (before.path, cells.path, core.path, heart.path, after.path) == ("before", "part.cells", "part.core", "part.core.heart", "after")


def test_a_class_used_in_a_with_block_keeps_its_own_members():
    class Column(spaic.Assembly):
        def __init__(self):
            super().__init__()
            self.cells = lif()

    with spaic.Network() as net:
        column = Column()
    assert names(net) == ["column"] and column.cells.path == "column.cells"


def test_lists_give_numbered_names():
    with spaic.Network() as net:
        layers = [lif(n) for n in (1, 2, 3)]
        wires = []
        for a, b in zip(layers[:-1], layers[1:], strict=True):
            wires.append(spaic.Connection(a, b))

    class Net(spaic.Network):
        def __init__(self):
            super().__init__()
            self.layers = [lif(n) for n in (1, 2, 3)]

    assert {g.path: g.num for g in net.members(spaic.NeuronGroup)} == {"layers_0": 1, "layers_1": 2, "layers_2": 3}
    assert [w.path for w in wires] == ["wires_0", "wires_1"]
    other = Net()
    assert names(other) == ["layers_0", "layers_1", "layers_2"]
    assert other.layers[1] is other.layers_1


def test_a_shorter_list_replaces_a_longer_one():
    net = spaic.Network()
    net.layers = [lif(), lif(), lif()]
    net.layers = [lif(), lif()]
    assert sorted(names(net)) == ["layers_0", "layers_1"]


def test_elements_without_a_variable_get_a_name_of_their_kind():
    with spaic.Network() as net:
        a = lif()
        spaic.Connection(a, a)
        spaic.Connection(a, a, name="given")
        spaic.Connection(a, a)
    assert names(net) == ["a", "connection1", "given", "connection2"]


def test_running_a_whole_cell_again_gives_the_same_network():
    cell = "with spaic.Network() as net:\n    a = lif(3)\n    b = lif(2)\n    spaic.Connection(a, b)\n    more = [lif(), lif()]\n"
    notebook = {"spaic": spaic, "lif": lif}
    exec(cell, notebook)
    first = notebook["net"]
    exec(cell, notebook)
    second = notebook["net"]
    assert second is not first
    assert names(second) == names(first) == ["a", "b", "connection1", "more_0", "more_1"]


def test_running_the_block_of_an_existing_network_again_replaces_its_elements():
    cell = "with net:\n    a = lif(3)\n    b = lif(2)\n    ab = spaic.Connection(a, b)\n"
    notebook = {"spaic": spaic, "lif": lif, "net": spaic.Network()}
    exec(cell, notebook)
    old = notebook["a"]
    exec(cell, notebook)
    net = notebook["net"]
    assert names(net) == ["a", "b", "ab"]
    assert net.a is notebook["a"] and net.a is not old and old.parent is None
    net.run(1.0)


def test_running_a_block_with_an_unnamed_connection_again_replaces_it():
    cell = "with net:\n    a = lif(3)\n    b = lif(2)\n    spaic.Connection(a, b)\n"
    notebook = {"spaic": spaic, "lif": lif, "net": spaic.Network()}
    exec(cell, notebook)
    exec(cell, notebook)
    notebook["net"].run(1.0)
    assert names(notebook["net"]) == ["a", "b", "connection1"]


def test_a_later_block_adds_to_the_network():
    net = spaic.Network()
    with net:
        a = lif()
    with net:
        b = lif()
        ab = spaic.Connection(a, b)
    assert names(net) == ["a", "b", "ab"] and ab.path == "ab"


def test_an_exception_in_the_block_leaves_nothing_behind():
    net = spaic.Network()
    with pytest.raises(ZeroDivisionError), net:
        lost = lif()
        with spaic.Assembly() as part:
            inside = lif()
        assert inside.parent is part
        with spaic.Assembly():
            inside = lif()
            1 / 0
    assert names(net) == [] and lost.parent is None and part.parent is None and inside.parent is None
    outside = lif()
    with net:
        found = lif()
    assert names(net) == ["found"] and found.parent is net and outside.parent is None


def test_an_element_that_failed_in_the_block_is_not_added():
    with spaic.Network() as net:
        good = lif()
        with pytest.raises(spaic.DeclarationError):
            lif(0)
    assert names(net) == ["good"] and good.parent is net
    net.run(1.0)


def test_a_name_that_is_a_method_is_refused():
    net = spaic.Network()
    with pytest.raises(spaic.NetworkError, match=r"'run' is a method of Network; choose another name"):
        net.run = lif()
    with pytest.raises(spaic.NetworkError, match="'build'"), net:
        build = lif()
    assert build.parent is None and net.run.__func__ is spaic.Network.run


def test_an_element_has_one_place():
    a, b = spaic.Network(), spaic.Network()
    a.cells = lif()
    with pytest.raises(spaic.NetworkError, match="'cells' belongs to another assembly already"):
        b.cells = a.cells
    with pytest.raises(spaic.NetworkError, match="'twice' would be its second name"):
        a.twice = a.cells
    del a.cells
    b.moved = (group := lif())
    assert group.path == "moved" and names(a) == []


def test_add_assembly_refuses_a_name_that_is_taken():
    net = spaic.Network()
    net.add_assembly("a", lif())
    with pytest.raises(spaic.NetworkError, match="the name 'a' is taken"):
        net.add_assembly("a", lif())
    net.add_connection("loop", spaic.Connection(net.a, net.a))
    assert names(net) == ["a", "loop"]


def test_a_misspelt_member_suggests_the_nearest():
    net = spaic.Network()
    net.hidden = lif()
    with pytest.raises(AttributeError, match="did you mean 'hidden'"):
        net.hiden


def test_assigning_before_super_init_says_so():
    class Net(spaic.Network):
        def __init__(self):
            self.a = lif()
            super().__init__()

    with pytest.raises(spaic.NetworkError, match=r"'a' is assigned before super\(\).__init__\(\) ran"):
        Net()


def test_the_only_learner_is_net_learner():
    net = spaic.Network()
    net.rule = spaic.STCA(0.5, net)
    assert net.learner is net.rule
    net.second = spaic.STBP(0.5, net)
    with pytest.raises(spaic.NetworkError, match="2 learners .rule, second."):
        net.learner


class TestACellThatIsRunAgain:
    def make(self):
        net = spaic.Network()
        net.a, net.b = lif(), lif(3)
        return net

    def cell(self, net, **options):
        with net:
            spaic.Connection(net.a, net.b, **options)

    def test_what_has_no_name_is_there_twice_and_that_is_said(self):
        net = self.make()
        self.cell(net, weight=0.1)
        with pytest.warns(UserWarning, match=r"'connection2' refers to the same elements as 'connection1'.*del_assembly\('connection1'\)"):
            self.cell(net, weight=0.2)
        assert names(net) == ["a", "b", "connection1", "connection2"]
        net.del_assembly("connection1")
        assert names(net) == ["a", "b", "connection2"]

    def test_what_differs_is_meant(self, recwarn):
        net = self.make()
        self.cell(net)
        self.cell(net, link_type="sparse", density=0.5)
        with net:  # two in one block, and others between other groups
            spaic.Connection(net.b, net.a)
            spaic.Connection(net.b, net.a)
            c = lif()
            spaic.Connection(net.a, c)
        assert len(net.get_connections()) == 5 and not recwarn.list

    def test_a_name_makes_it_take_the_place_of_the_old_one(self, recwarn):
        net = self.make()
        for _ in range(2):
            self.cell(net, name="wire")
        assert names(net) == ["a", "b", "wire"] and not recwarn.list


@pytest.mark.parametrize(
    ("part", "what"),
    [
        (lambda: torch.nn.Linear(3, 2), "Linear \\(torch module\\), and a network holds no torch modules.*use elements of spaic"),
        (lambda: [torch.nn.ReLU()], "ReLU \\(torch module\\)"),
        (lambda: torch.nn.Parameter(torch.ones(2)), "Parameter \\(torch parameter\\), .*give the values to an element"),
        (lambda: torch.optim.Adam([torch.nn.Parameter(torch.ones(2))]), "Adam \\(torch optimizer\\), .*keep it in a variable.*spaic.Adam"),
        (lambda: StepLR(torch.optim.SGD([torch.nn.Parameter(torch.ones(2))]), 1), "StepLR \\(torch schedule\\), .*spaic.Adam"),
    ],
)
def test_parts_of_torch_are_refused_by_name(part, what):
    net = spaic.Network("net")
    net.part = spaic.Assembly()
    for owner, label in ((net, "net"), (net.part, "part")):
        with pytest.raises(spaic.NetworkError, match=f"^{label}: 'fc' is a {what}"):
            owner.fc = part()
        assert not hasattr(owner, "fc")
    net.table = torch.ones(2)
    assert torch.equal(net.table, torch.ones(2))
