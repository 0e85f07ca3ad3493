"""What layers are made with, checked the same way for every framework. Imports none of them."""

from __future__ import annotations

import base64
import math
import operator
from typing import Any

import numpy as np

from ..errors import ConfigurationError, RequestError, one_line, one_of
from ..geometry.cut import Cut

#: What a far field is returned as.
OUTPUTS = "amplitude", "intensity"
#: Photons; with less, slopes at many counts would come near the end of single precision.
LEAST_FLOOR = 1e-12
#: Share of a rate: so few counts add nothing to their loss, which is the rate, in any precision.
LEAST_SHARE = 1e-30
#: Above the least number that single precision holds with all digits.
TINY = 1.2e-38


def finite_number(what: str, value: Any) -> float:
    """Return a setting as a float.

    Raises
    ------
    ConfigurationError
        If it is no finite number.
    """
    try:
        number = math.nan if isinstance(value, bool | str | bytes) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ConfigurationError(
            f"{what} is {one_line(repr(value), 60)}. Expected a finite number."
        )
    return number


def positive_number(what: str, value: Any) -> float:
    """Return a setting as a float above zero.

    Raises
    ------
    ConfigurationError
        If it is none.
    """
    number = finite_number(what, value)
    if number <= 0:
        raise ConfigurationError(f"{what} is {number!r}. Expected a number above zero.")
    return number


def loss_floor(floor: Any) -> float:
    """Return the rate below which a loss is a straight line.

    Raises
    ------
    ConfigurationError
        If it is below `LEAST_FLOOR`, or not finite.
    """
    number = positive_number("PoissonNLL: floor", floor)
    if number < LEAST_FLOOR:
        raise ConfigurationError(
            f"PoissonNLL: floor is {number!r}. Expected at least {LEAST_FLOOR}: slopes at lower "
            "rates exceed single precision."
        )
    return number


def whole_seed(seed: Any) -> int | None:
    """Return the seed of a jitter, or None for none.

    Raises
    ------
    ConfigurationError
        If it is no whole number of at most 63 bits, at least 0.
    """
    if seed is None:
        return None
    try:
        number = -1 if isinstance(seed, bool) else operator.index(seed)
    except TypeError:
        number = -1
    if not 0 <= number < 2**63:
        raise ConfigurationError(
            f"Translation: seed is {one_line(repr(seed), 60)}. Expected None, or a whole number "
            "from 0 to 2**63 - 1."
        )
    return number


def no_scale(scale: Any) -> str:
    """Say that what came is no layer whose factor could be shared."""
    return (
        f"InverseIntensityScale: scale is {one_line(repr(scale), 60)}. Expected an IntensityScale."
    )


def chosen_output(output: Any) -> str:
    """Return what a far field is returned as.

    Raises
    ------
    ConfigurationError
        If it is none of `OUTPUTS`.
    """
    if output not in OUTPUTS:
        raise ConfigurationError(one_of("FarFieldDiffraction: output", output, OUTPUTS))
    return str(output)


def checked_probe(probe: Any) -> np.ndarray[Any, Any]:
    """Return a probe (N, N), or its modes (M, N, N), as complex64 or complex128.

    Raises
    ------
    ConfigurationError
        If it has another shape, or is not finite.
    """
    array = _as_array("ProbeIllumination: probe", probe)
    square = array.ndim in (2, 3) and array.size > 0 and array.shape[-1] == array.shape[-2]
    if array.dtype.kind not in "biufc" or not square:
        raise ConfigurationError(
            f"ProbeIllumination: probe is {array.dtype} of shape {array.shape}. Expected numbers "
            "of shape (N, N), or (M, N, N) for M modes."
        )
    if not np.isfinite(array).all():
        raise ConfigurationError(
            "ProbeIllumination: probe holds NaN or infinity. Expected finite numbers."
        )
    single = np.result_type(array.dtype, np.complex64) == np.complex64
    return array.astype(np.complex64 if single else np.complex128)


def _as_array(what: str, value: Any) -> np.ndarray[Any, Any]:
    try:
        return np.asarray(value)
    except (TypeError, ValueError) as error:  # rows of unequal lengths, for one
        raise ConfigurationError(
            f"{what} is no array: {one_line(error, 100)} Expected numbers in rows of one length."
        ) from error


def cut_of(layer: str, patch_size: Any, interpolation: Any, fill: Any) -> Cut:
    """Return what a layer cuts or places.

    Raises
    ------
    RequestError
        If it is nothing that can be cut, or fill is ``"error"``.
    """
    if fill == "error":
        raise RequestError(
            f'{layer}: fill="error" would have to raise inside compiled graphs, which cannot. '
            'Expected "zeros", "edge" or "reflect".'
        )
    return Cut(patch_size, interpolation, fill)


def check_translation(interpolation: Any, fill: Any, jitter: Any) -> None:
    """Refuse what images cannot be moved with.

    Raises
    ------
    RequestError, ConfigurationError
        If one of them cannot be used.
    """
    for name, value, options in (
        ("interpolation", interpolation, ("nearest", "bilinear", "bicubic")),
        ("fill", fill, ("zeros", "edge")),
    ):
        if value not in options:
            raise RequestError(one_of(f"Translation: {name}", value, options))
    if finite_number("Translation: jitter", jitter) < 0:
        raise ConfigurationError(f"Translation: jitter is {jitter!r}. Expected pixels, at least 0.")


def check_layout(layer: str, layout: Any) -> None:
    """Refuse every layout but the one that layers have.

    Raises
    ------
    RequestError
        If it is not ``"channel"``.
    """
    if layout != "channel":
        raise RequestError(
            f'{layer}: layout is {one_line(repr(layout), 60)}. Expected "channel", (B, N, N, C): '
            "layers know no other."
        )


def object_shape(layer: str, shape: Any) -> tuple[int, int]:
    """Return the height and width of an object.

    Raises
    ------
    RequestError
        If they are no two whole numbers above zero.
    """
    try:
        height, width = map(operator.index, shape)
    except (TypeError, ValueError):
        height = width = 0
    if min(height, width) < 1:
        raise RequestError(
            f"{layer}: shape is {one_line(repr(shape), 60)}. Expected the height and width of an "
            "object, (H, W)."
        )
    return height, width


def checked_weights(weights: Any) -> np.ndarray[Any, Any] | None:
    """Return weights (N, N) of the samples of a patch as float64, or None for none.

    Only their ratios count: they are divided by a power of two, so that the largest is below 1 and
    at least 1/2, and single precision holds what double did.

    Raises
    ------
    ConfigurationError
        If they have another shape, or are not finite or below zero.
    """
    if weights is None:
        return None
    array = _as_array("ReassemblePatches: weights", weights)
    square = array.ndim == 2 and array.size > 0 and array.shape[0] == array.shape[1]
    if array.dtype.kind not in "biuf" or not square:
        raise ConfigurationError(
            f"ReassemblePatches: weights are {array.dtype} of shape {array.shape}. Expected real "
            "numbers of shape (N, N)."
        )
    if not (np.isfinite(array) & (array >= 0)).all():
        raise ConfigurationError(
            "ReassemblePatches: weights hold NaN, infinity or numbers below zero. Expected finite "
            "numbers, at least 0."
        )
    array = array.astype(np.float64)
    exponent = np.frexp(array.max())[1]
    return np.asarray(np.ldexp(array, -exponent))


def written(array: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Write an array as JSON can hold it, in every bit."""
    little = array.astype(array.dtype.newbyteorder("<"))
    text = base64.b64encode(little.tobytes()).decode("ascii")
    return {"dtype": array.dtype.name, "shape": list(array.shape), "base64": text}


def read(value: Any) -> Any:
    """Read what `written` wrote; anything else passes through."""
    if not isinstance(value, dict):
        return value
    dtype = np.dtype(value["dtype"]).newbyteorder("<")
    return np.frombuffer(base64.b64decode(value["base64"]), dtype).reshape(value["shape"])
