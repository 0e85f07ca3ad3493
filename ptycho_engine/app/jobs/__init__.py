"""What the command does, one job a module."""
