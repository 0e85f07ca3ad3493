"""``ptycho-engine plugins --check``: each thing installed at work, in a process of its own.

`inspect` runs in that process and writes down what it found; whatever else happens there, an exit,
a crash, a hang, is the lack of an answer.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..discovery import CONF_GROUP, GROUPING, NOISE
from ..errors import MissingExtraError, PluginError, one_line, printable

OK = "ok"
#: How a verdict begins where a framework is not here: a choice, not a fault.
NOT_INSTALLED = "not installed"
#: Processes at a time, of which each may import a framework.
AT_ONCE = 2
#: Characters of a verdict.
LIMIT = 600

_CODE = """
import json, os, sys
sys.path[:] = json.loads(sys.argv[1])
from ptycho_engine.app.inspection import inspect
inspect(*sys.argv[2:])
os._exit(0)  # whatever threads there are
"""


def verdicts(subjects: Iterable[tuple[str, str]], seconds: float) -> list[str]:
    """Put plugins, formats and strategies to work, a few at a time.

    Parameters
    ----------
    subjects : iterable of (str, str)
        Kind, ``"plugin"``, ``"format"``, ``"grouping strategy"`` or ``"noise model"``, and name.
    seconds : float
        How long each may take.

    Returns
    -------
    list of str
        Of each: ``"ok"``, or what is wrong with it.
    """
    found, running = [], deque[Inspection]()
    try:
        for kind, name in subjects:
            if len(running) == AT_ONCE:
                found.append(running[0].verdict())
                running.popleft()
            running.append(Inspection(kind, name, seconds))
        while running:
            found.append(running[0].verdict())
            running.popleft()
    finally:
        for inspection in running:
            inspection.stop()
    return found


class Inspection:
    """A process in which one plugin or format is put to work.

    Parameters
    ----------
    kind, name : str
        Which one.
    seconds : float
        How long it may take.
    """

    def __init__(self, kind: str, name: str, seconds: float) -> None:
        self._folder = TemporaryDirectory()
        self._seconds, self._end = seconds, time.monotonic() + seconds
        # Frameworks would else take all of a GPU's memory, each of those that run at a time.
        sharing = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
        with self._file("stderr").open("wb") as stderr:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-c", _CODE, json.dumps(sys.path)),
                    *(kind, name, str(self._file("verdict"))),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env={**os.environ, **sharing},
                start_new_session=True,
            )

    def verdict(self) -> str:
        """Wait for what the process finds, no longer than it may take."""
        try:
            code = self._process.wait(max(0.0, self._end - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.stop()
            return f"no answer within {self._seconds:g} s"
        with self._folder:
            if self._file("verdict").exists():
                return self._file("verdict").read_text(encoding="utf-8")
            said = self._file("stderr").read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((line for line in reversed(said) if line.strip()), "")
        return printable(f"its process ended with {_ending(code)} before it cut a patch. {last}")

    def stop(self) -> None:
        """End the process and all that it has started."""
        with suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def _file(self, name: str) -> Path:
        return Path(self._folder.name, name)


def _ending(code: int) -> str:
    """Name an exit code, or the signal that it stands for."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


# -- in the process --------------------------------------------------------------------------


def inspect(kind: str, name: str, answer: str) -> None:
    """Put a plugin or format to work, and write to the file `answer` how that went."""
    try:
        _INSPECT[kind](name)
    except MissingExtraError as error:
        verdict = f"{NOT_INSTALLED}: {error}"
    except Exception as error:
        verdict = f"{type(error).__name__}: {error}"
    else:
        verdict = OK
    text = one_line(verdict, LIMIT)
    Path(answer).write_text(text, encoding="utf-8")


def _inspect_plugin(name: str) -> None:
    """Select a plugin as a configuration does, and cut one small patch."""
    from ..engine import Engine
    from ..host.choice import named_plugin
    from ..host.host import Host

    host = Host()
    host.activate(name)
    if host.has_wrapper(name) and not host.implements(name, "extract_patches"):
        _cut(Engine(_Stencil(), wrappers=[name], host=host))
        return
    chosen, options = named_plugin(_composed("plugin", name).plugin)
    if chosen != name:
        raise PluginError(f"its configuration plugin/{name}.yaml names the plugin {chosen!r}")
    engine = Engine(name, options=options, host=host)
    _cut(engine)
    known = engine.capabilities.options
    left = [f.name for f in fields(known) if f.init and f.name not in options] if known else []
    if left:
        raise PluginError(
            f"has the option {' and '.join(left)}, but the command has no key for it. Expected "
            f"the line `{left[0]}: DEFAULT` in plugin/{name}.yaml, in a package that an entry "
            f"point of {CONF_GROUP} names. Until then, +plugin.{left[0]}=VALUE sets it."
        )


def _cut(engine: Any) -> None:
    """Cut one patch in what the plugin of an engine serves."""
    import numpy as np

    serves = engine.capabilities

    def pick(served: frozenset[str], preferred: str) -> str:
        return preferred if preferred in served or not served else min(served)

    dtype = pick(serves.dtypes, "complex64")
    image = np.arange(256).reshape(16, 16).astype(dtype)
    engine.extract(
        image, [[8.25, 7.5]], 4,
        interpolation=pick(serves.interpolations, "bilinear"),
        fill=pick(serves.fills, "zeros"),
        rounding=pick(serves.roundings, "exact"),
    )  # fmt: skip


class _Stencil:
    """Stands in for a plugin inside the wrappers that are inspected."""

    def __init__(self) -> None:
        from ..host.hookspecs import hookimpl

        self.extract_patches = hookimpl(_fill_with_ones)


def _fill_with_ones(out: Any) -> Any:
    out[...] = 1
    return out


def _inspect_format(name: str) -> None:
    """Import a format, hold it against its contract, and compose its group."""
    from ..io.catalogue import load_format

    load_format(name)
    _composed("scan", name)


def _inspect_strategy(name: str) -> None:
    """Form a few groups on a grid."""
    from ..data.grouping.grouping import group

    group([(y, x) for y in range(6) for x in range(6)], 4, 4, strategy=name)


def _inspect_noise(name: str) -> None:
    """Draw the counts of a few patterns."""
    import numpy as np

    from ..data.simulation.noise import load_noise, stream

    load_noise(name)(np.ones((2, 4, 4)), stream(0, 0))


_INSPECT = {
    "plugin": _inspect_plugin,
    "format": _inspect_format,
    GROUPING: _inspect_strategy,
    NOISE: _inspect_noise,
}


def _composed(group: str, name: str) -> Any:
    """Compose the configuration of a run that chooses one thing."""
    from hydra import compose, initialize_config_module
    from omegaconf import OmegaConf

    from .schema import register_schemas

    register_schemas()
    with initialize_config_module("ptycho_engine.conf", version_base="1.3"):
        config = compose("config", overrides=[f"{group}={name}"])
    if group == "scan":  # its path is missing, and may be
        return config
    return OmegaConf.to_object(config)
