"""What a GPU would run, compiled for GPUs that are not there."""

import os
import subprocess
from pathlib import Path

import pytest
import torch

from spaic.Backend.Kernels.text import triton_text
from spaic.Backend.Torch.kernels import fused_cuda
from spaic.registry import neurons
from tests.Backend.Kernels.triton_cases import EVERYTHING, Case, triton

BOTH = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
WAYS = pytest.mark.parametrize("name", ["forward", "backward"])


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("SPAIC_CACHE", str(tmp_path / "spaic"))
    with triton.knobs.cache.scope():
        triton.knobs.cache.dir = str(tmp_path)
        yield


def signature(kernel, way, dtype):
    """The types of the arguments of a kernel."""
    number = "fp32" if dtype == torch.float32 else "fp64"
    types = {"steps": "i32", "first_step": "i32", "dt": "*fp64", "width": "i32", "scalars": f"*{number}"}
    names = iter([p.name for p in kernel.params][len(types) :])
    for value in way.values:
        types[next(names)] = "*u8" if value.is_byte else f"*{number}"
        types |= {next(names): "i32"} if value in triton_text.repeatable(way) else {}
    return types


def compiled(case, name, capability, **launch):
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    kernel = getattr(fused_cuda.kernels(case.layer, case.dtype), name)
    types = signature(kernel, getattr(case.layer, name), case.dtype)
    divisible = [k for k, (n, t) in enumerate(types.items()) if t[0] == "*" or n.endswith(("width", "_stride"))]
    constants = {"BLOCK": 512, "STAGES": fused_cuda.STAGES, **launch}
    aligned = {(k,): [["tt.divisibility", 16]] for k in divisible}
    source = ASTSource(kernel, types | dict.fromkeys(constants, "constexpr"), constants, aligned)
    return triton.compile(source, target=GPUTarget("cuda", capability, 32), options={"num_warps": 4, "enable_fp_fusion": False})


@BOTH
@WAYS
@pytest.mark.parametrize("capability", [75, 90])
def test_every_operation(capability, name, dtype):
    made = compiled(Case(EVERYTHING, dtype, is_per_neuron=True), name, capability, BLOCK=128)
    assert made.asm["cubin"] and "div.full" not in made.asm["ptx"] and "sqrt.approx" not in made.asm["ptx"]


@WAYS
def test_four_numbers_at_once_fetched_ahead_and_rounded_one_by_one(name):
    text = compiled(Case(neurons["lif"], torch.float32), name, 90).asm["ptx"]
    assert "cp.async" in text and "st.global.v4.b32" in text and "fma" not in text


def test_registers_hold_a_long_step(tmp_path):
    case = Case(neurons["adex"], torch.float32)
    assert len(case.layer.backward.ops) > fused_cuda.LONG
    made = compiled(case, "backward", 90, BLOCK=fused_cuda.MOST, STAGES=1)
    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "ptxas"
    file = tmp_path / "kernel.ptx"
    file.write_text(made.asm["ptx"])
    command = [str(tool), "-v", "--gpu-name", "sm_90a", str(file), "-o", str(tmp_path / "kernel.cubin")]
    assert "0 bytes spill stores" in subprocess.run(command, check=True, capture_output=True, text=True).stderr


def test_the_number_of_steps_is_no_part_of_the_code():
    kernel = fused_cuda.kernels(Case(neurons["lif"], torch.float32).layer, torch.float32).forward
    assert {p.name for p in kernel.params if p.do_not_specialize} == {"steps", "first_step"}


def test_compiled_code_finds_room(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    for wanted, expected in ((tmp_path / "new", tmp_path / "new"), (tmp_path / "file" / "below", tmp_path / "spaic" / "triton")):
        monkeypatch.setenv("TRITON_CACHE_DIR", str(wanted))
        fused_cuda._find_room.cache_clear()
        fused_cuda._find_room()
        assert os.environ["TRITON_CACHE_DIR"] == str(expected)
    fused_cuda._find_room.cache_clear()
