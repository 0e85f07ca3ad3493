"""How far the legacy numbers and ours lie apart on a scan."""

from .effects import Comparison, Effect
from .summary import write_report
from .trials import compare_scan

__all__ = ["Comparison", "Effect", "compare_scan", "write_report"]
