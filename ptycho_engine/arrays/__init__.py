"""Array frameworks: what the engine asks of each, without importing any."""
