"""What generated code that simulates with events calls: shared counters, and eight bytes at once. Uncompiled, one thread does it all."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.extending import lower_builtin, type_callable
from numba.core.typing import signature
from numba.np.arrayobj import make_array

from spaic.Backend.Kernels.threads.region import fork

__all__ = ["add", "eight", "fork", "look"]


def _counted(write: Callable[[Any, Any, Any], Any]) -> Callable[[Any], Any]:
    """Compiled code has what `write` writes, on a counter and an amount, in place of the function."""

    def decorate(function: Any) -> Any:
        @type_callable(function)
        def typing(context: Any) -> Callable[..., Any]:
            return lambda counters, index, amount: signature(types.int64, counters, types.intp, types.int64)

        @lower_builtin(function, types.Array, types.Integer, types.Integer)
        def lowering(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            place = builder.gep(make_array(sig.args[0])(context, builder, args[0]).data, [args[1]])
            return write(builder, place, args[2])

        return function

    return decorate


@_counted(lambda builder, place, amount: builder.atomic_rmw("add", place, amount, "acq_rel"))
def add(counters: Any, index: int, amount: int) -> int:
    """The counter as it was; `amount` is added in the same instant, and what was written before is seen by who reads it."""
    before = int(counters[index])
    counters[index] += amount
    return before


def _look(builder: Any, place: Any, turns: Any) -> Any:
    """Load the counter; from time to time let other threads of the machine go first."""
    if hasattr(os, "sched_yield"):
        with builder.if_then(builder.icmp_signed("==", builder.and_(turns, turns.type(1023)), turns.type(1023)), likely=False):
            kind = ir.FunctionType(ir.IntType(32), [])
            module = builder.module
            function = module.globals.get("sched_yield") or ir.Function(module, kind, "sched_yield")
            builder.call(function, [])
    return builder.load_atomic(place, "acquire", 8)


@_counted(_look)
def look(counters: Any, index: int, turns: int) -> int:
    """The counter; `turns` says how often it was looked at in vain."""
    return int(counters[index])


def eight(values: Any, first: int) -> int:
    """Eight bytes of an array as one number, which is 0 if all are."""
    return int.from_bytes(values[first : first + 8].tobytes(), "little")


@type_callable(eight)
def _typing_of_eight(context: Any) -> Callable[..., Any]:
    return lambda values, first: signature(types.uint64, values, types.intp)


@lower_builtin(eight, types.Array, types.Integer)
def _lowering_of_eight(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    place = builder.gep(make_array(sig.args[0])(context, builder, args[0]).data, [args[1]])
    return builder.load(builder.bitcast(place, ir.IntType(64).as_pointer()), align=1)
