"""Random small networks, saved as their frameworks save them, opened here, and compared number by number."""
