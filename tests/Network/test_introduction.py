"""Errors at declaration say which element they are about, as far as that is known."""

import pytest

import spaic


def lif(num=2, **options):
    return spaic.NeuronGroup(num, model="lif", **options)


def said(make):
    with pytest.raises(spaic.SpaicError) as caught:
        make()
    return str(caught.value)


def test_a_name_that_is_given():
    text = "NeuronGroup(lif): unknown keyword 'tau'; did you mean 'tau_m'?"
    assert said(lambda: lif(tau=1.0)) == text and said(lambda: lif(tau=1.0, name="cells")) == f"cells: {text}"
    assert said(lambda: spaic.StateMonitor(lif(), "V", "full", None, "trace", memory_limit="x")).startswith("trace: StateMonitor: ")
    assert said(lambda: lif(name="no name")).startswith("neurongroup: 'no name' cannot be a name")
    with pytest.raises(spaic.UnknownName, match="^cells: unknown neuron model 'liff'"):
        spaic.NeuronGroup(2, model="liff", name="cells")


def test_the_assembly_whose_block_is_open():
    net = spaic.Network("net")
    net.column = spaic.Assembly()
    with net.column:
        assert said(lambda: lif(tau=1.0, name="cells")).startswith("column.cells: NeuronGroup(lif): ")
    with net:
        assert said(lambda: lif(tau=1.0, name="cells")).startswith("cells: NeuronGroup(lif): ")


def test_what_it_joins():
    net = spaic.Network()
    net.a, net.b = lif(), lif()
    assert said(lambda: spaic.Connection(net.a, net.b, weigth=1.0)).startswith("connection from 'a' to 'b': Connection(full): ")
    assert said(lambda: spaic.Connection(net.a, net.b, "wire", weigth=1.0)).startswith("wire: Connection(full): ")
    assert said(lambda: spaic.Connection(net.a, lif(), weigth=1.0)).startswith("Connection(full): ")
    assert said(lambda: spaic.StateMonitor(net.b, "V", dtt=1.0)).startswith("monitor of 'b': StateMonitor: unknown keyword 'dtt'")
    assert said(lambda: spaic.Decoder(dec_target=net.b, coding_method="x")).startswith("decoder of 'b': unknown decoder 'x'")


class Column(spaic.Assembly):
    def __init__(self, tau, name=None, inner=None):
        super().__init__(name)
        self.cells = lif(tau_m=tau, name=inner)
        self.loop = spaic.Connection(self.cells, self.cells, weigth=1.0)


def test_elements_that_an_assembly_makes():
    assert said(lambda: Column(-1.0)).startswith("NeuronGroup(lif).tau_m: -1.0 ms is")
    assert said(lambda: Column(-1.0, "left")).startswith("left: NeuronGroup(lif).tau_m: -1.0 ms is")
    assert said(lambda: Column(1.0, "left")).startswith("left, connection from 'cells' to 'cells': Connection(full): unknown keyword")
    assert said(lambda: Column(-1.0, "left", "cells")).startswith("left.cells: NeuronGroup(lif).tau_m: -1.0 ms is")
