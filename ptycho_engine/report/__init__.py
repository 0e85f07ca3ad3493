"""What a run shows: progress and pictures."""
