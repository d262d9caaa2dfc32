"""Commands that ask or tell something over the screen: find, export, explain, help."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual import work
from textual.message import Message

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.traces.endings import ANY_OF_THEM, ENDINGS
from lstm_tui.tui.canvas.canvas import ClickTarget
from lstm_tui.tui.controllers.breakpoints import Stops
from lstm_tui.tui.document import Document
from lstm_tui.tui.panes.pane import Pane

if TYPE_CHECKING:
    pass


class Dialogs(Stops):
    """A screen with a session and the small screens that open over it."""

    class Exported(Message):
        """A trace file is written, or why it is not."""

        def __init__(self, said: str, failed: bool) -> None:
            """Hold the one line that is shown."""
            super().__init__()
            self.said = said
            self.failed = failed

    def __init__(self, document: Document) -> None:
        """Nothing was looked for yet."""
        super().__init__(document)
        self._wanted = ""
        self.open_network: Callable[[str], Network] | None = None

    def action_find(self) -> None:
        """Ask for a text and go to the next token that holds it."""
        from lstm_tui.tui.prompts.prompts import Prompt

        self._stop()
        again = f"; nothing for {visible(self._wanted)} again" if self._wanted else ""
        self.app.push_screen(Prompt(f"find a token (then . next, , previous{again})"), self._find)

    def _find(self, wanted: str | None) -> None:
        if wanted is not None and (wanted or self._wanted):
            self._wanted = wanted or self._wanted
            self.action_find_next(1)

    def action_find_next(self, step: int) -> None:
        """Go to the next token that was found, or the previous one."""
        if self._session is None:
            return
        if not self._wanted:
            self.action_find()
            return
        before = self._session.frame.t
        frame = self._session.find(self._wanted, step > 0)
        self._moved(frame)
        if not frame.note and frame.t == before and self.view is not None:
            self.view = self.view.but(said="nowhere else")

    def action_explain(self) -> None:
        """Show the value under the cursor with its equation in numbers and what weighs most in it."""
        from lstm_tui.tui.views.page import explain_page

        if self.view is not None and self.palette is not None:
            self.app.push_screen(explain_page(self.view, self.palette))

    def action_influence(self) -> None:
        """Show what moves an output or the chosen unit's memory; go to the token that is chosen there."""
        from lstm_tui.tui.views.influence import InfluenceScreen

        if self.view is not None and self.palette is not None:
            self._stop()
            self.app.push_screen(InfluenceScreen(self.view, self.palette), self._go_to)

    def action_reach(self) -> None:
        """Show how far back the memory reaches; go to the token that is chosen there."""
        from lstm_tui.tui.views.reach_screen import ReachScreen

        if self.view is not None and self.palette is not None:
            self._stop()
            self.app.push_screen(ReachScreen(self.view, self.palette, self.open_network), self._go_to)

    def action_health(self) -> None:
        """Show how the units do; look at the one that is chosen there."""
        from lstm_tui.tui.views.health import HealthScreen

        if self.view is not None and self.palette is not None:
            self._stop()
            self.app.push_screen(HealthScreen(self.view, self.palette), self._look_at)

    def _look_at(self, target: ClickTarget | None) -> None:
        if target is not None:
            self.post_message(Pane.Chosen(target))

    def action_go_on(self, temperature: float) -> None:
        """Put the likeliest next token behind the text, or one that is drawn; an edit, and the run stands at it."""
        from lstm_tui.debugger.commands.generate import append

        error = self.change(lambda session: (f"appended {visible(append(session, temperature))}",))
        if error and self.view is not None:
            self.view = self.view.but(said=error)

    def _go_to(self, t: int | None) -> None:
        if t is not None and self._session is not None:
            self._moved(self._session.goto(t))

    def action_help(self) -> None:
        """Show every key."""
        from lstm_tui.tui.views.page import help_page

        self.app.push_screen(help_page(self.size.width))

    def action_export(self) -> None:
        """Ask for a file name and write the run there."""
        from lstm_tui.tui.prompts.prompts import Prompt

        if self.view is None:
            return
        sequence = self.view.trace.sequence
        stem = Path(sequence.file).stem if sequence.file else "trace"
        line = f"-{sequence.line}" if sequence.line else ""
        question = f"write the run to ({ANY_OF_THEM})"
        self.app.push_screen(Prompt(question, f"{visible(stem)}{line}{ENDINGS[0]}"), self._export)

    def _export(self, name: str | None, over: str | None = None) -> None:
        """Write the run to a file; one that is there is asked for, unless it is `over`, which was just agreed to."""
        from lstm_tui.tui.deliver_file import would_replace
        from lstm_tui.tui.prompts.prompts import Prompt

        if not name or self.view is None:
            return
        if name != over and would_replace(name):
            question = f"{visible(name)} is there already: Enter writes over it, another name leaves it"
            self.app.push_screen(Prompt(question, name), lambda answer: self._export(answer, name))
            return
        self._write(self.view.trace, name)

    @work(thread=True, group="export")
    def _write(self, trace: Trace, name: str) -> None:
        from lstm_tui.formats.traces.file import write
        from lstm_tui.tui.deliver_file import give

        try:
            said = give(self.app, name, lambda path: write(trace, path))
        except (UserError, OSError) as error:
            self.post_message(self.Exported(visible(str(error)), True))
        else:
            self.post_message(self.Exported(said, False))

    def on_dialogs_exported(self, message: Exported) -> None:
        """Tell how the export went."""
        self.notify(message.said, severity="error" if message.failed else "information", markup=False, timeout=6)

    def action_quit_session(self) -> None:
        """Leave."""
        self.app.exit(0)
