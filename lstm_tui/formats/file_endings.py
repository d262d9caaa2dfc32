"""Endings of files of traces and of numbers; it imports nothing, so that the help of the command line may name them."""

from __future__ import annotations

TRACES = (".json", ".ndjson", ".npz")
"""A document, lines, and arrays; the first is taken where none is named."""
ANY_TRACE = f"{', '.join(TRACES[:-1])} or {TRACES[-1]}"


SERIES = (".csv", ".tsv", ".npy", ".npz", ".wav")
ANY_SERIES = f"{', '.join(SERIES[:-1])} or {SERIES[-1]}"
