"""The list of edits in words: it can be walked, copied and saved, and the run above follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList

from lstm_tui.debugger.recipe import line_of
from lstm_tui.debugger.session import Session
from lstm_tui.engine.visible import visible
from lstm_tui.tui.render.glyphs import Glyphs
from lstm_tui.tui.screens.list_panel import ListPanel
from lstm_tui.tui.screens.prompt import Prompt


class EditList(ListPanel):
    """Every edit, those in force marked; the one chosen is the last in force."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "leave", show=False),
        Binding("c", "copy", show=False),
        Binding("s", "save", show=False),
        Binding("z", "step(-1)", show=False),
        Binding("Z,shift+z", "step(1)", show=False),
    ]
    KEYS = "enter goes to that state   z/Z undo   c copy   s save   esc closes"

    def __init__(
        self, session: Session, glyphs: Glyphs, go_to: Callable[[int], str], obey: Callable[[str], str]
    ) -> None:
        """List the edits of a session.

        Args:
            session: Whose edits.
            glyphs: The signs to draw with.
            go_to: Goes to where so many edits are in force; returns what is wrong.
            obey: Has a typed line obeyed; returns what is wrong with it.
        """
        super().__init__()
        self._session, self._glyphs, self._go_to, self._obey = session, glyphs, go_to, obey

    def renew(self) -> None:
        """List the edits as they are now."""
        history = self._session.history
        total = len(history.edits)
        words = f"{history.done} of {total} edits in force" if total else "no edits yet: e makes one"
        self.query_one(Vertical).border_title = Content(words)
        found = self.query_one(OptionList)
        found.clear_options()
        found.add_options([self._line(n) for n in range(total + 1)])
        found.highlighted = history.done

    def _line(self, number: int) -> Content:
        history, glyphs = self._session.history, self._glyphs
        here = number == history.done
        mark = glyphs.cursor if here else " "
        if number == 0:
            return Content.assemble((f"{mark}     ", "$lt-focus"), ("the run as it was opened", "$lt-soft"))
        undone = number > history.done
        sign = " " if undone else glyphs.edited
        words = glyphs.say(visible(self._session.words[number - 1]))
        line = visible(line_of(history.edits[number - 1]))
        return Content.assemble(
            (f"{mark}{sign}{number:>3} ", "$lt-focus" if here else "$lt-key"),
            (words + ("  (undone)" if undone else ""), "$lt-faint" if undone else "$lt-ink"),
            (f"   {line}", "$lt-faint"),
        )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Go to the state that is chosen."""
        self._say(self._go_to(event.option_index))

    def action_step(self, step: int) -> None:
        """Take an edit back, or make it again."""
        self._say(self._go_to(min(max(self._session.history.done + step, 0), len(self._session.history.edits))))

    def action_copy(self) -> None:
        """Copy the edits in force as lines of a recipe."""
        lines = self._session.history.lines
        self.app.copy_to_clipboard("\n".join(lines) + "\n")
        self._say(f"{len(lines)} lines copied, where the terminal allows it")

    def action_save(self) -> None:
        """Ask for a file and write the edits in force there."""
        self.app.push_screen(Prompt("write the edits in force to", "edits.txt"), self._save)

    def _save(self, name: str | None) -> None:
        if name:
            self._say(self._obey(f"save-edits {name}"))
