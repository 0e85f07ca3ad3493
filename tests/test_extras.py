"""Which frameworks are installed: the module counts, whoever brings it."""

import sys
from importlib.metadata import requires

import pytest
from distributions import install

from ptycho_engine.errors import MissingExtraError
from ptycho_engine.extras import is_installed, require


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_a_vendors_build_is_the_framework(site):
    """A distribution of another name that brings the module, as tensorflow-cpu does."""
    install(site, "vendor_framework_cpu", a_framework_of_a_test="raise SystemExit('imported')")
    assert is_installed("a_framework_of_a_test")
    require("a_framework_of_a_test", "a test")


def test_the_distribution_without_the_module_is_not(site):
    install(site, "a_framework_of_a_test")
    assert not is_installed("a_framework_of_a_test")
    with pytest.raises(MissingExtraError, match=r"ptycho_engine\[a_framework_of_a_test\]"):
        require("a_framework_of_a_test", "a test")


def test_a_folder_that_an_uninstallation_left_is_not(site):
    (site / "a_framework_of_a_test" / "lib").mkdir(parents=True)
    assert not is_installed("a_framework_of_a_test")


def test_what_may_not_be_imported_is_not(monkeypatch):
    monkeypatch.setitem(sys.modules, "json", None)
    assert not is_installed("json")


def test_authors_of_plugins_may_have_an_older_pytest():
    """PtychoPINN pins 7.4."""
    from packaging.requirements import Requirement

    found = [Requirement(text) for text in requires("ptycho_engine")]
    (needed,) = (r for r in found if r.name == "pytest" and r.marker.evaluate({"extra": "testing"}))
    assert "7.4.4" in needed.specifier
    assert "9.0.0" in needed.specifier
