"""Which fields of a batch a network gets, and which it is to predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import RequestError, one_of, text_for_list


@dataclass(frozen=True)
class Handover:
    """How fields are handed to a training loop.

    Attributes
    ----------
    inputs, targets : tuple of str or None
        Names of fields; without either, batches stay dictionaries.
    """

    inputs: tuple[str, ...] | None
    targets: tuple[str, ...] | None

    @classmethod
    def of(
        cls, fields: Sequence[str], inputs: Sequence[str] | None, targets: Sequence[str] | None
    ) -> Handover:
        """Check names against the fields that there are.

        Raises
        ------
        RequestError
            If a name is none of them, inputs name none, or there are targets without inputs.
        """
        for what, names in (("inputs", inputs), ("targets", targets)):
            if isinstance(names, str):
                raise RequestError(text_for_list(what, names))
        if inputs is not None and not inputs:
            raise RequestError(
                f"inputs: received {inputs!r}. Expected names of fields, or None for a dictionary "
                "of all."
            )
        for name in (*(inputs or ()), *(targets or ())):
            if name not in fields:
                raise RequestError(one_of("field", name, fields))
        if targets and not inputs:
            raise RequestError(
                f"targets: received {list(targets)} without inputs. Expected both, or neither."
            )
        return cls(*(None if names is None else tuple(names) for names in (inputs, targets)))

    def __call__(self, batch: Mapping[str, Any]) -> Any:
        """Return a batch as (inputs, targets), inputs alone, or as it is.

        A single field is handed over as it is, several as a dictionary.
        """
        if self.inputs is None:
            return dict(batch)
        parts = tuple(
            batch[names[0]] if len(names) == 1 else {name: batch[name] for name in names}
            for names in (self.inputs, self.targets)
            if names
        )
        return parts if len(parts) > 1 else parts[0]
