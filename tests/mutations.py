"""Scan files that were damaged, or made to do harm: `mutate` makes any number of them.

Each has a kind. Of the kinds in `REWRITTEN` the arrays themselves are changed, and the archive
around them is whole: such a file is another valid one, or none, but never the original.
"""

import io
import struct
import warnings
import zipfile

import numpy as np

DIRECTORY, LOCAL, END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"
REWRITTEN = ("header", "header text", "dtype", "values", "bomb", "pickle", "metadata")


def original(compress=False):
    """Bytes of a whole scan file: 40 positions, an object of 60 x 50, and all that is optional."""
    rng = np.random.default_rng(0)
    arrays = {
        "xcoords": rng.uniform(5, 45, 40),
        "ycoords": rng.uniform(5, 55, 40),
        "objectGuess": (rng.normal(size=(60, 50)) + 1j).astype(np.complex64),
        "diff3d": rng.random((40, 8, 8)).astype(np.float32),
        "probeGuess": np.ones((8, 8), np.complex64),
        "scan_index": np.arange(40),
        "xcoords_start": rng.uniform(5, 45, 40),
        "ycoords_start": rng.uniform(5, 55, 40),
        "_metadata": np.array('{"nphotons": 1e9}'),
    }
    stream = io.BytesIO()
    (np.savez_compressed if compress else np.savez)(stream, **arrays)
    return stream.getvalue()


WHOLE = [original(), original(compress=True)]


def mutate(seed):
    """Return the kind of a mutation, and the bytes of the file."""
    rng = np.random.default_rng(seed)
    whole = WHOLE[rng.integers(2)]
    kind = list(KINDS)[seed % len(KINDS)]
    return kind, bytes(KINDS[kind](bytearray(whole), rng))


def _any_of(choices, rng):
    return choices[rng.integers(len(choices))]


# -- bytes -----------------------------------------------------------------------------------


def truncated(data, rng):
    return data[: rng.integers(len(data))]


def bits(data, rng):
    for at in rng.integers(0, len(data), rng.integers(1, 4)):
        data[at] ^= 1 << rng.integers(8)
    return data


def block(data, rng):
    at = rng.integers(len(data))
    length = min(rng.integers(1, 600), len(data) - at)
    data[at : at + length] = bytes(length) if rng.random() < 0.5 else rng.bytes(length)
    return data


def shifted(data, rng):
    """Bytes come in or are lost, anywhere or at an end."""
    at = rng.choice([0, len(data), rng.integers(len(data))])
    if rng.random() < 0.5:
        del data[at : at + rng.integers(1, 100)]
    else:
        data[at:at] = rng.bytes(rng.integers(1, 100))
    return data


def bits_of_the_directory(data, rng):
    start = data.find(DIRECTORY)
    for at in rng.integers(start, len(data), rng.integers(1, 3)):
        data[at] ^= 1 << rng.integers(8)
    return data


def bits_of_local_headers(data, rng):
    at = _find_all(data, LOCAL)[rng.integers(9)] + rng.integers(30 + 12)
    data[at] ^= 1 << rng.integers(8)
    return data


# -- the directory ---------------------------------------------------------------------------


#: Fields of an entry in the directory: where, and how long.
FIELDS = {"version": (6, 2), "flags": (8, 2), "method": (10, 2), "crc": (16, 4),
          "compressed": (20, 4), "size": (24, 4), "name": (28, 2), "extra": (30, 2),
          "comment": (32, 2), "disk": (34, 2), "offset": (42, 4)}  # fmt: skip
#: Fields of the record at the end.
ENDS = {"disk": (4, 2), "here": (8, 2), "count": (10, 2), "size": (12, 4), "offset": (16, 4),
        "comment": (20, 2)}  # fmt: skip
NUMBERS = [0, 1, 2, 8, 9, 12, 14, 0x41, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFE,
           0xFFFFFFFF]  # fmt: skip


def field_of_the_directory(data, rng):
    _set_field(data, _find_all(data, DIRECTORY)[rng.integers(9)], FIELDS, rng)
    return data


def field_of_the_end(data, rng):
    _set_field(data, data.rfind(END), ENDS, rng)
    return data


def _set_field(data, start, fields, rng):
    at, width = fields[list(fields)[rng.integers(len(fields))]]
    number = _any_of(NUMBERS, rng) & (256**width - 1)
    data[start + at : start + at + width] = number.to_bytes(width, "little")


def entry_removed(data, rng):
    """The directory loses an entry; what it counts is put right, or is not."""
    return _edit_entries(data, rng, lambda entries, at: entries[:at] + entries[at + 1 :])


def entry_doubled(data, rng):
    return _edit_entries(data, rng, lambda entries, at: [*entries, entries[at]])


def entry_renamed(data, rng):
    def rename(entries, at):
        name = _any_of([b"ycoords.npy", b"xcoords.npy", b"diff3d.npz", b"\xff\xfe", b"a/../b"], rng)
        entry = bytearray(entries[at])
        length = struct.unpack_from("<H", entry, 28)[0]
        entry[46 : 46 + length] = name
        struct.pack_into("<H", entry, 28, len(name))
        return [*entries[:at], bytes(entry), *entries[at + 1 :]]

    return _edit_entries(data, rng, rename)


def entries_swapped(data, rng):
    """Two entries lead to each other's data."""

    def swap(entries, at):
        one, other = bytearray(entries[at]), bytearray(entries[at - 1])
        one[16:28], other[16:28] = other[16:28], one[16:28]
        one[42:46], other[42:46] = other[42:46], one[42:46]
        rest = [e for i, e in enumerate(entries) if i not in (at, (at - 1) % len(entries))]
        return [*rest, bytes(one), bytes(other)]

    return _edit_entries(data, rng, swap)


def entry_of_zip64(data, rng):
    """An entry that claims 64-bit sizes, up to pebibytes."""

    def lie(entries, at):
        entry = bytearray(entries[at])
        entry[20:28] = b"\xff" * 8
        sizes = [_any_of([0, 1, 2**33, 2**50, 2**63, 2**64 - 1], rng) for _ in range(2)]
        entry += struct.pack("<HHQQ", 1, 16, *sizes)
        struct.pack_into("<H", entry, 30, 20)
        return [*entries[:at], bytes(entry), *entries[at + 1 :]]

    return _edit_entries(data, rng, lie)


def _edit_entries(data, rng, edit):
    starts, end = _find_all(data, DIRECTORY), data.rfind(END)
    entries = [bytes(data[a:b]) for a, b in zip(starts, [*starts[1:], end], strict=True)]
    entries = edit(entries, int(rng.integers(len(entries))))
    record = bytearray(data[end:])
    if rng.random() < 0.8:
        struct.pack_into("<HHI", record, 8, len(entries), len(entries), sum(map(len, entries)))
    return data[: starts[0]] + b"".join(entries) + record


def _find_all(data, magic):
    found = []
    at = data.find(magic)
    while at >= 0:
        found.append(at)
        at = data.find(magic, at + 4)
    return found


# -- members ---------------------------------------------------------------------------------


def _members(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def _zipped(members, method=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return bytearray(stream.getvalue())


def other_compression(data, rng):
    """LZMA and bzip2, whole or damaged, or what merely says that it is of such a kind."""
    method = _any_of([zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2], rng)
    packed = _zipped(_members(data).items(), method)
    return packed if rng.random() < 0.3 else bits(packed, rng)


def unknown_compression(data, rng):
    """Deflate64, Zstandard, and numbers that mean nothing, in both headers."""
    number = _any_of([1, 6, 9, 93, 95, 98, 99, 65535], rng)
    which = rng.integers(9)
    struct.pack_into("<H", data, _find_all(data, LOCAL)[which] + 8, number)
    struct.pack_into("<H", data, _find_all(data, DIRECTORY)[which] + 10, number)
    return data


def encrypted(data, rng):
    which, flag = rng.integers(9), _any_of([1, 0x20, 0x40, 0x2000, 0x800], rng)
    for start, at in ((_find_all(data, LOCAL)[which], 6), (_find_all(data, DIRECTORY)[which], 8)):
        struct.pack_into(
            "<H", data, start + at, struct.unpack_from("<H", data, start + at)[0] | flag
        )
    return data


def doubled(data, rng):
    """A name stands twice, with the same content or another."""
    members = list(_members(data).items())
    name, content = members[rng.integers(len(members))]
    again = content if rng.random() < 0.5 else members[rng.integers(len(members))][1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _zipped([*members, (name, again)])


def member_cut(data, rng):
    """The content of a member is too short or too long, in a whole archive."""
    members = _members(data)
    name = list(members)[rng.integers(len(members))]
    content = members[name]
    longer = rng.random() < 0.5
    members[name] = content + rng.bytes(9) if longer else content[: rng.integers(len(content))]
    return _zipped(members.items())


# -- arrays in a whole archive ---------------------------------------------------------------


KEYS = ["xcoords", "ycoords", "objectGuess", "diff3d", "probeGuess", "scan_index", "xcoords_start",
        "_metadata"]  # fmt: skip
SHAPES = ["(0, 10**30)", f"(0, {10**30})", "(64, True)", "(True,)", "(-1,)", "(-40, -1)", "()",
          "(0,)", f"({2**50},)", f"({2**62}, {2**62})", f"({2**63},)", "(40.0,)", "[40]", "None",
          "(40, (1,))", "40", "('a',)", f"({'1, ' * 70})", f"({'1, ' * 3000})", "(40L,)",
          f"({'9' * 5000},)", "(1e3,)", "(40,)*3", f"({2**33}, {2**33})"]  # fmt: skip
DTYPES = [">f8", "<f2", "<f4", "<c16", "<c32", "<f16", "<i1", ">u8", "<M8[s]", "<m8[s]", "|O",
          "|b1", "|S8", "<U2", "<U0", "|V8", "|V0", "(2,3)<f8", "<f8,<f8", "x", "", "f8\\x00",
          ">c8", "<c8", "=f8", "<f3", "<U999999999", "|S2147483647"]  # fmt: skip
RAW = ["[('x', '<f8')]", "[('x', '<f8', (10**9,))]", "('<f8', (4,))", "[]", "{}", "None", "3", "()",
       "[('x', '|O')]", "[('x', [('y', '<f8')])]", "'<f8' '<f8'"]  # fmt: skip


def _with_array(data, key, content):
    members = _members(data)
    members[f"{key}.npy"] = content
    return _zipped(members.items())


def _array_of(data, rng):
    key = KEYS[rng.integers(len(KEYS))]
    content = _members(data)[f"{key}.npy"]
    length = struct.unpack_from("<H", content, 8)[0]
    return key, content[10 : 10 + length].decode("latin1"), content[10 + length :]


def _npy(header, body, version=b"\x01\x00"):
    packed = struct.pack("<H" if version[0] == 1 else "<I", len(header) & 0xFFFF)
    return b"\x93NUMPY" + version + packed + header.encode("latin1") + body


def header(data, rng):
    """Shapes of every kind, a wrong order, no or too many keys."""
    key, text, body = _array_of(data, rng)
    shape = SHAPES[rng.integers(len(SHAPES))]
    start = text.index("'shape': ") + 9
    edited = text[:start] + shape + text[text.index(")", start) + 1 :]
    if rng.random() < 0.1:
        edited = text.replace("False", str(rng.choice(["True", "1", "None", "'yes'"])))
    return _with_array(data, key, _npy(edited, body))


def header_text(data, rng):
    """Headers that are no Python, are too deep, too long, or of another version."""
    key, text, body = _array_of(data, rng)
    deep = 3000
    edited = [
        "(" * deep, "{" * deep, "[" * deep + "]" * deep, "-" * deep + "1", "\n  x\n y", "'''",
        "{'descr': '<f8'", "\\", "\x00", "\t\x0c{}", "lambda: 0", "{[]: 1}", "é" * 9, "",
        text.replace("'", '"'), text + text, text.strip() + " \n" * 9, "{**{}}", "1 if 1 else 2",
        text.replace("{", "{'more': 1, "), text.replace("'descr'", "b'descr'"), "(((1)", "0777L",
        text.replace("False", "__import__('os').system('x')"), " " * 40_000, "#" * 9000,
    ][rng.integers(26)]  # fmt: skip
    versions = [b"\x01\x00"] * 4 + [b"\x02\x00", b"\x03\x00", b"\x04\x00", b"\x00\x00", b"\xff\xff"]
    return _with_array(data, key, _npy(edited, body, versions[rng.integers(len(versions))]))


def dtype(data, rng):
    key, text, body = _array_of(data, rng)
    start = text.index("'descr': ") + 9
    choices = [repr(name).replace("\\\\", "\\") for name in DTYPES] + RAW
    edited = text[:start] + choices[rng.integers(len(choices))] + text[text.index(",", start) :]
    return _with_array(data, key, _npy(edited, body))


def values(data, rng):
    """Arrays that are none of what a scan needs, or numbers at the ends of their type."""
    key = KEYS[rng.integers(len(KEYS) - 1)]
    number = rng.choice([np.nan, np.inf, -np.inf, 1e300, -1e18, 2.0**63, 1e-320, -0.0, 3.4e38])
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arrays = _odd_arrays(number, rng)
    stream = io.BytesIO()
    np.save(stream, arrays[rng.integers(len(arrays))])
    return _with_array(data, key, stream.getvalue())


def _odd_arrays(number, rng):
    return [
        np.full(40, number), np.full((60, 50), number, "f8"), np.full((60, 50), number, "c8"),
        np.full((8, 8), number), np.zeros((0, 50)), np.zeros((60, 0), "c8"), np.zeros((1, 1)),
        np.zeros(0), np.zeros((40, 0, 0)), np.asfortranarray(rng.normal(size=(60, 50))),
        rng.normal(size=(60, 50)).astype(">f8"), np.full((60, 50), 2**62), np.zeros((60, 50), "f2"),
        np.full(40, np.iinfo("i8").min), np.full(40, np.iinfo("u8").max, "u8"), np.zeros((40, 1)),
        rng.normal(size=(60, 50)).astype("f16"), rng.normal(size=(60, 50)).astype("c32"),
        np.full(40, 30, "f16"), np.zeros((60, 50), bool), np.zeros(40, "M8[s]"),
    ]  # fmt: skip


def bomb(data, rng):
    """Arrays of 0.4 GiB that take half a megabyte, of every kind that is read."""
    key = KEYS[rng.integers(len(KEYS))]
    form = ["<f2", "<f8", ">c8", "<U100000000", "|S400000000", "|i1"][rng.integers(6)]
    size = np.dtype(form).itemsize
    count = max(1, 400_000_000 // size)
    side = int(count**0.5)
    shape = {"objectGuess": (side, side), "probeGuess": (side, side), "_metadata": ()}
    shape = shape.get(key, (count,)) if size < 100 else ()
    text = repr({"descr": form, "fortran_order": bool(rng.integers(2)), "shape": shape})
    stream = io.BytesIO(bytes(data))
    members = _members(data)
    del members[f"{key}.npy"]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
            member.write(_npy(text + "\n", b""))
            left = size * int(np.prod(shape))
            while left > 0:
                member.write(bytes(min(left, 1 << 24)))
                left -= 1 << 24
    return bytearray(stream.getvalue())


def pickle(data, rng):
    """Objects: the harmless None of legacy files, and pickles that are broken or have no end."""
    key = KEYS[rng.integers(len(KEYS))]
    body = [b"\x80\x04N.", b"\x80\x04", b"", b"(" * 300_000, b"I" + b"9" * 9000 + b"\n.",
            b"X\xff\xff\xff\xff", b"\x80\x04\x8d" + b"\xff" * 8, b"cos\nsystem\n(S'x'\ntR.",
            b"V[" + b"[" * 99_999 + b"\n.", b"V{\"a\": " + b"9" * 9999 + b"}\n."]  # fmt: skip
    text = "{'descr': '|O', 'fortran_order': False, 'shape': (), }\n"
    return _with_array(data, key, _npy(text, body[rng.integers(len(body))]))


def metadata(data, rng):
    """Texts that are no JSON, JSON too deep, too wide or beyond numbers, and no text at all."""
    texts = ["[" * 100_000, '{"a": ' * 5000, '{"a": ' + "9" * 5000 + "}", '{"a": "\\ud800"}', "",
             '{"a": NaN, "b": Infinity, "c": 1e999}', "[" + "{}," * 200_000 + "{}]", "\x00" * 9,
             '{"a": 1' + " " * 2_000_000 + "}", '{"__proto__": {"a": [null]}}']  # fmt: skip
    array = np.array(texts[rng.integers(len(texts))])
    which = rng.integers(4)
    if which == 0:
        array = array.astype("S")
    elif which == 1:  # beyond Unicode
        array = np.full(8, 0x7FFFFFFF, "<u4").view("<U8")[0:1]
    stream = io.BytesIO()
    np.save(stream, array)
    return _with_array(data, "_metadata", stream.getvalue())


KINDS = {
    "truncated": truncated, "bits": bits, "block": block, "shifted": shifted,
    "bits of the directory": bits_of_the_directory,
    "bits of local headers": bits_of_local_headers,
    "field of the directory": field_of_the_directory, "field of the end": field_of_the_end,
    "entry removed": entry_removed, "entry doubled": entry_doubled,
    "entry renamed": entry_renamed, "entries swapped": entries_swapped,
    "entry of zip64": entry_of_zip64, "other compression": other_compression,
    "unknown compression": unknown_compression, "encrypted": encrypted, "doubled": doubled,
    "member cut": member_cut, "header": header, "header text": header_text, "dtype": dtype,
    "values": values, "pickle": pickle, "metadata": metadata, "bomb": bomb,
}  # fmt: skip
