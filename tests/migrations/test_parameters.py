"""Parameters set and saved in many forms are found, once; what looks like it stays."""

import pytest
from comments import left
from ptycho_engine.migrations.codemod.rewrite import rewrite
from ptycho_engine.migrations.rules import RULES

P = "from ptycho import params as p\n"
XLA, COMPILE = "use_xla_translate", "use_xla_compile"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{P}p.set('{XLA}', True)\n", [XLA]),
        (f"{P}p.cfg['{XLA}'] = False\n", [XLA]),
        (f"{P}p.cfg.update({{'{XLA}': 0, '{COMPILE}': 1}})\n", [XLA, COMPILE]),
        (f"{P}print(p.get('{XLA}'), p.cfg.get('{COMPILE}', 0))\n", [XLA, COMPILE]),
        (f"from ptycho.params import set as put\nput('{XLA}', 0)\n", [XLA]),
        (f"from ptycho.params import cfg as c\nc.setdefault('{XLA}', 0)\n", [XLA]),
        (f"{P}p.set(key='{XLA}', value=0)\n", [XLA]),
        (f"{P}p.cfg.update({XLA}=0, N=64)\n", [XLA]),
        (f"{P}p.cfg.update(dict({XLA}=0), {COMPILE}=1)\n", [XLA, COMPILE]),
        (f"{P}p.cfg.update([('{XLA}', 0), ('N', 64)])\n", [XLA]),
        (f"{P}p.cfg.update({{**{{'{XLA}': 0}}, 'N': 64}})\n", [XLA]),
        (f"{P}p.cfg |= {{'{XLA}': 0}}\n", [XLA]),
        (f"from ptycho.params import cfg\ncfg |= dict({XLA}=0)\n", [XLA]),
        (f"{P}p.cfg = {{'{XLA}': 0}} | {{'{COMPILE}': 1}}\n", [XLA, COMPILE]),
        (f"{P}mine = {{'{XLA}': 0}}\np.cfg.update(mine)\n", [XLA]),
        (f"{P}cfg = p.cfg\ncfg['{XLA}'], cfg['N'] = 0, 64\n", [XLA]),
        (f"{P}monkeypatch.setitem(p.cfg, '{XLA}', False)\n", [XLA]),
        (f"{P}monkeypatch.setattr('ptycho.params.cfg', {{'{XLA}': 0}})\n", [XLA]),
        (f"{P}with patch.dict(p.cfg, {{'{XLA}': 0}}, {COMPILE}=1):\n    f()\n", [XLA, COMPILE]),
        (f"@mock.patch.dict('ptycho.params.cfg', {{'{XLA}': 0}})\ndef f():\n    g()\n", [XLA]),
        (f"{P}patch.object(p, 'cfg', new={{'{XLA}': 0}})\n", [XLA]),
        (f"patch.multiple('ptycho.params', cfg={{'{XLA}': 0}})\n", [XLA]),
    ],
)
def test_parameters(text, expected):
    found = left(text)
    assert sorted(name for _, _, name in found) == sorted(expected)
    assert {rule for rule, _, _ in found} == {"PE007"}


@pytest.mark.parametrize(
    "text",
    [
        f"{P}c = p.cfg.copy()\nc['{XLA}'] = 0\n",
        f"{P}c = dict(p.cfg, {XLA}=0)\nc |= {{'{XLA}': 0}}\n",
        f"{P}q = p.params()\nq['{XLA}'] = 0\nq.update({XLA}=1)\n",
        f"{P}def f(p):\n    p.set('{XLA}', 0)\n",
        f"{P}k = 'N'\np.set(k, 1)  # {XLA}\n",
        f'{P}"""Says {XLA}."""\ndef f(k):\n    return p.get(k)\n',
        f"import other.params as p  # ptycho\np.set('{XLA}', 0)\n",
        f"{P}other.update({{'{XLA}': 0}})\n",
        f"{P}other |= {{'{XLA}': 0}}\nprint(getattr(p, 'cfg', {{'{XLA}': 0}}))\n",
        f"{P}patch.dict(os.environ, {{'{XLA}': '0'}})\n",
        f"{P}mine = {{'{XLA}': 0}}\nmine = other()\np.cfg.update(mine)\n",
    ],
)
def test_what_looks_like_a_parameter_stays(text):
    assert rewrite(text, RULES).text == text


@pytest.mark.parametrize(
    "line", ["c.use_xla_translate = False", "replace(c, use_xla_translate=False)"]
)
def test_fields_that_are_set_later(line):
    """Of an object of a legacy dataclass."""
    text = "from dataclasses import replace\nfrom ptycho.config.config import TrainingConfig\n"
    assert left(f"{text}c = TrainingConfig(m)\n{line}\n") == [("PE008", 4, XLA)]
    assert left(f"{text}c = other(m)\n{line}\n") == []


def test_saved_and_put_back_is_one_comment():
    text = f"{P}def f():\n    old = p.get('KEY')\n    p.cfg.update({{'KEY': 0}})\n"
    text += "    p.set('KEY', old)\n"
    assert left(text.replace("KEY", XLA)) == [("PE011", 3, XLA)]
    found = rewrite(text.replace("KEY", "N") + f"# {XLA}\n", RULES)
    assert [(p.rule, p.line, p.kind) for p in found.places] == [("PE011", 3, "note")]


@pytest.mark.parametrize("save", ["p.cfg.copy()", "dict(p.cfg)", "copy.deepcopy(p.cfg)"])
def test_all_saved_and_put_back(save):
    text = f"import copy\n{P}def f():\n    old = {save}\n    p.set('KEY', 0)\n"
    text += "    p.cfg.clear(); p.cfg.update(old)\n"
    found = rewrite(text.replace("KEY", "N"), RULES)
    assert [(p.rule, p.line, p.kind) for p in found.places] == [("PE011", 4, "note")]
    assert left(text.replace("KEY", "N")) == []
    assert left(text.replace("KEY", XLA)) == [("PE007", 5, XLA)]


def test_all_saved_and_put_back_by_a_class_is_said_by_the_status_alone():
    methods = "    def setUp(self):\n        self.old = p.cfg.copy()\n"
    methods += "    def tearDown(self):\n        p.cfg.clear()\n        p.cfg.update(self.old)\n"
    test = f"    def test(self):\n        p.set('{XLA}', 0)\n"
    found = rewrite(f"{P}class T:\n{methods}{test}", RULES)
    assert [(p.rule, p.line, p.kind) for p in found.places] == [
        ("PE011", 4, "note"),
        ("PE007", 9, "todo"),
    ]


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
