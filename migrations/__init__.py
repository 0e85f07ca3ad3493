"""Guides from the legacy ways to the present ones."""
