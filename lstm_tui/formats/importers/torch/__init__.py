"""Networks of PyTorch, read without it and without running what is in the file."""
