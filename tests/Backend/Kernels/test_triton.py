"""Kernels in Triton: on the CPU in its interpreter, and on a GPU where there is one."""

import dataclasses

import pytest
import torch

from spaic.Backend.Kernels.text.passes import Value
from spaic.Backend.Torch.kernels import fused_cuda
from spaic.registry import neurons, surrogates, synapses
from tests.Backend.Kernels.triton_cases import DT, EVERYTHING, FIRST, Case

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:triton")  # of numbers that a condition leaves out

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"))]


def same(value, ours, plain, dtype):
    ours, plain = ours.to(torch.float64), plain.detach().to(torch.float64)
    tolerance = TOLERANCE[dtype]
    torch.testing.assert_close(ours, plain, rtol=tolerance, atol=tolerance * float(plain.abs().max()), msg=lambda m: f"{value}: {m}")


def check(case, **launch):
    """Both ways of a kernel give what plain torch gives; the share of spikes."""
    seeds = case.seeds()
    forward = case.run("forward", case.given, **launch)
    known = {v: x for v, x in forward.items() if v in case.layer.backward.values}
    backward = case.run("backward", known | {v: g for v, g in seeds.items() if v in case.layer.backward.values}, **launch)
    results, gradients = case.plainly(seeds)
    for value, plain in results.items():
        ours = next(x for v, x in forward.items() if (v.role, v.name) == (value.role, value.name))
        same(value, ours, plain, case.dtype)
    for value, plain in gradients.items():
        if value in backward:
            same(value, backward[value], torch.zeros_like(backward[value]) if plain is None else plain, case.dtype)
        else:
            assert plain is None or not plain.any(), f"{value} has no gradient"
    spikes = results.get(Value("result", "O", True))
    return None if spikes is None else spikes.mean().item()


MODELS = {f"neuron {name}": neurons[name] for name in neurons} | {f"synapse {name}": synapses[name] for name in synapses}
MODELS["everything"] = EVERYTHING
BOTH = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])


@BOTH
@pytest.mark.parametrize("is_per_neuron", [False, True], ids=["one for all", "per neuron"])
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", MODELS)
def test_kernels_are_plain_torch(name, device, is_per_neuron, dtype):
    rate = check(Case(MODELS[name], dtype, is_per_neuron, device=device))
    assert rate is None or 0 < rate < 1


@BOTH
@pytest.mark.parametrize("size", [1, 7, 63, 65])
@pytest.mark.parametrize(("batch", "steps"), [(1, 1), (1, 6), (3, 1), (3, 6)])
def test_ragged_sizes(size, batch, steps, dtype):
    rate = check(Case(neurons["lif"], dtype, batch=batch, size=size, steps=steps), BLOCK=64)
    assert size == 1 or steps == 1 or 0 < rate < 1


@pytest.mark.parametrize("surrogate", surrogates)
def test_surrogates(surrogate):
    assert check(Case(neurons["lif"], torch.float64, surrogate=surrogate)) > 0


def test_a_reset_without_gradient():
    assert check(Case(neurons["alif"], torch.float64, reset_gradient=False)) > 0


@BOTH
@pytest.mark.parametrize("name", ["neuron lif", "neuron clif", "everything"])
def test_input_that_is_the_same_in_every_step_has_one_row(name, dtype):
    check(Case(MODELS[name], dtype, is_constant=True, is_per_neuron=True))


def test_arrays_that_are_read_may_have_one_row_or_rows_that_lie_apart():
    case = Case(neurons["clif"], torch.float64)
    (port,) = (v for v in case.given if v.role == "arrival")
    repeated = case.given | {port: case.given[port][:1].repeat(case.steps, 1)}
    one_row = torch.cat([repeated[port][:1], repeated[port] + 1])[:1]
    apart = torch.stack([repeated[port], repeated[port] + 1], 1)[:, 0]
    columns = repeated[port].T.contiguous().T
    assert apart.stride() == (2 * case.width, 1) and columns.stride() == (1, case.steps)
    wanted = case.run("forward", repeated)
    for rows in (one_row, apart, columns):
        made = case.run("forward", repeated | {port: rows})
        for value, expected in wanted.items():
            if value != port:
                assert torch.equal(made[value], expected)


def test_nothing_is_written_beyond_the_end():
    case = Case(neurons["lif"], torch.float32, size=5, batch=1)
    way = case.layer.forward
    guarded = {v: torch.full(((case.steps if v.over_time else 1) * 5 + 64,), 9, dtype=torch.uint8 if v.is_byte else torch.float32)
               for v in way.values if v not in case.given}  # fmt: skip
    inside = {v: x[: len(x) - 64].view(-1, 5) for v, x in guarded.items()}
    case.run("forward", case.given | inside, BLOCK=64)
    for value, whole in guarded.items():
        assert (whole[len(whole) - 64 :] == 9).all(), value


def test_no_neurons_and_no_steps():
    case = Case(neurons["lif"], torch.float32)
    nothing = dataclasses.replace(case, steps=0)
    made = nothing.run("forward", nothing.given)
    for state in case.layer.states:
        assert torch.equal(made[Value("end", state, False)], nothing.given[Value("start", state, False)])
    case.width = 0
    assert case.run("forward", {v: x[:, :0] for v, x in case.given.items()})[Value("result", "O", True, True)].shape == (4, 0)


def test_a_cpu_and_an_old_gpu_are_left_to_others(monkeypatch):
    assert not fused_cuda.is_usable(torch.device("cpu"))
    for capability, expected in (((7, 0), False), ((8, 0), True)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device, found=capability: found)
        fused_cuda.is_usable.cache_clear()
        assert fused_cuda.is_usable(torch.device("cuda")) is expected
    fused_cuda.is_usable.cache_clear()


def test_small_layers_are_spread_over_all_processors(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: type("Properties", (), {"multi_processor_count": 100}))
    shapes = [fused_cuda._shape(width, 20, torch.device("cuda")) for width in (10, 60_000, 10_000_000)]
    assert [(s["BLOCK"], s["num_warps"]) for s in shapes] == [(32, 1), (128, 4), (512, 4)]
    assert fused_cuda._shape(10_000_000, 1000, torch.device("cuda")) == {"BLOCK": 128, "num_warps": 4, "STAGES": 1}


def test_sums_and_products_are_rounded_one_by_one():
    case, said = Case(neurons["lif"], torch.float32), {}

    class Kernel:
        def __getitem__(self, grid):
            return lambda *arrays, **options: said.update(options, grid=grid)

    known = {v: torch.zeros((case.steps if v.over_time else 1, case.width)) for v in case.layer.forward.values}
    fused_cuda.run(Kernel(), case.layer.forward, known, (), case.steps, FIRST, DT, case.width, BLOCK=4)
    assert said == {"BLOCK": 4, "num_warps": 1, "STAGES": fused_cuda.STAGES, "enable_fp_fusion": False, "grid": (4,)}
