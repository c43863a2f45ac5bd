"""Islands on a GPU: what is generated as Triton, on torch tensors. In Triton's interpreter they run on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from spaic.Backend.Kernels.text import triton_island_text
from spaic.Backend.Kernels.text.island_text import Argument
from spaic.Backend.Kernels.text.passes import Value
from spaic.Backend.Torch.kernels.fused_cuda import loaded, numbers, rows

if TYPE_CHECKING:
    from spaic.Backend.Torch.kernels.island_call import Call

#: Fewest and most neurons of a block, and rows of a weight that are added together.
LEAST, MOST, LANES = 32, 256, 16


def run(call: Call, name: str, known: Mapping[Argument, Tensor], module: Any = None) -> dict[Argument, Tensor]:
    """Call a kernel.

    Parameters
    ----------
    call : Call
        Of the island.
    name : str
        ``"forward"`` or ``"backward"``.
    known : mapping of Argument to Tensor
        What it reads: flat rows, weights with a row for each value that is sent.
    module : module, optional
        Its code, where it is not that of the call.

    Returns
    -------
    dict of Argument to Tensor
        `known` and what was written.
    """
    island, goes_back = call.island, name == "backward"
    made = dict(known)
    for label, layer in island.by_name.items():
        for carried in (layer.backward if goes_back else layer.forward).carried:
            first = None if carried.first is None else made[Argument("value", label, carried.first)]
            member = call.members[label].prepared
            last = torch.zeros((1, member.width), dtype=call.dtype, device=member.device) if first is None else first.clone()
            made[Argument("value", label, carried.last)] = last
    order, repeatable = triton_island_text.arguments(island, goes_back), triton_island_text.repeatable(island, goes_back)
    given: list[Any] = []
    for argument in order:
        if argument not in made and isinstance(argument.item, Value):
            made[argument] = call.members[argument.member].prepared.empty(argument.item, call.times.steps)
        given += rows(made[argument]) if argument in repeatable else [made[argument]]
    prepared = [m.prepared for m in call.members.values()]
    batch, device = prepared[0].size[0], prepared[0].device
    sizes, widths = [p.width // batch for p in prepared], [p.width for p in prepared]
    scalars = [numbers(tuple(map(float, p.scalars)), call.dtype, device) for p in prepared]
    times, delays = call.times, [w.delay for w in call.ways]
    module = loaded(call.text, f"{call.name.partition(' ')[0]}_island_triton", call.name) if module is None else module
    args = (times.steps, times.first, *delays, *call.depths, numbers((times.dt,), torch.float64, device), *sizes, *widths, *scalars, *given)
    block = min(max(LEAST, 1 << (max(sizes) - 1).bit_length()), MOST)
    with torch.cuda.device_of(made[order[0]]):
        getattr(module, name)[(batch,)](*args, BLOCK=block, LANES=LANES, num_warps=block // 32, enable_fp_fusion=False)
    return made
