"""Every deprecation warns at its caller's line, has a guide and a test, and goes in time."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import ptycho_engine
from ptycho_engine import Engine, compat
from ptycho_engine.compat.params.resolution import resolve
from ptycho_engine.deprecation import table as deprecations
from ptycho_engine.deprecation import timeline
from ptycho_engine.deprecation.table import TABLE, Deprecation, RemovedIn2Warning
from ptycho_engine.errors import ConfigurationError, DeprecatedUseError
from ptycho_engine.io.formats.synthetic import make_synthetic

MIGRATIONS = Path(__file__).parents[2] / "migrations"
BY_ID = {entry.id: entry for entry in TABLE}

IMAGES = np.ones((1, 8, 8, 1), np.float32)
PATCHES, OFFSETS = IMAGES.astype(np.complex64), np.zeros((1, 1, 2, 1))
EYE, MOVES = np.eye(3, dtype=np.float32)[None], np.zeros((1, 2), np.float32)
RAW = SimpleNamespace(xcoords=np.zeros(1), ycoords=np.zeros(1), diff3d=np.ones((1, 8, 8)))


def job(tmp_path):
    from ptycho_engine.app.legacy import work_in_legacy
    from ptycho_engine.app.schema import CompatConfig, JobConfig

    plugin = {"name": "chunked_xla", "chunk_size": "auto"}
    work_in_legacy(JobConfig(plugin=plugin, compat=CompatConfig("legacy")), [], {})


def resolved(**sources):
    return lambda tmp_path: resolve(**sources).warn()


#: One use of each deprecated name.
USES = {
    "PED001": lambda _: Engine("iterative"),
    "PED002": lambda _: compat.get_image_patches(IMAGES[0, ..., 0], OFFSETS, OFFSETS, 4, 1),
    "PED003": lambda _: compat.get_relative_coords(OFFSETS),
    "PED004": lambda _: compat.translate(IMAGES, MOVES),
    "PED005": lambda _: compat.translate_core(IMAGES, MOVES),
    "PED006": lambda _: compat.translate_xla(IMAGES, MOVES),
    "PED007": lambda _: compat.projective_warp_xla(IMAGES, EYE),
    "PED008": lambda _: compat.projective_warp_xla_jit(IMAGES, EYE),
    "PED009": lambda _: compat.tfa_params_to_3x3(np.zeros((1, 8))),
    "PED010": lambda _: compat.Translation(),
    "PED011": lambda _: compat._channel_to_flat(IMAGES),
    "PED012": lambda _: compat._flat_to_channel(IMAGES, 8, 1),
    "PED013": lambda _: compat._togrid(IMAGES, 1, 8),
    "PED014": lambda _: compat._fromgrid(IMAGES, 8),
    "PED015": lambda _: compat._grid_to_channel(IMAGES[None, None], 1),
    "PED016": lambda _: compat._channel_to_patches(IMAGES, 8, 1),
    "PED017": lambda _: compat.flatten_offsets(OFFSETS),
    "PED018": lambda _: compat.extract_patches_position(IMAGES, OFFSETS, N=4, gridsize=1),
    "PED019": lambda _: compat.reassemble_position(PATCHES, OFFSETS, M=4, N=8),
    "PED020": lambda _: compat.shift_and_sum(PATCHES, OFFSETS, M=4, N=8),
    "PED021": resolved(params={"use_batched_patch_extraction": True}),
    "PED022": resolved(params={"patch_extraction_batch_size": 8}),
    "PED023": resolved(params={"use_xla_translate": True}),
    "PED024": resolved(params={"use_xla_compile": True}),
    "PED025": resolved(environ={"USE_XLA_TRANSLATE": "0"}),
    "PED026": resolved(environ={"USE_XLA_COMPILE": "1"}),
    "PED027": resolved(environ={"TF_DISABLE_XLA_TRANSLATE": "1"}),
    "PED028": job,
    "PED029": lambda _: compat.generate_grouped_data(RAW, 8, gridsize=1, seed=0),
    "PED030": lambda _: compat.legacy_engine(),
    "PED031": lambda _: compat.resolve(),
    "PED032": lambda _: compat.compare(make_synthetic(0, 64, 20, 2.0), 8, limit=4),
}


def test_every_entry_is_used_by_a_test():
    assert set(USES) == set(BY_ID)
    assert len(BY_ID) == len(TABLE)


#: The plugin and the layer cannot even be named without TensorFlow, and so warn of nothing else.
NEED_TENSORFLOW = {"PED001", "PED010"}


@pytest.mark.filterwarnings("ignore::ptycho_engine.compat.CompatWarning")
@pytest.mark.parametrize(
    "id_",
    [
        pytest.param(id_, marks=pytest.mark.tensorflow) if id_ in NEED_TENSORFLOW else id_
        for id_ in sorted(USES)
    ],
)
def test_use_warns_at_the_line_of_the_caller(id_, tmp_path):
    with pytest.warns(RemovedIn2Warning) as caught:
        USES[id_](tmp_path)
    own = [w for w in caught if f"({id_})" in str(w.message)]
    assert len(own) == 1
    assert own[0].filename == __file__
    entry = BY_ID[id_]
    text = str(own[0].message)
    for word in (entry.old, entry.replacement, f"removed in ptycho_engine {entry.removal}"):
        assert word in text


@pytest.mark.filterwarnings("ignore::ptycho_engine.compat.CompatWarning")
@pytest.mark.parametrize("id_", sorted(USES))
def test_the_environment_turns_use_into_an_error(id_, tmp_path, monkeypatch):
    monkeypatch.setenv(deprecations.ENVIRONMENT, "error")
    with pytest.raises(DeprecatedUseError, match=id_):
        USES[id_](tmp_path)


def test_an_unknown_word_in_the_environment_is_refused(monkeypatch):
    monkeypatch.setenv(deprecations.ENVIRONMENT, "eror")
    with pytest.raises(ConfigurationError, match="Did you mean 'error'"):
        compat.get_relative_coords(OFFSETS)


@pytest.mark.parametrize("entry", TABLE, ids=lambda entry: entry.id)
def test_entry_is_complete(entry):
    assert re.fullmatch(r"PED\d{3}", entry.id)
    assert (MIGRATIONS / entry.guide).is_file()
    assert entry.removal in deprecations.CATEGORIES
    assert entry.code
    assert deprecations.lookup(entry.id) is entry


def test_every_public_function_of_the_compatibility_layer_has_an_entry():
    listed = {target.partition(":")[2] for entry in TABLE for target in entry.code}
    results = {"Comparison", "CompatWarning", "Resolution"}  # go with what returns them
    assert set(compat.__all__) - results <= listed


def test_everything_is_visible_by_default_and_public():
    assert issubclass(RemovedIn2Warning, FutureWarning)
    assert ptycho_engine.RemovedIn2Warning is RemovedIn2Warning


def test_nothing_stands_beyond_its_removal():
    late = [entry.id for entry in deprecations.due(ptycho_engine.__version__)]
    assert late == [], "remove this code, or move its removal in the table"


@pytest.mark.parametrize("version", ["2.0.0", "2.0.0.dev1", "2.1", "10.0"])
def test_the_version_that_removes_finds_all_that_stands(version):
    assert deprecations.due(version) == TABLE


def test_code_that_is_gone_is_not_due():
    gone = Deprecation("PED999", "function", "f", "g", "0001.md", code=("ptycho_engine.gone",))
    name = Deprecation("PED998", "function", "f", "g", "0001.md", code=("ptycho_engine:gone",))
    assert deprecations.due("2.0", (gone, name)) == ()
    assert deprecations.due("1.9.9") == ()


def test_the_committed_timeline_is_the_rendered_one():
    page = (MIGRATIONS / "timeline.md").read_text()
    assert page == timeline.timeline_page(), (
        "python -m ptycho_engine.deprecation.timeline > the page"
    )


@pytest.mark.slow
@pytest.mark.tensorflow
def test_each_line_warns_once_however_often_it_runs(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import numpy as np\n"
        "from ptycho_engine import compat\n"
        "image, at = np.ones((8, 8), np.float32), np.zeros((1, 1, 2, 1))\n"
        "for _ in range(3):\n"
        "    compat.get_image_patches(image, at, at, 4, 1)\n"
        "    compat.get_image_patches(image, at, at, 4, 1)\n"
        "compat.get_relative_coords(at)\n"
    )
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("PYTHONWARNINGS", None)
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=True, env=environment
    )
    warned = re.findall(r"script\.py:(\d+): RemovedIn2Warning", done.stderr)
    assert warned == ["5", "6", "7"]
