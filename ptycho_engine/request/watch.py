"""Which of many calls are looked at for doubtful positions, and whether that has been said."""

from __future__ import annotations

from dataclasses import dataclass

#: Patches beside which the look at their positions takes no time.
MANY = 2048


@dataclass
class Watch:
    """What has been looked at so far, of the calls of an engine or on a prepared object.

    Attributes
    ----------
    sparing : bool
        Whether to leave out ever more calls for few patches, and look at the first, second,
        fourth, eighth one: a look takes about as long as such a call.
    is_over : bool
        Whether there is nothing more to say.
    calls : int
        Calls for few patches.
    """

    sparing: bool = False
    is_over: bool = False
    calls: int = 0

    def is_due(self, patches: int) -> bool:
        """Tell whether to look at a call that cuts so many patches."""
        if self.is_over:
            return False
        if not self.sparing or patches >= MANY:
            return True
        self.calls = calls = self.calls + 1
        return calls & (calls - 1) == 0
