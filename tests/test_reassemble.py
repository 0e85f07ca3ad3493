"""Engine.reassemble: the inverse of extraction where there is coverage, whatever holds patches."""

import json

import h5py
import numpy as np
import pytest
from golden import cases
from processes import run_python

from ptycho_engine import Engine, Reassembled
from ptycho_engine.errors import CapabilityError, MemoryBudgetError, RequestError
from ptycho_engine.geometry import from_legacy
from ptycho_engine.plugin import Capabilities, hookimpl

RNG = np.random.default_rng(8)
SHAPE, SIZE = (70, 90), 16
IMAGE = (RNG.normal(size=SHAPE) + 1j * RNG.normal(size=SHAPE)).astype(np.complex64)
WHOLE = np.round(RNG.uniform(0, 80, (150, 2)))
ENGINE = Engine("numba")


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize(("interpolation", "fill"), [("bilinear", "zeros"), ("nearest", "edge"),
                                                     ("bilinear", "reflect")])  # fmt: skip
def test_it_undoes_extraction_at_whole_positions(dtype, interpolation, fill):
    image = (IMAGE if dtype.startswith("c") else IMAGE.real).astype(dtype)
    how = {"interpolation": interpolation, "fill": fill}
    patches = ENGINE.extract(image, WHOLE, SIZE, **how)
    for more in ({}, {"probe": IMAGE[:SIZE, :SIZE]}, {"border": 3}):
        found = ENGINE.reassemble(patches, WHOLE, SHAPE, **how, **more)
        covered = found.coverage > 0
        assert 0.5 < covered.mean() < 1
        close = 3e-6 if np.dtype(dtype).itemsize <= 8 and dtype != "f8" else 1e-13
        np.testing.assert_allclose(found.object[covered], image[covered], rtol=0, atol=close * 5)
        assert not found.object[~covered].any()
        assert found.object.dtype == image.dtype


def test_between_pixels_a_smooth_object_comes_back_but_for_its_blur():
    y, x = np.mgrid[:70, :90]
    image = np.exp(1j * np.sin(y / 9) * np.cos(x / 11))
    positions = RNG.uniform(10, 60, (300, 2))
    found = ENGINE.reassemble(ENGINE.extract(image, positions, SIZE), positions, SHAPE)
    away = np.abs(found.object - image)
    assert away[found.coverage > 0].max() < 0.12  # a rim is known from less than a pixel away
    assert away[found.coverage > 4].max() < 0.02
    exact = ENGINE.reassemble(
        ENGINE.extract(image, positions, SIZE, interpolation="nearest"), positions, SHAPE,
        interpolation="nearest",
    )  # fmt: skip
    np.testing.assert_allclose(exact.object[exact.coverage > 0], image[exact.coverage > 0])


def test_sources_of_every_kind_give_the_same_bits(tmp_path):
    positions = RNG.uniform(0, 80, (150, 2))
    patches = ENGINE.extract(IMAGE, positions, SIZE)
    whole = ENGINE.reassemble(patches, positions, SHAPE)
    assert isinstance(whole, Reassembled)
    np.save(tmp_path / "patches.npy", patches)
    with h5py.File(tmp_path / "patches.h5", "w") as file:
        file["patches"] = patches
        for source in (
            file["patches"],
            np.load(tmp_path / "patches.npy", mmap_mode="r"),
            patches[::-1][::-1],
            ENGINE.stream(IMAGE, positions, SIZE, block_size=7),
            [patches[:100], patches[100:]],
        ):
            found = ENGINE.reassemble(source, positions, SHAPE)
            np.testing.assert_array_equal(found.object, whole.object)
            np.testing.assert_array_equal(found.coverage, whole.coverage)
    one = Engine("numba", options={"threads": 1}).reassemble(patches, positions, SHAPE)
    np.testing.assert_array_equal(one.object, whole.object)


def test_groups_and_leading_axes():
    objects = np.stack([IMAGE, -2 * IMAGE])
    groups = WHOLE[:148].reshape(37, 4, 2)
    patches = ENGINE.extract(objects, groups, SIZE, layout="channel")
    found = ENGINE.reassemble(patches, groups, SHAPE, layout="channel")
    covered = found.coverage > 0
    np.testing.assert_allclose(found.object[:, covered], objects[:, covered], atol=2e-5)
    flat = ENGINE.reassemble(ENGINE.extract(objects, WHOLE[:148], SIZE), WHOLE[:148], SHAPE)
    np.testing.assert_array_equal(found.object, flat.object)


def test_what_is_not_served_is_refused():
    patches = ENGINE.extract(IMAGE, WHOLE, SIZE)
    with pytest.raises(MemoryBudgetError, match="70 x 90 samples"):
        ENGINE.with_budget(1000).reassemble(patches, WHOLE, SHAPE)
    with pytest.raises(RequestError, match="shape: received none"):
        ENGINE.reassemble(patches, WHOLE)
    with pytest.raises(TypeError, match="probes"):
        ENGINE.reassemble(patches, WHOLE, SHAPE, probes=IMAGE)

    class Cutter:
        @hookimpl
        def plugin_capabilities(self):
            return Capabilities(interpolations=("bilinear",))

        @hookimpl
        def extract_patches(self, request, options, plan, out):
            return out

    def unread():
        yield patches[:1]
        pytest.fail("was read")

    with pytest.raises(CapabilityError):
        Engine(Cutter()).reassemble(unread(), WHOLE, SHAPE)


def test_progress_is_shown(capsys):
    ENGINE.reassemble(ENGINE.extract(IMAGE, WHOLE, SIZE), WHOLE, SHAPE, progress=True)
    assert "150/150" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(cases("reassemble_position")))
def test_the_legacy_reassembly_is_this_one_on_its_canvas(name):
    """Within 3e-6 of the largest value: PtychoPINN has float32 offsets, and adds 1e-9."""
    case = cases("reassemble_position")[name]
    n, m = int(case["N"]), int(case["M"])
    positions = from_legacy(case["global_offsets"])[:, 0]
    centred = positions - positions.mean(axis=0)
    pad = int(np.ceil(np.abs(centred).max()))
    side = m + 2 * (pad + pad % 2)
    found = ENGINE.reassemble(
        case["patches"][..., 0], centred + side // 2, (side, side), border=(n - m) // 2
    )
    legacy = case["out"][..., 0]
    np.testing.assert_allclose(found.object, legacy, rtol=0, atol=3e-6 * np.abs(legacy).max())
    np.testing.assert_array_equal(found.object == 0, legacy == 0)


MEMORY = """
import json, sys
import numpy as np
from ptycho_engine import Engine
from ptycho_engine.allowance import peak_resident_bytes

engine, block = Engine("numba"), np.ones((256, 64, 64), np.complex64)
def blocks(count):
    for _ in range(count):
        yield block
def run(count):
    positions = np.random.default_rng(0).uniform(32, 480, (256 * count, 2))
    engine.reassemble(blocks(count), positions, (512, 512), probe=np.ones((64, 64)))
run(4)
before = peak_resident_bytes()
run(200)
print(json.dumps(peak_resident_bytes() - before))
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_patches(tmp_path):
    """Of 51,200 patches, 1.7 GB; their positions alone are 0.8 MB."""
    done = run_python("-c", MEMORY, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) < 24 * 2**20
