"""A session driven by lines of text: from a plain terminal, a script, a pipe or Python."""

from __future__ import annotations

import errno
import operator
import os
import re
from pathlib import Path
from typing import Any, SupportsIndex

import numpy as np

from lstm_tui.analysis.interchange import CausalMap
from lstm_tui.debugger.breakpoints.assertions import Failed
from lstm_tui.debugger.commands.dispatch import answer, check_unsealed, split
from lstm_tui.debugger.commands.files import check_mine, note_mine
from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.commands.trace_cause import causal_question
from lstm_tui.debugger.edits.history import BASE
from lstm_tui.debugger.edits.language import Edit
from lstm_tui.debugger.expressions import ExpressionError, evaluate, parse
from lstm_tui.debugger.expressions.series import NOT_READ
from lstm_tui.debugger.inspect.compare import Comparison
from lstm_tui.debugger.inspect.memory_ledger import MemoryLedger, ledger
from lstm_tui.debugger.position import Frame
from lstm_tui.debugger.session import Session
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, kind_of
from lstm_tui.engine.rich_display import rich_display
from lstm_tui.engine.runtime.overrides import READOUT
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.io.files import read_bytes, replacing

_REDIRECTED = re.compile(
    r"^(?P<line>.*?\S)\s+(?P<sign>>[>|!]?)\s*"
    r"""(?:(?P<quote>["'])(?P<quoted>[^"']+)(?P=quote)|(?P<bare>\S+))(?P<over>\s+over)?\s*\Z"""
)
_LARGEST = 1 << 26
"""Bytes of a file to which a reply is added."""
_ENDING = re.compile(r"[^.]\.[A-Za-z]\w*\Z")
REPEATED = frozenset({
    "next", "reverse-next", "step", "reverse-step", "stepi", "reverse-stepi", "continue", "reverse-continue", "finish",
    "reverse-finish", "until", "reverse-until", "print", "list", "where", "display", "find", "reach",
    "diagram",
})  # fmt: skip
"""Verbs that an empty line says again: those that step, go on and ask."""


class Console:
    """A session that is typed to.

    Attributes:
        session: The session.
        stopped: Whether a breakpoint ever stopped it; a place that `until` was told is none.
        failed: Whether an assertion ever failed.
        mistaken: Whether a line ever could not be executed.
    """

    def __init__(self, session: Session) -> None:
        """Begin on a session."""
        self.session = session
        self.stopped = self.failed = self.mistaken = False
        self._last = ""

    def execute(self, line: str, repeat: bool = False) -> tuple[str, ...]:
        """Obey one line and return the reply; the reply to `VERB … > FILE` goes to the file.

        `>> FILE` adds to it, and `> FILE over` (or `>| FILE`, as in a shell) takes the place of another's file.

        Args:
            line: As it was typed.
            repeat: Whether an empty line steps or continues again.

        Raises:
            UserError: If the line cannot be executed.
            Leave: If it asks to leave.
        """
        try:
            return self._execute(line.strip(), repeat)
        except Failed:
            self.failed = True
            raise
        except UserError:
            self.mistaken = True
            raise

    def _execute(self, line: str, repeat: bool) -> tuple[str, ...]:
        if self.session.scripting.block is not None:
            reply = answer(self.session, line)
            return () if self.session.scripting.block is not None else reply  # the prompt tells that it is open
        if not line and repeat:
            line = self._last
        self._last = line if _repeats(line) else ""
        line, target = self._redirected(line)
        before = self.session.stop
        reply = answer(self.session, line)
        stop = self.session.stop
        self.stopped |= stop is not before and stop is not None and any(one.number for one in stop.by)
        if target is None:
            return reply
        target.write(self.session, reply)
        return (f"{len(reply)} lines written to {visible(str(target.path))}",)

    @property
    def interrupted(self) -> bool:
        """Whether the last continue was told to stop."""
        return self.session.stop is not None and self.session.stop.interrupted

    def _redirected(self, line: str) -> tuple[str, _Target | None]:
        """Return a line without its `> FILE`, and the file, which may stand in quotes; `f > .1` has none.

        Raises:
            UserError: The file is there and not the session's own; nothing is executed then.
        """
        match = _REDIRECTED.match(line)
        file = "" if match is None else match["quoted"] or match["bare"]
        if match is None or not self._is_file(file):
            return line, None
        check_unsealed()
        target = _Target(Path(file).expanduser(), match["sign"] == ">>")
        if not (target.append or match["over"] or match["sign"] in (">|", ">!")):
            check_mine(self.session, target.path, line)
        return match["line"], target

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
        return frozenset(name.partition(".")[0] for name in (*self.session.frame.trace, READOUT))


@dataclass(frozen=True)
class _Target:
    """Where a reply goes, and whether behind what is there."""

    path: Path
    append: bool

    def write(self, session: Session, reply: tuple[str, ...]) -> None:
        """Write a reply: the file holds what it held, or all of it.

        Raises:
            UserError: It cannot be written.
        """
        if not self.path.parent.is_dir():
            raise UserError(f"{visible(str(self.path))}: cannot be written: {os.strerror(errno.ENOENT)}")
        added = self.append and self.path.is_file() and self.path.stat().st_size > 0
        before = read_bytes(self.path, _LARGEST) if added else b""
        with replacing(self.path) as file:
            file.write(before + "".join(f"{line}\n" for line in reply).encode("utf-8", "backslashreplace"))
        if not before:
            note_mine(session, self.path)


def _repeats(line: str) -> bool:
    try:
        return VERBS.named(split(line)[0]).name in REPEATED
    except UserError:
        return False


def mistake_lines(error: UserError) -> tuple[str, ...]:
    """Return a mistake as it is shown: one in an expression stands under it."""
    return error.under if isinstance(error, ExpressionError) else (str(error),)


class TypedSession(Session):
    """A debugger without a screen, for scripts and notebooks: what `lstm_tui.session` returns.

    `session.execute(LINE)` executes any line that may be typed and returns the reply. The verbs are methods too: each
    that moves returns the new frame, which is `session.frame` from then on.
    """

    _repr_html_ = rich_display

    def execute(self, line: str) -> str:
        """Obey one line of the debugger's language and return the reply; `help` lists the verbs.

        Raises:
            UserError: If the line cannot be executed; the session is then as it was.
            Leave: If the line asks to leave.
        """
        if not isinstance(line, str):
            raise UserError(f"a line as it is typed is executed, such as 'step'; this is {kind_of(line)}")
        return "\n".join(answer(self, line))

    def goto(self, t: str | SupportsIndex, note: str = "") -> Frame:
        """Go to a token, the first of several alike, or to a place on the tape, with its token finished.

        Args:
            t: The token; or its place, from 0: before the first it is the first, behind the last the last.
            note: Why it goes there.

        Raises:
            UserError: There is no such token.
        """
        return super().goto(self.frame.trace.tape.of(t) if isinstance(t, str) else operator.index(t), note)

    def edit(self, *edits: Edit | str) -> Frame:
        """Make edits, each a line as it may be typed, such as `set f[3] = 1` or `delete 2`, and run again.

        Raises:
            UserError: A line is no edit, or names what is not there; nothing is changed by it.
        """
        together: list[Edit] = []  # those that are made in one run
        for edit in (*edits, None):
            if edit is not None and not isinstance(edit, str):
                together.append(edit)
                continue
            if together:
                super().edit(*together)
                together = []
            if edit is not None:
                self._edit_line(edit)
        return self.frame

    def _edit_line(self, line: str) -> None:
        before = self.history
        self.execute(line)
        if self.history is before:
            raise UserError(f"`{visible(line)}` edits nothing: `execute` takes any line")

    def value(self, expression: str) -> Any:
        """Return what an expression is where the session stands: `session.value("mean(f)")`, `session.value("c")`.

        Args:
            expression: In the debugger's language, such as `norm(c - prev(c))`, `f[3] > .5` or `token`.

        Returns:
            A number, truth or text; of several units an array (n,), of a matrix (rows, columns). What is not known is
            NaN, of a truth None.

        Raises:
            UserError: With the place of the mistake; or it is not there at this token.
        """
        made = self.evaluate(expression).value
        there = np.broadcast_to(made.known | made.unknown, made.values.shape)[0]
        if not there.any() and made.missing == NOT_READ:
            return None if made.kind == "truth" else float("nan")
        if not there.any():
            raise UserError(f"{visible(expression)} is not there at this token: {made.missing}")
        row = made.values[0]
        if made.kind == "truth":
            known = np.broadcast_to(made.known, made.values.shape)[0]
            row = np.array([bool(one) if sure else None for one, sure in zip(row, known, strict=True)], dtype=object)
        if made.shape is not None:
            return row.reshape(made.shape)
        return row.tolist()[0] if len(row) == 1 else row

    def ledger(self, at: str | SupportsIndex | None = None, layer: str | int | None = None) -> MemoryLedger:
        """Return whose memory a pass has: `session.ledger().at("not")` is what “not” wrote and is left of it, (H,).

        Args:
            at: After which token, the first of several alike, or place; by default where the session stands.
            layer: The pass, by name or number; by default the selected one.

        Raises:
            UserError: There is no such token or pass, or the memory cannot be split by token.
        """
        frame = self.frame
        here = frame.t if at is None else at
        return ledger(frame.trace, here, frame.position.pass_name if layer is None else layer)

    def compare(self, one: str = BASE, other: str | None = None) -> Comparison:
        """Lay two states of the edits side by side; by default the run without edits and the one in force.

        Args:
            one: Name or number of a state.
            other: Of another; by default the one in force.

        Raises:
            UserError: There is no such state.
        """
        return self.edits.compare(one, self.history.name_of(self.history.here) if other is None else other)

    def trace_cause(self, question: str) -> CausalMap:
        """Return what `trace-cause` finds as arrays: the output with each value of each token interchanged alone.

        Args:
            question: What stands behind the verb, such as `"he" from line 2` or `c[7] @ 5 from base`.

        Raises:
            UserError: It is no question, or the two sentences cannot be interchanged.
        """
        self.causal = causal_question(self, question)
        return self.causal.answer()

    def __repr__(self) -> str:
        """Return where the session stands."""
        return f"<session at {self.frame.where}>"

    def __dir__(self) -> list[str]:
        """Return what is of use at a prompt."""
        return [name for name in super().__dir__() if not name.startswith("_") or name.endswith("__")]
