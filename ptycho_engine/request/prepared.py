"""An object that stays the same over many calls, with what plugins derive from it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..arrays.adapter import adapter_of
from .watch import Watch

T = TypeVar("T")

#: Bytes of copies that any object may keep; a larger one twice its own bytes.
KEPT_BYTES = 32 * 1024**2
#: Bytes counted for what is kept and is no array, such as a function.
SMALL = 4096


class CopyKey(NamedTuple):
    """Names a padded copy, or a part of one.

    Attributes
    ----------
    owner : str
        Who made it, and in which form.
    leading : tuple of int
        Index of the slice of the object among its leading axes.
    padding, fill
        How it is continued, as :func:`ptycho_engine.request.windows.pad` takes it.
    corner : (int, int)
        First row and column of a part.
    """

    owner: str
    leading: tuple[int, ...]
    padding: Hashable
    fill: str
    corner: tuple[int, int] = (0, 0)


@dataclass
class _Kept:
    """Something made, or about to be: whoever holds the lock makes it."""

    nbytes: int
    lock: Lock = field(default_factory=Lock)
    is_made: bool = False
    value: Any = None


class PreparedObject:
    """An object together with its padded copies, made when first needed.

    Every request carries one, so that the blocks of a stream share a padding pass. Made by
    :meth:`ptycho_engine.Engine.prepare`, it also serves many calls, from several threads too.
    Pickled or copied, it leaves its copies behind.

    Parameters
    ----------
    image : ndarray or tf.Tensor, shape (..., H, W)
        The object, validated; it must not be changed in place while this is in use.
    shared : bool
        Whether many calls are to share it, so that even a kernel for a few patches pays off.
    copied : int
        Bytes that were taken to read it as an array of native numbers.

    Attributes
    ----------
    dtype, real_dtype : dtype
        Dtype of the object, and the real one of the same precision.
    dtype_name : str
        Name of `dtype`, such as ``complex64``.
    leading_shape : tuple of int
        Shape of the leading axes; unknown ones of a symbolic tensor count as 1.
    size : (int, int)
        Height and width, for plans: 1 where they are unknown, or nothing.
    watch : Watch or None
        Which of its calls are looked at, if many share it.
    """

    def __init__(self, image: Any, *, shared: bool = False, copied: int = 0) -> None:
        self.image = image
        self.shared = shared
        self.copied = copied
        self.dtype = adapter_of(image).dtype(image)
        self.dtype_name, self.real_dtype = real_names(self.dtype)
        known = tuple(1 if size is None else int(size) for size in image.shape)
        self.leading_shape, self.size = known[:-2], (known[-2] or 1, known[-1] or 1)
        self.watch = Watch(sparing=True) if shared else None
        self._lock = Lock()
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()  # the last one used at the end

    @property
    def limit_bytes(self) -> int:
        """Bytes of copies kept at most, whatever is asked for; a single larger copy stays too."""
        return max(KEPT_BYTES, 2 * int(getattr(self.image, "nbytes", 0)))

    def bytes_with(self, needed: Collection[CopyKey] = (), nbytes: int = 0) -> int:
        """Bytes of copies that are kept while those `needed` are made and used, for plans.

        Parameters
        ----------
        needed : collection of CopyKey
            What a request needs, made already or not; without any, what is kept now.
        nbytes : int
            Bytes of each of them.

        Returns
        -------
        int
            Never less than is taken: the copies of other owners, paddings and fills count until
            they have to go.
        """
        with self._lock:
            others = 0
            for key, kept in self._kept.items():  # a generator takes longer than all else here
                if isinstance(key, CopyKey) and key not in needed:
                    others += kept.nbytes
        if not needed:
            return others
        # The copy in use lives until the next is made, even if it is no longer kept.
        most = max(self.limit_bytes, nbytes) + (nbytes if len(needed) > 1 else 0)
        return min(others + len(needed) * nbytes, most)

    def once(self, key: Hashable, make: Callable[[], T], nbytes: int = SMALL) -> T:
        """Return what `make` returned when it was first called under `key`, if it is still kept.

        Parameters
        ----------
        key : hashable
            A name: a `CopyKey`, or a tuple of a type of its own.
        make : callable
            Makes it, in one thread while others that want the same wait.
        nbytes : int
            Bytes that it takes. Those not used for longest go when all take more than
            `limit_bytes`.
        """
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                kept = self._kept[key] = _Kept(nbytes)
                self._drop_oldest()
            else:
                self._kept.move_to_end(key)
        if not kept.is_made:
            with kept.lock:
                if not kept.is_made:
                    kept.value = make()
                    kept.is_made = True
        value: T = kept.value
        return value

    def _drop_oldest(self) -> None:
        total = sum(kept.nbytes for kept in self._kept.values())
        while total > self.limit_bytes and len(self._kept) > 1:
            total -= self._kept.popitem(last=False)[1].nbytes

    def __getstate__(self) -> dict[str, Any]:
        return {"image": self.image, "shared": self.shared}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]


@lru_cache
def real_names(dtype: np.dtype[Any]) -> tuple[str, np.dtype[Any]]:
    """Name a dtype, and the real one; NumPy answers both more slowly than a patch is cut."""
    return dtype.name, np.dtype(np.empty(0, dtype).real.dtype)
