"""A session in a cell of a notebook: buttons, keys and typed lines, and lessons; what a cell shows stays without it."""
