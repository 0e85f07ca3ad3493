"""The command ``ptycho-engine``: its subcommands, of which one runs what Hydra composes."""

from __future__ import annotations

import os
import sys
import threading
import traceback
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .outcomes import DONE, FAULT, INTERRUPTED, REFUSED, Outcome, Outcomes

if TYPE_CHECKING:
    from .complaints import Complaints


@dataclass(frozen=True)
class Subcommand:
    """A job that the command does.

    Attributes
    ----------
    function : str
        ``"module:function"`` in this package; takes the arguments after the name, and returns the
        exit code. Its module is imported once the subcommand is chosen.
    meaning : str
        One line for ``--help``.
    """

    function: str
    meaning: str

    def run(self, arguments: list[str]) -> int:
        """Import and call the function."""
        module, _, name = self.function.partition(":")
        found: int = getattr(import_module(f".{module}", __package__), name)(arguments)
        return found


#: The subcommands, the default one first.
SUBCOMMANDS = {
    "extract": Subcommand("command:extract", "cut patches; what is done without a subcommand"),
    "plugins": Subcommand("listing:main", "list plugins and formats; --check imports each"),
    "info": Subcommand("info:main", "versions, plugins, devices, limits: for a report of a bug"),
}
DEFAULT = next(iter(SUBCOMMANDS))
#: What a program sets is the process's, so calls from several threads come one after the other.
_ONE_AT_A_TIME = threading.RLock()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; nothing is left changed in the process, so Python may call it too.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the program by default.

    Raises
    ------
    SystemExit
        Unless all is done: with 2 (bad input or configuration), 1 (fault) or 130 (interrupted).
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    with _ONE_AT_A_TIME, _messages_of_a_program():
        code = dispatch(given)
    if code != DONE:
        sys.exit(code)


def dispatch(arguments: list[str]) -> int:
    """Choose the subcommand; return the exit code."""
    if arguments[:1] == ["--version"]:
        from .. import __version__

        print(f"ptycho-engine {__version__}")
        return DONE
    if any(argument in ("-sc", "--shell-completion") for argument in arguments):
        from .completion import answer

        return answer(arguments)
    name, rest = (arguments or [""])[0], arguments[1:]
    if name not in SUBCOMMANDS:
        name, rest = DEFAULT, arguments
    return SUBCOMMANDS[name].run(rest)


@contextmanager
def _messages_of_a_program() -> Iterator[None]:
    """Keep warnings short and TensorFlow quiet, as long as the program runs."""
    # TensorFlow logs its build options at import unless told not to.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    before = warnings.formatwarning
    # Who typed a command is not helped by the line of the script that they come from.
    warnings.formatwarning = lambda message, category, *_: (
        f"ptycho-engine: {category.__name__}: {message}\n"
    )
    try:
        yield
    finally:
        warnings.formatwarning = before


def extract(arguments: list[str]) -> int:
    """Cut patches, as Hydra composes the job; return the worst exit code of its runs."""
    if any(argument in ("-h", "--help") for argument in arguments):
        from .manual import print_manual

        return print_manual(arguments)

    from ..errors import PtychoEngineError
    from .arguments import check_arguments
    from .complaints import Complaints
    from .overrides import exists, hydra_arguments, sort_arguments

    complaints = Complaints.asked_by(arguments)
    try:
        check_arguments([argument for argument in arguments if not exists(argument)])
        typed = sort_arguments(arguments)
        return run_hydra(hydra_arguments(typed), complaints)
    except PtychoEngineError as error:
        return complaints.refuse(error)
    except KeyboardInterrupt:
        return INTERRUPTED


def run_hydra(arguments: list[str], complaints: Complaints) -> int:
    """Let Hydra compose the configuration and run every job; return the worst exit code."""
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode
    from omegaconf import DictConfig

    from ..errors import PtychoEngineError
    from .borrowed_hydra import borrowed_hydra
    from .schema import register_schemas
    from .sweeps import watched_sweep

    outcomes, process = Outcomes(), os.getpid()

    @hydra.main(version_base="1.3", config_path="pkg://ptycho_engine.conf", config_name="config")
    def task(config: DictConfig) -> Outcome:
        outcomes.begun = True
        outcome = run_job(config)
        if os.getpid() != process:
            return outcome
        if outcome.code == INTERRUPTED:  # it ends a sweep too
            raise KeyboardInterrupt
        if HydraConfig.get().mode == RunMode.RUN:
            outcomes.ended.append(outcome)
        return outcome

    with borrowed_hydra(arguments):
        register_schemas()
        try:
            with watched_sweep(outcomes):
                task()
        except SystemExit as stop:
            code = DONE if stop.code is None else int(stop.code)
            return max(code, outcomes.worst)
        except PtychoEngineError:
            raise
        except Exception as error:  # of Hydra, its grammar and its parsers: any
            if outcomes.begun:
                raise
            return complaints.refuse_configuration(error, arguments)
    return outcomes.worst


def run_job(config: Any) -> Outcome:
    """Run one composed job, and say what went wrong if it did."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from ..culprits import accusation
    from ..deferral import deferred_signals
    from ..errors import PtychoEngineError
    from ..io.outputs import what_stands
    from .complaints import Complaints
    from .vocabulary import expanded

    hydra_config = HydraConfig.get()
    folder = Path.cwd()
    if hydra_config.mode == RunMode.MULTIRUN:
        folder = Path(hydra_config.runtime.output_dir)
    run_id = uuid.uuid4().hex[:12]
    # As they were typed: to look at one would resolve what it refers to.
    typed: Any = OmegaConf.to_container(hydra_config.overrides.task, resolve=False)
    complaints = Complaints.asked_by(typed)

    def standing() -> str:
        return what_stands(folder / expanded(config.output.path), run_id)

    try:
        settings = checked_settings(config)
        complaints = Complaints(settings.runner.log_format.value)
        output = run_settings(
            settings, typed, plugin_reason(typed, hydra_config.job.config_name), folder, run_id
        )
    except (OmegaConfBaseException, PtychoEngineError) as error:
        complaints.refuse(error)
        return Outcome(REFUSED, f"{type(error).__name__}: {error}")
    except KeyboardInterrupt:
        with deferred_signals():  # a second one comes after the words that tell of the first
            outcome = Outcome(INTERRUPTED, standing())
            complaints.say("interrupted", outcome.words)
        return outcome
    except Exception as error:
        accused = accusation(error)
        if accused is None:
            traceback.print_exc()
        complaints.say(accused or "a fault of the program", standing())
        return Outcome(FAULT, f"{accused or f'{type(error).__name__}: {error}'}; {standing()}")
    return Outcome(DONE, str(output))


def checked_settings(config: Any) -> Any:
    """Turn a composed configuration into settings, if there is nothing in it that nobody knows."""
    from omegaconf import OmegaConf

    from .arguments import check_configuration
    from .complaints import refuse_unknown_keys
    from .composition import job_config

    refuse_unknown_keys(config)
    plain: Any = OmegaConf.to_container(config, resolve=True)
    check_configuration(plain)
    return job_config(config)


def run_settings(
    settings: Any, overrides: list[str], reason: str, folder: Path, run_id: str
) -> Path:
    """Run the job of some settings, shown as they say; return the output, whose path is printed."""
    from .. import logs
    from ..report.progress import Display
    from .composition import extraction_job
    from .interrupts import interruptible
    from .jobs import extract
    from .legacy import work_in_legacy
    from .sentences import log_renderer

    shown = settings.runner
    structured = shown.log_format.value == "json" and shown.progress.value == "auto"
    display = Display("never" if structured else shown.progress.value)
    with (
        logs.configured(shown.log_level.value, log_renderer(shown.log_format.value)),
        logs.bound(run_id=run_id),
        interruptible() as interrupts,
    ):
        settings, legacy = work_in_legacy(settings, overrides)
        context = None
        if legacy is not None:
            reason, context = legacy.reason, legacy.context()

        def progress(blocks: Iterator[Any], count: int) -> Iterator[Any]:
            return interrupts.between(display.bar(blocks, count))

        job = extraction_job(settings, folder, reason, context)
        result = extract.run(job, run_id=run_id, progress=progress, waiting=display.waiting)
        print(result.output, flush=True)
    return result.output


def plugin_reason(overrides: list[str], config_name: str | None) -> str:
    """Say whether the plugin was chosen on the command line, in a file, or by default."""
    chosen = [o for o in overrides if o.startswith("plugin=")]
    if chosen:
        return f"command line: {chosen[-1]}"
    if config_name == "config":
        return "default of the configuration"
    return f"configuration {config_name!r}"


if __name__ == "__main__":
    main()
