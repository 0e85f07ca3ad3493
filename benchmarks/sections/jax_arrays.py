"""The plugin that computes in jax beside chunked_xla: three questions, in turn in one process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from ptycho_engine import Engine

from ..problem import Problem
from ..settings import Settings, progress
from ..table import format_table, number
from ..timing import Action, best_ratio, in_turn, ratio
from ..worker import WorkerError, measure

#: Time over that of chunked_xla which the plugin is meant to keep below, by what is asked for.
GOALS = {"reused NumPy array": 1.3, "16 patches, prepared": 0.5, "jit, result donated": 0.9}
DTYPES = ("complex64", "float32")
FEW, CALLS = 16, 50
#: Largest difference of the plugins, as a share of the largest sample.
TOLERANCE = 1e-5


def run(settings: Settings) -> dict[str, Any]:
    progress("jax_arrays")
    task = {"problem": asdict(settings.effort.problem), "repeats": settings.effort.repeats}
    try:
        return measure("jax_arrays", task, settings.device)
    except WorkerError as error:
        progress(str(error))
        return {"rows": [], "missing": str(error)}


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Check that both plugins agree, then time each pair of actions in turn."""
    rows = []
    for dtype in DTYPES:
        problem = replace(Problem(**task["problem"]), dtype=dtype)
        for asked, (own, other) in actions(problem).items():
            for action in (own, other):
                action(), action()
            seconds = in_turn({"jax": own, "chunked_xla": other}, task["repeats"])
            pair = seconds["jax"], seconds["chunked_xla"]
            found = {"ratio": ratio(*pair), "best": best_ratio(*pair), "seconds": seconds}
            rows.append({"asked": asked, "dtype": dtype, "goal": GOALS[asked]} | found)
    return {"rows": rows}


def actions(problem: Problem) -> dict[str, tuple[Action, Action]]:
    """What jax and chunked_xla are asked for, in pairs."""
    image, positions, n = problem.image(), problem.positions(), problem.patch_size
    engines = Engine("jax"), Engine("chunked_xla")
    out = np.zeros(problem.output_shape, problem.dtype)

    def reuse(engine: Engine) -> Action:
        return lambda: engine.extract(image, positions, n, out=out)

    def repeat(engine: Engine) -> Action:
        prepared, few = engine.prepare(image), positions[:FEW]
        return lambda: [engine.extract(prepared, few, n) for _ in range(CALLS)]

    own, other = engines
    expected = other.extract(image, positions[:FEW], n)
    error = np.abs(own.extract(image, positions[:FEW], n) - expected).max()
    if not error <= TOLERANCE * np.abs(expected).max():
        raise AssertionError(f"jax and chunked_xla differ by {error:.1e}")
    return {
        "reused NumPy array": (reuse(own), reuse(other)),
        "16 patches, prepared": (repeat(own), repeat(other)),
        "jit, result donated": (donate(own, problem), reuse(other)),
    }


def donate(engine: Engine, problem: Problem) -> Callable[[], object]:
    """Cut inside a function that jax compiles, and that takes the memory of the last result."""
    import jax
    import jax.numpy as jnp

    n = problem.patch_size

    def cut(old: Any, image: Any, positions: Any) -> Any:
        return engine.extract(image, positions, n)

    compiled = jax.jit(cut, donate_argnums=0, keep_unused=True)
    image, positions = jnp.asarray(problem.image()), jnp.float32(problem.positions())
    held = [jnp.zeros(problem.output_shape, problem.dtype)]

    def again() -> None:
        held[0] = compiled(held[0], image, positions)
        held[0].block_until_ready()

    return again


def report(result: dict[str, Any]) -> str:
    if "missing" in result:
        return f"jax beside chunked_xla: {result['missing']}"
    header = ("", "dtype", "/ chunked_xla", "best", "goal")
    rows = [
        (row["asked"], row["dtype"], *(number(row[key]) for key in ("ratio", "best", "goal")))
        for row in result["rows"]
    ]
    title = "jax beside chunked_xla: time over its time for the same patches (donated: over its\n"
    return f"{title}time into a NumPy array reused)\n\n{format_table(header, rows, left=2)}"
