"""The files beside an output at a URL: put there after it, and never in the place of anything."""

import itertools

import pytest
from events import logged

from ptycho_engine.errors import OutputError
from ptycho_engine.io.objects.buckets import Bucket
from ptycho_engine.io.objects.urls import location
from ptycho_engine.report.companion import Companions

pytest.importorskip("obstore")
NUMBERS = itertools.count()


@pytest.fixture
def output():
    return location(f"memory://pictures/{next(NUMBERS)}/patches.zarr")


def content(place):
    return Bucket(place).get(place.key)


def drawn(output):
    found = Companions.checked(output, False, [], picture=True, report=True)
    found.picture.draw(lambda: b"a picture")
    found.report.draw(lambda: b"a report")
    return found


def test_both_are_put_there_once_the_output_has_appeared(output):
    found = drawn(output)
    with found:
        assert content(found.picture.path) is None
    assert str(found.picture.standing) == f"{output}.png"
    assert str(found.report.standing) == f"{output}.report.html"
    assert content(found.picture.path) == b"a picture"
    assert content(found.report.path) == b"a report"


def test_none_is_put_beside_what_did_not_appear_or_is_not_drawn(output):
    found = drawn(output)
    with pytest.raises(OutputError), found:
        raise OutputError
    with Companions(output):
        pass
    assert content(found.picture.path) is None
    assert found.picture.standing is None


def test_what_is_there_is_refused_before_any_work_and_kept_after(output):
    found = drawn(output)
    Bucket(output).put(found.picture.path.key, b"of others")
    with pytest.raises(OutputError, match="exists already"):
        drawn(output)
    Companions.checked(output, False, [], picture=False, report=True)  # none is wanted there
    with logged() as events, found:
        pass
    assert [event["event"] for event in events] == ["picture_failed"]
    assert content(found.picture.path) == b"of others"
    assert found.picture.standing is None
    assert content(found.report.path) == b"a report"
