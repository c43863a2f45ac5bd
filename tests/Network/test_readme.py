"""The two ways of building a network in SPAIC's README, as written there, with its training loop."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812  as users write it

import spaic

_RNG = np.random.default_rng(0)
dataloader = spaic.Dataloader(spaic.CustomDataset(_RNG.random((8, 784)), np.arange(8) % 10), batch_size=4)
run_time = 20.0


class ExampleNet(spaic.Network):
    def __init__(self):
        super().__init__()
        self.input = spaic.Encoder(dataloader, encoding="latency")
        self.layer1 = spaic.NeuronGroup(100, neuron_model="clif")
        self.layer2 = spaic.NeuronGroup(10, neuron_model="clif")
        self.output = spaic.Decoder(decoding="spike_counts", target=self.layer2)
        self.connection1 = spaic.Connection(self.input, self.layer1, link_type="full")
        self.connection2 = spaic.Connection(self.layer1, self.layer2, link_type="full")
        self.monitor1 = spaic.StateMonitor(self.layer1, "V")
        self.learner1 = spaic.STCA(0.5, self)
        self.optim = spaic.Adam(lr=0.01, schedule="StepLR", maxstep=1000)


def method_1():
    return ExampleNet()


def method_2():
    Net = spaic.Network()
    with Net:
        input = spaic.Node(dataloader, encoding="latency")
        layer1 = spaic.NeuronGroup(100, neuron_model="clif")
        layer2 = spaic.NeuronGroup(10, neuron_model="clif")
        output = spaic.Node(decoding="spike_counts", target=layer2)
        connection1 = spaic.Connection(input, layer1, link_type="full")
        connection2 = spaic.Connection(layer1, layer2, link_type="full")
        monitor1 = spaic.StateMonitor(layer1, "V")
        learner1 = spaic.STCA(0.5, Net)
        optim = spaic.Adam(lr=0.01, schedule="StepLR", maxstep=1000)
    assert (connection1.path, connection2.path, output.path, monitor1.path, learner1.path) == (
        "connection1", "connection2", "output", "monitor1", "learner1",
    )  # fmt: skip
    assert Net.optim is optim
    return Net


def trained(Net):
    backend = spaic.Torch_Backend()
    assert backend.backend_name == "pytorch"
    Net.build(backend)
    losses = []
    for _ in range(2):
        for data, label in dataloader:
            Net.input(data)
            Net.output(label)
            Net.run(run_time)
            output = Net.output.predict
            output = (output - torch.mean(output).detach()) / (torch.std(output).detach() + 0.1)
            label = torch.tensor(label)
            batch_loss = F.cross_entropy(output, label)
            Net.learner.optim_zero_grad()
            batch_loss.backward(retain_graph=False)
            Net.learner.optim_step()
            losses.append(batch_loss.item())
    return losses


@pytest.fixture(scope="module")
def first():
    Net = method_1()
    before = {k: v.clone() for k, v in Net.state_dict().items()}
    losses = trained(Net)
    return Net, before, losses


def test_it_trains(first):
    Net, before, losses = first
    assert len(losses) == 2 * dataloader.batch_num == 4 and np.isfinite(losses).all()
    assert all(not torch.equal(before[k], v) for k, v in Net.state_dict().items())
    assert Net.output.predict.shape == (4, 10) and Net.output.predict.dtype == torch.float32


def test_both_ways_give_the_same_losses_and_weights(first):
    Net, _, losses = first
    other = method_2()
    assert trained(other) == losses
    assert all(torch.equal(v, Net.state_dict()[k]) for k, v in other.state_dict().items())


def test_what_is_plotted(first):
    Net, _, _ = first
    times, trace = Net.monitor1.times, Net.monitor1.values[0, 0, :]
    assert times.shape == trace.shape == (200,)
    np.testing.assert_allclose(times, np.arange(1, 201) * 0.1, rtol=1e-12)
    assert trace.any()


def test_the_schedule_counts_optimizer_steps(first):
    Net, _, _ = first
    assert Net.learner.optimizer.param_groups[0]["lr"] == 0.01
    scheduler = Net.learner._bound.scheduler
    assert (scheduler.step_size, scheduler.last_epoch) == (1000, 4)


def test_the_ways_to_name_the_duration():
    Net = method_1()
    Net.set_backend_dt(1.0)
    data, _ = next(iter(dataloader))
    found = []
    for how in ({"run_time": run_time}, {"backend_time": run_time}, {}):
        Net.set_runtime(run_time)
        Net.input(data)
        Net.run(**how)
        found.append(Net.output.predict)
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])
    Net.run_continue(run_time=2.0)
    Net.run_continue(backend_time=3.0)
    Net.run_continue(1.0)
    assert len(Net.monitor1.times) == 26


def test_a_network_that_was_never_given_a_backend_runs_at_a_tenth_of_a_millisecond():
    Net = method_1()
    Net.input(next(iter(dataloader))[0])
    Net.run(1.0)
    assert Net.dt == 0.1 and len(Net.monitor1.times) == 10


@pytest.mark.parametrize(
    "made",
    [
        lambda: spaic.Encoder(784, encoding="poisson"),
        lambda: spaic.Encoder(num=784, encoding="Poisson"),
        lambda: spaic.Encoder((1, 28, 28), coding_method="poisson"),
        lambda: spaic.Encoder(shape=[1, 28, 28], coding_method="poisson"),
        lambda: spaic.Encoder(dataloader.dataset, coding_method="poisson"),
        lambda: spaic.Node(num=784, encoding="poisson"),
    ],
)
def test_spellings_of_an_encoder(made):
    assert isinstance(made(), spaic.Encoder) and made().num == 784 and made().coding_method == "poisson"


def test_spellings_of_a_connection_and_a_group():
    a = spaic.NeuronGroup(3, model="LIF", param={"TAU_M": 8.0, "V_th": 1.5}, v_th=2.0)
    assert a.parameters == {"tau_m": 8.0, "V_th": 2.0}
    for link_type in ("full", "Full", "full connection", "full_connection"):
        assert spaic.Connection(a, a, link_type=link_type, syn_type=["basic_synapse"], post_var_name="WgtSum").link_type == "full"


def test_methods_of_spaic_that_set_the_backend(recwarn):
    net = spaic.Network()
    net.cells = spaic.NeuronGroup(2, model="lif")
    net.set_backend("PyTorch")
    net.set_backend_dt(0.5)
    assert net.dt == 0.5
    net.set_backend_dt(spaic.Torch_Backend("cpu"), 0.2)
    assert net.dt == 0.2
    assert not recwarn.list
    if not torch.cuda.is_available():
        with pytest.warns(UserWarning, match="the CPU is used instead"):
            net.set_backend("pytorch", "cuda")
        net.run(1.0)
