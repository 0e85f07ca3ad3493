"""Each rule does what its page shows, once, and leaves alone what the page says stays."""

import re
from pathlib import Path

import pytest
from ptycho_engine.migrations.codemod.findings import LEVELS
from ptycho_engine.migrations.codemod.rewrite import rewrite
from ptycho_engine.migrations.rules import RULES

from ptycho_engine import migrations

INSTALLED = Path(migrations.__file__).parents[0]
BY_ID = {rule.id: rule for rule in RULES}


def found(rule):
    """Return the page of a rule, in the installed package."""
    return INSTALLED / "rules" / f"{rule}.md"


def example(rule):
    """Return what the page shows: before, after, and what stays."""
    text = found(rule).read_text()
    before, after, stays = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert text.index("Before:") < text.index("After:")
    return before, after, stays


def test_numbers_are_unique_and_every_rule_has_a_page():
    assert len(BY_ID) == len(RULES)
    pages = {path.stem for path in (INSTALLED / "rules").glob("PE*.md")}
    assert pages == set(BY_ID)


def test_pages_name_their_levels():
    for rule in RULES:
        text = found(rule.id).read_text()
        word = "Levels" if len(rule.levels) > 1 else "Level"
        assert text.startswith(f"# {rule.id}: ")
        assert f"{word}: {', '.join(rule.levels)}." in text
        assert set(rule.levels) <= set(LEVELS)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_page(rule):
    before, after, stays = example(rule.id)
    assert rewrite(before, [rule]).text == after
    assert rewrite(stays, [rule]).text == stays


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
@pytest.mark.parametrize("level", LEVELS)
def test_page_with_all_rules_is_done_in_one_run(rule, level):
    before, _, stays = example(rule.id)
    rules = [r for r in RULES if level in r.levels]
    once = rewrite(before, rules).text
    assert rewrite(once, rules).text == once
    assert rewrite(stays, rules).text == stays


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_newlines_are_kept(rule):
    before, after, _ = (text.replace("\n", "\r\n") for text in example(rule.id))
    assert rewrite(before, [rule]).text == after


def test_a_module_that_two_rules_need_is_imported_once():
    text = (
        "from ptycho import tf_helper as hh\nfrom ptycho.raw_data import RawData\n"
        "import ptycho.raw_data as rd\n\nmoved = hh.translate(rd, 1)\n"
        "groups = RawData.from_file('a').generate_grouped_data(64, K=4)\n"
    )
    made = rewrite(text, [rule for rule in RULES if "shim" in rule.levels]).text
    assert made.count("compat.") == 2
    assert made.count("import compat") == 1
