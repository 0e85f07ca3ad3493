"""The picture beside an output: it changes together with it, and never costs it anything.

No old picture stays beside new patches, also where the new one fails or a run is killed; and as
for outputs, only what is ours is ever replaced.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ..errors import OutputError
from ..io import publishing
from ..io.objects.urls import Location
from ..io.targets import refuse_inputs, resolve
from ..logs import get_logger
from . import canvas


def picture_path(output: Location) -> Location:
    """Return where the picture of an output stands: ``patches.h5.png`` beside ``patches.h5``."""
    return output.with_name(f"{output.name}.png")


def check_picture(
    path: Path, overwrite: bool, inputs: Sequence[Path] = (), *, wanted: bool = True
) -> None:
    """Refuse, before any work, what stands in the place of a picture and may not be replaced.

    Parameters
    ----------
    path : Path
        The place; a symbolic link is followed.
    overwrite : bool
        Whether an earlier picture may be replaced.
    inputs : sequence of Path
        Files that the run reads.
    wanted : bool
        Whether there shall be a picture; if not, only an earlier one of ours is in the way.

    Raises
    ------
    OutputError
        With what to do.
    """
    target = resolve(path)
    if not os.path.lexists(target):
        return
    if canvas.is_ours(target):
        if not overwrite:
            raise OutputError(
                f"{path}: exists already, a picture of earlier patches. Expected nothing there. "
                "Move it away, or replace it: output.overwrite=true, or --overwrite."
            )
    elif wanted:
        refuse_inputs(path, inputs)
        raise OutputError(
            f"{path}: exists and is no picture of ptycho-engine, so it was kept. Expected nothing "
            "there, or a picture of ours. Move it away, choose another name, or do without a "
            "picture: output.picture=false."
        )


class Companion:
    """The picture of one output: drawn, then put in place in the moment when the output appears.

    Use it as a context around that moment. An earlier picture of ours is out of the way before,
    and back if the output does not appear. The new one comes after: on a full disk the patches
    have what room there is.

    Parameters
    ----------
    output : Path or ObjectUrl
        The output.

    Attributes
    ----------
    path : Path or ObjectUrl
        Where the picture stands.
    placed : bool
        Whether it does.
    """

    def __init__(self, output: Location) -> None:
        self.path = picture_path(output)
        self.placed = False
        self._output = output
        self._content: bytes | None = None

    def draw(self, draw: Callable[[], bytes]) -> None:
        """Draw the picture; a failure is a warning, an interrupt is not."""
        try:
            self._content = draw()
        except Exception as error:  # of whatever library: it must not cost the patches
            if _was_interrupted(error):
                raise KeyboardInterrupt from error
            self._warn(error)

    def __enter__(self) -> None:
        assert isinstance(self.path, Path)
        self._target = resolve(self.path)
        self._aside = _hidden(self._target, "old")
        try:
            self._aside.unlink(missing_ok=True)  # a killed run may have left one
            if canvas.is_ours(self._target):
                os.replace(self._target, self._aside)
        except OSError as error:
            self._warn(error)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is not None:
                if self._aside.exists():
                    publishing.place(self._aside, self._target)
            elif self._content is not None:
                write_picture(self._target, self._content, like=self._model())
                self.placed = True
        except (OSError, OutputError) as error:
            self._warn(error)
        finally:
            for path in (self._aside, _hidden(self._target, "new")):
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def _model(self) -> Path:
        """Return a file whose mode and owner the picture shall have."""
        assert isinstance(self._output, Path)
        if self._aside.exists():
            return self._aside
        return self._output / "zarr.json" if self._output.is_dir() else self._output

    def _warn(self, error: Exception) -> None:
        self._content = None
        reason = f"{type(error).__name__}: {error}"
        get_logger().warning("picture_failed", path=str(self.path), reason=reason)


def write_picture(
    path: Path, content: bytes, *, overwrite: bool = False, like: Path | None = None
) -> None:
    """Write a picture, which appears whole or not at all.

    Parameters
    ----------
    path : Path
        Its place.
    content : bytes
        The file.
    overwrite : bool
        Whether an earlier picture of ours may be replaced.
    like : Path, optional
        A file whose mode and owner it shall have.

    Raises
    ------
    OutputError
        If something stands there that may not be replaced.
    OSError
        If the system refuses.
    """
    target = resolve(path)
    part = _hidden(target, "new")
    part.unlink(missing_ok=True)
    mode = 0o666 if like is None else like.stat().st_mode & 0o666
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
        if like is not None:
            publishing.adopt_mode(part, like)
        publishing.publish(part, target, canvas.is_ours if overwrite else None)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _hidden(target: Path, what: str) -> Path:
    """Return a short name beside a file, the same in each run: so a killed one's litter goes."""
    digest = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:12]
    return target.with_name(f".{digest}.picture-{what}")


def _was_interrupted(error: BaseException | None) -> bool:
    """Whether a library made an error of its own out of an interrupt."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False
