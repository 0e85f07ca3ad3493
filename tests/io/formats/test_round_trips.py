"""Every format that writes: what comes back equals what was written, and lies where it lay."""

from dataclasses import replace

import numpy as np
import pytest
from events import logged
from whole_scan import COUNT, WRITERS, full

from ptycho_engine.errors import InputFileError, OutputError
from ptycho_engine.io.patterns import BLOCK_BYTES, Patterns
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import read_scan, write_scan
from ptycho_engine.testing import reference_patches

every_writer = pytest.mark.parametrize(("name", "suffix"), WRITERS)
COUNTS = np.arange(COUNT * 64, dtype=np.uint16).reshape(-1, 8, 8)


def layered(axis):
    image = np.stack([full().image * factor for factor in (1, 2j, 3)])
    spacing = np.array([1e-6, 2e-6]) if axis == "slice" else None
    return full(image=image, layer_axis=axis, layer_spacing=spacing)


VARIANTS = {
    "full": full(),
    "odd": full(7),
    "slices": layered("slice"),
    "modes": layered("mode"),
    "one probe": full(probe=full().probe[0]),
    "double": full(image=full().image.astype(complex), probe=full().probe.astype(complex)),
    "counts": full(patterns=Patterns.of(COUNTS, "intensity")),
    "oblong pixels": full(pixel_size=(5e-9, 4e-9)),
    "bare": Scan(full().image, full().positions, "a test"),
    "measured": full(image=None, probe=None, nominal_positions=None),
}  # fmt: skip
#: What every format takes.
NEVER_REFUSED = ("full", "odd", "one probe", "double", "counts")


def same(one, other):
    """Whether two values are one, with dtype and shape; positions to a billionth of a pixel."""
    if isinstance(one, np.ndarray):
        if one.dtype == np.float64 and one.ndim == 2:
            return one.shape == other.shape and np.allclose(one, other, rtol=0, atol=1e-9)
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, float | tuple):
        return other == pytest.approx(one, rel=1e-12)
    return one == other


def there_and_back(folder, name, suffix, scan):
    """Write and read a scan; also return the fields that the writer said it has no place for."""
    path = folder / f"scan_para{suffix}"
    with logged() as logs:
        write_scan(path, scan, name)
    said = [log["dropped"] for log in logs if log["event"] == "not_in_this_format"]
    assert len(said) <= 1
    assert not any(entry.name.startswith(".") for entry in folder.iterdir())
    return read_scan(name, path), said[0] if said else []


@every_writer
@pytest.mark.parametrize("variant", VARIANTS)
def test_what_comes_back_is_what_was_written(tmp_path, name, suffix, variant):
    scan = VARIANTS[variant]
    try:
        again, dropped = there_and_back(tmp_path, name, suffix, scan)
    except (OutputError, InputFileError):
        assert variant not in NEVER_REFUSED
        assert list(tmp_path.iterdir()) == []
        return
    for field in ("image", "positions", "probe", "nominal_positions", "layer_axis", "layer_spacing",
                  "pixel_size", "detector_pixel_size", "energy", "distance", "mask"):  # fmt: skip
        if field not in dropped:
            assert same(getattr(scan, field), getattr(again, field)), field
    assert again.units == "px"
    if "patterns" not in dropped and scan.patterns is not None:
        expected = scan.patterns.as_quantity(again.patterns.quantity)
        assert again.patterns.dtype == expected.dtype
        np.testing.assert_array_equal(again.patterns.read(), expected.read())
        np.testing.assert_array_equal(again.patterns.take([3, 0, 3]), expected.take([3, 0, 3]))


@every_writer
@pytest.mark.parametrize("size", [8, 7])
def test_an_impulse_stays_where_it_is_in_every_patch(tmp_path, name, suffix, size):
    image = np.zeros((30, 41), complex)
    image[13, 17] = 1
    rng = np.random.default_rng(size)
    where = np.array([13, 17]) + rng.uniform(-2, 2, (COUNT, 2))
    scan = full(size, image=image, positions=where, nominal_positions=None)
    again, _ = there_and_back(tmp_path, name, suffix, scan)
    patches = reference_patches(again.image, again.positions, size)  # bilinear: keeps the centroid
    mass = np.abs(patches)
    np.testing.assert_allclose(mass.sum(axis=(1, 2)), 1, atol=1e-9)
    axes = np.arange(size)
    centroid = np.stack([mass.sum(axis=2) @ axes, mass.sum(axis=1) @ axes], axis=1)
    np.testing.assert_allclose(centroid, [13, 17] - where + size // 2, rtol=0, atol=1e-9)


@every_writer
def test_nothing_is_replaced(tmp_path, name, suffix):
    path = tmp_path / f"scan_para{suffix}"
    path.write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        write_scan(path, full(), name)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    assert path.read_text() == "mine"


@every_writer
def test_a_scan_that_cannot_be_read_to_its_end_leaves_nothing(tmp_path, name, suffix):
    def broken(ranges, into):
        raise OSError(28, "No space left on device")

    patterns = Patterns((COUNT, 8, 8), np.dtype("f4"), broken, "amplitude")
    try:
        write_scan(tmp_path / f"scan_para{suffix}", full(patterns=patterns), name)
    except OSError:
        assert list(tmp_path.iterdir()) == []


@every_writer
def test_patterns_are_never_all_in_memory(tmp_path, name, suffix):
    seen = []

    def load(ranges, into):
        seen.append(into.nbytes)
        into[...] = 1

    patterns = Patterns((20, 512, 512), np.dtype("f4"), load, "intensity")
    where = {"positions": np.ones((20, 2)), "nominal_positions": None}
    scan = full(512, patterns=patterns, metadata={}, **where)
    write_scan(tmp_path / f"scan_para{suffix}", scan, name)
    assert all(size <= BLOCK_BYTES for size in seen)
    assert sum(seen) in (0, patterns.nbytes)  # once, or this format holds none


@pytest.mark.parametrize(("name", "suffix"), [w for w in WRITERS if w[0] != "ptychodus_training"])
def test_bytes_in_any_order_are_written(tmp_path, name, suffix):
    scan = full(image=full().image.astype(">c16"), probe=full().probe.astype(">c8"))
    write_scan(tmp_path / f"s_para{suffix}", scan, name)
    found = read_scan(name, tmp_path / f"s_para{suffix}")
    np.testing.assert_array_equal(found.image, scan.image)
    np.testing.assert_array_equal(found.probe, scan.probe)


@pytest.mark.parametrize("axis", ["mode", "slice"])
@every_writer
def test_a_single_layer_is_an_object(tmp_path, name, suffix, axis):
    scan = full(image=full().image[None], layer_axis=axis)
    write_scan(tmp_path / f"s_para{suffix}", scan, name)
    found = read_scan(name, tmp_path / f"s_para{suffix}").with_one_layer()
    np.testing.assert_array_equal(found.image, full().image)


@pytest.mark.parametrize("suffix", [".cxi", ".nxs", ".ptyd", ".npz"])
def test_shares_of_a_probe_that_have_no_place_are_said(tmp_path, suffix):
    held = {"opr_probe": full().probe[None], "opr_weights": np.ones((COUNT, 1))}
    with logged() as logs:
        write_scan(tmp_path / f"s{suffix}", full(metadata=held))
    (said,) = [log["dropped"] for log in logs if log["event"] == "not_in_this_format"]
    assert said[-2:] == ["opr_probe", "opr_weights"]


@pytest.mark.parametrize("suffix", [".cxi", ".ptyd"])
def test_pixels_of_an_npz_may_be_said_to_have_a_size(tmp_path, suffix):
    scan, path = full(), tmp_path / "s.npz"
    write_scan(path, scan)
    plain = replace(read_scan("npz", path), energy=None, distance=None)
    with pytest.raises(OutputError, match=r"scan\.object_pixel_size"):
        write_scan(tmp_path / f"t{suffix}", plain)
    sized = read_scan("npz", path, {"object_pixel_size": 2e-8})
    write_scan(tmp_path / f"t{suffix}", sized)
    found = read_scan("file", tmp_path / f"t{suffix}")
    assert found.pixel_size == pytest.approx((2e-8, 2e-8))
    np.testing.assert_allclose(found.positions, scan.positions, atol=1e-9)


@pytest.mark.parametrize(
    ("suffix", "scan"),
    [
        (".npz", Scan(None, full().positions, "points alone")),
        (".ptyd", full(patterns=Patterns.of(np.zeros((0, 8, 8)), "intensity"),
                       positions=np.zeros((0, 2)), nominal_positions=None)),
    ],
)  # fmt: skip
def test_what_could_not_be_read_again_is_not_written(tmp_path, suffix, scan):
    with pytest.raises(OutputError, match="Choose another format"):
        write_scan(tmp_path / f"s{suffix}", scan)
    assert not list(tmp_path.iterdir())
