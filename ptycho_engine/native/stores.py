"""Patches on their way into an output too large for the caches, by stores that go past them.

An ordinary store first reads the memory that it is going to overwrite. LLVM compiles others for
any processor; without llvmlite, which the extra ``numba`` installs, NumPy copies.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
#: Of a target (B, ...), which of its groups, and what to write there: (groups, C, N, N).
Scatter = Callable[[Array, Array, Array], None]
#: Bytes of an output that few caches hold until it is read.
LARGE = 24 * 1024**2
#: Bytes stored at once, at most; NumPy aligns its memory to as many.
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
    if out.nbytes < LARGE or not out.flags.c_contiguous:
        return False
    return not (_address(out) | row_bytes) % VECTOR_BYTES


def scatter_into(out: Array, members: int) -> Scatter | None:
    """Return what writes groups of patches, interleaved, past the caches.

    Parameters
    ----------
    out : ndarray, shape (..., P, N, N) or (..., B, N, N, C)
        The whole output.
    members : int
        Patches C of a group; 1 for flat patches.

    Returns
    -------
    callable or None
        May be called from several threads. None where ordinary stores serve, or without llvmlite.
    """
    side = out.shape[-2]
    if not goes_past_caches(out, side**2 * out.itemsize):
        return None
    unit = out.itemsize if members > 1 else VECTOR_BYTES
    try:
        copy_groups = _compiled(unit)
    except ImportError:
        return None

    def scatter(target: Array, groups: Array, patches: Array) -> None:
        groups, patches = np.ascontiguousarray(groups, np.int64), np.ascontiguousarray(patches)
        addresses = (_address(array) for array in (target, groups, patches))
        units = patches.nbytes // len(groups) // unit
        samples, beside = (units // members, members) if members > 1 else (1, units)
        copy_groups(*addresses, len(groups), samples, beside)

    return scatter


def _address(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


@lru_cache
def _compiled(unit: int) -> Callable[..., None]:
    """Compile a loop over groups, of units of so many bytes.

    Its arguments are the addresses of target, groups and patches, and three counts::

        for i in range(count):
            for s in range(samples):
                for m in range(members):
                    target[groups[i], s, m] = patches[i, m, s]
    """
    import llvmlite.binding as llvm
    from llvmlite import ir

    integer, word = ir.IntType(64), ir.IntType(32)
    value = ir.VectorType(word, unit // 4) if unit > 4 else word
    places = [value.as_pointer(), integer.as_pointer(), value.as_pointer()]
    module = ir.Module()
    kind = ir.FunctionType(ir.VoidType(), [*places, integer, integer, integer])
    function = ir.Function(module, kind, "copy_groups")
    target, groups, patches, count, samples, members = function.args
    build = ir.IRBuilder(function.append_basic_block())
    size = build.mul(samples, members)
    with _loop(build, count) as i:
        to = build.mul(build.load(build.gep(groups, [i])), size)
        of = build.mul(i, size)
        with _loop(build, samples) as s:
            to_sample = build.add(to, build.mul(s, members))
            of_sample = build.add(of, s)
            with _loop(build, members) as m:
                source = build.add(of_sample, build.mul(m, samples))
                moved = build.load(build.gep(patches, [source]), align=1)
                store = build.store(moved, build.gep(target, [build.add(to_sample, m)]), align=unit)
                store.set_metadata("nontemporal", module.add_metadata([word(1)]))
    build.fence("seq_cst")  # such stores keep no order with others
    build.ret_void()

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(opt=2)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(str(module)), machine)
    engine.finalize_object()
    addresses_and_counts = [ctypes.c_void_p] * 3 + [ctypes.c_int64] * 3
    compiled = ctypes.CFUNCTYPE(None, *addresses_and_counts)(
        engine.get_function_address("copy_groups")
    )

    def copy_groups(*arguments: int) -> None:
        compiled(*arguments)  # ctypes lets other threads run meanwhile
        assert engine  # owns the code

    return copy_groups


@contextmanager
def _loop(build: Any, count: Any) -> Iterator[Any]:
    """Repeat the code that is built inside, `count` times and at least once; give the counter."""
    before, body = build.block, build.append_basic_block()
    build.branch(body)
    build.position_at_end(body)
    counter = build.phi(count.type)
    counter.add_incoming(count.type(0), before)
    yield counter
    following = build.add(counter, count.type(1))
    counter.add_incoming(following, build.block)
    after = build.append_basic_block()
    build.cbranch(build.icmp_unsigned("<", following, count), body, after)
    build.position_at_end(after)
