"""A scan that the jobs of `runner_jobs` work on."""

import pytest
from runner_jobs import CHUNK_BYTES, write_scan_file

from ptycho_engine.io.containers import zarr


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working folder, with ``scan.npz`` in it; chunks of outputs hold a few patches."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(zarr, "CHUNK_BYTES", CHUNK_BYTES)
    write_scan_file("scan.npz")
    return tmp_path
