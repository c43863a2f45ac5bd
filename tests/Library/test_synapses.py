"""Synapses against an integration by SciPy, which knows nothing of steps."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import spaic
from spaic.registry import synapses

DT, STEPS = 0.5, 60
#: Step in which a spike arrives -> its weight.
ARRIVING = {3: 0.7, 4: 0.7, 17: 0.7, 40: 0.7}


def network(synapse, backend="reference", dt=DT, arriving=ARRIVING, steps=STEPS, model="lif", neuron=None, **values):
    net = spaic.Network()
    net.input = spaic.Encoder(shape=(1,), coding_method="null")
    net.cell = spaic.NeuronGroup(1, model=model, **(neuron or {"tau_m": 10.0, "V_th": 1e6}))
    net.wire = spaic.Connection(
        net.input, net.cell, syn_type=synapse, syn_kwargs=values, weight=np.full((1, 1), 0.7), delay=0.0, post_var_name="I"
    )
    net.current, net.V = spaic.StateMonitor(net.wire, "current"), spaic.StateMonitor(net.cell, "V")
    net.set_backend(backend, dt=dt, **({} if backend == "reference" else {"dtype": "float64", "kernels": "plain"}))
    spikes = np.zeros((1, steps, 1), np.uint8)
    spikes[0, list(arriving)] = 1
    net.input(spikes)
    return net


def integrated(slope, jump, start, dt=DT, arriving=ARRIVING, steps=STEPS):
    """The states at the end of every step, by SciPy between the spikes."""
    found, y = [], np.array(start, float)
    for n in range(steps):
        y = solve_ivp(slope, (0, dt), y, rtol=1e-12, atol=1e-14).y[:, -1]
        y = jump(y, arriving.get(n, 0.0))
        found.append(y)
    return np.array(found).T


def peaked(rise, decay):
    """The peak after a unit jump of the rising variable, found on a fine grid and refined: independent of any closed form."""
    solved = solve_ivp(lambda t, y: [-y[0] / rise, y[0] / rise - y[1] / decay], (0, 8 * max(rise, decay)), [1, 0], rtol=1e-12, atol=1e-14,
                       events=lambda t, y: y[0] / rise - y[1] / decay, dense_output=True)  # fmt: skip
    return float(solved.sol(next(t for t in solved.t_events[0] if t > 0))[1])


CURRENTS = {
    "first_order": (dict(tau=3.0), lambda t, y: [-y[0] / 3], lambda y, w: y + w, [0], lambda y: y[0]),
    "second_order": (dict(tau_r=9.0, tau_d=2.0), lambda t, y: [-y[0] / 9, -y[1] / 2], lambda y, w: y + w, [0, 0], lambda y: y[0] - y[1]),
    "alpha": (
        dict(tau=4.0), lambda t, y: [-y[0] / 4, (y[0] - y[1]) / 4], lambda y, w: y + [np.e * w, 0], [0, 0], lambda y: y[1],
    ),
    "double_exponential": (
        dict(tau_rise=1.5, tau_decay=6.0), lambda t, y: [-y[0] / 1.5, y[0] / 1.5 - y[1] / 6],
        lambda y, w: y + [w / peaked(1.5, 6.0) if w else 0, 0], [0, 0], lambda y: y[1],
    ),
}  # fmt: skip


@pytest.mark.parametrize("backend", ["reference", "torch"])
@pytest.mark.parametrize("name", CURRENTS)
def test_currents_follow_scipy(name, backend):
    values, slope, jump, start, output = CURRENTS[name]
    net = network(name, backend, **values)
    net.run(DT * STEPS)
    expected = output(integrated(slope, jump, start))
    assert expected.max() > 0.3
    assert np.abs(net.current.values[0, 0] - expected).max() < 1e-10


@pytest.mark.parametrize(
    "name, values, peak", [("alpha", {"tau": 4.0}, 4.0), ("double_exponential", {"tau_rise": 4.0, "tau_decay": 4.0}, 4.0)]
)
def test_the_peak_is_the_weight(name, values, peak):
    """Also where both time constants are equal, which a closed form would divide by zero."""
    net = network(name, dt=0.25, arriving={0: 0.7}, steps=80, **values)
    net.run(20.0)
    current = net.current.values[0, 0]
    assert current[0] == 0 and np.argmax(current) == peak / 0.25
    assert abs(current.max() - 0.7) < 1e-12


BLOCK = lambda v: 1 / (1 + 1.3 / 3.57 * np.exp(-0.062 * v))  # noqa: E731
VOLTAGE = {
    "conductance": (dict(tau=3.0, E_rev=2.0), lambda t, y: [-y[0] / 3, 0], lambda y, w: y + [w, 0], lambda y, v: y[0] * (2.0 - v)),
    "nmda": (
        dict(tau_rise=1.5, tau_decay=6.0, E_rev=30.0, Mg=1.3), lambda t, y: [y[1] / 1.5 - y[0] / 6, -y[1] / 1.5],
        lambda y, w: y + [0, w / peaked(1.5, 6.0) if w else 0], lambda y, v: y[0] * BLOCK(v) * (30.0 - v),
    ),
}  # fmt: skip


@pytest.mark.parametrize("backend", ["reference", "torch"])
@pytest.mark.parametrize("name", VOLTAGE)
def test_conductances_follow_scipy(name, backend):
    """Conductance and current exactly; the potential integrates the current that begins with the step."""
    values, slope, jump, current = VOLTAGE[name]
    net = network(name, backend, **values)
    net.g = spaic.StateMonitor(net.wire, "g")
    net.run(DT * STEPS)
    y = integrated(slope, jump, [0, 0])
    assert np.abs(net.g.values[0, 0] - y[0]).max() < 1e-10
    potential, v = [], 0.0
    for n in range(STEPS):
        i = current(y[:, n], v)
        assert abs(net.current.values[0, 0, n] - i) < 1e-10 * max(1, abs(i))
        v = solve_ivp(lambda t, x, i=i: [(i - x[0]) / 10], (0, DT), [v], rtol=1e-12, atol=1e-14).y[0, -1]
        potential.append(v)
    assert max(potential) > 0.3
    assert np.abs(net.V.values[0, 0] - potential).max() < 1e-10


def test_a_conductance_is_of_order_one():
    """The potential it reads is that of the start of the step."""

    def slope(t, y):
        return [-y[0] / 3, (y[0] * (2 - y[1]) - y[1]) / 10]

    truth = solve_ivp(slope, (0, 8), [0.7, 0], rtol=1e-12, atol=1e-14).y[1, -1]
    errors = []
    for dt in (0.25, 0.125, 0.0625):
        net = network("conductance", dt=dt, arriving={0: 0.7}, steps=round(8 / dt) + 1, tau=3.0, E_rev=2.0)
        net.run(8 + dt)
        errors.append(abs(net.V.values[0, 0, -1] - truth))  # the spike comes at dt
    order = np.log2(errors[:-1]) - np.log2(errors[1:])
    assert np.abs(order - 1).max() < 0.15, order


def tsodyks(times, u, rec, facil):
    """What each spike releases: the published recursion in closed form between spikes."""
    found, part, left, last = [], 0.0, 1.0, None
    for t in times:
        gap = np.inf if last is None else t - last
        part = part * np.exp(-gap / facil)
        left = 1 - (1 - left) * np.exp(-gap / rec)
        part += u * (1 - part)
        found.append(part * left)
        left -= part * left
        last = t
    return np.array(found)


@pytest.mark.parametrize("backend", ["reference", "torch"])
@pytest.mark.parametrize("u, rec, facil", [(0.5, 800.0, 1.0), (0.15, 130.0, 530.0)], ids=["depressing", "facilitating"])
def test_short_term_plasticity_follows_its_recursion(backend, u, rec, facil):
    steps = [2, 5, 9, 30, 31, 59]
    net = network("tsodyks_markram", backend, arriving=dict.fromkeys(steps, 1), U=u, tau_rec=rec, tau_facil=facil)
    net.u, net.x = spaic.StateMonitor(net.wire, "u"), spaic.StateMonitor(net.wire, "x")
    net.run(DT * STEPS)
    expected = tsodyks(np.array(steps) * DT, u, rec, facil)
    current = net.current.values[0, 0]
    assert np.abs(current[steps] - 0.7 * expected).max() < 1e-12
    assert not np.delete(current, steps).any()
    assert (np.diff(expected[:3]) < 0).all() if u == 0.5 else (np.diff(expected[:3]) > 0).all()
    assert net.u.values[0, 0, 2] == pytest.approx(u) and net.x.values[0, 0, 2] == pytest.approx(1 - u)


class TestGapJunction:
    W = np.array([[0.3, 0.1, 0.0], [0.2, 0.4, 0.5]])

    def net(self, backend="reference", dt=0.5, **options):
        net = spaic.Network()
        net.a = spaic.NeuronGroup(3, model="lif", tau_m=10.0, V_th=1e6, V_rest=np.array([-65.0, -60.0, -50.0]))
        net.b = spaic.NeuronGroup(2, model="lif", tau_m=20.0, V_th=1e6, V_rest=-65.0)
        net.wire = spaic.Connection(net.a, net.b, syn_type="electrical", weight=self.W, **options)
        net.va, net.vb = spaic.StateMonitor(net.a, "V"), spaic.StateMonitor(net.b, "V")
        net.set_backend(backend, dt=dt, **({} if backend == "reference" else {"dtype": "float64", "kernels": "plain"}))
        return net

    def currents(self, a, b):
        difference = a[None, :] - b[:, None]
        return -(self.W * difference).sum(0), (self.W * difference).sum(1)

    @pytest.mark.parametrize("backend", ["reference", "torch"])
    def test_what_leaves_one_side_arrives_at_the_other(self, backend):
        net = self.net(backend)
        net.run(20.0)
        rest = np.array([-65.0, -60.0, -50.0])
        a, b = rest.copy(), np.full(2, -65.0)
        for n in range(40):
            to_a, to_b = self.currents(a, b)
            assert abs(to_a.sum() + to_b.sum()) < 1e-12
            a = rest + to_a + (a - rest - to_a) * np.exp(-0.05)
            b = -65 + to_b + (b + 65 - to_b) * np.exp(-0.025)
            assert np.abs(net.va.values[0, :, n] - a).max() < 1e-10 and np.abs(net.vb.values[0, :, n] - b).max() < 1e-10
        assert np.ptp(b) > 1

    @pytest.mark.parametrize("backend", ["reference", "torch"])
    def test_sparse_weights(self, backend):
        """The same conductances, those that exist or all with zeros."""
        found = []
        for form in ("full", "stored", "listed"):
            net = self.net(backend)
            if form != "full":
                mask = np.array([[1, 1, 0], [0, 1, 1]], bool)
                options = {"link_type": "sparse", "mask": mask, "weight": 0.2} if form == "stored" else {"weight": 0.2 * mask}
                net.wire = spaic.Connection(net.a, net.b, syn_type="electrical", **options)
            net.run(10.0)
            found.append(np.concatenate([net.va.values, net.vb.values], axis=1))
        assert np.abs(found[1] - found[2]).max() < 1e-12 and np.abs(found[0] - found[1]).max() > 0.1

    def test_order_one(self):
        def slope(t, y):
            to_a, to_b = self.currents(y[:3], y[3:])
            return [*((-(y[:3] - [-65, -60, -50]) + to_a) / 10), *((-(y[3:] + 65) + to_b) / 20)]

        truth = solve_ivp(slope, (0, 8), [-65, -60, -50, -65, -65], rtol=1e-12, atol=1e-14).y[3:, -1]
        errors = []
        for dt in (0.5, 0.25, 0.125):
            net = self.net(dt=dt)
            net.run(8.0)
            errors.append(np.abs(net.vb.values[0, :, -1] - truth).max())
        order = np.log2(errors[:-1]) - np.log2(errors[1:])
        assert np.abs(order - 1).max() < 0.15, order

    def test_the_weight_is_one_when_it_changes(self):
        """All four parts use it: a neuron whose neighbours have its potential gets nothing, whatever was learned."""
        net = spaic.Network()
        net.a = spaic.NeuronGroup(3, model="lif", V_rest=-65.0, V_th=0.0)
        net.wire = spaic.Connection(net.a, net.a, syn_type="gap_junction", w_mean=0.4)
        net.V = spaic.StateMonitor(net.a, "V")
        net.set_backend("torch", dt=0.5, dtype="float64", kernels="plain")
        net.build()
        net.wire.weight.data.add_(0.37)
        net.run(10.0)
        assert np.abs(net.V.values + 65).max() < 1e-11
        assert list(net.state_dict()) == ["wire.weight"]

    def test_learning_reaches_the_weight_from_both_sides(self):
        net = self.net("torch")
        net.output = spaic.Decoder(dec_target=net.a, coding_method="final_voltage")
        net.learner = spaic.STCA(net, alpha=1.0)
        net.run(5.0)
        net.output.predict.sum().backward()
        found = net.wire.weight.grad.numpy().copy()
        value = lambda: float(net.output.predict.detach().sum())  # noqa: E731
        for place in ((0, 0), (1, 2)):
            sides = []
            for change in (1e-5, -2e-5):
                net.wire.weight.data[place] += change
                net.run(5.0)
                sides.append(value())
            net.wire.weight.data[place] += 1e-5
            assert found[place] == pytest.approx((sides[0] - sides[1]) / 2e-5, rel=1e-6)


@pytest.mark.parametrize(
    "build, said",
    [
        (lambda n: spaic.Connection(n.input, n.cell, syn_type="electrical"), "joins two neuron groups, and 'input' is an encoder"),
        (lambda n: spaic.Connection(n.cell, n.other, syn_type="electrical", bias=True), "without bias"),
        (lambda n: spaic.Connection(n.cell, n.other, syn_type="electrical", delay=1.0), "a gap junction has no delay"),
        (lambda n: spaic.Connection(n.cell, n.two, syn_type="electrical", post_var_name="jump"), "'jump' is a receive port; use 'I'"),
        (lambda n: spaic.Connection(n.input, n.two, syn_type="conductance", post_var_name="jump"), "'jump' is a receive port; use 'I'"),
        (lambda n: spaic.Connection(n.input, n.blind, syn_type="nmda"), "reads 'V', and 'blind' .* has no such state"),
        (lambda n: spaic.Connection(n.input, n.other, syn_type="conductance", syn_kwargs={"tau": -1.0}), r"-1.0 ms is outside \(0, inf\)"),
        (lambda n: spaic.Connection(n.input, n.other, syn_type="stp", syn_kwargs={"U": 0.0}), r"0.0 is outside \(0, 1\]"),
    ],
)
def test_mistakes(build, said):
    net = spaic.Network()
    net.input = spaic.Encoder(num=2, coding_method="poisson")
    net.cell = spaic.NeuronGroup(2, model="lif")
    net.other = spaic.NeuronGroup(2, model="lif")
    net.two = spaic.NeuronGroup(2, model=spaic.NeuronModel("dV/dt = I - V", receive={"jump": "V += w"}, name="two"))
    net.blind = spaic.NeuronGroup(2, model=spaic.NeuronModel("dx/dt = I - x", name="blind"))
    with pytest.raises(spaic.SpaicError, match=said):
        net.wire = build(net)
        net.build()


@pytest.mark.parametrize(
    "options, said",
    [
        (dict(output="J"), "the output 'J' is not a state or value"),
        (dict(reads={"V_post": "V"}), "no equation reads 'V_post'"),
        (dict(equations="dg/dt = -g; I = g * v", reads={"v": "V"}, inputs=(), output="I", is_presynaptic=True), "leave one of them out"),
        (dict(equations="dg/dt = -g + xi; I = g * v", reads={"v": "V"}, inputs=(), output="I"), "has noise and reads"),
    ],
)
def test_wrong_declarations(options, said):
    given = {"equations": "dg/dt = -g", "output": "g", "receive": "g += w", "name": "own", **options}
    given["equations"] = given["equations"].replace("; ", "\n")
    with pytest.raises(spaic.SpaicError, match=said):
        spaic.SynapseModel(**given)


def test_every_synapse_is_checked_here():
    assert set(synapses) == {*CURRENTS, *VOLTAGE, "tsodyks_markram"}


@pytest.mark.parametrize("part", ["rows", "back", "columns"])
def test_parts_of_a_junction_of_listed_synapses(part):
    """Both backends, beside the dense matrix."""
    import torch

    from spaic.Backend.Reference.transforms import apply as in_numpy
    from spaic.Backend.Torch.links.transforms import apply as in_torch
    from spaic.Graph.transforms import Dense, Junction, Sparse, sparse_order

    rng = np.random.default_rng(0)
    pairs = np.argwhere(rng.random((5, 4)) < 0.5)  # (post, pre)
    starts, targets, order = sparse_order(pairs[:, 1], pairs[:, 0], 4, 5, "x")
    weight = rng.normal(size=len(pairs))
    whole = np.zeros((5, 4))
    whole[tuple(pairs.T)] = weight
    listed, dense = Sparse(4, 5, starts, targets, 0.0), Dense(4, 5, 0.0)
    x = rng.normal(size=(3, 4 if part == "columns" else 5))
    expected = x @ whole if part == "back" else -whole.sum(1 if part == "rows" else 0) * x
    for of, own in ((listed, weight[order]), (dense, whole)):
        assert np.abs(in_numpy(Junction(of, part), x, {"weight": own}) - expected).max() < 1e-13
        found = in_torch(Junction(of, part), torch.tensor(x), {"weight": torch.tensor(own)})
        assert np.abs(found.numpy() - expected).max() < 1e-13
