"""Numerics in jax: kernels that differentiate, batch and compile, and chunks for NumPy's arrays.

Importing a module of this package imports jax.
"""
