"""Jobs that Hydra composes: what was typed becomes settings, and each run of them is watched."""

from __future__ import annotations

import os
import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from .. import logs
from ..allowance import forget_peak
from ..culprits import accusation
from ..deferral import deferred_signals
from ..errors import ConfigurationError, PtychoEngineError
from ..io.objects.urls import Location, is_url
from ..report.progress import Display
from ..workers import core_count
from .accounts import Accountant
from .arguments import check_arguments, check_configuration
from .borrowed_hydra import borrowed_hydra
from .complaints import Complaints, refuse_unknown_keys
from .interrupts import Interrupts, hides_interrupt, interruptible
from .outcomes import DONE, FAULT, INTERRUPTED, REFUSED, Outcome, Outcomes
from .overrides import Typed, exists, hydra_arguments, sort_arguments
from .schema import register_schemas
from .sentences import log_renderer
from .standard_streams import AnswerLostError, tell
from .subcommands import Root
from .sweeps import watched_sweep
from .vocabulary import expanded


@dataclass(frozen=True)
class Run:
    """One run of a composed job: what it is told beside its settings.

    Attributes
    ----------
    run_id : str
        Identifies it in the log and in its output.
    folder : Path
        What a relative path of an output is relative to.
    typed : list of str
        The overrides of the command line.
    config_name : str or None
        The configuration that was chosen.
    flags : frozenset of str
        The flags of the subcommand that were given.
    display : Display
        Shows how far it is.
    interrupts : Interrupts
        Tells of a signal.
    """

    run_id: str
    folder: Path
    typed: list[str]
    config_name: str | None
    flags: frozenset[str]
    display: Display
    interrupts: Interrupts

    def progress(self, blocks: Iterator[Any], count: int, noun: str = "patches") -> Iterator[Any]:
        """Pass blocks on, with a bar, until a signal comes."""
        return self.interrupts.between(self.display.bar(blocks, count, noun))

    @contextmanager
    def counting(self, noun: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a bar, and yield what is told how many are done, until a signal comes."""
        with self.display.counting(noun, total) as show:

            def done(count: int) -> None:
                show(count)
                self.interrupts.check()

            yield done

    def waiting(self, what: str) -> AbstractContextManager[None]:
        """Show that something is waited for."""
        return self.display.waiting(what)

    def plugin_reason(self) -> str:
        """Say whether the plugin was chosen on the command line, in a file, or by default."""
        chosen = [o for o in self.typed if o.startswith("plugin=")]
        if chosen:
            return f"command line: {chosen[-1]}"
        if self.config_name == "config":
            return "default of the configuration"
        return f"configuration {self.config_name!r}"


def compose_and_run(root: Root, arguments: list[str]) -> int:
    """Do a subcommand as Hydra composes its job; return the worst exit code of its runs.

    Parameters
    ----------
    root : Root
        Its configuration, and what is done with it.
    arguments : list of str
        What was typed after its name.
    """
    flags = frozenset(argument for argument in arguments if argument in root.flags)
    arguments = [argument for argument in arguments if argument not in flags]
    complaints = Complaints.asked_by(arguments)
    try:
        core_count()  # a variable that says no number is refused here
        check_arguments([a for a in arguments if is_url(a) or not exists(a)])
        typed = sort_arguments(arguments)
        return run_hydra(root, flags, typed, complaints)
    except PtychoEngineError as error:
        return complaints.refuse(error)
    except KeyboardInterrupt:
        return INTERRUPTED


def run_hydra(root: Root, flags: frozenset[str], typed: Typed, complaints: Complaints) -> int:
    """Let Hydra compose the configuration and run every job; return the worst exit code."""
    arguments = hydra_arguments(typed, root.places)
    outcomes, process = Outcomes(), os.getpid()

    @hydra.main(version_base="1.3", config_path="pkg://ptycho_engine.conf", config_name=root.config)
    def task(config: DictConfig) -> Outcome:
        outcomes.begun = True
        outcome = run_job(config, root, flags)
        if os.getpid() != process:
            return outcome
        about = HydraConfig.get()
        if about.mode == RunMode.MULTIRUN:
            outcomes.here[about.job.num] = outcome
        if outcome.code == INTERRUPTED:  # it ends a sweep too
            raise KeyboardInterrupt
        if about.mode == RunMode.RUN:
            outcomes.ended.append(outcome)
        return outcome

    with borrowed_hydra(arguments, mode_is_told=typed.tells_the_mode):
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
            if hides_interrupt(error):
                raise KeyboardInterrupt from error
            if outcomes.begun:
                raise
            return complaints.refuse_configuration(error, arguments, root.config)
    return outcomes.worst


def run_job(config: Any, root: Root, flags: frozenset[str]) -> Outcome:
    """Run one composed job, and say what went wrong if it did."""
    hydra_config: Any = HydraConfig.get()
    accountant = Accountant()
    folder = Path.cwd()
    if hydra_config.mode == RunMode.MULTIRUN:
        folder = Path(hydra_config.runtime.output_dir)
        forget_peak()
    run_id = uuid.uuid4().hex[:12]
    # As they were typed: to look at one would resolve what it refers to.
    typed: Any = OmegaConf.to_container(hydra_config.overrides.task, resolve=False)
    complaints = Complaints.asked_by(typed)

    def standing() -> str:
        return what_is_left(config, folder, run_id)

    def ended(code: int, words: str) -> Outcome:
        return Outcome(code, words, accountant.account())

    try:
        refuse_unknown_keys(hydra_config, "hydra.")
        settings = checked_settings(config, root)
        complaints = Complaints(settings.runner.log_format.value)
        printed = run_settings(
            settings,
            root,
            flags,
            typed,
            hydra_config.job.config_name,
            folder,
            run_id,
            accountant.hear,
        )
    except (OmegaConfBaseException, PtychoEngineError) as error:
        complaints.refuse(error)
        return ended(REFUSED, f"{type(error).__name__}: {error}")
    except AnswerLostError as lost:
        if not lost.reader_left:
            complaints.say("the answer is lost", f"{lost}; {standing()}")
        return ended(lost.code, f"{lost}; {standing()}")
    except KeyboardInterrupt:
        with deferred_signals():  # a second one comes after the words that tell of the first
            outcome = ended(INTERRUPTED, standing())
            complaints.say("interrupted", outcome.words)
        return outcome
    except Exception as error:
        accused = accusation(error)
        if accused is None:
            traceback.print_exc()
        complaints.say((accused or "a fault of the program").rstrip("."), standing())
        return ended(FAULT, f"{accused or f'{type(error).__name__}: {error}'}; {standing()}")
    return ended(DONE, printed)


def what_is_left(config: Any, folder: Path, run_id: str) -> str:
    """Say what stands in the place of the output of a run that did not end well."""
    output = config.get("output")
    if output is None:
        return "nothing was written."
    try:
        return _what_is_at(folder / expanded(output.path), output, run_id)
    except ConfigurationError:  # a URL that names nothing
        return "nothing was written."
    except PtychoEngineError as error:  # of an object store
        return f"what was written cannot be told: {error}"


def _what_is_at(path: Location, output: Any, run_id: str) -> str:
    from ..io.containers import FORMATS
    from ..io.outputs import stands, what_stands

    ours = output.get("format") is None and path.suffix.lower() in FORMATS
    if "overwrite" in output and ours:
        return what_stands(path, run_id)
    return f"{path} stands." if stands(path) else "nothing was written."


def checked_settings(config: Any, root: Root) -> Any:
    """Turn a composed configuration into settings, if there is nothing in it that nobody knows."""
    from .composition import composed_settings

    refuse_unknown_keys(config)
    plain: Any = OmegaConf.to_container(config, resolve=True)
    check_configuration(plain)
    return composed_settings(config, root.config)


def run_settings(
    settings: Any,
    root: Root,
    flags: frozenset[str],
    typed: list[str],
    config_name: str | None,
    folder: Path,
    run_id: str,
    hear: Callable[[Mapping[str, Any]], None],
) -> str:
    """Run the job of some settings, shown as they say; print and return what it answers.

    All that its log says is heard by `hear`, too.
    """
    from . import work

    shown = settings.runner
    structured = shown.log_format.value == "json"
    no_bar = structured and shown.progress.value == "auto"
    display = Display("never" if no_bar else shown.progress.value)
    with (
        logs.configured(shown.log_level.value, log_renderer(shown.log_format.value), hear=hear),
        logs.of_python_warnings() if structured else nullcontext(),
        logs.bound(run_id=run_id),
        interruptible() as interrupts,
    ):
        run = Run(run_id, folder, typed, config_name, flags, display, interrupts)
        answer: str = getattr(work, root.work)(settings, run)
        tell(answer)
    return answer
