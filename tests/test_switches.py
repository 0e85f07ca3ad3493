"""Legacy switches that are set without compat: logged once each."""

import sys
import types

import pytest
from events import logged

from ptycho_engine import switches


@pytest.fixture(autouse=True)
def nothing_said_yet():
    switches._say.cache_clear()


def said(times=1):
    with logged() as events:
        for _ in range(times):
            switches.report_unheeded("jit_compile=")
    return [(e["event"], e["level"], e["switch"], e["source"]) for e in events]


def test_nothing_is_said_of_what_is_not_set():
    assert said() == []


@pytest.mark.parametrize("name", switches.VARIABLES)
def test_a_variable_is_logged_once(name, monkeypatch):
    monkeypatch.setenv(name, "1")
    source = f"environment: {name}=1"
    assert said(times=3) == [("legacy_switch_not_heeded", "warning", name, source)]


def test_parameters_are_logged_unless_they_are_the_legacy_default(monkeypatch):
    cfg = {"use_xla_translate": True, "N": 64}
    monkeypatch.setitem(sys.modules, "ptycho.params", types.SimpleNamespace(cfg=cfg))
    assert said() == []
    cfg.update(use_xla_translate=False, use_xla_compile=True)
    assert [switch for *_, switch, _ in said(times=2)] == list(switches.KEYS)


def test_every_legacy_switch_is_known():
    from ptycho_engine.compat.params.environment import VARIABLES
    from ptycho_engine.compat.params.flags import XLA_KEYS

    assert {variable.name for variable in VARIABLES} == set(switches.VARIABLES)
    assert XLA_KEYS == switches.KEYS
