"""Objects in a store, such as a bucket of S3, read and written by their URLs."""
