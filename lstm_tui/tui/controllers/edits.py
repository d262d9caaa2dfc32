"""Editing: what is under the cursor, the command line, undo and redo, the weights and the list of edits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.screen import Screen

from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.io.command_history import Past
from lstm_tui.tui.canvas.canvas import ClickTarget
from lstm_tui.tui.controllers.changes import Changes
from lstm_tui.tui.controllers.looks import Looks
from lstm_tui.tui.controllers.open_run import OpenRun
from lstm_tui.tui.controllers.steps import Steps

if TYPE_CHECKING:
    from lstm_tui.debugger.edits.suggest import Form


class Edits:
    """Asks how the run is to be changed, and has it changed. What was typed is never lost: an error opens it again."""

    def __init__(
        self,
        screen: Screen[None],
        run: OpenRun,
        steps: Steps,
        looks: Looks,
        changes: Changes,
        past: Past,
        rows_below: Callable[[], int],
    ) -> None:
        """Ask nothing yet.

        Args:
            screen: Over which it asks.
            run: What is edited.
            steps: It plays no more while an edit is typed.
            looks: Where the cursor stands.
            changes: Makes the edits.
            past: The lines that were typed before.
            rows_below: Returns the rows at the bottom that a line which is typed leaves in sight.
        """
        self._screen, self._run, self._steps, self._looks = screen, run, steps, looks
        self._changes, self._past, self._rows_below = changes, past, rows_below

    def edit(self) -> None:
        """Ask how to change what is under the cursor."""
        from lstm_tui.debugger.edits.suggest import forms_at

        view, pane = self._run.view, self._looks.pane_in_use
        value = view.memory_name if pane in (5, 6) else view.value
        title = f"edit at t={view.cursor_t}, {view.label(view.cursor_t, self._run.palette)}"
        self._ask(
            lambda session: forms_at(session, value, view.unit, view.cursor_t, on_tape=pane in (1, 7)),
            title,
            "nothing here can be changed: : takes any edit",
        )

    def edit_equation(self) -> None:
        """Ask how the equation under the cursor should read."""
        from lstm_tui.debugger.edits.suggest import forms_of_equation

        value = self._run.view.value
        title = f"equation of {value}, {self._run.view.pass_name}"
        self._ask(lambda session: forms_of_equation(session, value), title, f"{value} has no equation")

    def _ask(self, forms_of: Callable[[Session], tuple[Form, ...]], title: str, none: str) -> None:
        """Open the prompt with the edits that fit, or say why there are none."""
        session = self._run.session
        if self._cannot_run("cannot be run again"):
            return
        from lstm_tui.tui.prompts.edit import EditPrompt

        self._steps.stop()
        forms = forms_of(session)
        if forms:
            self._screen.app.push_screen(EditPrompt(title, forms, session, self.execute, self._run.palette.glyphs))
        else:
            self._run.show(said=none)

    def _cannot_run(self, what: str) -> bool:
        """Say whether there is no network to run again; on the screen too, with what that is the end of."""
        if self._run.session.can_run:
            return False
        self._run.show(said=f"a trace without its network {what}")
        return True

    # --- lines ---

    def type_line(self, value: str = "", error: str = "", title: str = "command") -> None:
        """Ask for a line of the command line, with what is typed already and what was wrong with it before."""
        from lstm_tui.tui.prompts.edit import CommandPrompt

        self._steps.stop()
        session, glyphs = self._run.session, self._run.palette.glyphs
        prompt = CommandPrompt(session, self._past.lines, self.execute, glyphs, value, error, title)
        prompt.below = self._rows_below()
        self._screen.app.push_screen(prompt)

    def execute(self, line: str) -> str:
        """Execute a typed line; return what is wrong with it."""
        from lstm_tui.debugger.commands.dispatch import answer

        line = line.strip()
        if not line:
            return ""

        def again(error: str) -> None:
            if error:
                self.type_line(line, error)

        error = self._changes.change(lambda session: answer(session, line), line, refused=again)
        if not error:
            self._past.add(line)
        return error

    def causes(self) -> None:
        """Show the last `trace-cause` as a map; where none was asked of this line, begin to type one."""
        from lstm_tui.tui.views.analysis_screen import AnalysisScreen
        from lstm_tui.tui.views.causes import causes_analysis

        self._steps.stop()
        question = self._run.session.causal
        if question is None or question.line_number != self._run.session.frame.line:
            self.type_line("trace-cause ")
            return
        state = question.state

        def chosen(target: ClickTarget | None) -> None:
            if target is not None and target.line:
                self.branch_from(state, target.line)

        analysis = causes_analysis(self._run.view, question)
        self._screen.app.push_screen(AnalysisScreen(analysis, self._run.palette), chosen)

    def attention(self) -> None:
        """Show where a cell looks; go to the equation of the cell chosen there, or begin to type its pin."""
        from lstm_tui.tui.views.analysis_screen import AnalysisScreen
        from lstm_tui.tui.views.attention import attention_analysis

        self._steps.stop()

        def chosen(target: ClickTarget | None) -> None:
            if target is None:
                return
            if target.line:
                self.type_line(target.line)
                return
            run = self._run
            if target.pass_name is not None:
                self._steps.select_pass(target.pass_name)
            if target.t is not None:
                self._steps.go_to(target.t)
            units = {**run.view.units, run.view.pass_name: target.unit or 0}
            run.show(units=units, value=target.value or run.view.value, follow=True)

        self._screen.app.push_screen(AnalysisScreen(attention_analysis(self._run.view), self._run.palette), chosen)

    def branch_from(self, state: int, line: str) -> None:
        """Execute a line that edits in a state of the tree of edits: a branch of it, whatever is in force now."""
        from lstm_tui.debugger.commands.dispatch import answer

        def act(session: Session) -> tuple[str, ...]:
            if session.history.here != state:
                session.switch(str(state))
            return answer(session, line)

        self._run_or_say(act)

    def go_found(self, step: int) -> None:
        """Go to the next place that the last search of states found, or to the previous one."""
        from lstm_tui.debugger.commands.dispatch import answer

        self._run_or_say(lambda session: answer(session, "found" if step > 0 else "found -1")[:1])

    # --- back and on ---

    def undo(self, step: int) -> None:
        """Take the last edit back, or make it again."""
        if not self._cannot_run("has no edits"):
            self._run_or_say(lambda session: walked(session, step))

    def _walk(self, step: int) -> str:
        return self._changes.change(lambda session: walked(session, step))

    def append(self, temperature: float) -> None:
        """Put the likeliest next token behind the text, or one that is drawn; an edit, and the run stands at it."""
        from lstm_tui.debugger.commands.generate import append

        self._run_or_say(lambda session: (f"appended {visible(append(session, temperature))}",))

    def _run_or_say(self, act: Callable[[Session], tuple[str, ...]]) -> None:
        error = self._changes.change(act)
        if error:
            self._run.show(said=error)

    def _keep(self, done: int) -> str:
        """Go to where so many edits are in force."""

        def act(session: Session) -> tuple[str, ...]:
            session.keep_edits(done)
            return (f"{done} of {len(session.history.edits)} edits in force",)

        return self._changes.change(act)

    # --- screens ---

    def weights(self) -> None:
        """Open the weight editor at the parameters of the value under the cursor."""
        if self._cannot_run("has no weights"):
            return
        from lstm_tui.tui.views.weight_editor import WeightScreen

        self._steps.stop()
        run = self._run
        self._screen.app.push_screen(
            WeightScreen(run.session, run.palette, self.execute, self._walk, run.view.value, run.view.unit)
        )

    def list_all(self) -> None:
        """List every edit in words."""
        from lstm_tui.tui.prompts.lists import EditList

        self._steps.stop()
        self._screen.app.push_screen(EditList(self._run.session, self._run.palette.glyphs, self._keep, self.execute))


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
