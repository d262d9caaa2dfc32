"""Editing: what is under the cursor, the command line, undo and redo, the weights and the list of edits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError
from lstm_tui.tui.controllers.changes import Changes
from lstm_tui.tui.panes.pane import Pane

if TYPE_CHECKING:
    from lstm_tui.debugger.edits.suggest import Form


class EditKeys(Changes):
    """A screen on which the run can be changed, with a key for each way to do it."""

    def pane_in_use(self) -> int:
        """Return the number of the pane in which the cursor stands."""
        return self.focused.NUMBER if isinstance(self.focused, Pane) else 0

    def action_edit(self) -> None:
        """Ask how to change what is under the cursor."""
        from lstm_tui.debugger.edits.suggest import forms_at

        if self._session is None or self.view is None or self.palette is None:
            return
        view, pane = self.view, self.pane_in_use()
        value = view.memory_name if pane in (5, 6) else view.value
        title = f"edit at t={view.cursor_t}, {view.label(view.cursor_t, self.palette)}"
        self._ask(
            lambda session: forms_at(session, value, view.unit, view.cursor_t, on_tape=pane in (1, 7)),
            title,
            "nothing here can be changed: : takes any edit",
        )

    def action_edit_equation(self) -> None:
        """Ask how the equation under the cursor should read."""
        from lstm_tui.debugger.edits.suggest import forms_of_equation

        if self.view is None:
            return
        value = self.view.value
        title = f"equation of {value}, {self.view.pass_name}"
        self._ask(lambda session: forms_of_equation(session, value), title, f"{value} has no equation")

    def _ask(self, forms_of: Callable[[Session], tuple[Form, ...]], title: str, none: str) -> None:
        """Open the prompt with the edits that fit, or say why there are none."""
        session, view = self._session, self.view
        if session is None or view is None or self.palette is None:
            return
        if not session.can_run:
            self.view = view.but(said="a trace without its network cannot be run again")
            return
        from lstm_tui.tui.prompts.edit import EditPrompt

        self._stop()
        forms = forms_of(session)
        if forms:
            self.app.push_screen(EditPrompt(title, forms, session, self.obey, self.palette.glyphs))
        else:
            self.view = view.but(said=none)

    def action_command(self, value: str = "", error: str = "", title: str = "command") -> None:
        """Ask for a line of the command line."""
        if self._session is None or self.palette is None:
            return
        from lstm_tui.tui.prompts.edit import CommandPrompt

        self._stop()
        glyphs = self.palette.glyphs
        prompt = CommandPrompt(self._session, self.past.lines, self.obey, glyphs, value, error, title)
        prompt.below = self.rows_kept()
        self.app.push_screen(prompt)

    def rows_kept(self) -> int:
        """Return the rows at the bottom that a line which is typed leaves in sight."""
        return 0

    def obey(self, line: str) -> str:
        """Execute a typed line; return what is wrong with it."""
        from lstm_tui.debugger.commands.dispatch import answer

        line = line.strip()
        if not line:
            return ""
        error = self.change(lambda session: answer(session, line), line)
        if not error:
            self.past.add(line)
        return error

    def action_undo(self, step: int) -> None:
        """Take the last edit back, or make it again."""
        if self._session is None or self.view is None:
            return
        if not self._session.can_run:
            self.view = self.view.but(said="a trace without its network has no edits")
            return
        error = self.change(lambda session: walked(session, step))
        if error:
            self.view = self.view.but(said=error)

    def _step_edits(self, step: int) -> str:
        return self.change(lambda session: walked(session, step))

    def action_weights(self) -> None:
        """Open the weight editor at the parameters of the value under the cursor."""
        if self._session is None or self.view is None or self.palette is None:
            return
        if not self._session.can_run:
            self.view = self.view.but(said="a trace without its network has no weights")
            return
        from lstm_tui.tui.views.weights import WeightScreen

        self._stop()
        view = self.view
        self.app.push_screen(
            WeightScreen(self._session, self.palette, self.obey, self._step_edits, view.value, view.unit)
        )

    def action_edits(self) -> None:
        """List every edit in words."""
        if self._session is None or self.view is None or self.palette is None:
            return
        from lstm_tui.tui.prompts.lists import EditList

        self._stop()
        self.app.push_screen(EditList(self._session, self.palette.glyphs, self._keep_edits, self.obey))

    def _keep_edits(self, done: int) -> str:
        """Go to where so many edits are in force."""

        def act(session: Session) -> tuple[str, ...]:
            session.keep_edits(done)
            return (f"{done} of {len(session.history.edits)} edits in force",)

        return self.change(act)

    def action_difference(self) -> None:
        """Show the baseline beside the edited run, or the edited run alone."""
        if self.view is None:
            return
        said = "" if self.view.frame.difference is not None else "no edits yet: e makes one"
        beside = not self.view.beside if not said else self.view.beside
        self.view = self.view.but(beside=beside, said=said or ("beside the baseline" if beside else "edited alone"))


def walked(session: Session, step: int) -> tuple[str, ...]:
    """Take an edit back or make it again, and say which.

    Raises:
        UserError: If there is none.
    """
    done = session.history.done
    if not 0 <= done + step <= len(session.history.edits):
        raise UserError("nothing to undo" if step < 0 else "nothing to redo")
    session.keep_edits(done + step)
    return (f"{'undone' if step < 0 else 'redone'}: {session.words[min(done, done + step)]}",)
