"""A session by lines: each is obeyed and answered in text, for a plain terminal, a script or a pipe."""

from __future__ import annotations

import re
from pathlib import Path

from lstm_tui.debugger.assertions import Failed
from lstm_tui.debugger.expressions import ExpressionError, evaluate, parse
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.verbs.lines import answer, split
from lstm_tui.debugger.verbs.sealing import check_unsealed
from lstm_tui.debugger.verbs.table import VERBS
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.visible import visible

_REDIRECTED = re.compile(r"^(?P<line>.*?\S)\s+(?P<sign>>>?)\s*(?P<file>\S+)\s*\Z")
_ENDING = re.compile(r"[^.]\.[A-Za-z]\w*\Z")
REPEATED = frozenset({
    "next", "reverse-next", "step", "reverse-step", "stepi", "reverse-stepi", "continue", "reverse-continue", "finish",
    "reverse-finish", "until", "reverse-until", "print", "list", "where", "display", "find", "reach",
})  # fmt: skip
"""Verbs that an empty line says again: those that step, go on and ask."""


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
        self._last = line if _repeats(line) else ""
        line, target, append = self._redirected(line)
        if target is not None:
            check_unsealed()
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
        if match is None or not self._is_file(match["file"]):
            return line, None, False
        return match["line"], Path(match["file"]).expanduser(), match["sign"] == ">>"

    def _is_file(self, text: str) -> bool:
        """Say whether a word looks like the name of a file, with a folder or an ending, and is no value of the run."""
        if not ("/" in text or _ENDING.search(text)) or text.partition(".")[0] in self._owners:
            return False
        try:
            evaluate(parse(text), self.session.scope(), 0, 1)
        except ExpressionError:
            return True
        return False

    @property
    def _owners(self) -> frozenset[str]:
        """What stands before the first dot of a value's full name."""
        return frozenset(name.partition(".")[0] for name in (*self.session.frame.trace, "readout"))

    def _write(self, target: Path, reply: tuple[str, ...], append: bool) -> None:
        try:
            with target.open("a" if append else "w", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in reply)
        except OSError as error:
            raise UserError(f"{visible(str(target))}: cannot be written: {error.strerror or error}") from None


def _repeats(line: str) -> bool:
    try:
        return VERBS.named(split(line)[0]).name in REPEATED
    except UserError:
        return False


def mistake_lines(error: UserError) -> tuple[str, ...]:
    """Return a mistake as it is shown: one in an expression stands under it."""
    return error.under if isinstance(error, ExpressionError) else (str(error),)
