"""PtychoPINN's functions, with its signatures, formats and numbers."""
