"""Writers, one module for each format: an output appears whole by rename, or not at all."""

from .base import OutputHeader, Writer
from .output import check_output, open_writer
from .stored import StoredOutput, read_output

__all__ = [
    "OutputHeader",
    "StoredOutput",
    "Writer",
    "check_output",
    "open_writer",
    "read_output",
]
