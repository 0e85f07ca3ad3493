"""What our objects show of themselves: representations, progress, and where tracebacks end."""

import re
import traceback

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ptycho_engine import (
    Block,
    Engine,
    Host,
    PluginSource,
    extract_patches,
    geometry,
    list_plugins,
    read_scan,
    write_scan,
)
from ptycho_engine.errors import MemoryBudgetError, PtychoEngineError, RequestError
from ptycho_engine.io.catalogue import list_formats
from ptycho_engine.io.scan import Scan
from ptycho_engine.logs import get_logger

IMAGE = np.arange(3000, dtype=np.float32).reshape(50, 60)
POSITIONS = np.random.default_rng(0).uniform(10, 40, (300, 2))


def test_representations_are_read_at_a_glance():
    engine = Engine("numba", options={"threads": 2}, memory_budget="1GiB")
    assert repr(engine) == "Engine(plugin='numba', options={'threads': 2}, memory_budget='1GiB')"
    assert repr(Engine("numba")) == "Engine(plugin='numba', options={'threads': 'auto'})"
    assert re.fullmatch(
        r"Plan\(plugin='numba', chunk_size=1, chunk_count=300, output=300\.0* KiB, "
        r"workspace=[\d.]+ KiB, memory_budget=1\.0* GiB\)",
        repr(engine.plan(IMAGE, POSITIONS, 16)),
    )
    (block,) = engine.stream(IMAGE, POSITIONS, 16)
    assert repr(block) == "Block(start=0, stop=300, patches=float32 300 x 16 x 16)"
    ours = next(source for source in list_plugins() if source.name == "numba")
    assert repr(ours).startswith(
        "PluginSource(name='numba', target='ptycho_engine.plugins.numba', from='ptycho_engine "
    )
    npz = next(source for source in list_formats() if source.name == "npz")
    assert repr(npz).startswith("FormatSource(name='npz', ")
    assert "suffixes='.npz'" in repr(npz)
    scan = Scan(IMAGE, np.array([[1.5, 2.0], [3.0, 40.25]]), "scan.npz", metadata={"probe": IMAGE})
    assert repr(scan) == (
        "Scan(image=float32 50 x 60, positions=2, y 1.5 to 3, x 2 to 40.25, source='scan.npz', "
        "metadata=probe)"
    )


def test_an_output_shows_its_arrays_and_reads_none(tmp_path):
    from ptycho_engine import read_output
    from ptycho_engine.io.store import ArraySpec, Store

    path = tmp_path / "p.npz"
    with Store.create(path, {"patches": ArraySpec((3, 2), np.dtype("f4"))}) as store:
        store.write("patches", (), np.ones((3, 2), "f4"))
    with read_output(path) as output:
        assert repr(output) == "StoredOutput(patches=float32 3 x 2)"
    with pytest.raises(PtychoEngineError) as caught:
        read_output(tmp_path / "not there.npz")
    assert traceback.extract_tb(caught.value.__traceback__)[-1].filename == __file__


def test_an_engine_is_made_again_of_its_representation():
    for engine in (Engine("numba", memory_budget="1GiB"), Engine("numba", options={"threads": 2})):
        again = eval(repr(engine))
        assert repr(again) == repr(engine)


@given(arrays(np.float32, st.tuples(*[st.integers(0, 6)] * 3)))
def test_no_representation_prints_an_array(patches):
    shown = repr(Block(0, len(patches), patches))
    assert len(shown) < 80
    assert " x ".join(map(str, patches.shape)) in shown


def test_notebooks_show_tables_and_no_markup_of_others():
    table = PluginSource("<b>", "m", "<script>", "1", lambda: None)._repr_html_()
    assert table.startswith("<table>")
    assert "&lt;b&gt;" in table
    assert "<script>" not in table
    assert "chunk_size" in Engine("numba").plan(IMAGE, POSITIONS, 16)._repr_html_()


# -- progress --------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["flat", "channel", "grid"])
@pytest.mark.parametrize("given_out", [False, True])
def test_progress_is_shown_on_request_and_changes_no_number(layout, given_out, capsys):
    positions = POSITIONS if layout == "flat" else POSITIONS.reshape(75, 4, 2)
    images = np.stack([IMAGE, -IMAGE])
    engine = Engine("numba")
    expected = engine.extract(images, positions, 16, layout=layout)
    assert capsys.readouterr().err == ""
    out = np.empty_like(expected) if given_out else None
    found = engine.extract(images, positions, 16, layout=layout, out=out, progress=True)
    assert found is out or not given_out
    np.testing.assert_array_equal(found, expected)
    shown = capsys.readouterr()
    assert f"{len(positions)}/{len(positions)}" in shown.err
    assert shown.out == ""


def test_progress_of_a_stream_counts_blocks(capsys):
    blocks = list(Engine("numba").stream(IMAGE, POSITIONS, 16, block_size=70, progress=True))
    assert [block.stop for block in blocks] == [70, 140, 210, 280, 300]
    assert "300/300" in capsys.readouterr().err
    found = extract_patches(IMAGE, POSITIONS, 16, plugin="numba", progress=True)
    np.testing.assert_array_equal(found, np.concatenate([block.patches for block in blocks]))
    assert "300/300" in capsys.readouterr().err


def test_progress_counts_the_block_beside_the_result():
    """Both are held: what fits without progress need not fit with it."""
    budget = 300 * 16 * 16 * 4 + 60_000
    engine = Engine("numba", memory_budget=budget)
    engine.extract(IMAGE, POSITIONS, 16)
    with pytest.raises(MemoryBudgetError):
        engine.extract(IMAGE, np.tile(POSITIONS, (2, 1)), 16, progress=True)


def test_progress_of_tensors_is_refused():
    tf = pytest.importorskip("tensorflow")
    engine = Engine("numba")
    with pytest.raises(RequestError, match="progress: cannot be shown of tensors"):
        engine.extract(tf.constant(IMAGE), POSITIONS, 16, progress=True)
    with pytest.raises(RequestError, match="out: cannot receive tensors"):
        engine.extract(tf.constant(IMAGE), POSITIONS, 16, out=np.empty((300, 16, 16), np.float32))


# -- tracebacks ------------------------------------------------------------------------------

WRONG = {
    "extract": lambda e: e.extract(IMAGE, POSITIONS, 16, fill="zero"),
    "stream": lambda e: e.stream(IMAGE, POSITIONS, 0),
    "plan": lambda e: e.plan(IMAGE, [[0.0]], 16),
    "prepare": lambda e: e.prepare([1.0]),
    "with_budget": lambda e: e.with_budget("much"),
    "an engine": lambda e: Engine("nmuba"),
    "the options of an engine": lambda e: Engine("numba", options={"thread": 1}),
    "the function": lambda e: extract_patches(IMAGE, POSITIONS, -1),
    "reading": lambda e: read_scan("npz", "nix.npz"),
    "writing": lambda e: write_scan("nix.doc", Scan(IMAGE, POSITIONS, "made")),
    "another order": lambda e: geometry.from_xy([[0.0]]),
    "metres": lambda e: geometry.to_metres(POSITIONS, 0.0),
    "another centre": lambda e: geometry.from_centre(POSITIONS, (4, 4), 2, "nix"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_errors_end_at_the_callers_line(kind):
    engine = Engine("numba")
    with pytest.raises(PtychoEngineError) as caught:
        WRONG[kind](engine)
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert [frame.filename for frame in frames] == [__file__, __file__]
    assert frames[-1].name == "<lambda>"


def test_faults_keep_the_line_where_they_came_up():
    from ptycho_engine import hookimpl

    class Failing:
        @hookimpl
        def extract_patches(self):
            raise ZeroDivisionError("inside")

    with pytest.raises(ZeroDivisionError) as caught:
        Engine(Failing(), host=Host([])).extract(IMAGE, POSITIONS, 16)
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "extract_patches"


def test_errors_inside_a_graph_end_at_the_callers_line():
    tf = pytest.importorskip("tensorflow")

    def cut():
        return Engine("batched").extract(tf.constant(IMAGE), POSITIONS, 16, fill="zero")

    with tf.Graph().as_default(), pytest.raises(RequestError, match="fill 'zero'"):
        cut()
    with pytest.raises(RequestError, match="fill 'zero'") as caught:
        tf.function(cut)()
    assert __file__ in str(caught.value)  # AutoGraph writes lines into the message
    assert "tensors.py" not in str(caught.value)
    assert "cut.py" not in str(caught.value)


# -- events ----------------------------------------------------------------------------------


def test_events_read_well_where_nobody_has_set_logging_up(caplog):
    get_logger().warning("doubtful_positions", reason="they may be metres.")
    get_logger().warning("code_not_kept", path="a.nbi", count=2)
    assert caplog.messages == [
        "ptycho_engine: warning: they may be metres.",
        "ptycho_engine: warning: code_not_kept: path='a.nbi', count=2",
    ]
