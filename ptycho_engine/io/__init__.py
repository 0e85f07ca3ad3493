"""Files: `formats` turn one into a :class:`~ptycho_engine.io.scan.Scan`, `writers` keep patches."""
