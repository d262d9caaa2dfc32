"""The main screen: it holds the one view, hands it down to the panes, and answers what they send up."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Resize
from textual.reactive import Reactive
from textual.widget import Widget
from textual.widgets import Static

from lstm_tui.tui.canvas.glyphs import Glyphs
from lstm_tui.tui.canvas.palette import palette_of
from lstm_tui.tui.commands import COMMANDS
from lstm_tui.tui.controllers.stream import Follows
from lstm_tui.tui.document import Document
from lstm_tui.tui.panes.equations import CellPane
from lstm_tui.tui.panes.header_footer import EquationLine, FooterLine, HeaderLine, OneLine, TabsLine
from lstm_tui.tui.panes.large_unit import OneUnit
from lstm_tui.tui.panes.ledger import Remembers
from lstm_tui.tui.panes.memory import Heatmap
from lstm_tui.tui.panes.output import Output
from lstm_tui.tui.panes.pane import Pane
from lstm_tui.tui.panes.stop import StopLines
from lstm_tui.tui.panes.tape import Tape
from lstm_tui.tui.panes.units import BackwardUnits, Units
from lstm_tui.tui.view import ORDERS, View

LEAST_WIDTH, LEAST_HEIGHT = 40, 12


class MainScreen(Follows):
    """Tape, unit tables, equations, memory and output of one position of one run."""

    DEFAULT_CSS = "MainScreen { background: $lt-ground; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(",".join(command.keys), command.action, command.word, show=False, priority=True)
            for command in COMMANDS  # before any pane, so that keys act in their order
        ),
        Binding("escape", "back", show=False, priority=True),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-middle"), (144, "-wide")]
    AUTO_FOCUS = "#forward"

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """As Textual has it, but a change of focus repaints the two panes it concerns and not the whole screen."""

    def __init__(self, document: Document, glyphs: Glyphs, few_colours: bool) -> None:
        """Hold what is open; the first run is made when the screen is mounted."""
        super().__init__(document)
        self._glyphs, self._few_colours = glyphs, few_colours
        self._left = Units.NUMBER  # the pane that was in use before one unit was shown alone
        self._before_map = Remembers.NUMBER  # and before the map had the whole screen

    def compose(self) -> ComposeResult:
        """Make the first run, so that the first frame is whole, and lay out the panes for `app.tcss` to place."""
        width = self.app.size.width
        self.add_class(next(name for least, name in reversed(self.HORIZONTAL_BREAKPOINTS) if width >= least))
        self._choose_colours()
        self.open_line(self._wanted_line)
        bound = {"view": MainScreen.view, "palette": MainScreen.palette}
        yield Static(Content(f"too small: {LEAST_WIDTH}×{LEAST_HEIGHT} is the least"), id="small")
        yield HeaderLine(self.waits_for(), id="header").data_bind(**bound, busy=MainScreen.busy)
        yield Tape("tape").data_bind(**bound)
        yield TabsLine(id="tabs").data_bind(**bound, shown=MainScreen.shown)
        with Horizontal(id="units"):
            yield Units("forward", "-shown").data_bind(**bound)
            yield BackwardUnits("backward").data_bind(**bound)
        with Horizontal(id="lower", classes="-away"):
            yield CellPane("cell").data_bind(**bound)
            yield Heatmap("memory", "-beside").data_bind(**bound)
            yield Remembers("remembers").data_bind(**bound)
            yield Output("output").data_bind(**bound)
        yield OneUnit("one").data_bind(**bound)
        yield EquationLine(id="equation").data_bind(**bound)
        yield StopLines(id="stop").data_bind(**bound)
        yield FooterLine(id="footer").data_bind(**bound)

    def on_mount(self) -> None:
        """Follow the theme, and have Numba redo the run once it is on the screen."""
        self.app.theme_changed_signal.subscribe(self, self._choose_colours)
        self.call_after_refresh(self.hand_over)
        self.call_after_refresh(self.begin_keeping)
        self.call_after_refresh(self.follow)

    def _choose_colours(self, _: object = None) -> None:
        self.palette = palette_of(self.app.theme_variables, self._glyphs, self._few_colours)

    # --- looking ---

    def action_order(self) -> None:
        """Order units another way."""
        if self.view is not None:
            order = ORDERS[(ORDERS.index(self.view.order) + 1) % len(ORDERS)]
            self.view = self.view.but(order=order, follow=False)

    def action_signal(self) -> None:
        """Colour the tape by another signal."""
        if self.view is not None:
            self.view = self.view.but(signal=self.view.signal + 1)

    def action_everyone(self) -> None:
        """Show the ledger of all units, or of the chosen one again."""
        if self.view is not None:
            self.view = self.view.but(everyone=not self.view.everyone)

    def action_cursor(self, right: int, down: int) -> None:
        """Move the cursor inside the pane in use."""
        for pane in self.query(Pane):
            if self.pane_in_use() == pane.NUMBER:
                pane.move(right, down)

    @on(Pane.Stepped)
    def _stepped(self, message: Pane.Stepped) -> None:
        self.action_token(message.tokens)

    @on(Pane.Chosen)
    def _chosen(self, message: Pane.Chosen) -> None:
        """Look at what a pane says was chosen, and go there if it says so."""
        target = message.target
        if self._session is None:
            return
        if target.pass_name is not None and target.pass_name != self._session.frame.position.pass_name:
            self._moved(self._session.select_pass(target.pass_name))
        if message.go and target.t is not None:
            self._moved(self._session.goto(target.t))
        elif self.view is not None:
            view = self.view
            units = view.units if target.unit is None else {**view.units, view.pass_name: target.unit}
            place = view.place if target.t is None else target.t
            follow = view.follow if target.unit is None else True
            self.view = view.but(units=units, value=target.value or view.value, place=place, follow=follow)

    # --- panes ---

    def watch_view(self, old: View | None, new: View | None) -> None:
        """Follow the selected pass to its table, where only one pane is shown; give the tape of two runs its rows."""
        beside = None if new is None else new.baseline
        edited, retold = beside is not None, beside is not None and beside.retold
        if (edited, retold) != (self.has_class("-edited"), self.has_class("-retold")):
            for pane in (*self.query(Tape), *self.query(Units)):  # none yet while the first run is made
                pane.put_off()  # they are about to get another size
            self.set_class(edited, "-edited")
            self.set_class(retold, "-retold")
        if new is None or (old is not None and old.pass_name == new.pass_name):
            return
        self.set_class(new.partner() is None, "-one-way")
        if old is not None and self.shown in (2, 3):
            self._show_pane(new.table())

    def action_pane(self, number: int) -> None:
        """Go to a pane; a table of units selects its pass."""
        view = self.view
        if view is None or (number == 3 and view.sides()[1] is None):
            return
        if number in (2, 3) and self._session is not None:
            name = view.sides()[number - 2]
            if name is not None and name != view.pass_name:
                self._moved(self._session.select_pass(name))
        self._show_pane(number)

    def pane_in_use(self) -> int:
        """Return the number of the pane that was chosen last; the focus follows it a moment later."""
        return self.shown

    def _show_pane(self, number: int) -> None:
        """Bring a pane into sight where not all of them are, and give it the focus."""
        pane = next((pane for pane in self.query(Pane) if number == pane.NUMBER), None)
        if pane is None:
            return
        self.shown = number
        self.set_class(number == OneUnit.NUMBER, "-one-unit")
        below = number > 1 or self.has_class("-maximised")  # else what stood under the tape stays there
        for one in self.query(Pane) if below else ():
            one.set_class(number == one.NUMBER, "-shown")
            if number >= 5:
                one.set_class(number == one.NUMBER, "-beside")
        for row, numbers in (("#units", (2, 3)), ("#lower", (4, 5, 6, 7))) if below else ():
            self.query_one(row).set_class(number not in numbers, "-away")
        self.set_class(number == 1, "-tape")
        pane.focus(scroll_visible=False)

    def on_descendant_focus(self) -> None:
        """A pane that is clicked or reached by tab is the one that is shown."""
        if isinstance(self.focused, Pane) and self.shown != self.focused.NUMBER:
            self.action_pane(self.focused.NUMBER)

    def action_maximise(self) -> None:
        """Give the whole screen to the pane, or take it back."""
        if self.shown == OneUnit.NUMBER:  # which has it already
            self.action_one_unit()
        else:
            self.toggle_class("-maximised")

    def action_one_unit(self) -> None:
        """Show one unit as large as it gets, or what was shown before."""
        if self.shown == OneUnit.NUMBER:
            assert self.view is not None
            self._show_pane(self.view.table() if self._left in (2, 3) else self._left)
        elif self.view is not None:
            self._left = self.shown
            self._show_pane(OneUnit.NUMBER)

    def action_back(self) -> None:
        """Give up what is waited for, or leave what was opened over the panes."""
        if self.give_up():
            return
        if self.shown == OneUnit.NUMBER:
            self.action_one_unit()
        elif self._map_is_open():
            self.action_map()
        elif self.has_class("-maximised"):
            self.action_maximise()

    def _map_is_open(self) -> bool:
        return self.shown == Remembers.NUMBER and self.has_class("-maximised")

    def action_map(self) -> None:
        """Give the whole screen to the ledger with its map over the tape, or take it back."""
        opened = self._map_is_open()
        if not opened:
            self._before_map = self.shown
            self._show_pane(Remembers.NUMBER)
        self.set_class(not opened, "-maximised")
        if opened:
            self._show_pane(self._before_map)

    @on(OneLine.Pressed)
    async def _pressed(self, message: OneLine.Pressed) -> None:
        await self.run_action(message.action)

    def on_resize(self, event: Resize) -> None:
        """Say so when there is no room at all."""
        self.set_class(event.size.width < LEAST_WIDTH or event.size.height < LEAST_HEIGHT, "-tiny")
