"""A session that is driven from Python, by the lines a user would type."""

from __future__ import annotations

from lstm_tui.debugger.session import Session
from lstm_tui.debugger.verbs.lines import answer
from lstm_tui.debugger.verbs.moving import position_lines


class TypedSession(Session):
    """A session that obeys typed lines, for scripts and notebooks."""

    def execute(self, line: str) -> str:
        """Obey one line of the debugger's language and return the reply; `help` lists the verbs.

        Raises:
            UserError: If the line cannot be obeyed; the session is then as it was.
            Leave: If the line asks to leave.
        """
        return "\n".join(answer(self, line))

    def __repr__(self) -> str:
        """Return where the session stands."""
        return f"<session at {position_lines(self.frame)[-1]}>"
