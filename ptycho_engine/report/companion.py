"""The files beside an output: they change together with it, and never cost it anything.

No old picture or report stays beside new patches, also where the new one fails or a run is killed;
and as for outputs, only what is ours is ever replaced.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ..errors import OutputError
from ..io import publishing
from ..io.objects.single_objects import check_absent, create_object
from ..io.objects.urls import Location, ObjectUrl
from ..io.targets import refuse_inputs, resolve
from ..logs import get_logger
from . import canvas
from .html import page

Made = TypeVar("Made")


@dataclass(frozen=True)
class Kind:
    """A kind of file beside an output.

    Attributes
    ----------
    suffix : str
        What its name adds to that of the output: ``patches.h5.png`` beside ``patches.h5``.
    noun : str
        What it is called.
    without : str
        The setting that does without it.
    is_ours : callable
        Whether a file is one that we made: nothing else is ever replaced.
    """

    suffix: str
    noun: str
    without: str
    is_ours: Callable[[Path], bool]

    def beside(self, output: Location) -> Location:
        """Return where the one of an output stands."""
        return output.with_name(f"{output.name}{self.suffix}")

    def check(
        self,
        path: Location,
        overwrite: bool | None,
        inputs: Sequence[Location] = (),
        *,
        wanted: bool = True,
    ) -> None:
        """Refuse, before any work, what stands in its place and may not be replaced.

        Parameters
        ----------
        path : Path or ObjectUrl
            The place; a symbolic link is followed. Nothing at a URL is ever replaced.
        overwrite : bool or None
            Whether an earlier one may be replaced; None where nothing ever is.
        inputs : sequence of Path or ObjectUrl
            Files that the run reads.
        wanted : bool
            Whether there shall be one; if not, only an earlier one of ours is in the way.

        Raises
        ------
        OutputError
            With what to do.
        """
        if isinstance(path, ObjectUrl):
            if wanted:
                check_absent(path)
            return
        target = resolve(path)
        if not os.path.lexists(target):
            return
        if self.is_ours(target):
            if not overwrite:
                remedy = "replace it: output.overwrite=true, or --overwrite"
                if overwrite is None:
                    remedy = "choose another name"
                raise OutputError(
                    f"{path}: exists already, a {self.noun} of earlier patches. Expected nothing "
                    f"there. Move it away, or {remedy}."
                )
        elif wanted:
            refuse_inputs(path, inputs)
            remedy = "Move it away, or choose another name."
            if overwrite is not None:  # else it was asked for by its name
                remedy = (
                    f"Move it away, choose another name, or do without a {self.noun}: "
                    f"{self.without}."
                )
            raise OutputError(
                f"{path}: exists and is no {self.noun} of ptycho-engine, so it was kept. Expected "
                f"nothing there, or a {self.noun} of ours. {remedy}"
            )

    def write(
        self, path: Location, content: bytes, *, overwrite: bool = False, like: Path | None = None
    ) -> None:
        """Write one, which appears whole or not at all.

        Parameters
        ----------
        path : Path or ObjectUrl
            Its place.
        content : bytes
            The file.
        overwrite : bool
            Whether an earlier one of ours may be replaced.
        like : Path, optional
            A file whose mode and owner it shall have.

        Raises
        ------
        OutputError
            If something stands there that may not be replaced.
        OSError
            If the system refuses.
        """
        if isinstance(path, ObjectUrl):
            create_object(path, content)
            return
        target = resolve(path)
        replaced = self.is_ours if overwrite else None
        publishing.write_file(target, content, _hidden(target, "new"), replaced, like)


PICTURE = Kind(".png", "picture", "output.picture=false", canvas.is_ours)
REPORT = Kind(".report.html", "report", "report=false", page.is_ours)


class Companion:
    """One file beside an output: made, then put in place in the moment when the output appears.

    Use it as a context around that moment. An earlier one of ours is out of the way before, and
    back if the output does not appear. The new one comes after: on a full disk the patches have
    what room there is.

    Parameters
    ----------
    output : Path or ObjectUrl
        The output.
    kind : Kind
        What stands beside it.

    Attributes
    ----------
    path : Path or ObjectUrl
        Where the file stands.
    placed : bool
        Whether it does.
    """

    def __init__(self, output: Location, kind: Kind = PICTURE) -> None:
        self.path, self._kind = kind.beside(output), kind
        self.placed = False
        self._output = output
        self._content: bytes | None = None

    @property
    def standing(self) -> Location | None:
        """Where the file stands, if it does."""
        return self.path if self.placed else None

    def draw(self, draw: Callable[[], bytes]) -> None:
        """Make the file; a failure is a warning, an interrupt is not."""
        self._content = self.attempt(draw)

    def attempt(self, make: Callable[[], Made]) -> Made | None:
        """Make something that the file needs; None, and a warning, where that fails."""
        try:
            return make()
        except Exception as error:  # of whatever library: it must not cost the patches
            if _was_interrupted(error):
                raise KeyboardInterrupt from error
            self._warn(error)
            return None

    def __enter__(self) -> None:
        if isinstance(self.path, ObjectUrl):  # no earlier one is in the way
            return
        self._target = resolve(self.path)
        self._aside = _hidden(self._target, "old")
        try:
            self._aside.unlink(missing_ok=True)  # a killed run may have left one
            if self._kind.is_ours(self._target):
                os.replace(self._target, self._aside)
        except OSError as error:
            self._warn(error)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if isinstance(self.path, ObjectUrl):
            self._put(self.path, appeared=kind is None)
            return
        try:
            if kind is not None:
                if self._aside.exists():
                    publishing.place(self._aside, self._target)
            elif self._content is not None:
                self._kind.write(self._target, self._content, like=self._model())
                self.placed = True
        except (OSError, OutputError) as error:
            self._warn(error)
        finally:
            for path in (self._aside, _hidden(self._target, "new")):
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def _put(self, url: ObjectUrl, *, appeared: bool) -> None:
        """Put the file at a URL, if there is one and its output has appeared."""
        if not appeared or self._content is None:
            return
        try:
            self._kind.write(url, self._content)
            self.placed = True
        except OutputError as error:
            self._warn(error)

    def _model(self) -> Path:
        """Return a file whose mode and owner the new one shall have."""
        assert isinstance(self._output, Path)
        if self._aside.exists():
            return self._aside
        return self._output / "zarr.json" if self._output.is_dir() else self._output

    def _warn(self, error: Exception) -> None:
        self._content = None
        reason = f"{type(error).__name__}: {error}"
        get_logger().warning(f"{self._kind.noun}_failed", path=str(self.path), reason=reason)


class Companions:
    """All files beside one output, which is the context that `Store.publish` takes.

    Parameters
    ----------
    output : Path or ObjectUrl
        The output.

    Attributes
    ----------
    picture, report : Companion
        Each of them; one that was not made leaves no earlier one there.
    """

    def __init__(self, output: Location) -> None:
        self.picture = Companion(output, PICTURE)
        self.report = Companion(output, REPORT)

    @classmethod
    def checked(
        cls,
        output: Location,
        overwrite: bool,
        inputs: Sequence[Location],
        *,
        picture: bool,
        report: bool,
    ) -> Companions:
        """Return those of an output, if nothing is in their way; raises as `Kind.check` does."""
        made = cls(output)
        PICTURE.check(made.picture.path, overwrite, inputs, wanted=picture)
        REPORT.check(made.report.path, overwrite, inputs, wanted=report)
        return made

    def __enter__(self) -> None:
        self.picture.__enter__()
        self.report.__enter__()

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        try:
            self.picture.__exit__(kind, *error)
        finally:
            self.report.__exit__(kind, *error)


def _hidden(target: Path, what: str) -> Path:
    """Return a short name beside a file, the same in each run: so a killed one's litter goes."""
    digest = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:12]
    return target.with_name(f".{digest}.beside-{what}")


def _was_interrupted(error: BaseException | None) -> bool:
    """Whether a library made an error of its own out of an interrupt."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False
