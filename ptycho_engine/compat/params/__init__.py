"""PtychoPINN's parameters: where they stand, what they mean here, which value wins."""
