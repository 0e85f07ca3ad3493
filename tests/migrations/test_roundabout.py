"""Names that stars bring, variables, and what one statement holds; what looks like it stays."""

import pytest
from comments import comments, left
from ptycho_engine.migrations.codemod.rewrite import rewrite
from ptycho_engine.migrations.rules import RULES

P = "from ptycho import params as p\n"
CONFIG = "from ptycho.config.config import ModelConfig\n"
BATCHED, BATCH_SIZE = "use_batched_patch_extraction", "patch_extraction_batch_size"
XLA = "use_xla_translate"


@pytest.mark.parametrize(
    ("use", "name"),
    [
        ("hh.translate(1, 2)", "hh.translate"),
        ("get_image_patches(1)", "get_image_patches"),
    ],
)
def test_stars_pass_names_on(use, name):
    text = f"from ptycho.nbutils import *\nfrom ptycho.train import *\n{use}\n"
    assert left(text) == [("PE006", 1, "ptycho.nbutils.*")]
    (comment,) = comments(text)
    assert f" {name} may come from it" in comment


@pytest.mark.parametrize(
    "use",
    [
        "from mine import hh\nhh.translate(1)",
        "def f(hh):\n    return hh.translate(1)",
        "'abc'.translate(1); str.translate; 'x'.join([]).translate(1)",
        f"set({{'{XLA}'}}); print('{XLA}')",
        f"settings = {{}}\nsettings['{XLA}'] = 0\nsettings.update({XLA}=1)",
        f"names.append('{XLA}')",
        f"params.set('N', 0)  # {XLA}",
    ],
)
def test_what_no_star_passes_on_stays(use):
    text = f"from ptycho.nbutils import *\n{use}\n"
    assert rewrite(text, RULES).text == text


def test_only_stars_of_ptycho_count():
    text = "import ptycho\nfrom ptycho_torch.all import *\nfrom .train import *\nhh.translate(1)\n"
    assert rewrite(text, RULES).text == text


@pytest.mark.parametrize(
    "use",
    [
        "os.environ['USE_XLA_TRANSLATE'] = '0'",
        "os.environ.pop('USE_XLA_TRANSLATE', None)",
        "x = os.getenv('USE_XLA_TRANSLATE')",
    ],
)
def test_variables(use):
    assert left(f"import os  # ptycho\n{use}\n") == [("PE009", 2, "USE_XLA_TRANSLATE")]


@pytest.mark.parametrize(
    "use",
    [
        "os.system('MY_USE_XLA_TRANSLATE=0 python x.py')",
        "print('see USE_XLA_TRANSLATE below')",
        "def f():\n    '''Run with USE_XLA_TRANSLATE=0.'''",
        "f(use_xla_translate=0)",
        "USE_XLA_TRANSLATE = 0",
    ],
)
def test_other_variables_stay(use):
    text = f"import os  # ptycho\n{use}\n"
    assert rewrite(text, RULES).text == text


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            "from mock import patch\n@patch('ptycho.raw_data.get_image_patches')\n"
            "@patch('ptycho.raw_data.get_relative_coords')\ndef t(a, b): pass\n",
            ["get_image_patches", "get_relative_coords"],
        ),
        (f"{CONFIG}ModelConfig({BATCHED}=True, {BATCH_SIZE}=64)\n", [BATCHED, BATCH_SIZE]),
        (f"{P}p.cfg.update({{'{XLA}': False, '{BATCHED}': True}})\n", [XLA, BATCHED]),
    ],
)
def test_one_comment_names_all_that_a_statement_holds(text, names):
    left(text)
    (comment,) = comments(text)
    for name in names:
        assert name in comment
    assert comment.count("; see ") == 1
    assert comment.count("migrated code calls") <= 1


@pytest.mark.parametrize(
    "lines",
    [
        "d = e\ne = d",
        "d = d",
        "for d in e: e = d",
        "d, e = e, d",
        "def d() -> d: return d()\ne = d()",
    ],
)
def test_names_that_lead_in_circles_end(lines):
    text = f"from ptycho.raw_data import RawData\n{lines}\n"
    assert left(f"{text}d.generate_grouped_data(8)\n")[0][0] == "PE012"
    assert left(f"{text}e.generate_grouped_data(8)\n")[0][0] == "PE012"


STAR = "from ptycho.tf_helper import *\n"
NAMED = "from ptycho.tf_helper import reassemble_position\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{NAMED}{STAR}reassemble_position(1)\n", [("PE006", 2, "ptycho.tf_helper.*")]),
        (f"{NAMED}from ptycho.raw_data import *\nreassemble_position(1)\n", []),
        (f"{STAR}{NAMED}reassemble_position(1)\n", []),
        (f"{NAMED}{STAR}def reassemble_position(x):\n    return x\n", []),
        (f"from mine import reassemble_position\n{STAR}reassemble_position(1)\n", []),
    ],
)
def test_a_star_that_takes_a_name_back(text, expected):
    assert left(text) == expected
