"""``ptycho-migrate config old.py``: literals are taken, what else is set is remarked on."""

import pytest
from ptycho_engine.migrations.settings.python import read_python


def test_python_of_which_something_stays():
    values, remarks = read_python(
        "from ptycho import params as p\nimport other as q\n"
        "p.set('N', size)\np.set('gridsize', 1)\np.set('gridsize', 2)\nq.set('nphotons', 3)\n"
        "p.params()['offset'] = 4\n"
    )
    assert values == {"gridsize": 2}
    assert remarks == [
        "line 3: N is set to an expression; write its value yourself",
        "line 5: gridsize was 1 above; 2 counts",
    ]


PYTHON = """\
import dataclasses
from ptycho import params as p
from ptycho.config.config import ModelConfig, TrainingConfig, update_legacy_dict
p.set('N', 64)
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p.cfg.update(gridsize=2, n_groups=33)", {"gridsize": 2, "n_groups": 33}),
        ("p.cfg.update(dict(gridsize=2, n_groups=33))", {"gridsize": 2, "n_groups": 33}),
        ("p.cfg.update([('gridsize', 2)])", {"gridsize": 2}),
        ("p.cfg |= {'gridsize': 2}", {"gridsize": 2}),
        ("p.set(key='gridsize', value=2)", {"gridsize": 2}),
        ("p.set('gridsize', value=2)", {"gridsize": 2}),
        ("N, gridsize = 64, 2", {"gridsize": 2}),
        ("settings = dict(gridsize=2, n_groups=5)", {"gridsize": 2, "n_groups": 5}),
        ("cfg = p.cfg\ncfg['gridsize'], cfg['n_groups'] = 2, 5", {"gridsize": 2, "n_groups": 5}),
        ("if __name__ == '__main__':\n    mine = {'gridsize': 2}", {"gridsize": 2}),
        ("def f():\n    c = {'gridsize': 2}\n    update_legacy_dict(p.cfg, c)", {"gridsize": 2}),
        (
            "c = TrainingConfig(ModelConfig())\nc.n_groups = 77; c.model.gridsize = 2",
            {"n_groups": 77, "gridsize": 2},
        ),
        (
            "c = TrainingConfig(ModelConfig(64, 2), 'x.npz')\nupdate_legacy_dict(p.cfg, c)",
            {"gridsize": 2, "train_data_file": "x.npz"},
        ),
        (
            "c = TrainingConfig(ModelConfig())\ndataclasses.replace(c, **{'n_groups': 7})",
            {"n_groups": 7},
        ),
        (
            "c = TrainingConfig(ModelConfig())\nc = dataclasses.replace(c, n_groups=7)\nc.K = 9",
            {"n_groups": 7, "K": 9},
        ),
        (
            "c = TrainingConfig(ModelConfig())\nd = dataclasses.replace(c)\nd.n_groups = 7",
            {"n_groups": 7},
        ),
        ("c = dataclasses.replace(c, n_groups=5)\nc.n_groups = 7", {}),
        ("c = dataclasses.replace(d)\nd = dataclasses.replace(c)\nd.n_groups = 7", {}),
        ("update_legacy_dict(dictionary=p.cfg, dataclass_obj={'n_groups': 7})", {"n_groups": 7}),
        (
            "from ptycho.params import cfg\nmine = cfg\nmine['n_groups'] = 7",
            {"n_groups": 7},
        ),
        (
            "s = {'N': 64}\ns['gridsize'] = 2\ns.update(n_groups=5)\ns |= {'K': 3}",
            {"gridsize": 2, "n_groups": 5, "K": 3},
        ),
        ("s = {'N': 64}\ndef f(s):\n    s['gridsize'] = 2", {}),
        ("p.cfg.setdefault('N', 12)", {}),  # is set above, so that this does nothing
        ("def f():\n    gridsize = 2", {}),
    ],
)
def test_python_that_sets_literals_in_any_form(text, expected):
    assert read_python(f"{PYTHON}{text}\n") == ({"N": 64} | expected, [])


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("for k, v in {'gridsize': 2}.items(): p.set(k, v)", "what p.set(k, v) sets does not"),
        ("s = {'N': 64}; s[key] = 2", "what s[key] sets does not stand here"),
        ("p.cfg[key] = 2", "what p.cfg[key] sets does not stand here"),
        ("p.cfg.update(given)", "what given sets does not stand here"),
        ("p.cfg.update(**given)", "what given sets does not stand here"),
        ("p.cfg['gridsize'] += 1", "gridsize is set to an expression"),
        ("p.set('gridsize', value=size)", "gridsize is set to an expression"),
        ("gridsize += 1", "gridsize is set to an expression"),
        ("ModelConfig(64, 2, 3)", "what 3 sets does not stand here"),
        ("TrainingConfig(model=given)", "model is set to an expression"),
        ("def f(c): update_legacy_dict(p.cfg, c)", "what c sets does not stand here"),
        ("p.cfg = {'N': 64}", "all parameters are dropped here; what was set above still counts"),
        ("del p.cfg['N']", "N is dropped here; what was set above still counts"),
    ],
)
def test_python_whose_settings_do_not_stand_there_is_remarked_on(text, remark):
    values, remarks = read_python(f"{PYTHON}{text}\n")
    assert values["N"] == 64
    assert len(remarks) == 1
    assert remarks[0].startswith(f"line 5: {remark}")


def test_python_that_sets_what_is_not_set_yet():
    values, remarks = read_python("from ptycho.params import cfg\ncfg.setdefault('N', 12)\n")
    assert values == {"N": 12}
    assert remarks == ["line 2: N is set only if it was not set before; 12 counts"]
