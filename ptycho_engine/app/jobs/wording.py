"""What was found in scans, and what is planned, in lines for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import printable
from ...memory import format_bytes

#: Columns before a value.
MARGIN = 20
UNKNOWN = "-"
#: Characters of a value: more is no name.
LONGEST = 4000


def as_lines(found: Mapping[str, Any]) -> list[str]:
    """Say what a scan holds, a line for each thing that its file says."""
    rows: list[tuple[str, str]] = [("source", str(found["source"]))]
    for name in ("object", "probe"):
        if found[name] is not None:
            rows.append((name, _array(found[name])))
    if found["patterns"] is not None:
        rows.append(("patterns", _patterns(found["patterns"])))
    for name in ("positions", "nominal_positions"):
        if found[name] is not None:
            rows += _positions(name, found[name])
    if found["windows"] is not None:
        rows += _windows(found["windows"], found["positions"]["count"])
    elif found["object"] and found["positions"] and not (found["patterns"] or found["probe"]):
        rows.append(("windows", "their size is not known; add patch_size=N"))
    rows += list(_physics(found))
    if found["metadata"]:
        rows.append(("also", ", ".join(found["metadata"])))
    rows += [("assumed", f"{name}: {value}") for name, value in found["assumptions"].items()]
    rows += [("warning", text) for text in found["warnings"]]
    return [row(name, value) for name, value in rows]


def row(name: str, value: str) -> str:
    """Write a name and a value, in a line whatever names of files and arrays are."""
    return f"{name.replace('_', ' '):<{MARGIN}}{printable(value, LONGEST)}"


def as_list(scans: Sequence[Mapping[str, Any]]) -> list[str]:
    """List scans, a line for each."""
    heads = ("scan", "object", "patterns", "positions", "leaving", "covered", "warnings")
    table = [heads, *(tuple(printable(cell, LONGEST) for cell in _summary(s)) for s in scans)]
    widths = [max(len(line[i]) for line in table if len(line) > 2) for i in range(len(heads) - 1)]
    widths[0] = max(len(line[0]) for line in table)
    return [
        "  ".join(cell.ljust(w) for cell, w in zip(line, [*widths, 0], strict=False)).rstrip()
        for line in table
    ]


def _summary(found: Mapping[str, Any]) -> tuple[str, ...]:
    name = Path(found["source"]).name
    if "error" in found:
        return name, found["error"]
    windows, positions = found["windows"], found["positions"]
    patterns = found["patterns"]
    return (
        name,
        UNKNOWN if found["object"] is None else _times(found["object"]["shape"]),
        UNKNOWN if patterns is None else _times([patterns["count"], *patterns["shape"]]),
        UNKNOWN if positions is None else f"{positions['count']:,}",
        UNKNOWN if windows is None else f"{windows['leaving']:,}",
        UNKNOWN if windows is None else f"{windows['coverage']:.1%}",
        str(len(found["warnings"])),
    )


def _times(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def _array(found: Mapping[str, Any]) -> str:
    words = f"{_times(found['shape'])} {found['dtype']}, {format_bytes(found['bytes'])}"
    if found.get("layer_axis"):
        words += f"; the first axis: {found['layer_axis']}s"
    if found.get("layer_spacing_m"):
        words += f", {', '.join(f'{s:.4g}' for s in found['layer_spacing_m'])} m apart"
    return words


def _patterns(found: Mapping[str, Any]) -> str:
    return (
        f"{found['count']:,} of {_times(found['shape'])} {found['dtype']}, "
        f"{found['quantity'] or 'amplitude or intensity unknown'}, {format_bytes(found['bytes'])}"
    )


def _positions(name: str, found: Mapping[str, Any]) -> list[tuple[str, str]]:
    unit = "m" if found["units"] == "m" else "object pixels"
    count = f"{found['count']:,}"
    if "extent" not in found:
        return [(name, count)]
    (top, left), (bottom, right) = found["lowest"], found["highest"]
    reach = f"y {top:.6g} to {bottom:.6g}, x {left:.6g} to {right:.6g} ({unit})"
    rows = [(name, f"{count}, {reach}")]
    if name == "positions":
        extent = " x ".join(f"{length:.6g}" for length in found["extent"])
        step = found["median_step"]
        said = "" if step is None else f", median step {step:.4g}"
        said += f", {found['repeated']:,} repeated" if found["repeated"] else ""
        rows.append(("extent", f"{extent} {unit}{said}"))
    return rows


def _windows(found: Mapping[str, Any], count: int) -> list[tuple[str, str]]:
    size = f"{found['size']} x {found['size']} (size of the {found['size_of']})"
    if found["size_of"] == "patch_size":
        size = f"{found['size']} x {found['size']}"
    away = f", by up to {found['beyond_pixels']:g} pixels" if found["leaving"] else ""
    covered = (
        f"{found['coverage']:.1%} of the object, each pixel there by "
        f"{found['windows_per_covered_pixel']:.1f} windows"
    )
    return [
        ("windows", f"{size}: {found['leaving']:,} of {count:,} leave the object{away}"),
        ("coverage", covered),
    ]


def _physics(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = []
    for key, name in (("pixel_size_m", "pixel_size"), ("detector_pixel_size_m", "detector_pixel")):
        if found[key] is not None:
            values = [UNKNOWN if v is None else f"{v:.4g}" for v in found[key]]
            rows.append((name, f"{' x '.join(values)} m"))
    if found["energy_eV"] is not None:
        wave = found["wavelength_m"]
        rows.append(("energy", f"{found['energy_eV']:.6g} eV, wavelength {wave:.4g} m"))
    if found["distance_m"] is not None:
        rows.append(("distance", f"{found['distance_m']:.6g} m"))
    if found["mask"] is not None:
        bad, shape = found["mask"]["bad_pixels"], found["mask"]["shape"]
        rows.append(("mask", f"{_times(shape)}, {bad:,} bad pixels"))
    return rows
