"""The guide pages say what is so: their Python runs, and first and second step agree."""

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sybil")

from code_blocks import run_page
from readers import give_files, legacy_names

from ptycho_engine import Engine, compat
from ptycho_engine.compat.params import keys
from ptycho_engine.compat.params.environment import VARIABLES
from ptycho_engine.deprecation.table import TABLE

MIGRATIONS = Path(__file__).parents[2] / "migrations"
OTHERS = ["README.md", "trained-models.md", "rollback.md", "without-drop-in.md"]
PAGES = [*sorted({entry.guide for entry in TABLE}), *OTHERS]

pytestmark = pytest.mark.filterwarnings("ignore::ptycho_engine.RemovedIn2Warning")


@pytest.fixture
def run(tmp_path):
    """Return a function that runs the blocks of a page, and returns what they define."""
    return lambda page: run_page(MIGRATIONS / page, tmp_path, legacy_names())[0]


def test_the_native_step_keeps_the_numbers_and_the_exact_one_does_not(run):
    names = run("0002-get-image-patches.md")
    amplitude = np.abs(names["image"]).max()
    np.testing.assert_allclose(names["native"], names["patches"], rtol=0, atol=1e-6 * amplitude)
    assert np.abs(names["exact"] - names["native"]).max() > 0.1 * amplitude


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ptycho_engine.compat.CompatWarning")
def test_the_engine_of_legacy_settings_gives_the_legacy_numbers(run, tmp_path):
    give_files((MIGRATIONS / "README.md").read_text(), tmp_path)
    names = run("README.md")
    raw = names["raw_data"]
    xy = np.stack([raw.xcoords, raw.ycoords], axis=1)[:, None, :, None]
    legacy = compat.get_image_patches(raw.objectGuess, xy, 0 * xy, 64, 1).numpy()[..., 0]
    amplitude = np.abs(raw.objectGuess).max()
    np.testing.assert_allclose(names["patches"], legacy, rtol=0, atol=1e-6 * amplitude)
    exact = names["engine"].extract(raw.objectGuess, names["positions"], 64)
    assert np.abs(exact - legacy).max() > 1e-6 * amplitude


def test_native_translation_keeps_the_numbers(run):
    names = run("0003-translation.md")
    np.testing.assert_allclose(
        names["native_moved"], names["legacy_moved"], rtol=0, atol=5e-6
    )  # coordinates of 32 pixels in single precision


def test_the_native_step_of_grouped_data_keeps_the_numbers(run):
    names = run("0007-grouped-data.md")
    legacy = names["grouped"]["Y"].numpy()
    np.testing.assert_allclose(names["native"], legacy, rtol=0, atol=1e-6 * np.abs(legacy).max())
    np.testing.assert_array_equal(names["same"].indices, names["grouped"]["nn_indices"])
    assert names["exact"].shape == names["patterns"].shape == legacy.shape == (10, 16, 16, 4)
    assert (names["exact"] != names["native"]).any()


def test_it_keeps_the_numbers_of_float32_coordinates(tmp_path):
    given = legacy_names()
    rng = np.random.default_rng(0)
    raw = given["raw_data"]
    raw.objectGuess = rng.normal(size=(600, 600)).astype(np.complex64)
    for name in ("xcoords", "ycoords"):
        setattr(raw, name, rng.uniform(500, 580, 30).astype(np.float32))
    names = run_page(MIGRATIONS / "0007-grouped-data.md", tmp_path, given)[0]
    legacy = names["grouped"]["Y"].numpy()
    amplitude = np.abs(raw.objectGuess).max()
    np.testing.assert_allclose(names["native"], legacy, rtol=0, atol=1e-6 * amplitude)
    double = names["same"].centres[:, None] - names["same"].relative
    how = {"layout": "channel", "rounding": "legacy"}
    moved = Engine().extract(raw.objectGuess, double, 16, **how)
    assert np.abs(moved - legacy).max() > 1e-5 * amplitude


def test_the_native_step_of_reassembly_keeps_the_numbers(run):
    names = run("0005-reassembly.md")
    legacy, native = names["first"].numpy()[..., 0], names["native"]
    # 1e-9 in the old quotient, offsets in float32: 64 pixels are known to 4e-6
    np.testing.assert_allclose(native, legacy, rtol=0, atol=2e-5 * np.abs(legacy).max())
    np.testing.assert_array_equal(native == 0, names["coverage"] == 0)
    assert 0.2 < (native != 0).mean() < 1
    total = names["total"]
    np.testing.assert_allclose(native * names["coverage"], total, atol=1e-5 * np.abs(total).max())
    assert names["exact"].shape == names["image"].shape


def test_what_the_page_calls_without_a_drop_in_has_none():
    page = (MIGRATIONS / "without-drop-in.md").read_text()
    rows = re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)
    found = {name.rpartition(".")[2] for row in rows for name in re.findall(r"`([\w.]+)`", row)}
    assert found >= {"illuminate_and_diffract", "CenterMaskLayer", "reassemble_patches", "RawData"}
    assert not found & {entry.old.rpartition(".")[2] for entry in TABLE}


@pytest.mark.parametrize("page", [*PAGES, "timeline.md"])
def test_linked_pages_exist(page):
    for name in re.findall(r"\]\(((?!http)[^)#]+)\)", (MIGRATIONS / page).read_text()):
        assert (MIGRATIONS / name).is_file(), name


def test_the_parameter_page_names_every_flag_and_variable():
    page = (MIGRATIONS / "0006-parameters.md").read_text()
    flags = [key.name for key in keys.KEYS if key.target == keys.SELECTION]
    for name in [*flags, *(variable.name for variable in VARIABLES)]:
        assert f"`{name}`" in page
