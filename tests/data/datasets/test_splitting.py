"""Train and test share no pixel of the object: asked of the patches themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_engine import Engine
from ptycho_engine.app.jobs.train import run
from ptycho_engine.app.jobs.training_job import TrainingJob
from ptycho_engine.data.datasets.datasets import PatchDataset
from ptycho_engine.data.datasets.splitting import Region
from ptycho_engine.data.grouping.group_settings import GroupSettings
from ptycho_engine.errors import RequestError
from ptycho_engine.geometry.cut import FILLS, INTERPOLATIONS
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import ScanSource, write_scan

SHAPE = (9, 10)
ENGINE = Engine("numba")
#: Of each pixel an object in which it alone is not zero, (90, 9, 10).
IMPULSES = np.eye(90, dtype=np.float32).reshape(90, *SHAPE)


def pixels_of(positions, size, interpolation, fill):
    """Which pixels each patch is made of: (P, 90)."""
    patches = ENGINE.extract(IMPULSES, positions, size, interpolation=interpolation, fill=fill)
    return np.moveaxis(patches != 0, 0, 1).any(axis=(2, 3))


kernels = sorted(ENGINE.capabilities.interpolations & set(INTERPOLATIONS) - {"fourier"})
whole = st.sampled_from([0.0, 0.5, 0.25])
coordinates = st.builds(lambda a, b: a + b, st.integers(-12, 20), whole)


@settings(max_examples=25)
@given(
    st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=12),
    st.integers(1, 4),
    st.sampled_from(kernels),
    st.sampled_from([fill for fill in FILLS if fill != "error"]),
    st.one_of(
        st.tuples(st.floats(0.1, 0.9), st.sampled_from("yx")),
        st.builds(lambda a, b, h, w: (Region(a, b, a + h, b + w), "y"),
                  *(st.integers(-3, 8),) * 2, *(st.integers(1, 9),) * 2),
    ),
)  # fmt: skip
def test_no_pixel_is_in_train_and_test(positions, size, interpolation, fill, test):
    scan = Scan(IMPULSES[0], np.array(positions), "impulses")
    how = {"interpolation": interpolation, "fill": fill, "fields": ["patches", "index"]}
    dataset = PatchDataset(scan, size, **how, engine=ENGINE)
    split = dataset.split(*test)
    assert len(split.train) + len(split.test) + split.dropped == len(dataset)
    train, held = (part[:]["index"] for part in (split.train, split.test))
    used = pixels_of(positions, size, interpolation, fill)
    assert not (used[train].any(axis=0) & used[held].any(axis=0)).any()
    region = split.regions[0]
    rows, columns = np.indices(SHAPE)
    inside = (rows >= region.top) & (rows < region.bottom)
    inside &= (columns >= region.left) & (columns < region.right)
    assert inside.reshape(-1)[used[held].any(axis=0)].all()


def test_of_a_raster_as_few_are_dropped_as_overlap():
    """Windows of 4 at each row: 3 rows of positions reach across an edge."""
    rows = np.arange(20, 60, dtype=float)
    scan = Scan(np.ones((80, 80), np.float32), np.stack([rows, rows], 1), "line")
    split = PatchDataset(scan, 4, interpolation="nearest", engine=ENGINE).split(0.25)
    assert (len(split.train), len(split.test), split.dropped) == (28, 9, 3)
    assert (split.train[:]["positions"][:, 0] < split.test[:]["positions"][:, 0].min()).all()


@pytest.mark.parametrize(
    ("fields", "probe", "wide"),
    [(["patterns"], None, 6), (["patterns"], np.ones((4, 4)), 4), (["patches"], None, 2)],
)
def test_patterns_show_all_that_the_probe_does(fields, probe, wide):
    """Where items hold patterns of 6 x 6, windows of the probe count beside patches of 2."""
    rows = np.arange(20, 60, dtype=float)
    patterns = Patterns.of(np.ones((40, 6, 6), np.float32), "intensity")
    where = np.stack([rows, rows], 1)
    scan = Scan(np.ones((80, 80), np.float32), where, "line", probe, patterns)
    split = PatchDataset(
        scan, 2, fields=[*fields, "index"], interpolation="nearest", engine=ENGINE
    ).split(0.25)
    train, held = (rows[part[:]["index"]] for part in (split.train, split.test))
    shown = [{row + i for row in some for i in range(-wide // 2, wide // 2)}
             for some in (train, held)]  # fmt: skip
    assert not shown[0] & shown[1]
    assert split.dropped == wide - 1


def test_groups_count_with_all_their_members():
    positions = np.array([[10.0, 10], [10, 14], [40, 10], [40, 14]])
    scan = Scan(np.ones((60, 60), np.float32), positions, "four")
    groups = np.array([[0, 1], [2, 3], [1, 2]])
    split = PatchDataset(scan, 4, groups=groups, engine=ENGINE).split(Region(top=25))
    assert (len(split.train), len(split.test), split.dropped) == (1, 1, 1)
    assert split.test[0]["positions"].tolist() == [[40, 10], [40, 14]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Region(3, 0, 3, 5), "rows 3 to 3"),
        (lambda: Region.of_share(np.zeros((3, 2)), 1.0), "received 1.0 along 'y'"),
        (lambda: Region.of_share(np.zeros((3, 2)), 0.5, "z"), "along 'z'"),
    ],
)
def test_what_is_no_region_is_refused(make, message):
    with pytest.raises(RequestError, match=message):
        make()


@pytest.mark.parametrize("mirrored", [True, False])
def test_mirrored_members_are_held_apart_by_what_their_patches_show(tmp_path, mirrored):
    """Each pixel has its own number, so that patches tell what they are made of."""
    side = 120
    image = np.arange(side**2, dtype=np.float32).reshape(side, side)
    at = np.arange(20, 100, 8.0)
    positions = np.stack(np.meshgrid(at, at, indexing="ij"), axis=-1).reshape(-1, 2)
    write_scan(tmp_path / "s.h5", Scan(image, positions, "numbers"))
    groups = GroupSettings(4, count=200, strategy="random_of_k", neighbours=12, oversampling=True)
    source, output = ScanSource("file", tmp_path / "s.h5"), tmp_path / "t.zarr"
    quiet = {"plugin": "numba", "picture": False, "report": False}
    run(TrainingJob(source, groups, output, patch_size=8, mirrored=mirrored, **quiet))
    split = PatchDataset(output, fields=["patches"]).split(Region(top=60.0))
    train, test = (np.unique(part[:]["patches"]) for part in (split.train, split.test))
    assert len(train)
    assert len(test)
    assert train.max() < 60 * side <= test.min()
