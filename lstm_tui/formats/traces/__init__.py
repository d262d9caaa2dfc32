"""Trace files: every value of a run as .json, .ndjson or .npz, written and read."""
