"""Fused kernels on a GPU: what is generated as Triton, on torch tensors. In Triton's interpreter they run on the CPU."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spaic.Backend.Kernels.compiling import cache, jit
from spaic.Backend.Kernels.text import triton_text
from spaic.Backend.Kernels.text.layer import Layer
from spaic.Backend.Kernels.text.passes import Pass, Value

#: Steps whose input is on its way while one is computed.
STAGES = 4
#: Elements of one program, from few to many.
BLOCKS = (32, 64, 128, 256, 512)
#: A step of more operations is bound by arithmetic and registers: few elements for each thread, and nothing fetched ahead.
LONG, MOST = 200, 128
#: Compute capability of the oldest GPUs that Triton knows.
OLDEST = (7, 5)


@lru_cache(maxsize=16)
def is_usable(device: torch.device) -> bool:
    """Whether these kernels run on a device: a GPU that Triton knows, with Triton installed."""
    if device.type != "cuda" or importlib.util.find_spec("triton") is None:
        return False
    return torch.version.hip is not None or torch.cuda.get_device_capability(device) >= OLDEST


def kernels(layer: Layer, dtype: torch.dtype) -> Any:
    """The module of a layer, which is compiled for each device when it is first run there."""
    return loaded(_source(layer, str(dtype).rpartition(".")[2]), f"{layer.name.partition(' ')[0]}_triton", layer.name)


def loaded(text: str, name: str, title: str) -> Any:
    """A module of generated code."""
    _find_room()
    return jit.load(text, name, title)


@lru_cache(maxsize=1)
def _find_room() -> None:
    """Triton keeps compiled code in the user's home; where it cannot, that goes to the folder of spaic."""
    wanted = os.environ.get("TRITON_CACHE_DIR") or os.path.join(os.environ.get("TRITON_HOME") or Path.home(), ".triton", "cache")
    try:
        os.makedirs(wanted, exist_ok=True)
        is_writable = os.access(wanted, os.W_OK | os.X_OK)
    except OSError:
        is_writable = False
    if not is_writable:
        os.environ["TRITON_CACHE_DIR"] = str(cache.folder() / "triton")


@lru_cache(maxsize=1024)
def _source(layer: Layer, dtype: str) -> str:
    return triton_text.source(layer, dtype)


def run(
    kernel: Any,
    way: Pass,
    arrays: Mapping[Value, Tensor],
    scalars: Iterable[float],
    steps: int,
    first_step: int,
    dt: float,
    width: int,
    **launch: int,
) -> None:
    """Run one way of a layer over all steps.

    Parameters
    ----------
    kernel : function of the module
        Its ``forward`` or ``backward``.
    way : Pass
        The same way.
    arrays : mapping of Value to Tensor
        Every one of its values: ``[steps, width]`` over time (of what is only read also ``[1, width]``, the same in every step),
        ``[width]`` or ``[1, width]`` otherwise. What is written is contiguous.
    scalars : iterable of float
        What is one number for all.
    steps, first_step : int
        The number of steps, and the number of the first one.
    dt : float
        In ms.
    width : int
        Number of elements: batch times neurons.
    **launch : int
        ``BLOCK``, ``STAGES`` and ``num_warps``, for measurements.
    """
    some = arrays[way.values[0]]
    if width == 0:
        return
    repeatable = triton_text.repeatable(way)
    given: list[Any] = []
    for value in way.values:
        given += rows(arrays[value]) if value in repeatable else [arrays[value]]
    shape = {**_shape(width, len(way.ops), some.device), **launch}
    dtype = next(arrays[v].dtype for v in way.values if not v.is_byte)
    scale = numbers(tuple(float(x) for x in scalars), dtype, some.device)
    clock = numbers((dt,), torch.float64, some.device)
    with torch.cuda.device_of(some):
        # products and sums are rounded apart, as in plain torch: the same membranes, the same spikes
        kernel[(-(-width // shape["BLOCK"]),)](steps, first_step, clock, width, scale, *given, **shape, enable_fp_fusion=False)


def rows(x: Tensor) -> list[Any]:
    """An array and the distance of its rows, which may lie apart; the numbers of a row may not."""
    x = x if x.stride(-1) == 1 or x.shape[-1] == 1 else x.contiguous()
    return [x, 0 if len(x) == 1 else x.stride(0)]


@lru_cache(maxsize=256)
def numbers(scalars: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Numbers on a device. They are kept there: copying them there would wait for all that it still has to do."""
    return torch.tensor(scalars or (0.0,), dtype=dtype, device=device)


def _shape(width: int, operations: int, device: torch.device) -> dict[str, int]:
    """Large programs read fastest, but each processor needs some."""
    processors = torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 1
    is_long = operations > LONG
    block = max((b for b in BLOCKS if width >= 4 * processors * b and (b <= MOST or not is_long)), default=BLOCKS[0])
    return {"BLOCK": block, "num_warps": min(4, block // 32), "STAGES": 1 if is_long else STAGES}
