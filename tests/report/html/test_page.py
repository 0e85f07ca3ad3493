"""Pages of templates: escaped, whole, with nothing to fetch."""

import pytest
from jinja2 import UndefinedError

from ptycho_engine.report.html.page import render


def test_whatever_is_shown_is_escaped():
    page = render("base.html.j2", heading="<script>alert(1)</script>\"'&")
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;") == 2  # title, heading


def test_half_a_character_of_a_name_is_a_question_mark():
    page = render("base.html.j2", heading="scan\udcff")
    assert "scan?" in page
    page.encode("utf-8")


def test_what_is_missing_is_an_error():
    with pytest.raises(UndefinedError, match="heading"):
        render("base.html.j2")


def test_a_page_asks_for_nothing():
    page = render("base.html.j2", heading="x")
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "url(" not in page
    assert "{{" not in page
