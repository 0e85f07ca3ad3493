"""Programs in processes of their own, forked from one that has imported what takes long to import.

Importing TensorFlow takes several seconds, and many tests run a program that needs it. Each program
gets a fork of a process that has imported libraries of others, has used none of them, and knows
nothing of this package; the command ``ptycho-engine`` gets one of a fork that has imported the
command, too. A fork ends after its exit handlers: to take the libraries down would copy what it
shares, for half a second. What start-up and that itself do is tested in processes of `subprocess`.
"""

import atexit
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

COMMAND = "ptycho_engine.app.command"
LIBRARIES = "tensorflow", "numba", "hydra", "structlog", "rich.console", "matplotlib.figure"
OURS = (
    COMMAND,
    *(f"ptycho_engine.app.{name}" for name in ("schema", "composition", "runs", "work", "manual")),
    *(f"ptycho_engine.app.jobs.{name}" for name in ("extract", "inspect", "convert", "train")),
    "ptycho_engine.plugins.numba",
    "h5py",
    "zarr",
)
SERVER = """
import atexit, gc, importlib, json, os, runpy, sys

def end():
    if sys.left:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()
        os._exit(sys.left[0])

if not hasattr(sys, "left"):  # in the first of the servers, from which the other is forked
    sys.left = []  # the code that the program ends with, once it is known
    atexit.register(end)  # before all others, and so the last to be called
for name in json.loads(sys.argv[1]):
    try:
        importlib.import_module(name)
    except ImportError:
        pass
sys.dont_write_bytecode = True  # programs are rewritten, and run again within a second
gc.collect()
gc.freeze()  # what every fork would else collect, and copy, at its end
while line := sys.stdin.readline():
    job = json.loads(line)
    pid = os.fork()
    if pid == 0:
        break
    stays = job["stays"]
    print(0 if stays else os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
else:
    sys.exit()
for number, (path, flags) in enumerate(job["streams"]):
    os.dup2(os.open(path, flags), number)
os.chdir(job["cwd"])
os.environ.clear()
os.environ.update(job["env"])
sys.path[0:1] = ["", *filter(None, job["env"].get("PYTHONPATH", "").split(os.pathsep))]
kind, *sys.argv = job["arguments"]
try:
    if kind == "-m" and sys.argv[0] in sys.modules:
        module = sys.modules[sys.argv[0]]
        sys.argv[0] = module.__file__
        module.main()
    elif kind == "-m":
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        code, sys.argv[0] = sys.argv[0], "-c"
        exec(code, {"__name__": "__main__"})
    else:
        sys.argv.insert(0, kind)
        sys.path[0] = os.path.dirname(os.path.abspath(kind))
        runpy.run_path(kind, run_name="__main__")
except SystemExit as stop:
    if stop.code is None or isinstance(stop.code, int):
        sys.left.append((stop.code or 0) & 0xFF)
    raise
except Exception:
    sys.left.append(1)
    raise
sys.left.append(0)
"""


@cache
def _server():
    """Start a process that forks; return what jobs are written to, and exit codes read from."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, json.dumps(LIBRARIES)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    atexit.register(process.communicate)  # closes its input, and so ends it
    return process.stdin, process.stdout


@cache
def _server_of_commands():
    """Fork such a process from the other."""
    with TemporaryDirectory() as folder:
        jobs, codes = Path(folder, "jobs"), Path(folder, "codes")
        os.mkfifo(jobs)
        os.mkfifo(codes)
        streams = [(str(jobs), os.O_RDONLY), (str(codes), os.O_WRONLY), (os.devnull, os.O_WRONLY)]
        requests, answers = _server()
        job = _job(["-c", SERVER, json.dumps(OURS)], Path.cwd(), os.environ, streams, stays=True)
        print(job, file=requests, flush=True)
        files = jobs.open("w"), codes.open()  # each waits until the fork opens its end, too
        answers.readline()
    atexit.register(files[0].close)
    return files


def _job(arguments, cwd, env, streams, *, stays=False):
    """Write down what a server is to run; it waits for the end of what does not stay."""
    where = {"cwd": str(cwd), "env": dict(env), "streams": streams}
    return json.dumps({"arguments": arguments, "stays": stays, **where})


def run_python(*arguments, cwd=None, env=None, ours=False):
    """Run ``python *arguments`` to its end: ``-m MODULE``, ``-c CODE`` or a script, and its own.

    With `ours`, code finds the command imported already.

    Returns
    -------
    subprocess.CompletedProcess
        With the texts of both streams; an exit code other than 0 is no error.
    """
    arguments = [str(argument) for argument in arguments]
    if not hasattr(os, "fork"):
        return subprocess.run(
            [sys.executable, *arguments],
            capture_output=True, text=True, check=False, cwd=cwd, env=env,
        )  # fmt: skip
    with TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        write = os.O_WRONLY | os.O_CREAT
        streams = [(os.devnull, os.O_RDONLY), (str(out), write), (str(err), write)]
        job = _job(arguments, cwd or Path.cwd(), os.environ if env is None else env, streams)
        ours = ours or arguments[:2] == ["-m", COMMAND]
        requests, answers = _server_of_commands() if ours else _server()
        print(job, file=requests, flush=True)
        code = int(answers.readline())
        return subprocess.CompletedProcess(arguments, code, out.read_text(), err.read_text())
