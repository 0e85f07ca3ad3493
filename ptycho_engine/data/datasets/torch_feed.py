"""Batches as tensors of torch, on the way to a device while the one before is in use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from numpy.typing import NDArray

Tensors = dict[str, Any]
#: Pinned copies that exist at a time: of the batch in use, and of the next one.
BUFFERS = 2


def tensors(batches: Iterator[Mapping[str, NDArray[Any]]], device: Any, pinned: bool) -> Any:
    """Return batches as tensors on a device.

    Parameters
    ----------
    batches : iterator of dict of str to ndarray
        What comes; on the CPU tensors share its memory.
    device : torch.device
        Where tensors go.
    pinned : bool
        Whether they go through pinned memory, on a stream of their own, one batch ahead; for CUDA.

    Returns
    -------
    iterator of dict of str to torch.Tensor
    """
    return _sent_ahead(batches, device) if pinned else _sent(batches, device)


def _sent(batches: Iterator[Mapping[str, NDArray[Any]]], device: Any) -> Iterator[Tensors]:
    import torch

    for batch in batches:
        yield {name: torch.from_numpy(array).to(device) for name, array in batch.items()}


def _sent_ahead(batches: Iterator[Mapping[str, NDArray[Any]]], device: Any) -> Iterator[Tensors]:
    import torch

    stream, waiting = torch.cuda.Stream(device), None
    for batch in batches:
        with torch.cuda.stream(stream):
            # torch keeps pinned blocks, and hands one out again once its copy is done.
            sent = {
                name: torch.from_numpy(array).pin_memory().to(device, non_blocking=True)
                for name, array in batch.items()
            }
        arrived = stream.record_event()
        if waiting is not None:
            yield _received(*waiting, device)
        waiting = sent, arrived
    if waiting is not None:
        yield _received(*waiting, device)


def _received(sent: Tensors, arrived: Any, device: Any) -> Tensors:
    """Let what the caller does next wait for the copies, and memory stay until that is done."""
    import torch

    current = torch.cuda.current_stream(device)
    current.wait_event(arrived)
    for tensor in sent.values():
        tensor.record_stream(current)
    return sent
