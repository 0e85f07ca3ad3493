"""Legacy parameters of a file, turned into a configuration for ``ptycho-engine``."""
