"""The project's kernels carried to another machine: exported here, measured there by jax alone.

``export`` needs TensorFlow and ptycho_engine. ``case``, ``transcript`` and ``measurement`` need
NumPy and jax, nothing else, so that they run on a machine that has a GPU and little besides; so do
``plugin_kernels`` and ``truth``, which time the plugin that computes in jax itself.
"""
