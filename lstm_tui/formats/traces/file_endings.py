"""The endings of trace files; it imports nothing, so that the help of the command line may name them."""

ENDINGS = (".json", ".ndjson", ".npz")
"""A document, lines, and arrays; the first is taken where none is named."""
ANY_OF_THEM = f"{', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}"
