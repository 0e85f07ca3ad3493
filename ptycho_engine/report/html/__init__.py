"""Pages that a browser shows: each is one file that asks for nothing else."""
