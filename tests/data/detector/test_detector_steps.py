"""From the detector to N: each step equals a naive one in float64, and what hangs on it follows."""

import pickle
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ptycho_engine.data.detector.detector_frames import (
    binned,
    filled,
    oriented,
    window,
    without_dark,
)
from ptycho_engine.data.detector.detector_search import find_centre, find_hot
from ptycho_engine.data.detector.detector_settings import Preparation, prepare
from ptycho_engine.data.detector.detector_steps import (
    bin_pixels,
    crop,
    mask_pixels,
    orient,
    pad,
    subtract_dark,
    take_amplitude,
    transform_positions,
)
from ptycho_engine.errors import ConfigurationError, RequestError
from ptycho_engine.io.optics import far_field_pixel
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import write_scan

COUNT, HEIGHT, WIDTH = 5, 12, 18
cheap = settings(max_examples=25, deadline=None)
sides = st.integers(1, 9)
DTYPES = st.sampled_from(["u1", "i2", "u2", "i4", "u4", "f4", "f8"])


@st.composite
def frames_drawn(draw, dtypes=DTYPES):
    dtype = np.dtype(draw(dtypes))
    shape = (draw(st.integers(1, 3)), draw(sides), draw(sides))
    most = np.iinfo(dtype).max if dtype.kind != "f" else 1e6
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    return rng.uniform(0, most, shape).astype(dtype)


def scan(**changes):
    """A measured scan of counts, in the far field, with a dark frame and a bad pixel."""
    rng = np.random.default_rng(3)
    mask = np.ones((HEIGHT, WIDTH), bool)
    mask[1, 2] = False
    detector = (75e-6, 50e-6)
    fields = {
        "image": None,
        "positions": rng.uniform(-20, 20, (COUNT, 2)),
        "source": "a test",
        "patterns": Patterns.of(rng.poisson(9, (COUNT, HEIGHT, WIDTH)).astype("u2"), "intensity"),
        "nominal_positions": rng.uniform(-20, 20, (COUNT, 2)),
        "pixel_size": far_field_pixel(8000.0, 1.5, detector, (HEIGHT, WIDTH)),
        "detector_pixel_size": detector,
        "energy": 8000.0,
        "distance": 1.5,
        "mask": mask,
        "metadata": {"dark": rng.integers(0, 9, (HEIGHT, WIDTH)).astype("u2")},
    }
    return Scan(**fields | changes)


def counts(of):
    return of.patterns.read().astype(np.float64)


def metres(of):
    """Positions that no step but those that move them may change."""
    return of.positions * of.pixel_size


# -- frames ----------------------------------------------------------------------------------


@cheap
@given(frames_drawn(), st.tuples(*[st.integers(-12, 12)] * 2), st.tuples(sides, sides))
def test_window(frames, start, shape):
    expected = np.zeros((len(frames), *shape))
    for y in range(shape[0]):
        for x in range(shape[1]):
            row, column = start[0] + y, start[1] + x
            if 0 <= row < frames.shape[1] and 0 <= column < frames.shape[2]:
                expected[:, y, x] = frames[:, row, column]
    found = window(frames, start, shape)
    assert found.dtype == frames.dtype
    np.testing.assert_array_equal(found, expected)


@cheap
@given(frames_drawn(), st.integers(1, 4))
def test_binning_loses_no_count(frames, factor):
    frames = frames.repeat(factor, axis=1).repeat(factor, axis=2)
    found = binned(frames, factor)
    expected = np.zeros(found.shape)
    for y in range(found.shape[1]):
        for x in range(found.shape[2]):
            square = frames[:, y * factor : (y + 1) * factor, x * factor : (x + 1) * factor]
            expected[:, y, x] = square.astype(np.float64).sum(axis=(1, 2))
    tolerance = 1e-6 if frames.dtype == "f4" else 1e-14  # of the sum in its own precision
    np.testing.assert_allclose(found, expected, rtol=tolerance)
    assert (found.dtype.kind == "f") == (frames.dtype.kind == "f")


@cheap
@given(frames_drawn(), st.booleans(), st.booleans(), st.booleans())
def test_orientation(frames, flip_y, flip_x, transpose):
    found = oriented(frames, flip_y, flip_x, transpose)
    _, height, width = frames.shape
    for y in range(height):
        for x in range(width):
            row, column = height - 1 - y if flip_y else y, width - 1 - x if flip_x else x
            place = (column, row) if transpose else (row, column)
            np.testing.assert_array_equal(found[:, *place], frames[:, y, x])


@cheap
@given(frames_drawn(), st.sampled_from(["zero", "neighbours"]), st.data())
def test_filling(frames, fill, data):
    good = data.draw(arrays.arrays(bool, frames.shape[1:]))
    expected = frames.astype(np.float64)
    for y, x in np.argwhere(~good):
        near = [
            frames[:, row, column].astype(np.float64)
            for row in range(max(y - 1, 0), min(y + 2, frames.shape[1]))
            for column in range(max(x - 1, 0), min(x + 2, frames.shape[2]))
            if good[row, column]
        ]
        expected[:, y, x] = np.mean(near, axis=0) if near and fill == "neighbours" else 0
    found = filled(frames.copy(), good, fill)
    assert found.dtype == frames.dtype
    rounding = 0.5 if frames.dtype.kind in "iu" else 0
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=rounding)
    np.testing.assert_array_equal(found[:, good], frames[:, good])


@cheap
@given(frames_drawn(), DTYPES, st.integers(0, 9))
def test_darkness(frames, dtype, seed):
    dark = np.random.default_rng(seed).uniform(0, 100, frames.shape[1:]).astype(dtype)
    expected = np.maximum(frames.astype(np.float64) - dark.astype(np.float64), 0)
    found = without_dark(frames, dark)
    assert found.dtype.kind == "f"
    # float32 holds counts to 6e-8 of themselves, of which the difference may be small
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1.2e-7 * frames.max())


# -- what is found ---------------------------------------------------------------------------


@cheap
@given(st.integers(0, 99), st.booleans(), st.integers(1, 9))
def test_the_centre_of_mass(seed, amplitude, looked_at):
    rng = np.random.default_rng(seed)
    counted, good = rng.random((COUNT, 7, 9)) * 100, rng.random((7, 9)) > 0.3
    good[0, 0] = True
    stack = Patterns.of(np.sqrt(counted) if amplitude else counted, "amplitude" if amplitude
                        else "intensity")  # fmt: skip
    found = find_centre(scan(patterns=stack, mask=good), looked_at)
    taken = sorted({round(k) for k in np.linspace(0, COUNT - 1, looked_at)})
    total = y_sum = x_sum = 0.0
    for y in range(7):
        for x in range(9):
            mass = sum(counted[k, y, x] for k in taken) * good[y, x]
            total, y_sum, x_sum = total + mass, y_sum + mass * y, x_sum + mass * x
    np.testing.assert_allclose(found, (y_sum / total, x_sum / total), rtol=1e-12)


@cheap
@given(st.integers(0, 99), st.sampled_from([2.0, 10.0]))
def test_hot_pixels(seed, ratio):
    rng = np.random.default_rng(seed)
    counted, good = rng.exponential(5, (COUNT, 6, 7)), rng.random((6, 7)) > 0.3
    counted[:, rng.random((6, 7)) > 0.9] *= 50
    found = find_hot(scan(patterns=Patterns.of(counted, "intensity"), mask=good), ratio)
    mean = counted.mean(axis=0)
    for y in range(6):
        for x in range(7):
            near = [
                mean[row, column]
                for row in range(max(y - 1, 0), min(y + 2, 6))
                for column in range(max(x - 1, 0), min(x + 2, 7))
                if good[row, column] and (row, column) != (y, x)
            ]
            level = max(np.median(near) if near else 0, 1.0)
            assert found[y, x] == (good[y, x] and mean[y, x] > ratio * level)


def test_no_light_has_no_centre():
    dark = Patterns.of(np.zeros((COUNT, HEIGHT, WIDTH)), "intensity")
    with pytest.raises(RequestError, match="have no centre"):
        find_centre(scan(patterns=dark))
    with pytest.raises(RequestError, match="a ratio above 1"):
        find_hot(scan(), 0.5)


# -- steps: what hangs on the frames follows -------------------------------------------------


def test_crop_about_the_centre_of_the_beam():
    before = scan()
    after = crop(before, (8, 6), (5.4, 9.6))  # sample (5, 10) becomes (4, 3)
    np.testing.assert_array_equal(counts(after), counts(before)[:, 1:9, 7:13])
    expected = far_field_pixel(8000.0, 1.5, (75e-6, 50e-6), (8, 6))
    np.testing.assert_allclose(after.pixel_size, expected, rtol=1e-12)
    np.testing.assert_allclose(metres(after), metres(before), rtol=1e-12)
    np.testing.assert_allclose(
        after.nominal_positions * after.pixel_size, before.nominal_positions * before.pixel_size
    )
    assert after.mask is None  # the bad pixel is outside
    assert after.assumptions["steps"] == "crop to 8 x 6 about the given centre 5, 10"
    found = tuple(np.rint(find_centre(before)).astype(int))
    assert f"about the found centre {found[0]}, {found[1]}" in crop(before, 4).assumptions["steps"]


def test_padding_is_bad():
    before = scan()
    after = pad(before, (16, 19))
    np.testing.assert_array_equal(counts(after)[:, 2:14, :18], counts(before))
    assert counts(after).sum() == counts(before).sum()
    assert after.mask.sum() == before.mask.sum()
    assert after.patterns.shape[1] // 2 - 2 == HEIGHT // 2  # where the middle was
    np.testing.assert_allclose(metres(after), metres(before), rtol=1e-12)
    with pytest.raises(RequestError, match="Expected not less"):
        pad(before, 16)


def test_binning():
    before = scan()
    after = bin_pixels(before, 2)
    assert after.patterns.shape == (COUNT, HEIGHT // 2, WIDTH // 2)
    np.testing.assert_array_equal(after.patterns.read(), binned(before.patterns.read(), 2))
    np.testing.assert_allclose(after.detector_pixel_size, (150e-6, 100e-6))
    expected = far_field_pixel(8000.0, 1.5, after.detector_pixel_size, after.patterns.shape)
    np.testing.assert_allclose(after.pixel_size, expected, rtol=1e-12)
    np.testing.assert_array_equal(after.positions, before.positions)
    assert np.argwhere(~after.mask).tolist() == [[0, 1]]
    for bad in (5, 0, 1.5):
        with pytest.raises(RequestError, match="divides both"):
            bin_pixels(before, bad)


def test_in_the_near_field_an_object_pixel_is_the_detectors():
    before = scan(assumptions={"propagation": "near"}, pixel_size=(75e-6, 50e-6))
    cut, summed = crop(before, 4), bin_pixels(before, 3)
    assert cut.pixel_size == before.pixel_size
    np.testing.assert_array_equal(cut.positions, before.positions)
    np.testing.assert_allclose(summed.pixel_size, summed.detector_pixel_size)
    np.testing.assert_allclose(metres(summed), metres(before))


def test_metres_stay_metres():
    before = scan(units="m", pixel_size=None)
    for after in (crop(before, 4), bin_pixels(before, 2)):
        np.testing.assert_array_equal(after.positions, before.positions)
        assert after.pixel_size is None


@pytest.mark.parametrize("turn", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1)])
def test_orientation_and_what_follows(turn):
    before, (flip_y, flip_x, transpose) = scan(), map(bool, turn)
    after = orient(before, flip_y=flip_y, flip_x=flip_x, transpose=transpose)
    y, x = (before.positions * [-1 if flip_y else 1, -1 if flip_x else 1]).T
    np.testing.assert_array_equal(after.positions, np.stack([x, y] if transpose else [y, x], 1))
    sizes = before.pixel_size[::-1] if transpose else before.pixel_size
    assert after.pixel_size == sizes
    assert after.mask.shape == after.patterns.shape[1:]
    assert counts(after)[:, ~after.mask].tolist() == counts(before)[:, ~before.mask].tolist()
    stays = orient(before, flip_y=flip_y, flip_x=flip_x, transpose=transpose,
                   positions_follow=False)  # fmt: skip
    assert stays.pixel_size == sizes
    np.testing.assert_allclose(metres(stays), metres(before), rtol=1e-12)


@pytest.mark.parametrize("near", [False, True])
@pytest.mark.parametrize("known", [("pixel_size", "detector_pixel_size"), ("pixel_size",),
                                   ("detector_pixel_size",), ()])  # fmt: skip
def test_a_detector_that_lies_on_its_side_exchanges_the_sides_of_a_pixel(near, known):
    detector = (75e-6, 50e-6) if "detector_pixel_size" in known or near else (60e-6, 60e-6)
    optics = 8000.0, 1.5, detector, (HEIGHT, 11)
    true = np.array(detector if near else far_field_pixel(*optics))
    frames = Patterns.of(np.ones((COUNT, HEIGHT, 11), "u2"), "intensity")
    before = scan(
        patterns=frames, mask=None, metadata={}, detector_pixel_size=detector,
        pixel_size=tuple(true), assumptions={"propagation": "near"} if near else {},
    )  # fmt: skip
    left_out = {"pixel_size", "detector_pixel_size"} - set(known)
    after = orient(replace(before, **dict.fromkeys(left_out)), transpose=True,
                   positions_follow=False)  # fmt: skip
    turned = detector[::-1]
    expected = turned if near else far_field_pixel(8000.0, 1.5, turned, after.patterns.shape)
    assert after.pixel_size == (pytest.approx(expected) if "pixel_size" in known else None)
    if near and not known:  # nothing says that pixels are not square
        np.testing.assert_array_equal(after.positions, before.positions)
        return
    for name in ("positions", "nominal_positions"):
        np.testing.assert_allclose(
            getattr(after, name) * expected, getattr(before, name) * true, rtol=1e-12
        )


def test_positions_in_metres_stay_where_a_detector_lies_on_its_side():
    before = scan(units="m")
    after = orient(before, transpose=True, positions_follow=False)
    np.testing.assert_array_equal(after.positions, before.positions)


def test_dark_frames():
    before = scan()
    after = subtract_dark(before)
    expected = np.maximum(counts(before) - before.metadata["dark"].astype(float), 0)
    np.testing.assert_array_equal(counts(after), expected)
    assert (after.patterns.dtype, after.patterns.quantity) == ("f4", "intensity")
    with pytest.raises(RequestError, match="dark: received none"):  # once is enough
        subtract_dark(after)
    two = np.stack([before.metadata["dark"], 3 * before.metadata["dark"]])
    np.testing.assert_array_equal(
        counts(subtract_dark(before, two)),
        np.maximum(counts(before) - 2.0 * before.metadata["dark"], 0),
    )
    with pytest.raises(RequestError, match=r"shape \(3, 3\)"):
        subtract_dark(before, np.ones((3, 3)))


def test_masks_add_up():
    before, bad = scan(), np.zeros((HEIGHT, WIDTH), bool)
    bad[5, 6] = True
    after = mask_pixels(before, bad)
    assert np.argwhere(~after.mask).tolist() == [[1, 2], [5, 6]]
    assert (counts(after)[:, ~after.mask] == 0).all()
    near = counts(mask_pixels(before, bad, "neighbours"))[:, 5, 6]
    around = np.delete(counts(before)[:, 4:7, 5:8].reshape(COUNT, 9), 4, axis=1)
    np.testing.assert_allclose(near, around.mean(axis=1), atol=0.5)
    for wrong in (bad.astype(int), bad[:3]):
        with pytest.raises(RequestError, match="True for a bad pixel"):
            mask_pixels(before, wrong)
    with pytest.raises(RequestError, match="fill 'mean'"):
        mask_pixels(before, bad, "mean")


def test_amplitude():
    after = take_amplitude(scan())
    np.testing.assert_allclose(counts(after) ** 2, counts(scan()), rtol=1e-6)
    assert take_amplitude(after) is after
    for step in (lambda s: bin_pixels(s, 2), subtract_dark):
        with pytest.raises(RequestError, match="the patterns are amplitude"):
            step(after)


@cheap
@given(st.integers(0, 99))
def test_positions_by_an_affine_map(seed):
    rng = np.random.default_rng(seed)
    matrix, shift, about = rng.normal(size=(2, 2)), rng.normal(size=2), rng.normal(size=2)
    before = scan()
    after = transform_positions(before, matrix, shift, about)
    for kind in ("positions", "nominal_positions"):
        for old, new in zip(getattr(before, kind), getattr(after, kind), strict=True):
            np.testing.assert_allclose(new, matrix @ (old - about) + about + shift, rtol=1e-9)
    middle = transform_positions(before, matrix).positions.mean(axis=0)
    np.testing.assert_allclose(middle, before.positions.mean(axis=0), atol=1e-9)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: crop(scan(), 0), "size: received 0"),
        (lambda: crop(scan(), 4, (np.nan, 1)), "finite pixels"),
        (lambda: crop(scan(), 4, (100, 1)), r"centre: received \(100.0, 1.0\), which lies outside"),
        (lambda: crop(scan(image=np.ones((9, 9)), probe=np.ones((4, 4))), 4), "object and a probe"),
        (lambda: crop(scan(patterns=None, mask=None), 4), "has no patterns"),
        (lambda: transform_positions(scan(positions=None), np.eye(2)), "has no positions"),
        (lambda: transform_positions(scan(), np.eye(3)), "matrix: received"),
        (lambda: transform_positions(scan(), np.ones((2, 2))), "all positions on a line"),
        (lambda: transform_positions(scan(), np.eye(2), (np.inf, 0)), "shift: received"),
    ],
)
def test_what_is_refused(call, words):
    with pytest.raises(RequestError, match=words):
        call()


def test_steps_are_lazy_and_go_to_other_processes():
    read = []

    def load(ranges, into):
        read.append(list(ranges))
        into[...] = 1

    stack = Patterns((COUNT, HEIGHT, WIDTH), np.dtype("u2"), load, "intensity")
    before = scan(patterns=stack, mask=None)
    after = take_amplitude(bin_pixels(crop(before, 8, (6, 9)), 2))
    assert read == []
    np.testing.assert_array_equal(after.patterns.take([1, 3, 4]), np.full((3, 4, 4), 2))
    assert read == [[(1, 2), (3, 5)]]
    real = take_amplitude(bin_pixels(crop(subtract_dark(scan()), 8), 2)).patterns
    again = pickle.loads(pickle.dumps(real))
    np.testing.assert_array_equal(again.read(2, 4), real.read()[2:4])


# -- all of them -----------------------------------------------------------------------------


def test_a_whole_preparation():
    before = scan()
    chosen = Preparation(dark=True, hot=10.0, fill="neighbours", flip_y=True, size=4, bin=2,
                         centre=(6.0, 9.0), amplitude=True, shift=(1.0, 0.0))  # fmt: skip
    after = prepare(before, chosen)
    by_hand = mask_pixels(subtract_dark(before), find_hot(subtract_dark(before)), "neighbours")
    by_hand = bin_pixels(crop(orient(by_hand, flip_y=True), 8, (6.0, 9.0), factor=2), 2)
    np.testing.assert_array_equal(counts(after), counts(take_amplitude(by_hand)))
    np.testing.assert_allclose(after.positions, np.add(by_hand.positions, [1.0, 0.0]))
    assert after.assumptions["steps"].count(";") == 6
    assert prepare(before, Preparation()) is before


@pytest.mark.parametrize("found", [False, True])
@pytest.mark.parametrize("size", [7, 8])
@pytest.mark.parametrize("factor", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("beam", [(30.0, 33.0), (30.3, 33.4), (30.5, 32.7), (31.8, 30.25)])
def test_a_beam_is_in_the_middle_of_a_square(beam, factor, size, found):
    y, x = np.mgrid[:64, :64]
    spot = np.exp(-((y - beam[0]) ** 2 + (x - beam[1]) ** 2) / 1.5)[None]
    before = Scan(None, None, "a test", patterns=Patterns.of(spot, "intensity"))
    chosen = Preparation(size=size, bin=factor, centre=None if found else beam)
    after = prepare(before, chosen)
    off = (np.array(find_centre(after)) - size // 2) * factor  # in pixels of the detector
    assert np.abs(off).max() <= 0.5 + 1e-2  # of the spot, the ends are cut off
    assert after.patterns.read().sum() == pytest.approx(spot.sum(), rel=1e-2)
    given = prepare(before, replace(chosen, centre=beam))
    np.testing.assert_array_equal(counts(after), counts(given))


def test_squares_of_a_crop_hold_the_beam_in_their_middle():
    """A beam on a pixel lies behind the middle of an even square, beside it at the nearest."""
    before = scan()
    for centre, first, said in (
        ((6.0, 9.0), (1, 4), "5.5, 8.5"),
        ((6.4, 8.6), (2, 4), "6.5, 8.5"),
        ((5.9, 9.1), (1, 5), "5.5, 9.5"),
    ):
        cut = crop(before, 8, centre, factor=2)
        y, x = first
        np.testing.assert_array_equal(counts(cut), counts(before)[:, y : y + 8, x : x + 8])
        mask = np.ones((8, 8), bool) if cut.mask is None else cut.mask
        np.testing.assert_array_equal(mask, before.mask[y : y + 8, x : x + 8])
        assert cut.assumptions["steps"] == f"crop to 8 x 8 about the given centre {said}"
        np.testing.assert_allclose(metres(cut), metres(before), rtol=1e-12)
    odd = crop(before, 9, (6.4, 8.6), factor=3)  # (6, 9) is the middle of the square (1, 1)
    np.testing.assert_array_equal(counts(odd), counts(before)[:, 2:11, 5:14])
    for bad in (3, 0, 1.5):
        with pytest.raises(RequestError, match="divides both"):
            crop(before, 8, (6, 9), factor=bad)


@pytest.mark.parametrize("hot", [False, True])
def test_hot_pixels_alone_are_replaced_without_a_fill(hot):
    bright = np.full((COUNT, HEIGHT, WIDTH), 5, "u2")
    bright[:, 1, 2] = 77  # bad, as the scan says
    bright[:, 6, 7] = 9999 if hot else 5
    before = scan(patterns=Patterns.of(bright, "intensity"))
    after = prepare(before, Preparation(hot=10.0))
    np.testing.assert_array_equal(counts(after)[:, 1, 2], 77)
    np.testing.assert_array_equal(counts(after)[:, 6, 7], 0 if hot else 5)
    assert np.argwhere(~after.mask).tolist() == [[1, 2], [6, 7]][: 1 + hot]
    steps = "mask 1 pixels, filled with zero, others stay" if hot else None
    assert after.assumptions.get("steps") == steps
    filled_too = prepare(before, Preparation(hot=10.0, fill="zero"))
    assert (counts(filled_too)[:, ~filled_too.mask] == 0).all()


def test_the_documented_example_runs(tmp_path, monkeypatch, capsys):
    page = (Path(__file__).parents[3] / "docs" / "reference" / "formats.md").read_text(
        encoding="utf-8"
    )
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    frames = Patterns.of(np.ones((2, 260, 270), "u2"), "intensity")
    positions = {"positions": np.zeros((2, 2)), "nominal_positions": None}
    write_scan(tmp_path / "scan.cxi", scan(patterns=frames, mask=None, metadata={}, **positions))
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(example, "formats.md", "exec"), names)
    assert names["ready"].patterns.shape == (2, 128, 128)
    assert "crop to 256 x 256" in capsys.readouterr().out


@pytest.mark.parametrize("settings", [{"fill": "x"}, {"hot": 1}, {"size": 0}, {"bin": 1.5}])
def test_settings_that_are_none(settings):
    with pytest.raises(ConfigurationError, match=next(iter(settings))):
        Preparation(**settings)


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize(
    "step",
    [
        lambda s: orient(s, flip_x=True, transpose=True),
        lambda s: crop(s, (5, 7), (4, 9)),
        lambda s: pad(s, 24),
        lambda s: bin_pixels(s, 2),
    ],
    ids=["orient", "crop", "pad", "bin"],
)
def test_other_frames_of_the_detector_follow(step, several):
    """A dark frame may be subtracted before a step, or after it."""
    bright = np.random.default_rng(0).integers(20, 90, (COUNT, HEIGHT, WIDTH)).astype("u2")
    dark = np.random.default_rng(1).integers(0, 9, (3, HEIGHT, WIDTH)).astype("f4")
    efficiency = np.full((HEIGHT, WIDTH), 0.5)
    efficiency[4, 9] = 0.25
    metadata = {"dark": dark if several else dark[0], "qe": efficiency, "note": "kept"}
    one = scan(patterns=Patterns.of(bright, "intensity"), metadata=metadata)
    before, after = step(subtract_dark(one)), subtract_dark(step(one))
    np.testing.assert_allclose(before.patterns.read(), after.patterns.read(), rtol=1e-6)
    changed = step(one).metadata
    assert changed["note"] == "kept"
    assert changed["qe"].shape == after.patterns.shape[1:]
    assert changed["qe"].max() == 0.5
    np.testing.assert_array_equal(metadata["qe"], efficiency)


def test_bad_pixels_are_filled_from_good_ones_alone():
    """What a bad pixel holds, or the corner, never reaches another, be it NaN."""
    frames, good = np.ones((2, 6, 6), np.float32), np.ones((6, 6), bool)
    for pixel in ((2, 2), (2, 3), (0, 0), (5, 5), (0, 5)):
        good[pixel] = False
    frames[:, 2, 2] = frames[:, 2, 3] = np.nan
    frames[:, 0, 0] = np.inf
    np.testing.assert_array_equal(filled(frames, good, "neighbours"), np.ones((2, 6, 6)))
