"""Two runs side by side: one tape, one position, both unit tables and outputs, what differs by token."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.screen import Screen

from lstm_tui.debugger.inspect.compare import Comparison
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.position import Frame
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.app import LstmApp
from lstm_tui.tui.canvas.canvas import ClickTarget, Drawing
from lstm_tui.tui.canvas.palette import DARK_PALETTE, Glyphs, Palette, palette_of
from lstm_tui.tui.panes.memory import around
from lstm_tui.tui.panes.output import Output, draw_output
from lstm_tui.tui.panes.pane import Beside, Pane
from lstm_tui.tui.panes.units import Units, draw_units, neighbour
from lstm_tui.tui.view import EMPTY, ORDERS, View
from lstm_tui.tui.view_keys import keymap_of
from lstm_tui.tui.views.compare_drawing import draw_compare
from lstm_tui.tui.views.page import explain_page, glossary_page, keys_page
from lstm_tui.tui.views.without_session import KeysLine, shown_alone


class CompareTape(Pane):
    """Both tapes as one, a row for each token; moving the cursor moves both runs."""

    NUMBER, WORD = 1, "tokens"

    chosen: reactive[int] = reactive(0, repaint=False)

    def __init__(self, compared: Comparison, id: str | None = None) -> None:
        """Show two runs."""
        super().__init__(id=id)
        self._compared = compared

    def watch_chosen(self) -> None:
        """Draw the other row."""
        self._renew()

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the rows."""
        return draw_compare(self._compared, self.chosen, view.pass_name, width, height, palette)

    def move(self, right: int, down: int) -> None:
        """Step on the common tape."""
        self.post_message(self.Stepped(right or down))


class SideUnits(Pane):
    """The units of the selected pass of one of the two runs."""

    NUMBER, WORD = Units.NUMBER, Units.WORD

    def __init__(self, side: int, name: str, id: str | None = None) -> None:
        """Show side 0 or 1."""
        super().__init__(id=id)
        self.side, self._name = side, name

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the table under the name of the run, and that of the chosen unit, for which a row may have no room."""
        drawing = draw_units(view, view.pass_name, width, height, palette, self.NUMBER)
        said = drawing.note.rpartition("   ")[2]
        room = width - 4 - (cell_len(said) + 3 if said.startswith("not shown") else 0)
        dot, whose = f" {palette.glyphs.dot} ", f"{'AB'[self.side]} {self._name}"
        titles = [f"{whose}{dot}{view.pass_name} t={view.t}"]
        if view.frame.names.name(view.pass_name, view.unit):
            titles = [
                f"{titles[0]}{dot}{view.unit_words()}", f"{whose}{dot}{view.pass_name}{dot}{view.unit_short()}",
                f"{whose}{dot}{view.unit_short()}",
            ]  # fmt: skip
        titles += [f"{whose}{dot}{view.pass_name}", whose]
        drawing.title = next((one for one in titles if cell_len(one) <= room), titles[-1])
        if room < width - 4:
            drawing.shorter = (*drawing.shorter[:-1], said)
        return drawing

    def move(self, right: int, down: int) -> None:
        """Choose another unit of the order, or another value."""
        self.post_message(self.Chosen(neighbour(self.view, self.view.pass_name, right, down)))


class SideOutput(Pane):
    """What one of the two networks says."""

    NUMBER, WORD = Output.NUMBER, Output.WORD

    def __init__(self, side: int, id: str | None = None) -> None:
        """Show side 0 or 1."""
        super().__init__(id=id)
        self.side = side

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the output."""
        drawing = draw_output(view, width, height, palette, self.NUMBER)
        drawing.title = f"{'AB'[self.side]} output"
        return drawing

    def move(self, right: int, down: int) -> None:
        """Choose another token to look at."""
        self.post_message(self.Chosen(around(self.view, right or down, 0)))

    def clicked(self, target: ClickTarget) -> None:
        """Stay: the tape of both is another pane."""


_KEYS = (
    ("n/N", "token"), ("s/S", "equation"), ("g/G", "first, last"), ("[]", "pass"), ("o", "order"), ("tab", "pane"),
    ("j/k", "cursor"), ("p", "explain"), ("K", "glossary"), ("?", "keys"), ("esc q", "quit"),
)  # fmt: skip


class CompareScreen(Screen[None]):
    """Two sessions that stand at the same token."""

    DEFAULT_CSS = """
    CompareScreen { background: $lt-ground; layout: vertical; }
    CompareScreen #both { height: 14; }
    CompareScreen #sides { height: 1fr; }
    CompareScreen #said { height: 9; }
    CompareScreen Horizontal > * { width: 1fr; }
    CompareScreen.-low #both { height: 9; }
    CompareScreen.-low #said { display: none; }
    """
    VERTICAL_BREAKPOINTS = [(0, "-low"), (36, "-high")]
    AUTO_FOCUS = "#both"
    view_name = "compare"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "column(1)", show=False),
        Binding("N,shift+n", "column(-1)", show=False),
        Binding("g", "end(0)", show=False),
        Binding("G,shift+g", "end(1)", show=False),
        Binding("s", "equation(1)", show=False),
        Binding("S,shift+s", "equation(-1)", show=False),
        Binding("right_square_bracket", "pass(1)", show=False),
        Binding("left_square_bracket", "pass(-1)", show=False),
        Binding("o", "order", show=False),
        Binding("j,down", "cursor(0,1)", show=False),
        Binding("k,up", "cursor(0,-1)", show=False),
        Binding("l,right", "cursor(1,0)", show=False),
        Binding("h,left", "cursor(-1,0)", show=False),
        Binding("p", "explain", show=False),
        Binding("K,shift+k", "explain_words", show=False),
        Binding("question_mark", "tell_keys", show=False),
        Binding("q,escape", "leave", show=False),
    ]

    one: reactive[View] = reactive(EMPTY, repaint=False)
    other: reactive[View] = reactive(EMPTY, repaint=False)
    palette: reactive[Palette] = reactive(DARK_PALETTE, repaint=False)
    chosen: reactive[int] = reactive(0, repaint=False)

    def __init__(self, compared: Comparison, glyphs: Glyphs, few_colours: bool) -> None:
        """Stand at the first token of both."""
        super().__init__()
        self._compared, self._glyphs, self._few_colours = compared, glyphs, few_colours
        self._sessions = (Session(compared.one), Session(compared.other))
        self._facts = (Facts(compared.one), Facts(compared.other))

    def compose(self) -> ComposeResult:
        """Lay out the tape above the tables and the outputs."""
        self._choose_colours()
        shared = {"palette": CompareScreen.palette}
        self.one, self.other = (self._first(side) for side in (0, 1))
        tape = CompareTape(self._compared, "both")
        yield tape.data_bind(view=CompareScreen.one, chosen=CompareScreen.chosen, **shared)
        bound = (CompareScreen.one, CompareScreen.other)
        with Beside(id="sides"):
            for side, view in enumerate(bound):
                units = SideUnits(side, visible(self._compared.names[side]), f"units{side}")
                yield units.data_bind(view=view, **shared)
        with Beside(id="said"):
            for side, view in enumerate(bound):
                yield SideOutput(side, f"output{side}").data_bind(view=view, **shared)
        yield KeysLine(keymap_of(self.view_name).line(_KEYS)).data_bind(**shared)
        self._go(0)

    def on_mount(self) -> None:
        """Follow the theme."""
        self.app.theme_changed_signal.subscribe(self, self._choose_colours)

    def _choose_colours(self, _: object = None) -> None:
        self.palette = palette_of(self.app.theme_variables, self._glyphs, self._few_colours)

    def _first(self, side: int) -> View:
        frame = self._sessions[side].frame
        memory = self._facts[side].memory(frame.position.pass_name)  # in sight where not all columns are
        value = next(one for one in (memory, *(one.name for one in frame.equations)) if one in frame.passed)
        return View(frame, self._facts[side], value=value)

    # --- moving both ---

    def _go(self, column: int) -> None:
        """Let both runs stand after the token of a column; one that lacks the token stays."""
        self.chosen = min(max(column, 0), len(self._compared.columns) - 1)
        at = self._compared.columns[self.chosen]
        for session, t in zip(self._sessions, (at.before, at.after), strict=True):
            if t is not None:
                session.goto(t)
        self._show()

    def _show(self) -> None:
        one, other = self._sessions
        self.one, self.other = self._moved(self.one, one.frame), self._moved(self.other, other.frame)
        self._align()

    def _align(self) -> None:
        """Give units that are the same in both the same rows."""
        one, other = self.one, self.other
        if one.pass_name == other.pass_name and self._compared.comparable(one.pass_name):
            self.other = other.ranked_as(one)

    def _moved(self, view: View, frame: Frame) -> View:
        values = frame.passed.cell.values
        value = view.value if view.value in values else values[0]
        return view.but(frame=frame, value=value, follow=False)

    @on(Pane.Stepped)
    def _stepped(self, message: Pane.Stepped) -> None:
        self.action_column(message.tokens)

    def action_column(self, count: int) -> None:
        """Go along the common tape."""
        self._go(self.chosen + count)

    def action_end(self, last: int) -> None:
        """Go to the first or the last token."""
        self._go(len(self._compared.columns) - 1 if last else 0)

    def action_equation(self, step: int) -> None:
        """Take one equation of the first run, and stand at the same one in the second where there is one."""
        one, other = self._sessions
        frame = one.step_in() if step > 0 else one.step_back()
        for number, column in enumerate(self._compared.columns):
            if column.before == frame.t:
                self.chosen = number
                if column.after is not None:
                    other.goto(column.after)
                    other.goto_equation(frame.position.equation)
        self._show()

    def action_pass(self, shift: int) -> None:
        """Select another pass of the first run, and the one of its name in the second."""
        one, other = self._sessions
        frame = one.select_pass(shift)
        name = frame.position.pass_name
        if name in self._compared.other:
            other.select_pass(name)
        elif len(list(self._compared.other)) > len(list(self._compared.one)):
            other.select_pass(shift)
        self._go(self.chosen)

    # --- looking ---

    def action_order(self) -> None:
        """Order the units of both another way."""
        order = ORDERS[(ORDERS.index(self.one.order) + 1) % len(ORDERS)]
        self.one = self.one.but(order=order, follow=False)
        self.other = self.other.but(order=order, follow=False)
        self._align()

    def action_cursor(self, right: int, down: int) -> None:
        """Move the cursor inside the pane that has the focus."""
        if isinstance(self.focused, Pane):
            self.focused.move(right, down)

    @on(Pane.Chosen)
    def _chosen(self, message: Pane.Chosen) -> None:
        """Choose a row of the tape, or a unit: that of its number in both where units can be compared."""
        target, view = message.target, self.one
        if target.unit is None and target.value is None and target.t is not None:
            self._go(target.t)
            return
        side = self.focused.side if isinstance(self.focused, SideUnits) else 0
        both = self._compared.comparable(view.pass_name) and self.other.pass_name == view.pass_name
        if side == 0 or both:
            self.one = _choosing(self.one, target.unit, target.value, both or side == 0)
        if side == 1 or both:
            self.other = _choosing(self.other, target.unit, target.value, both or side == 1)
        self._align()

    @property
    def _in_use(self) -> View:
        """The run whose pane has the focus; the first where that is the tape of both."""
        return self.other if getattr(self.focused, "side", 0) else self.one

    def action_explain(self) -> None:
        """Explain the value under the cursor, in numbers."""
        self.app.push_screen(explain_page(self._in_use, self.palette))

    def action_explain_words(self) -> None:
        """Explain every word of the pane that has the focus."""
        pane = self.focused if isinstance(self.focused, Pane) else self.query_one("#both", Pane)
        self.app.push_screen(glossary_page(self._in_use, pane.labels(), self.size.width, pane.NUMBER, above=False))

    def action_tell_keys(self) -> None:
        """Tell the keys of this view."""
        say = self.palette.glyphs.say
        told = keymap_of(self.view_name).line(_KEYS)
        self.app.push_screen(keys_page((say(key), word) for key, word in told))

    def action_leave(self) -> None:
        """Leave."""
        self.app.exit(0)


def _choosing(view: View, unit: int | None, value: str | None, follow: bool) -> View:
    units = view.units if unit is None else {**view.units, view.pass_name: unit}
    return view.but(units=units, value=value or view.value, follow=follow and unit is not None)


class CompareApp(LstmApp):
    """Themes, signals and the terminal as in the debugger, with another screen."""

    def __init__(self, compared: Comparison, **options: Any) -> None:
        """Hold both runs."""
        super().__init__(Source.of_trace(compared.one), **options)
        self._compared = compared

    def get_default_screen(self) -> Screen[Any]:
        """Return the screen of two runs."""
        return CompareScreen(self._compared, *self.drawn_with())


def compare_app(compared: Comparison, light: bool = False) -> int:
    """Show two runs side by side, dark or light, and return the exit code.

    Raises:
        UserError: If there is no terminal to draw on.
    """
    return shown_alone(lambda **options: CompareApp(compared, **options), light)
