"""A parsed module: syntax tree, positions, and names resolved through its imports."""

from __future__ import annotations

import ast
import bisect
import re
import warnings
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import libcst as cst
from libcst.metadata import (
    CodeRange,
    ImportAssignment,
    MetadataWrapper,
    PositionProvider,
    QualifiedNameSource,
    Scope,
    ScopeProvider,
)

from .survey import reduce_text, survey
from .text import SourceError, line_starts, newline_of

Node = TypeVar("Node", bound=cst.CSTNode)
Found = TypeVar("Found")
Import = cst.Import | cst.ImportFrom


@dataclass(frozen=True)
class Resolution:
    """What a name stands for.

    Attributes
    ----------
    names : frozenset of str
        Dotted names that it may have been imported from.
    by_import : bool
        Whether nothing but imports binds it.
    """

    names: frozenset[str]
    by_import: bool

    @property
    def name(self) -> str | None:
        """The one dotted name it stands for, if that is certain."""
        return next(iter(self.names)) if self.by_import and len(self.names) == 1 else None

    def is_one_of(self, names: Collection[str]) -> bool:
        """Tell whether it stands for one of some names, whichever of its bindings holds."""
        return self.by_import and bool(self.names) and self.names <= set(names)


UNRESOLVED = Resolution(frozenset(), False)


def check_syntax(text: str) -> ast.Module:
    """Refuse what Python itself does not parse.

    Python's parser says where an error lies, and limits nesting before libcst's would.

    Returns
    -------
    ast.Module
        What Python makes of it.

    Raises
    ------
    SourceError
        With the line.
    """
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree: ast.Module = compile(text, "<source>", "exec", flags=flags, dont_inherit=True)
            return tree
    except SyntaxError as error:
        raise SourceError(f"line {error.lineno or 1}: syntax error: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise SourceError(f"cannot be parsed: {type(error).__name__}: {error}") from error


class Source:
    """A module under analysis.

    Its tree holds the statements of the top level that may have to do with a legacy name; of the
    others only `survey` knows.

    Parameters
    ----------
    text : str
        Its source.
    magics : mapping of str to str, optional
        What names stand for that take the place of lines that are not Python.

    Raises
    ------
    SourceError
        If it cannot be parsed, or libcst would not give the same text back.
    """

    def __init__(self, text: str, magics: Mapping[str, str] | None = None) -> None:
        self.survey, self.magics = survey(check_syntax(text)), magics or {}
        self.text = text
        self.newline = newline_of(text)
        reduced = reduce_text(text, self.survey, self.magics)
        try:
            module = cst.parse_module(reduced)
            if module.code != reduced:
                raise SourceError("libcst reads it, but does not give the same text back")
            wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
            self._positions: Mapping[Any, CodeRange] = wrapper.resolve(PositionProvider)
            self._scopes: Mapping[Any, Any] = wrapper.resolve(ScopeProvider)
            self._index = _Index()
            module.visit(self._index)
        except cst.ParserSyntaxError as error:
            raise SourceError(f"line {error.raw_line}: libcst cannot parse this") from error
        except RecursionError as error:
            raise SourceError("nested too deeply to be analysed") from error
        self.module = module
        self._starts, self._found = line_starts(text), dict[Hashable, Any]()

    def once(self, name: Hashable, find: Callable[[], Found]) -> Found:
        """Return what a search found, made once for all rules."""
        if name not in self._found:
            self._found[name] = find()
        return self._found[name]  # type: ignore[no-any-return]

    def find(self, kind: type[Node]) -> Iterator[Node]:
        """Yield every node of a kind, in the order of the source."""
        return iter(self._index.kinds.get(kind, ()))

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """Return the node that holds `node`."""
        return self._index.parents.get(node)

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """Yield the parents of a node from the inside out."""
        above = self.parent(node)
        while above is not None:
            yield above
            above = self.parent(above)

    def span(self, node: cst.CSTNode) -> tuple[int, int]:
        """Return the range of characters of a node, without the blanks around it."""
        place = self._positions[node]
        return (
            self._starts[place.start.line - 1] + place.start.column,
            self._starts[place.end.line - 1] + place.end.column,
        )

    def code(self, node: cst.CSTNode) -> str:
        """Return the text of a node."""
        start, stop = self.span(node)
        return self.text[start:stop]

    def line(self, offset: int) -> int:
        """Return the number, from 1, of the line that holds an offset."""
        return bisect.bisect_right(self._starts, offset)

    def line_start(self, offset: int) -> int:
        """Return the offset at which the line of `offset` begins."""
        return self._starts[self.line(offset) - 1]

    def statement(self, node: cst.CSTNode) -> int:
        """Return the offset of the statement, first on its line, that holds a node."""
        for inner, outer in zip([node, *self.ancestors(node)], self.ancestors(node), strict=False):
            if isinstance(outer, cst.Module | cst.IndentedBlock):
                decorators = getattr(inner, "decorators", ())
                return self.span(decorators[0] if decorators else inner)[0]
        return 0

    def indentation(self, offset: int) -> str:
        """Return the blanks before an offset on its line."""
        return re.match(r"[ \t\f]*", self.text[self.line_start(offset) : offset]).group()  # type: ignore[union-attr]

    def scope(self, node: cst.CSTNode) -> Scope | None:
        """Return the scope in which a name is looked up; None for what is no name."""
        return self._scopes.get(node)

    def resolve(self, node: cst.CSTNode) -> Resolution:
        """Say what a name or dotted name stands for, by the imports of its scope."""
        scope = self.scope(node)
        if scope is None:
            return UNRESOLVED
        found = list(scope.get_qualified_names_for(node))
        imported = {n.name for n in found if n.source is QualifiedNameSource.IMPORT}
        return Resolution(frozenset(imported), len(found) == len(imported))

    def bindings(self, node: cst.CSTNode, module: str) -> list[Import]:
        """Return the imports that bind the first name of a dotted name, and bring `module`."""
        root = first_name(node)
        scope = self.scope(node)
        if root is None or scope is None:
            return []
        nodes = [a.node for a in scope[root.value] if isinstance(a, ImportAssignment)]
        imports = [node for node in nodes if isinstance(node, cst.Import | cst.ImportFrom)]
        bringing = [n for n in imports if module in self.code(n)]
        return bringing or imports


class _Index(cst.CSTVisitor):
    """Nodes by kind, and their parents, in one pass."""

    def __init__(self) -> None:
        super().__init__()
        self.parents: dict[cst.CSTNode, cst.CSTNode] = {}
        self.kinds: dict[type[Any], list[Any]] = {}
        self._above: list[cst.CSTNode] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if self._above:
            self.parents[node] = self._above[-1]
        self.kinds.setdefault(type(node), []).append(node)
        self._above.append(node)
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        self._above.pop()


def first_name(node: cst.CSTNode) -> cst.Name | None:
    """Return ``a`` of ``a.b.c``."""
    while isinstance(node, cst.Attribute):
        node = node.value
    return node if isinstance(node, cst.Name) else None


def dotted(node: cst.CSTNode | None) -> str:
    """Write a name or dotted name as text; empty for anything else."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        head = dotted(node.value)
        return f"{head}.{node.attr.value}" if head else ""
    return ""


def literal(node: cst.CSTNode) -> Any:
    """Return the value of a literal, or None."""
    if not isinstance(node, cst.BaseString | cst.BaseNumber | cst.UnaryOperation | cst.Name):
        return None
    try:
        return ast.literal_eval(cst.Module([]).code_for_node(node))
    except (ValueError, SyntaxError):
        return None
