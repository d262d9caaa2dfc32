"""The command line `:`, with the verbs under it and the lines before it above."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lstm_tui.debugger.forms import is_whole, telling
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.verbs.changing import EDIT_VERBS
from lstm_tui.debugger.verbs.lines import completions, split
from lstm_tui.debugger.verbs.short_forms import whole_line
from lstm_tui.debugger.verbs.table import VERBS
from lstm_tui.engine.errors import UserError
from lstm_tui.tui.render.glyphs import Glyphs
from lstm_tui.tui.screens.line_prompt import Hint, LinePrompt


class CommandPrompt(LinePrompt):
    """Asks for a line of the command line; up and down go through the lines before."""

    KEYS = "enter does it   ↑↓ lines before   tab completes   esc leaves"

    def __init__(
        self,
        session: Session,
        past: Sequence[str],
        submit: Callable[[str], str],
        glyphs: Glyphs,
        value: str = "",
        error: str = "",
        title: str = "command",
    ) -> None:
        """Ask for a line; `past` are the lines before, the newest last."""
        super().__init__(title, value, submit, glyphs, error)
        self._session = session
        self._lines = [*past, value]
        self._place = len(past)

    def tell(self, text: str) -> tuple[str, bool]:
        """Tell what the verb does, or the edit in words."""
        word, rest = split(text)
        if not word:
            return "what to do; help tells more", True
        try:
            verb = VERBS.named(word)
        except UserError as error:
            begun = any(one.startswith(word) for one in VERBS.words)
            return ("", True) if begun else (str(error), False)
        try:
            line = whole_line(self._session, verb.name, rest) if verb.name in EDIT_VERBS and rest else ""
        except UserError as error:
            return str(error), False
        if line and is_whole(line):  # one that is begun is not wrong yet
            return telling(self._session, line)
        return verb.help, True

    def complete(self, text: str) -> Sequence[str]:
        """Complete verbs, names and tokens."""
        return completions(self._session, text)

    def hints(self, text: str) -> list[Hint]:
        """Return the verbs that the line may begin with."""
        self._lines[self._place] = text
        word, rest = split(text)
        chosen = [verb for verb in VERBS if verb.name == word or word in verb.aliases]
        if chosen and (rest or text.endswith(" ")):
            return [(True, chosen[0].usage, chosen[0].example and f"such as: {chosen[0].example}")]
        return [(False, verb.usage, verb.help) for verb in VERBS if verb.name.startswith(word)]

    def walk(self, step: int) -> None:
        """Go to another line of those before; the one that was begun stays the last."""
        place = min(max(self._place + step, 0), len(self._lines) - 1)
        if place != self._place:
            self._place = place
            self.put(self._lines[place])
