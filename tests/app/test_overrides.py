"""Paths as people have them, and arguments in whatever order they come."""

import shlex
from pathlib import Path

import numpy as np
import pytest
from commands import call_command
from hydra import compose, initialize_config_module
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from ptycho_engine import read_output
from ptycho_engine.app.composition import extraction_job
from ptycho_engine.app.overrides import hydra_arguments, quoted, sort_arguments
from ptycho_engine.app.schema import register_schemas
from ptycho_engine.errors import ConfigurationError, InputFileError
from ptycho_engine.io.objects.urls import location
from ptycho_engine.io.scan_files import ScanSource

NAMES = [
    "a=b.npz", "scan(1).npz", "a#1.npz", "two words.npz", "a,b.npz", "größe.npz", "Скан.npz",
    "it's.npz", 'a"b.npz', "a\\b.npz", "${x}.npz", "\\${x}.npz", "[a].npz", "a{b}.npz", "a:b.npz",
    "100%!.npz", "a&b;c.npz", "1e3.npz", "@file.npz", "+a=b.npz", "~a.npz", "choice(a,b).npz",
]  # fmt: skip
QUICK = ["plugin=numba", "patch_size=8", "output.picture=false", "report=false"]


def write_scan(path):
    rng = np.random.default_rng(0)
    np.savez(path, xcoords=rng.uniform(8, 24, 3), ycoords=rng.uniform(8, 24, 3),
             objectGuess=rng.normal(size=(32, 32)).astype(np.complex64))  # fmt: skip


def composed(*arguments):
    """The configuration that a command line means."""
    register_schemas()
    overrides = hydra_arguments(sort_arguments(arguments))
    with initialize_config_module("ptycho_engine.conf", version_base="1.3"):
        config = compose("config", overrides=overrides)
    return OmegaConf.to_object(config)


def refusal(*arguments):
    with pytest.raises(ConfigurationError) as caught:
        hydra_arguments(sort_arguments(arguments))
    return str(caught.value)


@pytest.mark.parametrize("flags", [(), ("-m",)])
def test_glob_lists_configurations_and_no_files(here, flags):
    for key in ("scan.path", "output.path", "patch_size", "plugin.threads"):
        message = refusal(*flags, f"{key}=glob(*)")
        assert f"{key}=glob(*): glob() chooses among the configurations of a group" in message
    assert "-m *.npz" in refusal(*flags, "scan.path=glob(*.npz)")
    assert "plugin=glob(n*)" in hydra_arguments(sort_arguments(["-m", "plugin=glob(n*)"]))


def test_a_file_to_write_with_a_key_in_its_name_is_told_where_it_belongs(here):
    write_scan("in.npz")
    places = "scan.path", "output.path"
    for typed in (["in.npz", "new=1.zarr"], ["in.npz", "a b=1.h5"]):
        done = run(here, "convert", *typed)
        assert done.returncode == 2
        assert f'"output.path={typed[1]}"' in done.stderr
    made = hydra_arguments(sort_arguments(["in.npz", "output.path=new=1.zarr"]), places)
    assert any("new=1.zarr" in argument for argument in made)
    hydra_arguments(sort_arguments(["in.npz", "report=x.h5"]), places)  # a key that there is


@pytest.mark.parametrize("key", ["hydra.sweep.dir", "hydra.run.dir"])
def test_folders_of_hydra_may_lie_at_home(here, monkeypatch, key):
    monkeypatch.setenv("HOME", str(here / "my home"))
    for typed in ("~/sw", "'~/sw'", '"~/sw"'):
        (made,) = hydra_arguments(sort_arguments([f"{key}={typed}"]), ("output.path",))
        assert made.replace("'", "") == f"{key}={here}/my home/sw"
    for typed in ("a/b", "${now:%Y}/x", "~nobody-of-this-name/x"):
        (made,) = hydra_arguments(sort_arguments([f"{key}={typed}"]), ("output.path",))
        assert made.replace("'", "") == f"{key}={typed}"


def run(folder, *arguments):
    return call_command(*arguments, cwd=folder)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("form", ["{}", "scan.path={}"])
@pytest.mark.parametrize("url", ["s3://b/scan.h5", "gs://b/two words/a=b.npz", "memory://b/x"])
def test_a_url_is_a_scan_that_nobody_asks_for_yet(url, form):
    config = composed(form.format(url), "output.path=s3://b/patches.zarr")
    job = extraction_job(config, Path("/anywhere"))
    assert job.scan == ScanSource("file", location(url))
    assert job.output == location("s3://b/patches.zarr")  # not below the folder
    assert job.settings()["output"]["path"] == "s3://b/patches.zarr"


def test_urls_can_be_swept_over(here):
    found = hydra_arguments(sort_arguments(["-m", "scan.path=s3://b/1.h5,s3://b/2.h5"]))
    assert "scan=file" in found
    assert "several values" in refusal("scan.path=s3://b/1.h5,s3://b/2.h5")


@pytest.mark.parametrize("url", ["s3://b/a,c.h5", "s3://b/a=b,c.h5"])
def test_a_url_with_a_comma_is_given_the_form_that_works(url):
    form = shlex.split(refusal(url).rpartition("for a scan, ")[2].removesuffix("."))
    assert composed(*form).scan.path == url


def test_a_url_of_another_scheme_is_refused():
    assert "Available: file, gs, memory, s3" in refusal("http://b/scan.h5")


@pytest.mark.slow_cases("scan.path")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["{}", "scan.path={}"])
def test_a_file_of_any_name_is_the_scan(here, name, form):
    (here / name).write_bytes(b"")
    scan = composed(form.format(name)).scan
    assert (scan.format, scan.path) == ("npz", name)


@pytest.mark.parametrize("name", [n for n in NAMES if "${" not in n])
def test_an_output_of_any_name_is_that_name(here, name):
    assert composed(f"output.path={name}").output.path == name


texts = st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1)


def assert_quoting_keeps(name):
    register_schemas()
    with initialize_config_module("ptycho_engine.conf", version_base="1.3"):
        config = compose("config", overrides=[f"output.path={quoted(name, literal=True)}"])
    assert OmegaConf.to_object(config).output.path == name


hostile_texts = texts | st.text("a\\${}'\" ,=()[]", min_size=1)


@pytest.mark.slow
@settings(max_examples=10)
@given(hostile_texts)
def test_quoting_keeps_texts(name):
    assert_quoting_keeps(name)


@pytest.mark.slow
def test_quoting_keeps_every_text(scaled):
    settings(max_examples=scaled(200))(given(hostile_texts)(assert_quoting_keeps))()


@pytest.mark.parametrize("text", ["1e3", "2024", "true", "1_000", "0x10"])
def test_a_path_that_reads_like_a_number_stays_a_text(here, text):
    assert composed(f"output.path={text}").output.path == text


def test_what_hydra_reads_in_a_path_it_still_reads(here):
    assert composed("output.path=${patch_size}.npz").output.path == "64.npz"
    assert composed("output.path='a b.npz'").output.path == "a b.npz"
    assert composed("compat.params=null", "compat=legacy").compat.params is None


def test_home_is_expanded(here, monkeypatch):
    monkeypatch.setenv("HOME", str(here))
    (here / "x.npz").write_bytes(b"")
    assert composed("~/x.npz").scan.path == "~/x.npz"
    write_scan(here / "x.npz")
    folder = here / "elsewhere"
    folder.mkdir()
    done = run(folder, "scan.path=~/x.npz", "output.path=~/out.npz", *QUICK)
    assert done.returncode == 0, done.stderr
    assert read_output(here / "out.npz").patches.shape == (3, 8, 8)
    assert list(folder.iterdir()) == []


def test_a_file_alone_runs_that_file(tmp_path):
    name = "größe (1)=a, b#.npz"
    write_scan(tmp_path / name)
    done = run(tmp_path, name, *QUICK)
    assert done.returncode == 0, done.stderr
    with read_output(tmp_path / "patches.npz") as output:
        assert output.provenance["scan_path"] == str(tmp_path / name)
    done = run(tmp_path, "extract", f"./{name}", *QUICK, "output.path=b.npz")
    assert done.returncode == 0, done.stderr


def test_a_file_called_as_a_subcommand_is_reached_by_its_path(tmp_path):
    write_scan(tmp_path / "plugins.npz")
    (tmp_path / "plugins.npz").rename(tmp_path / "plugins")
    assert "numba" in run(tmp_path, "plugins").stdout
    done = run(tmp_path, "./plugins", "scan=npz", *QUICK)
    assert done.returncode == 0, done.stderr


def test_the_group_is_chosen_by_content_unless_it_is_named(here):
    (here / "x.npz").write_bytes(b"")
    assert composed("scan.path=x.npz").scan.format == "npz"
    assert composed("x.npz", "scan=file").scan.format == "file"
    assert composed("scan.path=none.npz").scan.format == "npz"
    assert composed("patch_size=8").scan.format == "synthetic"
    with pytest.raises(InputFileError, match=r"no format has the suffix '\.tiff'"):
        composed("scan.path=none.tiff")


def test_flags_stand_anywhere(here):
    (here / "conf").mkdir()
    (here / "x.npz").write_bytes(b"")
    typed = sort_arguments(
        ["patch_size=8", "--config-dir", "conf", "x.npz", "-m", "--config-name=mine"]
    )
    assert typed.rest == ("patch_size=8", "x.npz")
    assert typed.sweeps
    assert typed.own_configuration
    arguments = hydra_arguments(typed)
    assert arguments[:4] == ["--config-dir", "conf", "-m", "--config-name=mine"]
    assert sort_arguments(["--", "-x.npz"]).rest == ("-x.npz",)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["patch_size=8"], True),
        (["patch_size=8,9", "-m"], True),
        (["hydra.mode=MULTIRUN"], False),
        (["+hydra.mode=MULTIRUN"], False),
        (["hydra/sweeper=mine"], False),
        (["-cn", "mine"], False),
        (["--config-dir=conf", "scan=mine"], False),
    ],
)
def test_flags_tell_the_mode_unless_a_setting_may(arguments, told):
    assert sort_arguments(arguments).tells_the_mode is told


@pytest.mark.parametrize("flag", ["--multi", "--multirun", "-m"])
def test_files_and_values_are_swept_when_asked(here, flag):
    for name in ("a b.npz", "c.npz"):
        (here / name).write_bytes(b"")
    typed = sort_arguments(["a b.npz", "c.npz", "patch_size=8,16", flag])
    assert hydra_arguments(typed)[1:] == [
        "patch_size=8,16", "scan.path='a b.npz','c.npz'", "scan=npz",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nix.npz"], ["'nix.npz'", "neither a file that exists nor KEY=VALUE"]),
        (["~/nix.npz"], ["'~/nix.npz'", "neither a file that exists nor KEY=VALUE"]),
        ([""], ["''", "neither a file that exists nor KEY=VALUE"]),
        (["plugin"], ["'plugin'", "--help lists the keys and the subcommands"]),
        (["--multrun"], ["--multrun", "Did you mean '--multirun'"]),
        (["a.npz", "b.npz"], ["2 files", "Add --multirun"]),
        (["a.npz", "scan.path=b.npz"], ["beside the file 'a.npz'"]),
        (["patch_size=8,16"], ["received several values", "--multirun"]),
        (["scan.path=a.npz,b.npz"], ["received several values", "--multirun"]),
    ],
)
def test_what_cannot_be_meant_is_refused(here, arguments, words):
    for name in ("a.npz", "b.npz"):
        (here / name).write_bytes(b"")
    message = refusal(*arguments)
    for word in words:
        assert word in message


@pytest.mark.slow
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text("ab(){}[]=#',\" ", min_size=1))
def test_the_form_that_is_shown_works(value):
    """For whatever Hydra's grammar cannot take, in a key that is no path."""
    if Path(f"memory_budget={value}").exists():
        return
    try:
        hydra_arguments(sort_arguments([f"memory_budget={value}"]))
    except ConfigurationError as error:
        form = shlex.split(str(error).rpartition(": ")[2].removesuffix(" for a text."))
        if "quote it twice" in str(error):
            assert composed(*form).memory_budget == value


@pytest.mark.parametrize("url", ["http://b/p.zarr", "s3://key:secret@b/p.zarr", "s3://b"])
def test_a_run_to_a_url_that_names_nothing_is_refused_in_words(here, url):
    ended = run(here, *QUICK, f"output.path={url}")
    assert ended.returncode == 2
    assert "ConfigurationError" in ended.stderr
    assert "secret" not in ended.stderr
    assert "Traceback" not in ended.stderr
