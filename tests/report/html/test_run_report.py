"""The page of a report: all of it, escaped, warnings first, small."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from ptycho_engine.report.html import page
from ptycho_engine.report.html.images import legend_of, picture_of
from ptycho_engine.report.html.object_map import map_object, scales_of
from ptycho_engine.report.html.run_report import (
    LINES,
    LONGEST,
    WARNINGS,
    Accuracy,
    Bars,
    Costs,
    Fact,
    Gallery,
    Row,
    RunReport,
    Sample,
    rows_of,
    write_page,
)

EVIL = "<script>alert('x')</script>\"&\n\u202e"
LIMIT = 3_000_000


class Outline(HTMLParser):
    """Collects what a page has: its tags, attributes, ids, headings."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "link", "img", "input", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def noisy(rng, side):
    return rng.random((side, side)) * np.exp(1j * rng.uniform(-np.pi, np.pi, (side, side)))


def full_report(side=60, word="word", samples=4, patch=20):
    rng = np.random.default_rng(0)
    image, positions = noisy(rng, side), rng.uniform(0, side, (5000, 2))
    scales = scales_of(image, [])
    legends = tuple(legend_of(scale) for scale in scales)
    shown = tuple(
        Sample(word, word, tuple(picture_of(noisy(rng, patch), s, word) for s in scales))
        for _ in range(samples)
    )
    return RunReport(
        heading=word,
        summary=word,
        warnings=(word, "second"),
        facts=(Fact(word, word, word),),
        plane=map_object(image, positions, patch, scales, framed=positions[:samples]),
        galleries=(Gallery(word, word, shown, legends, samples),),
        groups=(Row(word, word),),
        charts=(Bars(word, word, ((word, 3), (word, 0)), word),),
        accuracy=Accuracy(((0, 1e-7), (7, 3e-7)), 1e-6, word),
        plugin=(Row(word, word),),
        costs=Costs(((word, 1.5), ("write", 0.5)), ((word, 1024),), (word,)),
        settings=(Row(word, word, word),),
        origins=(Row(word, word),),
    )


def test_it_says_everything():
    text = write_page(full_report()).decode()
    for said in ("second", "3e-07", "within the tolerance", "1.00 KiB", "75 %", "2 warnings"):
        assert said in text
    assert text.index("2 warnings") < text.index("Object and scan")
    assert text.index("2 warnings") < text.index('class="facts"')


def test_whatever_comes_from_files_is_escaped():
    text = write_page(full_report(word=EVIL)).decode()
    assert "<script>alert" not in text
    assert "alert(&#39;x&#39;)" in text
    outline = Outline(text)
    assert outline.open == []
    assert len(outline.all("script")) == 1  # ours
    for tag, attributes in outline.tags:
        assert not any(name.startswith("on") for name in attributes), tag


def test_it_asks_for_nothing():
    outline = Outline(write_page(full_report()).decode())
    places = [
        attributes[name]
        for _, attributes in outline.tags
        for name in ("src", "href")
        if name in attributes
    ]
    assert places
    for place in places:
        assert place.startswith(("data:", "#")), place[:60]


def test_a_reader_without_eyes_finds_the_way():
    outline = Outline(write_page(full_report()).decode())
    assert outline.all("html")[0]["lang"] == "en"
    assert all(image["alt"] for image in outline.all("img"))
    assert all(drawing["aria-label"] for drawing in outline.all("svg"))
    assert all(head["scope"] in ("col", "row") for head in outline.all("th"))
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {section["aria-labelledby"] for section in outline.all("section")} <= set(ids)
    levels = [int(tag[1]) for tag, _ in outline.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert set(levels[1:]) == {2}


def test_it_stays_small_whatever_the_object():
    """Noise, which no packing makes smaller, in as many samples as a page takes, and long texts."""
    report = full_report(side=1440, samples=12, patch=128)
    rows = rows_of({f"key{i}": "x" * 10_000 for i in range(2000)}, {}, "default")
    report = RunReport(**vars(report) | {"settings": rows, "warnings": ("w" * 9999,) * 500})
    assert 1_500_000 < len(write_page(report)) < LIMIT


def test_the_same_report_is_the_same_page():
    assert write_page(full_report()) == write_page(full_report())


def test_parts_that_are_missing_are_left_out():
    text = write_page(RunReport("a scan", "of nothing")).decode()
    assert "No warnings." in text
    outline = Outline(text)
    assert outline.all("section") == outline.all("script") == []


@pytest.mark.parametrize("error", [2e-6, np.nan])
def test_what_is_beyond_the_tolerance_is_said(error):
    accuracy = Accuracy(((2, 1e-8), (3, error), (4, 1e-7)), 1e-6)
    assert not accuracy.holds
    np.testing.assert_equal(accuracy.largest, error)
    assert "beyond the tolerance" in write_page(RunReport("x", "y", accuracy=accuracy)).decode()


def test_many_warnings_are_counted():
    text = write_page(RunReport("x", "y", tuple(f"warning {i}" for i in range(100)))).decode()
    assert f"warning {WARNINGS - 1}" in text
    assert f"warning {WARNINGS}<" not in text
    assert f"and {100 - WARNINGS} more" in text


def test_settings_become_lines():
    values = {"plugin": {"name": "numba", "deep": {"er": 1}}, "wrappers": [], "empty": {},
              "report": True, "budget": None, "text": "a\nb" + "c" * 999}  # fmt: skip
    rows = {row.name: row for row in rows_of(values, {"plugin.name": "command line"}, "default")}
    assert (rows["plugin.name"].value, rows["plugin.name"].source) == ("numba", "command line")
    assert (rows["plugin.deep.er"].value, rows["plugin.deep.er"].source) == ("1", "default")
    assert [rows[n].value for n in ("wrappers", "empty", "report", "budget")] == [
        "[]", "{}", "true", "null",
    ]  # fmt: skip
    assert len(rows["text"].value) <= LONGEST
    assert len(rows_of({str(i): i for i in range(LINES + 9)})) == LINES + 1


def test_a_report_is_known_as_ours(tmp_path):
    path = tmp_path / "p.html"
    path.write_bytes(write_page(full_report()))
    assert page.is_ours(path)
    path.write_text("<!DOCTYPE html><html><head><title>mine</title></head></html>")
    assert not page.is_ours(path)
    assert not page.is_ours(tmp_path)
    assert not page.is_ours(tmp_path / "none")
