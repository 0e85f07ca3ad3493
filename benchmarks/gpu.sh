#!/usr/bin/env bash
# Checks and times the exported kernels, and the plugin that computes in jax, on this machine's GPU,
# within 12 minutes: needs NumPy and jax. torch and pty-chi are measured too where they import.
#   bash benchmarks/gpu.sh [DIR]     DIR: what `python -m benchmarks --export DIR` wrote elsewhere
set -euo pipefail

cd "$(dirname "$0")/.."
folder="${1:-benchmarks/exported}"
python="${PYTHON:-python3}"

if [[ ! -f "$folder/manifest.json" ]]; then
    echo "$folder: no exported kernels. On a machine with TensorFlow, run" >&2
    echo "    python -m benchmarks --export $folder" >&2
    echo "carry that folder here (under 40 MiB), and run this again." >&2
    exit 2
fi
"$python" - <<'PY' || exit 3
import sys
try:
    import jax
    device = jax.devices()[0]
except Exception as error:
    sys.exit(f"jax finds no device: {error}. Expected jax with support for the GPU.")
if device.platform == "cpu":
    print("jax finds no GPU: what follows is the CPU's.", file=sys.stderr)
PY
export XLA_PYTHON_CLIENT_PREALLOCATE=false # torch shares the GPU
status=0
timeout 450 "$python" -m benchmarks --measure "$folder" || status=$?
timeout 270 "$python" -m benchmarks --measure-plugin || status=$?
exit "$status"
