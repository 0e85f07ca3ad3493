"""The picture of a run: sorted, and each panel's title says what its numbers say."""

import json

from matplotlib.figure import Figure
from repository import ROOT


def timed(contender, output, ratio, layout="flat"):
    return {"contender": contender, "output": output, "layout": layout, "status": "timed",
            "to_first_touch": ratio}  # fmt: skip


def called(plugin, kind, ratio):
    return {"plugin": plugin, "object": kind, "to_loop": ratio, "microseconds": 100 * ratio}


def point(plugin, axis, value, ratio):
    return {"plugin": plugin, "axis": axis, "value": value, "to_first_touch": ratio,
            "microseconds_per_patch": 10 * ratio}  # fmt: skip


def results():
    return {
        "machine": {"date": "2026-01-02", "cores": 2, "python": "3.11", "load_before": None},
        "sections": {
            "throughput": {
                "rows": [
                    timed("OpenCV getRectSubPix", "fresh", 3.0),
                    timed("numba", "fresh", 1.25),
                    timed("numba", "reused", 0.5),
                    timed("batched", "fresh", 14.0),
                    timed("numba", "fresh", 9.0, "channel"),
                    {"contender": "pty-chi bilinear", "status": "not installed"},
                ]
            },
            "latency": {"rows": [called("b", "plain", 2.0), called("a", "prepared", 0.5)]},
            "scaling": {
                "rows": [
                    point(plugin, axis, value, ratio * (value / 16))
                    for axis in ("patches", "patch_size", "object_size")
                    for plugin, ratio in (("a", 2), ("b", 3))
                    for value in (16, 32)
                ]
            },
        },
    }


def painted(results):
    from benchmarks.plot import panels_of

    axes = []
    for _, paint in panels_of(results["sections"]):
        axes.append(Figure().subplots())
        paint(axes[-1])
    return axes


def test_contenders_are_sorted_and_ours_are_in_colour():
    from benchmarks.plot import OURS, OURS_REUSED, THEIRS

    first, second, *_ = painted(results())
    names = [label.get_text() for label in first.get_yticklabels()]
    assert names == [
        "numba, reused", "numba, fresh", "OpenCV getRectSubPix, fresh", "batched, fresh",
    ]  # fmt: skip
    assert first.yaxis_inverted()  # the first is on top
    colours = [text.get_color() for text in first.texts]
    assert colours == [OURS_REUSED, OURS, THEIRS, OURS]
    assert [text.get_text() for text in first.texts] == ["0.50", "1.25", "3.00", "14.0"]
    assert [label.get_text() for label in second.get_yticklabels()] == ["a, prepared", "b, plain"]


def test_each_title_is_a_finding():
    titles = [axes.get_title() for axes in painted(results())]
    assert titles == [
        "numba fills a fresh output in 1.25 of a first touch,\n"
        "the fastest peer, OpenCV getRectSubPix, in 3.00",
        "A small call: a, prepared, takes 0.50 of a NumPy loop\n(50.0 microseconds)",
        *(
            "a takes 2.00 to 4.00 times as long as to touch its output\n"
            f"({letter} = 32: 40.0 microseconds a patch)"
            for letter in "PNH"
        ),
    ]


def test_the_machine_and_the_day_stand_below():
    from benchmarks.machine import facts, in_short

    assert in_short(results()["machine"]) == (
        "python -m benchmarks, 2026-01-02, 2 cores, python 3.11"
    )
    assert in_short({}) == "python -m benchmarks"
    assert facts()["date"] in in_short(facts())


def test_a_stored_run_is_drawn_again(tmp_path, capsys):
    from benchmarks.cli import main

    stored, drawn = tmp_path / "run.json", tmp_path / "pictures" / "run.png"
    stored.write_text(json.dumps(results()))
    assert main(["--draw", str(stored), "--plot", str(drawn)]) == 0
    assert drawn.read_bytes().startswith(b"\x89PNG")
    stored.write_text('{"machine": {}, "sections": {"memory": {}}}')
    assert main(["--draw", str(stored), "--plot", str(tmp_path / "none.png")]) == 1
    assert not (tmp_path / "none.png").exists()
    assert "holds nothing that is drawn" in capsys.readouterr().out


def test_one_section_alone_is_a_picture(tmp_path):
    from benchmarks.plot import draw

    whole = results()
    for name, section in whole["sections"].items():
        path = tmp_path / f"{name}.png"
        assert draw({"machine": {}, "sections": {name: section}}, path)
        assert path.read_bytes().startswith(b"\x89PNG")
    only_reused = {"throughput": {"rows": [timed("numba", "reused", 0.5)]}}
    assert draw({"machine": {}, "sections": only_reused}, tmp_path / "reused.png")


def test_the_picture_of_the_readme_shows_the_table_of_the_notes():
    """Its numbers are those that stand in benchmarks/README.md."""
    stored = json.loads((ROOT / "docs" / "benchmarks.json").read_text(encoding="utf-8"))
    notes = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    from benchmarks.table import number

    lines = [line.split("  ") for line in notes.splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    for row in stored["sections"]["throughput"]["rows"]:
        (found,) = [c for c in cells if c[:3] == [row["contender"], row["layout"], row["output"]]]
        assert found[4] == number(row["to_first_touch"])
    for row in stored["sections"]["latency"]["rows"]:
        (found,) = [c for c in cells if c[:2] == [row["plugin"], row["object"]]]
        assert found[-1] == number(row["to_loop"])


def test_groups_are_drawn_over_what_a_tree_has_to_do():
    rows = [
        {"strategy": strategy, "points": points, "groups": points // 8, "status": "timed",
         "seconds": factor * points / 8 * points.bit_length() * 1e-9}
        for strategy, factor in (("nearest", 50), ("random_of_k", 100))
        for points in (1 << 9, 1 << 19)
    ]  # fmt: skip
    whole = {**rows[0], "groups": rows[0]["points"]}
    (axes,) = painted({"sections": {"grouping": {"rows": [*rows, whole]}}})
    title = "65,536 groups of 524,288 points in 0.13 s\n(105 to 111 nanoseconds a group and"
    assert axes.get_title().startswith(title)
    assert [len(line.get_xdata()) for line in axes.get_lines()] == [2, 2]
    assert painted({"sections": {"grouping": {"rows": [whole]}}}) == []
