"""Files as beamlines and their programs write them, apart from the writers of the engine."""

import h5py
import numpy as np

#: What a file of each kind holds.
COUNT, SIZE = 6, 8
#: Joules of an electronvolt; Planck's constant times the speed of light, in joules times metres.
JOULES, PLANCK_LIGHT = 1.602176634e-19, 1.986445857e-25


def stack(count=COUNT, height=SIZE, width=SIZE, dtype="i4"):
    """Patterns of which each sample tells where it lies."""
    return np.arange(count * height * width).reshape(count, height, width).astype(dtype)


def metres(count=COUNT):
    """Positions (y, x) in metres, irregular."""
    return np.random.default_rng(1).uniform(1e-6, 4e-6, (count, 2))


def save(path, content, **attributes):
    """Write arrays by their names; a value of None leaves one out; (value, attributes) is both."""
    with h5py.File(path, "w") as file:
        file.attrs.update(attributes)
        for name, value in content.items():
            if value is None:
                continue
            value, more = value if isinstance(value, tuple) else (value, {})
            if isinstance(value, h5py.SoftLink | h5py.ExternalLink):
                file[name] = value
            elif isinstance(value, dict):
                file.require_group(name).attrs.update(value)
            else:
                file.create_dataset(name, data=value).attrs.update(more)
    return path


def cxi(path, **changes):
    """CXI as cdtools writes it: version 160, no vectors; the sample moves."""
    yx = metres()
    detector, source = "entry_1/instrument_1/detector_1", "entry_1/instrument_1/source_1"
    content = {
        "cxi_version": 160,
        "number_of_entries": 1,
        f"{detector}/data": stack(),
        f"{detector}/distance": 1.5,
        f"{detector}/x_pixel_size": 50e-6,
        f"{detector}/y_pixel_size": 75e-6,
        f"{detector}/mask": np.eye(SIZE, dtype="u4"),
        f"{source}/energy": 8000 * JOULES,
        "entry_1/sample_1/geometry_1/translation": np.column_stack([yx[:, ::-1], np.zeros(COUNT)]),
    }
    return save(path, content | changes)


def nexus_cxi(path, **changes):
    """NXcxi_ptycho: a raster of 2 x 3 points, and a machine whose energy is told too."""
    yx = metres().reshape(2, 3, 2)
    detector, source = "entry_1/instrument_1/detector_1", "entry_1/instrument_1/source_1"
    xyz = np.concatenate([yx[..., ::-1], np.zeros((2, 3, 1))], axis=-1)
    content = {
        "entry_1": {"NX_class": "NXentry"},
        "entry_1/definition": "NXcxi_ptycho",
        f"{detector}/data": stack().reshape(2, 3, SIZE, SIZE),
        f"{detector}/translation": (xyz * 1e3, {"units": "mm"}),
        f"{detector}/distance": (1500.0, {"units": "mm"}),
        f"{detector}/x_pixel_size": (50.0, {"units": "um"}),
        f"{detector}/y_pixel_size": (75.0, {"units": "um"}),
        f"{source}/energy": (3.0e9, {"units": "eV"}),
        "entry_1/instrument_1/beam_1/incident_beam_energy": (8.0, {"units": "keV"}),
    }
    return save(path, content | changes)


def detector_master(folder, counts=(4, 2), **changes):
    """Write a master of a DECTRIS detector, and a file of data beside it for each of `counts`."""
    detector, frames = "entry/instrument/detector", stack(sum(counts), dtype="u2")
    content = {
        "entry/definition": "NXmx",
        f"{detector}/x_pixel_size": (75e-6, {"units": "m"}),
        f"{detector}/y_pixel_size": (75e-6, {"units": "m"}),
        f"{detector}/detector_distance": (2.0, {"units": "m"}),
        f"{detector}/saturation_value": 1000,
        f"{detector}/detectorSpecific/photon_energy": (8000.0, {"units": "eV"}),
        f"{detector}/detectorSpecific/nimages": np.uint64(1),
        f"{detector}/detectorSpecific/ntrigger": np.uint64(sum(counts)),
        f"{detector}/detectorSpecific/pixel_mask": np.eye(SIZE, dtype="u4"),
    }
    at = 0
    for number, count in enumerate(counts, start=1):
        name = f"scan_data_{number:06d}.h5"
        low = {"image_nr_low": np.uint64(at + 1)}
        save(folder / name, {"entry/data/data": (frames[at : at + count], low)})
        content[f"entry/data/data_{number:06d}"] = h5py.ExternalLink(name, "/entry/data/data")
        at += count
    return save(folder / "scan_master.h5", content | changes)


def ptypy_nodes(tree, name=""):
    """Nodes as ptypy stores Python: arrays, numbers, texts, None, dictionaries, tuples."""
    if isinstance(tree, dict):
        found = {name: {"type": "dict"}} if name else {}
        for key, value in tree.items():
            found |= ptypy_nodes(value, f"{name}/{key}".strip("/"))
        return found
    if isinstance(tree, tuple):
        parts = {f"{number:05d}": value for number, value in enumerate(tree)}
        return ptypy_nodes(parts, name) | {name: {"type": "tuple"}}
    if isinstance(tree, h5py.ExternalLink):
        return {name: tree}
    if tree is None:
        return {name: (np.zeros(1), {"type": "None"})}
    kind = "string" if isinstance(tree, str) else "scalar" if np.ndim(tree) == 0 else "array"
    return {name: (tree, {"type": kind})}


def ptypy_file(path, tree):
    """Write a tree as ptypy does."""
    return save(path, ptypy_nodes(tree), h5rw_version="0.1", ctime="now", mtime="now")


def ptypy_chunk(start, stop, **changes):
    """Return a chunk of prepared data."""
    weights = np.ones((stop - start, SIZE, SIZE))
    weights[:, 2, 3] = 0
    chunk = {"data": stack()[start:stop], "positions": metres()[start:stop], "weights": weights}
    return chunk | {"indices": np.arange(start, stop)} | changes


def ptyd(path, chunks=None, **meta):
    """Prepared data in two chunks; 8 keV, 1.5 m, square pixels."""
    known = {"version": "0.1", "num_frames": COUNT, "label": None, "shape": (SIZE, SIZE),
             "psize": 75e-6, "energy": 8.0, "center": (4.0, 4.0), "distance": 1.5,
             "propagation": "farfield"}  # fmt: skip
    chunks = {"0": ptypy_chunk(0, 4), "1": ptypy_chunk(4, 6)} if chunks is None else chunks
    return ptypy_file(path, {"chunks": chunks, "info": {}, "meta": known | meta})


def ptyr(path, **changes):
    """Write a reconstruction: an object of one layer, a probe of two, and six views."""
    rng = np.random.default_rng(2)
    storage = {
        "data": (rng.random((1, 20, 24)) + 1j).astype("c8"), "_psize": np.array([2e-8, 4e-8]),
        "_origin": np.array([-2e-7, -4e-7]), "_center": np.array([10, 10]), "_energy": 8.0,
        "shape": (1, 20, 24), "fill_value": 0j, "nlayers": 1,
    }  # fmt: skip
    probe = storage | {"data": (rng.random((2, SIZE, SIZE)) + 1j).astype("c16")}
    yx = rng.uniform(-1e-7, 1e-7, (COUNT, 2))
    tree = {
        "header": {"kind": "minimal"},
        "content": {
            "obj": {"SMFG00": storage}, "probe": {"SMFG00": probe}, "positions": {"SMFG00": yx},
        },
    }  # fmt: skip
    for place, value in changes.items():
        inner = tree
        *parts, last = place.split("/")
        for part in parts:
            inner = inner.setdefault(part, {})
        inner[last] = value
        if value is ...:
            del inner[last]
    return ptypy_file(path, tree)


def ptychodus_cxi(path, **changes):
    """Write a reconstruction as ptychodus does since 1.7: the first image is the probe."""
    rng = np.random.default_rng(4)
    entry, theirs = "entry_1", "entry_1/ptychodus"
    yx = metres()
    content = {
        "cxi_version": 160,
        f"{entry}/sample_1/geometry_1/translation": np.column_stack([yx[:, ::-1], np.zeros(COUNT)]),
        f"{entry}/data_1/translation": h5py.SoftLink(f"/{entry}/sample_1/geometry_1/translation"),
        f"{entry}/instrument_1/source_1/energy": 8000 * JOULES,
        f"{entry}/instrument_1/detector_1/distance": 1.5,
        f"{entry}/image_1/data": (rng.random((1, 2, SIZE, SIZE)) + 1j).astype("c8"),
        f"{entry}/image_2/data": ((rng.random((2, 20, 24)) + 1j), {"axes": "layer:y:x"}),
        f"{entry}/instrument_1/source_1/illumination": h5py.SoftLink(f"/{entry}/image_1/data"),
        f"{theirs}/object_pixel_height_m": 2e-8,
        f"{theirs}/object_pixel_width_m": 4e-8,
        f"{theirs}/object_center_y_m": -1e-7,
        f"{theirs}/object_center_x_m": 3e-7,
        f"{theirs}/object_layer_spacing_m": np.array([1e-6]),
    }
    return save(path, content | changes)
