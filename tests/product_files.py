"""Reconstructions as ptychodus wrote them, by version: made by h5py and NumPy alone."""

import h5py
import numpy as np

PIXEL_Y, PIXEL_X, CENTER_Y, CENTER_X = 4e-9, 5e-9, 3e-6, -2e-6
COUNT, SIZE = 6, 8
RNG = np.random.default_rng(5)
OBJECT = (RNG.normal(size=(30, 41)) + 1j * RNG.normal(size=(30, 41))).astype(np.complex64)
PROBE = (RNG.normal(size=(2, 3, SIZE, SIZE)) + 1j).astype(np.complex64)
#: First row and column of the window of each position, in pixels: the same for every version.
STARTS = RNG.uniform(-2, 25, (COUNT, 2))
INDEXES = np.array([3, 1, 0, 2, 9, 4])


def metres(starts=STARTS, shape=OBJECT.shape, size=SIZE):
    """Columns (y, x): the window of a position begins (L - N) / 2 pixels from the middle."""
    offsets = starts - (np.array(shape) - size) / 2
    return offsets * [PIXEL_Y, PIXEL_X] + [CENTER_Y, CENTER_X]


def product(version):
    """Root attributes, datasets, and attributes of probe and object."""
    yx = metres()
    root = {"name": "a name", "comments": "said", "detector_object_distance_m": 1.5}
    arrays = {
        "probe_position_indexes": INDEXES, "probe_position_y_m": yx[:, 0],
        "probe_position_x_m": yx[:, 1], "probe": PROBE, "object": OBJECT[None],
        "object_layer_spacing_m": np.empty(0), "loss_values": np.array([2.0, 1.0]),
    }  # fmt: skip
    probe = {"pixel_width_m": PIXEL_X, "pixel_height_m": PIXEL_Y}
    held = {**probe, "center_x_m": CENTER_X, "center_y_m": CENTER_Y}
    weights = np.full((COUNT, 2), 0.5)
    if version == "1.1":
        root |= {"probe_energy_eV": 8000.0, "probe_photons_per_s": 1e6, "exposure_time_s": 0.1}
        del arrays["object_layer_spacing_m"], arrays["loss_values"]
        arrays |= {"object_layer_distance_m": np.array([np.inf]), "costs": np.empty(0)}
        probe = {"pixel_width_m": 0.0, "pixel_height_m": 0.0}
    elif version == "1.2":
        root |= {"probe_energy_eV": 8000.0, "exposure_time_s": 0.1, "probe_photon_count": 1e6}
        probe["opr_weights"] = weights
    elif version == "1.4.2":
        root |= {"probe_energy_eV": 8000.0, "exposure_time_s": 0.1, "probe_photon_count": 1e6}
        arrays |= {"opr_weights": weights, "loss_epochs": np.array([0, 5])}
    else:
        root |= {"photon_energy_eV": 8000.0, "far_field": True, "tilt_angle_deg": 12.0}
        arrays |= {"opr_weights": weights, "probe_photon_counts": np.full(COUNT, 9.0)}
    return root, arrays, probe, held


VERSIONS = ("1.1", "1.2", "1.4.2", "1.7.0")


def write_product(path, version):
    root, arrays, probe, held = product(version)
    if path.suffix == ".npz":
        prefixed = {f"object_{k}": v for k, v in held.items()}
        prefixed |= {k if k == "opr_weights" else f"probe_{k}": v for k, v in probe.items()}
        np.savez(path, **root, **arrays, **prefixed)
        return path
    with h5py.File(path, "w") as file:
        file.attrs.update(root)
        for key, values in arrays.items():
            file[key] = values
        file["probe"].attrs.update(probe)
        file["object"].attrs.update(held)
    return path
