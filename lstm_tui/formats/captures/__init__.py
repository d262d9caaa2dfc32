"""What a living model did in one run, forwards and backwards: taken, kept as a file, run again by our own engine."""
