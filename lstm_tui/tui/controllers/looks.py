"""What is looked at: the pane in use and how much of the screen it has, the cursor in it, order, colours, baseline."""

from __future__ import annotations

from textual.screen import Screen

from lstm_tui.debugger.panes import BACKWARD, DIAGRAM, FORWARD, LEDGER, ONE_UNIT, TAPE, Layout
from lstm_tui.formats.io.preferences import EXPERT, Preferences
from lstm_tui.tui.canvas.canvas import ClickTarget
from lstm_tui.tui.controllers.open_run import OpenRun, ScreenState
from lstm_tui.tui.controllers.steps import Steps
from lstm_tui.tui.panes.pane import Pane
from lstm_tui.tui.view import ORDERS, View

_TABLES = (FORWARD.number, BACKWARD.number)
_WHOLE = (LEDGER.number, DIAGRAM.number)
"""Panes that a key opens on the whole screen."""
_ROWS = (("#units", _TABLES), ("#lower", (4, 5, 6, 7, DIAGRAM.number)))


class Looks:
    """Changes what of the run is shown, and moves it only where a place was chosen."""

    def __init__(
        self, screen: Screen[None], state: ScreenState, run: OpenRun, steps: Steps, settings: Preferences
    ) -> None:
        """Look at the forward table.

        Args:
            screen: Whose panes they are.
            state: It says which of them is in use.
            run: What is looked at.
            steps: Moves it to a place that was chosen.
            settings: Remembers whether the screen is an expert's.
        """
        self._screen, self._state, self._run, self._steps = screen, state, run, steps
        self._settings = settings
        self._left = FORWARD.number  # the pane that was in use before one unit was shown alone
        self._before_whole = LEDGER.number  # and before a pane was opened that has the whole screen

    @property
    def pane_in_use(self) -> int:
        """The number of the pane that was chosen last; the focus follows it a moment later."""
        return self._state.shown

    # --- beginners and experts ---

    def begin(self) -> None:
        """Show the screen as it was chosen: for a beginner with the line in words, for an expert without."""
        self._screen.set_class(self._settings.is_on(EXPERT), "-expert")

    def level(self) -> None:
        """Show the screen for an expert, without the line in words, or for a beginner; that is remembered."""
        expert = not self._screen.has_class("-expert")
        self._screen.set_class(expert, "-expert")
        self._settings.turn(EXPERT, expert)
        self._run.show(said="expert: without the line in words" if expert else "beginner: with the line in words")

    # --- the view ---

    def order(self) -> None:
        """Order units another way."""
        order = ORDERS[(ORDERS.index(self._run.view.order) + 1) % len(ORDERS)]
        self._run.show(order=order, follow=False)

    def signal(self) -> None:
        """Colour the tape by another signal."""
        self._run.show(signal=self._run.view.signal + 1)

    def everyone(self) -> None:
        """Show the ledger of all units, or of the chosen one again."""
        self._run.show(everyone=not self._run.view.everyone)

    def difference(self) -> None:
        """Show the baseline beside the edited run, or the edited run alone."""
        view = self._run.view
        if view.frame.difference is None:
            self._run.show(said="no edits yet: e makes one")
        else:
            self._run.show(beside=not view.beside, said="edited alone" if view.beside else "beside the baseline")

    def cursor(self, right: int, down: int) -> None:
        """Move the cursor inside the pane in use."""
        for pane in self._screen.query(Pane):
            if self.pane_in_use == pane.NUMBER:
                pane.move(right, down)

    def choose(self, target: ClickTarget, go: bool = False) -> None:
        """Look at what was chosen in a pane or on a screen, and go there if `go` says so."""
        view = self._run.view
        if target.pass_name is not None and target.pass_name != view.pass_name:
            self._steps.select_pass(target.pass_name)
            view = self._run.view
        if go and target.t is not None:
            self._steps.go_to(target.t)
            return
        units = view.units if target.unit is None else {**view.units, view.pass_name: target.unit}
        place = view.place if target.t is None else target.t
        follow = view.follow if target.unit is None else True
        self._run.show(units=units, value=target.value or view.value, place=place, follow=follow)

    # --- panes ---

    def has_pane(self, number: int) -> bool:
        """Say whether this run has a pane: a table of units that read backward is there only where some do."""
        return number != BACKWARD.number or self._run.is_empty or self._run.view.sides()[1] is not None

    def pane(self, number: int) -> None:
        """Go to a pane; a table of units selects its pass."""
        view = self._run.view
        if not self.has_pane(number):
            self._run.show(said=f"no pane {number}: this network reads in one direction only")
            return
        if number in _TABLES:
            name = view.sides()[_TABLES.index(number)]
            if name is not None and name != view.pass_name:
                self._steps.select_pass(name)
        self.show_pane(number)

    def show_pane(self, number: int) -> None:
        """Bring a pane into sight where not all of them are, and give it the focus."""
        screen = self._screen
        pane = next((pane for pane in screen.query(Pane) if number == pane.NUMBER), None)
        if pane is None:
            return
        self._state.shown = number
        screen.set_class(number == ONE_UNIT.number, "-one-unit")
        below = number > TAPE.number or screen.has_class("-maximised")  # else what stood under the tape stays there
        for one in screen.query(Pane) if below else ():
            one.set_class(number == one.NUMBER, "-shown")
            if number >= 5:
                one.set_class(number == one.NUMBER, "-beside")
        for row, numbers in _ROWS if below else ():
            screen.query_one(row).set_class(number not in numbers, "-away")
        if number >= 5:
            screen.set_class(number == DIAGRAM.number, "-diagram")
        screen.set_class(number == TAPE.number, "-tape")
        pane.focus(scroll_visible=False)

    def follow_focus(self) -> None:
        """A pane that is clicked or reached by tab is the one that is shown."""
        focused = self._screen.focused
        if isinstance(focused, Pane) and self.pane_in_use != focused.NUMBER:
            self.pane(focused.NUMBER)

    def follow_view(self, old: View, new: View) -> None:
        """Follow the selected pass to its table, where only one pane is shown; give the tape of two runs its rows."""
        screen, beside = self._screen, new.baseline
        edited, retold = beside is not None, beside is not None and beside.retold
        panes = list(screen.query(Pane))  # none yet while the first run is made
        tape = next((pane for pane in panes if TAPE.number == pane.NUMBER), None)
        if tape is not None and (edited, retold) != (tape.has_class("-edited"), tape.has_class("-retold")):
            for pane in panes:
                if pane.NUMBER in (TAPE.number, *_TABLES):
                    pane.put_off()  # they are about to get another size
            tape.set_class(edited, "-edited")  # of the tape alone: the styles of a whole screen take longer than a step
            tape.set_class(retold, "-retold")
        if old.pass_name == new.pass_name:
            return
        screen.set_class(new.partner() is None, "-one-way")
        if not old.is_empty and self.pane_in_use in _TABLES:
            self.show_pane(new.table())

    def maximise(self) -> None:
        """Give the whole screen to the pane, or take it back."""
        if self.pane_in_use == ONE_UNIT.number:  # which has it already
            self.one_unit()
        else:
            self._screen.toggle_class("-maximised")

    def one_unit(self) -> None:
        """Show one unit as large as it gets, or what was shown before."""
        if self.pane_in_use == ONE_UNIT.number:
            self.show_pane(self._run.view.table() if self._left in _TABLES else self._left)
        else:
            self._left = self.pane_in_use
            self.show_pane(ONE_UNIT.number)

    def map(self) -> None:
        """Give the whole screen to the ledger with its map over the tape, or take it back."""
        self._whole(LEDGER.number)

    def diagram(self) -> None:
        """Give the whole screen to the picture of the cell, or take it back."""
        self._whole(DIAGRAM.number)

    def _whole(self, number: int) -> None:
        """Give the whole screen to a pane, or take it back and show what was in use before."""
        opened = self._is_whole(number)
        if not opened:
            if not any(map(self._is_whole, _WHOLE)):
                self._before_whole = self.pane_in_use
            self.show_pane(number)
        self._screen.set_class(not opened, "-maximised")
        if opened:
            self.show_pane(self._before_whole)

    def _is_whole(self, number: int) -> bool:
        return self.pane_in_use == number and self._screen.has_class("-maximised")

    def back(self) -> None:
        """Leave what was opened over the panes."""
        whole = next((number for number in _WHOLE if self._is_whole(number)), None)
        if self.pane_in_use == ONE_UNIT.number:
            self.one_unit()
        elif whole is not None:
            self._whole(whole)
        elif self._screen.has_class("-maximised"):
            self.maximise()

    # --- as a saved session has it ---

    def layout(self) -> Layout:
        """Return how the session is shown."""
        view = self._run.view
        return Layout(
            self.pane_in_use, view.order, view.signal, view.value, tuple(sorted(view.units.items())),
            self._screen.has_class("-maximised"), view.everyone, not view.beside,
        )  # fmt: skip

    def lay_out(self, layout: Layout) -> None:
        """Show the session as a layout says; what is not in this run is passed over."""
        view = self._run.view
        order = next((one for one in ORDERS if one == layout.order), view.order)
        units = {name: unit for name, unit in layout.units if name in view.trace}
        values = view.passed.cell.values
        self._run.show(
            order=order, signal=layout.signal, everyone=layout.everyone, beside=not layout.alone,
            value=layout.value if layout.value in values else view.value, units={**view.units, **units}, said=view.said,
        )  # fmt: skip
        self._screen.set_class(layout.maximised, "-maximised")
        self.show_pane(layout.pane)
