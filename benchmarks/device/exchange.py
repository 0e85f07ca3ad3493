"""torch beside jax on one device: arrays that change hands by pointer, and pty-chi's placement."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ptycho_engine.extras import is_installed

from ..timing import best_ratio, in_turn, once, ratio
from .case import Case


def rows_of_others(case: Case, repeats: int) -> list[dict[str, Any]]:
    """Rows of what imports here; none without torch, or where TensorFlow is in this process."""
    if not is_installed("torch"):
        return []
    shape = {"patch_size": case.patch_size, "patches": case.patches}
    rows = [shape | {"kind": "torch and back", "status": round_trip(case)}]
    if is_installed("ptychi"):
        rows.append(shape | {"kind": "pty-chi whole"} | time_pty_chi(case, repeats))
    return rows


def round_trip(case: Case) -> str:
    """Hand an object of torch to jax, and its patches back; say whether anything was copied."""
    import jax
    import torch

    from .plugin_kernels import kernels

    device = "cuda" if jax.devices()[0].platform == "gpu" else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        return "torch finds no GPU"
    tensor = torch.from_numpy(case.image().view(np.complex64)).clone().to(device)
    image = jax.dlpack.from_dlpack(tensor)
    patches = kernels(case)["flat"](image, case.starts(), case.fractions()).block_until_ready()
    back = torch.from_dlpack(patches)
    pairs = (tensor, image), (back, patches)
    shared = [ours.data_ptr() == theirs.unsafe_buffer_pointer() for ours, theirs in pairs]
    if back.device.type != device:
        return f"failed: the patches are on {back.device}"
    return "no copy" if all(shared) else f"shared: object {shared[0]}, patches {shared[1]}"


def time_pty_chi(case: Case, repeats: int) -> dict[str, Any]:
    """Time pty-chi's placement at whole pixels in turn with ours between them.

    On a GPU its Triton kernel does it, which adds in a fixed order; what it has for other positions
    is a loop over patches.
    """
    import jax
    import torch

    from .plugin_kernels import kernel_arguments, kernels

    gpu = jax.devices()[0].platform == "gpu" and torch.cuda.is_available()
    device = "cuda" if gpu else "cpu"
    n, starts = case.patch_size, case.starts()
    # Centres of windows: (N - 1) / 2 behind their first samples.
    centres = torch.from_numpy(starts + (n - 1) / 2).to(device)

    def put(patches: Any) -> Any:
        from ptychi.image_proc import place_patches_integer

        zeros = torch.zeros((case.object_size,) * 2, dtype=torch.complex64, device=device)
        with torch.inference_mode():
            placed = place_patches_integer(zeros, centres, patches, op="add")
        if gpu:
            torch.cuda.synchronize()
        return placed

    def tensor(checked_only: bool) -> Any:
        patches = kernel_arguments(case, "place", checked_only=checked_only)[0]
        return torch.from_numpy(patches).to(device)

    try:
        expected = np.zeros((case.object_size,) * 2, complex)
        upstream = case.checked_upstream().view(np.complex64)
        for (y, x), patch in zip(starts[case.checked], upstream, strict=True):
            expected[y : y + n, x : x + n] += patch
        placed = put(tensor(True)).cpu().numpy()
        error = float(np.abs(placed - expected).max() / np.abs(expected).max())
        ours, arguments = kernels(case)["place"], jax.device_put(kernel_arguments(case, "place"))
        actions = {
            "pty-chi": partial(put, tensor(False)),
            "ours": lambda: ours(*arguments).block_until_ready(),
        }
        for action in actions.values():
            once(action)
        seconds = in_turn(actions, repeats)
    except Exception as error:  # another version of it: the table goes on
        return {"status": f"not timed: {str(error).splitlines()[0][:60]}"}
    figures = (
        ratio(seconds["pty-chi"], seconds["ours"]),
        best_ratio(seconds["pty-chi"], seconds["ours"]),
    )
    return {
        "status": f"{figures[0]:.3g} times ours, best {figures[1]:.3g}, error {error:.0e}",
        "seconds": seconds,
    }
