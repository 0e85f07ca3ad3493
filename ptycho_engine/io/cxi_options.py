"""What CXI files leave open, and how it may be decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from ..errors import one_of
from ..geometry import CENTRES
from .frames import pixel_size_option
from .scan import LayerAxis

CHOICES = {
    "motion": ("sample", "probe"),
    "energy": ("photon", "machine"),
    "basis": ("file", "plain"),
    "propagation": ("far", "near"),
    "good": ("zero", "nonzero"),
    "layers": get_args(LayerAxis),
}

#: Choices that the file itself may make.
OPTIONAL = ("energy", "propagation")


@dataclass(frozen=True)
class Options:
    """Options of the format: what its files leave open.

    Attributes
    ----------
    motion : {"sample", "probe"}
        What `translation` moves: the sample, as the format has it, or the probe over it.
    basis : {"file", "plain"}
        ``file`` takes `basis_vectors`, or rows down and columns to the right if there are none;
        ``plain`` counts rows along y and columns along x, as ptychodus does.
    energy : {"photon", "machine"}, optional
        What `source_1/energy` is. By default that of the machine in NXcxi_ptycho, else that of a
        photon.
    propagation : {"far", "near"}, optional
        How the size of an object pixel follows from the detector, if the file does not say it:
        ``near`` takes that of the detector. By default what we recorded in it, else ``far``.
    pixel_size : float, optional
        Metres of an object pixel, in place of what follows.
    good : {"zero", "nonzero"}
        Which values of the mask are good pixels.
    layers : {"mode", "slice"}
        What the planes of an object are, where there are several and the file does not say.
    centre : str, optional
        Where in the object positions are zero, if not at its first pixel: the program and version
        that counts from the middle, or ``middle``; one of `ptycho_engine.geometry.CENTRES`.
    entry : str, optional
        The entry that is read, for instance ``entry_2``; the first by default.
    """

    motion: str = "sample"
    basis: str = "file"
    energy: str | None = None
    propagation: str | None = None
    pixel_size: float | None = None
    good: str = "zero"
    layers: str = "mode"
    centre: str | None = None
    entry: str | None = None

    def __post_init__(self) -> None:
        if self.centre is not None and self.centre not in CENTRES:
            raise ValueError(one_of("centre", self.centre, CENTRES))
        for name, values in CHOICES.items():
            value = getattr(self, name)
            if value not in values and not (name in OPTIONAL and value is None):
                raise ValueError(one_of(name, value, values))
        pixel_size_option(self.pixel_size)
