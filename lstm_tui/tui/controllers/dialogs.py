"""What asks or tells something over the screen: find, export, explain, help, views of the whole run, long answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.file_endings import ANY_TRACE, TRACES
from lstm_tui.tui.canvas.canvas import ClickTarget
from lstm_tui.tui.controllers.looks import Looks
from lstm_tui.tui.controllers.open_run import OpenRun
from lstm_tui.tui.controllers.steps import Steps
from lstm_tui.tui.view import View

if TYPE_CHECKING:
    from lstm_tui.tui.views.analysis_screen import Analysis


class Replies:
    """Opens the page of an answer, and goes where it tells of."""

    def __init__(self, screen: Screen[None], run: OpenRun) -> None:
        """Answer nothing yet.

        Args:
            screen: Over which pages are opened.
            run: What they tell of.
        """
        self._screen, self._run = screen, run
        self._untold: tuple[str, tuple[str, ...]] | None = None  # an answer that came while a line was typed

    def tell(self, title: str, lines: tuple[str, ...]) -> None:
        """Show an answer, unless the next line is typed already: then `tell_rest` does."""
        if isinstance(self._screen.app.focused, Input):
            self._untold = (title, lines)
            return
        from lstm_tui.tui.views.page import PageScreen

        self._untold = None
        found = self._run.session.stops.found
        goes = found is not None and found.lines == lines
        page = PageScreen(visible(title), [Content(visible(line)) for line in lines], goes)
        self._screen.app.push_screen(page, self._go_where_found)

    def tell_rest(self) -> None:
        """Tell what could not be told over a line that was typed."""
        if self._untold is not None:
            self.tell(*self._untold)

    def _go_where_found(self, goes: bool | None) -> None:
        """Stand behind the equation of which a page tells, at its unit and value."""
        stops, view = self._run.session.stops, self._run.view
        found = stops.found
        if not goes or found is None:
            return
        frame = stops.go_where_found()
        units = {**view.units, frame.position.pass_name: found.unit}
        self._run.show(frame=frame, units=units, value=found.value or view.value, place=None, follow=True)


class Dialogs:
    """Opens the small screens over the run, and goes where was chosen on them."""

    def __init__(
        self,
        screen: Screen[None],
        run: OpenRun,
        steps: Steps,
        looks: Looks,
        open_network: Callable[[str], Network] | None,
        go_found: Callable[[int], None],
    ) -> None:
        """Look for nothing yet.

        Args:
            screen: Over which they are opened.
            run: What they tell of.
            steps: It plays no more while they are open.
            looks: Looks at what was chosen on them.
            open_network: Opens a bundled network by its name, where that can be done.
            go_found: Goes to what a search of states found.
        """
        self._screen, self._run, self._steps, self._looks = screen, run, steps, looks
        self._open_network, self._go_found = open_network, go_found
        self._wanted = ""

    # --- find ---

    def find(self) -> None:
        """Ask for a text and go to the next token that holds it."""
        from lstm_tui.tui.prompts.prompts import Prompt

        self._steps.stop()
        again = f"; nothing for {visible(self._wanted)} again" if self._wanted else ""
        self._screen.app.push_screen(Prompt(f"find a token (then . next, , previous{again})"), self._find)

    def _find(self, wanted: str | None) -> None:
        if wanted is not None and (wanted or self._wanted):
            self._wanted = wanted or self._wanted
            self._run.session.findings = ()
            self.find_next(1)

    def find_next(self, step: int) -> None:
        """Go to the next token that was found, or the previous one."""
        if self._run.session.findings:
            self._go_found(step)
            return
        if not self._wanted:
            self.find()
            return
        before = self._run.session.frame.t
        frame = self._run.session.find(self._wanted, step > 0)
        self._run.moved(frame)
        if not frame.note and frame.t == before:
            self._run.show(said="nowhere else")

    # --- pages and views ---

    def explain(self) -> None:
        """Show the value under the cursor with its equation in numbers and what weighs most in it."""
        from lstm_tui.tui.views.page import explain_page

        self._screen.app.push_screen(explain_page(self._run.view, self._run.palette))

    def influence(self) -> None:
        """Show what moves an output or the chosen unit's memory; go to the token that is chosen there."""
        from lstm_tui.tui.views.influence import influence_analysis

        self._analyse(influence_analysis)

    def reach(self) -> None:
        """Show how far back the memory reaches; go to the token that is chosen there."""
        from lstm_tui.tui.views.reach_screen import reach_analysis

        self._analyse(lambda view: reach_analysis(view, self._open_network))

    def dynamics(self) -> None:
        """Show what kind of memory the step here is; go to the token that was asked about there."""
        from lstm_tui.tui.views.dynamics import dynamics_analysis

        self._analyse(dynamics_analysis)

    def coloured_text(self) -> None:
        """Show the text coloured by the last `colour-text`, or by the unit chosen; go to the token chosen there."""
        from lstm_tui.debugger.inspect.coloured_text import is_asked
        from lstm_tui.tui.views.coloured_text import coloured_analysis

        session = self._run.session
        scope, what = session.scope(), session.coloured
        self._analyse(lambda view: coloured_analysis(view, scope, what if what and is_asked(scope, what) else ""))

    def health(self) -> None:
        """Show how the units do; look at the one that is chosen there."""
        from lstm_tui.tui.views.health import health_analysis

        self._analyse(health_analysis)

    def curves(self) -> None:
        """Show values over the tape as curves; go to the token that is chosen there."""
        from lstm_tui.tui.views.curves import curves_analysis

        self._analyse(curves_analysis)

    def _analyse(self, question: Callable[[View], Analysis]) -> None:
        """Ask a question about the run in a screen of its own; go to the token, or look at the unit, chosen there."""
        from lstm_tui.tui.views.analysis_screen import AnalysisScreen

        self._steps.stop()
        self._screen.app.push_screen(AnalysisScreen(question(self._run.view), self._run.palette), self._chosen)

    def glossary(self) -> None:
        """Explain what stands in the pane in use, the value under the cursor first, a sentence a term."""
        from lstm_tui.tui.panes.pane import Pane
        from lstm_tui.tui.views.page import glossary_page

        shown = (pane for pane in self._screen.query(Pane) if self._looks.pane_in_use == pane.NUMBER)
        text = "".join(pane.labels() for pane in shown)
        page = glossary_page(self._run.view, text, self._screen.size.width, self._looks.pane_in_use)
        self._screen.app.push_screen(page)

    def help(self) -> None:
        """Show every key, those of the pane in use first."""
        from lstm_tui.tui.views.page import help_page

        pane = None if self._run.is_empty else self._looks.pane_in_use
        self._screen.app.push_screen(help_page(self._screen.size.width, pane))

    def _chosen(self, target: ClickTarget | None) -> None:
        if target is not None and target.t is not None:
            self._steps.go_to(target.t)
        elif target is not None:
            self._looks.choose(target)

    # --- export ---

    def export(self) -> None:
        """Ask for a file name and write the run there."""
        from lstm_tui.tui.prompts.prompts import Prompt

        sequence = self._run.view.trace.sequence
        stem = Path(sequence.file).stem if sequence.file else "trace"
        line = f"-{sequence.line}" if sequence.line else ""
        question = f"write the run to ({ANY_TRACE})"
        self._screen.app.push_screen(Prompt(question, f"{visible(stem)}{line}{TRACES[0]}"), self.write_to)

    def write_to(self, name: str | None, over: str | None = None) -> None:
        """Write the run to a file; one that is there is asked for, unless it is `over`, which was just agreed to."""
        from lstm_tui.tui.environment import would_replace
        from lstm_tui.tui.prompts.prompts import Prompt

        if not name:
            return
        if name != over and would_replace(name):
            question = f"{visible(name)} is there already: Enter writes over it, another name leaves it"
            self._screen.app.push_screen(Prompt(question, name), lambda answer: self.write_to(answer, name))
            return
        trace, comes = self._run.view.trace, self._run.session.stops.comes()
        self._screen.run_worker(lambda: self._write(trace, name, comes), group="export", thread=True)

    def _write(self, trace: Trace, name: str, comes: bool) -> None:
        """Write it, in a thread; what still `comes` is said to be not read yet."""
        from lstm_tui.formats.traces.trace_file import write
        from lstm_tui.tui.environment import give

        try:
            said = give(self._screen.app, name, lambda path: write(trace, path, comes=comes))
        except (UserError, OSError) as error:
            self._screen.call_later(self._told, visible(str(error)), True)
        else:
            self._screen.call_later(self._told, said, False)

    def _told(self, said: str, failed: bool) -> None:
        """Tell how the export went."""
        self._screen.notify(said, severity="error" if failed else "information", markup=False, timeout=6)
