"""The line that edits what is under the cursor, with every form that fits there below it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lstm_tui.debugger.forms import Form, is_whole, telling
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.verbs.lines import completions
from lstm_tui.tui.render.glyphs import Glyphs
from lstm_tui.tui.screens.line_prompt import Hint, LinePrompt


class EditPrompt(LinePrompt):
    """Asks for an edit; up and down choose another form, and what was typed in each is kept."""

    KEYS = "enter does it   ↑↓ another form   tab completes   esc leaves"

    def __init__(
        self,
        title: str,
        forms: Sequence[Form],
        session: Session,
        submit: Callable[[str], str],
        glyphs: Glyphs,
        start: int = 0,
    ) -> None:
        """Offer forms, the one with the number `start` written out."""
        super().__init__(title, forms[start].line, submit, glyphs)
        self._forms, self._session = tuple(forms), session
        self._texts = [form.line for form in forms]
        self._place = start

    @property
    def chosen(self) -> tuple[int, int]:
        """The part of the first form that is to be typed over."""
        form = self._forms[self._place]
        return form.first, form.behind

    def _show(self) -> None:
        form, text = self._forms[self._place], self._texts[self._place]
        if text == form.line:
            self.put(text, form.first, form.behind)
        else:
            self.put(text)

    def tell(self, text: str) -> tuple[str, bool]:
        """Tell the edit in words; of a form in which nothing is typed yet, what it waits for."""
        form = self._forms[self._place]
        if text == form.line and form.behind < len(text):
            return f"{form.words}: type it between the quotes", True
        if text == form.line and form.first < form.behind:
            return f"{form.words}: type the number", True
        return telling(self._session, text) if is_whole(text) else (form.words, True)

    def complete(self, text: str) -> Sequence[str]:
        """Complete tokens and names."""
        if text == self._forms[self._place].line[: self._forms[self._place].first]:
            return ()  # before a letter is typed, tab goes to the next form
        return completions(self._session, text)

    def hints(self, text: str) -> list[Hint]:
        """Return every form, with what is typed in it."""
        self._texts[self._place] = text
        return [
            (n == self._place, typed, form.words)
            for n, (typed, form) in enumerate(zip(self._texts, self._forms, strict=True))
        ]

    def walk(self, step: int) -> None:
        """Choose another form."""
        self._place = (self._place + step) % len(self._forms)
        self._show()
        self._tell()
