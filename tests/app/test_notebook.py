"""The command and the bar of progress in a cell of a notebook, as a kernel runs it."""

import pytest

nbclient = pytest.importorskip("nbclient", reason="needs nbclient and ipykernel")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")

pytestmark = pytest.mark.slow
COMMAND = """
from ptycho_engine.app.command import main
main(["plugin=numba", "patch_size=8", "scan.points=5", "output.path=cut.h5", "{}"])
"""
AGAIN = COMMAND.format("output.overwrite=true")
PROGRESS = """
import numpy as np
from ptycho_engine import Engine
Engine("numba").extract(np.ones((64, 64)), np.full((500, 2), 32.0), 8, progress=True).shape
"""
INTERRUPTED = """
import os, signal, threading, time
threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
time.sleep(60)
"""
REFUSED = 'main(["patch_sizes=8"])'


@pytest.fixture
def run(tmp_path):
    """Execute cells in one kernel, in a folder of their own; return what each put out."""

    def run(*sources):
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        notebook = nbformat.v4.new_notebook(cells=cells)
        # The kernel of this name is that of the interpreter that runs the tests.
        client = nbclient.NotebookClient(
            notebook, timeout=120, allow_errors=True, kernel_name="python3"
        )
        client.execute(cwd=str(tmp_path))
        return [cell.outputs for cell in notebook.cells]

    return run


def text_of(outputs, name):
    return "".join(o.text for o in outputs if o.output_type == "stream" and o.name == name)


def test_the_command_runs_twice_and_interrupts_stay_pythons(run, tmp_path):
    first, again, refused, interrupted = run(
        COMMAND.format("output.overwrite=false"), AGAIN, REFUSED, INTERRUPTED
    )
    for outputs in first, again:
        assert text_of(outputs, "stdout").strip() == str(tmp_path / "cut.h5")
        assert not [o for o in outputs if o.output_type == "error"]
    assert "patch_size" in text_of(refused, "stderr")
    assert [o.ename for o in refused if o.output_type == "error"] == ["SystemExit"]
    assert [o.ename for o in interrupted if o.output_type == "error"] == ["KeyboardInterrupt"]


def test_progress_is_shown(run):
    (outputs,) = run(PROGRESS)
    assert "(500, 8, 8)" in [
        o.data["text/plain"] for o in outputs if o.output_type == "execute_result"
    ]
    assert any(o.output_type in ("display_data", "stream") for o in outputs)
