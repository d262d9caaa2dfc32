"""The version of this package, as `pyproject.toml` gives it; it imports nothing, so that any file may name it."""

__version__ = "0.1.0"
