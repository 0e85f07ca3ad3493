"""Patterns: the legacy numbers, the definition in float64, and what physics keeps."""

import pickle
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from events import logged
from golden import cases
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_engine import Engine
from ptycho_engine.data.simulation.exposure import Exposure
from ptycho_engine.data.simulation.propagation import SliceGap
from ptycho_engine.data.simulation.simulation import Simulation
from ptycho_engine.errors import (
    CapabilityError,
    ConfigurationError,
    MemoryBudgetError,
    OutOfBoundsError,
    RequestError,
)
from ptycho_engine.testing import reference_patches

PLAIN = Exposure(photons=None, noise=False)
GAP = SliceGap(distance=2e-6, wavelength=1e-10, pixel_size=5e-9)


def problem(n=12, count=9, slices=1, modes=1, seed=0, dtype=np.complex64):
    rng = np.random.default_rng(seed)
    shape = (slices, 3 * n, 4 * n)
    image = np.exp(0.5j * rng.standard_normal(shape)) * rng.uniform(0.5, 1, shape)
    probe = rng.standard_normal((modes, n, n)) + 1j * rng.standard_normal((modes, n, n))
    probe /= np.arange(1, modes + 1)[:, None, None]
    positions = rng.uniform(n, 2 * n, (count, 2))
    return image.astype(dtype), positions, probe.astype(dtype)


def defined(image, positions, probe, gap=None, interpolation="bilinear"):
    """Intensities (P, N, N) from the definition: matrices in place of transforms, in float64."""
    n = probe.shape[-1]
    patches = reference_patches(image, positions, n, interpolation)  # (S, P, N, N)
    k = np.arange(n) - n // 2
    fourier = np.exp(-2j * np.pi * np.outer(k, np.arange(n)) / n)  # zero frequency at n // 2
    if gap is not None:
        f = k / (n * gap.pixel_size)
        f2 = f[:, None] ** 2 + f[None, :] ** 2
        free = np.exp(
            2j * np.pi * gap.distance * (np.sqrt(gap.wavelength**-2 - f2) - 1 / gap.wavelength)
        )
        free *= 9 * (k[:, None] ** 2 + k[None, :] ** 2) <= n**2  # f <= 2 / 3 of 1 / (2 pixels)
    total = np.zeros(patches.shape[1:])
    for mode in probe.astype(np.complex128):
        wave = mode * patches[0]
        for later in patches[1:]:
            spectrum = fourier @ wave @ fourier.T
            wave = fourier.conj().T @ (free * spectrum) @ fourier.conj() / n**2 * later
        total += np.abs(fourier @ wave @ fourier.T / n) ** 2
    return total


# -- the numbers -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["g1", "g2", "explicit_scale"])
def test_legacy_amplitudes(name):
    case = cases("illuminate_and_diffract")[name]
    patches = (case["Y_I"] * np.exp(1j * case["Y_phi"]))[..., 0].astype(np.complex64)
    n = patches.shape[-1]
    image = np.concatenate(list(patches), axis=1)  # side by side
    positions = [(n // 2, n // 2 + k * n) for k in range(len(patches))]
    exposure = Exposure(float(case["nphotons"]), noise=False, normalised=True)
    given = case.get("intensity_scale_in")
    simulation = Simulation(
        image, positions, case["probe"], exposure, scale=None if given is None else float(given)
    )
    expected = np.moveaxis(case["X"], -1, 1).reshape(-1, n, n)  # channels become patterns
    amplitudes = simulation.patterns()
    assert amplitudes.dtype == np.float32
    np.testing.assert_allclose(amplitudes, expected, rtol=0, atol=1e-6)
    assert simulation.scale == pytest.approx(float(case["intensity_scale_out"]), rel=1e-6)
    scaled = Simulation(
        image, positions, case["probe"], replace(exposure, normalised=False), scale=simulation.scale
    ).patterns()
    np.testing.assert_allclose(
        scaled, expected * simulation.scale, rtol=0, atol=1e-6 * scaled.max()
    )


def test_legacy_photon_scale():
    case = cases("illuminate_and_diffract")["scale_nphotons"]
    fields = case["padded_obj"][..., 0]
    n = fields.shape[-1]
    image = np.concatenate(list(fields), axis=1)
    positions = [(n // 2, n // 2 + k * n) for k in range(len(fields))]
    exposure = Exposure(float(case["nphotons"]), noise=False)
    simulation = Simulation(image, positions, np.ones((n, n)), exposure)
    assert simulation.scale == pytest.approx(float(case["out"]), rel=1e-6)


@pytest.mark.parametrize("n", [11, 12])
@pytest.mark.parametrize("slices", [1, 3])
@pytest.mark.parametrize("modes", [1, 2])
@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_modes_and_slices_against_the_definition(n, slices, modes, dtype):
    image, positions, probe = problem(n, 5, slices, modes, dtype=dtype)
    gap = GAP if slices > 1 else None
    expected = defined(image, positions, probe, gap)
    tolerance = (1e-5 if dtype == np.complex64 else 1e-10) * expected.max()
    if slices == modes == 1:
        image, probe = image[0], probe[0]
    for quantity in ("amplitude", "intensity"):
        exposure = replace(PLAIN, quantity=quantity)
        found = Simulation(image, positions, probe, exposure, gap=gap).patterns()
        assert found.dtype == np.zeros(0, dtype).real.dtype
        counts = found**2 if quantity == "amplitude" else found
        np.testing.assert_allclose(counts, expected, rtol=0, atol=tolerance)


@settings(max_examples=15)
@given(
    st.integers(4, 14),
    st.integers(1, 6),
    st.integers(1, 3),
    st.integers(1, 3),
    st.sampled_from(["nearest", "bilinear", "bicubic"]),
    st.integers(0, 99),
)
def test_any_simulation_against_the_definition(n, count, slices, modes, interpolation, seed):
    image, positions, probe = problem(n, count, slices, modes, seed, np.complex128)
    expected = defined(image, positions, probe, GAP, interpolation)
    simulation = Simulation(
        image, positions, probe, PLAIN, gap=GAP, interpolation=interpolation, threads=2
    )
    amplitudes = simulation.patterns()
    np.testing.assert_allclose(amplitudes**2, expected, rtol=0, atol=1e-10 * expected.max())


def test_a_shifted_phase_ramp_moves_the_pattern_along():
    n = 16
    ramp = np.exp(2j * np.pi * 3 * np.arange(40) / n) * np.ones((40, 1))  # 3 cycles along x
    found = Simulation(ramp, [[20, 20]], np.ones((n, n)), PLAIN).patterns()[0]
    assert np.unravel_index(found.argmax(), found.shape) == (n // 2, n // 2 + 3)


# -- what physics keeps ----------------------------------------------------------------------


def test_a_pattern_has_the_energy_of_its_exit_waves():
    image, positions, probe = problem(modes=3, dtype=np.complex128)
    patches = reference_patches(image[0], positions, 12)
    energy = sum((np.abs(patches * mode) ** 2).sum(axis=(1, 2)) for mode in probe)
    found = Simulation(image, positions, probe, replace(PLAIN, quantity="intensity")).patterns()
    np.testing.assert_allclose(found.sum(axis=(1, 2)), energy, rtol=1e-12)


def test_slices_that_shift_phases_keep_the_energy_within_the_band():
    n, size = 32, 96
    y, x = np.mgrid[:size, :size] - size / 2
    smooth = [np.exp(1j * np.cos(2 * np.pi * (a * y + b * x) / n)) for a, b in ((1, 0), (0, 1))]
    r, c = np.mgrid[:n, :n] - n / 2
    probe = np.exp(-(r**2 + c**2) / 16.0)  # at the edge of the window, and of the band, 1e-7
    positions = [[48.0, 48.0], [40.0, 52.0]]
    gap = SliceGap(1e-5, 1e-10, 1e-8)
    exposure = replace(PLAIN, quantity="intensity")
    found = Simulation(np.array(smooth), positions, probe, exposure, gap=gap).patterns()
    np.testing.assert_allclose(found.sum(axis=(1, 2)), (probe**2).sum(), rtol=1e-6)
    without = Simulation(smooth[0] * smooth[1], positions, probe, exposure).patterns()
    assert np.abs(found - without).max() > 1e-3 * without.max()  # free space does something


def test_no_free_space_makes_one_slice_of_two_within_the_band():
    n = 32
    y, x = np.mgrid[:96, :96]
    slices = np.array([np.exp(1j * np.cos(2 * np.pi * v / n)) for v in (y, x)])
    r, c = np.mgrid[:n, :n] - n / 2
    probe = np.exp(-(r**2 + c**2) / 16.0)
    gap = SliceGap(0.0, 1e-10, 1e-8)
    found = Simulation(slices, [[48.5, 48.25]], probe, PLAIN, gap=gap).patterns()
    one = [reference_patches(s, [[48.5, 48.25]], n) for s in slices]
    expected = np.abs(np.fft.fftshift(np.fft.fft2(one[0] * one[1] * probe))) / n
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * expected.max())


def test_the_propagator_is_unitary_within_its_band_and_undone_by_going_back():
    there, back = (SliceGap(d, 1e-10, 5e-9).transfer(48) for d in (3e-6, -3e-6))
    magnitudes = np.abs(there)
    k = np.fft.ifftshift(np.arange(48) - 24)
    within = k[:, None] ** 2 + k[None, :] ** 2 <= 16**2
    np.testing.assert_allclose(magnitudes, within, rtol=0, atol=1e-12)
    np.testing.assert_allclose(there * back, within, rtol=0, atol=1e-9)


@pytest.mark.parametrize("size", [15, 24, 48, 60, 96, 120, 192, 17, 64])
def test_the_digits_of_a_pixel_size_decide_about_no_frequency(size):
    k = np.fft.ifftshift(np.arange(size) - size // 2)
    within = 9 * (k[:, None] ** 2 + k[None, :] ** 2) <= size**2
    for pixel in (1e-8, 1.1e-8, 1.3e-8, 2e-8, 3e-8, 1e-7):
        transfer = SliceGap(1e-6, 1.4e-10, pixel).transfer(size)
        np.testing.assert_array_equal(transfer != 0, within, err_msg=f"pixels of {pixel} m")


# -- photons ---------------------------------------------------------------------------------


def test_the_mean_pattern_has_as_many_photons_as_asked_for():
    image, positions, probe = problem(modes=2)
    counts = Exposure(photons=3e4, noise=False, quantity="intensity")
    simulation = Simulation(image, positions, probe, counts)
    patterns = simulation.patterns()
    assert patterns.sum(axis=(1, 2), dtype=np.float64).mean() == pytest.approx(3e4, rel=1e-6)
    plain = Simulation(image, positions, probe, replace(counts, photons=None)).patterns()
    np.testing.assert_allclose(patterns, plain * simulation.scale**2, rtol=1e-5)
    back = Simulation(image, positions, probe, replace(counts, normalised=True)).patterns()
    np.testing.assert_array_equal(back, plain)


def test_a_dark_scan_cannot_be_scaled():
    simulation = Simulation(np.zeros((20, 20)), [[10, 10]], np.ones((8, 8)), Exposure(100.0))
    with pytest.raises(ConfigurationError, match="100 photons cannot be scaled to"):
        simulation.patterns()


# -- the same, however it is computed --------------------------------------------------------


@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize("n", [9, 16])
def test_ranges_threads_and_chunks_change_no_bit(noise, n):
    image, positions, probe = problem(n, 150, slices=2, modes=2)
    exposure = Exposure(photons=1e4, noise=noise, seed=3, quantity="intensity")
    whole = Simulation(image, positions, probe, exposure, gap=GAP, threads=1)
    expected = whole.patterns()
    small = 150 * n**2 * 4 + 40 * n**2 * 8 * 6 + 200_000  # chunks of a few patterns
    for threads, budget in ((3, None), (1, small), (2, small)):
        other = Simulation(
            image, positions, probe, exposure, gap=GAP, threads=threads, memory_budget=budget
        )
        assert other.scale == whole.scale
        np.testing.assert_array_equal(other.patterns(), expected)
    for start, stop in ((0, 1), (63, 65), (64, 128), (100, 101), (127, 150), (5, 5), (130, None)):
        np.testing.assert_array_equal(whole.patterns(start, stop), expected[start:stop])
    for size in (1, 64, 70, None):
        if size == 1 and noise:
            continue  # each pattern would draw its block anew
        blocks = list(whole.blocks(size))
        assert [b.start for b in blocks] == [0, *(b.stop for b in blocks[:-1])]
        np.testing.assert_array_equal(np.concatenate([b.patterns for b in blocks]), expected)


def test_another_plugin_gives_the_same_within_rounding():
    from ptycho_engine import hookimpl

    class Slow:
        @hookimpl
        def extract_patches(self, request, options, out):
            return reference_patches(request.image, request.positions, request.patch_size).astype(
                request.dtype
            )

    image, positions, probe = problem(modes=2)
    own = Simulation(image, positions, probe, PLAIN).patterns()
    other = Simulation(image, positions, probe, PLAIN, engine=Engine(Slow())).patterns()
    np.testing.assert_allclose(other, own, rtol=0, atol=1e-5 * own.max())


@pytest.mark.parametrize("fill", ["zeros", "edge", "reflect"])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_windows_that_leave_the_object_see_what_the_fill_says(fill, interpolation):
    image, positions, probe = problem(dtype=np.complex128)
    positions = 4 * (positions - positions.mean(axis=0))  # far outside, some of them
    patches = reference_patches(image[0], positions, 12, interpolation, fill)
    expected = np.abs(np.fft.fftshift(np.fft.fft2(patches * probe), axes=(1, 2))) / 12
    how = {"interpolation": interpolation, "fill": fill}
    for engine in (None, Engine("numba")):
        found = Simulation(image, positions, probe, PLAIN, engine=engine, **how).patterns()
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10 * expected.max())
    with pytest.raises(OutOfBoundsError):
        Simulation(image, positions, probe, PLAIN)


@pytest.mark.parametrize("kind", ["frame", "labelled"])
@pytest.mark.parametrize("engine", [None, Engine("numba")], ids=["kernel", "engine"])
def test_named_columns_of_positions_go_by_their_names(kind, engine):
    image, positions, probe = problem()
    if kind == "frame":
        named = pytest.importorskip("pandas").DataFrame(positions[:, ::-1], columns=["x", "y"])
    else:
        labelled, axes = pytest.importorskip("xarray").DataArray, {"axis": ["x", "y"]}
        named = labelled(positions[:, ::-1], dims=("point", "axis"), coords=axes)
    expected = Simulation(image, positions, probe, PLAIN).patterns()
    found = Simulation(image, named, probe, PLAIN, engine=engine).patterns()
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", [">f2", ">f4", ">c8", "<f4"])
def test_single_precision_is_kept_in_any_byte_order(kind):
    _, positions, probe = problem()
    image = np.ones((36, 48), kind)
    found = Simulation(image, positions, probe.astype(">c8"), PLAIN)
    assert found.dtype == np.float32
    expected = Simulation(image.astype(kind[1:]), positions, probe, PLAIN).patterns()
    np.testing.assert_array_equal(found.patterns(), expected)
    assert Simulation(np.ones((36, 48), ">f8"), positions, probe).dtype == np.float64


def test_positions_probe_and_mask_may_be_used_anew_by_the_caller():
    image, positions, probe = problem()
    mask = np.ones((12, 12), bool)
    simulation = Simulation(image, positions, probe, PLAIN, mask=mask)
    expected = simulation.patterns()
    positions += 1
    probe *= 2
    mask[...] = False
    np.testing.assert_array_equal(simulation.patterns(), expected)


def test_a_pickled_simulation_is_the_same():
    image, positions, probe = problem()
    simulation = Simulation(image, positions, probe, Exposure(seed=1))
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(simulation)).patterns(), simulation.patterns()
    )


def test_patterns_go_into_an_array_of_the_caller():
    image, positions, probe = problem()
    simulation = Simulation(image, positions, probe, PLAIN)
    out = np.full(simulation.shape, np.nan, np.float32)
    assert simulation.patterns(out=out) is out
    np.testing.assert_array_equal(out, simulation.patterns())
    for wrong in (out[:-1], out.astype(np.float64), out[:, ::-1]):
        with pytest.raises(RequestError, match="out: received float"):
            simulation.patterns(out=wrong)


def doubts(image, positions, probe, engine=None):
    with logged() as events:
        Simulation(image, positions, probe, PLAIN, engine=engine).patterns()
    return [event["reason"] for event in events if event["event"] == "doubtful_positions"]


def test_positions_are_doubted_once_and_all_together():
    image, positions, probe = problem()
    at_two_places = np.repeat(positions[:2], 64, axis=0)  # each chunk is of one
    for engine in (None, Engine("numba")):
        assert doubts(image, at_two_places, probe, engine) == []
        (doubt,) = doubts(image, positions / 1000 + 20, probe, engine)
        assert "extend over" in doubt


def test_no_positions_no_patterns():
    image, _, probe = problem()
    simulation = Simulation(image, np.zeros((0, 2)), probe, Exposure())
    assert simulation.patterns().shape == (0, 12, 12)
    assert list(simulation.blocks()) == []


# -- what is refused -------------------------------------------------------------------------


def test_what_cannot_be_simulated_is_refused_before_any_work():
    image, positions, probe = problem()
    two = np.concatenate([image, image])
    for error, words, arguments in (
        (RequestError, "2 slices, and no gap", (two, positions, probe)),
        (RequestError, "probe: received shape", (image, positions, probe[..., :-1])),
        (RequestError, "probe: received complex64 of shape", (image, positions, probe[0, 0])),
        (RequestError, "image: holds samples that are NaN", (image * np.nan, positions, probe)),
        (RequestError, "image: received dtype <U1", ("x", positions, probe)),
        (RequestError, "probe: cannot be read", (image, positions, [[1, 2], [3]])),
        (OutOfBoundsError, "leave", (image, positions - 30, probe)),
        (RequestError, "positions", (image, positions[:, :1], probe)),
    ):
        with pytest.raises(error, match=words):
            Simulation(*arguments)
    with pytest.raises(CapabilityError, match=r"numba.*fourier"):
        Simulation(image, positions, probe, interpolation="fourier", fill="zeros")
    with pytest.raises(RequestError, match="mask: received"):
        Simulation(image, positions, probe, mask=np.ones((12, 12)))
    with pytest.raises(MemoryBudgetError, match="one pattern at a time"):
        Simulation(image, positions, probe, memory_budget=1000)
    many = np.full((10_000, 2), 15.0)  # whose windows are found beforehand
    with pytest.raises(MemoryBudgetError, match="one pattern at a time"):
        Simulation(image, many, probe, memory_budget=200_000)
    with pytest.raises(MemoryBudgetError, match=r"needs 36\.05 KiB with one"):  # for a padded copy
        Simulation(image, positions - 30, probe, fill="edge", memory_budget=30_000)
    with pytest.raises(ConfigurationError, match="wavelength is 0"):
        SliceGap(1e-6, 0, 1e-9)
    with pytest.raises(RequestError, match="block_size: received 0"):
        Simulation(image, positions, probe).blocks(0)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("scale", [-1, 0, 1e-20, 1e20, float("nan"), float("inf"), "a", 1j, True]),
        ("threads", ["x", 0, -3, 1.5, True]),
        ("engine", ["numba"]),
        ("exposure", [{}, 0, 1e5]),
        ("gap", [1e-6]),
        ("near_field", [True]),
    ],
)
def test_arguments_of_another_kind_are_refused_in_one_line(name, values):
    image, positions, probe = problem()
    for value in values:
        with pytest.raises(ConfigurationError, match=f"^{name}: received .* Expected") as caught:
            Simulation(image, positions, probe, **{name: value})
        assert "\n" not in str(caught.value)


def test_numbers_of_numpy_are_numbers():
    image, positions, probe = problem()
    plain = Simulation(image, positions, probe, PLAIN, scale=2.0, threads=2)
    other = Simulation(image, positions, probe, PLAIN, scale=np.float32(2), threads=np.int64(2))
    assert type(other.scale) is float
    np.testing.assert_array_equal(other.patterns(), plain.patterns())


def test_masked_arrays_are_refused():
    image, positions, probe = problem()
    seen = np.ones((12, 12), bool)
    good = {"image": image[0], "positions": positions, "probe": probe[0], "mask": seen}
    for name, value in good.items():
        hidden = np.ma.array(value, mask=np.zeros(value.shape, bool))
        Simulation(**good | {name: hidden})
        hidden.mask[0, 0] = True
        with pytest.raises(RequestError, match=f"^{name}: 1 values are masked"):
            Simulation(**good | {name: hidden})


def test_axes_in_another_order_are_refused():
    labelled = pytest.importorskip("xarray").DataArray
    image, positions, probe = problem()
    good = {"image": image[0], "probe": probe[0], "mask": np.ones((12, 12), bool)}
    for name, value in good.items():
        Simulation(positions=positions, **good | {name: labelled(value, dims=("y", "x"))})
        with pytest.raises(RequestError, match=f"^{name}: received the axes"):
            Simulation(positions=positions, **good | {name: labelled(value, dims=("x", "y"))})


def test_patterns_beyond_the_budget_are_refused_and_blocks_are_not():
    image, positions, probe = problem(32, 400)
    for budget in (1_000_000, 250_000):
        simulation = Simulation(image, positions, probe, PLAIN, memory_budget=budget)
        with pytest.raises(MemoryBudgetError, match="as blocks"):
            simulation.patterns()
        assert sum(len(block.patterns) for block in simulation.blocks()) == 400


@pytest.mark.parametrize("exposure", [PLAIN, Exposure(), Exposure(quantity="intensity")])
def test_the_budget_is_kept(exposure):
    image, positions, probe = problem(32, 300, modes=2)
    budget = 3_000_000
    simulation = Simulation(image, positions, probe, exposure, memory_budget=budget)
    simulation.patterns(0, 1)  # compiles
    tracemalloc.start()
    patterns = simulation.patterns()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0.6 * budget < peak < budget
    assert patterns.nbytes < 0.5 * budget


def test_its_representation_prints_no_array():
    image, positions, probe = problem()
    assert repr(Simulation(image, positions, probe, PLAIN)).startswith(
        "Simulation(patterns=float32 9 x 12 x 12, object=complex64 1 x 36 x 48, probe="
    )
