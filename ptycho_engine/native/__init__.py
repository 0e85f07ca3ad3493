"""Compiled CPU code: numba's kernels, and stores that go past the caches."""
