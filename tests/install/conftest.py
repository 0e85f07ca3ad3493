"""Fresh environments with the engine's own wheel, for tests that need the real thing."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from repository import ROOT, tracked


class Environment:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        self.bin = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")

    def pip(self, *arguments: object) -> None:
        command = [self.bin / "python", "-m", "pip", *arguments]
        # Python compiles what it imports; all of it would take as long as installing it.
        quick = {**os.environ, "PIP_NO_COMPILE": "1"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=quick)
        assert done.returncode == 0, done.stdout + done.stderr

    def run(self, *command: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        program, *arguments = map(str, command)
        return subprocess.run(
            [self.bin / program, *arguments], capture_output=True, text=True, check=False, cwd=cwd
        )


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the files of the repository."""
    folder = tmp_path_factory.mktemp("sources")
    for name in tracked():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="session")
def built(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Build the source distribution, and the wheel from it; with all that was said."""
    folder = tmp_path_factory.mktemp("built")
    command = [sys.executable, "-m", "build", "--outdir", folder, sources]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    return folder, done.stdout


@pytest.fixture(scope="session")
def distributions(request: pytest.FixtureRequest) -> Path:
    """Return the folder of the wheel and the source distribution."""
    given = request.config.getoption("--distributions")
    return Path(given) if given else request.getfixturevalue("built")[0]


@pytest.fixture(scope="session")
def wheel(distributions: Path) -> Path:
    (wheel,) = distributions.resolve().glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def archive(distributions: Path) -> Path:
    (archive,) = distributions.resolve().glob("*.tar.gz")
    return archive


@pytest.fixture(scope="session")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """Install the wheel with pip, and its plain dependencies alone."""
    environment = Environment(tmp_path_factory.mktemp("bare"))
    environment.pip("install", "--quiet", wheel)
    yield environment
    shutil.rmtree(environment.folder)


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """Install the wheel with pip, before the libraries of this environment: TensorFlow, too."""
    environment = Environment(tmp_path_factory.mktemp("installed"))
    (site,) = environment.folder.glob("venv/[Ll]ib/**/site-packages")
    libraries = [path for path in sys.path if Path(path).name == "site-packages"]
    (site / "libraries.pth").write_text("\n".join(libraries))
    environment.pip("install", "--quiet", "setuptools>=77")
    environment.pip("install", "--quiet", "--no-deps", "--ignore-installed", wheel)
    yield environment
    shutil.rmtree(environment.folder)


@pytest.fixture(scope="session")
def ptychodus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """Install ptychodus with pip, and nothing of ours: both know each other by files alone."""
    environment = Environment(tmp_path_factory.mktemp("ptychodus"))
    environment.pip("install", "--quiet", "ptychodus==1.7.*")
    yield environment
    shutil.rmtree(environment.folder)  # a gigabyte
