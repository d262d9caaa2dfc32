"""Networks of Keras 1, 2 and 3, read without it."""
