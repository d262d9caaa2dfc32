"""Lines to type that know what may be typed: the edit of what is under the cursor, and the command line `:`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lstm_tui.debugger.commands.dispatch import completions, split
from lstm_tui.debugger.commands.edit import EDIT_VERBS, read_typed
from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.edits.suggest import Form, telling
from lstm_tui.debugger.expressions import ExpressionError
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError
from lstm_tui.tui.canvas.palette import Glyphs
from lstm_tui.tui.prompts.prompts import Hint, LinePrompt


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
        try:
            edit = parse_edit(text)
        except UserError:  # one that is begun is not wrong yet
            return form.words, True
        return telling(self._session, edit)

    def complete(self, text: str) -> Sequence[str]:
        """Complete tokens and names."""
        if text == self._forms[self._place].line[: self._forms[self._place].first]:
            return ()  # before a letter is typed, tab goes to the next form
        return completions(self._session, text)

    def hints(self, text: str) -> list[Hint]:
        """Return every form, with what is typed in it."""
        self._texts[self._place] = text
        return [
            (n == self._place, form.words, typed)
            for n, (typed, form) in enumerate(zip(self._texts, self._forms, strict=True))
        ]

    def walk(self, step: int) -> None:
        """Choose another form."""
        self._place = (self._place + step) % len(self._forms)
        self._show()
        self._tell()


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
        if verb.name not in EDIT_VERBS or not rest:
            return verb.help, True
        try:
            edit = read_typed(self._session, verb.name, rest)
        except ExpressionError:  # one that is begun is not wrong yet
            return verb.help, True
        except UserError as error:
            return str(error), False
        return telling(self._session, edit)

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
