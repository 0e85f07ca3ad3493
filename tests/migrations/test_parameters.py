"""Parameters set and saved in many forms are found, once; what looks like it stays."""

import pytest
from comments import comments, left
from ptycho_engine.migrations.codemod.rewrite import rewrite
from ptycho_engine.migrations.rules import RULES

P = "from ptycho import params as p\n"
BATCHED, XLA, COMPILE = "use_batched_patch_extraction", "use_xla_translate", "use_xla_compile"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{P}p.cfg |= {{'{COMPILE}': True}}\n", [COMPILE]),
        (f"{P}k = '{XLA}'; p.set(k, True)\n", [XLA]),
        (f"{P}c = p.cfg\nd = c\nd['{XLA}'] = False\n", [XLA]),
        (f"{P}def t(monkeypatch):\n    monkeypatch.setitem(p.cfg, '{XLA}', 0)\n", [XLA]),
        (f"{P}def t(monkeypatch):\n    monkeypatch.delitem(p.cfg, '{XLA}')\n", [XLA]),
        (f"import mock\nmock.patch.dict('ptycho.params.cfg', {{'{XLA}': 0}})\n", [XLA]),
        (f"{P}import mock\n@mock.patch.dict(p.cfg, {XLA}=0)\ndef t(): pass\n", [XLA]),
        (f"{P}new = {{'{XLA}': 0}}\np.cfg.update(new)\n", [XLA]),
        (f"{P}p.cfg.update(dict({XLA}=0), {COMPILE}=1)\n", [XLA, COMPILE]),
        (f"{P}for k in ('N', '{XLA}', '{COMPILE}'):\n    p.set(k, 0)\n", [XLA, COMPILE]),
        (f"{P}KEYS = ['{XLA}']\nfor k in KEYS:\n    print(p.get(k))\n", [XLA]),
        (f"{P}for k, v in {{'{XLA}': 0}}.items():\n    p.cfg[k] = v\n", [XLA]),
        (f"{P}def g(k, v):\n    p.set(k, v)\n    p.get(k)\ng('{XLA}', 0)\n", [XLA]),
        (f"{P}p.cfg = {{**p.cfg, '{XLA}': 0}}\n", [XLA]),
        (f"from ptycho.params import set as put\nput('{XLA}', 0)\n", [XLA]),
        (f"import sys\nq = sys.modules['ptycho.params']\nq.set('{XLA}', 0)\n", [XLA]),
    ],
)  # fmt: skip
def test_parameters(text, expected):
    found = left(text)
    assert [name for _, _, name in found] == expected
    assert {rule for rule, _, _ in found} == {"PE007"}


@pytest.mark.parametrize(
    "text",
    [
        f"{P}c = p.cfg.copy()\nc['{XLA}'] = 0\n",
        f"{P}c = dict(p.cfg, {XLA}=0)\nc |= {{'{XLA}': 0}}\n",
        f"{P}q = p.params()\nq['{XLA}'] = 0\nq.update({XLA}=1)\n",
        f"{P}def t(m, other):\n    m.setitem(other.cfg, '{XLA}', 0)\n",
        f"{P}def t(m):\n    m.setitem(p.params(), '{XLA}', 0)\n",
        f"import mock  # ptycho\nmock.patch.dict('mine.cfg', {{'{XLA}': 0}})\n",
        f"{P}def f(p):\n    p.set('{XLA}', 0)\n",
        f"{P}k = 'N'\np.set(k, 1)  # {XLA}\n",
        f'{P}"""Says {XLA}."""\ndef f(k):\n    return p.get(k)\n',
        f"import other.params as p  # ptycho\nk = '{XLA}'\np.set(k, 0)\np.cfg |= {{k: 0}}\n",
        f"{P}other |= {{'{XLA}': 0}}\n",
    ],
)
def test_what_looks_like_a_parameter_stays(text):
    assert rewrite(text, RULES).text == text


def test_unknown_key_is_said_once_for_a_function():
    text = (
        f"{P}def save(keys):\n    for k in keys:\n        p.get(k); p.get(k)\n        p.set(k, 1)\n"
    )
    assert left(f"{text}save(['{XLA}', '{COMPILE}'])\n") == [
        ("PE007", 4, XLA),
        ("PE007", 4, COMPILE),
    ]
    (comment,) = comments(f"{text}save(['{XLA}', '{COMPILE}'])\n")
    assert XLA in comment
    assert COMPILE in comment
    assert left(text) == []


@pytest.mark.parametrize(
    "save",
    ["p.cfg.copy()", "dict(p.cfg)", "{**p.cfg}", "copy.deepcopy(p.cfg)", "dict(p.cfg.items())"],
)
@pytest.mark.parametrize(
    "restore",
    ["p.cfg.clear(); p.cfg.update(old)", "p.cfg = old", "p.cfg.update(**old)", "p.cfg |= old",
     "\n    for k, v in old.items(): p.set(k, v)"],
)  # fmt: skip
def test_all_saved_and_put_back(save, restore):
    text = f"import copy\n{P}def f():\n    old = {save}\n    p.set('KEY', 0)\n    {restore}\n"
    found = rewrite(text.replace("KEY", "N"), RULES)
    assert ("PE011", 4, "note") in [(p.rule, p.line, p.kind) for p in found.places]
    assert left(text.replace("KEY", "N")) == []
    assert left(text.replace("KEY", XLA)) == [("PE011", 4, XLA), ("PE007", 5, XLA)]


def test_all_saved_and_put_back_by_a_class_or_fixture():
    methods = "    def setUp(self):\n        self.old = p.cfg.copy()\n"
    methods += "    def tearDown(self):\n        p.cfg.clear()\n        p.cfg.update(self.old)\n"
    test = f"    def test(self):\n        p.set('{XLA}', 0)\n"
    assert left(f"{P}class T:\n{methods}{test}") == [("PE011", 4, XLA), ("PE007", 9, XLA)]
    assert left(f"{P}class T:\n{methods}class U:\n{test}") == [("PE007", 10, XLA)]
    fixture = "def fresh():\n    old = p.cfg.copy()\n    yield\n    p.cfg.update(old)\n"
    assert left(f"{P}{fixture}class U:\n{test}") == [("PE011", 3, XLA), ("PE007", 8, XLA)]


def test_some_saved_by_a_comprehension():
    body = f"    olds = {{k: p.get(k) for k in ('N', '{BATCHED}')}}\n    p.set('N', 2)\n"
    back = "    for k, v in olds.items():\n        p.set(k, v)\n"
    assert left(f"{P}def f():\n{body}{back}") == [("PE011", 3, BATCHED)]
    assert left(f"{P}def f():\n{body}") == [("PE007", 3, BATCHED)]


@pytest.mark.parametrize(
    ("text", "restored"),
    [
        (f"{P}def f():\n    old = p.cfg.copy()\n    return old\n", 0),
        (f"{P}def f():\n    old = other.copy()\n    p.cfg.update(old)\n", 0),
        (f"{P}def f():\n    old = p.cfg.copy()\ndef g(old):\n    p.cfg.update(old)\n", 0),
        (f"{P}def f():\n    old = p.cfg.copy()\n    other.update(old)\n", 0),
        (f"{P}p.cfg.clear()\n", 1),
        ("from mine import cfg  # ptycho\nold = cfg.copy()\ncfg.clear()\ncfg.update(old)\n", 0),
    ],
)
def test_copies_that_are_not_put_back(text, restored):
    found = rewrite(text, RULES)
    assert found.text == text
    assert [p.rule for p in found.places] == ["PE011"] * restored
