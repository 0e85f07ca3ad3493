"""The picture beside an output at a URL: put there after it, and never in the place of anything."""

import itertools
from pathlib import Path

import pytest
from events import logged

from ptycho_engine.errors import OutputError
from ptycho_engine.io.objects.buckets import Bucket
from ptycho_engine.io.objects.urls import location
from ptycho_engine.report.companion import Companion
from ptycho_engine.report.url_companion import UrlCompanion, companion_of

pytest.importorskip("obstore")
NUMBERS = itertools.count()


@pytest.fixture
def output():
    return location(f"memory://pictures/{next(NUMBERS)}/patches.zarr")


def content(place):
    return Bucket(place).get(place.key)


def test_a_picture_is_put_there_once_the_output_has_appeared(output):
    companion = companion_of(output, False, [], wanted=True)
    companion.draw(lambda: b"a picture")
    with companion:
        assert content(companion.path) is None
    assert str(companion.path) == f"{output}.png"
    assert content(companion.path) == b"a picture"
    assert companion.placed


def test_none_is_put_beside_what_did_not_appear_or_is_not_drawn(output):
    companion = UrlCompanion(output)
    companion.draw(lambda: b"a picture")
    with pytest.raises(OutputError), companion:
        raise OutputError
    with UrlCompanion(output):
        pass
    assert content(companion.path) is None
    assert not companion.placed


def test_what_is_there_is_refused_before_any_work_and_kept_after(output):
    companion = companion_of(output, False, [], wanted=True)
    companion.draw(lambda: b"a picture")
    Bucket(output).put(companion.path.key, b"of others")
    with pytest.raises(OutputError, match="exists already"):
        companion_of(output, False, [], wanted=True)
    with logged() as events, companion:
        pass
    assert [event["event"] for event in events] == ["picture_failed"]
    assert content(companion.path) == b"of others"
    assert not companion.placed


def test_that_of_a_file_is_as_ever(tmp_path):
    found = companion_of(Path(tmp_path, "patches.h5"), False, [], wanted=True)
    assert type(found) is Companion
