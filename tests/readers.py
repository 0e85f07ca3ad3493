"""What the reader of a document has: files, and the data of a legacy program."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import write_scan

ROOT = Path(__file__).parents[1]
#: Folders of the site that are made for each build.
MADE = [ROOT / "docs" / name for name in ("project", "examples")]
MADE += [ROOT / "docs" / "reference" / name for name in ("api", "configuration", "commands")]
#: The pages of the site that someone wrote.
PAGES = sorted(p for p in (ROOT / "docs").rglob("*.md") if not {*MADE} & {*p.parents})

OLD_CODE = """from ptycho.raw_data import get_image_patches
from ptycho.tf_helper import translate


def moved(images, offsets):
    return translate(images, offsets)
"""


def write_legacy_scan(path):
    """Write what a user of PtychoPINN has."""
    rng = np.random.default_rng(0)
    image = np.exp(1j * rng.normal(size=(160, 160))).astype(np.complex64)
    np.savez(
        path, objectGuess=image, probeGuess=np.ones((64, 64), np.complex64),
        xcoords=rng.uniform(40, 120, 20), ycoords=rng.uniform(40, 120, 20),
        diff3d=np.ones((20, 64, 64), np.float32),
    )  # fmt: skip


def write_frames(path):
    """Write a few frames of a detector, and where they were taken."""
    rng = np.random.default_rng(0)
    frames = Patterns.of(rng.poisson(5, (3, 256, 256)).astype(np.uint16), "intensity")
    scan = Scan(
        None, rng.uniform(140, 160, (3, 2)), "some", None, frames,
        pixel_size=(1e-8, 1e-8), detector_pixel_size=(7.5e-5, 7.5e-5), energy=8000.0, distance=2.0,
    )  # fmt: skip
    write_scan(path, scan)


#: The files, by name.
GIVEN = {
    "scan.npz": write_legacy_scan,
    "scan.cxi": write_frames,
    "old.yaml": lambda path: path.write_text(
        "N: 64\ngridsize: 1\nuse_batched_patch_extraction: true\n"
    ),
    "old.py": lambda path: path.write_text(OLD_CODE),
}


def give_files(text, folder):
    """Write the files that a page speaks of into a folder, but those that it makes itself."""
    for name, write in GIVEN.items():
        made = re.search(rf"(simulate|savez\(|write_scan\()\s*\"?{re.escape(name)}", text)
        if (name in text or "ptycho-migrate" in text) and not made:
            write(folder / name)


def legacy_names():
    """Return what the guide pages of the migration take for given."""
    rng = np.random.default_rng(0)
    image = (rng.normal(size=(64, 64)) + 1j * rng.normal(size=(64, 64))).astype(np.complex64)
    xcoords, ycoords = rng.uniform(16, 48, (2, 30))
    raw_data = SimpleNamespace(
        xcoords=xcoords, ycoords=ycoords, diff3d=np.ones((30, 16, 16)), objectGuess=image
    )
    coords_nn = rng.uniform(16, 48, (3, 1, 2, 4))
    return {"image": image, "coords_nn": coords_nn, "raw_data": raw_data}
