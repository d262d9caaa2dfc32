"""What can be wrong in what a user gave us, said in one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake in a file, an option or an expression, as one line: what, where, what to do.

    The command line prints it and exits 1; the screen shows it as a message. It is never a bug of the
    program, so no traceback goes with it.
    """


class LanguageError(UserError):
    """A mistake in a page of equations, with its place.

    Attributes:
        source: File name or other origin of the text.
        line: Line in the file, from 1.
        column: Column in that line, from 1.
        suggestion: The nearest right name, if there is one.
    """

    def __init__(
        self, message: str, source: str, line: int = 1, column: int = 1, suggestion: str | None = None
    ) -> None:
        """Compose the one line that is shown."""
        hint = f"; did you mean {suggestion}?" if suggestion else ""
        super().__init__(f"{source}:{line}:{column}: {message}{hint}")
        self.message = message
        self.source = source
        self.line = line
        self.column = column
        self.suggestion = suggestion


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name most like `name`, or None when none is near."""
    found = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
    return found[0] if found else None
