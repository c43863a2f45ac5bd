"""Kernels in Triton: on the CPU in its interpreter, on a GPU where there is one, and compiled for GPUs that are not there."""

import dataclasses
import math
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import mpmath
import numpy as np
import pytest
import torch

import spaic
from spaic.Backend.element import Element
from spaic.Backend.Kernels import jit, triton_math, triton_text
from spaic.Backend.Kernels.layer import Layer, Value, plan
from spaic.Backend.Torch import fused_cuda
from spaic.Backend.Torch.primitives import PRIMITIVES
from spaic.Backend.Torch.tape import BoundTape
from spaic.Dynamics.names import arrival, normal_name
from spaic.Dynamics.tape import PRIMITIVES as TAPE_PRIMITIVES
from spaic.registry import neurons, surrogates, synapses

triton = pytest.importorskip("triton", reason="Triton is not installed")
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:triton")  # of numbers that a condition leaves out

DT, FIRST = 0.5, 3
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"))]

#: Every operation that no model of the library has, the time, noise, and a value for a condition without end.
EVERYTHING = spaic.NeuronModel(
    name="everything",
    equations="""
        dV/dt = (-V + I * tanh(k * V) + s * xi) / tau
        dU/dt = (sigmoid(V) - U + expm1(U / 9) + exprel(V / 7)) / tau
        W := clip(sqrt(abs(V) + 1) * log(2 + U * U), 0.1, 3) + sin(t / 5) * cos(V) - tan(V / 9) * sign(V)
        Z := where((V > 0.2 and not U < 0.1) or W >= 2, abs(V) ** k, max(min(V, U), -1)) + Z / 3
    """,
    receive="V += w",
    spike="V > 1",
    reset="V = V_reset; U += 0.1",
    initial={"V": 0.3, "U": "k"},
    parameters={"tau": 10.0, "k": 0.7, "s": 0.2, "V_reset": 0.1},
    method="euler",
)


@dataclass
class Case:
    """An element with random input, and gradients that come in."""

    model: object
    dtype: torch.dtype
    is_per_neuron: bool = False
    batch: int = 2
    size: int = 7
    steps: int = 4
    is_constant: bool = False
    surrogate: str = "sigmoid"
    reset_gradient: bool = True
    device: str = "cpu"

    def __post_init__(self):
        model = self.model
        is_neuron = isinstance(model, spaic.NeuronModel)
        ports = frozenset(model.ports if is_neuron else model.ports[:1])
        wanted = {"O", model.states[0], f"{model.states[0]}_before_reset"} if is_neuron else {model.output}
        learned = frozenset(model.parameters) if self.is_per_neuron else frozenset()
        self.element = Element(
            "cells", (self.size,), model, {"t_ref": 1.0} if "t_ref" in model.parameters else {}, {}, model.method, ports, learned,
            surrogates[self.surrogate] if is_neuron else None, self.reset_gradient, frozenset(wanted), 0,
        )  # fmt: skip
        self.rng = np.random.default_rng(1)
        own = {k: self.parameter(v) for k, v in self.element.parameters.items()}
        self.bound = BoundTape(self.element, own, DT, self.dtype)
        self.layer, self.width = self.plan(), self.batch * self.size
        self.given = self.sources(own)

    def parameter(self, value):
        if not self.is_per_neuron:
            return torch.from_numpy(value).to(self.device)
        spread = value * (1 + 0.1 * self.rng.random(self.size))
        return torch.from_numpy(spread).to(self.device).requires_grad_()

    def plan(self) -> Layer:
        element, step = self.element, self.element.step
        arrays = {slot for slot, v in enumerate(self.bound.slots) if isinstance(v, torch.Tensor)}
        recorded = tuple(sorted(v for v in element.tape.outputs if v in element.wanted))
        return plan(
            element.model.name, element.tape, step.states, step.ports, step.noises, recorded, frozenset(arrays),
            frozenset(arrays if self.is_per_neuron else ()), frozenset(step.ports if self.is_constant else ()), element.surrogate, True,
        )  # fmt: skip

    def random(self, rows, scale=1.0):
        return torch.from_numpy(scale * self.rng.normal(size=(rows, self.width))).to(self.device, self.dtype)

    def sources(self, own):
        """What the kernel reads: input from nothing at all to far too much."""
        found, shape = {}, (self.batch, self.size)
        for port in self.layer.ports:
            amount = self.random(1 if self.is_constant else self.steps, 0.2) + (0.3 if port not in self.element.model.currents else 8.0)
            amount.view(-1, *shape)[:, 0, 0] = 0
            amount.view(-1, *shape)[:, -1, -1] *= 1000
            found[Value("arrival", port, not self.is_constant)] = amount
        found |= {Value("normal", x, True): self.random(self.steps) for x in self.layer.noises}
        for slot in self.layer.arrays:
            value = self.bound.slots[slot].detach().to(self.dtype).expand(shape)
            found[Value("parameter", str(slot), False)] = value.reshape(1, -1).contiguous()
        for state in self.layer.states:
            start = torch.as_tensor(self.element.initial_value(state, PRIMITIVES, own), dtype=self.dtype, device=self.device)
            found[Value("start", state, False)] = (start.detach().expand(shape).reshape(1, -1) + self.random(1, 0.01)).contiguous()
        return found

    def seeds(self):
        seeds = {Value("gradient_end", s, False): self.random(1) for s in self.layer.moving}
        return seeds | {Value("gradient", v, True): self.random(self.steps) for v in self.layer.recorded}

    def module(self):
        if self.device != "cpu":
            return fused_cuda.kernels(self.layer, self.dtype)
        text = triton_text.source(self.layer, str(self.dtype).rpartition(".")[2])
        return interpreted(text)

    def run(self, name, known, **launch):
        """`known` and what a kernel wrote."""
        way, made = getattr(self.layer, name), dict(known)
        for value in way.values:
            if value not in made:
                size = (self.steps if value.over_time else 1, self.width)
                made[value] = torch.full(size, 7, dtype=torch.uint8 if value.is_byte else self.dtype, device=self.device)
        scalars = [self.bound.slots[s] for s in self.layer.scalars]
        fused_cuda.run(getattr(self.module(), name), way, made, scalars, self.steps, FIRST, DT, self.width, **launch)
        return made

    def plainly(self, seeds):
        """Results and gradients of plain torch."""
        leaves = {v: x.clone().requires_grad_(v.role != "normal") for v, x in self.given.items()}
        for value, x in leaves.items():
            if value.role == "parameter":
                self.bound.slots[int(value.name)] = x[0]
        states = {s: leaves[Value("start", s, False)][0] for s in self.layer.states}
        made = {Value("result", v, True): [] for v in self.layer.recorded}
        for n in range(self.steps):
            names = {"arrival": arrival, "normal": normal_name}
            outside = {names[v.role](v.name): x[min(n, len(x) - 1)] for v, x in leaves.items() if v.role in names}
            values = self.bound.step({**states, **outside, "t": (FIRST + n) * DT})
            states = {s: values[s] for s in states}
            for value, rows in made.items():
                rows.append(torch.as_tensor(values[value.name]).expand(self.width))
        found = {v: torch.stack(rows) for v, rows in made.items()}
        found |= {Value("end", s, False): x.expand(self.width)[None] for s, x in states.items()}
        ends = {Value("end", v.name, False) if v.role == "gradient_end" else Value("result", v.name, True): g for v, g in seeds.items()}
        loss = sum((found[v] * g).sum() for v, g in ends.items() if found[v].requires_grad)
        gradients = torch.autograd.grad(loss, [x for x in leaves.values() if x.requires_grad], allow_unused=True)
        wanted = [v for v, x in leaves.items() if x.requires_grad]
        return found, {Value(f"to_{v.role}", v.name, v.over_time): g for v, g in zip(wanted, gradients, strict=True)}


def interpreted(text):
    with triton.knobs.runtime.scope():
        triton.knobs.runtime.interpret = True
        return jit.load(f"{text}\n# for the interpreter\n", "interpreted")


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
    apart = torch.stack([repeated[port], repeated[port] + 1], 1)[:, 0]
    columns = repeated[port].T.contiguous().T
    assert apart.stride() == (2 * case.width, 1) and columns.stride() == (1, case.steps)
    wanted = case.run("forward", repeated)
    for rows in (repeated[port][:1], apart, columns):
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


FUNCTIONS = {
    "exp": mpmath.exp, "expm1": mpmath.expm1, "tanh": mpmath.tanh, "tan": mpmath.tan, "sign": mpmath.sign, "root": mpmath.sqrt,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "exprel": lambda x: mpmath.expm1(x) / x,
    "exprel_slope": lambda x: (mpmath.exp(x) * (x - 1) + 1) / x**2,
}  # fmt: skip


def evaluate(name, dtype, *arguments):
    """A function of generated code, in the interpreter."""
    return compute(f"{name}({', '.join('ab'[: len(arguments)])})", dtype, *arguments)


def compute(text, dtype, *arguments):
    """An expression in `a` and `b`: their values, and its own."""
    names = "ab"[: len(arguments)]
    loads = [f"    {a} = tl.load({a}_at + i)" for a in names]
    kernel = [
        "@triton.jit", f"def each({', '.join(f'{a}_at' for a in names)}, out, SIZE: tl.constexpr):", "    i = tl.arange(0, SIZE)",
        *loads, f"    tl.store(out + i, {text})",
    ]  # fmt: skip
    head = 'import triton\nimport triton.language as tl\n\nnan = tl.constexpr(float("nan"))'
    module = interpreted("\n\n\n".join([head, *triton_math.helpers(re.findall(r"\w+", text), str(dtype)[6:]), "\n".join(kernel)]) + "\n")
    size = 1 << (len(arguments[0]) - 1).bit_length()
    padded = [torch.ones(size, dtype=dtype) for _ in range(len(arguments) + 1)]
    for whole, argument in zip(padded, arguments, strict=False):
        whole[: len(argument)] = torch.as_tensor(argument, dtype=dtype)
    with np.errstate(all="ignore"):
        module.each[(1,)](*padded, SIZE=size)
    return [x[: len(arguments[0])].numpy() for x in padded]


@BOTH
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_accurate(name, dtype):
    rng = np.random.default_rng(2)
    largest = 85.0 if dtype == torch.float32 else 700.0
    x = np.concatenate([*(rng.normal(size=200) * s for s in (1e-7, 1e-3, 0.3, 2.0)), rng.uniform(-largest, largest, 200)])
    x = np.abs(x) if name == "root" else x[np.abs(x) < 1.5] if name == "tan" else x
    x, ours = evaluate(name, dtype, x)
    with mpmath.workdps(50):
        exact = np.array([float(FUNCTIONS[name](mpmath.mpf(float(value)))) for value in x])
    assert np.all(np.abs(ours - exact) <= 8 * np.finfo(x.dtype).eps * np.abs(exact))


@BOTH
def test_functions_at_the_ends(dtype):
    ends = [math.inf, -math.inf, 1e4, -1e4, 0.0]
    expected = {
        "exp": [math.inf, 0, math.inf, 0, 1], "expm1": [math.inf, -1, math.inf, -1, 0], "tanh": [1, -1, 1, -1, 0],
        "sigmoid": [1, 0, 1, 0, 0.5], "sign": [1, -1, 1, -1, 0],
    }  # fmt: skip
    for name, wanted in expected.items():
        assert evaluate(name, dtype, ends)[1].tolist() == wanted
        assert np.isnan(evaluate(name, dtype, [math.nan])[1]).all() == (name != "sign")
    assert evaluate("exprel", dtype, [0.0])[1] == 1 and evaluate("exprel_slope", dtype, [0.0])[1] == 0.5
    for name in ("least", "greatest"):
        assert np.isnan(evaluate(name, dtype, [math.nan, 1.0], [1.0, math.nan])[2]).all()


@BOTH
def test_powers(dtype):
    rng = np.random.default_rng(3)
    a = np.concatenate([np.exp(rng.uniform(-8, 8, 300)), -np.exp(rng.uniform(-2, 2, 100)), -np.exp(rng.uniform(-2, 2, 100)), [0, 0, 0, 5]])
    b = np.concatenate([rng.uniform(-6, 6, 300), rng.integers(-6, 6, 100), rng.uniform(-5, 5, 100), [0, 2, -1, 0]])
    a, b, ours = evaluate("power", dtype, a, b)
    with np.errstate(all="ignore"):
        exact = np.power(a.astype(np.float64), b.astype(np.float64))
    np.testing.assert_allclose(ours, exact, rtol=64 * np.finfo(a.dtype).eps)


def test_the_language_has_every_primitive():
    calls = triton_text.LANGUAGE.calls
    assert set(calls) >= set(TAPE_PRIMITIVES) - {"add", "sub", "mul", "div", "gt", "ge", "lt", "le", "spike", "matrix_exp", "entry"}
    numbers = [1.5, -1.5, 0.0, math.nan]
    not_positive = calls["where"].format(calls["not"].format("(a > number(0.0))"), "number(1.0)", "number(0.0)")
    assert compute(not_positive, torch.float64, numbers)[1].tolist() == [0, 1, 1, 1]
    assert compute(calls["floor"].format("a"), torch.float64, numbers)[1].tolist()[:3] == [1, -2, 0]
    assert compute(calls["detach"].format("a"), torch.float64, numbers)[1].tolist()[:3] == numbers[:3]


class TestCompiled:
    """What a GPU would run, for GPUs that are not there."""

    @pytest.fixture(autouse=True)
    def own_cache(self, tmp_path):
        with triton.knobs.cache.scope():
            triton.knobs.cache.dir = str(tmp_path)
            yield

    @staticmethod
    def code(case, name, capability, **launch):
        from triton.backends.compiler import GPUTarget
        from triton.compiler import ASTSource

        kernel, way = getattr(fused_cuda.kernels(case.layer, case.dtype), name), getattr(case.layer, name)
        number = "fp32" if case.dtype == torch.float32 else "fp64"
        types = {"steps": "i32", "first_step": "i32", "dt": "*fp64", "width": "i32", "scalars": f"*{number}"}
        names = iter([p.name for p in kernel.params][len(types) :])
        for value in way.values:
            types[next(names)] = "*u8" if value.is_byte else f"*{number}"
            types |= {next(names): "i32"} if value in triton_text.repeatable(way) else {}
        divisible = [k for k, (n, t) in enumerate(types.items()) if t[0] == "*" or n.endswith(("width", "_stride"))]
        aligned = {(k,): [["tt.divisibility", 16]] for k in divisible}
        constants = {"BLOCK": 512, "STAGES": fused_cuda.STAGES, **launch}
        source = ASTSource(kernel, types | dict.fromkeys(constants, "constexpr"), constants, aligned)
        return triton.compile(source, target=GPUTarget("cuda", capability, 32), options={"num_warps": 4, "enable_fp_fusion": False})

    @BOTH
    @pytest.mark.parametrize("name", ["forward", "backward"])
    @pytest.mark.parametrize("capability", [75, 90])
    def test_every_operation(self, capability, name, dtype):
        made = self.code(Case(EVERYTHING, dtype, is_per_neuron=True), name, capability, BLOCK=128)
        assert made.asm["cubin"] and "div.full" not in made.asm["ptx"] and "sqrt.approx" not in made.asm["ptx"]

    @pytest.mark.parametrize("name", ["forward", "backward"])
    def test_four_numbers_at_once_fetched_ahead_and_rounded_one_by_one(self, name):
        text = self.code(Case(neurons["lif"], torch.float32), name, 90).asm["ptx"]
        assert "cp.async" in text and "st.global.v4.b32" in text and "fma" not in text

    def test_registers_hold_a_long_step(self, tmp_path):
        case = Case(neurons["adex"], torch.float32)
        assert len(case.layer.backward.ops) > fused_cuda.LONG
        made = self.code(case, "backward", 90, BLOCK=fused_cuda.MOST, STAGES=1)
        tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "ptxas"
        file = tmp_path / "kernel.ptx"
        file.write_text(made.asm["ptx"])
        command = [str(tool), "-v", "--gpu-name", "sm_90a", str(file), "-o", str(tmp_path / "kernel.cubin")]
        report = subprocess.run(command, check=True, capture_output=True, text=True).stderr
        assert "0 bytes spill stores" in report

    def test_the_number_of_steps_is_no_part_of_the_code(self):
        kernel = fused_cuda.kernels(Case(neurons["lif"], torch.float32).layer, torch.float32).forward
        assert {p.name for p in kernel.params if p.do_not_specialize} == {"steps", "first_step"}


def test_compiled_code_finds_room(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SPAIC_CACHE", str(tmp_path / "spaic"))
    for wanted, expected in ((tmp_path / "new", tmp_path / "new"), (tmp_path / "file" / "below", tmp_path / "spaic" / "triton")):
        monkeypatch.setenv("TRITON_CACHE_DIR", str(wanted))
        fused_cuda._find_room.cache_clear()
        fused_cuda._find_room()
        assert os.environ["TRITON_CACHE_DIR"] == str(expected)
    fused_cuda._find_room.cache_clear()


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
