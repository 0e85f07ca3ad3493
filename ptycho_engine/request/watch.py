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
    is_over : bool
        Whether there is nothing more to say.
    calls : int
        Calls for few patches.
    """

    is_over: bool = False
    calls: int = 0

    def is_due(self, patches: int, sparing: bool) -> bool:
        """Tell whether to look at a call.

        Parameters
        ----------
        patches : int
            How many it cuts.
        sparing : bool
            Whether to leave out ever more calls for few patches, and look at the first, second,
            fourth, eighth one: a look takes about as long as such a call.
        """
        if self.is_over:
            return False
        if not sparing or patches >= MANY:
            return True
        self.calls += 1
        return self.calls & (self.calls - 1) == 0
