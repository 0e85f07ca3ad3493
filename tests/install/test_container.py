"""What the container file makes, without an image registry: Debian's packages, our wheel, nobody.

mmdebstrap makes the root file system that the image begins with, the commands of the file run in
it, and the entry point in a mount and a network namespace of its own: read-only, without a network.
"""

import base64
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest
from repository import ROOT

from ptycho_engine import read_scan
from ptycho_engine.testing import assert_close, reference_patches

CONTAINERFILE = ROOT / "packaging" / "container" / "Containerfile"
PROGRAMS = ("mmdebstrap", "unshare", "mount", "chroot")

#: In namespaces of its own: everything read-only but /tmp, /work and what the kernel keeps there.
RUN = """
set -eu
root=$1 user=$2 size=$3; shift 3
mount --make-rprivate /
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t tmpfs -o mode=1777,size="$size" tmpfs "$root/tmp"
mount -t tmpfs -o mode=1777,size="$size" tmpfs "$root/work"
mount -t proc -o ro proc "$root/proc"
exec chroot --userspec="$user" "$root" "$@"
"""


def read_containerfile(text):
    """Return the instructions of the stages: for each, pairs of a word and what follows it."""
    joined = re.sub(r"^\s*#.*\n", "", text, flags=re.M).replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    stages = []
    for word, rest in lines:
        stages += [[]] if word == "FROM" else []
        stages[-1].append((word, " ".join(rest.split())))
    return stages


def values(stage, word):
    return [rest for found, rest in stage if found == word]


BUILD, FINAL = read_containerfile(CONTAINERFILE.read_text())
ENVIRONMENT = [pair for line in values(FINAL, "ENV") for pair in shlex.split(line)]


def test_the_file_is_of_a_careful_kind():
    (user,) = values(FINAL, "USER")
    assert user == "65534:65534"
    assert {"HOME", "NUMBA_CACHE_DIR", "MPLCONFIGDIR"} <= {p.partition("=")[0] for p in ENVIRONMENT}
    assert all("/tmp" in pair for pair in ENVIRONMENT if pair.startswith(("HOME", "NUMBA", "MPL")))
    assert json.loads(values(FINAL, "ENTRYPOINT")[0]) == ["/opt/ptycho_engine/bin/ptycho-engine"]
    labels = dict(
        pair.split("=", 1) for line in values(FINAL, "LABEL") for pair in shlex.split(line)
    )
    assert labels["org.opencontainers.image.licenses"] == "BSD-3-Clause"
    assert all("--no-cache-dir" in line for line in values(BUILD, "RUN") if "pip install" in line)
    assert not any("pip" in line for line in values(FINAL, "RUN"))


@pytest.fixture(scope="module")
def root(wheel, tmp_path_factory):
    """Make the root file system of the image, as the instructions of its file say."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("needs root, who makes file systems and namespaces")
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        pytest.skip(f"needs {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("container")
    root, wheels = folder / "root", folder / "root" / "wheels"
    (suite,) = (re.search(r"debian:(\w+)-slim", rest)[1] for rest in values(FINAL, "FROM"))
    packages, commands = [], []
    for line in values(BUILD, "RUN"):
        found = re.search(r"apt-get install [^&]*--no-install-recommends ([^&]*)", line)
        packages += found[1].split() if found else []
        commands += [] if found else [line]
    run("mmdebstrap", "--variant=minbase", f"--include={','.join(packages)}", suite, root)
    try:
        if f"python3.{sys.version_info.minor}" != (
            found := (root / "usr/bin/python3").readlink().name
        ):
            pytest.skip(f"makes wheels for this Python, and {suite} has {found}")
        wheels.mkdir()
        # Of the index that this machine knows, so that the commands below need no network.
        run(sys.executable, "-m", "pip", "wheel", "--quiet", "--wheel-dir", wheels, wheel)
        offline = ["PIP_NO_INDEX=1", "PIP_FIND_LINKS=/wheels", "PATH=/usr/bin:/bin"]
        for command in commands:
            run("chroot", root, "env", "-i", *offline, "sh", "-ec", command)
        (root / values(FINAL, "WORKDIR")[0].lstrip("/")).mkdir()
        yield root
    finally:
        shutil.rmtree(root)


def run(*command):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def inside(root, script, *, size="512m"):
    """Run a script of a shell as the image runs its entry point, which is ``"$@"`` in it."""
    (user,), (folder,) = values(FINAL, "USER"), values(FINAL, "WORKDIR")
    entry = json.loads(values(FINAL, "ENTRYPOINT")[0])
    command = ["unshare", "--mount", "--net", "--pid", "--fork", "sh", "-c", RUN, "run", root, user,
               size, "env", "-i", "PATH=/usr/bin:/bin", *ENVIRONMENT,
               "sh", "-c", f"cd {folder} && {script}", "script", *entry]  # fmt: skip
    return subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)


#: Runs in the container, after the command.
TELL = """
import base64, json, os, socket
print(json.dumps({
    "files": sorted(os.listdir()), "user": os.getuid(),
    "interfaces": [name for _, name in socket.if_nameindex()],
    "kept": sorted(os.listdir("/tmp")), "picture": open("patches.npz.png", "rb").read(4).hex(),
    "output": base64.b64encode(open("patches.npz", "rb").read()).decode(),
}))
"""


@pytest.mark.slow
def test_nobody_cuts_patches_where_nothing_can_be_written(root):
    python = "/opt/ptycho_engine/bin/python"
    done = inside(root, f'"$@" patch_size=32 scan.points=20 && {python} -c {shlex.quote(TELL)}')
    assert done.returncode == 0, done.stderr
    path, told = done.stdout.splitlines()
    assert path.endswith("patches.npz")
    found = json.loads(told)
    output = np.load(io.BytesIO(base64.b64decode(found.pop("output"))), allow_pickle=False)
    assert json.loads(str(output["provenance"]))["plugin"] == "numba"
    scan = read_scan("synthetic", options={"points": 20})
    np.testing.assert_array_equal(output["positions"], scan.positions)
    expected = reference_patches(scan.image, scan.positions, 32)
    assert_close(output["patches"], expected, scan.image)
    assert {"matplotlib", "numba"} <= set(found.pop("kept"))
    assert found == {
        "files": ["patches.npz", "patches.npz.png", "patches.npz.report.html"],
        "user": 65534, "interfaces": ["lo"], "picture": "89504e47",
    }  # fmt: skip
    assert "compiled_code_not_kept" not in done.stderr
    assert "Traceback" not in done.stderr
    assert list((root / "work").iterdir()) == []  # it lay in a file system that is gone


@pytest.mark.slow
@pytest.mark.parametrize("place", ["/opt/ptycho_engine/x", "/x", "/usr/lib/x"])
def test_nothing_else_can_be_written(root, place):
    done = inside(root, f"touch {place}")
    assert done.returncode != 0
    assert "Read-only file system" in done.stderr


@pytest.mark.slow
def test_every_subcommand_that_needs_no_framework_works(root):
    script = (
        '"$@" --version && "$@" simulate made.npz trajectory.points=20 seed=1 && '
        '"$@" made.npz patch_size=16 output.path=out.zarr output.picture=false && '
        '"$@" inspect made.npz --json && "$@" plugins --check'
    )
    done = inside(root, script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ptycho-engine ")


@pytest.mark.slow
def test_what_cannot_be_written_is_said(root):
    done = inside(root, '"$@" output.path=/opt/patches.npz')
    assert done.returncode == 2
    assert "/opt" in done.stderr
    assert "Traceback" not in done.stderr
