"""Edits of import statements."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence

from .bindings import is_builtin, resolve
from .source import Import, Source, module_of
from .text import Edit, line_end

#: What catches that an import fails.
IMPORT_ERRORS = ("ImportError", "ModuleNotFoundError", "Exception", "BaseException")
_MODULE = re.compile(r"from[\s\\]*([\w.][\w.\s\\]*?)[\s\\]+import\b")
_COMMENT = re.compile(r"#[^\r\n]*")


def imported_names(node: ast.ImportFrom) -> list[ast.alias]:
    """Return the names of ``from m import a, b``; none for a star."""
    return [alias for alias in node.names if alias.name != "*"]


def is_guarded(source: Source, node: Import) -> bool:
    """Tell whether a program goes on where an import fails: ``try``, or ``suppress(ImportError)``.

    Such an import also asks whether a package is there, which one from elsewhere would not.
    """
    for above in source.ancestors(node):
        match above:
            case ast.Try() | ast.TryStar():
                after, last, handlers = above.orelse, above.finalbody, above.handlers
                inside = not any(source.is_within(node, s) for s in (*after, *last))
                if inside and any(_catches(source, handler.type) for handler in handlers):
                    return True
            case ast.With(items=[ast.withitem(context_expr=ast.Call(func=made, args=caught))]):
                suppresses = resolve(source, made).name == "contextlib.suppress"
                if suppresses and any(_catches(source, kind) for kind in caught):
                    return True
            case ast.FunctionDef() | ast.AsyncFunctionDef():  # imports when it is called
                break
    return False


def _catches(source: Source, kind: ast.expr | None) -> bool:
    """Tell whether ``except kind`` catches a failed import."""
    if isinstance(kind, ast.Tuple):
        return any(_catches(source, one) for one in kind.elts)
    return kind is None or is_builtin(source, kind, *IMPORT_ERRORS)


def move_names(source: Source, node: ast.ImportFrom, moved: Mapping[str, str]) -> list[Edit]:
    """Import some names of a statement from elsewhere; the others stay where they are.

    `moved` has the new qualified name by the imported one, all in one module.
    """
    going = [a for a in node.names if a.name in moved]
    module = next(iter(moved.values())).rpartition(".")[0]
    match = _MODULE.match(source.text, source.start(node))
    if len(going) == len(node.names) and match is not None:
        edits = [Edit(*match.span(1), module)]
        for alias in going:
            new = moved[alias.name].rpartition(".")[2]
            if alias.name != new:
                start = source.start(alias)
                suffix = "" if alias.asname else f" as {alias.name}"
                edits.append(Edit(start, start + len(alias.name), new + suffix))
        return edits
    names = ", ".join(_renamed(alias, moved) for alias in going)
    removal, comments = _remove(source, node, going)
    return [removal, add_after(source, node, f"from {module} import {names}", comments)]


def _renamed(alias: ast.alias, moved: Mapping[str, str]) -> str:
    new, bound = moved[alias.name].rpartition(".")[2], alias.asname or alias.name
    return new if new == bound else f"{new} as {bound}"


def _remove(source: Source, node: ast.ImportFrom, gone: list[ast.alias]) -> tuple[Edit, str]:
    """Take names out of a statement that keeps others; return their comments too.

    Each name is cut with the comma, blanks and comments behind it. A name that becomes the last
    takes over how the list ended.
    """
    stop = source.span(node)[1]
    end = stop - 1 if source.text[stop - 1] == ")" else source.span(node.names[-1])[1]
    starts = [*map(source.start, node.names), end]
    ends = [source.span(alias)[1] for alias in node.names]
    tails = [source.text[a:b] for a, b in zip(ends, starts[1:], strict=True)]
    kept = [i for i, alias in enumerate(node.names) if alias not in gone]
    if kept[-1] != len(node.names) - 1:
        tail, last = tails[kept[-1]], tails[-1]
        if "#" in tail:
            line = max(tail.rfind("\n"), tail.rfind("\r")) + 1
            after = max(last.rfind("\n"), last.rfind("\r")) + 1
            tails[kept[-1]] = tail[:line] + last[after:]
        else:
            tails[kept[-1]] = re.sub(rf"[ \t]*{_COMMENT.pattern}", "", last)
    comments = [c for i in range(len(tails)) if i not in kept for c in _COMMENT.findall(tails[i])]
    code = "".join(source.code(node.names[i]) + tails[i] for i in kept)
    return Edit(starts[0], end, code), "".join(f"  {comment}" for comment in comments)


def add_after(source: Source, node: Import, statement: str, comment: str = "") -> Edit:
    """Return the edit that puts a statement behind an import, in the same block."""
    start, stop = source.span(node)
    end = line_end(source.text, stop)
    before = source.text[source.line_start(start) : start]
    if before.strip() or not re.fullmatch(r"\s*;?\s*(#.*)?", source.text[stop:end]):
        return Edit(stop, stop, f"; {statement}")
    return Edit(end, end, source.newline + source.indentation(start) + statement + comment)


# -- Binding a module of the engine to a free name, once, at the top level ---------------------


def bind_module(
    source: Source, target: str, wanted: str, uses: Sequence[ast.AST], replaced: Sequence[Import]
) -> tuple[str, tuple[Edit, ...]]:
    """Choose the name of a module, and import it if nothing does yet; return name and edits.

    At the top level, because an import inside a function would hide the name from what stands
    before it there. The name is `wanted` if that is free, and bound to nothing else anywhere. It is
    needed before all `uses`, and imported behind the imports that are `replaced`.
    """
    first = min(map(source.start, uses))
    for node in source.imports():
        name = _bound_to(node, target)
        earlier = at_top(source, node) and source.start(node) < first
        if name and earlier and source.bound[name] == 1:
            return name, ()
    name = free_name(source, wanted, f"engine_{wanted}")
    package, _, leaf = target.rpartition(".")
    statement = f"from {package} import {leaf}" if package else f"import {target}"
    statement += "" if name == leaf else f" as {name}"
    # Another rule may have chosen a place, which serves if it is early enough.
    edit = source.once(f"import {target}", lambda: _place(source, replaced, first, statement))
    if edit.start > first:
        edit = _place(source, replaced, first, statement)
    return name, (edit,)


def free_name(source: Source, *wanted: str) -> str:
    """Return the first name, else the first with a number, that the file does not know."""
    numbered = (f"{wanted[0]}_{n}" for n in itertools.count(2))
    return next(n for n in itertools.chain(wanted, numbered) if n not in source.names)


def at_top(source: Source, node: ast.AST) -> bool:
    """Tell whether a statement stands at the top level, outside any block."""
    return source.parent(node) is source.tree


def _bound_to(node: Import, target: str) -> str:
    """Return the name by which a statement binds a module, empty if it does not."""
    prefix = f"{module_of(node)}." if isinstance(node, ast.ImportFrom) else ""
    for alias in node.names:
        if prefix + alias.name == target and (alias.asname or "." not in alias.name):
            return alias.asname or alias.name
    return ""


def _place(source: Source, replaced: Iterable[Import], first: int, statement: str) -> Edit:
    """Put a statement behind the first of some imports, or into the block of imports on top."""
    direct = [n for n in replaced if at_top(source, n)]
    on_top = itertools.takewhile(_opens, source.tree.body)
    imports = [n for n in on_top if isinstance(n, ast.Import | ast.ImportFrom)]
    for node in [*sorted(direct, key=source.start)[:1], *imports[-1:]]:
        if source.start(node) < first:
            return add_after(source, node, statement)
    target = next(s for s in source.tree.body if not _is_docstring(s))
    return _above(source, target, statement)


def _opens(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Import | ast.ImportFrom) or _is_docstring(statement)


def _is_docstring(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
    return False


def _above(source: Source, statement: ast.stmt, text: str) -> Edit:
    """Put a line above a statement and the comments on it, but below those that open the file."""
    start = source.line_start(source.statement(statement))
    comments = start
    while comments > 0:
        above = source.line_start(comments - 1)
        if source.text[comments - 2 : comments] == "\r\n":
            above = source.line_start(comments - 2)
        if not source.text[above:comments].lstrip().startswith("#"):
            break
        comments = above
    place = start if comments == 0 else comments
    return Edit(place, place, text + source.newline)
