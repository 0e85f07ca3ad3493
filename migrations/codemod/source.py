"""A parsed module: its tree, and the place of every node in the text."""

from __future__ import annotations

import ast
import bisect
import itertools
import re
import warnings
from collections.abc import Callable, Hashable, Iterator
from typing import Any, TypeVar

from .scopes import Index, Scope
from .text import SourceError, line_starts, newline_of

Node = TypeVar("Node", bound=ast.AST)
Found = TypeVar("Found")
Import = ast.Import | ast.ImportFrom


def check_syntax(text: str) -> ast.Module:
    """Return what Python makes of a text, or raise SourceError with the line."""
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
    """A module under analysis; SourceError if it cannot be parsed.

    Where the package that it lies in is given, relative imports count as absolute ones. `differing`
    are the legacy functions that its tree has in another generation than the drop-ins.
    """

    def __init__(
        self, text: str, package: str = "", differing: frozenset[str] = frozenset()
    ) -> None:
        self.differing = differing
        self.text, self.newline = text, newline_of(text)
        self.tree = check_syntax(text)
        if package:
            _make_absolute(self.tree, package)
        self._index = Index(self.tree)
        self.bound, self.names = self._index.bound, self._index.names
        self._starts, self._found = line_starts(text), dict[Hashable, Any]()

    def once(self, name: Hashable, find: Callable[[], Found]) -> Found:
        """Return what a search found, made once for all rules."""
        if name not in self._found:
            self._found[name] = find()
        return self._found[name]  # type: ignore[no-any-return]

    def find(self, kind: type[Node]) -> Iterator[Node]:
        """Yield every node of a kind, in the order of the source."""
        return iter(self._index.kinds.get(kind, ()))

    def imports(self) -> list[Import]:
        """Return the import statements, in the order of the source."""
        found: list[Import] = [*self.find(ast.Import), *self.find(ast.ImportFrom)]
        return sorted(found, key=self.start)

    def parent(self, node: ast.AST) -> ast.AST | None:
        """Return the node that holds `node`."""
        return self._index.parents.get(node)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the parents of a node from the inside out."""
        above = self.parent(node)
        while above is not None:
            yield above
            above = self.parent(above)

    def is_within(self, node: ast.AST, outer: ast.AST) -> bool:
        """Tell whether `outer` holds a node, or is it."""
        return node is outer or outer in self.ancestors(node)

    def scope(self, node: ast.AST) -> Scope | None:
        """Return the scope in which a name is looked up; None for what is not in the source."""
        return self._index.scopes.get(node)

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Return the range of characters of a node, without parentheses around it."""
        return (
            self._offset(node.lineno, node.col_offset),  # type: ignore[attr-defined]
            self._offset(node.end_lineno, node.end_col_offset),  # type: ignore[attr-defined]
        )

    def _offset(self, line: int, column: int) -> int:
        """Return an offset in characters; Python counts columns in bytes of UTF-8."""
        start = self._starts[line - 1]
        part = self.text[start : start + column]
        return start + (column if part.isascii() else len(part.encode()[:column].decode()))

    def start(self, node: ast.AST) -> int:
        """Return the offset at which a node begins."""
        return self.span(node)[0]

    def code(self, node: ast.AST) -> str:
        """Return the text of a node."""
        start, stop = self.span(node)
        return self.text[start:stop]

    def is_placed(self, node: ast.AST) -> bool:
        """Tell whether the place of a node is right: within f-strings Python may miscount."""
        if not any(isinstance(above, ast.JoinedStr) for above in self.ancestors(node)):
            return True
        try:
            again = ast.parse(f"({self.code(node)})", mode="eval").body
        except SyntaxError:
            return False
        return ast.dump(again) == ast.dump(node)

    def line(self, offset: int) -> int:
        """Return the number, from 1, of the line that holds an offset."""
        return bisect.bisect_right(self._starts, offset)

    def line_start(self, offset: int) -> int:
        """Return the offset at which the line of `offset` begins."""
        return self._starts[self.line(offset) - 1]

    def statement(self, node: ast.AST) -> int:
        """Return the offset of the statement, first on its line, that holds a node."""
        offset = 0
        for above in itertools.chain([node], self.ancestors(node)):
            if isinstance(above, ast.stmt):
                offset = self._first_on_line(above)
                before = self.text[self.line_start(offset) : offset].strip()
                is_elif = isinstance(above, ast.If) and self.text.startswith("elif", offset)
                if before in ("", "@") and not is_elif:
                    return self.line_start(offset) + len(self.indentation(offset))
        return offset

    def _first_on_line(self, statement: ast.stmt) -> int:
        """Return where a statement begins, or one before it that ends on the same line."""
        parent = self.parent(statement)
        blocks = [b for _, b in ast.iter_fields(parent) if isinstance(b, list)] if parent else []
        block = next(b for b in blocks if statement in b)
        for earlier in reversed(block[: block.index(statement)]):
            if earlier.end_lineno != _top(statement).lineno:  # type: ignore[attr-defined]
                break
            statement = earlier
        return self.start(_top(statement))

    def indentation(self, offset: int) -> str:
        """Return the blanks before an offset on its line."""
        return re.match(r"[ \t\f]*", self.text[self.line_start(offset) : offset]).group()  # type: ignore[union-attr]


def _make_absolute(tree: ast.Module, package: str) -> None:
    parents = package.split(".")
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and 0 < node.level <= len(parents):
            above = parents[: len(parents) - node.level + 1]
            node.module, node.level = ".".join([*above, *filter(None, [node.module])]), 0


def targets(node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> list[ast.expr]:
    """Return what a statement assigns to."""
    return node.targets if isinstance(node, ast.Assign) else [node.target]


def _top(statement: ast.stmt) -> ast.AST:
    decorators: list[ast.AST] = getattr(statement, "decorator_list", [])
    return decorators[0] if decorators else statement


def first_name(node: ast.AST) -> ast.Name | None:
    """Return ``a`` of ``a.b.c``."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node if isinstance(node, ast.Name) else None


def dotted(node: ast.AST | None) -> str:
    """Write a name or dotted name as text; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def literal(node: ast.AST | None) -> Any:
    """Return the value of a literal, or None."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant):
        number = node.operand.value
        if isinstance(node.op, ast.USub) and isinstance(number, int | float):
            return -number
    return None


def module_of(node: ast.ImportFrom) -> str:
    """Return the module of ``from m import a``; relative ones keep their dots."""
    return "." * node.level + (node.module or "")
