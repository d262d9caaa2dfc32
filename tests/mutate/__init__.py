"""Small breaks of the program, one at a time, and whether the tests notice: `python -m tests.mutate`."""
