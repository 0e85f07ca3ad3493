"""The numbered rules, one per file; ``PE001.md`` and so on are their pages."""

from __future__ import annotations

from . import (
    pe001_imported_functions,
    pe002_module_attributes,
    pe003_moved_functions,
    pe004_patched_names,
    pe005_native_calls,
    pe006_star_imports,
    pe007_parameters,
    pe008_dataclass_fields,
    pe009_environment,
    pe010_uncertain_names,
    pe011_saved_parameters,
    pe012_grouping_method,
)

#: In the order in which they are applied: what is rewritten, then what is left.
RULES = (
    pe005_native_calls.RULE,
    pe003_moved_functions.RULE,
    pe001_imported_functions.RULE,
    pe002_module_attributes.RULE,
    pe012_grouping_method.RULE,
    pe004_patched_names.RULE,
    pe006_star_imports.RULE,
    pe007_parameters.RULE,
    pe008_dataclass_fields.RULE,
    pe009_environment.RULE,
    pe010_uncertain_names.RULE,
    pe011_saved_parameters.RULE,
)
