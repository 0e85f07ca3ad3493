"""Speed and memory of the plugins as ratios against peers and limits: ``python -m benchmarks``."""
