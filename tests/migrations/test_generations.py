"""Trees and calls of other generations of PtychoPINN than the drop-ins repeat."""

import inspect
import sys

import pytest
from ptycho_engine.migrations import cli, exit_codes
from ptycho_engine.migrations.codemod.generations import SIGNATURES, differing_names
from ptycho_engine.migrations.codemod.names import GROUPING
from ptycho_engine.migrations.codemod.rewrite import rewrite
from ptycho_engine.migrations.rules import RULES

from ptycho_engine import compat

RELATIVE = "ptycho.raw_data.get_relative_coords"
LAYER = "ptycho.tf_helper.Translation"
#: A package of the generation that the drop-ins repeat, written for these tests.
SAME = {
    "raw_data": """
sign = -1
def get_image_patches(gt_image, global_offsets, local_offsets, N=None, gridsize=None): ...
def get_relative_coords(coords_nn):
    means = coords_nn.mean(axis=3)[..., None]
    distances = sign * (coords_nn - means)
    return means, distances
class RawData:
    def generate_grouped_data(self, N, K=4, nsamples=1, dataset_path=None, seed=None,
                              sequential_sampling=False, gridsize=None,
                              enable_oversampling=False, neighbor_pool_size=None): ...
""",
    "tf_helper": """
def translate(imgs, offsets, **kwargs): ...
def extract_patches_position(imgs, offsets_xy, jitter=0., N=None, gridsize=None): ...
def reassemble_position(obj_tensor, global_offsets, M=10): ...
def _flat_to_channel(img, N=None, gridsize=None): ...
class Other:
    def translate(self): ...
class Translation(Layer):
    def __init__(self, jitter_stddev=0.0, use_xla=False, **kwargs): ...
    def call(self, inputs):
        images, offsets = inputs[0], inputs[1]
""",
    "projective_warp_xla": """
def projective_warp_xla(images, transforms, *, interpolation="bilinear", fill_mode="edge"): ...
""",
}


def build(folder, module="", before="", after=""):
    """Write the package, with one piece of a module changed; return its folder."""
    package = folder / "ptycho"
    package.mkdir(parents=True)
    for name in ("__init__", "params"):
        (package / f"{name}.py").touch()
    for name, text in SAME.items():
        assert name != module or before in text
        changed = text.replace(before, after) if name == module else text
        (package / f"{name}.py").write_text(changed)
    return package


def test_the_generation_of_the_drop_ins_is_no_other(tmp_path):
    assert differing_names([build(tmp_path), tmp_path / "missing"]) == set()


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_table_is_that_of_the_drop_ins(name):
    found = inspect.signature(getattr(compat, name.rpartition(".")[2])).parameters.values()
    names = [p.name + "=" * (p.default is not p.empty) for p in found]
    if name == GROUPING:
        del names[0]
    wanted = SIGNATURES[name].split()
    assert names[: len(wanted)] == wanted


@pytest.mark.parametrize(
    ("module", "before", "after", "expected"),
    [
        ("raw_data", "gridsize=None): ...", "gridsize=None, config=None): ...", "get_image"),
        ("raw_data", ", N=None, gridsize=None): ...", "): ...", "get_image"),
        ("raw_data", "N=None, gridsize=None): ...", "N, gridsize): ...", "get_image"),
        ("raw_data", "seed=None,", "config=None,", "RawData.generate"),
        ("raw_data", ", seed=None", "", "RawData.generate"),
        ("raw_data", "neighbor_pool_size=None", "neighbor_pool_size=None, *, rng=None",
         "RawData.generate"),
        ("raw_data", "sign = -1", "sign = 1", "get_relative"),
        ("raw_data", "sign = -1", "sign: int = +1", "get_relative"),
        ("raw_data", "sign = -1", "from .params import sign", "get_relative"),
        ("raw_data", "sign * (coords_nn - means)", "coords_nn - means", "get_relative"),
        ("raw_data", "sign * (coords_nn", "sign * (-coords_nn", "get_relative"),
        ("raw_data", "sign * (coords_nn - means)", "2 * sign * (coords_nn - means)",
         "get_relative"),
        ("tf_helper", "self, jitter_stddev=0.0, use_xla=False, **kwargs", "self", "Translation"),
        ("tf_helper", "jitter_stddev=0.0, use_xla=False", "jitter_stddev=0.0", "Translation"),
        ("tf_helper", "images, offsets = inputs[0], inputs[1]", "images, offsets, jitter = inputs",
         "Translation"),
        ("tf_helper", ", N=None, gridsize=None): ...\ndef re", "): ...\ndef re",
         "extract_patches_position"),
        ("tf_helper", "img, N=None, gridsize=None", "img, N=None", "_flat_to_channel"),
        ("tf_helper", "imgs, offsets, **kwargs", "imgs, shifts, **kwargs", "translate"),
        ("projective_warp_xla", '*, interpolation="bilinear", ', "", "projective_warp_xla"),
    ],
)  # fmt: skip
def test_each_sign_of_another_generation_is_seen(tmp_path, module, before, after, expected):
    found = differing_names([build(tmp_path, module, before, after)])
    assert any(name.startswith(f"ptycho.{module}.{expected}") for name in found)
    assert found <= {*SIGNATURES}
    mirrored = {RELATIVE, GROUPING}
    assert len(found) == 1 or found == mirrored


@pytest.mark.parametrize(
    "same",
    [
        "-1 * (coords_nn - means)",
        "-(coords_nn - means)",
        "means - coords_nn",
        "(coords_nn - means) * sign",
        "sign * coords_nn + means",
    ],
)
def test_the_same_in_other_words_is_no_other(tmp_path, same):
    package = build(tmp_path, "raw_data", "sign * (coords_nn - means)", same)
    assert differing_names([package]) == set()
    layer = package / "tf_helper.py"
    optional = "if len(inputs) == 3:\n            images, offsets, _ = inputs"
    layer.write_text(layer.read_text().replace("images, offsets = inputs[0], inputs[1]", optional))
    module = package / "raw_data.py"
    module.write_text(module.read_text().replace("sign = -1", "sign: int = -1"))
    assert differing_names([package]) == set()


USE = """from ptycho.raw_data import RawData, get_image_patches, get_relative_coords
from ptycho import tf_helper as hh
raw = RawData.from_file('x')
raw.generate_grouped_data(64, nsamples=200)
get_relative_coords(c)
get_image_patches(i, m, l, 8, 1)
hh.Translation()([a, b])
hh._togrid(x)
"""


@pytest.mark.parametrize("level", ["shim", "native"])
@pytest.mark.parametrize("where", ["", "scripts", "scripts/use.py"])
def test_a_tree_of_the_opposite_sign_keeps_what_it_touches(tmp_path, where, level, capsys):
    build(tmp_path, "raw_data", "sign = -1", "sign = 1")
    use = tmp_path / "scripts" / "use.py"
    use.parent.mkdir()
    use.write_text(USE)
    arguments = ["code", str(tmp_path / where), "--write", "--level", level]
    for _ in range(2):
        with pytest.raises(SystemExit) as stop:
            cli.main(arguments)
        assert stop.value.code == exit_codes.DONE
        text = use.read_text()
        assert "from ptycho.raw_data import RawData, get_relative_coords\n" in text
        assert "\nraw.generate_grouped_data(64, nsamples=200)\n" in text
        assert "\ncompat.Translation()([a, b])\ncompat._togrid(x)\n" in text
        todo = [text.count(f"TODO(ptycho-migrate {n})") for n in ("PE001", "PE012")]
        assert todo == [1, 1] == [text.count("TODO(") - 1, 1]
    assert f"{RELATIVE} of this tree is of another version" in capsys.readouterr().err


@pytest.mark.parametrize("sign", ["-1", "1"])
def test_without_one_in_the_tree_the_installed_package_counts(tmp_path, monkeypatch, capsys, sign):
    build(tmp_path / "site", "raw_data", "sign = -1", f"sign = {sign}")
    monkeypatch.syspath_prepend(tmp_path / "site")
    use = tmp_path / "project" / "use.py"
    use.parent.mkdir()
    use.write_text("from ptycho.raw_data import get_relative_coords\n")
    with pytest.raises(SystemExit):
        cli.main(["code", str(use.parent), "--write"])
    said = f"{RELATIVE} of the installed PtychoPINN is of another" in capsys.readouterr().err
    stays = use.read_text().endswith("from ptycho.raw_data import get_relative_coords\n")
    assert said is stays is (sign == "1")
    assert "ptycho" not in sys.modules


def test_the_oldest_package_of_all_is_left_alone_as_well(tmp_path, capsys):
    """It has the functions of raw_data in loader."""
    package = build(tmp_path)
    (package / "raw_data.py").rename(package / "loader.py")
    inner = package / "use.py"
    inner.write_text(USE)
    with pytest.raises(SystemExit) as stop:
        cli.main(["code", str(tmp_path), "--write"])
    assert stop.value.code == exit_codes.DONE
    assert inner.read_text() == USE
    assert f"{package} is PtychoPINN itself" in capsys.readouterr().err


HEAD = "from ptycho.raw_data import RawData\nraw = RawData.from_file('x')\n"


@pytest.mark.parametrize(
    "body",
    [
        f"{HEAD}raw.generate_grouped_data(64, config=c)\n",
        f"{HEAD}raw.generate_grouped_data(64, rng=g)\nraw.generate_grouped_data(32)\n",
        f"{HEAD}RawData.generate_grouped_data(raw, 64, config=c)\n",
        f"{HEAD}raw.generate_grouped_data(64, object_index=3)\n",
        "from ptycho.raw_data import get_image_patches\nget_image_patches(i, m, l, mode=2)\n",
        "from ptycho.raw_data import get_relative_coords\nget_relative_coords(c, sign=1)\n",
        "from ptycho.tf_helper import Translation\nTranslation()([a, b, 0.0])\n",
        "from ptycho.tf_helper import Translation as T\nT()([a, b, jitter])\n",
        "from ptycho.tf_helper import Translation\nlayer = Translation()\nlayer([a, b, 0])\n",
        "from ptycho import tf_helper as hh\nhh.Translation()([a, b, 0.0])\n",
        "from ptycho.tf_helper import Translation\nclass A:\n    def __init__(self):\n"
        "        self.t = Translation()\n    def call(self, a, b):\n"
        "        return self.t([a, b, 0.1])\n",
        "from ptycho import tf_helper as hh\nhh.translate(a, b, fill_mode='x')\n",
    ],
)
@pytest.mark.parametrize("level", ["shim", "native"])
def test_calls_that_only_another_generation_takes_stay_with_a_comment(body, level):
    rules = [rule for rule in RULES if level in rule.levels]
    text = rewrite(body, rules).text
    assert rewrite(text, rules).text == text
    lines = text.splitlines(keepends=True)
    assert "".join(line for line in lines if not line.lstrip().startswith("#")) == body
    assert text.count("TODO(ptycho-migrate PE0") == 1


@pytest.mark.parametrize(
    "body",
    [
        "from ptycho.raw_data import get_image_patches\nget_image_patches(i, m, l, config=c)\n",
        "from ptycho.tf_helper import Translation\nTranslation(jitter_stddev=0.1)([a, b])\n",
        "from ptycho.tf_helper import Translation\nTranslation(name='t', dtype=d)([a, b])\n",
        "from ptycho.tf_helper import translate\ntranslate(a, b, interpolation='nearest')\n",
        "from ptycho.tf_helper import translate\ntranslate(a, b, **more)\nother([a, b, 0.0])\n",
    ],
)
def test_calls_of_the_generation_of_the_drop_ins_are_swapped(body):
    text = rewrite(body, RULES).text
    assert text.startswith("from ptycho_engine.compat import ")
    assert "TODO" not in text
