"""Legacy names reached in roundabout ways are found, once; what looks like it stays."""

import pytest
from comments import comments, left
from ptycho_engine.migrations.codemod.rewrite import rewrite
from ptycho_engine.migrations.rules import RULES

P = "from ptycho import params as p\n"
RD = "import ptycho.raw_data as rd\n"
CONFIG = "from ptycho.config.config import ModelConfig, TrainingConfig\n"
DOTTED = "ptycho.raw_data.get_image_patches"
BATCHED, BATCH_SIZE = "use_batched_patch_extraction", "patch_extraction_batch_size"
XLA = "use_xla_translate"


@pytest.mark.parametrize(
    "use",
    [
        f"{RD}alias = rd\nalias.get_image_patches(1)\n",
        f"{RD}alias = rd\nagain = alias\nagain.get_image_patches(1)\n",
        f"{RD}for m in (rd, None):\n    m.get_image_patches(1)\n",
        f"{RD}for name, m in (('rd', rd),):\n    m.get_image_patches(1)\n",
        f"{RD}x = [m.get_image_patches for m in [rd]]\n",
        f"{RD}def h(mod=rd):\n    return mod.get_image_patches(1)\n",
        f"{RD}m = rd if x else None\nm.get_image_patches(1)\n",
        f"{RD}(m := rd).get_image_patches(1)\n",
        f"{RD}class A:\n    m = rd\n    def f(self):\n        return self.m.get_image_patches(1)\n",
        f"{RD}class A:\n    def f(self):\n        self.m = rd\n        self.m.get_image_patches\n",
        "from importlib import import_module\nimport_module('ptycho.raw_data').get_image_patches\n",
        "import importlib as i\nm = i.import_module('.raw_data', 'ptycho')\nm.get_image_patches\n",
        "__import__('ptycho.raw_data', fromlist=['x']).get_image_patches(1)\n",
        "__import__('ptycho.raw_data').raw_data.get_image_patches(1)\n",
        "import sys\nsys.modules['ptycho.raw_data'].get_image_patches(1)\n",
        "import pytest\nm = pytest.importorskip('ptycho.raw_data')\nm.get_image_patches(1)\n",
        f"{RD}m = rd\nf = getattr(m, 'get_image_patches')\n",
        "import ptycho\ngetattr(ptycho, 'raw_data').get_image_patches\n",
    ],
)
def test_modules(use):
    ((rule, _, name),) = left(use)
    assert (rule, name) == ("PE010", DOTTED)


@pytest.mark.parametrize(
    "text",
    [
        f"{RD}import numpy as np\nalias = np\nalias.get_image_patches(1)\n",
        f"{RD}alias = rd\ndef f(alias):\n    return alias.get_image_patches(1)\n",
        f"{RD}alias = rd\nalias.RawData\n'abc'.translate({{}})\n",
        f"{RD}alias = rd.RawData('x')\nalias.get_image_patches(1)\n",
        f"{RD}class A:\n    m = rd\nclass B:\n    def f(self):\n        self.m.get_image_patches\n",
        "import mine  # ptycho\nmine.import_module('ptycho.raw_data').get_image_patches(1)\n",
        "import importlib  # ptycho\nimportlib.import_module('mine').get_image_patches(1)\n",
        "from ptycho_torch import helper\nh = helper\nh.translate(1)\n",
        "def __import__(x): ...\n__import__('ptycho.raw_data').raw_data.get_image_patches\n",
        "modules = {}\nmodules['ptycho.raw_data'].get_image_patches\n",
    ],
)
def test_what_looks_like_a_module_stays(text):
    assert rewrite(text, RULES).text == text


@pytest.mark.parametrize(
    ("use", "name"),
    [
        ("hh.translate(1, 2)", "hh.translate"),
        ("get_image_patches(1)", "get_image_patches"),
        (f"params.set('{XLA}', 0)", "params"),
        (f"p.cfg['{XLA}'] = 0", "p.cfg"),
        (f"cfg.update({{'{XLA}': 0}})", "cfg"),
        (f"cfg.update({XLA}=0)", "cfg"),
    ],
)
def test_stars_pass_names_on(use, name):
    text = f"from ptycho.nbutils import *\nfrom ptycho.train import *\n{use}\n"
    assert left(text) == [("PE006", 1, "ptycho.nbutils.*")]
    (comment,) = comments(text)
    assert f" {name} may come from it" in comment


@pytest.mark.parametrize(
    "use",
    [
        "from mine import hh\nhh.translate(1)",
        "def f(hh):\n    return hh.translate(1)",
        "'abc'.translate(1); str.translate; 'x'.join([]).translate(1)",
        f"set({{'{XLA}'}}); print('{XLA}')",
        f"settings = {{}}\nsettings['{XLA}'] = 0\nsettings.update({XLA}=1)",
        f"names.append('{XLA}')",
        f"params.set('N', 0)  # {XLA}",
    ],
)
def test_what_no_star_passes_on_stays(use):
    text = f"from ptycho.nbutils import *\n{use}\n"
    assert rewrite(text, RULES).text == text


def test_only_stars_of_ptycho_count():
    text = "import ptycho\nfrom ptycho_torch.all import *\nfrom .train import *\nhh.translate(1)\n"
    assert rewrite(text, RULES).text == text


@pytest.mark.parametrize(
    "use",
    [
        f"kw = dict(N=64, {BATCHED}=True)\nModelConfig(**kw)",
        f"kw = {{'N': 64}}\nkw['{BATCHED}'] = True\nModelConfig(**kw)",
        f"ModelConfig(**{{'{BATCHED}': True}})",
        f"import dataclasses\nm = ModelConfig()\ndataclasses.replace(m, {BATCHED}=False)",
        f"from dataclasses import replace\ndef f(m):\n    return replace(m, {BATCHED}=False)",
        f"m = ModelConfig()\nm.{BATCHED} = True",
        f"t = TrainingConfig(model=m)\nt.model.{BATCHED} = True",
        f"def f(m: ModelConfig):\n    m.{BATCHED} = True",
        f"m: ModelConfig = make()\nsetattr(m, '{BATCHED}', True)",
    ],
)
def test_fields(use):
    ((rule, _, name),) = left(f"{CONFIG}{use}\n")
    assert (rule, name) == ("PE008", BATCHED)


@pytest.mark.parametrize(
    "use",
    [
        f"from mine import Config\nm = Config()\nm.{BATCHED} = True",
        f"def f(m):\n    m.{BATCHED} = True\n    setattr(m, '{BATCHED}', 1)",
        f"from mine import replace\nreplace(ModelConfig(), {BATCHED}=True)",
        f"import dataclasses\nfrom mine import Config\ndataclasses.replace(Config(), {BATCHED}=1)",
        f"kw = dict({BATCHED}=True)\nother(**kw)",
        f"m = ModelConfig()\nm = other()\nm.{BATCHED} = True",
        f"m = ModelConfig()\ndef f(m):\n    m.{BATCHED} = True",
    ],
)
def test_other_fields_stay(use):
    assert rewrite(f"{CONFIG}{use}\n", RULES).text == f"{CONFIG}{use}\n"


@pytest.mark.parametrize(
    "use",
    [
        "env = dict(os.environ, USE_XLA_TRANSLATE='0')",
        "os.system('USE_XLA_TRANSLATE=0 python x.py')",
        "os.system(f'cd {here}; USE_XLA_TRANSLATE=0 python x.py')",
        "run(['env', 'USE_XLA_TRANSLATE=0', 'python'])",
    ],
)
def test_variables(use):
    assert left(f"import os  # ptycho\n{use}\n") == [("PE009", 2, "USE_XLA_TRANSLATE")]


@pytest.mark.parametrize(
    "use",
    [
        "os.system('MY_USE_XLA_TRANSLATE=0 python x.py')",
        "print('see USE_XLA_TRANSLATE below')",
        "def f():\n    '''Run with USE_XLA_TRANSLATE=0.'''",
        "f(use_xla_translate=0)",
        "USE_XLA_TRANSLATE = 0",
    ],
)
def test_other_variables_stay(use):
    text = f"import os  # ptycho\n{use}\n"
    assert rewrite(text, RULES).text == text


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            "from mock import patch\n@patch('ptycho.raw_data.get_image_patches')\n"
            "@patch('ptycho.raw_data.get_relative_coords')\ndef t(a, b): pass\n",
            ["get_image_patches", "get_relative_coords"],
        ),
        (f"{CONFIG}ModelConfig({BATCHED}=True, {BATCH_SIZE}=64)\n", [BATCHED, BATCH_SIZE]),
        (f"{P}p.cfg.update({{'{XLA}': False, '{BATCHED}': True}})\n", [XLA, BATCHED]),
    ],
)
def test_one_comment_names_all_that_a_statement_holds(text, names):
    left(text)
    (comment,) = comments(text)
    for name in names:
        assert name in comment
    assert comment.count("; see ") == 1
    assert comment.count("migrated code calls") <= 1


@pytest.mark.parametrize(
    "line",
    ["d = {**d, 'a': 1}", "d = d or e\ne = d if d else e", "for d in d: e = d", "d, e = e, d",
     "for d, e in d.items(): e = {**e, **d}", "for d in e: pass\nfor e in d: pass",
     "d = dict(d, **d)", "d['a'] = d"],
)  # fmt: skip
def test_names_that_lead_in_circles_end(line):
    uses = f"p.cfg.update(d)\nModelConfig(**d)\np.set(d, e)\nd.translate\nx = '{XLA}'\n"
    assert left(f"{P}{CONFIG}d = e = p\n" + f"{line}\n" * 40 + uses)
