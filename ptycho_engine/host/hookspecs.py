"""The hooks of a plugin: this file is the contract.

A plugin is a module, or any object, with functions marked by ``ptycho_engine.hookimpl``. Only
`extract_patches` is required; what a plugin declares in its capabilities holds for every hook that
it implements. An implementation may leave out arguments that it does not use. It names
those that it uses, without ``*``, and must not give an argument a default value.
"""

from __future__ import annotations

import difflib
import inspect
from typing import TYPE_CHECKING, Any

import pluggy

from ..errors import PluginError

if TYPE_CHECKING:
    from ..request.extraction import ExtractionRequest
    from ..request.placement import PlacementRequest
    from ..request.planning import Plan
    from .capabilities import Capabilities

PROJECT = "ptycho_engine"
hookspec = pluggy.HookspecMarker(PROJECT)
#: Marks a function of a plugin as the implementation of the hook of its name.
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec(firstresult=True)
def extract_patches(request: ExtractionRequest, options: Any, plan: Plan, out: Any) -> Any:
    """Cut the patches of `request`.

    The one implementation that configuration names is called; implementations marked
    ``wrapper=True`` surround it.

    A wrapper that answers with other patches changes the map from objects to patches: it surrounds
    `place_patches` and `position_gradient` as well, so that they stay its adjoint and its gradient.
    In frameworks that differentiate a plugin by these hooks (torch, and TensorFlow with ``numba``),
    gradients are refused if a wrapper answers with another array and lacks them. An array that it
    changes in place is not noticed, so answer with a new one.

    Parameters
    ----------
    request : ExtractionRequest
        Validated; nothing in it needs checking again. Its layout is one that the plugin declares,
        and its arrays are tensors only if the plugin declares tensors.
    options : object or None
        Instance of the dataclass that the plugin declares.
    plan : Plan
        What `plan_extraction` returned.
    out : ndarray or None
        Where the patches may be written, of the right shape and dtype; None for tensors.

    Returns
    -------
    ndarray or tf.Tensor, shape `request.output_shape`, dtype `request.dtype`
        The patches: `out` itself once filled, or another array, which the engine copies.
    """


@hookspec(firstresult=True)
def plugin_capabilities() -> Capabilities:
    """Declare what the plugin serves.

    Returns
    -------
    Capabilities
        Requests beyond it are refused before any work. A plugin without this hook promises the
        defaults of :class:`ptycho_engine.Capabilities`.
    """


@hookspec(firstresult=True)
def plan_extraction(request: ExtractionRequest, options: Any, memory_budget: int) -> Plan:
    """Choose the chunk size and predict the memory, without doing any work.

    Parameters
    ----------
    request : ExtractionRequest
        Validated; the number of its patches is known.
    options : object or None
        Instance of the dataclass that the plugin declares.
    memory_budget : int
        Bytes that patches and workspace may take together.

    Returns
    -------
    Plan
        See :func:`ptycho_engine.request.planning.make_plan`. Without this hook the engine plans
        on one padded copy of the object, and blocks of 8 MiB.
    """


@hookspec(firstresult=True)
def place_patches(request: PlacementRequest, options: Any, plan: Plan, out: Any) -> Any:
    """Add patches onto the object, as the exact adjoint of `extract_patches`.

    With ``A`` the map from objects to patches for the same positions and cut, the object that is
    added is ``A* y``, so that ``<A x, y> = <x, A* y>`` for every object ``x``. The result does not
    depend on the number of threads, unless an option of the plugin asks for less. A wrapper that
    changes the object changes `extract_patches` and `position_gradient` alike.

    Parameters
    ----------
    request : PlacementRequest
        Validated; its layout is one that the plugin declares, and its arrays are tensors only if
        the plugin declares tensors. It holds at least one patch.
    options : object or None
        Instance of the dataclass that the plugin declares.
    plan : Plan
        What `plan_placement` returned.
    out : ndarray or None
        What is added to: contiguous and writeable, of shape `request.output_shape`; None for
        tensors.

    Returns
    -------
    ndarray or tensor, shape `request.output_shape`, dtype `request.dtype`
        `out` itself once added to, or the sum of the patches alone as another array, which the
        engine adds.
    """


@hookspec(firstresult=True)
def plan_placement(request: PlacementRequest, options: Any, memory_budget: int) -> Plan:
    """Predict the memory of a placement, without doing any work.

    Parameters
    ----------
    request : PlacementRequest
        Validated; the number of its patches is known.
    options : object or None
        Instance of the dataclass that the plugin declares.
    memory_budget : int
        Bytes that the object and the workspace may take together.

    Returns
    -------
    Plan
        As of `plan_extraction`, and the same without this hook.
    """


@hookspec(firstresult=True)
def position_gradient(request: ExtractionRequest, cotangent: Any, options: Any, plan: Plan) -> Any:
    """Differentiate a real loss of the patches with respect to the positions.

    A wrapper that changes patches changes this gradient alike.

    Parameters
    ----------
    request : ExtractionRequest
        The extraction, in the exact rounding and of a smooth kernel.
    cotangent : ndarray or tensor, shape `request.output_shape`, dtype `request.dtype`
        ``dL/dRe + i dL/dIm`` of the patches.
    options : object or None
        Instance of the dataclass that the plugin declares.
    plan : Plan
        What `plan_extraction` returned.

    Returns
    -------
    ndarray or tensor of float64, shape (P, 2)
        ``sum Re(conj(cotangent) * d patch / d position)`` over samples and leading axes, (y, x).
    """


def refuse_ambiguous(manager: pluggy.PluginManager, plugin: object, name: str) -> None:
    """Refuse what versions of pluggy treat differently, and so might call the wrong plugin."""
    if isinstance(plugin, type):
        raise PluginError(
            f"plugin {name!r}: is the class {plugin.__name__}. Expected a module or an object: "
            f"name an instance of it, {plugin.__name__}()."
        )
    if type(plugin).__hash__ is None:
        raise PluginError(
            f"plugin {name!r}: objects of {type(plugin).__name__} cannot be hashed, which pluggy "
            "needs. For a dataclass, write @dataclass(eq=False)."
        )
    for function in dir(plugin):
        options = manager.parse_hookimpl_opts(plugin, function)
        if options is None:
            continue
        if options.get("specname"):
            raise PluginError(
                f"plugin {name!r}: {function} names its hook by specname. Give the function the "
                f"name of the hook: {options['specname']}."
            )
        if options.get("hookwrapper"):
            raise PluginError(
                f"plugin {name!r}: {function} is marked hookwrapper=True. Mark it wrapper=True: "
                "`patches = yield` gives the patches, and `return patches` passes them on."
            )
        for parameter in inspect.signature(getattr(plugin, function)).parameters.values():
            if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
                raise PluginError(
                    f"plugin {name!r}: {function} takes {str(parameter)!r}, which nothing is "
                    "passed to. Name each argument that it uses, without `*`."
                )
            if parameter.default is not parameter.empty:
                raise PluginError(
                    f"plugin {name!r}: {function} gives the argument {parameter.name!r} a default "
                    "value. Hook arguments are always passed: remove the default."
                )


def refuse_unknown(
    manager: pluggy.PluginManager, plugin: object, name: str, hooks: list[str]
) -> None:
    """Refuse functions that are marked as hooks under a name that none has.

    Raises
    ------
    PluginError
        Names the hook that is nearest.
    """
    for function in dir(plugin):
        options = manager.parse_hookimpl_opts(plugin, function)
        if options is None or function in hooks or options.get("optionalhook"):
            continue
        near = difflib.get_close_matches(function, hooks, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise PluginError(
            f"plugin {name!r} does not fit the hooks: unknown hook {function!r}.{hint} "
            f"{available(hooks)}"
        )


def available(hooks: list[str]) -> str:
    """List the hooks, and where they are described."""
    return (
        f"Available hooks: {', '.join(hooks)}; their arguments are in ptycho_engine.host.hookspecs."
    )
