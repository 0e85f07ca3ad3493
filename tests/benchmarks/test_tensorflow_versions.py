"""The table by version of TensorFlow: what it counts, and what it says of a version that fails."""

import importlib

import pytest


@pytest.fixture
def versions():
    return importlib.import_module("benchmarks.tensorflow_versions")


def test_tests_are_counted_from_their_report(versions, tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite tests="10" failures="1" errors="2" skipped="3"/></testsuites>'
    )
    assert versions.counted(report) == {"passed": 4, "failed": 3, "skipped": 3}
    assert versions.counted(tmp_path / "none.xml") == {}


def test_a_row_says_what_is_missing(versions):
    found = {"tensorflow": "2.18.1", "numpy": "2.0.2", "error": 8e-8, "ratio": 1.234}
    tests = {"passed": 4, "failed": 0, "skipped": 1}
    assert versions.row("2.18", found | tests) == [
        "2.18.1",
        "2.0.2",
        "4",
        "0",
        "1",
        "8e-08",
        "1.23",
    ]
    assert versions.row("9.9", {"problem": "no such version"}) == [
        "9.9", "-", "-", "-", "-", "-", "no such version"
    ]  # fmt: skip
