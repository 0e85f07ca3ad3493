#!/bin/bash
# A sweep on SLURM: each run is a job of its own, in one array. Run this where you submit jobs; it
# waits until all have ended, and writes the summary, multirun/DATE/TIME/sweep.html.
#
#     bash sweep.sh scan.cxi plugin=numba,chunked_xla patch_size=64,128
#
# Needs the extra [slurm]. Set for your cluster: partition, cores, memory
# and time of a run. The folder of the sweep has to be one that every node sees.
set -euo pipefail

ptycho-engine --multirun "$@" \
    hydra/launcher=submitit_slurm \
    hydra.launcher.partition="${PARTITION:-null}" \
    hydra.launcher.cpus_per_task="${CORES:-4}" \
    hydra.launcher.mem_gb="${MEMORY_GB:-null}" \
    hydra.launcher.timeout_min="${MINUTES:-60}" \
    hydra.launcher.array_parallelism="${RUNS_AT_ONCE:-16}"
