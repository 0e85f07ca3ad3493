"""Plugins: what they declare, how one is chosen by name, and the check of its results."""
