"""What compiled code needs to run on several threads: a counter that they share, and the start of a team of them."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.extending import intrinsic
from numba.np.arrayobj import make_array

_BYTES = ir.IntType(8).as_pointer()
_CODE, _LONG = ir.IntType(32), ir.IntType(64)


@intrinsic
def take(typing: Any, counters: Any, index: Any, amount: Any) -> Any:
    """``counters[index]`` of an array of int64, to which `amount` is added in the same instant: no other thread comes between."""

    def write(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        place = builder.gep(make_array(sig.args[0])(context, builder, args[0]).data, [args[1]])
        return builder.atomic_rmw("add", place, args[2], "monotonic")

    return types.int64(counters, types.intp, types.int64), write


@intrinsic
def fork(typing: Any, address: Any, threads: Any) -> Any:
    """Call the function this is in, with 0 for its first argument, on each of `threads` threads, and raise the first error.

    `address` is that of ``GOMP_parallel`` of the OpenMP library whose threads they are. None of them needs Python.
    """

    def write(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        function = builder.function
        result, error, _, *rest = function.args  # Numba's convention: where to put the result and the error come first
        shared = _share(builder, rest)
        member = _member(context, builder.module, function, shared.type)
        team = ir.FunctionType(ir.VoidType(), [member.type, _BYTES, _CODE, _CODE]).as_pointer()
        count = builder.trunc(args[1], _CODE)
        builder.call(builder.inttoptr(args[0], team), [member, builder.bitcast(shared, _BYTES), count, _CODE(0)])
        code, reason = (builder.load(cgutils.gep_inbounds(builder, shared, 0, k)) for k in (0, 1))
        with builder.if_then(builder.icmp_signed("!=", code, _CODE(0)), likely=False):
            builder.store(builder.inttoptr(reason, error.type.pointee), error)
            builder.ret(code)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), write


def _share(builder: Any, given: list[Any]) -> Any:
    """Memory for the members of a team: the code of the first error, where it is described, and the arguments."""
    values = [_CODE(0), _LONG(0), *given]
    shared = cgutils.alloca_once(builder, ir.LiteralStructType([v.type for v in values]))
    for k, value in enumerate(values):
        builder.store(value, cgutils.gep_inbounds(builder, shared, 0, k))
    return shared


def _member(context: Any, module: Any, function: Any, kind: Any) -> Any:
    """What each member runs, in C: `function`, with the arguments from the shared memory."""
    member = ir.Function(module, ir.FunctionType(ir.VoidType(), [_BYTES]), module.get_unique_name("member"))
    member.linkage = "internal"
    builder = ir.IRBuilder(member.append_basic_block())
    shared = builder.bitcast(member.args[0], kind)
    result, error, address, *rest = (argument.type for argument in function.args)
    given = [builder.load(cgutils.gep_inbounds(builder, shared, 0, k + 2)) for k in range(len(rest))]
    slots = [builder.alloca(place.pointee) for place in (result, error)]
    code = builder.call(function, [*slots, address(0), *given])
    with builder.if_then(context.call_conv._get_return_status(builder, code, builder.load(slots[1])).is_error, likely=False):
        before = builder.cmpxchg(cgutils.gep_inbounds(builder, shared, 0, 0), _CODE(0), code, "acq_rel", "monotonic")
        with builder.if_then(builder.extract_value(before, 1)):
            builder.store(builder.ptrtoint(builder.load(slots[1]), _LONG), cgutils.gep_inbounds(builder, shared, 0, 1))
    builder.ret_void()
    return member
