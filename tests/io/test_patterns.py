"""Patterns that stay where they are: ranges and indices, several files, budget, quantity."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_engine.errors import InputFileError, MemoryBudgetError, RequestError
from ptycho_engine.io import patterns as patterns_module
from ptycho_engine.io.formats.ptychopinn import Options, read_npz
from ptycho_engine.io.npz_archive import NpzArchive
from ptycho_engine.io.patterns import Patterns, fill_ranges

COUNT, SHAPE = 11, (3, 4)
STACK = np.arange(COUNT * 12, dtype=np.uint16).reshape(COUNT, *SHAPE)


def joined(cuts):
    edges = sorted({0, COUNT, *cuts})
    return Patterns.joined(Patterns.of(STACK[a:b], source=f"file {a}") for a, b in pairwise(edges))


ranges = st.tuples(st.integers(0, COUNT), st.integers(0, COUNT)).map(sorted)
indices = st.lists(st.integers(0, COUNT - 1), max_size=20)
cuts = st.lists(st.integers(0, COUNT), max_size=4)


@settings(max_examples=40)
@given(cuts, ranges, indices)
def test_any_range_and_any_indices_of_any_files(cuts, wanted, indices):
    for patterns in (joined(cuts), pickle.loads(pickle.dumps(joined(cuts)))):
        assert (patterns.shape, patterns.dtype) == (STACK.shape, STACK.dtype)
        start, stop = wanted
        np.testing.assert_array_equal(patterns.read(start, stop), STACK[start:stop])
        np.testing.assert_array_equal(patterns.take(indices), STACK[np.array(indices, int)])
        picked = patterns.picked(indices)
        np.testing.assert_array_equal(picked.read(), STACK[np.array(indices, int)])
        np.testing.assert_array_equal(
            picked.read(len(indices) // 2), picked.read()[len(indices) // 2 :]
        )


@settings(max_examples=15)
@given(indices=indices, wanted=ranges)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["first", "last", "fortran", "four", ">u2"])
def test_every_layout_of_an_npz(tmp_path_factory, save, order, indices, wanted):
    square = np.arange(COUNT * 9, dtype=np.uint16).reshape(COUNT, 3, 3)
    held = {
        "first": square, "last": np.moveaxis(square, 0, -1).copy(),
        "fortran": np.asfortranarray(square), "four": square[..., None],
        ">u2": square.astype(">u2"),
    }[order]  # fmt: skip
    path = tmp_path_factory.getbasetemp() / f"{save.__name__} {order}.npz"
    if not path.exists():
        where = {"xcoords": np.zeros(COUNT), "ycoords": np.zeros(COUNT)}
        save(path, diff3d=held, objectGuess=np.ones((4, 4)), **where)
    patterns = read_npz(path, Options(quantity="amplitude")).patterns
    np.testing.assert_array_equal(patterns.read(*wanted), square[slice(*wanted)])
    np.testing.assert_array_equal(patterns.take(indices), square[np.array(indices, int)])
    whole = patterns.read()
    np.testing.assert_array_equal(whole, square)
    doubled = Patterns.joined([patterns, patterns]).as_quantity("intensity")
    for source, expected in ((patterns, square), (doubled, np.tile(square, (2, 1, 1)) ** 2)):
        blocks = [block for _, _, block in source.blocks(3 * 18)]
        np.testing.assert_array_equal(np.concatenate(blocks), expected)
    assert whole.flags.c_contiguous
    assert whole.dtype == np.uint16


@pytest.mark.parametrize("wanted", [(-1, 3), (0, 12), (5, 4), (12, 12)])
def test_ranges_beyond_the_patterns_are_refused(wanted):
    with pytest.raises(RequestError, match=f"range {wanted[0]} to {wanted[1]}.* 11 patterns"):
        joined([]).read(*wanted)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [([0, 11], "index 11.*0 to 10"), ([-1], "index -1"), ([0.5], "float64"), ([[0]], "shape")],
)
def test_indices_that_are_none_are_refused(wanted, message):
    with pytest.raises(RequestError, match=message):
        joined([]).take(wanted)


def test_what_is_read_counts_and_the_rest_does_not(monkeypatch):
    monkeypatch.setattr("ptycho_engine.memory.parse_bytes", lambda budget: 5 * 24)
    patterns = joined([4])
    assert len(patterns.read(2, 7)) == len(patterns.take([0, 2, 4, 6, 8])) == 5
    for read in (lambda: patterns.read(2, 8), lambda: patterns.take([3, 2, 1])):
        with pytest.raises(MemoryBudgetError, match="reading the patterns takes 144 B"):
            read()


def test_blocks_cover_everything_once():
    for size in (1, 24 * 3, 10**6):
        blocks = list(joined([2]).blocks(size))
        assert [start for start, _, _ in blocks] == [0, *(stop for _, stop, _ in blocks[:-1])]
        np.testing.assert_array_equal(np.concatenate([values for _, _, values in blocks]), STACK)


def test_files_that_differ_are_not_joined():
    for other in (STACK[:, :2], STACK.astype(float)):
        with pytest.raises(InputFileError, match=r"^other: holds patterns of .*as in file 0"):
            Patterns.joined([joined([]), Patterns.of(other, source="other")])
    with pytest.raises(InputFileError, match="no files"):
        Patterns.joined([])


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("u1", "f4"), ("u2", "f4"), ("i4", "f8"), ("f4", "f4"), ("f8", "f8"), ("f2", "f4")],
)
def test_intensity_becomes_amplitude_and_back(dtype, expected):
    counts = np.array([[[0, 1, 4, 81]]], dtype)
    amplitude = Patterns.of(counts, "intensity").as_quantity("amplitude")
    assert (amplitude.quantity, amplitude.dtype) == ("amplitude", np.dtype(expected))
    np.testing.assert_array_equal(amplitude.read(), [[[0, 1, 2, 9]]])
    again = pickle.loads(pickle.dumps(amplitude)).as_quantity("intensity")
    np.testing.assert_array_equal(again.read(), counts)
    assert amplitude.as_quantity("amplitude") is amplitude


def test_negative_counts_become_zero():
    amplitude = Patterns.of(np.array([[[-4, 9]]]), "intensity").as_quantity("amplitude")
    np.testing.assert_array_equal(amplitude.read(), [[[0, 3]]])


def test_of_patterns_of_unknown_meaning_nothing_is_computed():
    with pytest.raises(RequestError, match="option quantity"):
        Patterns.of(STACK).as_quantity("amplitude")


# -- files that change, or are damaged -------------------------------------------------------


def save(path, stack):
    count = len(stack)
    where = {"xcoords": np.zeros(count), "ycoords": np.zeros(count)}
    np.savez(path, diff3d=stack, objectGuess=np.ones((4, 4)), **where)
    return path


def test_a_file_that_changed_since_is_refused(tmp_path):
    path = save(tmp_path / "scan.npz", np.ones((5, 3, 3)))
    patterns = read_npz(path).patterns
    save(path, np.ones((6, 3, 3)))
    with pytest.raises(InputFileError, match="another than when the scan was read"):
        patterns.read(1, 2)


def test_damage_is_found_where_all_is_read(tmp_path):
    path = save(tmp_path / "scan.npz", np.full((5, 3, 3), 7.25))
    patterns = read_npz(path).patterns
    data = bytearray(path.read_bytes())
    at = data.find(np.float64(7.25).tobytes() * 2)
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputFileError, match="CRC"):
        patterns.read()


def test_blocks_of_a_compressed_member_take_one_pass(tmp_path, monkeypatch):
    path, stack = tmp_path / "scan.npz", np.random.default_rng(0).random((50, 3, 3))
    where = {"xcoords": np.zeros(50), "ycoords": np.zeros(50)}
    np.savez_compressed(path, diff3d=stack, objectGuess=np.ones((4, 4)), **where)
    patterns = read_npz(path).patterns
    monkeypatch.setattr(NpzArchive, "load_ranges", lambda *_: pytest.fail("read through again"))
    blocks = [block for _, _, block in patterns.as_quantity("intensity").blocks(72 * 7)]
    assert [len(block) for block in blocks] == [7] * 7 + [1]
    np.testing.assert_array_equal(np.concatenate(blocks), stack**2)


def test_a_range_of_a_stored_member_is_mapped(tmp_path, monkeypatch):
    patterns = read_npz(save(tmp_path / "scan.npz", np.ones((5, 3, 3)))).patterns
    monkeypatch.setattr(NpzArchive, "load_ranges", lambda *_: pytest.fail("read through"))
    assert patterns.read(1, 3).sum() == 18


@pytest.mark.parametrize("arrange", [lambda stack: np.moveaxis(stack, 0, -1), np.asfortranarray])
def test_patterns_that_lie_across_a_compressed_member_are_unpacked_once(
    tmp_path, monkeypatch, arrange
):
    stack, unpacked = np.arange(50 * 16.0).reshape(50, 4, 4), []
    path, load = tmp_path / "packed.npz", NpzArchive.load
    where = {"xcoords": np.zeros(50), "ycoords": np.zeros(50)}
    np.savez_compressed(path, diff3d=arrange(stack), **where)
    patterns = read_npz(path).patterns
    monkeypatch.setattr(NpzArchive, "load", lambda *a: unpacked.append(a[1]) or load(*a))
    for start, stop, block in patterns.blocks(3 * 16 * 8):
        assert block.flags.c_contiguous
        np.testing.assert_array_equal(block, stack[start:stop])
    assert (stop, unpacked) == (50, ["diff3d"])


# -- what they are ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "declared", "chosen", "quantity"),
    [
        ("f4", None, None, "amplitude"),
        ("u2", None, None, None),
        ("u2", None, "intensity", "intensity"),
        ("f4", '{"a": "count_intensity"}', None, "intensity"),
        ("u2", '{"a": "normalized_amplitude"}', None, "amplitude"),
        ("f4", '{"a": "count_intensity"}', "amplitude", "amplitude"),
    ],
)
def test_what_the_patterns_of_an_npz_are(tmp_path, dtype, declared, chosen, quantity):
    from ptycho_engine.io.scan_files import read_scan

    path = tmp_path / "scan.npz"
    more = {} if declared is None else {"_metadata": np.array(declared)}
    where = {"xcoords": np.zeros(2), "ycoords": np.zeros(2)}
    np.savez(path, diff3d=np.ones((2, 3, 3), dtype), objectGuess=np.ones((4, 4)), **where, **more)
    scan = read_scan("npz", path, {} if chosen is None else {"quantity": chosen})
    assert scan.patterns.quantity == quantity
    assert len(scan.warnings) == (quantity is None)
    assert scan.assumptions.get("quantity", "").startswith(quantity or "")


@settings(max_examples=40)
@given(st.lists(st.integers(0, 39), max_size=30, unique=True), st.integers(1, 9))
def test_changes_as_patterns_are_read(indices, room):
    """In the order of the indices, and never more at a time than a block has room for."""
    stack = np.arange(40 * 6, dtype="u2").reshape(40, 2, 3)
    sizes = []

    def load(ranges, into):
        sizes.append(len(into))
        fill_ranges(stack, ranges, into)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patterns_module, "BLOCK_BYTES", room * stack[0].nbytes)
        changed = Patterns(stack.shape, stack.dtype, load).mapped(_negated, (2, 2), np.dtype("f8"))
        found = changed.take(indices)
    np.testing.assert_array_equal(found, -stack[np.array(indices, int), :, :2].astype(float))
    assert found.dtype == "f8"
    assert sum(sizes) == len(indices)
    assert max(sizes, default=0) <= room


def _negated(patterns):
    return -patterns[:, :, :2].astype(np.float64)


def _plus_one(frames):
    return (frames + 1)[:, :2]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_changes_reach_what_is_read_in_blocks_too(tmp_path, save):
    """A compressed member has a way of its own to be gone through."""
    stack = np.arange(COUNT * 9, dtype=np.float32).reshape(COUNT, 3, 3)
    where = {"xcoords": np.zeros(COUNT), "ycoords": np.zeros(COUNT)}
    save(tmp_path / "scan.npz", diff3d=stack, objectGuess=np.ones((4, 4)), **where)
    patterns, told = read_npz(tmp_path / "scan.npz").patterns, []
    changed = {
        "intensity": (patterns.as_quantity("intensity"), stack**2),
        "mapped": (patterns.mapped(_plus_one, (2, 3), np.dtype(np.float32)), (stack + 1)[:, :2]),
        "picked": (patterns.picked([3, 1]), stack[[3, 1]]),
        "joined": (Patterns.joined([patterns, patterns]), np.concatenate([stack, stack])),
        "watched": (patterns.watched(told.append), stack),
    }
    for name, (found, expected) in changed.items():
        assert found.shape == expected.shape, name
        blocks = np.concatenate([block for _, _, block in found.blocks(100)])
        np.testing.assert_array_equal(blocks, expected, name)
        np.testing.assert_array_equal(found.read(), expected, name)
    assert sum(told) == 2 * COUNT


@pytest.mark.parametrize("word", ["Intensity", "intensities", "counts", ""])
def test_a_quantity_that_there_is_not_is_refused(word):
    stack = np.full((3, 4, 4), 9.0, np.float32)
    with pytest.raises(RequestError, match="quantity"):
        Patterns.of(stack, word)
    with pytest.raises(RequestError, match="quantity"):
        Patterns.of(stack, "intensity").as_quantity(word)
