"""Every block of code of every document runs, in order, as a reader would try it."""

import re

import pytest

pytest.importorskip("sybil")

import readers
from code_blocks import PROGRAMS, lines_of, run_page
from readers import ROOT, give_files, legacy_names

#: Whose blocks tests/with_torch runs, in a process without TensorFlow.
OTHERS = [ROOT / "docs" / "how-to" / "torch.md"]
PATTERNS = ("*.md", "migrations/*.md", "benchmarks/*.md", "examples/*.md")
PAGES = [page for pattern in PATTERNS for page in sorted(ROOT.glob(pattern))]
PAGES += [page for page in readers.PAGES if page not in OTHERS]
#: Languages of blocks that are shown and not run; what runs is ``python`` and ``bash``.
SHOWN = {"", "text", "toml", "yaml", "json", "matlab", "diff", "markdown", "{toctree}"}
FENCE = re.compile(r"^ *```([^\n`]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def blocks(page):
    return FENCE.findall(page.read_text(encoding="utf-8"))


def name_of(page):
    return str(page.relative_to(ROOT))


def is_slow(page):
    """Tell pages whose commands take seconds each."""
    commands = (
        line for language, text in blocks(page) if language == "bash" for line in lines_of(text)
    )
    return page.name in SLOW or any(line.startswith(PROGRAMS) for line in commands)


SLOW = {"jax.md", "layers.md", "trained-models.md", "warp.md", "tensorflow.md", "README.md"}
RUNNING = [
    pytest.param(page, id=name_of(page), marks=[pytest.mark.slow] if is_slow(page) else [])
    for page in PAGES
    if any(language in ("python", "bash") for language, _ in blocks(page))
]


@pytest.mark.filterwarnings("ignore::ptycho_engine.RemovedIn2Warning")
@pytest.mark.parametrize("page", RUNNING)
def test_blocks_of_a_page_run_from_top_to_bottom(page, tmp_path):
    text = page.read_text(encoding="utf-8")
    give_files(text, tmp_path)
    _, left_out = run_page(page, tmp_path, legacy_names() if "migrations" in page.parts else {})
    assert all(reason.strip() for reason in left_out)
    if page.name == "README.md" and page.parent == ROOT:
        assert {"first.h5", "second.zarr", "multirun", "new.yaml", "compare.png"} <= {
            entry.name for entry in tmp_path.iterdir()
        }
        assert len(list(tmp_path.glob("multirun/*/*/*/patches.npz"))) == 4
        assert "ptycho_engine.compat" in (tmp_path / "old.py").read_text()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_runs_or_is_known_not_to(page):
    for language, text in blocks(page):
        assert language in SHOWN | {"python", "bash"}, f"```{language}\n{text}"


def test_a_program_that_nobody_runs_is_noticed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```bash\nrm -r .\n```\n")
    with pytest.raises(AssertionError, match="Runs nowhere"):
        run_page(page, tmp_path)
    page.write_text('<!-- skip: next "harm" -->\n```bash\nrm -r .\n```\n')
    assert run_page(page, tmp_path)[1] == ["harm"]


def test_names_go_from_block_to_block(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\na = 1\n```\n\n```python\nb = a + 1\nassert b == 2\n```\n")
    assert run_page(page, tmp_path)[0]["b"] == 2
    page.write_text("```python\nassert False\n```\n")
    with pytest.raises(AssertionError):
        run_page(page, tmp_path)
