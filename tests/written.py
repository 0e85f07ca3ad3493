"""Outputs of patches and positions, as the tests of the store write them."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ptycho_engine.io.specs import ArraySpec
from ptycho_engine.io.store import Store


@dataclass
class Plan:
    """Patches of which blocks come along `axis`."""

    shape: tuple
    axis: int
    dtype: Any
    positions: Any
    records: dict = field(default_factory=dict)
    chunks: tuple | None = None

    @property
    def length(self):
        return self.shape[self.axis]

    @property
    def lead(self):
        return (slice(None),) * self.axis

    def specs(self):
        return {
            "patches": ArraySpec(self.shape, np.dtype(self.dtype), chunks=self.chunks),
            "positions": ArraySpec.of(self.positions, units="object pixels"),
        }


class Blocks:
    """Writes blocks along the plan's axis, and finishes each."""

    def __init__(self, store, plan):
        self.store, self.plan = store, plan

    def write(self, start, stop, patches):
        region = (*self.plan.lead, slice(start, stop))
        self.store.write("patches", region, patches)
        self.store.finish(region)


def begin(path, plan, overwrite=False, **options):
    store = Store.create(path, plan.specs(), overwrite=overwrite, **plan.records, **options)
    try:
        if not store.is_finished("positions", ()):
            dtype = plan.specs()["positions"].dtype
            store.write("positions", (), np.asarray(plan.positions).astype(dtype))
            store.finish(())
    except BaseException:
        store.discard()
        raise
    return store
