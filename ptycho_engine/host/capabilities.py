"""What a plugin declares about itself, and the refusal of requests beyond it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from ..discovery import build_options
from ..errors import CapabilityError, PluginError, one_line, text_for_list
from ..geometry.cut import Cut
from ..request.checks import DTYPES
from ..request.located import LocatedRequest


@dataclass(frozen=True)
class Capabilities:
    """What a plugin serves; the defaults are what a plugin that declares nothing promises.

    Attributes
    ----------
    interpolations, fills, roundings, dtypes : frozenset of str
        The values that the plugin serves.
    layouts : frozenset of str
        Layouts that the plugin returns itself; the engine rearranges flat patches for the others.
    arrays : frozenset of str
        Of ``"numpy"``, ``"tensorflow"`` and ``"jax"``, the arrays that the plugin computes on,
        symbolic tensors and tracers included. The engine converts eager arrays for a plugin that
        does not.
    gradients : frozenset of str
        Of ``"image"`` and ``"positions"``, those that a gradient tape, autograd or ``jax.grad``
        reaches through the plugin: in its own arrays, or, of eager arrays of other frameworks,
        through its hooks `place_patches` and `position_gradient`. Positions have none with
        ``nearest``, whose patches jump: the hook `position_gradient` is refused, and a plugin that
        computes on tensors gives None to a tape, never zeros.
    devices : frozenset of str
        Of ``"cpu"`` and ``"gpu"``, where the plugin computes.
    options : type or None
        A dataclass whose fields are the plugin's options; it may validate in ``__post_init__``.
    """

    interpolations: frozenset[str] = frozenset({"nearest", "bilinear"})
    fills: frozenset[str] = frozenset({"zeros", "edge", "reflect"})
    roundings: frozenset[str] = frozenset({"exact"})
    dtypes: frozenset[str] = frozenset(DTYPES)
    layouts: frozenset[str] = frozenset({"flat"})
    arrays: frozenset[str] = frozenset({"numpy"})
    gradients: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset({"cpu"})
    options: type | None = None

    def check(self, request: LocatedRequest, plugin: str) -> None:
        """Refuse a request that the plugin does not serve.

        Raises
        ------
        CapabilityError
            Names the first value that is not served and those that are.
        """
        self.check_cut(request.cut, plugin)
        self._check(plugin, ("dtype", request.dtype_name, self.dtypes))

    def __post_init__(self) -> None:
        for entry in fields(self):
            values = getattr(self, entry.name)
            if entry.name == "options":
                _check_options(values)
                continue
            if isinstance(values, str):
                raise PluginError(text_for_list(f"Capabilities: {entry.name}", values))
            try:
                named = frozenset(values)  # of a list as well
            except TypeError:
                raise PluginError(
                    f"Capabilities: {entry.name}: received {values!r}. Expected a set of names."
                ) from None
            object.__setattr__(self, entry.name, named)

    def check_cut(self, cut: Cut, plugin: str) -> None:
        """Refuse what the plugin cuts at no position, before there are any.

        Raises
        ------
        CapabilityError
            As `check`.
        """
        # "error" is settled before a plugin is asked
        fill = ("fill", cut.fill, self.fills | {"error"})
        interpolation = ("interpolation", cut.interpolation, self.interpolations)
        self._check(plugin, interpolation, fill, ("rounding", cut.rounding, self.roundings))

    def check_slopes(self, cut: Cut, plugin: str) -> None:
        """Refuse a gradient for positions that does not exist.

        Raises
        ------
        CapabilityError
            If patches change with their positions by jumps.
        """
        if cut.interpolation == "nearest" or cut.rounding == "legacy":
            raise CapabilityError(
                f'{plugin}: positions have no gradient with interpolation="nearest" or '
                'rounding="legacy". Choose "bilinear" or "bicubic" and rounding="exact".'
            )

    def _check(self, plugin: str, *asked: tuple[str, str, frozenset[str]]) -> None:
        for what, value, served in asked:
            if value not in served:
                raise CapabilityError(
                    f"{plugin}: does not serve {what} {value!r}. It serves: "
                    f"{', '.join(sorted(served))}. Choose one of these, or another plugin."
                )

    def read_options(self, plugin: str, given: Mapping[str, Any] | None) -> Any:
        """Turn a mapping into the plugin's option object.

        Parameters
        ----------
        plugin : str
            Name of the plugin, for messages.
        given : mapping of str to object, or None
            Option values by name.

        Returns
        -------
        object or None
            An instance of `options`; None for a plugin without options.

        Raises
        ------
        ConfigurationError
            If an option is unknown or its value is refused.
        """
        return build_options(plugin, self.options, given)


def _check_options(options: object) -> None:
    if options is not None and not (isinstance(options, type) and is_dataclass(options)):
        raise PluginError(
            f"Capabilities: options: received {one_line(repr(options), 60)}. Expected a dataclass, "
            "the class itself, whose fields are the options; None for none."
        )


def whole_number_option(name: str, value: object) -> None:
    """Check an option that is either ``"auto"`` or an integer above zero.

    Raises
    ------
    ValueError
        If it is neither.
    """
    whole = isinstance(value, int) and not isinstance(value, bool) and value > 0
    if value != "auto" and not whole:
        raise ValueError(f"{name}: received {value!r}. Expected 'auto' or an integer above zero.")
