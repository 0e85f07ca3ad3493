"""``compat=legacy`` on the command line: composed, run, and what it says."""

import json
import subprocess
import sys
import warnings

import numpy as np
import pytest
from commands import call_command
from events import logged
from hydra import compose, initialize_config_dir, initialize_config_module
from processes import run_python

from ptycho_engine import Engine, RemovedIn2Warning, compat, read_output, switches
from ptycho_engine.app.composition import composed_settings
from ptycho_engine.app.legacy import work_in_legacy
from ptycho_engine.app.schema import register_schemas
from ptycho_engine.errors import ConfigurationError
from ptycho_engine.io.formats.synthetic import make_synthetic

pytestmark = [
    pytest.mark.filterwarnings("ignore::ptycho_engine.RemovedIn2Warning"),
    pytest.mark.filterwarnings("ignore::ptycho_engine.compat.CompatWarning"),
]
SMALL = ["scan.points=12", "scan.object_size=96", "runner.log_format=json"]


@pytest.fixture
def old_file(tmp_path):
    path = tmp_path / "old.yaml"
    path.write_text(
        "# an old run\nN: '16'\ngridsize: 1\nuse_batched_patch_extraction: false\nnphotons: 1e6\n"
    )
    return path


def settled(*overrides, environ=(), root="config"):
    register_schemas()
    with initialize_config_module("ptycho_engine.conf", version_base="1.3"):
        config = compose(root, overrides=list(overrides))
    return work_in_legacy(composed_settings(config, root), overrides, dict(environ))


def test_without_it_nothing_changes_and_a_variable_is_logged_as_not_heeded():
    switches._say.cache_clear()
    with logged() as events:
        job, resolution = settled(environ={"USE_XLA_TRANSLATE": "0"})
    assert [(event["event"], event["switch"]) for event in events] == [
        ("legacy_switch_not_heeded", "USE_XLA_TRANSLATE")
    ]
    assert resolution is None
    assert job.plugin == {"name": "auto"}
    assert job.rounding == "exact"


def test_legacy_values_without_the_group_are_refused():
    with pytest.raises(ConfigurationError, match="Add compat=legacy"):
        settled("+compat.values.N=3")


def test_a_file_sets_plugin_size_and_rounding(old_file):
    job, resolution = settled("compat=legacy", f"compat.params={old_file}")
    assert (job.plugin, job.patch_size, job.rounding) == ({"name": "iterative"}, 16, "legacy")
    assert resolution.sources["rounding"] == "default of legacy settings"
    assert job.scan.format == "synthetic"


def test_values_beat_the_file_and_keep_the_options(old_file):
    job, _ = settled(
        "compat=legacy", f"compat.params={old_file}",
        "+compat.values.use_batched_patch_extraction=true",
        "+compat.values.patch_extraction_batch_size=24",
    )  # fmt: skip
    assert job.plugin == {"name": "chunked_xla", "chunk_size": 24}


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("patch_size=8", "patch_size", 8),
        ("patch_size=64", "patch_size", 64),  # the packaged default, but said
        ("rounding=exact", "rounding", "exact"),
        ("plugin=batched", "plugin", {"name": "batched", "batch_size": "auto"}),
        ("plugin=chunked_xla", "plugin", {"name": "chunked_xla", "chunk_size": "auto"}),
    ],
)
def test_the_command_line_wins(old_file, override, key, value):
    job, resolution = settled("compat=legacy", f"compat.params={old_file}", override)
    assert getattr(job, key) == value
    assert resolution.sources[key] == "command line"


def test_the_command_line_option_beats_the_legacy_batch_size():
    job, resolution = settled(
        "compat=legacy", "plugin=batched", "plugin.batch_size=5",
        "+compat.values.patch_extraction_batch_size=24",
    )  # fmt: skip
    assert job.plugin == {"name": "batched", "batch_size": 5}
    assert [c.key for c in resolution.conflicts] == ["plugin.batch_size"]


def test_a_changed_value_of_the_configuration_beats_legacy_ones(old_file):
    register_schemas()
    with initialize_config_module("ptycho_engine.conf", version_base="1.3"):
        config = compose("config", overrides=["compat=legacy", f"compat.params={old_file}"])
    config.patch_size = 48  # as a configuration file of the user's own sets it
    job, resolution = work_in_legacy(composed_settings(config, "config"), [], {})
    assert job.patch_size == 48
    assert resolution.sources["patch_size"] == "new configuration"


def user_configuration(tmp_path, overrides, values=""):
    """Settle a job whose user has a configuration of his own, with a plugin and legacy values."""
    (tmp_path / "mine.yaml").write_text(
        "defaults: [config, {override plugin: batched}, {override compat: legacy}, _self_]\n"
        f"patch_size: 48\ncompat: {{values: {{{values}}}}}\n"
    )
    register_schemas()
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        config = compose("mine", overrides=["hydra.searchpath=[pkg://ptycho_engine.conf]",
                                            *overrides])  # fmt: skip
    return work_in_legacy(composed_settings(config, "config"), overrides, {})


def test_legacy_values_on_the_command_line_beat_the_new_configuration(tmp_path):
    overrides = ["+compat.values.use_batched_patch_extraction=false", "+compat.values.model.N=24"]
    job, resolution = user_configuration(tmp_path, overrides, "model: {gridsize: 1}")
    assert (job.plugin, job.patch_size) == ({"name": "iterative"}, 24)
    assert resolution.sources["plugin"] == "command line: use_batched_patch_extraction"
    assert resolution.sources["patch_size"] == "command line: model.N"
    assert resolution.legacy.sources["gridsize"] == "compat.values: model.gridsize"
    assert {c.key for c in resolution.conflicts} == {"plugin", "patch_size"}


@pytest.mark.parametrize("override", ["+compat.values={N: 24}", "+compat.values.model={N: 24}"])
def test_so_do_those_given_as_a_whole(tmp_path, override):
    job, resolution = user_configuration(tmp_path, [override])
    assert job.patch_size == 24
    assert resolution.sources["patch_size"].startswith("command line: ")


def test_legacy_values_of_a_configuration_do_not(tmp_path):
    values = "use_batched_patch_extraction: false, N: 24"
    job, resolution = user_configuration(tmp_path, [], values)
    assert (job.plugin["name"], job.patch_size) == ("batched", 48)
    assert resolution.sources["plugin"] == "new configuration"
    assert {c.key for c in resolution.conflicts} == {"plugin", "patch_size"}


def test_the_data_file_becomes_the_scan_unless_another_is_named():
    job, _ = settled("compat=legacy", "+compat.values.train_data_file=run.npz")
    assert (job.scan.format, job.scan.path) == ("npz", "run.npz")
    job, resolution = settled(
        "compat=legacy", "+compat.values.train_data_file=run.npz", "scan=synthetic"
    )
    assert job.scan.format == "synthetic"
    assert [c.key for c in resolution.conflicts] == ["scan.path"]
    job, _ = settled(
        "compat=legacy", "+compat.values.train_data_file=run.npz", "scan=npz", "scan.path=my.npz"
    )
    assert (job.scan.format, job.scan.path) == ("npz", "my.npz")


NPZ = ["compat=legacy", "scan=npz", "scan.path=my.npz"]
NAMED = "+compat.values.train_data_file=old.npz"


@pytest.mark.parametrize("more", [[], [NAMED]])
def test_the_scan_that_is_set_keeps_its_options(more):
    job, _ = settled(*NPZ, "scan.swapped=true", "scan.pixel_size=2e-9", "scan.anchor=half", *more)
    scan = job.scan
    assert (scan.format, scan.path, scan.swapped) == ("npz", "my.npz", True)
    assert (scan.pixel_size, scan.anchor) == (2e-9, "half")


@pytest.mark.parametrize("reader", ["cxi", "mat", "ptychodus"])
def test_any_reader_can_be_set(reader):
    job, _ = settled("compat=legacy", f"scan={reader}", "scan.path=s.h5")
    assert (job.scan.format, job.scan.path) == (reader, "s.h5")


def test_a_reader_without_a_path_reads_the_legacy_file_with_its_options():
    job, resolution = settled("compat=legacy", "scan=npz", "scan.swapped=true", NAMED)
    assert (job.scan.path, job.scan.swapped) == ("old.npz", True)
    assert resolution.sources["scan.path"] == "command line: train_data_file"


def test_a_legacy_file_on_the_command_line_beats_the_scan_of_a_configuration(tmp_path):
    for scan, kept in (("npz, swapped: true", True), ("cxi", None)):
        (tmp_path / "mine.yaml").write_text(
            f"defaults: [config, {{override scan: {scan.partition(',')[0]}}}, "
            "{override compat: legacy}, _self_]\n"
            f"scan: {{path: my.file{scan.partition('npz')[2]}}}\n"
        )
        register_schemas()
        with initialize_config_dir(str(tmp_path), version_base="1.3"):
            config = compose("mine", overrides=["hydra.searchpath=[pkg://ptycho_engine.conf]",
                                                NAMED])  # fmt: skip
        job, _ = work_in_legacy(composed_settings(config, "config"), [NAMED], {})
        assert (job.scan.format, job.scan.path) == ("npz", "old.npz")
        assert job.scan.swapped is bool(kept)


def test_training_data_may_name_its_scan_in_the_legacy_file(tmp_path):
    path = tmp_path / "old.yaml"
    path.write_text("train_data_file_path: scan.npz\ngridsize: 2\n")
    for more in ([], ["scan=npz"]):
        job, _ = settled("compat=legacy", f"compat.params={path}", *more, root="train")
        assert (job.scan.path, job.groups.members) == ("scan.npz", 4)


@pytest.mark.parametrize("words", [["train"], ["plan", "train"], ["scan=npz"]])
def test_a_scan_that_nothing_names_is_refused(words, tmp_path, old_file):
    done = call_command(*words, "compat=legacy", f"compat.params={old_file}", cwd=tmp_path)
    assert done.returncode == 2
    expected = "ConfigurationError: scan.path: received nothing. Expected a value. Add scan.path="
    assert expected in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["old.yaml"]


def test_the_options_of_the_scan_reach_the_patches(tmp_path):
    image = np.random.default_rng(0).normal(size=(48, 64)) + 0j
    x, y = np.array([20.0, 23, 26]), np.array([18.0, 30, 24])
    np.savez(tmp_path / "swap.npz", xcoords=y, ycoords=x, objectGuess=image)
    done = call_command(
        "swap.npz", "compat=legacy", "plugin=numba", "scan=npz", "scan.swapped=true",
        "patch_size=16", "output.path=l.npz", "report=false", "output.picture=false", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    output = read_output(tmp_path / "l.npz")
    expected = Engine("numba").extract(image, np.stack([y, x], 1), 16)
    np.testing.assert_allclose(output.patches[...], expected, atol=1e-6)
    assert output.configuration["scan"]["swapped"] is True


def test_variables_count_under_it():
    job, resolution = settled("compat=legacy", environ={"USE_XLA_TRANSLATE": "0"})
    assert job.plugin["name"] == "batched"
    assert resolution.sources["plugin"] == "environment: USE_XLA_TRANSLATE=0"


def test_its_warnings_are_lines_of_the_log_where_that_is_json(tmp_path):
    shown, words = warnings.showwarning, ["plugin=numba", "patch_size=8", "compat=legacy"]
    with warnings.catch_warnings():
        warnings.simplefilter("always", RemovedIn2Warning)
        done = call_command("plan", *SMALL, *words, cwd=tmp_path)
        assert warnings.showwarning is shown
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stderr.splitlines()]
    (event,) = [event for event in events if event["event"] == "python_warning"]
    assert (event["category"], event["level"]) == ("RemovedIn2Warning", "warning")
    assert "PED028" in event["reason"]
    with pytest.warns(RemovedIn2Warning, match="PED028"):
        call_command("plan", *SMALL, *words, "runner.log_format=text", cwd=tmp_path)


@pytest.mark.tensorflow
def test_the_command_runs_with_it(tmp_path, old_file):
    done = run_python(
        "-m", "ptycho_engine.app.command", *SMALL, "compat=legacy", f"compat.params={old_file}",
        "+compat.values.use_batched_patch_extraction=true", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stderr.splitlines()]
    (chosen,) = [event for event in events if event["event"] == "plugin_selected"]
    assert chosen["plugin"] == "chunked_xla"
    assert chosen["sources"]["patch_size"].endswith("old.yaml: N")
    assert set(chosen["dropped"]) == {"gridsize", "nphotons"}
    assert "overrides False" in done.stderr
    assert "PED021" in done.stderr
    output = read_output(tmp_path / "patches.npz")
    scan = make_synthetic(0, 96, 12, 11.0)
    expected = Engine("chunked_xla").extract(scan.image, scan.positions, 16, rounding="legacy")
    np.testing.assert_array_equal(output.patches[...], expected)
    assert output.provenance["setting_sources"] == chosen["sources"]


def test_the_command_refuses_what_it_cannot_use(tmp_path):
    for override, words in (
        ("+compat.values.N=many", "a whole number"),
        ("compat.params=none.yaml", "none.yaml: no such file"),
    ):
        done = call_command(*SMALL, "compat=legacy", override, cwd=tmp_path)
        assert done.returncode == 2
        assert words in done.stderr
        assert list(tmp_path.iterdir()) == []


#: Stands in for a package that has been deleted: importing it, or what lies in it, fails.
WITHOUT_COMPAT = "import sys; sys.modules['ptycho_engine.compat'] = None\n"


def without_compat(code, *arguments, folder):
    code = WITHOUT_COMPAT + code
    return run_python("-c", code, *SMALL, "patch_size=8", *arguments, cwd=folder)


def test_without_the_compatibility_layer_the_engine_works(tmp_path):
    done = without_compat(
        "import ptycho_engine, numpy as np\n"
        "engine = ptycho_engine.Engine()\n"
        "patches = engine.extract(np.eye(8), [[4, 4]], 2)\n"
        "print(patches.tolist())",
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[[[1.0, 0.0], [0.0, 1.0]]]\n"


MAIN = "from ptycho_engine.app.command import main; main()"


def test_without_the_compatibility_layer_the_command_works(tmp_path):
    done = without_compat(MAIN, "compat=none", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.glob("patches.*")} == {
        "patches.npz", "patches.npz.png", "patches.npz.report.html",
    }  # fmt: skip
    assert read_output(tmp_path / "patches.npz").patches.shape == (12, 8, 8)


def test_only_legacy_settings_need_the_compatibility_layer(tmp_path):
    done = without_compat(MAIN, "compat=legacy", folder=tmp_path)
    assert done.returncode != 0
    assert "ptycho_engine.compat" in done.stderr
    assert "app/legacy.py" in done.stderr.replace("\\", "/")
    assert not list(tmp_path.glob("patches.*"))


def test_importing_the_package_does_not_import_tensorflow():
    code = "import sys, ptycho_engine.compat; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert not hasattr(compat, "nothing_of_this_name")
