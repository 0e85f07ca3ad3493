"""The reference of the configuration, from what ``--help`` reads: comments, schema, formats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from borrowed_pages import write_if_changed
from sphinx.application import Sphinx
from sphinx.config import Config

from ptycho_engine.app.schema import RECIPE_PARTS, SCHEMAS
from ptycho_engine.app.subcommands import SUBCOMMANDS
from ptycho_engine.app.vocabulary import Key, groups, keys_of, meaning_of, plain_keys

FOLDER = Path("reference", "configuration")
#: Groups of which each subcommand has its own choice, though their name is the same.
OWN = ("output",)


def roots() -> dict[str, str]:
    """Return the subcommands that have a configuration, with the name of its file."""
    return {
        name: found.root.config
        for name, found in SUBCOMMANDS.items()
        if found.root is not None and name != "plan"  # which takes those of others
    }


def anchor(*words: str) -> str:
    """Return the anchor of a key, a group or a choice."""
    return "-".join(("key", *words)).replace(".", "-").replace("_", "-")


def written(hint: Any) -> str:
    """Write a type as one reads it."""
    if get_origin(hint) in (Union, UnionType):
        names = [written(part) for part in get_args(hint) if part is not NoneType]
        return " or ".join([*names, *(["null"] if NoneType in get_args(hint) else [])])
    if isinstance(hint, type) and issubclass(hint, Enum):
        return "str"
    if hint is Any:
        return ""
    inner = ", ".join(map(written, get_args(hint)))
    name = getattr(hint, "__name__", str(hint))
    return f"{name} of {inner}" if inner else name


def types_of(config: str) -> dict[str, str]:
    """Return the types that the schema of a root configuration gives to its keys."""
    found: dict[str, str] = {}
    for name, hint in get_type_hints(SCHEMAS[config]).items():
        hint = RECIPE_PARTS.get(name, hint)
        if hasattr(hint, "__dataclass_fields__"):
            found |= {f"{name}.{k}": written(h) for k, h in get_type_hints(hint).items()}
        else:
            found[name] = written(hint)
    return found


def entry(key: Key, kind: str, *where: str) -> Iterator[str]:
    """Make the lines of a key: name, type and default, then what it means and takes."""
    yield f"({anchor(*where, key.name)})="
    given = "to be given" if key.default == "???" else f"default `{key.default or 'null'}`"
    typed = f" *{kind}*," if kind else ","
    yield f"`{key.name}`{typed} {given}"
    meaning = escaped(key.meaning)
    if key.choices:
        meaning += " One of " + ", ".join(f"`{choice}`" for choice in key.choices) + "."
    yield f": {meaning.strip() or 'See the group.'}"
    yield ""


def escaped(text: str) -> str:
    """Return a comment as Markdown that shows just that."""
    return "".join(f"\\{c}" if c in "*_<>[]{}|$`" else c for c in text)


def keys(found: Iterable[Key], types: dict[str, str], *where: str) -> Iterator[str]:
    """Make the lines of some keys."""
    for key in found:
        yield from entry(key, types.get(key.name, ""), *where)


def subcommand_page(name: str, config: str) -> str:
    """Return the page of a subcommand: its keys, then its groups with their default."""
    types, found = types_of(config), SUBCOMMANDS[name]
    lines = [f"# {name}", "", f"`ptycho-engine {name}`: {escaped(found.meaning)}.", ""]
    lines += ["## Keys", ""]
    lines += keys(plain_keys(config), types, name)
    lines += ["## Groups", ""]
    for group in groups(config):
        if group.name in OWN:
            lines += [f"### {group.name}", "", escaped(group.meaning), ""]
            lines += keys(keys_of(group.name, group.default), types, name)
            continue
        lines += [f"### [{group.name}]({group.name}.md)", "", escaped(group.meaning), ""]
        chosen = f"[`{group.default}`](#{anchor(group.name, group.default)})"
        several = len(group.choices) > 1
        lines += [f"The default is {chosen}." if several else f"There is {chosen} alone.", ""]
    return "\n".join(lines)


def group_page(group: Key, types: dict[str, str], users: list[str]) -> str:
    """Return the page of a group: each choice with its keys."""
    used = ", ".join(f"[{user}]({user}.md)" for user in users)
    lines = [f"# {group.name}", "", f"{escaped(group.meaning)} Of {used}.", ""]
    for choice in group.choices:
        lines += [f"({anchor(group.name, choice)})=", f"## {group.name}={choice}", ""]
        lines += [escaped(meaning_of(group.name, choice)), ""]
        lines += keys(keys_of(group.name, choice), types, group.name, choice)
    return "\n".join(lines)


def shared_groups() -> dict[str, tuple[Key, dict[str, str], list[str]]]:
    """Return the groups with the types of their keys, and the subcommands that have them."""
    found: dict[str, tuple[Key, dict[str, str], list[str]]] = {}
    for name, config in roots().items():
        for group in groups(config):
            if group.name not in OWN:
                _, types, users = found.setdefault(group.name, (group, {}, []))
                types |= types_of(config)
                users.append(name)
    return found


def index_page() -> str:
    """Return the page that leads to the others."""
    subcommands = "\n".join(roots())
    shared = "\n".join(shared_groups())
    return f"""# Configuration

Every key can be given as `key=value` behind the subcommand, or stand in a YAML file that
`--config-dir` and `--config-name` choose. These pages are made of the comments in `conf/` and of
the schema, as `ptycho-engine SUBCOMMAND --help` is.

```{{toctree}}
:caption: Keys by subcommand

{subcommands}
```

```{{toctree}}
:caption: Groups and their choices

{shared}
```
"""


def write_pages(app: Sphinx, config: Config) -> None:
    """Write the pages."""
    folder = Path(app.srcdir) / FOLDER
    write_if_changed(folder / "index.md", index_page())
    for name, root in roots().items():
        write_if_changed(folder / f"{name}.md", subcommand_page(name, root))
    for name, found in shared_groups().items():
        write_if_changed(folder / f"{name}.md", group_page(*found))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("config-inited", write_pages)
    return {"parallel_read_safe": True}
