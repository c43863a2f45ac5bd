"""Elements that feed each other, run over all time by one compiled kernel, and back by another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from spaic.Backend.Kernels.text.island_text import Argument
from spaic.Backend.Kernels.text.passes import Value
from spaic.Backend.Torch.firing.spikes import carrier
from spaic.Backend.Torch.kernels.island_call import Call, Results


def advance(call: Call) -> tuple[Results, dict[str, dict[str, Tensor]]]:
    """Run an island over all steps of a run.

    Returns
    -------
    results : dict of str to dict
        Member -> variable that someone reads -> its values ``[steps, batch, *shape]``.
    states : dict of str to dict
        Member -> state -> its value after the last step.
    """
    if not torch.is_grad_enabled() or not any(x.requires_grad for x in call.given):
        call.forward()
        return call.results({}), call.ends()
    outputs = iter(_Looped.apply(call, *call.given))
    ends = {m: {s: next(outputs) for s in member.prepared.layer.states} for m, member in call.members.items()}
    return call.results({(m, v): next(outputs) for m, x in call.members.items() for v in x.prepared.layer.recorded}), ends


class _Looped(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, call: Call, *given: Tensor) -> tuple[Tensor, ...]:
        call.forward()
        ctx.set_materialize_grads(False)
        ctx.call = call
        ctx.kept = [a for a in call.made if a.role == "value"]
        weights = [x for a, x in zip(call.sources, given, strict=True) if a.role == "weight"]  # saved so that a change of them is seen
        ctx.save_for_backward(*(call.made[a] for a in ctx.kept), *weights)
        ends = [x for states in call.ends().values() for x in states.values()]
        results = []
        for label, member in call.members.items():
            for variable in member.prepared.layer.recorded:
                values = call.result(label, variable)
                is_byte = member.prepared.result(variable).is_byte
                results.append(carrier(tuple(values.shape), call.dtype, values.device) if is_byte else values.clone())
        layers = [m.prepared.layer for m in call.members.values()]
        given_back = [s in x.seeds for x in layers for s in x.states] + [v in x.seeds for x in layers for v in x.recorded]
        ctx.mark_non_differentiable(*(x for x, is_given in zip((*ends, *results), given_back, strict=True) if not is_given))
        call.made = {a: x for a, x in call.made.items() if isinstance(a.item, Value) and a.item.role == "result" and a.item.is_byte}
        return (*ends, *results)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        call: Call = ctx.call
        needs = {a for a, x in call.sources.items() if x.requires_grad}
        call.made = dict(zip(ctx.kept, ctx.saved_tensors[: len(ctx.kept)], strict=True))
        known, given = dict(call.made), iter(gradients)
        ends = {m: [next(given) for _ in x.prepared.layer.states] for m, x in call.members.items()}
        for label, member in call.members.items():
            results = [next(given) for _ in member.prepared.layer.recorded]
            seeds = member.prepared.seeds(ends[label], results)
            known |= {Argument("value", label, v): x for v, x in seeds.items()}
        for number, way in enumerate(call.ways):
            if way.weight is not None:
                known[Argument("weight", str(number), "")] = way.weight.detach().to(call.dtype).contiguous()
        made = call.run("backward", known)
        gradients_ = tuple(_gradient(call, a, made) if a in needs else None for a in call.sources)
        call.made = {}
        return (None, *gradients_)


def _gradient(call: Call, argument: Argument, made: Mapping[Argument, Tensor]) -> Tensor | None:
    """The gradient of something that was given."""
    if argument.role == "weight":
        return call.weight_gradient(call.ways[int(argument.member)], made)
    if argument.role == "past":
        return call.past_gradient(argument.member, str(argument.item), made)
    value = argument.item
    if not isinstance(value, Value):
        return None
    found = made.get(Argument("value", argument.member, Value(f"to_{value.role}", value.name, value.over_time)))
    if found is None:
        return None
    size = call.members[argument.member].prepared.size
    shape = (call.times.steps, *size) if value.role == "arrival" else size
    full = found.reshape(shape)
    source = call.sources[argument]
    return full.sum(0, keepdim=True) if value.role == "arrival" and len(source) == 1 and call.times.steps > 1 else full
