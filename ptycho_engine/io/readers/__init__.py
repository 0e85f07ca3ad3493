"""Readers, one module for each format; each returns a :class:`~ptycho_engine.io.scan.Scan`."""
