"""The wheel alone, as `pip install ptycho_engine` leaves it: without TensorFlow, numba cuts."""

import json

import numpy as np
import pytest

pytestmark = pytest.mark.slow


def test_no_framework_comes_along(bare, tmp_path):
    code = "from importlib.util import find_spec; print(*map(find_spec, ('tensorflow', 'pytest')))"
    assert bare.run("python", "-c", code, cwd=tmp_path).stdout.split() == ["None", "None"]


def test_the_command_cuts_the_synthetic_scan(bare, tmp_path):
    done = bare.run("ptycho-engine", "patch_size=32", "scan.points=50", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "auto: numba is the first installed" in done.stderr
    with np.load(tmp_path / "patches.npz", allow_pickle=False) as output:
        assert output["patches"].shape == (50, 32, 32)
        assert np.abs(output["patches"]).max() > 0
        assert json.loads(str(output["provenance"]))["plugin"] == "numba"
    assert (tmp_path / "patches.npz.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("suffix", [".h5", ".zarr"])
def test_it_writes_every_format(bare, tmp_path, suffix):
    done = bare.run(
        "ptycho-engine", "patch_size=8", "scan.points=5", "output.picture=false",
        f"output.path=out{suffix}", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    code = f"import ptycho_engine as p; print(p.read_output('out{suffix}').patches.shape)"
    read = bare.run("python", "-c", code, cwd=tmp_path)
    assert read.stdout == "(5, 8, 8)\n", read.stderr


def test_the_listing_says_what_to_install(bare, tmp_path):
    listed = bare.run("ptycho-engine", "plugins", "--check", "--json", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    found = [state for state in json.loads(listed.stdout) if state["kind"] == "plugin"]
    states = {state["name"]: state["state"] for state in found}
    assert states.pop("numba") == "ok"
    extras = dict.fromkeys(("batched", "chunked_xla", "iterative"), "tensorflow")
    extras["jax"] = "jax"
    assert states == {
        name: f'not installed: pip install "ptycho_engine[{extra}]"'
        for name, extra in extras.items()
    }


def test_a_plugin_of_tensorflow_is_refused_in_one_line(bare, tmp_path):
    done = bare.run("ptycho-engine", "plugin=batched", cwd=tmp_path)
    assert done.returncode == 2
    assert 'pip install "ptycho_engine[tensorflow]"' in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
