"""Stands in for PtychoPINN: a few functions of the same names, signatures and numbers, in NumPy.

With ``STAND_IN_REFUSES`` set they refuse, which shows that migrated code no longer calls them.
"""

import os


def still_used(name):
    """Refuse a call that should have been migrated."""
    if os.environ.get("STAND_IN_REFUSES"):
        raise RuntimeError(f"ptycho's {name} is still called")
