"""Programs in processes of their own, forked from one that has imported what takes long to import.

Importing TensorFlow takes several seconds, and many tests run a program that needs it. Each program
gets a fork of a process that has imported libraries of others, has used none of them, and knows
nothing of this package; the command ``ptycho-engine`` gets one of a process that has imported the
command, too. What start-up itself does is tested in processes started by `subprocess`.
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
import gc, importlib, json, os, runpy, sys
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
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
else:
    sys.exit()
for number, (path, flags) in enumerate(job["streams"]):
    os.dup2(os.open(path, flags), number)
os.chdir(job["cwd"])
os.environ.clear()
os.environ.update(job["env"])
sys.path[0:1] = ["", *filter(None, job["env"].get("PYTHONPATH", "").split(os.pathsep))]
kind, *sys.argv = job["arguments"]
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
"""


@cache
def _server(*imported):
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, json.dumps(imported)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    atexit.register(process.communicate)  # closes its input, and so ends it
    return process


def run_python(*arguments, cwd=None, env=None):
    """Run ``python *arguments`` to its end: ``-m MODULE``, ``-c CODE`` or a script, and its own.

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
        job = {
            "arguments": arguments,
            "cwd": str(cwd or Path.cwd()),
            "env": dict(os.environ if env is None else env),
            "streams": [(os.devnull, os.O_RDONLY), (str(out), write), (str(err), write)],
        }
        is_command = arguments[:2] == ["-m", COMMAND]
        server = _server(*LIBRARIES, *(OURS if is_command else ()))
        print(json.dumps(job), file=server.stdin, flush=True)
        code = int(server.stdout.readline())
        return subprocess.CompletedProcess(arguments, code, out.read_text(), err.read_text())
