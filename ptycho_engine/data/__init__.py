"""From scans to training data, and from nothing to scans."""
