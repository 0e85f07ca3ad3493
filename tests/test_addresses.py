"""What a release adds of its own addresses: links that lead somewhere from a page of an index."""

import re
import shutil
import subprocess
import sys
import tomllib

import pytest
from repository import ROOT

URL = "https://example.org/owner/name"


@pytest.fixture
def folder(tmp_path):
    for name in ("README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def address(folder, tag):
    command = [sys.executable, "-I", ROOT / ".ci" / "addresses", URL, tag, folder]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def version():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_every_link_leads_to_a_file_of_the_tag(folder):
    tag = f"v{version()}"
    done = address(folder, tag)
    assert done.returncode == 0, done.stderr
    text = (folder / "README.md").read_text()
    links = re.findall(r"(!?)\[[^\]]*\]\(([^)]+)\)", text)
    assert len(links) > 15
    assert all(link.startswith("https://") for _, link in links)
    ours = [(picture, link) for picture, link in links if link.startswith(URL)]
    for picture, link in ours:
        kind, _, path = link.removeprefix(f"{URL}/").partition(f"/{tag}/")
        assert kind == ("raw" if picture else "blob")
        assert (ROOT / path.partition("#")[0]).exists(), link
    assert sum(bool(picture) for picture, _ in ours) >= 2
    # Nothing but links has changed.
    assert (
        text.replace(f"{URL}/raw/{tag}/", "").replace(f"{URL}/blob/{tag}/", "")
        == (ROOT / "README.md").read_text()
    )
    urls = tomllib.loads((folder / "pyproject.toml").read_text())["project"]["urls"]
    assert urls.pop("Repository") == URL
    assert {"Changelog", "Issues", "Releases"} == set(urls)


def test_another_tag_is_refused(folder):
    before = (folder / "README.md").read_text()
    done = address(folder, "v0.0.1")
    assert done.returncode == 1
    assert f"the tag is v0.0.1, and pyproject.toml has the version {version()}" in done.stderr
    assert (folder / "README.md").read_text() == before
