"""The engine: arrays in, patches out, into memory, files or blocks."""

import copy
import inspect
import pickle
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest
import zarr

import ptycho_engine
from ptycho_engine import Engine, Host, extract_patches, hookimpl
from ptycho_engine.errors import ConfigurationError, MemoryBudgetError, RequestError
from ptycho_engine.request.placement import build_placement
from ptycho_engine.testing import assert_close, reference_patches

IMAGE = np.random.default_rng(0).normal(size=(2, 20, 30)).astype(np.float32)
POSITIONS = np.random.default_rng(1).uniform(-3, 25, (24, 2))
GROUPED = POSITIONS.reshape(6, 4, 2)
EXPECTED = reference_patches(IMAGE, POSITIONS, 5).astype(np.float32)


@pytest.fixture(scope="module", params=["chunked_xla", "batched"])
def engine(request):
    option = {"chunked_xla": "chunk_size", "batched": "batch_size"}[request.param]
    return Engine(request.param, options={option: 8}, memory_budget="1GiB")


def test_public_names():
    for name in ptycho_engine.__all__:
        assert getattr(ptycho_engine, name) is not None
    assert ptycho_engine.__version__.count(".") >= 2


@pytest.mark.tensorflow
def test_default_plugin():
    assert Engine().plugin == "chunked_xla"
    assert Engine().options == {"chunk_size": "auto"}


def test_function_is_the_engine_in_one_call():
    patches = extract_patches(IMAGE, POSITIONS, 5, plugin="batched", options={"batch_size": 7})
    assert_close(patches, EXPECTED, IMAGE)
    out = np.empty_like(EXPECTED)
    how = {"memory_budget": "1GiB", "fill": "edge", "out": out}
    assert extract_patches(IMAGE, POSITIONS, 5, plugin="batched", **how) is out
    edge = reference_patches(IMAGE, POSITIONS, 5, fill="edge").astype(np.float32)
    assert_close(out, edge, IMAGE)


def test_signatures_survive_decoration():
    parameters = inspect.signature(Engine.extract).parameters
    assert list(parameters)[:4] == ["self", "image", "positions", "patch_size"]
    assert "memory_budget" in inspect.signature(extract_patches).parameters


# -- where patches go ------------------------------------------------------------------------


def test_new_array(engine):
    patches = engine.extract(IMAGE, POSITIONS, 5)
    assert_close(patches, EXPECTED, IMAGE)
    assert patches.flags.c_contiguous


def test_memmap(engine, tmp_path):
    out = np.memmap(tmp_path / "patches.bin", np.float32, "w+", shape=EXPECTED.shape)
    assert engine.extract(IMAGE, POSITIONS, 5, out=out) is out
    out.flush()
    stored = np.fromfile(tmp_path / "patches.bin", np.float32).reshape(EXPECTED.shape)
    assert_close(stored, EXPECTED, IMAGE)


def test_hdf5(engine, tmp_path):
    with h5py.File(tmp_path / "patches.h5", "w") as file:
        out = file.create_dataset("patches", EXPECTED.shape, np.float32)
        assert engine.extract(IMAGE, POSITIONS, 5, out=out) is out
        assert_close(out[...], EXPECTED, IMAGE)


def test_zarr(engine, tmp_path):
    out = zarr.create_array(tmp_path / "p.zarr", shape=EXPECTED.shape, chunks=(1, 7, 5, 5),
                            dtype="float32")  # fmt: skip
    assert engine.extract(IMAGE, POSITIONS, 5, out=out) is out
    assert_close(out[...], EXPECTED, IMAGE)


class Recorder:
    """Something with a shape, a dtype and slice assignment, that keeps what it was told."""

    def __init__(self, shape, dtype):
        self.shape, self.dtype, self.array = shape, np.dtype(dtype), np.zeros(shape, dtype)
        self.keys = []

    def __setitem__(self, key, value):
        self.keys.append(key)
        self.array[key] = value


@pytest.mark.parametrize("layout", ["channel", "grid"])
def test_anything_that_takes_slices(engine, layout):
    expected = engine.extract(IMAGE, GROUPED, 5, layout=layout)
    out = Recorder(expected.shape, np.float32)
    assert engine.extract(IMAGE, GROUPED, 5, layout=layout, out=out) is out
    np.testing.assert_array_equal(out.array, expected)
    assert all(key[0] == slice(None) for key in out.keys)  # the leading axis


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (np.empty((24, 5, 5), np.float32), r"out: received shape \(24, 5, 5\), dtype float32"),
        (np.empty((2, 24, 5, 5), np.float64), "dtype float64. Expected shape .*dtype float32"),
        (np.empty((2, 24, 5, 5), ">f4"), "dtype >f4"),
        ([[1.0]], "shape None"),
        ("file.h5", "shape None"),
    ],
)
def test_wrong_out(engine, out, message):
    with pytest.raises(RequestError, match=message):
        engine.extract(IMAGE, POSITIONS, 5, out=out)


def test_an_array_of_a_framework_is_no_output(engine):
    import jax.numpy as jnp

    out = jnp.zeros((2, 24, 5, 5), jnp.float32)
    with pytest.raises(RequestError, match="out: received an array of jax"):
        engine.extract(IMAGE, POSITIONS, 5, out=out)


def test_read_only_out(engine):
    out = np.empty_like(EXPECTED)
    out.flags.writeable = False
    with pytest.raises(RequestError, match="out: the array is read-only"):
        engine.extract(IMAGE, POSITIONS, 5, out=out)


def test_data_sets_that_cannot_be_written(engine, tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        closed = file.create_dataset("patches", EXPECTED.shape, EXPECTED.dtype)
    with pytest.raises(RequestError, match=r"out: cannot be used: .*Open it for writing"):
        engine.extract(IMAGE, POSITIONS, 5, out=closed)
    with (
        h5py.File(tmp_path / "x.h5") as file,
        pytest.raises(RequestError, match="out: the file is read-only"),
    ):
        engine.extract(IMAGE, POSITIONS, 5, out=file["patches"])
    zarr.create_array(tmp_path / "x.zarr", shape=EXPECTED.shape, dtype=EXPECTED.dtype)
    with pytest.raises(RequestError, match="out: the file is read-only"):
        engine.extract(IMAGE, POSITIONS, 5, out=zarr.open(tmp_path / "x.zarr", mode="r"))


def test_out_for_no_positions(engine):
    out = np.empty((2, 0, 5, 5), np.float32)
    assert engine.extract(IMAGE, [], 5, out=out) is out


# -- streams ---------------------------------------------------------------------------------


@pytest.mark.parametrize("block_size", [1, 5, 8, 24, 1000, None])
def test_blocks_in_order(engine, block_size):
    blocks = list(engine.stream(IMAGE, POSITIONS, 5, block_size=block_size))
    assert [b.start for b in blocks] == list(range(0, 24, block_size or 24))
    assert [b.stop for b in blocks] == [*(b.start for b in blocks[1:]), 24]
    for block in blocks:
        assert block.patches.shape == (2, block.stop - block.start, 5, 5)
        assert_close(block.patches, EXPECTED[:, block.start : block.stop], IMAGE)


def test_blocks_own_their_arrays(engine):
    first, second, *_ = engine.stream(IMAGE, POSITIONS, 5, block_size=8)
    assert not np.shares_memory(first.patches, second.patches)
    assert_close(first.patches, EXPECTED[:, :8], IMAGE)


@pytest.mark.parametrize("layout", ["channel", "grid"])
def test_blocks_count_groups(engine, layout):
    expected = engine.extract(IMAGE, GROUPED, 5, layout=layout)
    blocks = list(engine.stream(IMAGE, GROUPED, 5, block_size=4, layout=layout))
    assert [(b.start, b.stop) for b in blocks] == [(0, 4), (4, 6)]
    found = np.concatenate([b.patches for b in blocks], axis=1)
    assert_close(found, expected, IMAGE)


def test_stream_of_nothing(engine):
    assert list(engine.stream(IMAGE, [], 5)) == []


def test_streams_refuse_before_the_first_block(engine):
    with pytest.raises(RequestError, match="patch_size"):
        engine.stream(IMAGE, POSITIONS, 0)
    with pytest.raises(RequestError, match="index 1"):
        engine.stream(IMAGE, [[10.0, 10.0], [0.0, 0.0]], 5, fill="error")
    for size in (0, -1, 2.0, True, "2"):
        with pytest.raises(RequestError, match="block_size"):
            engine.stream(IMAGE, POSITIONS, 5, block_size=size)


# -- one object, many calls ------------------------------------------------------------------


def test_prepared_objects_give_the_same(engine):
    prepared = engine.prepare(IMAGE)
    for fill in ("zeros", "edge", "reflect", "zeros"):
        for rounding in ("exact", "legacy"):
            how = {"fill": fill, "rounding": rounding}
            expected = engine.extract(IMAGE, POSITIONS, 5, **how)
            np.testing.assert_array_equal(engine.extract(prepared, POSITIONS, 5, **how), expected)
    np.testing.assert_array_equal(
        engine.extract(prepared, POSITIONS[:3], 7), engine.extract(IMAGE, POSITIONS[:3], 7)
    )


def test_a_prepared_object_is_prepared(engine):
    prepared = engine.prepare(IMAGE)
    assert engine.prepare(prepared) is prepared


def test_prepared_objects_are_validated():
    with pytest.raises(RequestError, match="image: received dtype int64"):
        Engine("batched").prepare([[1, 2], [3, 4]])


# -- many threads ----------------------------------------------------------------------------


def test_calls_from_many_threads(engine):
    def call(seed):
        positions = np.random.default_rng(seed).uniform(-3, 25, (24, 2))
        patches = engine.extract(IMAGE, positions, 5)
        assert_close(patches, reference_patches(IMAGE, positions, 5).astype(np.float32), IMAGE)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(call, range(16)))


# -- engines travel --------------------------------------------------------------------------


def test_engines_travel():
    engine = Engine("numba", options={"threads": 1}, memory_budget="1GiB", reason="tried")
    image, positions = np.arange(100.0).reshape(10, 10), [[4.5, 4.25]]
    for copied in (pickle.loads(pickle.dumps(engine)), copy.deepcopy(engine), copy.copy(engine)):
        assert (copied.plugin, copied.options) == (engine.plugin, engine.options)
        assert copied.extract(image, positions, 1) == 49.25


def test_engines_of_registered_objects_travel():
    copied = pickle.loads(pickle.dumps(Engine(Constant())))
    assert copied.extract(np.ones((3, 3)), [[1, 1]], 1) == 7.0


def test_what_is_registered_on_the_host_travels():
    host = Host()
    host.register(Constant(), "seven")
    host.register(Turned(), "turned")
    host.register(Unused(), "unused")
    for name, wrappers in (("seven", ["turned"]), ("numba", [])):
        engine = Engine(name, host=host, wrappers=wrappers, reason="tried")
        copied = pickle.loads(pickle.dumps(engine))
        assert (copied.plugin, copied.reason) == (name, "tried")
        expected = engine.extract(IMAGE, POSITIONS, 5)
        np.testing.assert_array_equal(copied.extract(IMAGE, POSITIONS, 5), expected)
        assert copied._host.registered(name).keys() == {"turned"} | ({name} & {"seven"})


def test_what_a_wrapper_returns_counts_a_view_of_the_output_too(engine):
    host = Host()
    host.register(Turned())
    turned = Engine(engine.plugin, host=host)
    assert_close(turned.extract(IMAGE, POSITIONS, 5), EXPECTED.swapaxes(-1, -2), IMAGE)
    blocks = list(turned.stream(IMAGE, POSITIONS, 5, block_size=7))
    assert_close(blocks[1].patches, EXPECTED[:, 7:14].swapaxes(-1, -2), IMAGE)
    grid = turned.extract(IMAGE, GROUPED, 5, layout="grid")
    expected = EXPECTED.swapaxes(-1, -2).reshape(grid.shape)
    assert_close(grid, expected, IMAGE)


class Unused:
    """A plugin that is not chosen, and cannot be pickled."""

    def __reduce__(self):
        raise TypeError("cannot travel")

    @hookimpl
    def extract_patches(self, request):
        raise NotImplementedError


class Turned:
    @hookimpl(wrapper=True)
    def extract_patches(self):
        patches = yield
        return patches.swapaxes(-1, -2)


class Constant:
    @hookimpl
    def extract_patches(self, request, out):
        out[...] = 7.0
        return out


def test_numbers_of_numpy_are_numbers():
    engine = Engine("numba", options={"threads": np.int64(2)}, memory_budget=np.int64(2**30))
    assert engine.options == {"threads": 2}
    assert engine.plan(IMAGE, POSITIONS, 5).memory_budget == 2**30


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"options": ["threads"]}, r"numba: options: received \['threads'\]. Expected values by"),
        ({"wrappers": None}, "wrappers: received None. Expected a list of names"),
    ],
)
def test_arguments_of_another_kind(how, words):
    with pytest.raises(ConfigurationError, match=words):
        Engine("numba", **how)


@pytest.mark.parametrize("given", [IMAGE.astype(">f4"), IMAGE.tolist()], ids=["swapped", "list"])
def test_a_copy_that_reading_takes_is_in_the_plan(given):
    engine = Engine("numba")
    if isinstance(given, list):
        patches = EXPECTED.tolist()
        image, plain = np.array(given), np.array(patches)
    else:
        patches, image, plain = EXPECTED.astype(">f4"), IMAGE, EXPECTED
    more = engine.plan(given, POSITIONS, 5).workspace_bytes - image.nbytes
    assert more == engine.plan(image, POSITIONS, 5).workspace_bytes
    kept = engine.plan(engine.prepare(given), POSITIONS, 5).workspace_bytes
    assert kept == engine.plan(engine.prepare(image), POSITIONS, 5).workspace_bytes
    native, swapped = (build_placement(p, POSITIONS, (20, 30)) for p in (plain, patches))
    assert (native.copied, swapped.copied) == (0, plain.nbytes)


def test_what_reading_took_is_not_free_any_more(monkeypatch):
    """By default half of what is left: a copy that reading made is no part of it."""
    image = np.ones((500, 500), ">f8")  # 2 MB
    monkeypatch.setattr("ptycho_engine.memory._free_memory", lambda _: 2_100_000)
    patches = Engine("numba").extract(image, [[250.0, 250.0]], 8)
    assert (patches == 1).all()
    with pytest.raises(MemoryBudgetError):
        Engine("numba", memory_budget=1_050_000).extract(image, [[250.0, 250.0]], 8)


@pytest.mark.parametrize("call", ["extract", "plan", "stream"])
def test_a_mistyped_option_is_named(call):
    engine = Engine("numba")
    with pytest.raises(TypeError, match="patch_sizes"):
        getattr(engine, call)(np.ones((3, 3)), [[1, 1]], patch_sizes=1)
    with pytest.raises(TypeError, match="interpolaton"):
        getattr(engine, call)(np.ones((3, 3)), [[1, 1]], 1, interpolaton="nearest")
