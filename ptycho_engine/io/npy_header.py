"""What the header of an array says, as ``.npy`` files spell it; it is trusted in nothing."""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

#: Bytes of a header. That of an array without named fields takes 128.
LONGEST = 10_000
#: Bytes that tell how long a header is, by version. Version 3 differs from 2 only in the names of
#: structured fields, which hold no coordinates.
LENGTHS = {(1, 0): 2, (2, 0): 4}
#: Sizes that no array has.
BEYOND = 2**63


@dataclass(frozen=True)
class Header:
    """Shape, dtype and order of an array, read without its data."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran_order: bool = False

    @property
    def size(self) -> int:
        """Number of the elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the elements."""
        return self.size * self.dtype.itemsize


def read_header(stream: IO[bytes]) -> Header:
    """Read the header at the beginning of an array's file, and stop where the data begins.

    Raises
    ------
    ValueError
        If it is none, or claims what no array has: a length that is no whole number, is negative or
        beyond 64 bits.
    """
    magic = stream.read(8)
    if len(magic) < 8 or not magic.startswith(npy.MAGIC_PREFIX):
        raise ValueError(f"its data begins with {magic!r}, and an array with {npy.MAGIC_PREFIX!r}")
    version = magic[6], magic[7]
    if version not in LENGTHS:
        raise ValueError(
            f"it has .npy version {version}, and a plain numeric array (1, 0) or (2, 0). Save it "
            "without named fields"
        )
    length = int.from_bytes(stream.read(LENGTHS[version]), "little")
    if length > LONGEST:
        raise ValueError(f"its header claims {length} bytes, which is more than {LONGEST}")
    text = stream.read(length)
    if len(text) < length:
        raise ValueError("it ends within its header")
    return parse_header(text.decode("latin1"))


def parse_header(text: str) -> Header:
    """Read the dictionary of a header.

    Raises
    ------
    ValueError
        As :func:`read_header`.
    """
    # Python 2 wrote long integers: (40L,).
    text = re.sub(r"(?<=\d)L(?=[,)\s])", "", text.strip())
    said = _python("dictionary", ast.literal_eval, text)
    if not isinstance(said, dict) or set(said) != {"descr", "fortran_order", "shape"}:
        raise ValueError(f"its header is {text[:80]!r}, without descr, fortran_order, shape")
    shape, order = said["shape"], said["fortran_order"]
    if not (isinstance(shape, tuple) and all(type(n) is int and 0 <= n < BEYOND for n in shape)):
        raise ValueError(f"its header has no shape of whole numbers: {text[:80]!r}")
    if not isinstance(order, bool):
        raise ValueError(f"its header has the order {order!r}, neither True nor False")
    header = Header(shape, _python("dtype", npy.descr_to_dtype, said["descr"]), order)
    # Where one length is 0, numpy computes the strides of the others all the same.
    if math.prod(n for n in shape if n) * max(1, header.dtype.itemsize) >= BEYOND:
        raise ValueError(f"its header claims the shape {shape}, beyond any memory")
    return header


def _python(what: str, read: Any, written: object) -> Any:
    """Let Python or NumPy read what may be anything: what they raise of it has no end."""
    try:
        return read(written)
    except Exception as error:
        raise ValueError(f"its header spells no {what}: {error}") from error
