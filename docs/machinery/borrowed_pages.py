"""Pages of the repository that stand in the site too: copied for each build, never kept."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

#: Where the copies lie, in the same folders as in the repository.
FOLDER = "project"
PATTERNS = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "DEVELOPER_GUIDE.md",
    "SECURITY.md",
    "benchmarks/README.md",
    "examples/README.md",
    "migrations/*.md",
    "migrations/rules/*.md",
)


def borrowed(root: Path) -> list[Path]:
    """List the borrowed pages, relative to the repository."""
    return sorted(page.relative_to(root) for pattern in PATTERNS for page in root.glob(pattern))


def write_if_changed(path: Path, text: str) -> None:
    """Write a page; one that is as it was keeps its time, so that Sphinx does not read it again."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def copy_pages(app: Sphinx, config: Config) -> None:
    """Copy the pages into the folder of the site, and drop copies of pages that are gone."""
    docs = Path(app.srcdir)
    pages = borrowed(docs.parent)
    for page in pages:
        write_if_changed(docs / FOLDER / page, (docs.parent / page).read_text(encoding="utf-8"))
    for copy in (docs / FOLDER).rglob("*.md"):
        if copy.relative_to(docs / FOLDER) not in pages:
            copy.unlink()


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("config-inited", copy_pages)
    return {"parallel_read_safe": True}
