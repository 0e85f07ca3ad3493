"""What drop-ins take from ``ptycho.params`` is there as it was before."""

import inspect
import os
from pathlib import Path

import pytest
from processes import run_python
from ptycho_engine.migrations.codemod.lookups import LOOKED_UP
from ptycho_engine.migrations.codemod.names import LEAVES
from ptycho_engine.migrations.codemod.rewrite import rewrite
from ptycho_engine.migrations.rules import RULES

from ptycho_engine import compat

STAND_IN = Path(__file__).parents[1] / "data" / "migration" / "stand_in"
LEVELS = {level: [r for r in RULES if level in r.levels] for level in ("shim", "native")}
IMPORT = "from ptycho.raw_data import get_image_patches\n"
KEPT = "import ptycho.params as ptycho_params  # noqa: F401  # holds N and gridsize\n"
CALL = "def cut(i, m, l):\n    return get_image_patches(i, m, l)\n"


def migrated(text, level):
    once = rewrite(text, LEVELS[level]).text
    assert rewrite(once, LEVELS[level]).text == once
    return once


def test_the_table_is_that_of_the_signatures():
    for leaf in LEAVES:
        parameters = list(inspect.signature(getattr(compat, leaf)).parameters)
        places = {n: parameters.index(n) for n in ("N", "gridsize") if n in parameters}
        if leaf != "generate_grouped_data":  # its object comes from PtychoPINN
            assert LOOKED_UP.get(leaf, {}) == places, leaf


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("level", "arguments"), [("shim", ""), ("native", ", gridsize=1"), ("shim", ", N=None")]
)
def test_sizes_from_parameters_that_only_the_import_loaded(tmp_path, level, arguments):
    path = tmp_path / "cutting.py"
    text = (
        f"{IMPORT}import numpy as np\n"
        "image, means = np.ones((80, 80), np.complex64), np.full((2, 1, 2, 1), 40.0)\n"
        f"print(get_image_patches(image, means, 0 * means{arguments}).shape)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(STAND_IN), "PYTHONWARNINGS": "ignore"}
    printed = []
    for version in (text, migrated(text, level)):
        path.write_text(version)
        done = run_python(path, env=environment, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout)
    assert printed[0] == printed[1]
    assert KEPT in path.read_text()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    "text",
    [
        f"{IMPORT}{CALL}",
        f"{IMPORT}def cut(i, m, l, N=None):\n    return get_image_patches(i, m, l, N, 2)\n",
        f"{IMPORT}get_image_patches(*many, 8, 2)\n",
        f"{IMPORT}get_image_patches(i, m, l, **many)\n",
        f"{IMPORT}x = partial(get_image_patches, N=8, gridsize=2)\n",
        f"import ptycho_torch\nfrom ptycho import misc\n{IMPORT}{CALL}",
        f"{IMPORT}{CALL}def f():\n    from ptycho import params\n",
        f"{IMPORT}from ptycho.tf_helper import _togrid\n{CALL}_togrid(x)\n",
        "from ptycho.tf_helper import _fromgrid as f\nf(x)\n",
        "from ptycho.loader import reassemble_position\nreassemble_position(x, o, M=10)\n",
        "ptycho_params = 3\n" + f"{IMPORT}{CALL}",
    ],
)
def test_import_stays_behind_once(text, level):
    after = migrated(text, level)
    taken = "ptycho_params = 3" in text
    assert after.count(KEPT.replace("_params ", "_params_2 ") if taken else KEPT) == 1
    assert after.count("import ptycho.params as") == 1


def test_it_stays_in_the_block_of_the_import():
    before = "try:\n    from ptycho.raw_data import get_image_patches\nfinally: pass\n"
    head, _, rest = migrated(before + CALL, "shim").partition(KEPT)
    assert head == "try:\n    from ptycho_engine.compat import get_image_patches\n    "
    assert rest == f"finally: pass\n{CALL}"


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    "text",
    [
        IMPORT,
        f"{IMPORT}get_image_patches(i, m, l, 8, 2)\n",
        f"{IMPORT}get_image_patches(*many, N=8, gridsize=2)\n",
        f"from ptycho.raw_data import RawData, get_image_patches\n{CALL}",
        f"{IMPORT}from ptycho import params as p\n{CALL}",
        f"import ptycho.tf_helper\n{IMPORT}{CALL}",
        "from ptycho.tf_helper import _channel_to_flat, translate\n"
        "x = _channel_to_flat(translate(a, b))\n",
        "from ptycho.tf_helper import _togrid\n_togrid(x, 2, 8)\n",
        "import ptycho.raw_data as rd\nrd.get_image_patches(i, m, l)\n",
    ],
)
def test_no_import_stays_where_none_is_needed(text, level):
    assert "params as ptycho_params" not in migrated(text, level)
