"""Items of scans for training: in any order, in batches, changed on the way."""
