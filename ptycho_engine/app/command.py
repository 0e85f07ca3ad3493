"""The command ``ptycho-engine``: a thin shell around Hydra and the jobs."""

from __future__ import annotations

import os
import sys
import traceback
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .sweeps import Outcome

DONE, FAULT, REFUSED, INTERRUPTED = 0, 1, 2, 130


def main() -> None:
    """Run the command line and exit with 0 (done), 2 (bad input or configuration) or 1 (fault)."""
    # TensorFlow logs its build options at import unless told not to.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # Who typed a command is not helped by the line of the script that they come from.
    warnings.formatwarning = lambda message, category, *_: (
        f"ptycho-engine: {category.__name__}: {message}\n"
    )
    arguments = sys.argv[1:]
    if arguments[:1] == ["plugins"]:
        from .listing import main as list_plugins

        sys.exit(list_plugins(arguments[1:]))
    if arguments[:1] == ["--version"]:
        from .. import __version__

        print(f"ptycho-engine {__version__}")
        sys.exit(DONE)
    from ..errors import ConfigurationError
    from .arguments import check_arguments

    try:
        check_arguments(arguments)
    except ConfigurationError as error:
        print(f"ptycho-engine: ConfigurationError: {error}", file=sys.stderr)
        sys.exit(REFUSED)
    sys.exit(run_hydra())


def run_hydra() -> int:
    """Let Hydra compose the configuration and run every job; return the worst exit code."""
    import hydra
    from hydra.core.config_store import ConfigStore
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode
    from omegaconf import DictConfig

    from ..errors import one_line
    from .schema import register_schemas
    from .sweeps import Outcomes, watched_sweep

    # Hydra copies this store for every group that it lists, and changes none of the copies: a third
    # of the time that --help took.
    ConfigStore.__deepcopy__ = lambda store, memo: store  # type: ignore[attr-defined]

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

    register_schemas()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # else it prints errors itself, some as tracebacks
    try:
        with watched_sweep(outcomes):
            task()
    except SystemExit as stop:
        if stop.code in (None, DONE):
            return outcomes.worst
        if outcomes.begun:
            return max(int(stop.code), outcomes.worst)
        return explain_refusal(sys.argv[1:])
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # Hydra and its grammar raise anything of a configuration
        if outcomes.begun:
            raise
        said = [str(error)]
        if error.__cause__ is not None and str(error.__cause__) not in said[0]:
            said.append(str(error.__cause__))
        print(f"ptycho-engine: {one_line(' '.join(said), 1000)}", file=sys.stderr)
        return explain_refusal(sys.argv[1:])
    return outcomes.worst


def run_job(config: Any) -> Outcome:
    """Run one composed job, and say what went wrong if it did."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from .. import logs
    from ..culprits import accusation
    from ..deferral import deferred_signals
    from ..errors import PtychoEngineError
    from ..io.outputs import what_stands
    from ..report.progress import progress_bar
    from .arguments import check_configuration
    from .composition import extraction_job, job_config
    from .interrupts import interruptible
    from .jobs import extract
    from .legacy import work_in_legacy
    from .sweeps import Outcome

    hydra_config = HydraConfig.get()
    folder = Path.cwd()
    if hydra_config.mode == RunMode.MULTIRUN:
        folder = Path(hydra_config.runtime.output_dir)
    run_id = uuid.uuid4().hex[:12]

    def standing() -> str:
        return what_stands(folder / Path(config.output.path).expanduser(), run_id)

    try:
        plain: Any = OmegaConf.to_container(config, resolve=True)
        check_configuration(plain)
        settings: Any = job_config(config)
        shown = settings.runner
        logs.configure(shown.log_level.value, json=shown.log_format.value == "json")
        with logs.bound(run_id=run_id), interruptible() as interrupts:
            bar = progress_bar(shown.progress.value)
            reason = plugin_reason(hydra_config)
            settings, legacy = work_in_legacy(settings, list(hydra_config.overrides.task))
            context = None
            if legacy is not None:
                reason, context = legacy.reason, legacy.context()

            def progress(blocks: Iterator[Any], count: int) -> Iterator[Any]:
                return interrupts.between(bar(blocks, count))

            job = extraction_job(settings, folder, reason, context)
            result = extract.run(job, run_id=run_id, progress=progress)
    except OmegaConfBaseException as error:
        outcome = Outcome(REFUSED, str(error))
        print(f"ptycho-engine: {error}", file=sys.stderr)
    except PtychoEngineError as error:
        outcome = Outcome(REFUSED, f"{type(error).__name__}: {error}")
        print(f"ptycho-engine: {outcome.words}", file=sys.stderr)
    except KeyboardInterrupt:
        with deferred_signals():  # a second one comes after the words that tell of the first
            outcome = Outcome(INTERRUPTED, standing())
            print(f"ptycho-engine: interrupted; {outcome.words}", file=sys.stderr)
    except Exception as error:
        accused = accusation(error)
        if accused is None:
            traceback.print_exc()
        outcome = Outcome(FAULT, f"{accused or f'{type(error).__name__}: {error}'}; {standing()}")
        message = f"{accused or 'a fault of the program'}; {standing()}"
        print(f"ptycho-engine: {message}", file=sys.stderr)
    else:
        outcome = Outcome(DONE, str(result.output))
    return outcome


def explain_refusal(arguments: list[str]) -> int:
    """Name the keys that are not in the configuration, with those that are; return 2."""
    from hydra import compose, initialize_config_module
    from omegaconf import OmegaConf

    from ..errors import one_of
    from ..host.choice import AUTO

    overrides = [a.lstrip("+~") for a in arguments if "=" in a and not a.startswith("-")]
    given = dict(a.partition("=")[::2] for a in overrides)
    groups = {"plugin", "scan", "output", "runner", "compat"}
    chosen = [f"{g}={v.split(',')[0]}" for g, v in given.items() if g in groups]
    try:
        with initialize_config_module("ptycho_engine.conf", version_base="1.3"):
            config = compose("config", overrides=chosen)
    except Exception:  # Hydra has said what is wrong with a group
        return REFUSED

    known = list(dotted_keys(OmegaConf.to_container(config, throw_on_missing=False)))
    for key in given:
        if key not in known and not key.startswith("hydra"):
            print(f"ptycho-engine: {one_of('key', key, known)}", file=sys.stderr)
            if key.startswith("plugin.") and config.plugin.name == AUTO:
                advice = f"plugin=auto takes no options. Name the plugin: plugin=NAME {key}=..."
                print(f"ptycho-engine: {advice}", file=sys.stderr)
    return REFUSED


def dotted_keys(node: Any, prefix: str = "") -> Iterator[str]:
    """Every key of nested dictionaries, written with dots."""
    for key, value in node.items():
        yield f"{prefix}{key}"
        if isinstance(value, dict):
            yield from dotted_keys(value, f"{prefix}{key}.")


def plugin_reason(hydra_config: Any) -> str:
    """Say whether the plugin was chosen on the command line, in a file, or by default."""
    chosen = [o for o in hydra_config.overrides.task if o.startswith("plugin=")]
    if chosen:
        return f"command line: {chosen[-1]}"
    name = hydra_config.job.config_name
    return "default of the configuration" if name == "config" else f"configuration {name!r}"


if __name__ == "__main__":
    main()
