"""Whether the PtychoPINN of a tree, or that of a file's calls, is another than the drop-ins'."""

from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from .bindings import bindings, resolve
from .files import read_file
from .names import GROUPING, GROUPING_METHOD, MOVED, OLDER_GENERATIONS
from .provenance import Origin, members, origin
from .source import Source, check_syntax, dotted, targets
from .text import SourceError, decode_python

RELATIVE: Final = "ptycho.raw_data.get_relative_coords"
LAYER: Final = "ptycho.tf_helper.Translation"

#: The parameters in PtychoPINN 712c23f, those with a default with ``=``.
SIGNATURES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ptycho.raw_data.get_image_patches": "gt_image global_offsets local_offsets N= gridsize=",
        RELATIVE: "coords_nn",
        GROUPING: "N K= nsamples= dataset_path= seed= sequential_sampling= gridsize= "
        "enable_oversampling= neighbor_pool_size=",
        LAYER: "jitter_stddev= use_xla=",
        "ptycho.tf_helper.translate": "imgs offsets interpolation= use_xla_workaround=",
        "ptycho.tf_helper.translate_core": "images translations interpolation= use_xla_workaround=",
        "ptycho.tf_helper.extract_patches_position": "imgs offsets_xy jitter= N= gridsize=",
        "ptycho.tf_helper.reassemble_position": "obj_tensor global_offsets M= chunk_size=",
        "ptycho.tf_helper.shift_and_sum": "obj_tensor global_offsets M= chunk_size=",
        "ptycho.tf_helper._channel_to_flat": "img",
        "ptycho.tf_helper._flat_to_channel": "img N= gridsize=",
        "ptycho.tf_helper._togrid": "img gridsize= N=",
        "ptycho.tf_helper._fromgrid": "img",
        "ptycho.tf_helper._grid_to_channel": "grid",
        "ptycho.tf_helper._channel_to_patches": "channel",
        "ptycho.tf_helper.flatten_offsets": "channels",
        "ptycho.projective_warp_xla.translate_xla": "images translations interpolation= use_jit=",
        "ptycho.projective_warp_xla.projective_warp_xla": "images transforms interpolation= "
        "fill_mode=",
        "ptycho.projective_warp_xla.tfa_params_to_3x3": "params",
    }
)
#: Keywords that the drop-ins take beyond these, with the meaning that other generations gave them.
TAKEN: Final = frozenset(["N", "gridsize", "name", "dtype", "trainable"])
#: What came and went without another meaning.
WITHOUT_MEANING: Final = frozenset(["chunk_size="])
_OPERATIONS: Final = MappingProxyType(
    {ast.Add: float.__add__, ast.Sub: float.__sub__, ast.Mult: float.__mul__}
)


def same_numbers(source: Source, name: str) -> bool:
    """Tell whether a drop-in repeats a legacy function, as the tree and the file know it.

    Modules that moved it gave other numbers in some generations.
    """
    older = name not in MOVED and name.startswith(OLDER_GENERATIONS)
    other = source.differing | source.once("other", lambda: frozenset(_called_otherwise(source)))
    return not older and name not in other


# -- What a tree defines -----------------------------------------------------------------------


def differing_names(packages: Iterable[Path]) -> frozenset[str]:
    """Return the functions that a tree's own PtychoPINN has in another generation.

    `packages` are the folders of that package. They have other parameters there, or the opposite
    sign of the offsets in a group, or a layer that takes a third number.
    """
    modules = {name.split(".")[1] for name in SIGNATURES}
    found = {n for package in packages for m in modules for n in _differing(package, m)}
    return frozenset(found | {GROUPING}) if RELATIVE in found else frozenset(found)


def _differing(package: Path, module: str) -> Iterator[str]:
    try:
        tree = check_syntax(decode_python(read_file(package / f"{module}.py")).text)
    except (SourceError, OSError):
        return
    for path, function, parameters in _defined(tree):
        name = f"ptycho.{module}.{path}"
        others = parameters != _expected(name, function, parameters)
        if others or (name == RELATIVE and not _is_mirrored(tree, function)):
            yield name
        elif name == f"{LAYER}.call" and _unpacks_three(function):
            yield LAYER


def _defined(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef, list[str]]]:
    """Yield functions and methods by their path, with their parameters as in `SIGNATURES`."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node, _parameters(node)
        elif isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, ast.FunctionDef):
                    path = f"{node.name}.{method.name}".removesuffix(".__init__")
                    yield path, method, _parameters(method)[1:]


def _parameters(function: ast.FunctionDef) -> list[str]:
    given = function.args
    plain = [*given.posonlyargs, *given.args]
    first = len(plain) - len(given.defaults)
    names = [p.arg + "=" * (place >= first) for place, p in enumerate(plain)]
    pairs = zip(given.kwonlyargs, given.kw_defaults, strict=True)
    return [*names, *(p.arg + "=" * (default is not None) for p, default in pairs)]


def _expected(name: str, function: ast.FunctionDef, found: list[str]) -> list[str]:
    """Return the parameters of 712c23f, without those that may be missing."""
    if name not in SIGNATURES:
        return found
    may_be_missing = {n for n in SIGNATURES[name].split() if n in WITHOUT_MEANING}
    if function.args.kwarg is not None and name != LAYER:  # takes them by **kwargs
        may_be_missing |= {n for n in SIGNATURES[name].split() if n.endswith("=")}
    return [n for n in SIGNATURES[name].split() if n in found or n not in may_be_missing]


def _unpacks_three(function: ast.FunctionDef) -> bool:
    """Tell whether a function always unpacks three values; it may also do so where it gets them."""
    assigned = [node for node in function.body if isinstance(node, ast.Assign)]
    unpacked = [target for node in assigned for target in node.targets]
    return any(isinstance(target, ast.Tuple) and len(target.elts) > 2 for target in unpacked)


def _is_mirrored(tree: ast.Module, function: ast.FunctionDef) -> bool:
    """Tell whether the second result surely is minus the positions, but for their mean."""
    known: dict[str, float] = {}
    for statement in itertools.chain(tree.body, [None], function.body):
        if statement is None:
            known[function.args.args[0].arg] = 1.0
        elif isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            value = _value(statement.value, known)
            known |= {dotted(target): value for target in targets(statement)}
    results = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
    return bool(results) and all(
        isinstance(pair, ast.Tuple) and len(pair.elts) == 2 and _value(pair.elts[1], known) == -1
        for pair in results
    )


def _value(node: ast.expr, known: Mapping[str, float]) -> float:
    """Compute an expression; what is neither arithmetic nor a name counts 0, as a mean does."""
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            return known.get(name, math.nan)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, known)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            return _OPERATIONS[type(op)](_value(left, known), _value(right, known))
    return 0.0


# -- What a file calls -------------------------------------------------------------------------


def _called_otherwise(source: Source) -> Iterator[str]:
    """Yield what a file calls as 712c23f cannot be called: other keywords, a third number."""
    for call in source.find(ast.Call):
        name = resolve(source, call.func).name or _method_called(source, call)
        if name in SIGNATURES:
            known = {n.rstrip("=") for n in SIGNATURES[name].split()} | TAKEN
            known |= {"config"} if name != GROUPING else set()
            if any(keyword.arg not in known for keyword in call.keywords if keyword.arg):
                yield name
        elif _takes_three(call) and _is_layer(source, call.func):
            yield LAYER


def _takes_three(call: ast.Call) -> bool:
    match call.args:
        case [ast.List(elts=inputs) | ast.Tuple(elts=inputs), *_]:
            return len(inputs) > 2
    return False


def _method_called(source: Source, call: ast.Call) -> str:
    method = call.func
    if isinstance(method, ast.Attribute) and method.attr == GROUPING_METHOD:
        return GROUPING if origin(source, method.value) is Origin.LEGACY else ""
    return ""


def _is_layer(source: Source, node: ast.expr) -> bool:
    """Tell whether an expression is a layer ``Translation()``, or a name of one."""
    match node:
        case ast.Call(func=made):
            return resolve(source, made).name == LAYER
        case ast.Name(id=name):
            parents = [source.parent(bound) for bound in bindings(source, node, name)]
            return any(isinstance(p, ast.Assign) and _made(source, p.value) for p in parents)
        case ast.Attribute():
            return any(_made(source, member.value) for member in members(source, node))
    return False


def _made(source: Source, node: ast.expr | None) -> bool:
    return isinstance(node, ast.Call) and _is_layer(source, node)
