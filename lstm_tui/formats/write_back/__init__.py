"""An edited network written back into the file it came from: the same bytes but for the numbers that changed."""
