"""From a memory budget to a chunk size, and what a run will take before it starts."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..arrays.adapter import NUMPY
from ..display import Shown, Words
from ..errors import MemoryBudgetError
from ..memory import format_bytes
from .located import LocatedRequest

#: Bytes of patches in one chunk: enough to hide the cost of a call, few enough to stay in cache.
PREFERRED_CHUNK_BYTES = 8 * 1024**2


@dataclass(frozen=True, repr=False)
class Plan(Shown):
    """What an extraction or a placement will do and take.

    Attributes
    ----------
    plugin : str
        Name of the plugin.
    chunk_size : int
        Patches computed by one call of the kernel, a multiple of the members of a group.
    chunk_count : int
        Number of such calls per slice of the object.
    output_bytes : int
        Bytes of the result: of the patches, or of the object that they are placed in.
    workspace_bytes : int
        Bytes that are needed besides the object, the positions and the patches, those of copies
        that the object keeps included.
    memory_budget : int
        Bytes that everything may take together.
    """

    plugin: str
    chunk_size: int
    chunk_count: int
    output_bytes: int
    workspace_bytes: int
    memory_budget: int

    @property
    def peak_bytes(self) -> int:
        """Predicted peak above the arrays that the caller holds already."""
        return self.output_bytes + self.workspace_bytes

    def _shown(self) -> dict[str, object]:
        """Say what its representation shows: bytes in units that a reader knows."""
        sizes = {
            "output": self.output_bytes,
            "workspace": self.workspace_bytes,
            "memory_budget": self.memory_budget,
        }
        counts = {"chunk_size": self.chunk_size, "chunk_count": self.chunk_count}
        words = {name: Words(format_bytes(size)) for name, size in sizes.items()}
        return {"plugin": self.plugin, **counts, **words}


def make_plan(
    request: LocatedRequest,
    plugin: str,
    memory_budget: int,
    *,
    fixed_bytes: int,
    bytes_per_patch: int,
    chunk_size: int | None = None,
    chunk_bytes: int = PREFERRED_CHUNK_BYTES,
    chunks_at_once: int = 1,
    device_bytes: int | None = None,
) -> Plan:
    """Choose a chunk size and predict the peak.

    Parameters
    ----------
    request : ExtractionRequest or PlacementRequest
        The request. Its number of patches does not change the chunk size, so that one compiled
        kernel serves every number; unless many calls share its object: a few patches are then
        rounded up to a power of two, and each of these sizes compiled once.
    plugin : str
        Name of the plugin.
    memory_budget : int
        Bytes that output and workspace may take together.
    fixed_bytes : int
        Workspace that does not depend on the chunk size.
    bytes_per_patch : int
        Workspace per patch of a chunk, for each of `chunks_at_once`.
    chunk_size : int, optional
        Patches of a chunk as the user gave it; otherwise as many as fill `chunk_bytes`, if a
        quarter of the budget holds the workspace of a chunk.
    chunk_bytes : int
        Bytes of the patches of a chunk that suit the plugin.
    chunks_at_once : int
        Chunks that are held at the same time, if there are as many.
    device_bytes : int, optional
        Bytes that are free where the workspace is held, and patches that are tensors, if that is
        not the memory of the host. What does not fit there lowers the budget of the plan.

    Returns
    -------
    Plan
        The plan.
    """
    channels = request.channels
    if chunk_size is None:
        patch_bytes = request.patch_size**2 * request.dtype.itemsize
        wanted = max(1, chunk_bytes // patch_bytes)
        budget = memory_budget if device_bytes is None else min(memory_budget, device_bytes)
        affordable = max(1, budget // 4 // max(1, bytes_per_patch * chunks_at_once))
        chunk_size = min(wanted, affordable)
        chunk_size = 2 ** (chunk_size.bit_length() - 1)
        if request.shared:
            chunk_size = min(chunk_size, 2 ** max(0, request.patch_count - 1).bit_length())
    groups_per_chunk = max(1, chunk_size // channels)
    chunk_count = -(-request.groups // groups_per_chunk)
    held = min(chunks_at_once, max(1, chunk_count))
    workspace_bytes = fixed_bytes + held * bytes_per_patch * groups_per_chunk * channels
    on_device = workspace_bytes + (0 if request.arrays is NUMPY else request.output_bytes)
    if device_bytes is not None and on_device > device_bytes:
        memory_budget = min(memory_budget, device_bytes)
    return Plan(
        plugin=plugin,
        chunk_size=groups_per_chunk * channels,
        chunk_count=chunk_count,
        output_bytes=request.output_bytes,
        workspace_bytes=workspace_bytes,
        memory_budget=memory_budget,
    )


def check_budget(plan: Plan, *, held_bytes: int, advice: str, held: str = "patches") -> None:
    """Refuse work beyond the budget, before it starts.

    Parameters
    ----------
    plan : Plan
        The plan of what is computed in one go.
    held_bytes : int
        Bytes that are held beside the workspace: of the result, or of a block.
    advice : str
        What to do instead, beside raising the budget.
    held : str
        What is held, in a word.

    Raises
    ------
    MemoryBudgetError
        With the numbers and the knob to turn.
    """
    needed = plan.workspace_bytes + held_bytes
    if needed <= plan.memory_budget:
        return
    parts = f"workspace {format_bytes(plan.workspace_bytes)}"
    if held_bytes:
        parts = f"{held} {format_bytes(held_bytes)}, " + parts
    raise MemoryBudgetError(
        f"{plan.plugin}: needs {format_bytes(needed)} ({parts}), and the memory budget is "
        f"{format_bytes(plan.memory_budget)}. {advice}, or raise memory_budget."
    )


def with_workspace(plan: Plan, more: int) -> Plan:
    """Return a plan that takes so many bytes more."""
    return replace(plan, workspace_bytes=plan.workspace_bytes + more)


def default_plan(request: LocatedRequest, plugin: str, budget: int) -> Plan:
    """Plan for a plugin that does not: a padded object and one chunk.

    Parameters
    ----------
    request, plugin, budget
        As for `make_plan`.

    Returns
    -------
    Plan
        The plan.
    """
    beside = 2 * request.cut.span
    rows, columns = ((size or 1) + beside for size in request.shape)
    return make_plan(
        request,
        plugin,
        budget,
        fixed_bytes=rows * columns * request.dtype.itemsize,
        bytes_per_patch=request.patch_size**2 * request.dtype.itemsize,
    )


def block_groups(request: LocatedRequest, plan: Plan) -> int:
    """Choose a block: whole chunks, about eight times the bytes of a preferred one.

    Parameters
    ----------
    request : ExtractionRequest
        What is cut block by block.
    plan : Plan
        Its plan.

    Returns
    -------
    int
        Groups of a block.
    """
    chunk = max(1, plan.chunk_size // request.channels)
    group_bytes = max(1, request.output_bytes // max(1, request.groups))
    wanted = min(8 * PREFERRED_CHUNK_BYTES, plan.memory_budget // 4) // group_bytes
    return max(1, wanted // chunk) * chunk
