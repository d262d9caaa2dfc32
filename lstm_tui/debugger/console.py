"""A session by lines: each is obeyed and answered in text, for a plain terminal, a script or a pipe."""

from __future__ import annotations

import re
from pathlib import Path

from lstm_tui.debugger.assertions import Failed
from lstm_tui.debugger.expressions import ExpressionError, evaluate, parse
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.verbs.lines import answer
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.visible import visible

_REDIRECTED = re.compile(r"^(?P<line>.*?\S)\s+(?P<sign>>>?)\s*(?P<file>\S+)\s*\Z")
REPEATED = frozenset({
    "n", "next", "rn", "reverse-next", "s", "step", "rs", "reverse-step", "si", "stepi", "rsi", "reverse-stepi", "c",
    "continue", "cont", "rc", "C", "reverse-continue", "fin", "finish",
})  # fmt: skip
"""Words that an empty line says again."""


class Console:
    """A session that is typed to.

    Attributes:
        session: The session.
        stopped: Whether a breakpoint ever stopped it.
        failed: Whether an assertion ever failed.
    """

    def __init__(self, session: Session) -> None:
        """Begin on a session."""
        self.session = session
        self.stopped = self.failed = False
        self._last = ""

    def obey(self, line: str, repeat: bool = False) -> tuple[str, ...]:
        """Obey one line and return the reply; the reply to `VERB … > FILE` goes to the file.

        Args:
            line: As it was typed.
            repeat: Whether an empty line steps or continues again.

        Raises:
            UserError: If the line cannot be obeyed.
            Leave: If it asks to leave.
        """
        line = line.strip()
        if not line and repeat:
            line = self._last
        self._last = line if line.partition(" ")[0] in REPEATED else ""
        line, target, append = self._redirected(line)
        before = self.session.stop
        try:
            reply = answer(self.session, line)
        except Failed:
            self.failed = True
            raise
        stop = self.session.stop
        self.stopped |= stop is not before and stop is not None and bool(stop.by)
        if target is None:
            return reply
        self._write(target, reply, append)
        return (f"{len(reply)} lines written to {visible(str(target))}",)

    @property
    def interrupted(self) -> bool:
        """Whether the last continue was told to stop."""
        return self.session.stop is not None and self.session.stop.interrupted

    def _redirected(self, line: str) -> tuple[str, Path | None, bool]:
        """Return a line without its `> FILE`, and the file; a comparison such as `f > .1` is none."""
        match = _REDIRECTED.match(line)
        if match is None or not _is_file(match["file"]) or self._means_something(match["file"]):
            return line, None, False
        return match["line"], Path(match["file"]).expanduser(), match["sign"] == ">>"

    def _means_something(self, text: str) -> bool:
        try:
            evaluate(parse(text), self.session.scope(), 0, 1)
        except ExpressionError:
            return False
        return True

    def _write(self, target: Path, reply: tuple[str, ...], append: bool) -> None:
        try:
            with target.open("a" if append else "w", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in reply)
        except OSError as error:
            raise UserError(f"{visible(str(target))}: cannot be written: {error.strerror or error}") from None


def _is_file(text: str) -> bool:
    """Say whether a word looks like the name of a file: it has a folder or an ending in it."""
    return "/" in text or bool(re.search(r"[^.\d]\.[A-Za-z]\w*\Z", text))


def mistake_lines(error: UserError) -> tuple[str, ...]:
    """Return a mistake as it is shown: one in an expression stands under it."""
    return error.under if isinstance(error, ExpressionError) else (str(error),)
