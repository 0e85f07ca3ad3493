"""Other ways to cut the same patches, one module each; none of them is a dependency."""
