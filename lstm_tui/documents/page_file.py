"""Which writer a page gets, by the ending of its file: one table for reports and worksheets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lstm_tui.documents.blocks import Page
from lstm_tui.documents.html import page
from lstm_tui.documents.markdown import markdown
from lstm_tui.engine.doors import label
from lstm_tui.engine.errors import UsageError

WRITERS: dict[str, Callable[[Page], str]] = {".html": page, ".htm": page, ".md": markdown}


def writer_of(path: str | Path, what: str = "a page") -> Callable[[Page], str]:
    """Return what writes a page to a file of that name.

    Args:
        path: The file.
        what: What the page is, for messages, such as `a report`.

    Raises:
        UsageError: The name has another ending.
    """
    writer = WRITERS.get(Path(path).suffix.lower())
    if writer is None:
        raise UsageError(f"{label(path)}: {what} is an .html file or an .md file; end its name so")
    return writer
