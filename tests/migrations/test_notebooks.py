"""Notebooks: the source of changed cells changes, and not one byte beside."""

import json

import pytest
from ptycho_engine.migrations.codemod.job import Settings, migrate_file
from ptycho_engine.migrations.codemod.notebook import rewrite_notebook
from ptycho_engine.migrations.codemod.text import SourceError
from ptycho_engine.migrations.rules import RULES

SHIM = [rule for rule in RULES if "shim" in rule.levels]

#: As Jupyter writes it, with outputs, and with spellings that no JSON library would choose.
NOTEBOOK = r"""{
 "cells": [
  {"cell_type": "markdown", "metadata": {}, "source": ["from ptycho.raw_data import get_image_patches"]},
  {
   "cell_type": "code",
   "execution_count": 1,
   "metadata": {"tags":   []},
   "outputs": [{"name": "stdout", "text": ["from ptycho.raw_data import get_image_patches\n", "\u00e9\u0041"]}],
   "source": [
    "%matplotlib inline\n",
    "!pip install ptycho \\\n",
    "   --quiet\n",
    "from ptycho.raw_data import RawData, get_image_patches\n",
    "import ptycho.params as p\n",
    "from ptycho import loader\n",
    "files = !ls\n",
    "p.cfg['N'] = 64  # \u0041 stays spelt so"
   ]
  },
  {
   "cell_type": "code",
   "execution_count": null,
   "metadata": {},
   "outputs": [],
   "source": [
    "%%time\n",
    "x = loader.reassemble_position(1)\n"
   ]
  },
  {"cell_type": "code", "metadata": {}, "outputs": [], "source": "p.set('use_xla_translate', False)\n%pwd"},
  {"cell_type": "code", "metadata": {}, "outputs": [], "source": ["%%bash\n", "import ( ptycho"]},
  {"cell_type": "code", "metadata": {}, "outputs": [], "source": []}
 ],
 "metadata": {"kernelspec": {"language": "python", "name": "python3"}, "n": 1.00e5},
 "nbformat": 4,
 "nbformat_minor": 5
}"""  # noqa: E501

CHANGES = [
    (
        r"""    "from ptycho.raw_data import RawData, get_image_patches\n",
""",
        r"""    "from ptycho.raw_data import RawData\n",
    "from ptycho_engine.compat import get_image_patches\n",
""",
    ),
    (
        r"""    "from ptycho import loader\n",
""",
        r"""    "from ptycho import loader\n",
    "from ptycho_engine import compat\n",
""",
    ),
    ("x = loader.reassemble_position(1)", "x = compat.reassemble_position(1)"),
    (
        "\"p.set('use_xla_translate', False)",
        '"# TODO(ptycho-migrate PE007): use_xla_translate=False is plugin=batched, unless batched '
        "extraction\\n#   is off; see ptycho-migrate explain PE007\\n"
        "p.set('use_xla_translate', False)",
    ),
]


def expected():
    text = NOTEBOOK
    for before, after in CHANGES:
        assert text.count(before) == 1
        text = text.replace(before, after)
    return text


def notebook(*cells, **metadata):
    return json.dumps(
        {
            "cells": [{"cell_type": "code", "source": cell, "outputs": []} for cell in cells],
            "metadata": metadata,
            "nbformat": 4,
        }
    )


def test_cells_change_and_nothing_beside():
    result = rewrite_notebook(NOTEBOOK, SHIM)
    assert result.text == expected()
    assert rewrite_notebook(result.text, SHIM).text == result.text


def test_places_count_within_cells():
    places = {p.rule: (p.cell, p.line) for p in rewrite_notebook(NOTEBOOK, SHIM).places}
    # The continued magic is one line to the rules.
    assert places == {"PE001": (2, 3), "PE003": (3, 2), "PE007": (4, 1)}


def test_names_that_magics_use_stay():
    text = notebook(
        "from ptycho.raw_data import get_image_patches\nx = get_image_patches(i, m, l, 8, 2)",
        "%timeit get_image_patches(i, m, l, 8, 2)",
    )
    native = [rule for rule in RULES if "native" in rule.levels]
    first, second = json.loads(rewrite_notebook(text, native).text)["cells"]
    assert "from ptycho_engine.compat import get_image_patches\n" in first["source"]
    assert "extract_patches(i" in first["source"]
    assert second["source"] == "%timeit get_image_patches(i, m, l, 8, 2)"


@pytest.mark.parametrize("indent", [None, 1, "\t"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_formatting_is_that_of_the_file(indent, ascii_only):
    def dump(value):
        return json.dumps(value, indent=indent, ensure_ascii=ascii_only)

    cells = [["a = 'é'\n", "from ptycho.raw_data import get_image_patches  # é"], "b = 2"]
    before = {"cells": [{"cell_type": "code", "source": c} for c in cells], "nbformat": 4}
    after = json.loads(json.dumps(before).replace("ptycho.raw_data", "ptycho_engine.compat"))
    assert rewrite_notebook(dump(before), SHIM).text == dump(after)


@pytest.mark.parametrize(
    "cell",
    [
        "%load_ext autoreload",
        "x = %who_ls",
        "x = !ls \\\n  -l\ny = 1",
        "?print",
        "print??",
        "if x:\n    %time y = 1\n    !ls",
        "%%timeit -n 1\nx = (1\n% 2)",
        "%%html\n<b>( </b>",
        "z = (3\n% 2)\n%pwd",
        'text = """\n%not a magic\n!neither\n"""\n%pwd',
        "await something()",
        "x;",
        "/print 1",
    ],
)
def test_magics_survive(cell):
    text = notebook("from ptycho.raw_data import get_image_patches", cell)
    changed = text.replace("ptycho.raw_data", "ptycho_engine.compat")
    assert rewrite_notebook(text, SHIM).text == changed


@pytest.mark.parametrize(
    "cell",
    [
        "%timeit other.get_image_patches(1)",
        "%timeit rd.RawData",
        "!grep rd.get_image_patches x.py",
        "%%timeit x = rd.get_image_patches(1)\ny = 2",
        "%env USE_XLA_TRANSLATE=0",
    ],
)
def test_names_in_magics_stay(cell):
    text = notebook("import ptycho.raw_data as rd", cell)
    assert rewrite_notebook(text, SHIM).text == text


def test_cell_that_is_not_python_does_not_block_the_others():
    text = notebook("from ptycho.raw_data import get_image_patches", "def (:", "x = 1", "y = (")
    result = rewrite_notebook(text, SHIM)
    assert result.text == text.replace("ptycho.raw_data", "ptycho_engine.compat")
    assert [place.cell for place in result.places] == [1]
    second, fourth = result.unread
    assert "cell 2, line 1: syntax error" in second
    assert "cell 4, line 1: syntax error" in fourth


def test_cells_that_are_not_read_are_named(tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_text(notebook("def (:", "from ptycho.raw_data import get_image_patches"))
    outcome = migrate_file(path, Settings(write=True))
    assert outcome.changed
    assert not outcome.error
    assert outcome.skipped.startswith("cell 1, line 1: syntax error")
    assert "ptycho_engine.compat" in path.read_text()


def test_notebook_of_which_no_cell_is_python_fails():
    with pytest.raises(SourceError, match="cell 1, line 1: syntax error"):
        rewrite_notebook(notebook("def ( ptycho.get_image_patches:"), SHIM)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "nonsense", '{"cells": 3}', '{"worksheets": []}', "[" * 100_000],
    ids=range(7),
)
def test_what_is_no_notebook_is_refused(text):
    with pytest.raises(SourceError):
        rewrite_notebook(text, SHIM)


@pytest.mark.parametrize(
    "text",
    [
        notebook("library(ptycho); get_image_patches", language_info={"name": "R"}),
        notebook("x = 1", "%%bash\nget_image_patches ptycho"),
        '{"cells": [{"cell_type": "code"}, {"cell_type": "code", "source": 3}, 4, null]}',
        '{"cells": []}',
    ],
)
def test_other_notebooks_stay(text):
    assert rewrite_notebook(text, SHIM).text == text
