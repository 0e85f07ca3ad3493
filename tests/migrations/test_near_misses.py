"""Forms of real code, one by one: what is found under which name, and what is not."""

import pytest
from ptycho_engine.migrations.codemod.rewrite import rewrite
from ptycho_engine.migrations.rules import RULES


def migrated(text):
    once = rewrite(text, RULES).text
    assert rewrite(once, RULES).text == once
    return once


def found(text):
    return [(place.rule, place.name) for place in rewrite(text, RULES).places]


@pytest.mark.parametrize(
    "text",
    [
        "from ptycho.raw_data import RawData\n",
        "import ptycho.raw_data as rd\nrd.RawData.from_file('x').get_image_patches\n",
        "from processors import get_image_patches\nget_image_patches(1, 2, 3)  # not ptycho\n",
        "from ptycho_torch.datagen import get_image_patches\nget_image_patches(1, 2, 3, 4)\n",
        "import ptycho\n'abc'.translate({})\nx = str.translate\n",
        "import ptycho\ndef get_image_patches(a):\n    return a\nget_image_patches(1)\n",
        "from . import tf_helper as hh\nhh.translate(1, 2)  # ptycho\n",
        "from .raw_data import get_image_patches  # ptycho\nget_image_patches()\n",
        "from ..ptycho import raw_data\nraw_data.get_image_patches()\n",
        "from ptycho import raw_data\ndef f(raw_data):\n    return raw_data.get_image_patches\n",
        "from ptycho import raw_data\nclass A:\n    get_image_patches = 1\nA.get_image_patches\n",
        "from ptycho import raw_data\nf(get_image_patches=1)\n",
        "from ptycho import params\nparams.params()['use_xla_translate'] = True\n",
        "from ptycho import params\nq = params.params()\nq['use_xla_translate'] = True\n",
        "from ptycho import params\nparams.set(key, value)  # use_xla_translate\n",
        "import other.params as params  # ptycho\nparams.set('use_xla_translate', 1)\n",
        "# ptycho.raw_data.get_image_patches\n",
        "import mock\n@mock.patch('mine.get_image_patches')  # ptycho\ndef t(m): 0\n",
        "x = 'from ptycho.raw_data import get_image_patches'\n",
        "import ptycho\nimport raw\nraw.generate_grouped_data(8)\n",
        "import other\nx = other.make()\nx.generate_grouped_data(1)  # ptycho\n",
        "import ptycho\nimport other\nx = other.RawData()\nx.generate_grouped_data(1)\n",
        "from ptycho_torch.raw_data import RawData\nRawData(1).generate_grouped_data(2)\n",
        "from ptycho.raw_data import RawData\nf = RawData(1).generate_grouped_data\n",
    ],
)
def test_stays(text):
    assert migrated(text) == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "import ptycho.raw_data\nimport ptycho.tf_helper\n"
            "x = ptycho.raw_data.get_image_patches, ptycho.tf_helper.translate\n",
            "import ptycho.raw_data\nfrom ptycho_engine import compat\nimport ptycho.tf_helper\n"
            "x = compat.get_image_patches, compat.translate\n",
        ),
        (  # an import inside a function, and something else called compat
            "from os import compat\ndef f():\n    from ptycho import tf_helper as hh\n"
            "    return hh.translate\n",
            "from os import compat\nfrom ptycho_engine import compat as engine_compat\n"
            "def f():\n    from ptycho import tf_helper as hh\n"
            "    return engine_compat.translate\n",
        ),
        (  # imported already
            "from ptycho_engine import compat as c\nimport ptycho.raw_data as rd\n"
            "rd.get_image_patches\n",
            "from ptycho_engine import compat as c\nimport ptycho.raw_data as rd\n"
            "c.get_image_patches\n",
        ),
        (  # one line, several statements
            "import os; from ptycho.raw_data import RawData, get_image_patches; os.getcwd()\n",
            "import os; from ptycho.raw_data import RawData; "
            "from ptycho_engine.compat import get_image_patches; os.getcwd()\n",
        ),
        (
            "if 1: import ptycho.raw_data as rd; rd.get_image_patches",
            "from ptycho_engine import compat\n"
            "if 1: import ptycho.raw_data as rd; compat.get_image_patches",
        ),
        (  # comments and layout of a long import
            "from ptycho.raw_data import (\n    RawData,  # kept\n"
            "    get_image_patches,  # gone\n    normalize_data,\n)\n",
            "from ptycho.raw_data import (\n    RawData,  # kept\n    normalize_data,\n)\n"
            "from ptycho_engine.compat import get_image_patches  # gone\n",
        ),
        (  # within a block
            "def f():\n    from ptycho.raw_data import (\n        RawData,\n\n"
            "        get_image_patches,\n    )\n",
            "def f():\n    from ptycho.raw_data import (\n        RawData,\n    )\n"
            "    from ptycho_engine.compat import get_image_patches\n",
        ),
        (  # the comment of the last name that stays
            "def f():\n    from ptycho.raw_data import (\n        RawData,  # kept\n"
            "        get_image_patches,\n    )\n",
            "def f():\n    from ptycho.raw_data import (\n        RawData,  # kept\n    )\n"
            "    from ptycho_engine.compat import get_image_patches\n",
        ),
        (
            "from ptycho.raw_data import (\n    RawData,  # kept\n    get_image_patches,\n)\n",
            "from ptycho.raw_data import (\n    RawData,  # kept\n)\n"
            "from ptycho_engine.compat import get_image_patches\n",
        ),
        (
            "from ptycho.raw_data import (\n\tRawData,\n\tget_image_patches as gip,\n)",
            "from ptycho.raw_data import (\n\tRawData,\n)\n"
            "from ptycho_engine.compat import get_image_patches as gip",
        ),
        (
            "from __future__ import annotations\ndef f():\n\timport ptycho.raw_data as rd\n"
            "\treturn rd.get_image_patches",
            "from __future__ import annotations\nfrom ptycho_engine import compat\ndef f():\n"
            "\timport ptycho.raw_data as rd\n\treturn compat.get_image_patches",
        ),
        (
            '#!/usr/bin/env python\n"""Doc."""\n# about f\ndef f():\n'
            "    import ptycho.raw_data as rd\n    return rd.get_image_patches\n",
            '#!/usr/bin/env python\n"""Doc."""\nfrom ptycho_engine import compat\n# about f\n'
            "def f():\n    import ptycho.raw_data as rd\n    return compat.get_image_patches\n",
        ),
        (  # a method of what a call makes, and of the class itself
            "from ptycho.raw_data import RawData as R\n"
            "a = R(1, 2).generate_grouped_data()\nb = R.generate_grouped_data(r, 8)\n",
            "from ptycho.raw_data import RawData as R\nfrom ptycho_engine import compat\n"
            "a = compat.generate_grouped_data(R(1, 2))\nb = compat.generate_grouped_data(r, 8)\n",
        ),
        (
            "from ptycho.loader import RawData, reassemble_position\n",
            "from ptycho.loader import RawData\n"
            "from ptycho_engine.compat import reassemble_position\n",
        ),
        (  # no guard: the error goes on
            "try:\n    from ptycho.raw_data import get_image_patches\nfinally:\n    pass\n",
            "try:\n    from ptycho_engine.compat import get_image_patches\nfinally:\n    pass\n",
        ),
        (
            "try:\n    pass\nexcept ImportError:\n    pass\nelse:\n"
            "    from ptycho.tf_helper import translate\n",
            "try:\n    pass\nexcept ImportError:\n    pass\nelse:\n"
            "    from ptycho_engine.compat import translate\n",
        ),
        (
            "try:\n    from ptycho.tf_helper import translate\nexcept ValueError:\n    pass\n",
            "try:\n    from ptycho_engine.compat import translate\nexcept ValueError:\n    pass\n",
        ),
        (  # what a guarded definition imports when it is called
            "try:\n    def f():\n        from ptycho.tf_helper import translate\n"
            "except ImportError:\n    f = None\n",
            "try:\n    def f():\n        from ptycho_engine.compat import translate\n"
            "except ImportError:\n    f = None\n",
        ),
    ],
)
def test_becomes(before, after):
    rules = [rule for rule in RULES if "shim" in rule.levels]
    once = rewrite(before, rules).text
    assert once == after
    assert rewrite(once, rules).text == once
    compile(once, "after", "exec")


@pytest.mark.parametrize(
    "body",
    [
        "class T:\n    def setUp(self):\n        self.raw = RawData.from_file('x')\n"
        "    def test(self):\n        self.raw.generate_grouped_data(8)\n",
        "class T:\n    raw: RawData\n"
        "    def test(self):\n        self.raw.generate_grouped_data(8)\n",
        "class T:\n    def make(self) -> RawData: ...\n"
        "    def test(self):\n        raw = self.make()\n        raw.generate_grouped_data(8)\n",
        "def make() -> RawData: ...\nraw = make()\nraw.generate_grouped_data(8)\n",
        "raw = RawData.from_file('x')\nsame = raw\nsame.generate_grouped_data(8)\n",
        "def f(raw: RawData | None = None):\n    raw.generate_grouped_data(8)\n",
        "def f(raw: 'RawData'):\n    raw.generate_grouped_data(8)\n",
        "def f(x):\n    if isinstance(x, RawData):\n        x.generate_grouped_data(8)\n",
        "def f(x):\n    assert isinstance(x, RawData)\n    return x.generate_grouped_data(8)\n",
    ],
)
def test_method_of_what_is_surely_a_raw_data(body):
    text = migrated(f"from ptycho.raw_data import RawData\n{body}")
    assert "compat.generate_grouped_data(" in text
    assert ".generate_grouped_data(8)" not in text
    assert "TODO" not in text


@pytest.mark.parametrize(
    "body",
    [
        "class T:\n    def setUp(self):\n        self.raw = RawData.from_file('x')\n"
        "    def other(self):\n        self.raw = make()\n"
        "    def test(self):\n        self.raw.generate_grouped_data(8)\n",
        "class A:\n    def setUp(self):\n        self.raw = RawData.from_file('x')\n"
        "class B:\n    def test(self):\n        self.raw.generate_grouped_data(8)\n",
        "def f(x):\n    if isinstance(x, RawData):\n        pass\n    x.generate_grouped_data(8)\n",
        "def f(x):\n    if isinstance(x, RawData):\n        pass\n    else:\n"
        "        x.generate_grouped_data(8)\n",
    ],
)
def test_method_of_what_was_rebound_or_asked_elsewhere_is_left(body):
    text = migrated(f"from ptycho.raw_data import RawData\n{body}")
    assert "compat.generate_grouped_data(" not in text.replace("engine.compat.generate", "")
    assert text.count("TODO(ptycho-migrate PE012)") == 1


@pytest.mark.parametrize(
    "binding",
    [
        "self.raw = RawData.from_file('x')\nraw = self.raw",
        "raw = RawData.from_file('x')\nraw = other()",
        "raw = other() if x else RawData.from_file('x')",
        "raw = load_data('x')",
        "for raw in map(RawData.from_file, names):\n    pass",
    ],
)
def test_method_of_what_may_be_a_raw_data_gets_a_comment(binding):
    head = (
        "from ptycho.raw_data import RawData\nfrom ptycho.workflows.components import load_data\n"
    )
    text = migrated(f"{head}{binding}\nraw.generate_grouped_data(8)\n")
    assert "# TODO(ptycho-migrate PE012)" in text
    assert text.endswith("\nraw.generate_grouped_data(8)\n")


@pytest.mark.parametrize("receiver", ["(raw)", "RawData(raw.generate_grouped_data(8))"])
def test_method_in_an_unusual_place_gets_a_comment(receiver):
    head = "from ptycho.raw_data import RawData\nraw = RawData.from_file('x')\n"
    text = migrated(f"{head}{receiver}.generate_grouped_data(8)\n")
    assert "# TODO(ptycho-migrate PE012)" in text
    assert f"{receiver}.generate" in text.replace(
        "compat.generate_grouped_data(raw, 8)", "raw.generate_grouped_data(8)"
    )


@pytest.mark.parametrize(
    "replacement",
    [
        "hh.translate = logged",
        "mock.patch('ptycho.tf_helper.translate').start()",
        "mock.patch.object(hh, 'translate').start()",
        "def t(m):\n    m.setattr(hh, 'translate', logged)",
        "def t(m):\n    m.setattr('ptycho.tf_helper.translate', logged)",
    ],
)
def test_calls_of_what_is_replaced_in_sight_stay_with_one_comment(replacement):
    calls = "hh.translate(1)\nhh.translate(2)\nhh._togrid(1)\n"
    text = migrated(f"import mock\nfrom ptycho import tf_helper as hh\n{replacement}\n{calls}")
    assert text.endswith("\nhh.translate(1)\nhh.translate(2)\ncompat._togrid(1)\n")
    assert text.count("# TODO(") == text.count("TODO(ptycho-migrate PE004)") == 1


def test_a_name_imported_before_it_is_replaced_is_another():
    head = "import mock\nfrom ptycho.tf_helper import translate\n"
    rest = "mock.patch('ptycho.tf_helper.translate').start()\ntranslate(1)\n"
    assert "from ptycho_engine.compat import translate" in migrated(head + rest)


@pytest.mark.parametrize(
    "replacement",
    [
        "@mock.patch('ptycho.raw_data.RawData.from_file')\ndef t(m): ...",
        "def t(m):\n    m.setattr(RawData, 'generate_grouped_data', None)",
        "RawData.generate_grouped_data = None",
        "class Mine(RawData):\n    def generate_grouped_data(self): ...",
    ],
)
def test_methods_that_are_replaced_in_sight_stay_with_one_comment(replacement):
    head = "import mock\nfrom ptycho.raw_data import RawData\nraw = RawData.from_file('x')\n"
    calls = "raw.generate_grouped_data(8)\nraw.generate_grouped_data(9)\n"
    text = migrated(f"{head}{replacement}\n{calls}")
    assert "compat.generate" not in text.replace("engine.compat.generate", "")
    assert text.count("TODO(ptycho-migrate PE012)") == 1
    assert text.count("\nraw.generate_grouped_data(") == 2


CUT = "    from ptycho.raw_data import get_image_patches\n"


@pytest.mark.parametrize("level", ["shim", "native"])
@pytest.mark.parametrize(
    "guard",
    [
        f"try:\n{CUT}except ImportError:\n    get_image_patches = None\n",
        f"try:\n{CUT}except ModuleNotFoundError:\n    HAVE = False\nelse:\n    HAVE = True\n",
        f"try:\n{CUT}except (ValueError, ImportError) as e:\n    print(e)\n",
        f"try:\n{CUT}except Exception:\n    pass\nfinally:\n    pass\n",
        f"try:\n{CUT}except:\n    pass\n",
        f"try:\n    if a:\n    {CUT}except ImportError:\n    pass\n",
        f"def f():\n    try:\n    {CUT}    except ImportError:\n        return\n",
        f"try:\n    from mine import get_image_patches\nexcept ImportError:\n{CUT}",
        f"try:\n{CUT}except* ImportError:\n    pass\n",
        f"try:\n    class A:\n    {CUT}except ImportError:\n    pass\n",
        f"import contextlib\nwith contextlib.suppress(ImportError):\n{CUT}",
        f"from contextlib import suppress\nwith suppress(OSError, ImportError):\n{CUT}",
        "try:\n    from ptycho.raw_data import (\n        RawData,\n        get_image_patches,\n"
        "        get_relative_coords,\n    )\nexcept ImportError:\n    pass\n",
    ],
)
def test_guarded_imports_stay_with_their_calls_and_one_comment(guard, level):
    rules = [rule for rule in RULES if level in rule.levels]
    text = f"{guard}x = get_image_patches(i, m, l, 8, 2)\n"
    once = rewrite(text, rules).text
    assert rewrite(once, rules).text == once
    lines = once.splitlines(keepends=True)
    assert "".join(x for x in lines if not x.lstrip().startswith("#")) == text
    assert once.count("TODO(ptycho-migrate PE001)") == once.count("TODO(") == 1


def test_calls_through_a_guarded_module_are_swapped_and_the_guard_stays():
    guard = "try:\n    import ptycho.tf_helper as hh\nexcept ImportError:\n    HAVE = False\n"
    text = migrated(f"{guard}hh.translate(1)\n")
    assert text == f"from ptycho_engine import compat\n{guard}compat.translate(1)\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "import ptycho.raw_data as rd\nrd.get_image_patches = None\n",
            ("PE004", "ptycho.raw_data.get_image_patches"),
        ),
        (
            "import ptycho.raw_data as rd\ngetattr(rd, 'get_image_patches')\n",
            ("PE004", "ptycho.raw_data.get_image_patches"),
        ),
        (
            "from ptycho.loader import get_image_patches\n",
            ("PE001", "ptycho.loader.get_image_patches"),
        ),
        (
            "from ptycho import loader\nloader.get_image_patches()\n",
            ("PE010", "ptycho.loader.get_image_patches"),
        ),
        (
            "from ptycho.params import get\nget('use_xla_translate')\n",
            ("PE007", "use_xla_translate"),
        ),
        (
            "import ptycho.params\nptycho.params.cfg.pop('use_xla_translate', 1)\n",
            ("PE007", "use_xla_translate"),
        ),
        (
            "from ptycho import params as p\n'use_xla_translate' in p.cfg\n",
            ("PE007", "use_xla_translate"),
        ),
        (
            "from ptycho import params\ndef t(m):\n"
            "    m.setattr(params, 'cfg', {'use_xla_translate': 1})\n",
            ("PE007", "use_xla_translate"),
        ),
        (
            "from ptycho import params as p\ndef f():\n    old = p.cfg['N']\n"
            "    p.cfg['N'] = 3  # not use_xla_translate\n    p.cfg['N'] = old\n",
            ("PE011", "N"),
        ),
    ],
)
def test_is_found(text, expected):
    assert found(text) == [expected]
    migrated(text)


def test_one_comment_speaks_for_all_that_a_statement_holds():
    text = migrated(
        "from ptycho.params import cfg\n"
        "if cfg['use_xla_translate'] and cfg['use_xla_compile']: pass\n"
    )
    assert text.count("TODO(ptycho-migrate PE007)") == 1


@pytest.mark.parametrize("indentation", ["", " " * 8, "\t\t", " " * 40])
def test_comments_stay_below_100_columns_and_lead_on(indentation):
    calls = "p.cfg.update({'use_xla_translate': False, 'use_batched_patch_extraction': True})"
    block = "if 1:\n" * bool(indentation)
    text = migrated(f"from ptycho import params as p\n{block}{indentation}{calls}\n")
    comment = [line for line in text.splitlines() if "#" in line]
    assert len(comment) > 1
    assert all(len(line.expandtabs()) < 100 for line in comment)
    assert all(line.startswith(f"{indentation}#") for line in comment)
    assert "see ptycho-migrate explain PE007" in " ".join(c.strip("\t #") for c in comment)


@pytest.mark.parametrize("indentation", [" " * 56, "\t" * 9, " " * 120])
def test_comments_of_what_stands_far_right_do_too(indentation):
    text = migrated(f"import ptycho\nif 1:\n{indentation}data.generate_grouped_data(64)\n")
    comment = [line for line in text.splitlines() if "#" in line]
    assert all(len(line.expandtabs()) < 100 for line in comment)
    assert "PE012" in " ".join(comment)
    assert migrated(text) == text


def test_comment_that_was_edited_is_not_repeated():
    text = migrated("from ptycho.params import cfg\nx = cfg['use_xla_translate']\n")
    text = text.replace("TODO(ptycho-migrate PE007)", "decided, ptycho-migrate PE007").replace(
        "x =", "# and more\nx ="
    )
    assert migrated(text) == text


RD = "import ptycho.raw_data as rd\n"
BOTH = RD + "from ptycho_engine import compat\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("é = 'üß'; x = rd.get_image_patches\n", "é = 'üß'; x = compat.get_image_patches\n"),
        ("x = f'é{rd.get_image_patches!r}'\n", "x = f'é{compat.get_image_patches!r}'\n"),
        ("x = (rd).get_image_patches\n", "x = compat.get_image_patches\n"),
        ("x = rd.\\\n get_image_patches\n", "x = compat.get_image_patches\n"),
        (
            "x = f'''é\n {rd.get_image_patches(1)} {\n  rd.get_image_patches\n}'''\n",
            "x = f'''é\n {compat.get_image_patches(1)} {\n  compat.get_image_patches\n}'''\n",
        ),
    ],
)
def test_places_in_the_text(before, after):
    """Columns are counted in bytes by Python, in characters by the edits."""
    assert migrated(RD + before) == BOTH + after


@pytest.mark.parametrize(
    "text",
    [
        "if a: pass\nelif p.get('use_xla_translate'):\n    pass\n",
        "x = (1,\n 2); p.set('use_xla_translate', 0)\n",
        "@dec(p.get('use_xla_translate'))\nclass A:\n    pass\n",
        "@one\n@dec(p.get('use_xla_translate'))\ndef f(): pass\n",
        "try: pass\nexcept E: p.set('use_xla_translate', 1)\n",
        "match x:\n    case 1: pass\n    case _ if p.get('use_xla_translate'): pass\n",
    ],
)
def test_comments_stand_above_what_begins_a_line(text):
    head = "from ptycho import params as p\n"
    lines = migrated(head + text).removeprefix(head).splitlines(keepends=True)
    assert lines[0].startswith("# TODO(ptycho-migrate PE007)")
    assert "".join(line for line in lines if not line.startswith("#")) == text


@pytest.mark.parametrize(
    "text",
    [
        "x = [rd.get_image_patches for rd in y]\n",
        "def f():\n    rd = 1\n    def g():\n        return rd.get_image_patches\n",
    ],
)
def test_names_of_inner_scopes_stay(text):
    assert migrated(RD + text) == RD + text


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    global rd\n    rd = 3\nrd.get_image_patches\n",
        "try:\n    pass\nexcept E as rd:\n    pass\nrd.get_image_patches\n",
        "match x:\n    case [*rd]: pass\nrd.get_image_patches\n",
        "y = [(rd := z) for z in x]\nrd.get_image_patches\n",
        "import json as rd\nrd.get_image_patches\n",
    ],
)
def test_names_bound_in_several_ways_are_left(text):
    assert found(RD + text) == [("PE010", "ptycho.raw_data.get_image_patches")]
    assert "compat.get" not in migrated(RD + text)


def test_a_class_does_not_hide_names_from_its_methods():
    body = "class A:\n    rd = 1\n    def f(self):\n        return rd.get_image_patches\n"
    assert migrated(RD + body) == BOTH + body.replace("rd.get", "compat.get")
