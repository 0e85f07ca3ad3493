"""The numbered rules, with ``PE001.md`` and so on as their pages."""

from __future__ import annotations

from . import (
    pe001_functions,
    pe004_patched_names,
    pe005_native_calls,
    pe006_star_imports,
    pe007_parameters,
    pe009_environment,
    pe010_uncertain_names,
    pe012_grouping_method,
)

#: In the order in which they are applied: what is rewritten, then what is left.
RULES = (
    pe005_native_calls.RULE,
    pe001_functions.ELSEWHERE,
    pe001_functions.IMPORTED,
    pe001_functions.REACHED,
    pe012_grouping_method.RULE,
    pe004_patched_names.RULE,
    pe006_star_imports.RULE,
    pe007_parameters.CHOSEN,
    pe007_parameters.FIELDS,
    pe009_environment.RULE,
    pe010_uncertain_names.RULE,
    pe007_parameters.PUT_BACK,
)
