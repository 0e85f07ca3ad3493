"""The directory of a zip archive held against what lies in the file.

Python's `zipfile` believes the directory at the end: a member that it no longer names has vanished
without a word, of two members of one name the last counts, and sizes may be anything.
"""

from __future__ import annotations

import struct
import zipfile
from collections import Counter
from itertools import pairwise
from typing import IO

#: The local header before each member, and bytes that may follow its data if flag 8 is set.
LOCAL_HEADER, SIGNATURE = struct.Struct("<4s2xH18xHH"), b"PK\x03\x04"
DESCRIPTORS, HAS_DESCRIPTOR, UTF_8 = (12, 16, 20, 24), 0x08, 0x800
#: Deflate makes at most 1032 bytes of one.
MOST_INFLATED = 1032


def check_directory(archive: zipfile.ZipFile, stream: IO[bytes]) -> None:
    """Refuse an archive whose directory is not what lies in the file.

    Parameters
    ----------
    archive : zipfile.ZipFile
        The archive.
    stream : file
        The file that it reads.

    Raises
    ------
    ValueError
        If a name stands twice, if the local header of a member has another name, or if the members
        leave bytes between them, or share any: a member is missing from the directory then.
    """
    members = sorted(archive.infolist(), key=lambda info: info.header_offset)
    arrays = Counter(info.filename.removesuffix(".npy") for info in members)  # as NumPy names them
    twice = [name for name, count in arrays.items() if count > 1]
    if twice:
        raise ValueError(f"its directory names {twice[0]!r} twice; write each array once")
    starts = [*(info.header_offset for info in members), archive.start_dir]
    if starts[0] != 0:
        raise ValueError(f"its directory does not name what lies in its first {starts[0]} bytes")
    for info, (start, following) in zip(members, pairwise(starts), strict=True):
        _check_member(info, stream, following - start)


def _check_member(info: zipfile.ZipInfo, stream: IO[bytes], room: int) -> None:
    """Hold an entry against the local header, and against the bytes up to the next member."""
    stream.seek(info.header_offset)
    head = stream.read(LOCAL_HEADER.size)
    if len(head) < LOCAL_HEADER.size or not head.startswith(SIGNATURE):
        raise ValueError(f"its directory leads for {info.filename!r} to what is no member")
    _, flags, name_length, extra_length = LOCAL_HEADER.unpack(head)
    name = stream.read(name_length).decode("utf-8" if flags & UTF_8 else "cp437")
    if name != info.orig_filename:
        raise ValueError(f"its directory names {info.filename!r} what the member calls {name!r}")
    rest = room - LOCAL_HEADER.size - name_length - extra_length - info.compress_size
    if rest not in (DESCRIPTORS if flags & HAS_DESCRIPTOR else (0,)):
        raise ValueError(
            f"its directory leaves {rest} bytes behind {info.filename!r}, where the next member or "
            "the directory was expected: a member is missing from it, or a size is wrong"
        )


def local_header_bytes(stream: IO[bytes]) -> int:
    """Read the local header of a member, and return how long it is with its name and extras."""
    _, _, name_length, extra_length = LOCAL_HEADER.unpack(stream.read(LOCAL_HEADER.size))
    return LOCAL_HEADER.size + int(name_length) + int(extra_length)


def check_sizes(info: zipfile.ZipInfo) -> None:
    """Refuse a member that NumPy does not write, or that cannot hold what it claims.

    Raises
    ------
    ValueError
        If it is encrypted, compressed otherwise than by deflate, or claims more than deflate can
        make of its bytes.
    """
    if info.flag_bits & 1:
        raise ValueError("it is encrypted; write it without a password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(
            f"it is compressed by method {info.compress_type}; write it with numpy.savez or "
            "numpy.savez_compressed"
        )
    most = info.compress_size
    if info.compress_type == zipfile.ZIP_DEFLATED:
        most *= MOST_INFLATED
    if info.file_size > most:
        raise ValueError(
            f"it claims {info.file_size} bytes, and the {info.compress_size} that lie there cannot "
            f"be more than {most}"
        )
