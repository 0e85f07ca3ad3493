"""Patches on their way into an output too large for the caches, by stores that go past them.

An ordinary store first reads the memory that it is going to overwrite. LLVM compiles others for
any processor; without llvmlite, which the extra ``numba`` installs, NumPy copies.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
#: Of a target, which of its rows, and what to write there, (rows, ...).
Scatter = Callable[[Array, Array, Array], None]
#: Bytes of an output that few caches hold until it is read.
LARGE = 24 * 1024**2
#: Bytes stored at once; NumPy aligns its memory to as many.
VECTOR_BYTES = 16


def goes_past_caches(out: Array, row_bytes: int) -> bool:
    """Tell whether such stores suit an output: a large one of rows that are aligned.

    Parameters
    ----------
    out : ndarray
        The whole output.
    row_bytes : int
        Bytes of a row, which lie side by side in a contiguous array.

    Returns
    -------
    bool
        Whether they do.
    """
    aligned = not (_address(out) | row_bytes) % VECTOR_BYTES
    return bool(out.nbytes >= LARGE and aligned and out.flags.c_contiguous)


def scatter_into(out: Array, row_bytes: int) -> Scatter | None:
    """Return what writes rows of an array past the caches.

    Parameters
    ----------
    out, row_bytes
        As for `goes_past_caches`.

    Returns
    -------
    callable or None
        May be called from several threads. None where ordinary stores serve, or without llvmlite.
    """
    if not goes_past_caches(out, row_bytes):
        return None
    try:
        copy_rows = _compiled()
    except ImportError:
        return None

    def scatter(target: Array, rows: Array, values: Array) -> None:
        rows = np.ascontiguousarray(rows, np.int64)
        values = np.ascontiguousarray(values)
        addresses = (_address(array) for array in (target, rows, values))
        copy_rows(*addresses, len(rows), row_bytes // VECTOR_BYTES)

    return scatter


def _address(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


@lru_cache(maxsize=1)
def _compiled() -> Callable[..., None]:
    """Compile the loop over rows: of addresses of target, rows and values, counts of rows, vectors.

    ``for i in range(count): for j in range(vectors): target[rows[i], j] = values[i, j]``
    """
    import llvmlite.binding as llvm
    from llvmlite import ir

    integer = ir.IntType(64)
    vector = ir.VectorType(ir.IntType(32), VECTOR_BYTES // 4)
    arguments = [vector.as_pointer(), integer.as_pointer(), vector.as_pointer(), integer, integer]
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), "copy_rows")
    target, rows, values, count, vectors = function.args
    entry, row, body, row_end, done = (
        function.append_basic_block(name) for name in ("entry", "row", "body", "row_end", "done")
    )
    ir.IRBuilder(entry).branch(row)

    build = ir.IRBuilder(row)
    i = build.phi(integer)
    to = build.mul(build.load(build.gep(rows, [i])), vectors)
    source = build.mul(i, vectors)
    build.branch(body)

    build = ir.IRBuilder(body)
    j = build.phi(integer)
    value = build.load(build.gep(values, [build.add(source, j)]), align=1)
    store = build.store(value, build.gep(target, [build.add(to, j)]), align=VECTOR_BYTES)
    store.set_metadata("nontemporal", module.add_metadata([ir.IntType(32)(1)]))
    next_j = build.add(j, integer(1))
    build.cbranch(build.icmp_unsigned("<", next_j, vectors), body, row_end)

    build = ir.IRBuilder(row_end)
    next_i = build.add(i, integer(1))
    build.cbranch(build.icmp_unsigned("<", next_i, count), row, done)
    for counter, before, following, end in ((i, entry, next_i, row_end), (j, row, next_j, body)):
        counter.add_incoming(integer(0), before)
        counter.add_incoming(following, end)

    build = ir.IRBuilder(done)
    build.fence("seq_cst")  # such stores keep no order with others
    build.ret_void()

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(opt=2)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(str(module)), machine)
    engine.finalize_object()
    addresses_and_counts = [ctypes.c_void_p] * 3 + [ctypes.c_int64] * 2
    compiled = ctypes.CFUNCTYPE(None, *addresses_and_counts)(
        engine.get_function_address("copy_rows")
    )

    def copy_rows(*arguments: int) -> None:
        compiled(*arguments)  # ctypes lets other threads run meanwhile
        assert engine  # owns the code

    return copy_rows
