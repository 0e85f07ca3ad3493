"""One table of what is deprecated; warnings, the timeline page and the tools derive from it."""

from __future__ import annotations

import functools
import importlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from ..arrays.tensors import outside_autograph
from ..errors import ConfigurationError, DeprecatedUseError, one_of
from ..extras import require
from .callsite import warn_caller

#: Set to ``error``, it turns deprecations into errors; ``warn`` is the default.
ENVIRONMENT = "PTYCHO_ENGINE_DEPRECATIONS"
GUIDES = "ptycho_engine/migrations"

P = ParamSpec("P")
R = TypeVar("R")


class RemovedIn2Warning(FutureWarning):
    """Something is used that ptycho_engine 2.0 will no longer have. Shown by default."""


#: The warning class of each release that removes something.
CATEGORIES: dict[str, type[FutureWarning]] = {"2.0": RemovedIn2Warning}


@dataclass(frozen=True)
class Deprecation:
    """One deprecated name.

    Attributes
    ----------
    id : str
        ``PED`` and a number that is never given twice.
    kind : {"plugin", "function", "layer", "parameter", "variable", "configuration"}
        What the name names.
    old : str
        The deprecated name.
    replacement : str
        What to use instead, to be read after "Use".
    guide : str
        Page in `migrations/`.
    legacy : tuple of str
        Where PtychoPINN has the name: qualified, or the key of a parameter.
    code : tuple of str
        What is removed here, each ``module`` or ``module:attribute``.
    since, removal : str
        Release that deprecates it, release that removes it.
    """

    id: str
    kind: str
    old: str
    replacement: str
    guide: str
    legacy: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    since: str = "1.0"
    removal: str = "2.0"

    @property
    def category(self) -> type[FutureWarning]:
        """Class of the warning."""
        return CATEGORIES[self.removal]

    @property
    def message(self) -> str:
        """Text of the warning."""
        return (
            f"The {self.kind} '{self.old}' is deprecated since ptycho_engine {self.since} and will "
            f"be removed in ptycho_engine {self.removal}. Use {self.replacement}: see "
            f"{GUIDES}/{self.guide} ({self.id})."
        )


def _dropin(id_: str, old: str, replacement: str, guide: str, *modules: str) -> Deprecation:
    kind = "layer" if old == "Translation" else "function"
    legacy = tuple(f"ptycho.{module}.{old}" for module in modules or ("tf_helper",))
    name = f"ptycho_engine.compat.{old}"
    return Deprecation(
        id_, kind, name, replacement, guide, legacy, (f"ptycho_engine.compat:{old}",)
    )


def _helper(id_: str, name: str, replacement: str, guide: str) -> Deprecation:
    qualified = f"ptycho_engine.compat.{name}"
    code = (f"ptycho_engine.compat:{name}",)
    return Deprecation(id_, "function", qualified, replacement, guide, code=code)


def _key(id_: str, key: str, replacement: str, kind: str = "parameter") -> Deprecation:
    code = f"ptycho_engine.compat.params.{'keys' if kind == 'parameter' else 'environment'}"
    return Deprecation(id_, kind, key, replacement, "0006-parameters.md", (key,), (code,))


_PATCHES, _WARP = "0002-get-image-patches.md", "0003-translation.md"
_LAYOUTS, _REASSEMBLY = "0004-coordinates-and-layouts.md", "0005-reassembly.md"
_EXTRACT = "Engine.extract(..., layout='channel', rounding='legacy')"
_GROUPED = "the positions themselves, (B, C, 2) of (y, x)"
_PARAMETERS = "ptycho_engine.projective_warp, which takes them too"
_PROJECTION = "ptycho_engine.projective_warp"
_TRANSLATION = "ptycho_engine.translate, or Engine.extract where patches are cut"
_COMPILE = "jit_compile= of the operators and of your own model"
_POSITIONS = "Engine.extract at the positions"
_LOADER_METHOD = "ptycho.loader.RawData.generate_grouped_data"
_CHOOSE = "plugin=chunked_xla or plugin=batched"

TABLE: tuple[Deprecation, ...] = (
    Deprecation(
        "PED001",
        "plugin",
        "iterative",
        "'chunked_xla' (or 'batched'), with rounding='legacy' for the same numbers",
        "0001-iterative-plugin.md",
        code=("ptycho_engine.plugins.iterative", "ptycho_engine.ops.translate"),
    ),
    _dropin("PED002", "get_image_patches", _EXTRACT, _PATCHES, "raw_data", "loader"),
    _dropin("PED003", "get_relative_coords", _GROUPED, _LAYOUTS, "raw_data", "loader"),
    _dropin("PED004", "translate", _TRANSLATION, _WARP),
    _dropin("PED005", "translate_core", _TRANSLATION, _WARP),
    _dropin("PED006", "translate_xla", _TRANSLATION, _WARP, "projective_warp_xla"),
    _dropin("PED007", "projective_warp_xla", _PROJECTION, _WARP, "projective_warp_xla"),
    _dropin("PED008", "projective_warp_xla_jit", _PROJECTION, _WARP, "projective_warp_xla"),
    _dropin("PED009", "tfa_params_to_3x3", _PARAMETERS, _WARP, "projective_warp_xla"),
    _dropin("PED010", "Translation", _TRANSLATION, _WARP),
    _dropin("PED011", "_channel_to_flat", "layouts.channel_to_flat", _LAYOUTS),
    _dropin("PED012", "_flat_to_channel", "layouts.flat_to_channel", _LAYOUTS),
    _dropin("PED013", "_togrid", "layouts.flat_to_grid", _LAYOUTS),
    _dropin("PED014", "_fromgrid", "layouts.grid_to_flat", _LAYOUTS),
    _dropin("PED015", "_grid_to_channel", "layouts.grid_to_channel", _LAYOUTS),
    _dropin("PED016", "_channel_to_patches", "layouts.channel_to_grid", _LAYOUTS),
    _dropin("PED017", "flatten_offsets", "geometry.from_legacy", _LAYOUTS),
    _dropin("PED018", "extract_patches_position", _POSITIONS, _REASSEMBLY),
    _dropin("PED019", "reassemble_position", "Engine.reassemble", _REASSEMBLY),
    _dropin("PED020", "shift_and_sum", "Engine.place", _REASSEMBLY),
    _key("PED021", "use_batched_patch_extraction", _CHOOSE),
    _key("PED022", "patch_extraction_batch_size", "plugin.chunk_size or plugin.batch_size"),
    _key("PED023", "use_xla_translate", _CHOOSE),
    _key("PED024", "use_xla_compile", _COMPILE),
    _key("PED025", "USE_XLA_TRANSLATE", _CHOOSE, "variable"),
    _key("PED026", "USE_XLA_COMPILE", _COMPILE, "variable"),
    _key("PED027", "TF_DISABLE_XLA_TRANSLATE", _CHOOSE, "variable"),
    Deprecation(
        "PED028",
        "configuration",
        "compat=legacy",
        "a configuration of ptycho_engine's own",
        "0006-parameters.md",
        code=("ptycho_engine.app.legacy", "ptycho_engine.compat.params.resolution"),
    ),
    Deprecation(
        "PED029",
        "function",
        "ptycho_engine.compat.generate_grouped_data",
        "ptycho_engine.group, whose members are (B, C, 2) of (y, x)",
        "0007-grouped-data.md",
        ("ptycho.raw_data.RawData.generate_grouped_data", _LOADER_METHOD),
        ("ptycho_engine.compat:generate_grouped_data",),
    ),
    _helper("PED030", "legacy_engine", "Engine(plugin, options=...)", "0006-parameters.md"),
    _helper("PED031", "resolve", "ptycho-migrate config, once", "0006-parameters.md"),
    _helper("PED032", "compare", "ptycho-migrate compare, before you drop it", _PATCHES),
)


def lookup(id_: str) -> Deprecation:
    """Return the entry of an id.

    Raises
    ------
    ConfigurationError
        If there is none.
    """
    for entry in TABLE:
        if entry.id == id_:
            return entry
    raise ConfigurationError(one_of("deprecation", id_, [entry.id for entry in TABLE]))


def warn(id_: str) -> None:
    """Warn of the use of a deprecated name, once for each line of the user's that uses it.

    Parameters
    ----------
    id_ : str
        Id of the entry.

    Raises
    ------
    DeprecatedUseError
        If the environment variable `ENVIRONMENT` says ``error``.
    ConfigurationError
        If it says something unknown.
    """
    entry = lookup(id_)
    wanted = os.environ.get(ENVIRONMENT) or "warn"
    if wanted == "error":
        raise DeprecatedUseError(f"{entry.message} ({ENVIRONMENT}=error makes this an error.)")
    if wanted != "warn":
        raise ConfigurationError(one_of(ENVIRONMENT, wanted, ("error", "warn")))
    warn_caller(entry.message, entry.category)


def deprecated(id_: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function warn, at its caller's line, that it is deprecated.

    Parameters
    ----------
    id_ : str
        Id of the entry; the result carries it as the attribute ``deprecation``.

    Returns
    -------
    callable
        The decorator.
    """
    lookup(id_)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def warned(*args: P.args, **kwargs: P.kwargs) -> R:
            warn(id_)
            try:
                return function(*args, **kwargs)
            except ModuleNotFoundError as error:
                if error.name == "tensorflow":
                    require("tensorflow", function.__name__)
                raise

        call = outside_autograph(warned)
        call.deprecation = id_  # type: ignore[attr-defined]
        return call

    return decorate


def due(version: str, table: tuple[Deprecation, ...] = TABLE) -> tuple[Deprecation, ...]:
    """Return the entries that a version removes whose code still stands."""
    return tuple(e for e in table if _reached(version, e.removal) and any(map(_stands, e.code)))


def _reached(version: str, removal: str) -> bool:
    now, then = ([int(n) for n in re.findall(r"\d+", v)[:2]] for v in (version, removal))
    return now >= then


def _stands(target: str) -> bool:
    module, _, attribute = target.partition(":")
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError:
        return False
    return not attribute or hasattr(found, attribute)
