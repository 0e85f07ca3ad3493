"""``plugins --check``: what is wrong with a plugin shows before anybody chooses it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from distributions import install, plugin

from ptycho_engine.app.inspection import inspect
from ptycho_engine.app.listing import describe
from ptycho_engine.discovery import GROUPING

HEAD = "from ptycho_engine.plugin import Capabilities, hookimpl\n"
CUT = "@hookimpl\ndef extract_patches(out):\n    out[...] = 7\n    return out\n"
OPTIONS = """
from dataclasses import dataclass
@dataclass
class Options:
    size: int{default}
@hookimpl
def plugin_capabilities():
    return Capabilities(options=Options, dtypes=frozenset({{"float64"}}))
"""
WRAPPER = "@hookimpl(wrapper=True)\ndef extract_patches(out):\n    patches = yield\n"

#: Code of a plugin called `subject`, its YAML if it has one, and what the check says of it.
SUBJECTS = {
    "sound": (HEAD + CUT, None, "ok"),
    "sound with options": (
        HEAD + OPTIONS.format(default=" = 3") + CUT,
        "name: subject\nsize: 4\n",
        "ok",
    ),
    "options without YAML": (
        HEAD + OPTIONS.format(default=" = 3") + CUT,
        None,
        "has the option size, but the command has no key for it. Expected the line "
        "`size: DEFAULT` in plugin/subject.yaml",
    ),
    "an option that its YAML leaves out": (
        HEAD + OPTIONS.format(default=" = 3") + CUT,
        "name: subject\n",
        "has the option size, but the command has no key for it",
    ),
    "a wrapper": (HEAD + WRAPPER + "    return patches\n", None, "ok"),
    "threads that go on": (
        HEAD + CUT + "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(1000,)).start()\n",
        None,
        "ok",
    ),
    "a misspelt hook": (
        HEAD + CUT.replace("extract_patches", "extract_patch"),
        None,
        "unknown hook 'extract_patch'. Did you mean 'extract_patches'?",
    ),
    "no hook": ("", None, "implements no extract_patches"),
    "a required option": (
        HEAD + OPTIONS.format(default="") + CUT,
        None,
        "'size' has no default",
    ),
    "a required option in its YAML": (
        HEAD + OPTIONS.format(default="") + CUT,
        "name: subject\nsize: ???\n",
        "size",
    ),
    "an unknown key in its YAML": (
        HEAD + OPTIONS.format(default=" = 3") + CUT,
        "name: subject\nsise: 4\n",
        "option 'sise' is not known. Did you mean 'size'?",
    ),
    "YAML without a name": (HEAD + CUT, "size: 4\n", "has no name, but size"),
    "YAML with another name": (HEAD + CUT, "name: numba\n", "names the plugin 'numba'"),
    "broken YAML": (HEAD + CUT, "name: [subject\n", "subject.yaml"),
    "an import that fails": ("import not_there", None, "ModuleNotFoundError: No module named"),
    "an exit": ("import os; os._exit(0)", None, "its process ended with exit code 0"),
    "an exit that says so": ("import sys; sys.exit(0)", None, "cannot be imported: SystemExit: 0"),
    "a crash": ("import os; os.abort()", None, "its process ended with SIGABRT"),
    "a hang": ("import time; time.sleep(1000)", None, "no answer within 20 s"),
    "input": (HEAD + CUT + "input()", None, "EOFError"),
    "None": (HEAD + "@hookimpl\ndef extract_patches(out): pass\n", None, "returned None"),
    "a wrapper without return": (HEAD + WRAPPER, None, "wrapper 'subject' (subject, from theirs"),
    "an error": (
        HEAD + "@hookimpl\ndef extract_patches(out): return 1 / 0\n",
        None,
        "ZeroDivisionError",
    ),
    "a framework that is missing": (
        "from ptycho_engine.errors import MissingExtraError\n"
        "raise MissingExtraError('needs cupy. Run: pip install cupy')",
        None,
        "not installed: plugin 'subject' (subject, from theirs",
    ),
    "a missing package of configuration": (
        HEAD + CUT,
        "nowhere",
        "configuration package theirs_conf not found",
    ),
}


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """State of each subject, each installed as a distribution of its own, in one check."""
    site = tmp_path_factory.mktemp("site")
    names = {}
    for number, (kind, (code, yaml, _)) in enumerate(SUBJECTS.items()):
        name = names[kind] = f"subject{number}"
        points = plugin(name, name)
        conf = f"conf_of_{name}"
        if yaml is not None:
            points += f"[ptycho_engine.conf]\n{name} = {conf}\n"
        install(site, f"theirs{number}", points=points, **{name: code})
        if yaml not in (None, "nowhere"):
            (site / conf / "plugin").mkdir(parents=True)
            (site / conf / "__init__.py").touch()
            text = yaml.replace("subject", name)
            (site / conf / "plugin" / f"{name}.yaml").write_text(text)
    done = check(site, "--timeout", "20")
    assert done.returncode == 1, done.stderr
    found = {s["name"]: s["state"] for s in json.loads(done.stdout) if s["kind"] == "plugin"}
    return {
        kind: found[name]
        .replace(f"conf_of_{name}", "theirs_conf")
        .replace(name, "subject")
        .replace(f"theirs{name.removeprefix('subject')}", "theirs")
        for kind, name in names.items()
    }


def check(site, *arguments):
    return list_plugins(site, "--check", *arguments)


def list_plugins(site, *arguments):
    code = (  # without TensorFlow, whose own plugins are no matter here
        "import sys; sys.modules['tensorflow'] = None; sys.argv[0] = 'ptycho-engine'\n"
        "from ptycho_engine.app.command import main; main()"
    )
    return subprocess.run(
        [sys.executable, "-c", code, "plugins", "--json", *arguments],
        capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(site)},
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", SUBJECTS)
def test_a_check_says_what_is_wrong(kind, states):
    words = SUBJECTS[kind][2]
    assert words == states[kind] if words == "ok" else words in states[kind]
    assert states[kind].isprintable()
    assert len(states[kind]) <= 600


@pytest.mark.slow
def test_only_faults_make_a_check_fail(tmp_path):
    kinds = ("sound", "a framework that is missing")
    for number, kind in enumerate(kinds):
        name = f"fine{number}"
        install(tmp_path, name, points=plugin(name, name), **{name: SUBJECTS[kind][0]})
    done = check(tmp_path)
    assert done.returncode == 0, done.stdout
    states = {s["name"]: s["state"] for s in json.loads(done.stdout)}
    assert states["numba"] == states["npz"] == states["synthetic"] == "ok"


@pytest.mark.slow_cases("check")  # of all plugins, in a process each
@pytest.mark.parametrize("flags", [[], ["--check"]], ids=["list", "check"])
def test_the_name_that_leaves_the_choice_to_us_is_taken(tmp_path, flags):
    install(tmp_path, "theirs", points=plugin("auto", "fine"), fine=SUBJECTS["sound"][0])
    done = list_plugins(tmp_path, *flags)
    assert done.returncode == 1
    (state,) = (s["state"] for s in json.loads(done.stdout) if s["name"] == "auto")
    assert state.startswith("name 'auto' is taken")


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "soon"])
def test_a_limit_is_a_time(seconds, tmp_path):
    done = check(tmp_path, "--timeout", seconds)
    assert done.returncode == 2
    assert "--timeout" in done.stderr


def test_what_a_plugin_has_started_ends_with_it_and_an_interrupt_ends_all(tmp_path):
    code = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)'])\n"
        "open(os.environ['PIDS'], 'a').write(f'{os.getpid()} {child.pid}\\n')\n"
        "time.sleep(1000)\n"
    )
    install(tmp_path, "slow", points=plugin("a_slow_one", "a_slow_one"), a_slow_one=code)
    pids = tmp_path / "pids"
    process = subprocess.Popen(
        [sys.executable, "-m", "ptycho_engine.app.command", "plugins", "--check"],
        env={**os.environ, "PYTHONPATH": str(tmp_path), "PIDS": str(pids)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until(lambda: pids.exists() and pids.read_text().endswith("\n"))
    process.send_signal(signal.SIGINT)
    process.wait(30)
    for pid in map(int, pids.read_text().split()):
        until(lambda pid=pid: not running(pid))


def until(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_grouping_strategy_is_listed_and_forms_groups(tmp_path):
    listed = {state.name: state for state in describe(check=False) if state.kind == GROUPING}
    assert {"nearest", "combinations", "legacy"} <= set(listed)
    assert {state.state for state in listed.values()} == {"ok"}
    answer = tmp_path / "answer"
    for name in listed:
        inspect(GROUPING, name, str(answer))
        assert answer.read_text() == "ok", name
    inspect(GROUPING, "neerest", str(answer))
    assert "grouping strategy 'neerest' is not known. Did you mean 'nearest'" in answer.read_text()
