"""Whatever the file: no crash, and no byte changed where no legacy name is used."""

from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ptycho_engine.migrations.codemod.job import Settings, migrate_file
from ptycho_engine.migrations.codemod.names import LEAVES, PARAMETERS, VARIABLES
from ptycho_engine.migrations.codemod.rewrite import ResultError, rewrite
from ptycho_engine.migrations.codemod.text import SourceError
from ptycho_engine.migrations.rules import RULES

PAGES = sorted((Path(__file__).parents[2] / "migrations" / "rules").glob("*.md"))
SEEDS = [
    block.partition("```")[0]
    for page in PAGES
    for block in page.read_text().split("```python\n")[1:]
]
SOURCES = [path.read_text() for path in sorted(Path(__file__).parent.glob("*.py"))]
#: Look-alikes, such as ``str.translate``, are among the statements; imported names are not.
LEGACY = [n.encode() for n in {*LEAVES, *PARAMETERS, *VARIABLES} - {"translate"}]

statements = st.sampled_from(
    [
        "import ptycho",
        "from ptycho import params as p",
        "from ptycho.params import *",
        "p.params()['use_xla'] = 1",
        "x = 'abc'.translate({})   ",
        "def f(a, *, b=1):",
        "\treturn a.translate(b)",
        "    yield",
        "class A: pass",
        "'''text\n  over lines'''",
        "if x: y = 1; z = 2;",
        "# ptycho",
        "@decorated",
        "\x0c",
        "é = 1",
        "(\n1,\n)",
        "\\",
        "",
    ]
)
files = st.builds(
    lambda lines, newline, mark, last: (mark + newline.join(lines) + last).encode(),
    st.lists(statements, max_size=12),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["", "\ufeff"]),
    st.sampled_from(["", "\n", "  ", "\\\n"]),
)
pieces = st.sampled_from([line + "\n" for text in SEEDS for line in text.splitlines()])
mutated = st.builds(
    lambda text, at, cut, put: text[: at % len(text)] + put + text[at % len(text) + cut :],
    st.sampled_from(SEEDS + SOURCES),
    st.integers(0, 10_000),
    st.integers(0, 40),
    st.one_of(pieces, st.text(max_size=5)),
)


@settings(max_examples=500)
@given(data=st.one_of(files, st.binary()))
def test_files_without_legacy_names_stay(tmp_path_factory, data):
    assume(not any(name in data for name in LEGACY))
    path = tmp_path_factory.getbasetemp() / "fuzzed.py"
    path.write_bytes(data)
    outcome = migrate_file(path, Settings("native", write=True))
    assert not outcome.changed
    assert "fault of ptycho-migrate" not in outcome.error
    assert path.read_bytes() == data


def settles(text):
    """Assert that a second run changes nothing; text that is no Python is refused before."""
    try:
        once = rewrite(text, RULES).text
    except ResultError:
        raise
    except SourceError:
        return
    assert rewrite(once, RULES).text == once


@pytest.mark.slow
@settings(max_examples=500)
@given(text=mutated)
def test_mutated_files_never_crash_and_one_run_is_enough(text):
    settles(text)


@settings(max_examples=200)
@given(lines=st.lists(pieces, max_size=8))
def test_lines_of_real_code_in_any_order(lines):
    text = "".join(lines)
    settles(text)
