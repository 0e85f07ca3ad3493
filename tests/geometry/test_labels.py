"""Masks, units and names, which `numpy.asarray` strips: none is lost without a word."""

from collections import namedtuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ptycho_engine import Engine, geometry
from ptycho_engine.errors import RequestError

IMAGE = np.arange(48 * 64.0).reshape(48, 64)
YX = np.array([[10.0, 20.0], [12.0, 30.0]])
PATCHES = IMAGE[[10, 12], [20, 30]]


def samples(positions, image=IMAGE):
    return Engine("numba").extract(image, positions, 1)[..., 0, 0]


class Noted(np.ndarray):
    """An array with a unit, as those of astropy."""

    unit = None


class Quantity:
    """Numbers with a unit, as those of pint; NumPy reads them with no more than a warning."""

    def __init__(self, values, units):
        self.values, self.units = values, units

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)


class Dataset(Quantity):
    """A data set of a file, its unit in the attributes."""

    def __init__(self, values, units):
        self.values, self.attrs = values, {"units": units}


def noted(values, unit):
    array = np.asarray(values).view(Noted)
    array.unit = unit
    return array


def listed(values, unit):
    return [Quantity(row, unit) for row in values]


def nested(values, unit):
    return [[Quantity(number, unit) for number in row] for row in values]


# -- masks -----------------------------------------------------------------------------------


@given(arrays(bool, (3, 2)))
def test_masked_positions_are_counted(mask):
    positions = np.ma.array(np.full((3, 2), 5.0), mask=mask)
    for values in (positions, list(positions), [list(row) for row in positions]):
        if mask.any():
            with pytest.raises(RequestError, match=f"positions: {mask.sum()} values are masked"):
                samples(values)
            with pytest.raises(RequestError, match=f"xy: {mask.sum()} values are masked"):
                geometry.from_xy(values)
        else:
            np.testing.assert_array_equal(samples(values), np.full(3, IMAGE[5, 5]))


def test_masked_images():
    image = np.ma.masked_less(IMAGE, 7)
    for take in (samples, lambda positions, image: Engine("numba").prepare(image)):
        with pytest.raises(RequestError, match=r"image: 7 values are masked.*image\.filled"):
            take(YX, image)
    np.testing.assert_array_equal(samples(YX, np.ma.array(IMAGE)), PATCHES)


# -- units -----------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [noted, Quantity, Dataset, listed, nested])
@pytest.mark.parametrize("unit", ["m", "um", "10 pix", "kilopixel", b"m"])
def test_units_other_than_pixels_are_refused(make, unit):
    with pytest.raises(RequestError, match=r"positions: received the unit.*object pixels.*metres"):
        samples(make(YX, unit))


@pytest.mark.parametrize("make", [noted, Quantity, Dataset, listed, nested])
@pytest.mark.parametrize("unit", ["pixel", "pix", "Pixels", "object pixels", "", "dimensionless"])
def test_pixels_and_plain_numbers_are_taken(make, unit):
    values = make(YX, unit)
    if make is nested:
        values = [[number.values for number in row] for row in values]
    np.testing.assert_array_equal(samples(values), PATCHES)


def test_an_image_with_a_unit():
    for make in (noted, Quantity):
        with pytest.raises(RequestError, match=r"image: received the unit 'V'\. Expected none"):
            samples(YX, make(IMAGE, "V"))


def test_units_of_lengths_where_metres_are_due():
    metres = geometry.to_metres(YX, 2e-9)
    for make in (noted, Quantity, Dataset):
        np.testing.assert_allclose(geometry.from_metres(make(metres, "m"), 2e-9), YX)
        with pytest.raises(RequestError, match=r"positions_m: received the unit 'nm'\. Expected m"):
            geometry.from_metres(make(metres * 1e9, "nm"), 2e-9)
        with pytest.raises(RequestError, match="pixel_size: received the unit 'nm'"):
            geometry.from_metres(metres, make(2.0, "nm"))
        with pytest.raises(RequestError, match="origin: received the unit 'pixel'"):
            geometry.from_metres(metres, 2e-9, make([1.0, 2.0], "pixel"))


# -- names of columns and axes ---------------------------------------------------------------


@pytest.mark.parametrize("names", [("x", "y"), ("y", "x"), ("X", " Y"), ("row", "col")])
@pytest.mark.parametrize("kind", ["frame", "rows", "tuples", "labelled"])
def test_named_columns_go_by_their_names(names, kind):
    is_xy = names[0].lower() == "x"
    values = YX[:, ::-1] if is_xy else YX
    if kind == "frame":
        values = pytest.importorskip("pandas").DataFrame(values, columns=list(names))
    elif kind == "rows":
        frame = pytest.importorskip("pandas").DataFrame(values, columns=list(names))
        values = [row for _, row in frame.iterrows()]
    elif kind == "tuples":
        point = namedtuple("point", [name.strip() for name in names])
        values = [point(*row) for row in values.tolist()]
    else:
        xarray = pytest.importorskip("xarray")
        values = xarray.DataArray(values, dims=("point", "axis"), coords={"axis": list(names)})
    np.testing.assert_array_equal(samples(values), PATCHES)
    np.testing.assert_array_equal(geometry.from_xy(values), YX)


@given(st.permutations(["x_m", "y"]), st.booleans())
def test_other_names_are_refused(names, as_tuples):
    if as_tuples:
        values = [namedtuple("point", names)(*row) for row in YX.tolist()]
    else:
        values = pytest.importorskip("pandas").DataFrame(YX, columns=names)
    with pytest.raises(RequestError, match=r"positions: received columns .*in the order \(y, x\)"):
        samples(values)


def test_names_that_are_no_text_are_names():
    pandas = pytest.importorskip("pandas")
    columns = pandas.MultiIndex.from_tuples([("stage", "x"), ("stage", "y")])
    with pytest.raises(RequestError, match=r"positions: received columns \('stage', 'x'\)"):
        samples(pandas.DataFrame(YX, columns=columns))


def test_frames_without_names_are_read_in_order():
    pandas = pytest.importorskip("pandas")
    np.testing.assert_array_equal(samples(pandas.DataFrame(YX)), PATCHES)
    np.testing.assert_array_equal(samples(YX, pandas.DataFrame(IMAGE)), PATCHES)


@pytest.mark.parametrize("names", [["y", "x"], [0, 1]])
def test_nullable_columns_are_numbers_or_nan(names):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(YX, columns=names, dtype="Float64")
    np.testing.assert_array_equal(samples(frame), PATCHES)
    frame.iloc[1, 1] = pandas.NA
    with pytest.raises(RequestError, match="NaN or infinite, the first at index 1"):
        samples(frame)


@pytest.mark.parametrize("dims", [("x", "y"), ("y", "x", "mode"), ("mode", "x", "y")])
def test_images_whose_axes_have_other_places_are_refused(dims):
    xarray = pytest.importorskip("xarray")
    image = xarray.DataArray(np.zeros((9,) * len(dims)), dims=dims)
    with pytest.raises(RequestError, match=r"image: received the axes .*transpose\(\.\.\., 'y'"):
        samples(YX, image)
    samples(YX, image.transpose(..., "y", "x"))


def test_what_cannot_be_an_array_is_refused():
    class Elsewhere:
        def __array__(self, dtype=None, copy=None):
            raise TypeError("not on this device")

    with pytest.raises(RequestError, match=r"positions: cannot be read.*not on this device"):
        samples(Elsewhere())
