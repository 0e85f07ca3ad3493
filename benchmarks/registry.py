"""All contenders: the plugins that are installed, and the peers."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

from ptycho_engine import Engine, list_plugins
from ptycho_engine.errors import PluginLoadError

from .contender import Contender, Cut
from .peers import jax_slices, numpy_loop, opencv, ptychi, scipy_map, torch_crop

PEERS = (
    numpy_loop.CONTENDER,
    opencv.CONTENDER,
    *jax_slices.CONTENDERS,
    scipy_map.CONTENDER,
    ptychi.CONTENDER,
    torch_crop.CONTENDER,
)

#: Deprecated, and slow by design: in the main table alone.
SLOW_PLUGINS = frozenset({"iterative"})


def plugin_names(fast: bool = False) -> list[str]:
    """Names of the installed plugins, the default first; without the slow ones if `fast`."""
    names = sorted(
        {source.name for source in list_plugins()}, key=lambda n: (n != "chunked_xla", n)
    )
    return [name for name in names if not (fast and name in SLOW_PLUGINS)]


def select_engine(plugin: str, **how: Any) -> Engine:
    """Return an engine; that a plugin is deprecated is no news in a benchmark."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        try:
            return Engine(plugin, **how)
        except PluginLoadError as error:
            if isinstance(error.__cause__, ImportError):
                raise error.__cause__ from None  # an optional dependency, as with a peer
            raise


def load_plugin(name: str) -> Cut:
    engine = select_engine(name)

    def cut(image, positions, patch_size, out=None):
        layout = "flat" if positions.ndim == 2 else "channel"
        return engine.extract(image, positions, patch_size, layout=layout, out=out)

    return cut


def contenders() -> tuple[Contender, ...]:
    """Plugins, then peers."""
    plugins = [
        Contender(name, partial(load_plugin, name), layouts=("flat", "channel"), takes_out=True)
        for name in plugin_names()
    ]
    return (*plugins, *PEERS)


def find(name: str) -> Contender:
    """Return the contender of a name."""
    return next(contender for contender in contenders() if contender.name == name)
