"""The preview: what it shows, of which objects, and that nobody's settings change it."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from ptycho_engine import extract_patches
from ptycho_engine.io.formats.synthetic import make_synthetic
from ptycho_engine.report import canvas, picture
from ptycho_engine.report.picture import COLOURS, Preview, Scene, draw_preview
from ptycho_engine.report.quantities import quantities_of

SIZE = 12


def preview(image, positions, size=SIZE, **more):
    positions = np.asarray(positions, np.float64)
    shown = positions[:4]
    patches = extract_patches(image, shown, size, plugin="numba") if len(shown) else []
    return Preview(image, positions, dict(enumerate(patches)), "title", "caption", **more)


def positions(count, within=40.0):
    return np.random.default_rng(0).uniform(0, within, (count, 2))


def ramp(*shape):
    amplitude = np.random.default_rng(1).uniform(0.5, 1, shape)
    return amplitude * np.exp(1j * np.linspace(-3, 3, shape[-1]))


def painted(preview):
    """The figure of a preview."""
    figure, scene = Figure(), Scene.of(preview)
    scene.paint(figure)
    return figure


def texts(figure):
    return [text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text()]


@pytest.mark.slow_cases("large")
@pytest.mark.parametrize(
    ("image", "where"),
    [
        (ramp(40, 40), positions(30)),
        (ramp(10, 90), positions(30)),
        (ramp(1, 1), [[0, 0]]),
        (ramp(40, 40), [[1e9, -1e9], [3, 3]]),
        (ramp(40, 40), np.empty((0, 2))),
        (ramp(3, 40, 40), positions(5)),
        (ramp(40, 40).real.astype(np.float32), positions(5)),
        (np.full((40, 40), np.nan + 0j), positions(5)),
        (np.full((40, 40), np.inf), positions(5)),
        (np.zeros((40, 40), np.complex64), positions(5)),
        (ramp(40, 40) * 1e30, positions(5)),
    ],
    ids=["square", "wide", "one sample", "far away", "no positions", "slices", "real", "nan",
         "infinite", "zeros", "large"],
)  # fmt: skip
def test_a_picture_of_every_object(image, where):
    pixels = imread(BytesIO(draw_preview(preview(image, where))))
    assert pixels.shape[1] > 500
    assert np.ptp(pixels[..., :3]) > 0.9


def test_each_quantity_has_one_scale_for_the_object_and_its_patches():
    figure = painted(preview(ramp(40, 40), positions(30)))
    images = [axis.images[0] for axis in figure.axes if axis.images]
    assert len(images) == 2 * (1 + 4)
    limits = {name: set() for name in ("gray", "twilight_shifted")}
    for image in images:
        limits[image.cmap.name].add(image.get_clim())
    ((low, high),) = limits["gray"]
    assert (low, high) == (pytest.approx(0.5, abs=0.51), pytest.approx(1, abs=0.05))
    assert limits["twilight_shifted"] == {(-np.pi, np.pi)}


def test_the_phase_is_marked_at_its_ends_and_at_zero():
    figure = painted(preview(ramp(40, 40), positions(30)))
    (bar,) = [axis for axis in figure.axes if axis.get_ylabel() == "phase (rad)"]
    assert [label.get_text() for label in bar.get_yticklabels()] == ["\u2212π", "0", "π"]


def test_a_real_object_is_shown_by_its_value_alone():
    image = ramp(40, 40).real
    figure = painted(preview(image, positions(30)))
    assert len([axis for axis in figure.axes if axis.images]) == 1 + 4
    (shown, *_) = [axis.images[0] for axis in figure.axes if axis.images]
    np.testing.assert_array_equal(shown.get_array(), image)
    assert not any("phase" in text for text in texts(figure))


def test_frames_lie_where_the_windows_do_in_the_colours_of_the_patches():
    where = np.array([[20.25, 11.5], [7.0, 30.0]])
    figure = painted(preview(ramp(40, 40), where))
    first = figure.axes[0]
    frames = [patch for patch in first.patches if not patch.get_fill()]
    assert [frame.get_xy() for frame in frames] == [(5.0, 13.75), (23.5, 0.5)]
    assert {(frame.get_width(), frame.get_height()) for frame in frames} == {(SIZE, SIZE)}
    colours = [mpl.colors.to_hex(frame.get_edgecolor()) for frame in frames]
    assert colours == list(COLOURS[:2])
    spines = [
        mpl.colors.to_hex(axis.spines["left"].get_edgecolor())
        for axis in figure.axes
        if axis.get_title() in ("0", "1")
    ]
    assert sorted(spines) == sorted(2 * COLOURS[:2])


def test_what_lies_outside_the_object_is_hatched():
    """Here the left 5.5 of 12 columns of the patch, and as much of the plane beside the object."""
    figure = painted(preview(ramp(40, 40), [[20.0, 0.0]]))
    for axis in [axis for axis in figure.axes if axis.images]:
        (strip,) = [patch for patch in axis.patches if patch.get_hatch()]
        assert strip.get_x() == axis.get_xlim()[0] == -6.5
        assert strip.get_x() + strip.get_width() == -0.5
    inside = painted(preview(ramp(40, 40), [[20.0, 20.0]]))
    assert not [p for axis in inside.axes for p in axis.patches if p.get_hatch()]


def test_a_scale_bar_where_the_pixel_size_is_known():
    figure = painted(preview(ramp(40, 40), positions(5), pixel_size=1e-8))
    (bar,) = [line for line in figure.axes[0].lines if line.get_color() == "black"]
    assert np.ptp(bar.get_xdata()) == pytest.approx(10)
    assert "100 nm" in texts(figure)


@pytest.mark.parametrize("size", [None, 0.0, -1e-8, np.nan, np.inf, 1e-300])
def test_no_scale_bar_where_it_is_not(size):
    figure = painted(preview(ramp(40, 40), positions(5), pixel_size=size))
    assert not [line for line in figure.axes[0].lines if line.get_color() == "black"]


def test_the_caption_says_what_a_reader_must_know():
    image = ramp(2, 40, 40)
    image[0, 3, 4] = np.nan
    where = np.concatenate([positions(picture.MAX_POINTS + 1), [[1e7, 0]]])
    said = "\n".join(texts(painted(preview(image, where))))
    for note in (
        "caption",
        "shown: the first of 2 planes",
        "shown: one position in 2",
        "positions too far away to be shown: 1",
        "red: not finite",
    ):
        assert note in said


def test_the_largest_numbers_of_single_precision_have_an_amplitude():
    image = np.full((4, 4), 3e38 + 3e38j, np.complex64)
    amplitude, _ = quantities_of(image, [])
    np.testing.assert_allclose(amplitude.of(image), 3e38 * np.sqrt(2), rtol=1e-6)
    assert amplitude.scale.high > 4e38


def test_red_is_explained_where_a_patch_alone_has_it():
    scene = Scene.of(Preview(ramp(40, 40), positions(1), {0: np.full((4, 4), np.nan)}))
    assert scene.lines == ["red: not finite"]


def test_ten_thousand_positions_leave_the_object_in_sight():
    scan = make_synthetic(0, 512, 10_000, 2.5)
    (dots,) = painted(preview(scan.image, scan.positions, 64)).axes[0].lines
    assert len(dots.get_xdata()) == 10_000
    assert dots.get_markersize() <= 1


def test_a_large_object_is_thinned_and_stays_in_its_place():
    image = np.zeros((20, 3000))
    image[:, 1500:] = 1
    first = painted(preview(image, [[10.0, 1500.0]])).axes[0]
    (shown,) = first.images
    columns = shown.get_array().shape[1]
    assert columns <= picture.MAX_SAMPLES
    left, right, *_ = shown.get_extent()
    edge = np.argmax(np.asarray(shown.get_array())[0] > 0) / columns
    assert left + edge * (right - left) == pytest.approx(1499.5, abs=3)


def test_large_patches_are_thinned_too():
    figure = painted(preview(np.ones((64, 64)), [[32.0, 32.0]], 3000))
    _, patch = [axis.images[0] for axis in figure.axes if axis.images]
    assert max(patch.get_array().shape) <= picture.MAX_SAMPLES
    assert patch.get_extent() == [-1468.5, 1531.5, 1531.5, -1468.5]


@pytest.mark.slow
def test_threads_leave_the_settings_as_they_were():
    shown = preview(ramp(40, 40), positions(5))
    with mpl.rc_context({"font.size": 31.0}):
        with ThreadPoolExecutor(4) as pool:
            pictures = list(pool.map(lambda _: draw_preview(shown), range(8)))
        assert mpl.rcParams["font.size"] == 31.0
    assert len(set(pictures)) == 1


def test_no_setting_of_the_user_reaches_it(monkeypatch):
    """Nor does it change any, or the backend."""
    shown = preview(ramp(40, 40), positions(5))
    before = draw_preview(shown)
    with mpl.rc_context():
        mpl.rcParams.update({"text.usetex": True, "figure.dpi": 20, "image.cmap": "jet",
                             "savefig.transparent": True, "font.size": 30})  # fmt: skip
        kept, backend = dict(mpl.rcParams), mpl.get_backend()
        assert draw_preview(shown) == before
        assert dict(mpl.rcParams) == kept
        assert mpl.get_backend() == backend


def test_a_name_with_dollars_is_no_formula():
    shown = preview(ramp(40, 40), positions(5))
    draw_preview(Preview(shown.image, shown.positions, shown.patches, "a$_{$b\\c^", "$\\"))


PROGRAM = """
import os, sys, warnings
warnings.simplefilter("error")
import numpy as np
from ptycho_engine.report.picture import Preview, draw_preview
content = draw_preview(Preview(np.ones((9, 9)), np.ones((2, 2)), {}))
import matplotlib
print(content[1:4], "matplotlib.pyplot" in sys.modules, os.environ.get("MPLBACKEND"))
print(dict.__getitem__(matplotlib.rcParams, "backend"))
"""


@pytest.mark.slow_cases("nonsense", "svg")
@pytest.mark.parametrize(
    ("backend", "then"),
    [("module://matplotlib_inline.backend_inline", None), ("nonsense", None), ("svg", "svg")],
)
def test_no_backend_takes_part(tmp_path, backend, then):
    """A notebook's is in the environment of all that it starts; whoever draws next gets theirs."""
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nfont.family: no such font\n")
    environment = {**os.environ, "MPLBACKEND": backend}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, cwd=tmp_path,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == f"b'PNG' False {backend}"
    assert then is None or second == then


def test_ours_are_known_by_their_mark(tmp_path):
    ours, other = tmp_path / "ours.png", tmp_path / "other.png"
    ours.write_bytes(draw_preview(preview(ramp(40, 40), positions(5))))
    Figure().savefig(other)
    os.mkfifo(tmp_path / "pipe")
    places = [other, tmp_path, tmp_path / "pipe", tmp_path / "none", tmp_path / ("n" * 300)]
    assert canvas.is_ours(ours)
    assert not any(canvas.is_ours(path) for path in places)
