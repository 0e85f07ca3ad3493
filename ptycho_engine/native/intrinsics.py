"""What numba has no word for: prefetch, and stores past the caches (`native.stores` says why)."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ptycho_engine.native.stores import VECTOR_BYTES


@intrinsic
def store_past_caches(typing: Any, target: Any, source: Any, index: Any) -> Any:
    """Copy vector `index` of a contiguous array to that of another, aligned to vectors."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(ir.IntType(32), VECTOR_BYTES // 4)

        def place(argument: int) -> Any:
            array = context.make_array(signature.args[argument])
            data = array(context, builder, arguments[argument]).data
            return builder.gep(builder.bitcast(data, vector.as_pointer()), [arguments[2]])

        store = builder.store(builder.load(place(1), align=1), place(0), align=VECTOR_BYTES)
        hint = builder.module.add_metadata([ir.IntType(32)(1)])
        store.set_metadata("nontemporal", hint)
        return context.get_dummy_value()

    return types.void(target, source, types.intp), generate


@intrinsic
def fence(typing: Any) -> Any:
    """Let such stores arrive before whatever follows: they keep no order with others."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def prefetch(typing: Any, array: Any, position: Any) -> Any:
    """Ask for the memory around item `position` of a contiguous array, which is read soon."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        byte = ir.IntType(8).as_pointer()
        place = builder.bitcast(builder.gep(data, [arguments[1]]), byte)
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        function = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        to_read, to_all_caches, data_cache = number(0), number(3), number(1)
        builder.call(function, [place, to_read, to_all_caches, data_cache])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate
