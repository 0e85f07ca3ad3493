"""Diffraction patterns of an object, a probe and positions."""
