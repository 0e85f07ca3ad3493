"""A tree of 500 files."""

import time

import pytest
from ptycho_engine.migrations.codemod.job import Settings
from ptycho_engine.migrations.codemod.pool import migrate_all

pytestmark = pytest.mark.slow

HEAD = "from ptycho import params as p, tf_helper as hh\nimport ptycho.raw_data as rd\n"
BODY = '''
def function_{n}(image, offsets, *, side=2, **more):
    """Text of some length, as functions have it."""
    values = [value * side for value in range({n}) if value % 2]
    for key, value in more.items():
        if key in values and value is not None:
            values.append(len(key) + {n})
    return {call}(image, offsets), dict(zip(values, values))

'''


def source(n):
    """Return 180 lines; one file in five uses legacy functions, in three of its twenty."""
    legacy = n % 5 == 0
    head = HEAD if n % 2 == 0 or legacy else "import os\n"
    calls = ["rd.get_image_patches" if legacy and i % 7 == 0 else "print" for i in range(20)]
    return head + "".join(BODY.format(n=i, call=call) for i, call in enumerate(calls))


def test_500_files_on_two_cores(tmp_path, capsys):
    paths = [tmp_path / f"module_{n}.py" for n in range(500)]
    for n, path in enumerate(paths):
        path.write_text(source(n))
    start = time.perf_counter()
    outcomes = list(migrate_all(paths, Settings(), jobs=2))
    seconds = time.perf_counter() - start
    with capsys.disabled():
        print(f"\n500 files, {sum(o.changed for o in outcomes)} changed: {seconds:.1f} s")
    assert len(outcomes) == 500
    assert sum(o.changed for o in outcomes) == 100
    assert not any(o.error for o in outcomes)
    assert seconds < 20
