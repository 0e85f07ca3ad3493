"""The picture beside an output at a URL: an object, put there once the output has appeared."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import OutputError, PtychoEngineError
from ..io.objects.buckets import Bucket
from ..io.objects.urls import Location, ObjectUrl
from .companion import Companion, check_picture


class UrlCompanion(Companion):
    """A `Companion` that replaces nothing. What keeps it from its place is a warning."""

    def __enter__(self) -> None:
        """Do nothing: no earlier picture is in the way."""

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None or self._content is None:
            return
        try:
            put_picture(self.path, self._content)
            self.placed = True
        except PtychoEngineError as error:
            self._warn(error)


def companion_of(
    output: Location, overwrite: bool, inputs: Sequence[Location], *, wanted: bool
) -> Companion:
    """Return the picture to be of an output; refuse one that could not be put there.

    Parameters
    ----------
    output : Path or ObjectUrl
        The output.
    overwrite : bool
        Whether an earlier picture may be replaced.
    inputs : sequence of Path or ObjectUrl
        What the run reads.
    wanted : bool
        Whether there shall be a picture; if not, only an earlier one of ours is in the way.

    Raises
    ------
    OutputError
        With what to do.
    """
    companion = UrlCompanion(output) if isinstance(output, ObjectUrl) else Companion(output)
    check_picture_at(companion.path, overwrite, inputs, wanted=wanted)
    return companion


def check_picture_at(
    path: Location, overwrite: bool, inputs: Sequence[Location] = (), *, wanted: bool = True
) -> None:
    """Refuse what is in the place of a picture and may not be replaced: at a URL anything.

    Parameters
    ----------
    path, overwrite, inputs, wanted
        As for `check_picture`.

    Raises
    ------
    OutputError
        With what to do.
    """
    if isinstance(path, ObjectUrl):
        if Bucket(path, writes=True).facts(path.key) is not None:
            raise _in_the_way(path)
        return
    files = [place for place in inputs if not isinstance(place, ObjectUrl)]
    check_picture(path, overwrite, files, wanted=wanted)


def put_picture(path: Location, content: bytes) -> None:
    """Put a picture at a URL, where nothing is.

    Raises
    ------
    OutputError
        If something is, or the object store fails.
    """
    assert isinstance(path, ObjectUrl)
    if not Bucket(path, writes=True).create(path.key, content):
        raise _in_the_way(path)


def _in_the_way(path: ObjectUrl) -> OutputError:
    return OutputError(
        f"{path}: exists already, and nothing at a URL is ever replaced. Expected nothing there. "
        "Choose another name, or remove it first."
    )
