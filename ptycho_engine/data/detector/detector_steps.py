"""Steps from the frames of a detector to patterns of N x N samples, each from scan to scan.

Patterns stay in their file: a step is applied when they are read. The mask, the other frames of
the detector (metadata ``dark`` and ``qe``), the sizes of pixels and the positions follow, and every
step is written down, in its order, under the assumption ``steps``, which outputs keep.

In the far field an object pixel is ``wavelength * distance / (detector pixel * pixels)``: frames
that are cut to fewer pixels make it larger, binning leaves it. In the near field it is the
detector's pixel. Which of the two holds is the assumption ``propagation`` of the scan; far, if it
has none.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import RequestError, one_of
from ...io.scan import Scan
from .detector_frames import Fill, bin_dtype, binned, filled, oriented, window, without_dark
from .detector_search import find_centre, patterns_of
from .following import (
    frames_follow,
    measured,
    moved,
    noted,
    of_intensity,
    pixel_sides,
    resized,
)

Array = NDArray[Any]


def crop(
    scan: Scan,
    size: int | tuple[int, int],
    centre: tuple[float, float] | None = None,
    *,
    factor: int = 1,
) -> Scan:
    """Cut frames about the centre of the beam, which becomes their sample ``size // 2``.

    Or, for squares of pixels that are summed later, the middle of the square ``N // 2`` of them:
    a beam on sample ``size // 2`` would lie on its first pixel.

    Parameters
    ----------
    scan : Scan
        A measured scan, without object and probe.
    size : int or (int, int)
        Height and width of what is cut. What lies outside of the frames is zero, and bad.
    centre : (float, float), optional
        (y, x) in pixels of the detector, rounded to the nearest; found in the patterns by default.
        The middle of an even square lies between two pixels, and the centre is rounded to such a
        place then; one on a pixel to the place before it.
    factor : int
        Pixels of a side of the squares that `bin_pixels` is to sum; it divides the size.

    Raises
    ------
    RequestError
        If the size is not above zero or no multiple of `factor`, the centre not within the frames,
        or the scan not as above.
    """
    stack = measured(scan, "crop")
    height, width = shape = _size(size)
    factor = _factor(factor, shape)
    said = "given"
    if centre is None:
        centre, said = find_centre(scan), "found"
    if not np.isfinite(centre).all() or np.shape(centre) != (2,):
        raise RequestError(f"centre: received {centre!r}. Expected finite pixels, (y, x).")
    if not all(-0.5 <= value < side for value, side in zip(centre, stack.shape[1:], strict=True)):
        raise RequestError(
            f"centre: received {tuple(map(float, centre))}, which lies outside of frames of "
            f"{' x '.join(map(str, stack.shape[1:]))} pixels. Expected (y, x), row before column."
        )
    middle = [_rounded(float(value), factor) for value in centre]
    first_y, first_x = (
        int(value - side // factor // 2 * factor - (factor - 1) / 2)
        for value, side in zip(middle, shape, strict=True)
    )
    start = (first_y, first_x)
    good = np.ones(stack.shape[1:], bool) if scan.mask is None else scan.mask
    mask = window(good[None], start, shape)[0]
    ratio = np.ones(2) if scan.is_near else np.divide(stack.shape[1:], shape)
    change = partial(window, start=start, shape=shape)
    cut, metadata = stack.mapped(change, shape, stack.dtype), frames_follow(scan, change)
    text = f"crop to {height} x {width} about the {said} centre {middle[0]:.9g}, {middle[1]:.9g}"
    mask = None if mask.all() else mask
    return resized(scan, ratio, text, patterns=cut, mask=mask, metadata=metadata)


def pad(scan: Scan, size: int | tuple[int, int]) -> Scan:
    """Put zeros, which are bad, around frames, whose sample ``N // 2`` stays the middle.

    Parameters
    ----------
    scan : Scan
        A measured scan, without object and probe.
    size : int or (int, int)
        Height and width of what they become, not below those that they have.

    Raises
    ------
    RequestError
        If the size is smaller, or the scan not as above.
    """
    height, width = measured(scan, "pad").shape[1:]
    shape = _size(size)
    if shape[0] < height or shape[1] < width:
        raise RequestError(
            f"pad: received {shape} for frames of {height} x {width}. Expected not less. Call crop."
        )
    return crop(scan, shape, (height // 2, width // 2))


def bin_pixels(scan: Scan, factor: int) -> Scan:
    """Sum counts over squares of pixels; a square is good if all its pixels are.

    Sample ``N // 2`` of the frames need not be the middle of a square: crop them for the same
    `factor` about the centre of the beam before.

    Parameters
    ----------
    scan : Scan
        A measured scan of intensities, without object and probe.
    factor : int
        Pixels of a side of the square; it divides height and width of the frames.

    Raises
    ------
    RequestError
        If it does not, or the scan is not as above.
    """
    stack = of_intensity(scan, "bin")
    height, width = stack.shape[1:]
    measured(scan, "bin")
    factor = _factor(factor, (height, width))
    frame, dtype = (height // factor, width // factor), bin_dtype(stack.dtype, factor)
    mask = None
    if scan.mask is not None:
        mask = scan.mask.reshape(frame[0], factor, frame[1], factor).all(axis=(1, 3))
    pixel = scan.detector_pixel_size
    change = partial(binned, factor=factor)
    return resized(
        scan,
        np.full(2, float(factor)) if scan.is_near else np.ones(2),
        f"bin {factor} x {factor}",
        patterns=stack.mapped(change, frame, dtype),
        mask=mask,
        metadata=frames_follow(scan, change, lambda frames: change(frames) / factor**2),
        detector_pixel_size=pixel and (pixel[0] * factor, pixel[1] * factor),
    )


def orient(
    scan: Scan,
    *,
    flip_y: bool = False,
    flip_x: bool = False,
    transpose: bool = False,
    positions_follow: bool = True,
) -> Scan:
    """Mirror frames, and exchange their rows and columns after that.

    Frames of an even number of pixels have their sample ``N // 2`` beside the middle: orient them
    before they are cropped about the centre of the beam.

    Parameters
    ----------
    scan : Scan
        A measured scan, without object and probe.
    flip_y, flip_x, transpose : bool
        Which of the three.
    positions_follow : bool
        Whether positions are mirrored and exchanged alike, so that the scan stays what it was but
        is seen from another side; without, only the detector was mounted so. They stay where they
        are in metres then: those in object pixels are counted in the new ones where rows and
        columns are exchanged. Pixels of a detector that nobody has measured count as square.

    Raises
    ------
    RequestError
        If the scan is not as above.
    """
    stack = measured(scan, "orient")
    height, width = stack.shape[1:]
    change = partial(oriented, flip_y=flip_y, flip_x=flip_x, transpose=transpose)
    frame = (width, height) if transpose else (height, width)
    names = (("flip y", flip_y), ("flip x", flip_x), ("transpose", transpose))
    said = ", ".join(name for name, chosen in names if chosen) or "leave orientation"
    changes: dict[str, Any] = {
        "patterns": stack.mapped(change, frame, stack.dtype),
        "mask": None if scan.mask is None else np.ascontiguousarray(change(scan.mask[None])[0]),
        "metadata": frames_follow(scan, change),
    }
    if transpose:
        changes["detector_pixel_size"] = scan.detector_pixel_size and scan.detector_pixel_size[::-1]
        changes["pixel_size"] = scan.pixel_size and scan.pixel_size[::-1]
    if positions_follow:
        signs = np.array([-1.0 if flip_y else 1.0, -1.0 if flip_x else 1.0])
        order = [1, 0] if transpose else [0, 1]
        changes |= moved(scan, lambda p: np.ascontiguousarray((p * signs)[:, order]))
    elif transpose and scan.units == "px":
        sides = pixel_sides(scan)
        changes |= moved(scan, lambda p: p * (sides / sides[::-1]))
    return noted(scan, f"{said}, positions {'follow' if positions_follow else 'stay'}", **changes)


def subtract_dark(scan: Scan, dark: ArrayLike | None = None) -> Scan:
    """Subtract what the detector shows without a beam; what would be negative becomes zero.

    Parameters
    ----------
    scan : Scan
        A scan of intensities.
    dark : array_like, shape (H, W) or (count, H, W), optional
        A frame, or several of which the mean is taken; the scan's metadata ``dark`` by default.

    Raises
    ------
    RequestError
        If there is none, or it has another shape; or if the scan is not as above.
    """
    stack = of_intensity(scan, "dark")
    found = scan.metadata.get("dark") if dark is None else dark
    frame: Array = np.asarray(found if found is not None else [])
    if frame.ndim == 3 and len(frame):
        frame = frame.mean(axis=0, dtype=np.float64).astype(np.float32)
    if frame.shape != stack.shape[1:] or frame.dtype.kind not in "iuf":
        raise RequestError(
            f"dark: received {'none' if found is None else f'shape {np.shape(found)}'} for frames "
            f"of {stack.shape[1:]}. Expected a real frame of their shape. Give one, or leave it."
        )
    dtype = np.result_type(stack.dtype, frame.dtype, np.float32)
    clean = stack.mapped(partial(without_dark, dark=frame), stack.shape[1:], dtype)
    rest = {name: value for name, value in scan.metadata.items() if name != "dark"}
    return noted(scan, "subtract dark frame", patterns=clean, metadata=rest)


def mask_pixels(scan: Scan, bad: ArrayLike, fill: Fill = "zero", *, others: bool = True) -> Scan:
    """Declare pixels bad, besides those that are, and give bad ones another value.

    Parameters
    ----------
    scan : Scan
        Of intensities or amplitudes.
    bad : array_like of bool, shape (H, W)
        True is bad: `find_hot` returns such an array.
    fill : {"zero", "neighbours"}
        What bad pixels become: zero, or the mean of the good ones among their eight neighbours.
    others : bool
        Whether pixels that are bad already get another value too, or stay what they are.

    Raises
    ------
    RequestError
        If the array or the fill is not as above.
    """
    stack, pixels = patterns_of(scan), np.asarray(bad)
    if pixels.shape != stack.shape[1:] or pixels.dtype.kind != "b":
        raise RequestError(
            f"bad: received shape {pixels.shape}, dtype {pixels.dtype}. Expected booleans of shape "
            f"{stack.shape[1:]}, True for a bad pixel. Compare a mask with what it says is bad."
        )
    if fill not in ("zero", "neighbours"):
        raise RequestError(one_of("fill", fill, ("zero", "neighbours")))
    good = ~pixels if scan.mask is None else scan.mask & ~pixels
    chosen = ~good if others else pixels
    change = partial(filled, good=good, fill=fill, chosen=chosen)
    clean = stack.mapped(change, stack.shape[1:], stack.dtype)
    text = f"mask {np.count_nonzero(chosen)} pixels, filled with {fill}"
    text += "" if others else ", others stay"
    return noted(scan, text, patterns=clean, mask=good)


def take_amplitude(scan: Scan) -> Scan:
    """Turn intensities into amplitudes, their square roots.

    Raises
    ------
    RequestError
        If it is not known what the patterns are.
    """
    stack = patterns_of(scan)
    if stack.quantity == "amplitude":
        return scan
    return noted(scan, "take amplitude", patterns=stack.as_quantity("amplitude"))


def transform_positions(
    scan: Scan, matrix: ArrayLike, shift: ArrayLike = (0.0, 0.0), about: ArrayLike | None = None
) -> Scan:
    """Apply an affine map to the positions: ``matrix @ (p - about) + about + shift``.

    Parameters
    ----------
    scan : Scan
        With positions, of which the nominal ones are moved alike.
    matrix : array_like, shape (2, 2)
        Acts on columns (y, x).
    shift : array_like, shape (2,)
        (y, x), in the units of the positions.
    about : array_like, shape (2,), optional
        What `matrix` leaves in place; the mean of the positions by default.

    Raises
    ------
    RequestError
        If the scan has no positions, or a number is not finite or of another shape.
    """
    if scan.positions is None:
        raise RequestError(f"{scan.source}: has no positions. Expected them. Choose another scan.")
    middle = scan.positions.mean(axis=0) if about is None and len(scan.positions) else about
    pairs = {"matrix": matrix, "shift": shift, "about": (0.0, 0.0) if middle is None else middle}
    arrays = {name: np.asarray(value, np.float64) for name, value in pairs.items()}
    for name, array in arrays.items():
        shape = (2, 2) if name == "matrix" else (2,)
        if array.shape != shape or not np.isfinite(array).all():
            raise RequestError(
                f"{name}: received {array.tolist()!r}. Expected finite numbers of shape {shape}."
            )
    if np.linalg.matrix_rank(arrays["matrix"]) < 2:
        raise RequestError(
            f"matrix: received {arrays['matrix'].tolist()!r}, which puts all positions on a line. "
            "Expected one that can be inverted."
        )
    linear, offset, fixed = (arrays[name] for name in ("matrix", "shift", "about"))
    text = (
        f"positions by the matrix {linear.tolist()} about {fixed.tolist()}, then by "
        f"{offset.tolist()} {scan.units}"
    )
    return noted(scan, text, **moved(scan, lambda p: (p - fixed) @ linear.T + fixed + offset))


def _size(size: int | tuple[int, int]) -> tuple[int, int]:
    pair = size if isinstance(size, tuple) else (size, size)
    if len(pair) != 2 or not all(hasattr(n, "__index__") and 0 < n <= 10**5 for n in pair):
        raise RequestError(f"size: received {size!r}. Expected pixels above zero, one or (y, x).")
    return int(pair[0]), int(pair[1])


def _factor(factor: int, shape: tuple[int, int]) -> int:
    """Check how many pixels of a side are summed."""
    height, width = shape
    if not hasattr(factor, "__index__") or factor < 1 or height % factor or width % factor:
        raise RequestError(
            f"bin: received {factor!r} for frames of {height} x {width}. Expected an integer that "
            "divides both. Crop or pad them first."
        )
    return int(factor)


def _rounded(centre: float, factor: int) -> float:
    """Round a centre to the nearest place that is the middle of a square of pixels."""
    centre = round(centre, 6)  # a found one has rounding errors, which decide nothing
    return float(np.rint(centre)) if factor % 2 else float(np.ceil(centre)) - 0.5
