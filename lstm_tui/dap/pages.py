"""What an editor opens as source: the cell's page of equations, and the text that is read.

A line of a page is an equation; a place in the text is a token.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from lstm_tui.debugger.position import equations_of
from lstm_tui.debugger.session import Session
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.language.cell import bundled_file
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.trace import PassTrace
from lstm_tui.engine.text_safety import visible


@dataclass(frozen=True)
class SourcePage:
    """A cell's page of equations.

    Attributes:
        name: What an editor calls it.
        text: It.
        equations: As they are written.
        lines: Of each equation, from 1.
        path: Where it is a file as it stands; None where it came inside a network's file or is edited.
        passes: The passes that run it.
    """

    name: str
    text: str
    equations: tuple[str, ...]
    lines: tuple[int, ...]
    path: Path | None
    passes: tuple[str, ...]

    def equation_at(self, line: int) -> int | None:
        """Return the equation of a line, or the next one below it; None where none is left."""
        number = bisect_left(self.lines, line)
        return number if number < len(self.lines) else None


class Text:
    """The file that is read.

    Attributes:
        path: Where it is.
    """

    def __init__(self, path: Path, content: str) -> None:
        """Find tokens in a text.

        Args:
            path: Where it is.
            content: What it holds.
        """
        self.path, self._content = path, content
        self._sequence: Sequence | None = None
        self._found: tuple[int, ...] = ()

    @cached_property
    def _starts(self) -> list[int]:
        """Where each line begins."""
        starts = [0]
        while (end := self._content.find("\n", starts[-1])) >= 0:
            starts.append(end + 1)
        return starts

    def places(self, sequence: Sequence) -> tuple[int, ...]:
        """Return where each token stands in the text, by its first character; empty where they are not found in it."""
        if sequence is not self._sequence:
            self._sequence, self._found = sequence, tuple(self._find(sequence))
        return self._found

    def _find(self, sequence: Sequence) -> Iterator[int]:
        at = self._starts[min(sequence.line or 1, len(self._starts)) - 1]
        found: list[int] = []
        for token in sequence.tokens:
            start = self._content.find(token, at) if token else -1
            if start < 0:
                return iter(())
            found.append(start)
            at = start + len(token)
        return iter(found)

    def line_and_column(self, place: int) -> tuple[int, int]:
        """Return line and column of a character, both from 1."""
        line = bisect_left(self._starts, place + 1) - 1
        return line + 1, place - self._starts[line] + 1

    def tokens_on(self, sequence: Sequence, line: int, column: int | None = None) -> range:
        """Return the places on the tape of the tokens that begin on a line, from a column on; both from 1."""
        if not 1 <= line <= len(self._starts):
            return range(0)
        first = self._starts[line - 1] + (column or 1) - 1
        behind = self._starts[line] if line < len(self._starts) else len(self._content) + 1
        places = self.places(sequence)
        return range(bisect_left(places, first), bisect_left(places, behind))


class Pages:
    """All that an editor may open, by its number."""

    def __init__(self, session: Session, text: Text | None, files: Mapping[str, Path]) -> None:
        """Know the pages of what is open.

        Args:
            session: What is open.
            text: The file that is read; None where it is none of text.
            files: Cell files of the user, by what they hold.
        """
        self._session, self.text, self._files = session, text, files
        self._kept: list[SourcePage] = []

    def pages(self) -> dict[int, SourcePage]:
        """Return the page of every cell that runs now, by its number, from 1."""
        passes: dict[tuple[str, ...], list[PassTrace]] = {}
        for passed in self._session.frame.trace.values():
            passes.setdefault((passed.cell.text, *(one.text for one in equations_of(passed))), []).append(passed)
        made = [self._page(some) for some in passes.values()]
        return {self._number(page): page for page in made}

    def of_pass(self, name: str) -> tuple[int, SourcePage]:
        """Return the page of a pass, with its number."""
        return next((number, page) for number, page in self.pages().items() if name in page.passes)

    def content(self, number: int) -> str | None:
        """Return the text of a page that runs or has run; None where there is none of that number."""
        return self._kept[number - 1].text if 1 <= number <= len(self._kept) else None

    def named(self, source: Mapping[str, Any]) -> SourcePage | Text | None:
        """Return what an editor calls a source."""
        number, path = source.get("sourceReference"), source.get("path")
        if number:
            return self.pages().get(number) if isinstance(number, int) else None
        if not isinstance(path, str):
            return None
        asked = _resolved(Path(path))
        if self.text is not None and asked == self.text.path:
            return self.text
        return next((page for page in self.pages().values() if page.path is not None and page.path == asked), None)

    def source_of(self, number: int, page: SourcePage) -> dict[str, Any]:
        """Return a page as the protocol names it."""
        if page.path is not None:
            return {"name": visible(page.name), "path": str(page.path)}
        return {"name": visible(page.name), "sourceReference": number, "origin": "equations"}

    def text_source(self) -> dict[str, Any] | None:
        """Return the text as the protocol names it."""
        return None if self.text is None else {"name": visible(self.text.path.name), "path": str(self.text.path)}

    def _number(self, page: SourcePage) -> int:
        for number, one in enumerate(self._kept, 1):
            if one.text == page.text:
                return number
        self._kept.append(page)
        return len(self._kept)

    def _page(self, passes: list[PassTrace]) -> SourcePage:
        """Return the page of passes that run one: the cell's file, where it is what runs."""
        cell, equations = passes[0].cell, equations_of(passes[0])
        names, rows = tuple(passed.name for passed in passes), cell.text.split("\n")
        written = tuple(one.text for one in equations)
        if cell.text and all(1 <= one.line <= len(rows) and one.text in rows[one.line - 1] for one in equations):
            path = bundled_file(cell) or self._files.get(cell.text)
            return SourcePage(cell.file, cell.text, written, tuple(one.line for one in equations), path, names)
        text = "\n".join(one.text + (f"   # {one.label}" if one.label else "") for one in equations) + "\n"
        return SourcePage(cell.file, text, written, tuple(range(1, len(equations) + 1)), None, names)


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # a name too long, a circle of links
        return path
