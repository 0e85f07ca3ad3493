"""Configuration groups of the command, as YAML."""
