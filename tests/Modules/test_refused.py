"""What modules refuse, and that their states do what torch modules are expected to."""

import copy

import pytest
import torch
from torch import nn

from spaic.errors import DeclarationError, InputError, NetworkError, SpaicError, StateError, UnsupportedError
from spaic.Modules import Connection, Conv2d, Input, Linear, Neuron, RuleStepper, Signal, detach_state, reset_state


def ones(*shape):
    return torch.ones(shape)


def stepped(rule="stdp", batch=1, **options):
    """A connection, a neuron and a rule after one step."""
    wire, cell = Linear(3, 2, weight=0.4), Neuron("lif", 2)
    made = RuleStepper(wire, cell, rule, **options)
    cell(wire(ones(batch, 3)))
    made.step()
    return made


REFUSED = {
    "an unknown model": (lambda: Neuron("liff", 2), SpaicError, "liff"),
    "an unknown output": (lambda: Neuron("lif", 2, output="W"), DeclarationError, r"Neuron\(lif\).output: there is no variable 'W'"),
    "spikes of what never fires": (
        lambda: Neuron("nonspiking_lif", 2),
        DeclarationError,
        "the model never fires; say for example output='V'",
    ),
    "an unknown trace": (lambda: Neuron("lif", 2, trace="r"), DeclarationError, "trace: there is no state 'r'"),
    "no surrogate": (lambda: Neuron("lif", 2, surrogate=3), DeclarationError, "a surrogate is a name, a Surrogate or None, got 3"),
    "another shape": (
        lambda: Neuron("lif", 2)(ones(1, 3)),
        InputError,
        r"what arrives at 'input' has the shape \[1, 3\]; give \[batch, 2\]",
    ),
    "no tensor": (lambda: Neuron("lif", 2)([[1.0, 2.0]]), InputError, "is list; give a tensor"),
    "no number arrives": (
        lambda: Neuron("lif", 2)(torch.tensor([[1.0, torch.nan]])),
        InputError,
        "what arrives at 'input' holds nan; clean the data",
    ),
    "infinite": (lambda: Neuron("lif", 2)(torch.tensor([[1.0, -torch.inf]])), InputError, "holds -inf; clean"),
    "nothing at all": (lambda: Neuron("lif", 2)([]), InputError, "nothing arrives at 'input'"),
    "an unknown port": (lambda: Neuron("lif", 2)({"inptu": ones(1, 2)}), SpaicError, "unknown port 'inptu'; did you mean 'input'"),
    "an unknown link type": (lambda: Connection(3, 2, "ful"), SpaicError, "ful"),
    "an unknown keyword": (lambda: Linear(3, 2, wieght=1.0), SpaicError, "wieght"),
    "a link without weights": (
        lambda: Connection((1, 4, 4), (1, 2, 2), "pool", pool_kernel_size=2),
        UnsupportedError,
        "no weights of its own",
    ),
    "bounds that cross": (lambda: Linear(3, 2, w_min=1.0, w_max=0.0), DeclarationError, "w_min 1.0 is not below w_max 0.0"),
    "half a step": (lambda: Linear(3, 2, dt=1.0, delay=0.5), SpaicError, "delay"),
    "a delay of another shape": (lambda: Linear(3, 2, delay=ones(3, 2).numpy()), DeclarationError, r"has not the shape \(2, 3\)"),
    "a wrong result": (lambda: Connection((1, 4, 4), 5, "conv", kernel_size=2, out_channels=1), SpaicError, "conv"),
    "one side of an image": (lambda: Conv2d(1, 1, 2, (4,)), InputError, r"Conv2d.im_dims: \(4,\) is no \(height, width\)"),
    "traces that never came": (lambda: Linear(3, 2).trace_sum(), StateError, "no trace has arrived"),
    "no modules": (lambda: RuleStepper(nn.Linear(3, 2), Neuron("lif", 2)), DeclarationError, "are not a Connection and a Neuron"),
    "ends that do not fit": (lambda: RuleStepper(Linear(3, 2), Neuron("lif", 4)), NetworkError, "differ in shape or dt"),
    "other time steps": (lambda: RuleStepper(Linear(3, 2, dt=0.5), Neuron("lif", 2, dt=1.0)), NetworkError, "differ in shape or dt"),
    "a rule without spikes": (lambda: RuleStepper(Linear(3, 2), Neuron("lif", 2, output="V")), NetworkError, "it needs spikes"),
    "a state that is not there": (lambda: RuleStepper(Linear(3, 2), Neuron("if_trace", 2), "resume"), NetworkError, "it reads 'taught'"),
    "a step before the first": (lambda: RuleStepper(Linear(3, 2), Neuron("lif", 2)).step(), StateError, "have made no step"),
    "a batch without a reduction": (lambda: stepped(batch=2), InputError, "2 samples ask for different changes of one weight"),
    "a reward for nothing": (lambda: stepped().reward(1.0), NetworkError, "the rule uses no reward"),
    "an early reward": (lambda: RuleStepper(Linear(3, 2), Neuron("lif", 2), "rstdp").reward(1.0), StateError, "nothing to reward yet"),
    "no number": (lambda: stepped("rstdp").reward(float("nan")), InputError, "is not one finite number"),
    "too many rewards": (lambda: stepped("rstdp").reward([1.0, 2.0]), InputError, "or one for each of 1 samples"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what):
    make, kind, text = REFUSED[what]
    with pytest.raises(kind, match=text):
        make()


def test_another_batch_needs_a_reset():
    wire, cell = Linear(3, 2, delay=1.0), Neuron("lif", 2)
    cell(wire(ones(2, 3)))
    for call in (lambda: cell(ones(3, 2)), lambda: wire(ones(3, 3))):
        with pytest.raises(StateError, match=r"3 samples, the state 2; call reset_state\(\)"):
            call()
    both = nn.ModuleList([wire, cell])
    reset_state(both)
    cell(wire(ones(3, 3)))
    made = stepped(reduction="mean")
    wire, cell = made._ends
    reset_state(nn.ModuleList([wire, cell]))
    cell(wire(ones(2, 3)))
    with pytest.raises(StateError, match="the batch has changed to 2 samples"):
        made.step()


def test_states_are_no_parameters_and_can_be_cut_off():
    net = nn.ModuleList([Input(3), Linear(3, 2, delay=2.0, bias=True), Neuron("lif", 2, trainable=["tau_m"])])
    sent = net[0](ones(1, 3))
    assert isinstance(sent, Signal) and sent.trace.shape == (1, 3)
    for _ in range(4):
        out = net[2](net[1](net[0](ones(1, 3))))
    assert set(net.state_dict()) == {"1.weight", "1.bias", "2.tau_m"}
    assert net[2].state["V"].requires_grad and out.shape == (1, 2)
    detach_state(net)
    assert not any(value.requires_grad for part in net for value in part.state.values())
    twin = copy.deepcopy(net).double()
    assert twin[1].weight.dtype == torch.float64 and twin[2].state["V"].dtype == torch.float64
    reset_state(net)
    assert not any(part.state or part.steps for part in net)


def test_sums_that_overflow_are_no_wrong_input():
    large = torch.full((1, 2), 3e38)
    assert Neuron("lif", 2)(large).tolist() == [[1.0, 1.0]]
