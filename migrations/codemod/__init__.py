"""Rewriting of Python sources and notebooks, apart from the command line."""
