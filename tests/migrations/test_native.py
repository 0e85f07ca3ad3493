"""Calls spelt out for the engine: the same numbers, or the drop-in."""

import sys
import types
import warnings

import numpy as np
import pytest
from ptycho_engine.migrations.codemod.rewrite import rewrite
from ptycho_engine.migrations.rules import RULES

from ptycho_engine import compat
from ptycho_engine.geometry import layouts

IMPORT = "from ptycho.raw_data import get_image_patches\n"
DROP_IN = "from ptycho_engine.compat import get_image_patches\n"
LEVELS = {level: [r for r in RULES if level in r.levels] for level in ("shim", "native")}


def native(text):
    once = rewrite(text, LEVELS["native"]).text
    assert rewrite(once, LEVELS["native"]).text == once
    compile(once, "after", "exec")
    return once


def is_spelt_out(text):
    after = native(text)
    assert "TODO(ptycho-migrate PE005)" not in after
    return "extract_patches(" in after


def run(text, **names):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(text, "migrated", "exec"), names)
        return names["cut"]()


@pytest.mark.tensorflow
@pytest.mark.parametrize("members", [1, 4])
@pytest.mark.parametrize("side", [1, 2])
@pytest.mark.parametrize(
    "arguments",
    [
        "image, means, relative, 8, side",
        "image, means, relative, gridsize=side, N=8",
        "image, means, local_offsets=relative, N=8, gridsize={side}",
        "image, means, relative, 8, (side + 1) - 1",
    ],
)
def test_numbers_are_those_of_the_drop_in(members, side, arguments, monkeypatch):
    """Also where ``gridsize ** 2`` is not the number of members, and the first offsets are cut."""
    params = types.SimpleNamespace(cfg={"N": 64, "gridsize": 3})
    monkeypatch.setitem(sys.modules, "ptycho.params", params)
    rng = np.random.default_rng(1)
    names = {
        "image": (rng.normal(size=(40, 50)) + 1j * rng.normal(size=(40, 50))).astype("complex64"),
        "means": rng.uniform(8, 32, (3, 1, 2, 1)),
        "relative": rng.uniform(-4, 4, (3, 1, 2, members)),
        "side": side,
    }
    call = arguments.format(side=side)
    text = f"{IMPORT}side = {side}\ndef cut():\n    return get_image_patches({call})\n"
    assert is_spelt_out(text)
    if members < side**2:
        for level in LEVELS.values():
            with pytest.raises(ValueError, match="Expected"):
                run(rewrite(text, level).text, **names)
        return
    before, after = (run(rewrite(text, level).text, **names) for level in LEVELS.values())
    assert before.shape == after.shape == (3, 8, 8, side**2)
    assert before.dtype == after.dtype
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(
    "text",
    [
        "x = get_image_patches(i, m, l, 8, 2)",
        "N = 8\nx = get_image_patches(i, m, l, N, 2)",
        "def f(n, g=2):\n    return get_image_patches(i, m, l, n, g)",
        "def f(n: int, *, g: int = 2):\n    return get_image_patches(i, m, l, n, g)",
        "def f(n):\n    return get_image_patches(i, m, l, n, 2)\ndef g(n=None):\n    return n",
        "n = None\ndef f(n):\n    return get_image_patches(i, m, l, n, 2)",
        "for n in range(1, 9):\n    get_image_patches(i, m, l, n // 2, n % 2 + 1)",
        "from sizes import N\nx = get_image_patches(i, m, l, N, 2)",
        "def f(k=None):\n    n = int(k or 8)\n    return get_image_patches(i, m, l, n, 2)",
    ],
)
def test_numbers_are_known(text):
    assert is_spelt_out(IMPORT + text + "\n")


@pytest.mark.parametrize(
    "text",
    [
        "x = get_image_patches(i, m, l)",
        "def f(d):\n    _, n, _ = d.shape\n    return get_image_patches(i, m, l, n, 2)",
        "x = get_image_patches(i, m, l, d.shape[1], c.gridsize)",
        "class C:\n    N: int = 64\nx = get_image_patches(i, m, l, c.N, 2)",
        "p.add_argument('--size', type=int, default=8)\nget_image_patches(i, m, l, a.size, 2)",
        "p.add_argument('--size', required=True)\nget_image_patches(i, m, l, a.size, 2)",
        "n = 8\nn += 1\nm = n\nx = get_image_patches(i, m, l, m, 2)",
        "x = get_image_patches(i, m, l, 8)",
        "x = get_image_patches(i, m, l, N=8, gridsize=None)",
        "x = get_image_patches(i, m, l, gridsize=2)",
        "x = get_image_patches(i, m, l, 8, 2, config=c)",
        "def f(N=None, gridsize=None):\n"
        "    return get_image_patches(i, m, l, N=N, gridsize=gridsize)",
        "def f(n, g: int | None):\n    return get_image_patches(i, m, l, n, g)",
        "def f(n: 'Optional[int]' = 8):\n    return get_image_patches(i, m, l, n, 2)",
        "def f(*n):\n    return get_image_patches(i, m, l, n, 2)",
        "def f(n=None):\n    def g():\n        return get_image_patches(i, m, l, n, 2)",
        "def f(n=None):\n    n = n or 8\n    return get_image_patches(i, m, l, n, 2)",
        "f = lambda n=None: get_image_patches(i, m, l, n, 2)",
        "n = 8\ndef f():\n    global n\n    n = None\nx = get_image_patches(i, m, l, n, 2)",
        "x = get_image_patches(i, m, l, n, 2)",
        "a = b\nb = a\nx = get_image_patches(i, m, l, a, 2)",
        "with f() as n:\n    get_image_patches(i, m, l, n, 2)",
        "for n in sizes:\n    get_image_patches(i, m, l, n, 2)",
        "n = 8 if x else None\nx = get_image_patches(i, m, l, n, 2)",
        "x = get_image_patches(i, m, l, n or 8, 2)",
        "x = get_image_patches(i, m, l, c.get('N'), 2)",
        "x = get_image_patches(i, m, l, c['N'], 2)",
        "x = get_image_patches(i, m, l, 8, True)",
        "class C:\n    g: int | None\nx = get_image_patches(i, m, l, 8, c.g)",
        "class C:\n    def __init__(self, g=None):\n        self.g = g\n"
        "x = get_image_patches(i, m, l, 8, c.g)",
        "p.add_argument('-g', '--grid-size', type=int)\n"
        "x = get_image_patches(i, m, l, 8, a.grid_size)",
        "x = get_image_patches(gridsize=2, gt_image=i, global_offsets=m, local_offsets=l, N=8)",
        "x = get_image_patches(i, m, l, gridsize=c.g, N=int(f()))",
        'x = f"{get_image_patches(i, m, l, 8, 1)!r:>{10}}"',
        'x = f"{len(get_image_patches(i, m, l, 8, 1))}"',
        "x = map(get_image_patches, many)",
        "try:\n    import a\nexcept ImportError:\n    get_image_patches = None\n"
        "x = get_image_patches(i, m, l, 8, 2)",
    ],
)
def test_what_is_not_certain_stays_without_a_comment(text):
    after = native(f"{IMPORT}{text}\n")
    lines = [x for x in after.splitlines(keepends=True) if "import ptycho.params as" not in x]
    assert "".join(lines) == f"{DROP_IN}{text}\n"


def test_the_comment_names_the_mirror():
    after = native(f"{IMPORT}x = get_image_patches(i, m, l, 8, 2)\n")
    assert "mirror the members (without, patches move by pixels)" in after


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    "rest",
    ["x = globals()['get_image_patches']", "x = eval('get_image_patches')", "x = cut and 1"],
)
def test_the_name_stays_for_other_files_and_strings(rest):
    head = "def cut():\n    return get_image_patches(image, means, relative, 8, 2)\n"
    names = {}
    exec(native(f"{IMPORT}{head}{rest}\n"), names)
    assert names["get_image_patches"].deprecation == "PED002"
    assert names["x"]


def test_layouts_are_not_the_drop_ins():
    """If they were, a rule could rewrite them."""
    x = np.arange(16.0).reshape(1, 2, 2, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        old = compat._channel_to_flat(x)
    new = layouts.channel_to_flat(x)
    assert type(old) is not type(new)
    assert old.shape == (*new.shape, 1)
    np.testing.assert_array_equal(old[..., 0], new)
