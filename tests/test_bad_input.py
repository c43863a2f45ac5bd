"""Bad input: a named error at the place of the mistake, with the path, the value and the way out; the network stays usable."""

import os

import numpy as np
import pytest
import torch

import spaic
from tests.Network.builders import SAMPLES, layered


def lif(num=2, **options):
    return spaic.NeuronGroup(num, model="lif", **options)


def reference():
    """What :func:`layered` predicts if nothing went wrong before."""
    net = layered(code="direct")
    net.run(20.0)
    return net.output.predict


def assert_usable(net):
    """`net` is :func:`layered` with the direct code: it still predicts the same, and continues."""
    net.input(SAMPLES)
    net.run(20.0)
    assert torch.equal(net.output.predict, reference())
    net.run_continue(2.0)


class TestUnknownNames:
    @pytest.mark.parametrize(
        ("made", "error", "said"),
        [
            (lambda: spaic.NeuronGroup(2, model="liff"), spaic.UnknownName, "unknown neuron model 'liff'; did you mean 'lif'"),
            (lambda: spaic.NeuronGroup(2), spaic.DeclarationError, "NeuronGroup: no model is given; choose one of: .*lif"),
            (lambda: spaic.NeuronGroup(2, model=3), spaic.DeclarationError, "a model is a name or a NeuronModel, got 3"),
            (lambda: lif(integrator="exakt"), spaic.DeclarationError,
             r"NeuronGroup\(lif\): unknown integrator 'exakt'; did you mean 'exact'"),
            (lambda: lif(tau=3.0), spaic.DeclarationError, r"NeuronGroup\(lif\): unknown keyword 'tau'; did you mean 'tau_m'"),
            (lambda: lif(param={"V_thr": 1.0}), spaic.DeclarationError, "unknown keyword 'V_thr'; did you mean 'V_th'"),
            (lambda: lif(trainable=["tau_n"]), spaic.DeclarationError, "unknown parameter 'tau_n'; did you mean 'tau_m'"),
            (lambda: lif(trainable=True), spaic.DeclarationError,
             r"NeuronGroup\(lif\): trainable is True; give names of parameters, such as"),
            (lambda: lif(initial={"W": 0.0}), spaic.DeclarationError, "unknown state 'W'; .*V"),
            (lambda: spaic.Connection(lif(), lif(), link_type="ful"), spaic.UnknownName, "unknown link type 'ful'; did you mean 'full'"),
            (lambda: spaic.Connection(lif(), lif(), weigth=1.0), spaic.DeclarationError,
             r"Connection\(full\): unknown keyword 'weigth'; did you mean 'weight'"),
            (lambda: spaic.Connection(lif(), lif(), syn_type="1st_order"), spaic.UnknownName,
             "unknown synapse model '1st_order'; did you mean"),
            (lambda: spaic.Connection(lif(), lif(), syn_type="first_order", syn_kwargs={"tua": 1.0}), spaic.DeclarationError,
             r"Connection\(first_order\): unknown synapse parameter 'tua'; did you mean 'tau'"),
            (lambda: spaic.Connection(lif(), lif(), syn_kwargs={"tau": 1.0}), spaic.DeclarationError, "'tau'"),
            (lambda: spaic.Encoder(num=3, coding_method="latencie"), spaic.UnknownName,
             "unknown encoder 'latencie'; did you mean 'latency'"),
            (lambda: spaic.Encoder(num=3), spaic.DeclarationError, "Encoder: no coding_method is given; choose one of: .*latency"),
            (lambda: spaic.Encoder(num=3, coding_method="latency", maxscale=1), spaic.DeclarationError,
             r"Encoder\(latency\): unknown keyword 'maxscale'; did you mean 'max_scale'"),
            (lambda: spaic.Generator(num=3, coding_method="poison_generator"), spaic.UnknownName,
             "unknown generator 'poison_generator'; did you mean 'poisson_generator'"),
            (lambda: spaic.Decoder(dec_target=lif(), coding_method="spike_count"), spaic.UnknownName,
             "unknown decoder 'spike_count'; did you mean 'spike_counts'"),
            (lambda: spaic.Node(num=3), spaic.DeclarationError, "Node: neither encoding nor decoding is given; use Encoder"),
            (lambda: spaic.Network().set_backend("tensorflow"), spaic.UnknownName, "unknown backend 'tensorflow'; choose one of: .*torch"),
            (lambda: spaic.Torch_Backend(dtype="float16"), spaic.DeclarationError, "unknown number type 'float16'; did you mean"),
            (lambda: spaic.Torch_Backend("gpu"), spaic.DeclarationError, "unknown device 'gpu'; use 'cpu'"),
            (lambda: spaic.Adam(lr=0.1, schedule="SteppLR", maxstep=3), spaic.UnknownName, "'SteppLR'; did you mean"),
        ],
    )  # fmt: skip
    def test_the_nearest_is_suggested(self, made, error, said):
        with pytest.raises(error, match=said):
            made()

    def test_a_variable_that_the_source_does_not_have(self):
        net = layered(code="direct")
        net.wrong = spaic.Connection(net.hidden, net.out, pre_var_name="v")
        with pytest.raises(spaic.GraphError, match="wrong: 'hidden' has no variable 'v'; did you mean 'V'"):
            net.run(20.0)
        del net.wrong
        assert_usable(net)

    def test_a_port_that_the_target_does_not_have(self):
        net = layered(code="direct")
        net.wrong = spaic.Connection(net.hidden, net.out, post_var_name="inptu")
        with pytest.raises(spaic.UnknownName, match="wrong: 'out' .lif. has no port 'inptu'; did you mean 'input'"):
            net.run(20.0)
        del net.wrong
        assert_usable(net)

    def test_a_variable_that_a_decoder_reads(self):
        net = layered(code="direct")
        net.wrong = spaic.Decoder(dec_target=net.out, coding_var_name="Vm")
        with pytest.raises(spaic.GraphError, match="wrong: 'out' has no variable 'Vm'; did you mean 'V'"):
            net.run(20.0)
        del net.wrong
        assert_usable(net)


class TestParameters:
    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"tau_m": 0.0}, r"NeuronGroup\(lif\).tau_m: 0.0 ms is outside \(0, inf\); give a value inside"),
            ({"tau_m": -1.0}, r"tau_m: -1.0 ms is outside \(0, inf\)"),
            ({"tau_m": "-5 ms"}, r"tau_m: -5.0 ms is outside \(0, inf\)"),
            ({"tau_m": np.array([1.0, -2.0])}, r"tau_m: -2.0 ms is outside"),
            ({"tau_m": float("nan")}, "tau_m: nan is not finite; give finite values"),
            ({"V_th": float("inf")}, "V_th: inf is not finite"),
            ({"tau_m": torch.tensor([1.0, torch.nan])}, "tau_m: nan is not finite"),
            ({"tau_m": "10 mV"}, "tau_m: .*mV"),
            ({"tau_m": "ten ms"}, "tau_m: .*'?ten ms'?"),
            ({"tau_m": object()}, "tau_m: expected a number, an array or an initializer, got <object"),
            ({"tau_m": [1.0, [2.0]]}, "tau_m: expected a number"),
            ({"t_ref": -1.0}, r"t_ref: -1.0 ms is outside \[0, inf\)"),
            ({"initial": {"V": float("nan")}}, "V: nan is not finite"),
            ({"substeps": 0}, "substeps 0 is not a positive whole number"),
        ],
    )
    def test_out_of_range(self, given, said):
        with pytest.raises(spaic.DeclarationError, match=said):
            lif(**given)

    def test_drawn_out_of_range(self):
        net = layered(code="direct")
        net.wrong = lif(50, tau_m=spaic.normal(1.0, 5.0))
        with pytest.raises(spaic.DeclarationError, match=r"wrong.tau_m: -[0-9.]+ ms is outside \(0, inf\)"):
            net.run(20.0)
        del net.wrong
        assert_usable(net)

    @pytest.mark.parametrize("given", [{"tau_m": np.ones(3)}, {"initial": {"V": np.zeros((2, 1))}}])
    def test_of_another_shape(self, given):
        net = layered(code="direct")
        net.wrong = lif(2, **given)
        with pytest.raises(spaic.GraphError, match=r"wrong.(tau_m|V): the values have shape \((3,|2, 1)\), needed a number or shape"):
            net.run(20.0)
        del net.wrong
        assert_usable(net)

    def test_of_synapses_links_and_codes(self):
        a = lif()
        for made, said in [
            (lambda: spaic.Connection(a, a, weight=np.array([[1.0, np.nan]])), "weight: nan is not finite"),
            (lambda: spaic.Connection(a, a, delay=float("inf")), "delay: inf is not finite"),
            (lambda: spaic.Connection(a, a, link_type="sparse", density=0.0), r"density: 0.0 is outside \(0, 1\]"),
            (lambda: spaic.Connection(a, a, delay=1.0, max_delay=2.0), "both delay and max_delay are given; give one"),
            (lambda: spaic.Connection(a, a, min_delay=3.0, max_delay=2.0), "delays between 3.0 and 2.0 ms make no sense"),
            (lambda: spaic.Connection(a, a, link_type="pool", mode="median"), "unknown mode 'median'; use 'avg' or 'max'"),
            (lambda: spaic.Encoder(num=2, coding_method="latency", max_scale=0.0), "latency.max_scale: .*0.0"),
            (lambda: spaic.Encoder(num=2, coding_method="bernoulli", max_prob=1.5), "bernoulli.max_prob: .*1.5"),
            (lambda: spaic.Encoder(num=2, coding_method="phase", phases=0), "phase.phases: .*0"),
            (lambda: spaic.Decoder(dec_target=a, pop_size=0), "spike_counts.pop_size: .*0"),
            (lambda: spaic.Adam(lr=-1.0), "Adam: lr is -1.0; give a finite learning rate above 0"),
        ]:
            with pytest.raises(spaic.DeclarationError, match=said):
                made()

    def test_a_synapse_parameter_out_of_range(self):
        with pytest.raises(spaic.SpaicError, match=r"tau: -1.0 ms is outside \(0, inf\)"):
            net = spaic.Network()
            net.a = lif()
            net.wire = spaic.Connection(net.a, net.a, syn_type="first_order", syn_kwargs={"tau": -1.0})
            net.build()

    def test_that_training_moved_out_of_range(self):
        net = layered(code="direct")
        net.wrong = lif(3, trainable="tau_m")
        net.build()
        with torch.no_grad():
            dict(net.named_parameters())["wrong.tau_m"].fill_(-5.0)
        with pytest.raises(spaic.SpaicError, match=r"wrong.tau_m: -5.0 ms is outside \(0, inf\)"):
            net.run(20.0)
        del net.wrong
        assert_usable(net)

    @pytest.mark.parametrize("seed", [1.5, "one", None, True])
    def test_a_seed_that_is_no_whole_number(self, seed):
        with pytest.raises(spaic.DeclarationError, match="a seed is a whole number, got"):
            spaic.Network().set_random_seed(seed)
        with pytest.raises(spaic.DeclarationError, match="a seed is a whole number, got"):
            spaic.Network(seed=seed)


class TestSizes:
    @pytest.mark.parametrize("num", [0, -3, 2.5, "3", True, float("nan")])
    def test_of_a_group(self, num):
        for made in (lambda: lif(num), lambda: spaic.Encoder(num=num, coding_method="direct"), lambda: lif(None, shape=(2, num))):
            with pytest.raises(spaic.DeclarationError, match=f"(num|shape): {num!r} is not a positive whole number; give one"):
                made()

    @pytest.mark.parametrize("shape", [2.5, (), 0])
    def test_of_a_shape(self, shape):
        with pytest.raises(spaic.DeclarationError, match="shape"):
            lif(None, shape=shape)

    def test_that_contradict_each_other(self):
        with pytest.raises(spaic.DeclarationError, match=r"shape \(2, 3\) has 6 elements, num is 7; make them equal or give only one"):
            lif(7, shape=(2, 3))
        with pytest.raises(spaic.DeclarationError, match="num is 3, the target has 2 neurons"):
            spaic.Decoder(3, lif(2))
        with pytest.raises(spaic.DeclarationError, match="the size is given twice, 3 and 4"):
            spaic.Encoder(3, 4, coding_method="direct")
        with pytest.raises(spaic.DeclarationError, match="the shape is given twice"):
            spaic.Encoder((3,), shape=(4,), coding_method="direct")

    def test_that_are_missing(self):
        with pytest.raises(spaic.DeclarationError, match=r"NeuronGroup\(lif\): neither num nor shape is given"):
            lif(None)
        with pytest.raises(spaic.DeclarationError, match="cannot tell a size from <object"):
            spaic.Encoder(object(), coding_method="direct")

    def test_weights_of_another_shape_all_at_once(self):
        net = layered(code="direct")
        net.one = spaic.Connection(net.hidden, net.out, weight=np.ones((5, 3)))
        net.two = spaic.Connection(net.hidden, net.out, link_type="one_to_one")
        net.three = spaic.Connection(net.hidden, net.out, bias=np.ones(5))
        with pytest.raises(spaic.GraphError) as caught:
            net.run(20.0)
        assert "one.weight: the values have shape (5, 3), needed (3, 5); transpose them, rows are postsynaptic" in str(caught.value)
        assert "two: it delivers 5 values (shape (5,)), 'out' has 3 neurons (shape (3,)); make them equal" in str(caught.value)
        assert "three.bias: the values have shape (5,), needed (3,)" in str(caught.value)
        del net.one, net.two, net.three
        assert_usable(net)

    def test_delays_of_another_shape(self):
        net = layered(code="direct")
        net.wrong = spaic.Connection(net.hidden, net.out, delay=np.zeros((5, 3)))
        with pytest.raises(spaic.GraphError, match=r"wrong.delay: the delays have shape \(5, 3\), needed \(3, 5\)"):
            net.run(20.0)
        del net.wrong
        assert_usable(net)

    def test_populations_that_do_not_divide_the_neurons(self):
        net = layered(code="direct")
        net.wrong = spaic.Decoder(dec_target=net.out, pop_size=2)
        with pytest.raises(spaic.SpaicError, match="wrong.*: 3 neurons cannot be split into populations of 2; choose a pop_size"):
            net.build()
        del net.wrong
        assert_usable(net)

    def test_an_image_link_between_vectors(self):
        net = layered(code="direct")
        net.wrong = spaic.Connection(net.hidden, net.out, link_type="conv")
        with pytest.raises(spaic.GraphError, match=r"wrong: the source has shape \(5,\), an image .channels, height, width. is needed"):
            net.run(20.0)
        del net.wrong
        assert_usable(net)


class TestStructure:
    def test_all_dangling_connections_at_once(self):
        net = layered(code="direct")
        lost = lif(3)
        net.one = spaic.Connection(lost, net.out)
        net.two = spaic.Connection(net.hidden, spaic.NeuronGroup(2, model="lif", name="gone"))
        net.three = spaic.Decoder(dec_target=lost)
        with pytest.raises(spaic.GraphError) as caught:
            net.run(20.0)
        text = str(caught.value)
        assert "3 problems" in text and "add it, or remove the connection" in text
        assert "one: its pre" in text and "two: its post 'gone' is not in the network" in text and "three: its target" in text
        del net.one, net.two, net.three
        assert_usable(net)

    def test_a_group_that_something_else_was_assigned_over(self):
        net = layered(code="direct")
        hidden = net.hidden
        net.hidden = spaic.NeuronGroup(3, model="lif")
        with pytest.raises(spaic.GraphError, match="link1: its post 'hidden' is not in the network(.|\n)*link2: its pre 'hidden'"):
            net.run(20.0)
        net.hidden = hidden
        assert_usable(net)

    def test_connections_to_what_cannot_send_or_receive(self):
        net = layered(code="direct")
        net.one = spaic.Connection(net.hidden, net.input)
        net.two = spaic.Connection(net.output, net.hidden)
        net.three = spaic.Connection(net.link1, net.hidden)
        with pytest.raises(spaic.GraphError) as caught:
            net.run(20.0)
        text = str(caught.value)
        assert "one: its post 'input' is an encoder, which receives nothing" in text
        assert "two: its pre 'output' is a decoder, which sends nothing" in text and "three: its pre 'link1' is a connection" in text
        del net.one, net.two, net.three
        assert_usable(net)

    @pytest.mark.parametrize("wrong", [None, "layer1", 3])
    def test_ends_that_are_no_elements(self, wrong):
        with pytest.raises(spaic.DeclarationError, match=f"Connection: post is {wrong!r}, not a part of a network"):
            spaic.Connection(lif(), wrong)
        with pytest.raises(spaic.DeclarationError, match=f"Decoder: the target is {wrong!r}; give the group"):
            spaic.Decoder(dec_target=wrong)

    def test_an_assembly_inside_itself(self):
        outer, inner = spaic.Assembly(name="outer"), spaic.Assembly()
        outer.inner = inner
        for place, name in ((outer, "me"), (inner, "above")):
            with pytest.raises(spaic.NetworkError, match=f"'{name}' would put the assembly inside itself"):
                setattr(place, name, outer)
        assert list(outer._members) == ["inner"] and not inner._members

    def test_a_network_inside_itself(self):
        net = layered(code="direct")
        with pytest.raises(spaic.NetworkError, match="'again' would put the assembly inside itself"):
            net.again = net
        assert_usable(net)

    def test_a_loop_without_delay(self):
        net = layered(code="direct")
        net.back = spaic.Connection(net.out, net.hidden, delay=0.0)
        net.link2.delay = 0.0
        with pytest.raises(spaic.GraphError, match="the loop .* has no delay; give one of its connections a delay") as caught:
            net.build()
        assert "hidden -> " in str(caught.value) and "out -> " in str(caught.value)
        net.link2.delay = None
        net.run(20.0)

    def test_a_loop_to_itself_without_delay(self):
        net = spaic.Network()
        net.a = lif()
        net.loop = spaic.Connection(net.a, net.a, delay=0.0)
        with pytest.raises(spaic.GraphError, match="a: the loop a -> a has no delay"):
            net.run(1.0)

    @pytest.mark.parametrize(
        ("delay", "said"),
        [(-1.0, "wrong.delay: .*-1"), (0.25, "wrong.delay: 0.25 ms is not a whole number of steps of 1 ms"),
         (np.full((3, 5), -2.0), "wrong.delay: -2 ms is negative"),
         (np.full((3, 5), 0.5), "wrong.delay: 0.5 ms is not a whole number of steps")],
    )  # fmt: skip
    def test_delays_off_the_grid(self, delay, said):
        net = layered(code="direct")
        net.wrong = spaic.Connection(net.hidden, net.out, delay=delay)
        with pytest.raises(spaic.GraphError, match=said):
            net.run(20.0)
        del net.wrong
        assert_usable(net)

    @pytest.mark.parametrize("backend", ["torch", "reference"])
    @pytest.mark.parametrize("method", ["exact", "impulse"])
    def test_a_method_that_cannot_integrate_is_refused_by_the_build(self, backend, method):
        net = layered(code="direct")
        model = spaic.NeuronModel(equations="dV/dt = V**2 / tau + I", parameters={"tau": 10.0}, inputs=("I",), method=method)
        net.wrong = spaic.NeuronGroup(2, model=model)
        net.set_backend(backend, dt=1.0)
        with pytest.raises(spaic.UnsupportedError, match=f"equation of V: it is not linear.*so '{method}' cannot integrate it; use '"):
            net.build()
        del net.wrong
        net.build()

    def test_a_refractory_period_off_the_grid(self):
        net = layered(code="direct")
        net.wrong = lif(t_ref=0.3)
        with pytest.raises(spaic.GraphError, match="wrong.t_ref: 0.3 ms is not a whole number of steps of 1 ms"):
            net.run(20.0)
        del net.wrong
        assert_usable(net)


class TestInput:
    @pytest.mark.parametrize(
        ("shape", "missing"),
        [
            ((4,), "add the batch and steps dimensions"),
            ((2, 5), "add the steps dimension"),
            ((2, 5, 10), "reshape it"),
            ((10, 5), "add the"),
        ],
    )
    def test_every_step_is_asked_for_where_nothing_is_encoded(self, shape, missing):
        node = spaic.Network()
        node.i = spaic.Encoder(num=5, coding_method="null")
        with pytest.raises(spaic.InputError, match=rf"i: the input has shape .*, expected \[batch, steps, 5\]; {missing}"):
            node.i(np.zeros(shape))

    @pytest.mark.filterwarnings("error")
    @pytest.mark.parametrize("code", ["direct", "null"])
    def test_arrays_of_any_memory(self, code, tmp_path):
        values = np.random.default_rng(0).random((2, 10, 7), dtype=np.float32).round()
        np.save(tmp_path / "values.npy", values)
        mapped = np.load(tmp_path / "values.npy", mmap_mode="r")
        frozen = values.copy()
        frozen.flags.writeable = False
        backwards = np.ascontiguousarray(values[:, ::-1])[:, ::-1]
        for given in (
            backwards,
            values.astype(">f4"),
            values.astype(np.longdouble),
            mapped,
            frozen,
            np.broadcast_to(values[:1], values.shape),
        ):
            expected = np.broadcast_to(values[:1], values.shape) if given.strides[0] == 0 else values
            net = spaic.Network()
            net.i = spaic.Encoder(shape=(7,) if code == "null" else (10, 7), coding_method=code)
            net.cells = spaic.NeuronGroup(net.i.num, model="null")
            net.wire = spaic.Connection(net.i, net.cells, link_type="one_to_one", weight=1.0)
            net.seen = spaic.StateMonitor(net.i, "O")
            net.i(given)
            net.set_backend("torch", dt=1.0)
            net.run(10.0)
            seen = np.asarray(net.seen.values)
            assert np.array_equal(seen.swapaxes(1, 2) if code == "null" else seen[..., 0].reshape(values.shape), expected)

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (np.zeros((4, 7)), r"input: the input has shape \(4, 7\), expected \[batch, 6\]; reshape it or change the encoder"),
            (np.zeros(6), r"input: the input has shape \(6,\), expected \[batch, 6\]; add the batch dimension"),
            (np.zeros((4, 2, 3)), r"input: the input has shape \(4, 2, 3\), expected \[batch, 6\]"),
            (np.zeros((4, 1, 6)), r"input: the input has shape \(4, 1, 6\), expected \[batch, 6\]"),
            (np.zeros((0, 6)), "input: the batch is empty; give at least one sample"),
            (3.0, r"input: the input has shape \(\), expected"),
            (None, "input: the input has type object; give numbers"),
            (np.array([["a"] * 6]), "input: the input has type <U1; give numbers"),
            (np.zeros((4, 6), dtype=complex), "input: the input has type complex128; give "),
            (torch.zeros(4, 6, dtype=torch.complex64), "input: the input has type torch.complex64; give real numbers"),
            ([[1.0] * 6, [1.0] * 5], "input: the samples have different lengths; give samples of one shape"),
            (np.full((4, 6), np.nan), "input: the input holds nan; clean the data"),
            (np.where(np.eye(4, 6) > 0, np.inf, 0.0), "input: the input holds inf"),
            (torch.full((4, 6), -torch.inf), "input: the input holds -inf"),
        ],
    )  # fmt: skip
    def test_wrong_width_rank_type_or_value(self, data, said):
        net = layered(code="direct")
        net.run(5.0)
        with pytest.raises(spaic.InputError, match=said):
            net.input(data)
        net.run(20.0)
        assert torch.equal(net.output.predict, reference())
        assert_usable(net)

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("others", [0.0, 0.25])
    def test_values_over_time_that_are_no_numbers(self, value, others):
        net = layered(code="null")
        data = np.full((4, 20, 6), others)
        data[2, 19, 5] = value
        net.input(data)
        with pytest.raises(spaic.InputError, match=f"input: null needs finite values, got values from .*{value}"):
            net.run(20.0)
        with pytest.raises(spaic.InputError, match="input: the input has type torch.complex64; give real numbers"):
            net.input(torch.zeros(4, 20, 6, dtype=torch.complex64))

    @pytest.mark.parametrize(
        ("code", "value"), [("poisson", -0.5), ("bernoulli", 1.5), ("latency", 1.5), ("latency", -0.5), ("phase", 2.5)]
    )
    def test_values_that_a_code_cannot_take(self, code, value):
        net = layered(code=code)
        net.input(np.full((4, 6), value))
        with pytest.raises(spaic.InputError, match=f"input: .*{value}"):
            net.run(20.0)
        net.input(SAMPLES)
        net.run(20.0)

    def test_another_number_of_steps_than_the_run(self):
        net = layered(code="null")
        net.input(np.zeros((4, 10, 6)))
        with pytest.raises(spaic.InputError, match=r"input: the data has 10 steps \(shape \(4, 10, 6\)\) and the run has 20; run for 10"):
            net.run(20.0)
        net.run(10.0)

    def test_no_input(self):
        net = layered(code="direct")
        net.more = spaic.Encoder(num=5, coding_method="direct")
        net.wire = spaic.Connection(net.more, net.hidden, weight=np.zeros((5, 5)))
        with pytest.raises(spaic.StateError, match=r"more: there is no input; call net.more\(data\) before net.run\(T\)"):
            net.run(20.0)
        net.more(np.zeros((4, 5)))
        assert_usable(net)

    def test_two_inputs_with_different_batches(self):
        net = layered(code="direct")
        net.more = spaic.Encoder(num=5, coding_method="direct")
        net.wire = spaic.Connection(net.more, net.hidden, weight=np.zeros((5, 5)))
        net.more(np.zeros((3, 5)))
        with pytest.raises(spaic.InputError, match="numbers of samples, .*'input': 4, 'more': 3.*; give all of them the same batch"):
            net.run(20.0)
        net.more(np.zeros((4, 5)))
        assert_usable(net)

    def test_another_batch_in_the_middle_of_a_run(self):
        net = layered(code="direct")
        net.run(5.0)
        net.input(SAMPLES[:2])
        with pytest.raises(spaic.InputError, match="net.run_continue: the new input has 2 samples, the run to go on with 4; keep"):
            net.run_continue(5.0)
        assert_usable(net)

    def test_an_error_before_the_run_changes_no_random_numbers(self):
        """Nothing is left over from an exception: the next run is the one that would have come anyway."""
        net, other = layered(), layered()
        net.input(np.full((4, 6), -1.0))
        with pytest.raises(spaic.InputError):
            net.run(20.0)
        net.input(SAMPLES)
        for one in (net, other):
            one.run(20.0)
        assert torch.equal(net.output.predict, other.output.predict)

    @pytest.mark.parametrize(
        ("value", "said"),
        [(np.nan, "source: the input holds nan"), (np.ones(3), r"source: a value of shape \(3,\) does not fit"), ("high", "source: ")],
    )
    def test_values_of_generators(self, value, said):
        with spaic.Network() as net:
            cells = lif(2)
            source = spaic.Generator(dec_target=cells, coding_method="constant_current")
        with pytest.raises(spaic.InputError, match=said):
            source(value)
            net.run(1.0)
        source(2.0)
        net.run(1.0)

    def test_a_prediction_before_the_first_run(self):
        net = layered(code="direct")
        with pytest.raises(spaic.StateError, match=r"output: there is no prediction yet; call net.run\(T\) first"):
            net.output.predict
        assert_usable(net)


#: dV/dt = V * V blows up in finite time: with euler, dt 1 ms and V(0) = 1 it leaves float32 after a few steps.
BLOW_UP = spaic.NeuronModel(name="blow_up", equations="dV/dt = V * V", initial={"V": 1.0}, method="euler")


class TestInfinityInside:
    def first_step(self, dtype, value=1.0):
        step, value = 0, np.array(value, dtype)
        with np.errstate(over="ignore"):
            while np.isfinite(value := value + value * value):
                step += 1
        return step

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("learns", [False, True])
    def test_group_variable_and_step_are_named(self, dtype, learns):
        net = layered(dtype, code="direct", learns=learns)
        net.part = spaic.Assembly()
        net.part.cells = spaic.NeuronGroup(2, model=BLOW_UP)
        step = self.first_step(dtype)
        said = rf"part.cells: V became NaN or infinite at step {step} \(t = {step + 1} ms\); use a smaller dt"
        with pytest.raises(spaic.NumericalError, match=said):
            net.run(20.0)
        net.part.cells.initial["V"] = 0.0
        net.build()
        net.run(20.0)

    def test_it_is_found_after_run_continue(self):
        net = layered("float64", code="direct")
        net.cells = spaic.NeuronGroup(2, model=BLOW_UP)
        step = self.first_step("float64")
        net.run(step - 2.0)
        net.run_continue(1.0)
        with pytest.raises(spaic.NumericalError, match=rf"cells: V became NaN or infinite at step {step} \("):
            net.run_continue(10.0)

    def test_the_rest_of_the_network_is_usable_afterwards(self):
        net = layered(code="direct")
        net.cells = spaic.NeuronGroup(2, model=BLOW_UP)
        with pytest.raises(spaic.NumericalError):
            net.run(20.0)
        del net.cells
        assert_usable(net)

    def test_a_weight_that_became_nan(self):
        net = layered(code="direct")
        net.run(5.0)
        good = net.state_dict()["link2.weight"].clone()
        with torch.no_grad():
            net.state_dict()["link2.weight"][1, 2] = torch.nan
        with pytest.raises(spaic.NumericalError, match=r"link2: current became NaN or infinite at step \d+ "):
            net.run(20.0)
        with torch.no_grad():
            net.state_dict()["link2.weight"].copy_(good)
        assert_usable(net)

    def test_in_a_loop(self):
        net = spaic.Network()
        model = spaic.NeuronModel(name="loop", equations="dV/dt = 0 * V", receive="V += w", initial={"V": 1.0})
        net.cells = spaic.NeuronGroup(2, model=model)
        net.loop = spaic.Connection(net.cells, net.cells, pre_var_name="V", weight=1e10 * np.eye(2))
        net.set_backend_dt(1.0)
        # step 0 delivers the initial value: V = 1 + 1e10, then a factor 1e10 per step: over 3.4e38 in step 3
        with pytest.raises(spaic.NumericalError, match=r"cells: V became NaN or infinite at step 3 "):
            net.run(20.0)

    def test_an_infinity_that_the_reset_wipes_out(self):
        """V is infinite at the spike test and V_reset after it."""
        with spaic.Network() as net:
            source = spaic.Encoder(num=1, coding_method="direct")
            cells = lif(1, V_reset=-1.0)
            wire = spaic.Connection(source, cells, weight=1e30, link_type="one_to_one")
        assert wire.parent is net
        net.source(np.full((1, 1), 1e30))
        with pytest.raises(spaic.NumericalError, match="wire: current became NaN or infinite at step 0"):
            net.run(1.0)

    def test_a_neuron_without_states(self):
        with spaic.Network() as net:
            source = spaic.Encoder(num=1, coding_method="direct")
            cells = spaic.NeuronGroup(1, model=spaic.NeuronModel("u = log(I)", name="logarithm"))
            wire = spaic.Connection(source, cells, link_type="one_to_one")
            output = spaic.Decoder(dec_target=cells, coding_method="final_voltage", coding_var_name="u")
        assert wire.parent is output.parent is net
        net.source(np.zeros((1, 1)))
        with pytest.raises(spaic.NumericalError, match="cells: u"):
            net.run(1.0)

    def test_in_a_synapse(self):
        with spaic.Network() as net:
            source = spaic.Encoder(num=1, coding_method="direct")
            cells = lif(1)
            wire = spaic.Connection(source, cells, weight=1e38, link_type="one_to_one", syn_type="first_order")
        net.set_backend_dt(1.0)
        net.source(np.ones((1, 1)))
        assert wire.parent is net
        with pytest.raises(spaic.NumericalError, match="(wire: I_syn|cells: V|cells: V_before_reset) became NaN or infinite at step 4 "):
            net.run(20.0)


class TestDuration:
    @pytest.mark.parametrize(
        ("duration", "said"),
        [
            (1.25, "1.25 ms is not a whole number of steps of 1 ms; the nearest are 1 ms and 2 ms"),
            (-1.0, "a duration must be finite and not negative, got -1.0"),
            (0.0, "0 ms is shorter than 1 step"),
            (0.5, "0.5 ms is not a whole number of steps"),
            (float("nan"), "a duration must be finite and not negative, got nan"),
            (float("inf"), "a duration must be finite and not negative, got inf"),
            ("long", "cannot read 'long' as a quantity; write for example '20 ms'"),
            (True, "expected a number of ms, got True"),
            ([1.0], "expected a number of ms"),
        ],
    )
    def test_of_runs(self, duration, said):
        net = layered(code="direct")
        with pytest.raises(spaic.DeclarationError, match=f"net.run: {said}"):
            net.run(duration)
        assert_usable(net)
        with pytest.raises(spaic.DeclarationError, match=f"net.run_continue: {said}"):
            net.run_continue(duration)
        assert_usable(net)

    def test_that_is_not_given(self):
        net = layered(code="direct")
        with pytest.raises(spaic.DeclarationError, match=r"net.run: no duration is given; call net.run\(T\) with T in ms, or net.set"):
            net.run()
        assert_usable(net)

    def test_that_is_given_twice(self):
        net = layered(code="direct")
        with pytest.raises(spaic.DeclarationError, match="twice"):
            net.run(5.0, backend_time=7.0)

    @pytest.mark.parametrize("runtime", [-3.0, 0.0, float("nan"), "long"])
    def test_of_set_runtime_where_it_is_set(self, runtime):
        with pytest.raises(spaic.DeclarationError, match="runtime"):
            layered().set_runtime(runtime)

    @pytest.mark.parametrize("dt", [0.0, -0.1, float("nan"), float("inf"), "fast", True])
    def test_dt(self, dt):
        net = layered(code="direct")
        for call in (lambda: net.set_backend_dt(dt), lambda: net.set_backend("torch", dt=dt), lambda: spaic.Torch_Backend(dt=dt)):
            with pytest.raises(spaic.DeclarationError, match="dt: "):
                call()
        assert net.dt == 1.0
        assert_usable(net)


class TestNothingIsSilentlyIgnored:
    @pytest.mark.parametrize(
        "made",
        [
            lambda: spaic.NeuronGroup(2, model="lif", neuron_model="clif"),
            lambda: spaic.Encoder(num=2, coding_method="direct", encoding="latency"),
            lambda: spaic.Decoder(dec_target=lif(), coding_method="spike_counts", decoding="first_spike"),
            lambda: spaic.Decoder(dec_target=lif(), target=lif(3)),
            lambda: spaic.Connection(lif(), lif(), min_delay=3.0),
            lambda: lif(tau_m=10.0, TAU_M=20.0),
            lambda: spaic.STCA(0.5, 0.7),
            lambda: spaic.STCA(0.5, alpha=0.7),
        ],
        ids=["model", "coding", "decoding", "target", "min_delay", "tau_m", "alpha twice", "alpha by name"],
    )
    def test_two_spellings_that_contradict_each_other(self, made):
        with pytest.raises(spaic.DeclarationError):
            made()

    @pytest.mark.parametrize("backend", [42, object(), spaic.Torch_Backend])
    def test_a_backend_that_is_none(self, backend):
        net = layered(code="direct")
        with pytest.raises(spaic.DeclarationError, match="backend"):
            net.set_backend(backend)
        assert_usable(net)

    def test_a_generator_value_is_not_broadcast_over_neurons_by_accident(self):
        """[batch, 1] is one value per sample, which nobody documents."""
        with spaic.Network() as net:
            cells = lif(2)
            source = spaic.Generator(dec_target=cells, coding_method="constant_current")
            image = spaic.Encoder(num=2, coding_method="direct")
            wire = spaic.Connection(image, cells)
        assert wire.parent is net
        image(np.zeros((3, 2)))
        source(np.ones((3, 1)))
        with pytest.raises(spaic.InputError, match="source: "):
            net.run(1.0)


class TestDataFiles:
    @pytest.mark.parametrize("kind", [spaic.MNIST, spaic.FashionMNIST])
    def test_that_are_missing(self, kind, tmp_path):
        here = os.getcwd()
        with pytest.raises(spaic.DataError) as caught:
            kind(root=tmp_path / "nothing", download=False)
        assert str(tmp_path / "nothing") in str(caught.value) and "idx3-ubyte" in str(caught.value)
        assert os.getcwd() == here and not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("backend", ["torch", "event", "reference"])
def test_a_backend_refuses_keywords_that_it_does_not_know(backend):
    with pytest.raises(spaic.DeclarationError, match=f"net.set_backend\\('{backend}'\\): unknown keyword 'devise'; did you mean 'device'"):
        spaic.Network().set_backend(backend, devise="cpu")
