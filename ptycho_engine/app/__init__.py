"""The command ptycho-engine: configuration, listing, jobs."""
