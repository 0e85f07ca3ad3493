"""A laboratory's own code around PtychoPINN."""
