"""What a scan is made of where nothing was measured: objects, probes, and ways across them."""
