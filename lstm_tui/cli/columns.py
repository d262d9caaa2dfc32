"""Columns for standard output: plain text that a pager or grep can take."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> str:
    """Return rows under heads, columns as wide as they need to be.

    Args:
        heads: Of the columns.
        rows: Texts that are safe to show.
        right: Numbers of the columns whose texts end at the same place.
    """
    from rich.cells import cell_len

    everything = [heads, *rows]
    widths = [max(cell_len(row[n]) for row in everything) for n in range(len(heads))]
    lines = []
    for row in everything:
        gaps = [" " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True)]
        cells = [gap + text if n in right else text + gap for n, (text, gap) in enumerate(zip(row, gaps, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
