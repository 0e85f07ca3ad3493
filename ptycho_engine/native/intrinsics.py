"""Stores that go past the caches, for numba; `ptycho_engine.native.stores` says what for."""

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
