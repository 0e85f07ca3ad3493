"""Fresh environments with the engine's own wheel, for tests that need the real thing."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


class Environment:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        self.bin = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")

    def pip(self, *arguments: object) -> None:
        command = [self.bin / "python", "-m", "pip", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def run(self, *command: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        program, *arguments = map(str, command)
        return subprocess.run(
            [self.bin / program, *arguments], capture_output=True, text=True, check=False, cwd=cwd
        )


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy of the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    sources = folder / "sources"
    skipped = shutil.ignore_patterns(
        ".git", ".venv*", "build", "*.egg-info", "__pycache__", ".*_cache"
    )
    shutil.copytree(ROOT, sources, ignore=skipped)
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", folder / "dist", sources],
        check=True,
        capture_output=True,
    )
    shutil.rmtree(sources)
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """Install the wheel with pip, with TensorFlow and what tests need."""
    environment = Environment(tmp_path_factory.mktemp("installed"))
    environment.pip("install", "--quiet", f"{wheel}[tensorflow,testing]")
    yield environment
    shutil.rmtree(environment.folder)  # two gigabytes


@pytest.fixture(scope="session")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """Install the wheel with pip, and its plain dependencies alone."""
    environment = Environment(tmp_path_factory.mktemp("bare"))
    environment.pip("install", "--quiet", wheel)
    yield environment
    shutil.rmtree(environment.folder)


@pytest.fixture(scope="session")
def ptychodus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """Install ptychodus with pip, and nothing of ours: both know each other by files alone."""
    environment = Environment(tmp_path_factory.mktemp("ptychodus"))
    environment.pip("install", "--quiet", "ptychodus==1.7.*")
    yield environment
    shutil.rmtree(environment.folder)  # a gigabyte
