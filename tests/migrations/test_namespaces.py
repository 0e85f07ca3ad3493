"""Calls of what a file replaces stay, in whatever way it replaces it."""

import pytest
from ptycho_engine.migrations.codemod.rewrite import rewrite
from ptycho_engine.migrations.rules import RULES

HEAD = "import ptycho.tf_helper as hh\nfrom unittest.mock import DEFAULT, patch\n"
CALL = "hh.flatten_offsets(x)\n"
NAME = "ptycho.tf_helper.flatten_offsets"
ANY = "ptycho.tf_helper.*"


def named(line):
    """Return what PE004 finds in a line above a call, and whether the call stays."""
    made = rewrite(f"{HEAD}{line}\n{CALL}", RULES)
    found = [p.name for p in made.places if p.rule == "PE004"]
    return found, made.text.endswith(f"\n{CALL}")


@pytest.mark.parametrize(
    "line",
    [
        "patch.multiple('ptycho.tf_helper', flatten_offsets=DEFAULT)",
        "patch.multiple(target=hh, flatten_offsets=DEFAULT, create=True)",
        "patch.dict(hh.__dict__, {'flatten_offsets': None}, clear=False)",
        "patch.dict('ptycho.tf_helper.__dict__', flatten_offsets=None)",
        "monkeypatch.setitem(hh.__dict__, 'flatten_offsets', None)",
        "monkeypatch.delitem(vars(hh), 'flatten_offsets')",
        "vars(hh)['flatten_offsets'] = None",
        "del hh.__dict__['flatten_offsets']",
        "hh.__dict__.update(flatten_offsets=None)",
        "vars(hh).update({'flatten_offsets': None})",
        "vars(hh).pop('flatten_offsets')",
    ],
)
def test_names_replaced_through_a_dictionary(line):
    assert named(line) == ([NAME], True)


@pytest.mark.parametrize(
    "line",
    [
        "setattr(hh, name, None)",
        "patch.object(hh, name)",
        "monkeypatch.setattr(f'ptycho.tf_helper.{name}', None)",
        "patch('ptycho.tf_helper.' + name)",
        "patch.multiple(hh, **names)",
        "vars(hh)[name] = None",
        "hh.__dict__.update(names)",
    ],
)
def test_any_name_of_a_module_that_does_not_stand_there(line):
    assert named(line) == ([ANY], True)


@pytest.mark.parametrize(
    "line",
    [
        "setattr(hh, 'pad', None)",
        "print(getattr(hh, name), vars(hh)['flatten_offsets'], hh.__dict__.get(name))",
        "setattr(other, name, None)",
        "vars(other)['flatten_offsets'] = None",
        "patch.multiple(hh, pad=DEFAULT)",
        "patch.dict(settings, {'flatten_offsets': None})",
        "setattr()",
    ],
)
def test_what_replaces_none_of_them(line):
    assert named(line) == ([], False)


def test_any_name_of_the_class_keeps_its_method():
    text = "from ptycho.raw_data import RawData\nsetattr(RawData, name, None)\n"
    call = "RawData.from_file('a').generate_grouped_data(64)\n"
    assert rewrite(text + call, RULES).text.endswith(f"\n{call}")
