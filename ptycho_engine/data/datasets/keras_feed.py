"""Batches for ``keras.Model.fit``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...extras import require
from .handover import Handover
from .ordering import item_number

if TYPE_CHECKING:
    from .datasets import PatchDataset


def keras_batches(
    dataset: PatchDataset, batch_size: int, handover: Handover, seed: int | None, **how: Any
) -> Any:
    """Return the batches of a dataset as a ``keras.utils.PyDataset``, see `PatchDataset.to_keras`.

    Raises
    ------
    MissingExtraError
        If Keras is not installed.
    """
    require("tensorflow", "to_keras")
    import keras

    class PatchBatches(keras.utils.PyDataset):  # type: ignore[misc]
        """Batches by number; the end of an epoch shuffles them anew."""

        def __init__(self) -> None:
            super().__init__(**how)
            self.epoch = 0
            self._order = dataset.order(seed)

        def __len__(self) -> int:
            return -(-len(dataset) // batch_size)

        def __getitem__(self, number: int) -> Any:
            number = item_number(number, len(self))
            wanted = self._order[number * batch_size : (number + 1) * batch_size]
            return handover(dataset.batch(wanted, epoch=self.epoch))

        def on_epoch_end(self) -> None:
            self.epoch += 1
            self._order = dataset.order(seed, self.epoch)

    return PatchBatches()
