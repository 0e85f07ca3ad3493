"""The reference of the public names: a page for each module, and for each name in it."""

from __future__ import annotations

from pathlib import Path

from borrowed_pages import write_if_changed
from docutils import nodes
from public_names import ERRORS, MODULES, NAMED, classes, constant, home, public_names, source_of
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment

FOLDER = Path("reference", "api")
#: Names that are modules, with pages of their own.
ELSEWHERE = {("ptycho_engine", "errors"), ("ptycho_engine.testing", "strategies")}
#: Characters of a value that is shown.
LONGEST = 70


def index_page() -> str:
    """Return the page that lists the modules."""
    lines = MODULES | {m: said for m, (said, _) in NAMED.items()}
    lines[ERRORS] = "what is raised, and of which class"
    rows = "\n".join(f"- [`{module}`]({module}.rst): {said}" for module, said in lines.items())
    toctree = "\n".join(lines)
    return (
        "# Python\n\nEvery name here is public; what is not here may change in any release.\n\n"
        f"{rows}\n\n```{{toctree}}\n:hidden:\n\n{toctree}\n```\n"
    )


def module_page(module: str, names: list[str], known: dict[tuple[str, str], str]) -> str:
    """Return the page of a module: what it says of itself, and a table of its names.

    Names that another module on the way has already are listed with the place where they are
    described, and added to `known` otherwise.
    """
    described, again, inner, constants = [], [], [], []
    for name in names:
        place = home(module, name)
        if (module, name) in ELSEWHERE:
            inner.append(f":py:mod:`{module}.{name}`")
        elif place in known:
            again.append((name, f":py:obj:`{known[place]}`"))
        elif found := constant(*place):
            constants.append((name, *found))
        else:
            described.append(name)
        known.setdefault(place, f"{module}.{name}")
    lines = [module, "=" * len(module), "", f".. automodule:: {module}", "   :no-members:", ""]
    lines += [".. autosummary::", "   :toctree:", "   :nosignatures:", ""]
    lines += [*(f"   {name}" for name in described), ""]
    if constants:
        lines += [".. rubric:: Constants and types", ""]
    for name, value, said in constants:
        lines += [f".. py:data:: {name}"]
        lines += [f"   :value: {value}"] if len(value) <= LONGEST else []
        lines += ["", f"   {said}", ""]
    if inner:
        lines += [f"The module {', '.join(inner)} belongs to it.", ""]
    if again:
        lines += [".. rubric:: From elsewhere", ""]
    for name, described_as in again:
        lines += [f".. py:data:: {name}", "", f"   Is {described_as}.", ""]
    return "\n".join(lines)


def errors_page() -> str:
    """Return the page of the errors: the tree of classes, then each of them."""
    parents = classes(ERRORS)

    def branch(name: str, depth: int) -> list[str]:
        others = [parent for parent in parents[name] if parent not in parents]
        also = f" (and ``{'``, ``'.join(others)}``)" if others and depth else ""
        lines = [f"{'  ' * depth}* :py:obj:`~{ERRORS}.{name}`{also}", ""]
        for child, bases in parents.items():
            lines += branch(child, depth + 1) if name in bases else []
        return lines

    roots = [name for name, bases in parents.items() if not set(bases) & set(parents)]
    tree = "\n".join(line for root in roots for line in branch(root, 0))
    each = "\n".join(f".. autoexception:: {name}\n" for name in parents)
    return (
        f"{ERRORS}\n{'=' * len(ERRORS)}\n\n.. automodule:: {ERRORS}\n   :no-members:\n\n{tree}\n\n"
        f".. currentmodule:: {ERRORS}\n\n{each}"
    )


def write_pages(app: Sphinx, config: Config) -> None:
    """Write the pages; those of single names autosummary writes."""
    folder = Path(app.srcdir) / FOLDER
    write_if_changed(folder / "index.md", index_page())
    expected = {folder / "index.md"}
    known: dict[tuple[str, str], str] = {}
    for module, names in public_names().items():
        page = errors_page() if module == ERRORS else module_page(module, names, known)
        write_if_changed(folder / f"{module}.rst", page)
        expected |= {folder / f"{module}.rst", *(folder / f"{module}.{name}.rst" for name in names)}
    for left in set(folder.iterdir()) - expected:
        left.unlink()
    # Named, since Sphinx knows only the pages of the build before.
    config.autosummary_generate = [f"{FOLDER}/{module}.rst" for module in public_names()]
    config.public_homes = {".".join(place): name for place, name in known.items()}


def resolve_home(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.Element | None:
    """Lead a reference on to the public name, or leave that to an inner name as plain text."""
    target = str(node.get("reftarget", ""))
    public = env.config.public_homes.get(target)
    if public is not None:
        return env.get_domain("py").resolve_xref(
            env, node["refdoc"], app.builder, "obj", public, node, content
        )
    return content if exists(target) else None


def exists(target: str) -> bool:
    """Return whether a dotted name leads to a module of ours, or to a definition in one."""
    parts = target.split(".")
    if parts[0] != "ptycho_engine":
        return False
    for length in range(len(parts), 0, -1):
        path = source_of(".".join(parts[:length]))
        if path.is_file():
            rest = parts[length:]
            return not rest or rest[0] in path.read_text(encoding="utf-8")
    return False


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_config_value("public_homes", {}, "", types=[dict])
    app.connect("config-inited", write_pages)
    app.connect("missing-reference", resolve_home)
    return {"parallel_read_safe": True}
