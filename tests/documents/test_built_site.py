"""The site is built without a warning, its links lead on, and nothing public is missing."""

import ast
import fcntl
import importlib
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from hydra import compose, initialize_config_module
from omegaconf import DictConfig

from ptycho_engine import errors
from ptycho_engine.app.schema import register_schemas
from ptycho_engine.app.subcommands import SUBCOMMANDS
from ptycho_engine.app.vocabulary import CHOSEN, groups, keys_of, plain_keys
from ptycho_engine.deprecation.table import TABLE

pytest.importorskip("sphinx")
pytest.importorskip("sphinx_gallery")

pytestmark = pytest.mark.slow  # a minute or two, unless it is built already

ROOT = Path(__file__).parents[2]
COMMAND = ("-m", "sphinx", "-W", "--keep-going", "-n", "docs", "build/docs")
#: Modules with an ``__all__`` that is for other rooms of the package.
INNER = {"ptycho_engine.layers.keras_backend"}


class Page(HTMLParser):
    """The anchors of a page, and what it refers to."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.references, self.words = set(), set(), set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}
        wanted = "href" if tag in ("a", "link") else "src" if tag in ("img", "script") else None
        if wanted and given.get(wanted):
            self.references.add(given[wanted])

    def handle_data(self, data):
        self.words |= set(data.split())


@cache
def read(path):
    return Page(path)


@pytest.fixture(scope="session")
def site():
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build" / "docs.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other workers wait, and find it built
        done = subprocess.run(
            [sys.executable, *COMMAND], cwd=ROOT, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return ROOT / "build" / "docs"


def test_the_command_is_the_documented_one():
    command = "python " + " ".join(COMMAND)
    for name in ("CONTRIBUTING.md", "docs/conf.py"):
        assert command in (ROOT / name).read_text(encoding="utf-8")


def test_every_link_and_picture_within_the_site_is_there(site):
    broken, seen = [], 0
    for path in site.rglob("*.html"):
        if "_static" in path.parts:  # templates of the theme
            continue
        for reference in read(path).references:
            parts = urlsplit(reference)
            if parts.scheme or parts.netloc or reference.startswith("data:"):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            seen += 1
            if not target.is_file():
                broken.append(f"{path.relative_to(site)}: {reference}")
            elif (
                parts.fragment
                and target.suffix == ".html"
                and unquote(parts.fragment) not in read(target).anchors
            ):
                broken.append(f"{path.relative_to(site)}: no anchor {reference}")
    assert seen > 1000
    assert broken == []


def declared(path):
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    return None


def public_names():
    """Find every ``__all__`` of the package; a new one is public unless it is in `INNER`."""
    for path in sorted((ROOT / "ptycho_engine").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if module not in INNER and (names := declared(path)) is not None:
            yield from (f"{module}.{name}" for name in names)


def test_every_public_name_is_described(site):
    names = set(public_names())
    assert {"ptycho_engine.Engine", "ptycho_engine.layers.torch.PlacePatches"} < names
    pages = sorted((site / "reference" / "api").glob("*.html"))
    anchors = set().union(*(read(page).anchors for page in pages))
    assert names - anchors - {anchor.removeprefix("module-") for anchor in anchors} == set()


def test_every_error_is_described(site):
    anchors = read(site / "reference" / "api" / "ptycho_engine.errors.html").anchors
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and kind.__module__ == errors.__name__ and name[0] != "_":
            assert f"ptycho_engine.errors.{name}" in anchors


def test_every_public_module_can_say_its_names():
    for module in ("ptycho_engine", "ptycho_engine.layers", "ptycho_engine.plugin"):
        path = Path(importlib.import_module(module).__file__)
        assert declared(path) == importlib.import_module(module).__all__


def roots():
    return [found.root.config for found in SUBCOMMANDS.values() if found.root]


def leaves(config, prefix=""):
    for name in config:
        value = config._get_node(name)
        if isinstance(value, DictConfig) and value._is_none() is False and len(value):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


@pytest.mark.parametrize("root", sorted(set(roots())))
def test_every_key_is_described(site, root):
    pages = (site / "reference" / "configuration").glob("*.html")
    words = set().union(*(read(page).words for page in pages))
    register_schemas()
    with initialize_config_module("ptycho_engine.conf", version_base="1.3"):
        composed = set(leaves(compose(root)))
    said = {f"{group}.{key}" for group, key in {**CHOSEN, "scan": "format"}.items()}
    assert composed - said - words == set()
    for group in groups(root):
        assert group.name in words
        for choice in group.choices:
            assert {key.name for key in keys_of(group.name, choice)} <= words
    assert {key.name for key in plain_keys(root)} <= words


def test_every_subcommand_is_described(site):
    page = read(site / "reference" / "commands" / "ptycho-engine.html")
    assert set(SUBCOMMANDS) <= page.words | page.anchors


def test_every_deprecation_is_in_the_timeline(site):
    words = read(site / "project" / "migrations" / "timeline.html").words
    assert {entry.id for entry in TABLE} <= words


def test_examples_have_their_pictures(site):
    examples = sorted((ROOT / "docs" / "gallery").glob("plot_*.py"))
    assert len(examples) >= 6
    for example in examples:
        page = read(site / "examples" / f"{example.stem}.html")
        assert any(
            example.stem in reference and ".png" in reference for reference in page.references
        )
