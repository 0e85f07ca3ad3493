"""Pictures of files: whatever their samples are, bright is bright, and upright."""

import numpy as np
import pytest
from events import logged
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from ptycho_engine.data.simulation.drawings import read_drawing

LEVELS = np.linspace(0, 1, 6 * 5).reshape(6, 5)


def drawn(path):
    """What is read, and what was warned of."""
    with logged() as events:
        drawing = read_drawing(path)
    return drawing, [event["reason"].removeprefix(f"{path}: ") for event in events]


def write_tiff(path, samples, white_is_zero=False, signed=False):
    """Write a TIFF file by hand: Pillow writes neither of these kinds."""
    data, (height, width) = samples.tobytes(), samples.shape
    tags = ImageFileDirectory_v2()
    tags[256], tags[257], tags[258] = width, height, samples.itemsize * 8
    tags[259], tags[262], tags[339] = 1, 0 if white_is_zero else 1, 2 if signed else 1
    tags[277], tags[278], tags[279], tags[273] = 1, height, len(data), 0
    path.write_bytes(b"II*\0\x08\0\0\0" + tags.tobytes(8) + data)  # which samples follow


@pytest.mark.parametrize(
    ("dtype", "most", "how"),
    [
        ("<u4", 4e9, {}),
        ("<i4", 2e9, {"signed": True}),
        ("<u2", 6e4, {"white_is_zero": True}),
        ("u1", 255, {"white_is_zero": True}),
    ],
)
def test_samples_are_what_their_tags_say(tmp_path, dtype, most, how):
    levels = 1 - LEVELS if "white_is_zero" in how else LEVELS
    write_tiff(tmp_path / "one.tif", np.round(levels * most).astype(dtype), **how)
    drawing, warned = drawn(tmp_path / "one.tif")
    np.testing.assert_allclose(drawing, LEVELS, atol=1 / most)
    assert warned == []


def test_a_picture_stands_upright(tmp_path):
    picture = Image.fromarray(np.round(LEVELS * 255).astype(np.uint8))
    told = Image.Exif()
    told[0x0112] = 6  # to be turned by a quarter, clockwise
    picture.save(tmp_path / "one.png", exif=told)
    drawing, _ = drawn(tmp_path / "one.png")
    np.testing.assert_allclose(drawing, np.rot90(LEVELS, -1), atol=1 / 255)


def test_what_is_ignored_is_told(tmp_path):
    levels = np.round(LEVELS * 255).astype(np.uint8)
    one, path = Image.fromarray(levels), tmp_path / "some.tif"
    one.save(path, save_all=True, append_images=[one, one])
    assert drawn(path)[1] == ["holds 3 pictures. The first of them is the object."]
    for alpha, warnings in ((255, 0), (254, 1)):
        pixels = np.stack([levels, np.full_like(levels, alpha)], axis=-1)
        Image.fromarray(pixels).save(tmp_path / "clear.png")
        drawing, warned = drawn(tmp_path / "clear.png")
        np.testing.assert_allclose(drawing, LEVELS, atol=1 / 255)
        assert ["has transparent pixels" in text for text in warned] == [True] * warnings
