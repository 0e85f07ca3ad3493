"""The picture beside an output changes together with it, and never costs it anything."""

import os
import stat

import pytest

from ptycho_engine.errors import OutputError
from ptycho_engine.report import companion
from ptycho_engine.report.canvas import SIGNATURE, SOFTWARE
from ptycho_engine.report.companion import PICTURE, REPORT, Companion, Companions
from ptycho_engine.report.html.page import render

OLD, NEW = (SIGNATURE + f"....tEXtSoftware\0{SOFTWARE}{which}".encode() for which in ("old", "new"))


class Failure(Exception):
    pass


@pytest.fixture
def output(tmp_path):
    path = tmp_path / "patches.h5"
    path.write_text("patches")
    return path


@pytest.fixture
def warned(monkeypatch):
    """What was warned of."""
    events = []

    class Logger:
        def warning(self, event, **more):
            events.append((event, more))

    monkeypatch.setattr(companion, "get_logger", Logger)
    return events


def names(output):
    return sorted(path.name for path in output.parent.iterdir())


def appear(output, draw=None, error=None):
    """Let an output appear with its picture, or fail to."""
    beside = Companion(output)
    if draw is not None:
        beside.draw(draw)
    try:
        with beside:
            assert not beside.path.exists() or not companion.canvas.is_ours(beside.path)
            if error:
                raise error
    except Failure:
        pass
    return beside


def fail():
    raise Failure("no font")


def test_pictures_of_two_outputs_have_two_names(tmp_path):
    stems = {PICTURE.beside(tmp_path / f"patches{suffix}") for suffix in (".npz", ".h5", ".zarr")}
    assert len(stems) == 3
    assert {path.parent for path in stems} == {tmp_path}


@pytest.mark.parametrize("earlier", [False, True])
def test_it_appears_with_its_output(output, warned, earlier):
    path = PICTURE.beside(output)
    if earlier:
        path.write_bytes(OLD)
    assert appear(output, lambda: NEW).placed
    assert path.read_bytes() == NEW
    assert names(output) == ["patches.h5", "patches.h5.png"]
    assert warned == []


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize("draw", [fail, None])
def test_an_old_picture_never_stays_beside_new_patches(output, warned, earlier, draw):
    """Whether the new one failed, or there shall be none."""
    if earlier:
        PICTURE.beside(output).write_bytes(OLD)
    assert not appear(output, draw).placed
    assert names(output) == ["patches.h5"]
    assert [event for event, _ in warned] == ["picture_failed"] * (draw is fail)


def test_what_is_not_ours_stays(output, warned):
    PICTURE.beside(output).write_text("mine")
    appear(output)
    assert PICTURE.beside(output).read_text() == "mine"
    assert not appear(output, lambda: NEW).placed  # it came there while the patches were cut
    assert PICTURE.beside(output).read_text() == "mine"
    assert len(warned) == 1


def test_an_output_that_does_not_appear_keeps_its_picture(output, warned):
    path = PICTURE.beside(output)
    path.write_bytes(OLD)
    path.chmod(0o640)
    inode = path.stat().st_ino
    assert not appear(output, lambda: NEW, Failure()).placed
    assert (path.read_bytes(), path.stat().st_ino) == (OLD, inode)
    assert names(output) == ["patches.h5", "patches.h5.png"]


def full(*_, **__):
    raise OSError(28, "No space left on device")


def test_a_full_disk_costs_the_picture_alone(output, warned, monkeypatch):
    PICTURE.beside(output).write_bytes(OLD)
    beside = Companion(output)
    beside.draw(lambda: NEW)
    with beside:
        monkeypatch.setattr(companion.publishing, "publish", full)
    assert names(output) == ["patches.h5"]
    ((event, more),) = warned
    assert event == "picture_failed"
    assert "No space left" in more["reason"]


@pytest.mark.parametrize("interrupted", [KeyboardInterrupt(), None])
def test_an_interrupt_while_drawing_is_no_failure_of_the_picture(output, warned, interrupted):
    """Also one that a library has made an error of its own from."""

    def draw():
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as stop:
            raise interrupted or RuntimeError("a callback failed") from stop

    with pytest.raises(KeyboardInterrupt):
        Companion(output).draw(draw)
    assert warned == []


@pytest.mark.parametrize("earlier", [0o600, 0o644, None])
def test_a_private_output_has_a_private_picture(output, warned, earlier):
    output.chmod(0o600)
    path = PICTURE.beside(output)
    if earlier is not None:
        path.write_bytes(OLD)
        path.chmod(earlier)
    appear(output, lambda: NEW)
    mode = stat.S_IMODE(path.stat().st_mode)
    assert mode == (0o600 if earlier is None else earlier)


def test_a_store_lends_the_mode_of_its_files(tmp_path, warned):
    store = tmp_path / "p.zarr"
    store.mkdir()
    (store / "zarr.json").write_text("{}")
    (store / "zarr.json").chmod(0o640)
    assert appear(store, lambda: NEW).placed
    assert stat.S_IMODE(PICTURE.beside(store).stat().st_mode) == 0o640


def test_a_link_in_its_place_is_followed(output, warned):
    elsewhere = output.with_name("elsewhere.png")
    elsewhere.write_bytes(OLD)
    PICTURE.beside(output).symlink_to(elsewhere)
    assert appear(output, lambda: NEW).placed
    assert PICTURE.beside(output).is_symlink()
    assert elsewhere.read_bytes() == NEW


def test_litter_of_a_killed_run_goes(output, warned):
    path = PICTURE.beside(output)
    for what in ("old", "new"):
        companion._hidden(path, what).write_bytes(OLD)
    assert appear(output, fail).path == path
    assert names(output) == ["patches.h5"]


def test_litter_of_a_killed_run_is_never_put_back(output, warned):
    companion._hidden(PICTURE.beside(output), "old").write_bytes(OLD)
    appear(output, lambda: NEW, Failure())
    assert names(output) == ["patches.h5"]


# -- refusals, before any work ---------------------------------------------------------------


def make_pipe(path):
    os.mkfifo(path)


KINDS = {
    "text": lambda path: path.write_text("mine"),
    "another PNG": lambda path: path.write_bytes(SIGNATURE + b"tEXtSoftware\0Matplotlib"),
    "folder": lambda path: path.mkdir(),
    "pipe": lambda path: os.mkfifo(path),
    "link to a pipe": lambda path: (os.mkfifo(f"{path}.pipe"), path.symlink_to(f"{path}.pipe")),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("overwrite", [False, True])
def test_nothing_but_a_picture_of_ours_is_replaced(output, kind, overwrite):
    path = PICTURE.beside(output)
    KINDS[kind](path)
    with pytest.raises(OutputError, match=r"no picture of ptycho-engine.*output\.picture=false"):
        PICTURE.check(path, overwrite)
    PICTURE.check(path, overwrite, wanted=False)  # none of ours is in its way


@pytest.mark.parametrize("wanted", [False, True])
def test_a_picture_of_ours_is_replaced_when_asked(output, wanted):
    path = PICTURE.beside(output)
    path.write_bytes(OLD)
    PICTURE.check(path, True, wanted=wanted)
    with pytest.raises(OutputError, match=r"exists already.*output\.overwrite=true"):
        PICTURE.check(path, False, wanted=wanted)


def test_where_nothing_stands_nothing_is_refused(output):
    PICTURE.check(PICTURE.beside(output), False)
    PICTURE.check(output.with_name("n" * 300), False)
    dangling = output.with_name("link.png")
    dangling.symlink_to(output.with_name("none"))
    PICTURE.check(dangling, False)


def test_the_scan_is_named_where_a_picture_would_replace_it(output):
    with pytest.raises(OutputError, match="is the input itself"):
        PICTURE.check(output, True, [output])


# -- several of them -------------------------------------------------------------------------

PAGE = render("base.html.j2", heading="a report").encode()


def test_all_of_them_change_with_their_output(output, warned):
    old = PICTURE.beside(output), REPORT.beside(output)
    for path, content in zip(old, (OLD, PAGE), strict=True):
        path.write_bytes(content)
    beside = Companions.checked(output, True, [], picture=True, report=True)
    beside.picture.draw(lambda: NEW)  # and no report
    with beside:
        assert names(output)[-1] == "patches.h5"
    assert (beside.picture.standing, beside.report.standing) == (old[0], None)
    assert names(output) == ["patches.h5", "patches.h5.png"]


def test_all_of_them_stay_where_an_output_does_not_appear(output, warned):
    PICTURE.beside(output).write_bytes(OLD)
    REPORT.beside(output).write_bytes(PAGE)
    beside = Companions(output)
    beside.picture.draw(lambda: NEW)
    beside.report.draw(lambda: PAGE + b"new")
    with pytest.raises(Failure), beside:
        raise Failure
    assert PICTURE.beside(output).read_bytes() == OLD
    assert REPORT.beside(output).read_bytes() == PAGE
    assert len(names(output)) == 3


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_report_of_another_is_never_replaced(output, overwrite):
    REPORT.beside(output).write_text("<!DOCTYPE html><title>mine</title>")
    with pytest.raises(OutputError, match=r"no report of ptycho-engine.*report=false"):
        Companions.checked(output, overwrite, [], picture=True, report=True)
    Companions.checked(output, overwrite, [], picture=True, report=False)


def test_an_earlier_report_is_in_the_way_unless_it_may_be_replaced(output):
    REPORT.beside(output).write_bytes(PAGE)
    for report in (True, False):
        with pytest.raises(OutputError, match=r"a report of earlier patches.*overwrite=true"):
            Companions.checked(output, False, [], picture=True, report=report)
        Companions.checked(output, True, [], picture=True, report=report)
    with pytest.raises(OutputError, match=r"Move it away, or choose another name\.$"):
        REPORT.check(REPORT.beside(output), None)  # as of scans, which replace nothing


def test_a_report_that_fails_leaves_the_picture(output, warned):
    beside = Companions(output)
    beside.picture.draw(lambda: NEW)
    beside.report.draw(fail)
    with beside:
        pass
    assert names(output) == ["patches.h5", "patches.h5.png"]
    assert [event for event, _ in warned] == ["report_failed"]


# -- a picture of its own --------------------------------------------------------------------


def test_a_picture_is_written_whole_or_not_at_all(output, monkeypatch):
    path = output.with_name("compare.png")
    PICTURE.write(path, NEW)
    with pytest.raises(OutputError):
        PICTURE.write(path, OLD)
    assert path.read_bytes() == NEW
    PICTURE.write(path, OLD, overwrite=True)
    assert path.read_bytes() == OLD
    monkeypatch.setattr(companion.publishing, "publish", full)
    with pytest.raises(OSError, match="No space"):
        PICTURE.write(path, NEW, overwrite=True)
    assert path.read_bytes() == OLD
    assert names(output) == ["compare.png", "patches.h5"]


def test_a_picture_has_the_mode_that_files_have_here(output):
    path = output.with_name("compare.png")
    PICTURE.write(path, NEW)
    before = os.umask(0)
    os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~before
