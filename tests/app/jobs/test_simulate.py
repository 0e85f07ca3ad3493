"""Simulated files: what is read back is the recipe's scan, seeded, with its truth."""

import dataclasses
import json
from contextlib import contextmanager
from dataclasses import MISSING, asdict, fields, is_dataclass
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from ptycho_engine.app.command import dispatch
from ptycho_engine.app.composition import simulation_job
from ptycho_engine.app.jobs.simulate import SimulationJob, described, run
from ptycho_engine.app.schema import register_schemas
from ptycho_engine.app.vocabulary import groups, keys_of
from ptycho_engine.data.simulation.exposure import Exposure
from ptycho_engine.data.simulation.recipe import (
    BeamSettings,
    ObjectSettings,
    ProbeSettings,
    Recipe,
    TrajectorySettings,
)
from ptycho_engine.data.simulation.synthesis import make_scan
from ptycho_engine.errors import ConfigurationError, MemoryBudgetError, OutputError
from ptycho_engine.io.scan_files import read_scan, write_scan
from ptycho_engine.testing import reference_patches

RECIPE = Recipe(
    ObjectSettings("leaves"), ProbeSettings(size=16, fwhm=6.0),
    TrajectorySettings(points=30, step=4.0, error=0.5), exposure=Exposure(noise=False), seed=4,
)  # fmt: skip


@pytest.fixture
def job(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return SimulationJob(RECIPE, Path("made.npz"), report=False)


def test_a_file_holds_the_scan_and_its_truth(job):
    result = run(job)
    assert (result.output, result.patterns) == (Path("made.npz"), 30)
    truth, found = make_scan(RECIPE), read_scan("npz", result.output)
    np.testing.assert_array_equal(found.image, truth.image)
    np.testing.assert_array_equal(found.positions, truth.positions)
    np.testing.assert_array_equal(found.nominal_positions, truth.nominal_positions)
    assert 0.1 < np.abs(found.positions - found.nominal_positions).max() <= 1.5
    assert found.metadata["_metadata"]["recipe"] == json.loads(json.dumps(asdict(RECIPE)))
    assert "energy" in result.dropped
    # The patterns are the far field of what the file holds: no scale is missing.
    patches = reference_patches(found.image, found.positions, 16)
    field = np.fft.fftshift(np.fft.fft2(patches * found.probe), axes=(1, 2)) / 16
    np.testing.assert_allclose(found.patterns.read(), np.abs(field), atol=2e-3)
    assert np.square(found.patterns.read()).sum(axis=(1, 2)).mean() == pytest.approx(1e6, rel=1e-3)


def test_other_formats_hold_lengths_and_energy_too(job):
    counted = Exposure(quantity="intensity", integers=True)
    recipe = dataclasses.replace(RECIPE, exposure=counted)
    run(dataclasses.replace(job, recipe=recipe, output=Path("made.cxi")))
    found = read_scan("cxi", Path("made.cxi"))
    np.testing.assert_allclose(found.positions, make_scan(recipe).positions, atol=1e-9)
    assert (found.energy, found.distance) == (pytest.approx(8800.0), pytest.approx(2.0))
    np.testing.assert_array_equal(found.patterns.read(), make_scan(recipe).simulation.patterns())


def test_equal_settings_give_equal_files_and_another_seed_another(job):
    scans = []
    for name, seed in (("a.npz", 4), ("b.npz", 4), ("c.npz", 5)):
        recipe = dataclasses.replace(RECIPE, seed=seed, exposure=Exposure(seed=seed))
        run(dataclasses.replace(job, recipe=recipe, output=Path(name)))
        scans.append(read_scan("npz", Path(name)))
    first, same, other = scans
    np.testing.assert_array_equal(first.patterns.read(), same.patterns.read())
    np.testing.assert_array_equal(first.image, same.image)
    assert not np.array_equal(first.patterns.read(), other.patterns.read())
    assert not np.array_equal(first.positions, other.positions)


def test_patterns_come_block_by_block(job, monkeypatch):
    monkeypatch.setattr(
        "ptycho_engine.io.patterns.Patterns.blocks.__defaults__", (10 * 16 * 16 * 4,)
    )
    counts = []

    @contextmanager
    def counting(noun, total):
        assert (noun, total) == ("patterns", 30)
        yield counts.append

    run(job, counting=counting)
    assert counts == [10, 20, 30]


def test_an_interrupt_leaves_nothing(job, tmp_path):
    @contextmanager
    def counting(noun, total):
        def done(count):
            raise KeyboardInterrupt

        yield done

    with pytest.raises(KeyboardInterrupt):
        run(job, counting=counting)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".h5", ".cxi"])
def test_a_near_field_is_one_wherever_it_goes(job, suffix):
    beam = BeamSettings(near_field=True, distance=1e-5)
    near = dataclasses.replace(RECIPE, beam=beam)
    run(dataclasses.replace(job, recipe=near, output=Path("near.h5")))
    write_scan(f"again{suffix}", read_scan("ptycho_engine", Path("near.h5")))
    name = {".h5": "ptycho_engine", ".cxi": "cxi"}[suffix]
    assert read_scan(name, Path(f"again{suffix}")).is_near
    run(dataclasses.replace(job, output=Path("far.h5")))
    assert not read_scan("ptycho_engine", Path("far.h5")).is_near


def test_a_slice_is_an_axis(job):
    thick = dataclasses.replace(RECIPE, object=ObjectSettings("leaves", slices=2, gap=2e-6))
    run(dataclasses.replace(job, recipe=thick, output=Path("made.cxi")))
    found = read_scan("cxi", Path("made.cxi"))
    assert found.image.shape[0] == 2


def test_the_light_and_the_lengths_of_a_scan_file_are_written(job):
    beam = BeamSettings(energy=6000.0, pixel_size=3e-8, distance=1.5)
    thick = dataclasses.replace(
        RECIPE, object=ObjectSettings("leaves", slices=2, gap=2e-6), beam=beam
    )
    run(dataclasses.replace(job, recipe=thick, output=Path("first.h5")))
    of_file = ObjectSettings("scan", "first.h5"), ProbeSettings("file", "first.h5")
    recipe = dataclasses.replace(RECIPE, object=of_file[0], probe=of_file[1])
    run(dataclasses.replace(job, recipe=recipe, output=Path("second.h5")))
    first, second = (read_scan("file", name) for name in ("first.h5", "second.h5"))
    for name in ("pixel_size", "detector_pixel_size", "energy", "distance", "layer_spacing"):
        assert getattr(second, name) == pytest.approx(getattr(first, name)), name
    assert "beam.energy=6000.0" in described(make_scan(recipe).recipe)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"output": Path("none/made.npz")}, OutputError),
        ({"output": Path("made.nothing")}, OutputError),
        ({"memory_budget": 1000}, MemoryBudgetError),
        ({"recipe": Recipe(ObjectSettings(size=20))}, ConfigurationError),
    ],
)
def test_what_cannot_be_done_leaves_nothing(job, tmp_path, changes, error):
    with pytest.raises(error):
        run(dataclasses.replace(job, **changes))
    assert list(tmp_path.iterdir()) == []


def test_its_source_says_what_is_unusual():
    said = described(RECIPE)
    assert said.startswith('simulated(seed=4, object.kind="leaves"')
    assert "trajectory.points=30" in said
    assert described(Recipe()) == "simulated()"


# -- the configuration -----------------------------------------------------------------------


def composed(*overrides):
    register_schemas()
    with initialize_config_module("ptycho_engine.conf", version_base="1.3"):
        config = compose("simulate", overrides=["output.path=x.npz", *overrides])
    return simulation_job(OmegaConf.to_object(config), Path())


def test_settings_are_those_of_a_recipe():
    assert composed().recipe == Recipe()
    made = composed("object=cells", "probe=zone_plate", "probe.modes=3", "trajectory=raster",
                    "exposure.photons=null", "beam.energy=5e3", "seed=2")  # fmt: skip
    assert made.recipe.object.kind == "cells"
    assert (made.recipe.probe.kind, made.recipe.probe.modes) == ("zone_plate", 3)
    assert (made.recipe.exposure.photons, made.recipe.beam.energy) == (None, 5000.0)
    assert (made.recipe.trajectory.kind, made.recipe.seed) == ("raster", 2)
    assert composed("object=scan", "object.path='~/a.npz'").recipe.object.path == str(
        Path.home() / "a.npz"
    )


def test_every_choice_shows_keys_of_the_settings_with_their_defaults():
    kinds = {k: v for k, v in get_type_hints(Recipe).items() if is_dataclass(v)}
    chosen = {group.name: group.choices for group in groups("simulate") if group.name in kinds}
    assert set(chosen) == set(kinds)
    for name, choices in chosen.items():
        usual = {
            f.name: f.default if f.default_factory is MISSING else f.default_factory()
            for f in fields(kinds[name])
        }
        for choice in choices:
            for key in keys_of(name, choice):
                default = usual[key.name.partition(".")[2]]
                if key.default not in ("???", "null", "true", "false", "{}"):
                    assert str(type(default)(key.default)) == str(default), key
                assert key.meaning


def test_the_command_writes_it(job, capsys):
    typed = ["trajectory.points=20", "probe.size=16", "probe.fwhm=5", "object=field"]
    assert dispatch(["simulate", "mine.npz", *typed]) == 0
    assert capsys.readouterr().out == f"{Path.cwd() / 'mine.npz'}\n"
    assert read_scan("npz", Path("mine.npz")).patterns.shape == (20, 16, 16)
    assert dispatch(["simulate", "mine.npz", *typed]) == 2
    assert "exists already" in capsys.readouterr().err
    assert dispatch(["simulate", "more.npz", "object=star", "object.kind=round"]) == 2
    assert "object.kind 'round' is not known" in capsys.readouterr().err
