"""Groups of neighbouring scan positions."""
