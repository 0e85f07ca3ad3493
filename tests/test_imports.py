"""Who imports whom: TensorFlow only on use, plugins only public names, no loops around the host."""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import ptycho_engine.plugins
import pytest

import ptycho_engine
import ptycho_engine.plugin as facade

PACKAGE = Path(ptycho_engine.__file__).parent
PLUGINS = Path(ptycho_engine.plugins.__file__).parent
BUILT_IN = ["batched", "chunked_xla", "iterative", "jax"]
ENGINE_FILES = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if not {"plugins", "conf", "migrations"} & set(path.relative_to(PACKAGE).parts)
)


@functools.cache
def imported(path, package):
    """Full names that a file imports, ``from a import b`` as ``a.b``; also inside functions."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, base]).rstrip(".")
            names += [f"{base}.{alias.name}" for alias in node.names]
    return names


def package_of(path):
    return ".".join(["ptycho_engine", *path.relative_to(PACKAGE).parts[:-1]])


# -- TensorFlow is imported on use -----------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "import ptycho_engine",
        "import ptycho_engine; ptycho_engine.list_plugins()",
        "import ptycho_engine.plugin",
        "from ptycho_engine.io import catalogue; catalogue.list_formats()",
        pytest.param(
            "import ptycho_engine; ptycho_engine.Engine('chunked_xla').plan([[1.0]], [[0, 0]], 4)",
            marks=pytest.mark.tensorflow,
        ),
        "import ptycho_engine.migrations.cli as c; c.parser().format_help()",
        *(f"import ptycho_engine.plugins.{name}" for name in BUILT_IN),
    ],
)
def test_tensorflow_is_not_imported(code):
    heavy = (
        "tensorflow",
        "jax",
        "hypothesis",
        "pytest",
        "matplotlib",
        "jinja2",
        "h5py",
        "zarr",
        "libcst",
        "ruamel",
    )
    check = f"import sys; print([m for m in {heavy} if m in sys.modules])"
    command = [sys.executable, "-W", "error", "-c", f"{code}\n{check}"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stderr == ""
    assert result.stdout.strip() == "[]"


@pytest.mark.slow_cases("code", "status")
@pytest.mark.parametrize("command", ["code", "config", "status"])
def test_migration_commands_do_not_import_tensorflow(command, tmp_path):
    """Not even while they work; `compare` cuts patches, and does."""
    (tmp_path / "old.py").write_text("N = 16\nfrom ptycho.raw_data import get_image_patches\n")
    code = (
        "import sys\nfrom ptycho_engine.migrations.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "finally:\n    print([m for m in ('tensorflow', 'keras') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, command, str(tmp_path / "old.py")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert result.stdout.splitlines()[-1] == "[]"


def test_the_engine_never_imports_its_migrations():
    for path in ENGINE_FILES:
        for full in imported(path, package_of(path)):
            assert not full.startswith("ptycho_engine.migrations"), path


def modules_after(code):
    """Modules that are loaded after a line of Python in a process of its own."""
    command = [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_imports_nothing_else():
    loaded = modules_after("import ptycho_engine")
    assert {name for name in loaded if name.startswith("ptycho_engine")} == {"ptycho_engine"}
    assert loaded.isdisjoint({"numpy", "structlog", "psutil", "pluggy", "rich", "hydra"})


def test_every_public_name_comes_from_the_package():
    assert set(ptycho_engine.__all__) <= set(dir(ptycho_engine))
    for name in ptycho_engine.__all__:
        value = getattr(ptycho_engine, name)
        assert value is vars(ptycho_engine)[name]  # looked up once
    with pytest.raises(AttributeError, match="Engines"):
        _ = ptycho_engine.Engines


def test_listing_imports_no_engine_no_format_and_no_hydra():
    loaded = modules_after("from ptycho_engine.app.listing import describe; describe(check=False)")
    assert not any(name.startswith("ptycho_engine.io.formats.") for name in loaded)
    assert loaded.isdisjoint({"numpy", "structlog", "psutil", "pluggy", "hydra", "matplotlib"})


@pytest.mark.slow
def test_a_job_runs_without_hydra(tmp_path):
    """Whoever has one runs it: a Python caller, a sweep, another job."""
    loaded = modules_after(
        "from pathlib import Path\n"
        "from ptycho_engine.app.jobs.extract import run\n"
        "from ptycho_engine.app.jobs.extraction_job import ExtractionJob\n"
        "from ptycho_engine.geometry.cut import Cut\n"
        "from ptycho_engine.io.scan_files import ScanSource\n"
        "scan = ScanSource('synthetic', options={'points': 3, 'object_size': 32})\n"
        f"job = ExtractionJob(scan, Cut(4), Path({str(tmp_path)!r}, 'p.npz'), 'numba')\n"
        "run(job)"
    )
    assert (tmp_path / "p.npz").is_file()
    assert loaded.isdisjoint({"hydra", "omegaconf"})
    assert loaded.isdisjoint({"ptycho_engine.app.schema", "ptycho_engine.app.command"})


def test_testing_imports_pytest_and_hypothesis_for_the_suite_but_not_tensorflow():
    """The reference alone, which reports of runs ask, needs neither."""
    heavy = {"pytest", "hypothesis", "tensorflow"}
    assert modules_after("import ptycho_engine.testing.reference").isdisjoint(heavy)
    loaded = modules_after("from ptycho_engine.testing import PluginConformance, strategies")
    assert loaded & heavy == {"pytest", "hypothesis"}


# -- the direction of imports ----------------------------------------------------------------


@pytest.mark.parametrize("name", [*BUILT_IN, "numba"])
def test_plugins_use_the_facade_and_the_room_of_their_framework(name):
    """As any third party could, whose framework's room would be its own package."""
    room = {"jax": "jax_ops", "numba": "native"}.get(name, "ops")
    names = set(imported(PLUGINS / f"{name}.py", "ptycho_engine.plugins"))
    assert any(full.startswith("ptycho_engine.plugin.") for full in names)
    for full in names:
        assert not any(part.startswith("_") for part in full.split(".")[1:]), full
        if full.startswith("ptycho_engine"):
            assert full.startswith(("ptycho_engine.plugin.", f"ptycho_engine.{room}.")), full
        else:
            assert full.split(".")[0] in sys.stdlib_module_names | {"__future__", "numpy"}, full


def test_the_facade_holds_what_it_names_and_no_more():
    assert {name for name in vars(facade) if not name.startswith("_")} == set(facade.__all__)


def test_no_module_but_its_own_names_a_format():
    """Adding one is a file and an entry point; `legacy` knows what PtychoPINN wrote."""
    formats = PACKAGE / "io" / "formats"
    for path in ENGINE_FILES:
        if path.parent != formats and "compat" not in path.parts:
            for full in imported(path, package_of(path)):
                assert not full.startswith("ptycho_engine.io.formats"), f"{path} imports {full}"


@pytest.mark.parametrize("path", ENGINE_FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_engine_never_imports_a_plugin(path):
    for full in imported(path, package_of(path)):
        assert not full.startswith("ptycho_engine.plugins"), full


#: What each room may import besides itself: the house of DEVELOPER_GUIDE.md, from the bottom up.
ROOMS = {
    "errors": "",
    "display": "",
    "kept": "",
    "extras": "errors",
    "logs": "",
    "allowance": "",
    "memory": "errors allowance",
    "metadata": "errors",
    "discovery": "errors display metadata",
    "culprits": "discovery",
    "deferral": "",
    "compilations": "",
    "switches": "logs",
    "workers": "deferral errors",
    "geometry": "errors",
    "arrays": "errors geometry ops",  # the adapter of TensorFlow alone needs ops
    "request": "errors display memory geometry arrays",
    "native": "errors logs memory workers geometry request",
    "phantoms": "errors geometry",
    "io": "errors kept display extras logs memory metadata deferral workers discovery culprits "
    "geometry phantoms",
    "deprecation": "errors extras arrays",
    "host": "errors extras discovery culprits geometry arrays request",
    "differentials": "arrays request",
    "service": "differentials errors logs memory arrays request host",
    "overlay": "errors geometry arrays request service report",
    "lazy": "errors kept extras geometry arrays request service engine",  # engine: its type alone
    "engine": "lazy errors display logs memory discovery geometry arrays request host service "
    "overlay report",
    "shortcuts": "arrays geometry engine",
    "ops": "errors extras compilations switches memory workers geometry arrays request native",
    "jax_ops": "errors kept compilations memory workers geometry arrays request native",
    "layers": "errors kept extras geometry arrays request engine ops",  # engine: those of torch
    "plugin": "errors workers deprecation geometry request host io",
    "report": "errors deferral extras logs memory geometry request io",
    "data": "errors kept extras display logs memory discovery culprits workers geometry arrays "
    "phantoms request native engine io",
    "compat": "errors extras logs discovery deprecation geometry arrays request host engine io "
    "report ops data",
    "testing": "errors geometry arrays request host engine",
    "app": "errors kept extras lazy logs switches allowance memory metadata deferral compilations "
    "discovery culprits workers geometry request host engine io report deprecation compat data "
    "testing",
    "__main__": "app",
}


def room_of(full):
    return full.split(".")[1] if full.startswith("ptycho_engine.") else ""


@pytest.mark.parametrize("path", ENGINE_FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_downwards(path):
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own == "__init__":  # the public names
        return
    for full in imported(path, package_of(path)):
        room = room_of(full)
        public = room in ptycho_engine.__all__ or room == "__version__"
        assert (
            not full.startswith("ptycho_engine") or public or room in {own, *ROOMS[own].split()}
        ), f"{path.name} imports {full}"


#: Who imports what goes in 2.0, and why: all others would have to change with it.
USERS = {
    "compat": {"app/legacy.py"},  # when a job asks for compat=legacy
    "deprecation": {
        "__init__.py",  # the class of the warnings is public
        "app/legacy.py",  # compat=legacy is deprecated
        "plugin.py",  # the façade hands `warn` to iterative, which is deprecated too
    },
}


@pytest.mark.parametrize("room", USERS)
def test_what_goes_is_imported_here_only(room):
    paths = [*ENGINE_FILES, *sorted(PLUGINS.glob("*.py"))]
    found = set()
    for path in paths:
        inside = path.is_relative_to(PLUGINS)
        package = "ptycho_engine.plugins" if inside else package_of(path)
        name = f"plugins/{path.name}" if inside else path.relative_to(PACKAGE).as_posix()
        if any(room_of(full) == room for full in imported(path, package)):
            found.add(name)
    assert {n for n in found if n.partition("/")[0] not in ("compat", "deprecation")} == USERS[room]


def test_modules_of_the_compatibility_layer_import_each_other_in_no_circle():
    modules = {
        f"{package_of(path)}.{path.stem}": path
        for path in ENGINE_FILES
        if path.relative_to(PACKAGE).parts[0] == "compat" and path.stem != "__init__"
    }
    after = {
        own: {m for full in imported(path, package_of(path)) for m in modules
              if f"{full}.".startswith(f"{m}.")} - {own}
        for own, path in modules.items()
    }  # fmt: skip
    assert any(after.values())
    while free := [own for own, needs in after.items() if not needs]:
        for own in free:
            del after[own]
        for needs in after.values():
            needs.difference_update(free)
    assert after == {}


#: Where no two modules or folders have one name, so that a name says which one is meant.
NAMED = ("compat", "data", "deprecation", "host", "request", "geometry", "arrays", "native", "app",
         "jax_ops", "io", "layers", "report", "phantoms")  # fmt: skip
SAME_ON_PURPOSE = {
    "datasets": "the room, and the class that it is about",
    "grouping": "the room, and the function that it is about",
    "simulation": "the room, and the class that it is about",
    "host": "the room, and the class Host that it is about",
    "kernels": "weights of an interpolation in geometry, compiled loops in native",
}


def test_no_name_of_a_module_is_used_twice():
    named = {}
    for room in NAMED:
        named.setdefault(room, []).append(room)
        for path in sorted((PACKAGE / room).rglob("*")):
            named_here = path.is_dir() or path.suffix == ".py"
            if named_here and path.stem not in ("__init__", "__pycache__"):
                named.setdefault(path.stem, []).append(str(path.relative_to(PACKAGE)))
    twice = {name: places for name, places in named.items() if len(places) > 1}
    assert set(twice) == set(SAME_ON_PURPOSE), twice


def test_every_room_is_in_the_table():
    rooms = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in ENGINE_FILES}
    assert rooms - {"__init__"} == set(ROOMS)
