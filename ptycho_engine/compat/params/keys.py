"""The table of legacy parameters: each is mapped, or dropped with a reason; others are unknown."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from .spellings import Convert, as_is, to_bool, to_bounds, to_float, to_int, to_path, to_size

#: How alike an unknown key must be to a known one, for that to be what was meant.
ALIKE = 0.75

#: Target of the keys that together choose the plugin, see `ptycho_engine.compat.params.flags`.
SELECTION = "plugin"
#: Section of the keys that say which groups training data holds.
GROUPS = "groups."


@dataclass(frozen=True)
class LegacyKey:
    """What becomes of one legacy parameter.

    Attributes
    ----------
    name : str
        Its name, with underscores.
    target : str or None
        The key of the new configuration that it becomes, dotted; None if it is dropped.
    reason : str
        Why it is dropped; a remark if it is mapped.
    convert : callable
        Turns what a source gave into a value, see `ptycho_engine.compat.params.spellings`.
    aliases : tuple of str
        Other names that it had.
    deprecation : str or None
        Its entry in the table of deprecations.
    becomes : callable
        Turns the value into that of the target.
    """

    name: str
    target: str | None = None
    reason: str = ""
    convert: Convert = as_is
    aliases: tuple[str, ...] = ()
    deprecation: str | None = None
    becomes: Convert = as_is

    @property
    def of_groups(self) -> bool:
        """Whether it says which groups training data holds."""
        return self.target is not None and self.target.startswith(GROUPS)

    @property
    def heeded(self) -> bool:
        """Whether its value says something here: to the new configuration, or to a drop-in."""
        return self.target is not None or self.deprecation is not None


def _dropped(reason: str, names: str, convert: Convert = as_is) -> Iterable[LegacyKey]:
    return (LegacyKey(name, None, reason, convert) for name in names.split())


def _squared(side: int) -> int:
    return side * side


_TORCH = (
    "belongs to the groups of PtychoPINN's torch side, which are not repeated: choose "
    "groups.strategy=random_of_k for Nearest, quadrant for 4_quadrant, and groups.neighbours"
)
_SCALING = "belongs to the training: patterns are written as the scan has them"
_MODEL = "belongs to the model; the engine trains none"
_COMPILED = "compiles models, and the drop-ins of translation; extraction has its plugins"
_TRAINING = "belongs to the training; the engine trains none"
_PROBE = "belongs to the probe; extraction has none"
_SIMULATION = "belongs to the simulation of diffraction; of measured patterns it changes nothing"
_GRID = "belongs to the simulation of grid scans"
_COMPUTED = "computed by legacy code, never set"

KEYS: tuple[LegacyKey, ...] = (
    LegacyKey("N", "patch_size", convert=to_size),
    LegacyKey(
        "use_batched_patch_extraction",
        SELECTION,
        "chooses the plugin",
        to_bool,
        deprecation="PED021",
    ),
    LegacyKey(
        "patch_extraction_batch_size",
        SELECTION,
        "becomes plugin.chunk_size or plugin.batch_size",
        to_size,
        deprecation="PED022",
    ),
    LegacyKey("use_xla_translate", SELECTION, "chooses the plugin", to_bool, deprecation="PED023"),
    LegacyKey("use_xla_compile", None, _COMPILED, to_bool, deprecation="PED024"),
    LegacyKey(
        "train_data_file", "scan.path", "read as scan=npz", to_path, ("train_data_file_path",)
    ),
    LegacyKey(
        "test_data_file",
        None,
        "one run reads one scan: set scan.path in a run of its own",
        to_path,
        ("test_data_file_path",),
    ),
    LegacyKey(
        "output_dir",
        None,
        "was the folder of trained models: set output.path",
        to_path,
        ("output_prefix",),
    ),
    LegacyKey("gridsize", "groups.members", "squared", to_size, becomes=_squared),
    LegacyKey("n_groups", "groups.count", convert=to_int, aliases=("n_images", "n_samples")),
    LegacyKey("neighbor_count", "groups.neighbours", convert=to_int, aliases=("K",)),
    LegacyKey("enable_oversampling", "groups.oversampling", convert=to_bool),
    LegacyKey("neighbor_pool_size", "groups.pool_size", convert=to_int),
    LegacyKey("sequential_sampling", "groups.sequential", convert=to_bool),
    LegacyKey("n_subsample", "groups.subsample", convert=to_int),
    LegacyKey("subsample_seed", "groups.subsample_seed", convert=to_int),
    LegacyKey("C", "groups.members", "of PtychoPINN's torch side", to_size),
    LegacyKey("x_bounds", "groups.x_bounds", "of PtychoPINN's torch side", to_bounds),
    LegacyKey("y_bounds", "groups.y_bounds", "of PtychoPINN's torch side", to_bounds),
    *_dropped(
        _TORCH,
        "K_quadrant neighbor_function min_neighbor_distance max_neighbor_distance scan_pattern "
        "grid_size",
    ),
    *_dropped(_SCALING, "data_scaling normalize phase_subtraction"),
    *_dropped(_SIMULATION, "nphotons sim_jitter_scale", to_float),
    *_dropped("sized the FFT and training batches; chunks are sized by memory", "batch_size"),
    *_dropped("sized the padded canvas; windows beyond the object need none", "offset", to_int),
    *_dropped(
        "sized the padded canvas; windows beyond the object need none",
        "max_position_jitter",
        to_float,
    ),
    *_dropped(
        _GRID,
        "outer_offset_train outer_offset_test big_gridsize size nimgs_train nimgs_test set_phi "
        "data_source npseed",
    ),
    *_dropped(
        _MODEL,
        "model_type architecture n_filters_scale amp_activation object_big pad_object "
        "gaussian_smoothing_sigma model_path backend",
    ),
    *_dropped(
        _PROBE,
        "probe_big probe_mask probe_scale probe_trainable default_probe_scale probe_type "
        "probe_normalize",
    ),
    *_dropped(
        _TRAINING,
        "nepochs mae_weight nll_weight realspace_mae_weight realspace_weight tv_weight "
        "learning_rate positions_provided intensity_scale_trainable output_suffix label debug "
        "timestamp stitch_crop_size torch_loss_mode",
    ),
    *_dropped(_COMPUTED, "bigN bigoffset padded_size intensity_scale probe h w"),
)

_BY_NAME = {name: key for key in KEYS for name in (key.name, *key.aliases)}

#: Names that the settings of PtychoPINN's torch side alone have.
TORCH_NAMES = frozenset(
    {"C", "K_quadrant", "neighbor_function", "min_neighbor_distance", "max_neighbor_distance"}
    | {"scan_pattern", "x_bounds", "y_bounds", "data_scaling", "probe_normalize"}
    | {"phase_subtraction"}
)
#: What means something else beside these names.
_OF_TORCH = {
    "n_subsample": LegacyKey(
        "n_subsample",
        None,
        "is a factor of coordinates on PtychoPINN's torch side, no count of images: set "
        "groups.subsample to a count",
    )
}
#: What is to be said of neighbours there.
TORCH_NEIGHBOURS = (
    "{source}: of PtychoPINN's torch side, whose ways to choose neighbours are not repeated: the "
    "groups are others; groups.strategy says how they are drawn"
)


def normalise(spelling: str) -> str:
    """Return a key with underscores for dots and hyphens: ``object.big`` is ``object_big``."""
    return spelling.strip().replace(".", "_").replace("-", "_")


def find_key(spelling: str, torch: bool = False) -> LegacyKey | None:
    """Return the row of a legacy parameter, in any spelling; None if it is unknown.

    Some names mean something else in settings of the `torch` side.
    """
    name = normalise(spelling)
    return (torch and _OF_TORCH.get(name)) or _BY_NAME.get(name)


def is_alias(spelling: str) -> bool:
    """Whether a key is another name of the parameter that it sets."""
    row = find_key(spelling)
    return row is not None and normalise(spelling) != row.name


def are_of_torch(spellings: Iterable[str]) -> bool:
    """Whether some keys are those of settings of PtychoPINN's torch side."""
    return not TORCH_NAMES.isdisjoint(map(normalise, spellings))


def nearest_name(spelling: str) -> str | None:
    """Return the known name that an unknown key, with or without sections, seems to mean."""
    last = normalise(spelling.rpartition(".")[2])
    return next(iter(difflib.get_close_matches(last, _BY_NAME, n=1, cutoff=ALIKE)), None)
