"""The comparison of legacy and new settings says where they differ, and by how much."""

import numpy as np
import pytest
from rich.console import Console

from ptycho_engine import compat
from ptycho_engine.compat.comparison import compare_scan, write_report
from ptycho_engine.errors import CompatError, OutputError, RequestError
from ptycho_engine.io.scan import Scan

RNG = np.random.default_rng(0)


def scan(positions=None, size=120):
    image = (RNG.normal(size=(size, size)) + 1j * RNG.normal(size=(size, size))) / 2**0.5
    if positions is None:
        positions = RNG.uniform(20, size - 20, (60, 2))
    return Scan(image.astype(np.complex64), positions, "a scan")


def by_name(comparison):
    return {effect.name: effect for effect in comparison.effects}


def test_each_difference_stands_alone_and_then_all_together():
    comparison = compare_scan(scan(), 16, limit=40)
    effects = by_name(comparison)
    assert list(effects) == ["rounding", "border rule", "group members", "all together"]
    assert len(comparison.positions) == 40
    assert 0 < effects["rounding"].largest < 1e-3
    assert effects["border rule"].count == 0
    assert effects["border rule"].index is None
    assert effects["group members"].largest > 0.5
    together = effects["all together"]
    assert together.largest == pytest.approx(effects["group members"].largest, rel=1e-3)
    assert together.differences[together.index] == together.largest


@pytest.mark.filterwarnings("ignore::ptycho_engine.RemovedIn2Warning")
def test_differences_are_those_of_legacy_functions():
    source = scan()
    comparison = compare_scan(source, 8, limit=12)
    groups = comparison.positions.reshape(3, 4, 2)
    coords = np.moveaxis(groups[..., ::-1], 1, 2)[:, None]
    means, relative = compat.get_relative_coords(coords)
    legacy = compat.get_image_patches(source.image, means, relative, 8, 2).numpy()
    flat = np.moveaxis(legacy, 3, 1).reshape(-1, 8, 8)
    together = by_name(comparison)["all together"]
    np.testing.assert_allclose(together.worst[0], flat[together.index], atol=1e-5)


@pytest.mark.slow
def test_border_rule_and_interpolation_count_where_they_act():
    positions = np.array([[60.0, 60.5], [2.25, 60.0]])
    comparison = compare_scan(scan(positions), 16, gridsize=1, fill="edge", interpolation="nearest")
    effects = by_name(comparison)
    assert list(effects) == ["rounding", "border rule", "interpolation", "all together"]
    assert comparison.crossing == 1
    assert effects["border rule"].count == 1
    assert effects["border rule"].index == 1
    assert effects["interpolation"].count == 2


def test_legacy_settings_against_themselves_do_not_differ():
    comparison = compare_scan(scan(), 16, gridsize=1, rounding="legacy")
    assert [effect.count for effect in comparison.effects] == [0, 0, 0]


@pytest.mark.slow
def test_report_prints_a_table_and_draws_a_picture(tmp_path):
    comparison = compare_scan(scan(), 16, limit=16)
    console = Console(record=True, width=80)
    picture = tmp_path / "compare.png"
    write_report(comparison, picture, console=console)
    text = console.export_text()
    for word in ("rounding", "border rule", "mirrored", "all together", "a scan"):
        assert word in text
    assert picture.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(OutputError):
        write_report(comparison, picture, console=console)
    assert [path.name for path in tmp_path.iterdir()] == ["compare.png"]


@pytest.mark.parametrize("how", [{"gridsize": 0}, {"limit": 0}, {"gridsize": 9}])
def test_what_cannot_be_compared_is_refused(how):
    with pytest.raises(CompatError, match="try gridsize=1"):
        compare_scan(scan(), 8, **how)
    with pytest.raises(RequestError, match="fill"):
        compare_scan(scan(), 8, fill="nothing")
