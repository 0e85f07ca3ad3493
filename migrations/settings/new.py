"""The configuration that legacy parameters come to, as a file with their comments."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import Any

from ptycho_engine.compat.params.flags import BATCH_OPTIONS
from ptycho_engine.compat.params.keys import SELECTION, LegacyKey, find_key
from ptycho_engine.compat.params.resolution import Resolution
from ptycho_engine.data.grouping.group_settings import GroupSettings

from .comments import Comment
from .old import OldFile


def render(old: OldFile, resolution: Resolution, output: Path, *, train: bool = False) -> str:
    """Write the new configuration: YAML that ``ptycho-engine --config-name`` takes.

    Parameters
    ----------
    old : OldFile
        The file of legacy parameters.
    resolution : Resolution
        What they came to.
    output : Path
        Where the new file goes.
    train : bool
        Whether it is for ``ptycho-engine train``, and holds the groups too.
    """
    from ruamel.yaml import YAML

    document = _document(resolution, train)
    places: dict[str, list[Comment]] = {}
    for key, comment in old.comments.items():
        places.setdefault(_new_place(key, resolution, train) or "", []).append(comment)
    for place, comments in places.items():
        _attach(document, place, comments)
    stream = io.StringIO()
    writer = YAML()
    writer.width = 100
    writer.indent(mapping=2, sequence=4, offset=2)
    writer.dump(document, stream)
    folder = _one_line(quote(str(output.parent)))
    head = (
        f"# Made from {_one_line(old.path.name)} by ptycho-migrate config. Run it where the old "
        "one ran, as\n# paths in it count from there:\n"
        f"#   ptycho-engine {'train ' * train}--config-dir {folder} "
        f"--config-name {_one_line(output.stem)}\n\n"
    )
    return head + stream.getvalue() + "".join(_left_out(old, resolution, train))


def _document(resolution: Resolution, train: bool) -> Any:
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    values = resolution.values
    chosen = CommentedMap({"override plugin": resolution.plugin})
    chosen.yaml_add_eol_comment(resolution.reason, "override plugin")
    defaults = CommentedSeq(["train" if train else "config", chosen])
    document = CommentedMap({"defaults": defaults})
    for key in ("patch_size", "rounding"):
        if key in values:
            document[key] = values[key]
    document.yaml_add_eol_comment("keeps the numbers; drop it when they may change", "rounding")
    if resolution.options:
        document["plugin"] = CommentedMap(resolution.options)
    if "scan.path" in values:
        defaults.append(CommentedMap({"override scan": "npz"}))
        document["scan"] = CommentedMap({"path": literally(str(values["scan.path"]))})
    if train:
        settings = asdict(resolution.group_settings())
        usual = asdict(GroupSettings()) | {"members": None}
        document["groups"] = CommentedMap({k: v for k, v in settings.items() if v != usual[k]})
        document["mirrored"] = True
        document.yaml_add_eol_comment("cuts where PtychoPINN cut", "mirrored")
    defaults.append("_self_")
    return document


def _one_line(text: str) -> str:
    """Keep what a comment quotes from becoming a line of its own."""
    return " ".join(text.splitlines())


def literally(text: str) -> str:
    """Write a text so that OmegaConf reads it as it is: ``${`` would read the environment."""
    return re.sub(r"(\\*)\$\{", lambda match: match.group(1) * 2 + r"\${", text)


def _new_place(old_key: str, resolution: Resolution, train: bool) -> str | None:
    """Return the dotted key of the new configuration that an old one stands behind, if any."""
    row = _row(old_key)
    if row is None or row.name in resolution.legacy.dropped or (row.of_groups and not train):
        return None
    if row.target != SELECTION:
        return row.target
    if row.name != "patch_extraction_batch_size":
        return "defaults"
    option = BATCH_OPTIONS.get(resolution.plugin)
    return f"plugin.{option}" if option in resolution.options else None


def _row(old_key: str) -> LegacyKey | None:
    return find_key(old_key.removeprefix("model."))


def _attach(document: Any, place: str, comments: list[Comment]) -> None:
    """Put the comments of old keys to the new key that they became, if there is one."""
    section, _, key = place.rpartition(".")
    holder = document[section] if section else document
    if key not in holder:
        return
    above = [line for comment in comments for line in comment.before]
    behind = [comment.behind for comment in comments if comment.behind]
    if key == "defaults":  # its own line holds no value
        above, behind = [*above, *behind], []
    if above:
        indent = 2 if section else 0
        holder.yaml_set_comment_before_after_key(key, before="\n".join(above), indent=indent)
    if behind:
        holder.yaml_add_eol_comment("; ".join(behind), key)


def _left_out(old: OldFile, resolution: Resolution, train: bool) -> Iterator[str]:
    """Yield, as comments, what of the old file has no meaning here."""
    entries = [
        (path, value, reason)
        for path, value in _flat(old.values)
        if (reason := _reason(path, resolution, train)) is not None
    ]
    if entries:
        yield "\n# Left out of the old file:\n"
    for path, value, reason in entries:
        comment = old.comments.get(path, Comment())
        yield from (f"# # {line}\n" for line in comment.before)
        behind = f"{comment.behind}; " if comment.behind else ""
        yield f"# {_one_line(path)}: {json.dumps(value, default=str)}  # {behind}{reason}\n"
    if "" in old.comments:
        yield "\n"
        yield from (f"# {line}\n" for line in old.comments[""].before)


def _reason(path: str, resolution: Resolution, train: bool) -> str | None:
    row = _row(path)
    if row is None:
        return "unknown"
    if _new_place(path, resolution, train) is not None:
        return None
    if row.name in resolution.legacy.dropped:
        return resolution.legacy.dropped[row.name]
    if row.of_groups:
        return f"is {row.target}: {resolution.values[str(row.target)]} of training data"
    return f"means nothing to {resolution.plugin}"


def _flat(values: Any, section: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{section}{key}.")
        elif value is not None:
            yield f"{section}{key}", value


def validate(text: str, folder: Path) -> None:
    """Compose a configuration as ``ptycho-engine`` would, and ask its plugin about its options.

    It is put into an empty folder for that. Raises ConfigurationError if it is refused.
    """
    import warnings

    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from ptycho_engine import Host
    from ptycho_engine.app.schema import register_schemas
    from ptycho_engine.errors import ConfigurationError, PtychoEngineError

    (folder / "made.yaml").write_text(text, encoding="utf-8")
    register_schemas()
    try:
        with initialize_config_dir(str(folder.resolve()), version_base="1.3"):
            config = compose("made", overrides=["hydra.searchpath=[pkg://ptycho_engine.conf]"])
        if OmegaConf.is_missing(config.scan, "path"):
            config.scan.path = "scan.npz"  # is named where it is run
        job: Any = OmegaConf.to_object(config)
        options = dict(job.plugin)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # the file says so itself
            # The host, not an engine: the framework may be installed elsewhere only.
            name = options.pop("name")
            Host().select(name).capabilities.read_options(name, options)
    except (HydraException, OmegaConfBaseException, PtychoEngineError) as error:
        raise ConfigurationError(f"The new configuration is refused: {error}") from error
