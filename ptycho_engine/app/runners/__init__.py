"""Where the work of a job is done: in this process, or in those of a cluster."""
