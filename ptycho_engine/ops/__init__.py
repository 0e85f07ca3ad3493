"""TensorFlow and XLA numerics.

Importing a module of this package imports TensorFlow, but for `runtime`, `shapes` and
`warp`, whose functions do.
"""
