"""What a sweep came to: as data, as a table, as a page and a file for programs."""

import io
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_engine.errors import OutputError
from ptycho_engine.report.sweep_page import link_of, page_of, write_summary
from ptycho_engine.report.sweep_table import MOST, print_table
from ptycho_engine.report.swept_runs import Sweep, SweptRun, settings_of

DONE = {"outcome": "done", "code": 0}
REFUSED = {"outcome": "refused", "code": 2, "words": "RequestError: no <b>such</b> size."}


def swept(folder, *runs, **how):
    how = {"launcher": "basic", "created": "2026-01-02T03:04:05+00:00", "at_once": 1} | how
    return Sweep(Path(folder), cores=None, runs=runs, **how)


def some_sweep(folder):
    made = {"patches": 2000, "working": 0.5, "seconds": 1.25, "peak_bytes": 3 * 1024**2}
    return swept(
        folder,
        SweptRun(0, {"a": "1", "b": "x"}, **DONE, output=f"{folder}/0/p.npz",
                 report=f"{folder}/0/p.npz.html", plugin="numba",
                 warnings=("doubtful positions: far away",), **made),
        SweptRun(1, {"a": "2", "b": "x"}, **REFUSED),
    )  # fmt: skip


def printed(sweep, width=None):
    stream = io.StringIO()
    print_table(sweep, stream, width)
    return stream.getvalue()


# -- data ------------------------------------------------------------------------------------


def test_values_of_overrides_are_found_by_their_keys():
    overrides = ["a=1", "+new=2", "~gone", "scan.path='x=y'"]
    assert settings_of(overrides) == {"a": "1", "new": "2", "~gone": "", "scan.path": "'x=y'"}


KEYS = st.sampled_from("abc")
SETTINGS = st.lists(st.dictionaries(KEYS, st.sampled_from("12"), max_size=3), max_size=4)


@settings(max_examples=40)
@given(SETTINGS)
def test_each_key_varies_or_is_common(all_settings):
    runs = [SweptRun(i, chosen, **DONE) for i, chosen in enumerate(all_settings)]
    sweep = swept("f", *runs)
    keys = {key for chosen in all_settings for key in chosen}
    assert set(sweep.varying) | set(sweep.common) == keys
    assert not set(sweep.varying) & set(sweep.common)
    for key, value in sweep.common.items():
        assert all(chosen[key] == value for chosen in all_settings)


def test_a_rate_is_known_where_its_parts_are():
    assert SweptRun(0, {}, **DONE, patches=30, working=2.0).rate == 15
    assert SweptRun(0, {}, **DONE, patches=30).rate is None
    assert SweptRun(0, {}, **DONE, patches=30, working=0.0).rate is None
    assert SweptRun(0, {}, **DONE, working=2.0).rate is None


# -- the table -------------------------------------------------------------------------------


def test_the_table_says_what_varies_and_shows_failures_first(tmp_path):
    lines = printed(some_sweep(tmp_path)).splitlines()
    assert lines[0].strip() == "2 runs, 1 failed"
    heads = "run a outcome patches seconds patches/s memory computed by warnings output"
    assert lines[2].split() == heads.split()
    assert lines[4].split() == ["1", "2", "refused"]
    assert lines[5].split() == [
        "0",
        "1",
        "done",
        "2,000",
        "1.25",
        "4,000",
        "3.00",
        "MiB",
        "numba",
        "1",
        "0/p.npz",
    ]


def test_what_is_in_no_run_has_no_column(tmp_path):
    table = printed(swept(tmp_path, SweptRun(0, {"seed": "1"}, **DONE), SweptRun(1, {}, **DONE)))
    assert "all done" in table
    assert "seed" in table
    for absent in ("patches", "memory", "warnings", "output", "computed by"):
        assert absent not in table


def test_a_long_table_ends_with_how_many_more(tmp_path):
    runs = [SweptRun(i, {"n": f"v{i}"}, **DONE) for i in range(MOST + 5)]
    runs[-1] = SweptRun(MOST + 4, {"n": "the last"}, **REFUSED)
    table = printed(swept(tmp_path, *runs))
    assert "the last" in table
    assert f"v{MOST - 1} " not in table
    assert "... and 5 more." in table


# -- the page --------------------------------------------------------------------------------


class Cells(HTMLParser):
    """The texts of the rows of tables, and where links lead."""

    def __init__(self, page):
        super().__init__()
        self.rows, self.links, self.inside = [], [], False
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.inside = True
        elif tag == "a" and self.inside:
            self.links.append(dict(attributes)["href"])

    def handle_endtag(self, tag):
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data):
        if self.inside:
            self.rows[-1][-1] += data


def test_the_page_shows_each_run_and_links_its_output(tmp_path):
    page = page_of(some_sweep(tmp_path / "a folder"))
    found = Cells(page)
    assert found.links == ["0/p.npz", "0/p.npz.html"]
    heads, failed, done = found.rows[:3]
    assert heads[:3] == ["run", "a", "outcome"]
    assert failed[:3] == ["1", "2", "refusedRequestError: no <b>such</b> size."]
    assert done[:3] == ["0", "1", "done"]
    shown = dict(zip(heads, done, strict=True))
    assert (shown["patches"], shown["patches/s"]) == ("2,000", "4,000")
    assert (shown["seconds"], shown["memory"]) == ("1.25 s", "3.00 MiB")
    assert "far away" in shown["warnings"]
    assert found.rows[4] == ["b", "x"]  # the same in every run
    assert "<b>" not in page


def test_a_page_asks_for_nothing_of_the_network(tmp_path):
    page = page_of(some_sweep(tmp_path))
    assert "default-src 'none'" in page
    assert re.findall(r"(?:src|href)=\"(?!#|data:|0/p)[^\"]*", page) == []


def test_links_hold_any_name_and_addresses_stay(tmp_path):
    assert link_of(f"{tmp_path}/0/a b#1%.h5", tmp_path) == "0/a%20b%231%25.h5"
    assert link_of(f"{tmp_path.parent}/other.h5", tmp_path) == "../other.h5"
    assert link_of("s3://bucket/a.zarr", tmp_path) == "s3://bucket/a.zarr"


# -- files -----------------------------------------------------------------------------------


def test_both_files_are_written_and_replaced(tmp_path):
    for count in (2, 1):
        sweep = some_sweep(tmp_path)
        sweep = swept(tmp_path, *sweep.runs[:count])
        assert write_summary(sweep) == tmp_path / "sweep.html"
        kept = json.loads((tmp_path / "sweep.json").read_text())
        assert [run["number"] for run in kept["runs"]] == list(range(count))
    assert kept["format"] == "ptycho_engine sweep"
    assert kept["runs"][0]["patches_per_second"] == 4000
    assert kept["runs"][0]["warnings"] == ["doubtful positions: far away"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sweep.html", "sweep.json"]


@pytest.mark.parametrize("name", ["sweep.json", "sweep.html"])
def test_what_is_not_ours_stays(tmp_path, name):
    (tmp_path / name).write_text("{}")
    with pytest.raises(OutputError, match=f"{name}: exists and is no summary"):
        write_summary(some_sweep(tmp_path))
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "{}")]


# -- in a browser ----------------------------------------------------------------------------


@pytest.mark.slow
def test_the_page_in_a_browser(tmp_path):
    """It asks for nothing, is accessible in both colour schemes, and sorts by clicks and keys."""
    sync = pytest.importorskip("playwright.sync_api")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    if (chromium := shutil.which("chromium")) is None:
        pytest.skip("chromium is not installed")
    runs = (SweptRun(i, {"size": str(size)}, **DONE, seconds=5.0 - i, peak_bytes=2**30)
            for i, size in enumerate((8, 16, 9)))  # fmt: skip
    refused = SweptRun(3, {"size": "0"}, **REFUSED)
    page_file = write_summary(swept(tmp_path, *runs, refused))
    with sync.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            page = browser.new_page(color_scheme=scheme)
            said, asked = [], []
            page.on("console", lambda message, said=said: said.append(message.text))
            page.on("pageerror", lambda error, said=said: said.append(str(error)))
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.goto(page_file.as_uri())
            found = axe.Axe().run(page).response["violations"]
            assert [rule["id"] for rule in found] == []
            assert said == []
            assert [url for url in asked if not url.startswith("data:")] == [page_file.as_uri()]

        def order():
            return [int(cell.inner_text()) for cell in page.query_selector_all(".sorts tbody th")]

        def heading(name):
            return page.get_by_role("button", name=name, exact=True)

        assert order() == [3, 0, 1, 2]
        heading("size").click()
        assert order() == [3, 0, 2, 1]  # as numbers
        assert (
            page.get_by_role("columnheader", name="size").get_attribute("aria-sort") == "ascending"
        )
        heading("seconds").press("Enter")
        assert order() == [2, 1, 0, 3]  # what is not known comes last
        heading("seconds").press("Enter")
        assert order() == [0, 1, 2, 3]
        assert len(page.query_selector_all("[aria-sort]")) == 1
        browser.close()
