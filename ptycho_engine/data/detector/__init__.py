"""From the frames of a detector to N x N patterns."""
