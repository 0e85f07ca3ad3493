"""The built-in formats, one module each; they register through the same entry points as anyone's.

:mod:`ptycho_engine.io.catalogue` says what such a module holds.
"""
