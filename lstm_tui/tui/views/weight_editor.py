"""The weight editor: every parameter by name, one as a heat map with numbers, and the line that changes it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from lstm_tui.debugger.commands.edit import verdicts_of_all
from lstm_tui.debugger.inspect.parameter_tables import chosen_rows, forms_of_entry, ranked, row_name, sheets_of
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.panes import CELL
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import needed
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.canvas.palette import Palette
from lstm_tui.tui.commands import now_at
from lstm_tui.tui.prompts.edit import EditPrompt
from lstm_tui.tui.prompts.prompts import Prompt
from lstm_tui.tui.view import View
from lstm_tui.tui.view_keys import keymap_of
from lstm_tui.tui.views.page import glossary_page, keys_page
from lstm_tui.tui.views.weights_table import CellPlaces, Weights, draw_weights, half_of

_ORDERS = ("index", "size", "change")
_KEYS = (
    ("esc", "back"), ("?", "keys"), ("enter", "set"), ("r", "row"), ("b", "bias"), ("s", "scale"), ("[]", "matrix"),
    ("/", "filter"), ("o", "order"), ("z/Z", "undo"), ("d", "changes"), ("K", "glossary"),
)  # fmt: skip


class WeightTable(Widget, can_focus=True):
    """Draws the editor's list and table."""

    def __init__(self, palette: Palette) -> None:
        """Draw nothing yet."""
        super().__init__()
        self._palette = palette
        self._weights: Weights | None = None
        self._strips: list[Strip] = []
        self.places = CellPlaces(0)

    def show(self, weights: Weights) -> None:
        """Draw other numbers, or the cursor elsewhere."""
        self._weights = weights
        self._strips = []
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return one line for Textual."""
        if self._weights is None:
            return Strip.blank(self.size.width, self._palette.style())
        if len(self._strips) != self.size.height or (self._strips and self._strips[0].cell_length != self.size.width):
            drawing, self.places = draw_weights(self._weights, self.size.width, self.size.height, self._palette)
            self._strips = [line.strip() for line in drawing.lines]
        return self._strips[y]

    def text(self) -> str:
        """Return what is drawn as plain text, for tests."""
        self.render_line(0)
        return "\n".join(strip.text.rstrip() for strip in self._strips)


class WeightScreen(Screen[None]):
    """The weight editor."""

    DEFAULT_CSS = """
    WeightScreen { background: $lt-ground; layout: vertical; }
    WeightScreen > Static { height: 1; width: 100%; background: $lt-band; color: $lt-ink; }
    WeightScreen > WeightTable { height: 1fr; }
    """
    view_name = "weights"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,W,shift+w", "leave", show=False),
        Binding("colon", "type_command", show=False),
        Binding("K,shift+k", "explain_words", show=False),
        Binding("question_mark", "tell_keys", show=False),
        Binding("enter,e", "change(0)", show=False),
        Binding("r", "change(1)", show=False),
        Binding("b", "change('bias')", show=False),
        Binding("s", "change(-1)", show=False),
        Binding("h,left", "move(-1,0)", show=False),
        Binding("l,right", "move(1,0)", show=False),
        Binding("k,up", "move(0,-1)", show=False),
        Binding("j,down", "move(0,1)", show=False),
        Binding("pageup", "move(0,-20)", show=False),
        Binding("pagedown", "move(0,20)", show=False),
        Binding("g,home", "move(0,-1000000000)", show=False),
        Binding("G,shift+g,end", "move(0,1000000000)", show=False),
        Binding("right_square_bracket,tab", "sheet(1)", show=False),
        Binding("left_square_bracket,shift+tab", "sheet(-1)", show=False),
        Binding("o", "order", show=False),
        Binding("slash", "filter", show=False),
        Binding("d", "difference", show=False),
        Binding("z", "undo(-1)", show=False),
        Binding("Z,shift+z", "undo(1)", show=False),
    ]

    def __init__(
        self,
        session: Session,
        palette: Palette,
        execute: Callable[[str], str],
        undo: Callable[[int], str],
        value: str,
        unit: int,
    ) -> None:
        """Show the parameters that make a value.

        Args:
            session: Whose network it is.
            palette: The colours.
            execute: Executes a typed line; returns what is wrong with it.
            undo: Takes an edit back (-1) or makes it again (1); returns what is wrong.
            value: The value under the cursor: its parameters come first.
            unit: The unit under the cursor.
        """
        super().__init__()
        self._session, self._palette, self._execute, self._undo = session, palette, execute, undo
        self._value = value
        self._order, self._filter, self._change, self._said = "index", "", False, ""
        self._sheets = sheets_of(session.edited.network)
        self._chosen = self._first_sheet(value)
        self._row, self._column = 0, 0
        self._unit = min(unit, self._sheets[self._chosen].rows - 1)
        self._weights = self._make(self._unit)

    def _first_sheet(self, value: str) -> int:
        frame = self._session.frame
        from lstm_tui.debugger.edits.suggest import bias_of

        bias = bias_of(frame, value) if value in frame.passed else None
        wanted = f"{frame.passed.name}/{bias}"
        return next((n for n, sheet in enumerate(self._sheets) if wanted in sheet.tensors), 0)

    def compose(self) -> ComposeResult:
        """Lay out a heading, the table, what the cursor is on, and the keys."""
        yield Static(id="title")
        yield WeightTable(self._palette)
        yield Static(id="entry")
        yield Static(id="keys")

    def on_mount(self) -> None:
        """Draw."""
        self.renew()

    # --- what is shown ---

    def renew(self) -> None:
        """Draw the parameters as they are now."""
        self._sheets = sheets_of(self._session.edited.network)
        self._chosen = min(self._chosen, len(self._sheets) - 1)
        unit = int(self._weights.rows[self._weights.row])
        self._weights = self._make(unit)
        if self.query(WeightTable):
            self._draw()

    def _make(self, unit: int) -> Weights:
        session = self._session
        network, opened = session.edited.network, needed(session.baseline.network)
        sheet = self._sheets[self._chosen]
        try:
            rows = chosen_rows(network, sheet, self._filter)
        except UserError as error:
            self._said, self._filter = str(error), ""
            rows = chosen_rows(network, sheet, "")
        rows = ranked(rows, sheet, network, self._order, opened)
        found = np.flatnonzero(rows == unit)
        self._row = int(found[0]) if len(found) else min(self._row, len(rows) - 1)
        self._column = min(self._column, sheet.columns - 1)
        difference = session.frame.difference
        edited = frozenset() if difference is None else difference.weights
        half = half_of(sheet.whole(network))
        return Weights(network, opened, self._sheets, self._chosen, self._order, rows, self._row, self._column,
                       self._change, half, edited)  # fmt: skip

    def _moved(self) -> None:
        made = self._weights
        self._weights = Weights(
            made.network, made.opened, made.sheets, made.chosen, made.order, made.rows, self._row, self._column,
            made.change, made.half, made.edited,
        )  # fmt: skip
        self._draw()

    def _draw(self) -> None:
        weights, glyphs, session = self._weights, self._palette.glyphs, self._session
        self.query_one(WeightTable).show(weights)
        sheet, row = weights.sheet, int(weights.rows[weights.row])
        count = len(session.frame.trace.edits)
        edits = f"   {glyphs.edited} {count} edit{'s' * (count != 1)}" if count else ""
        says = "   ".join(list(verdicts_of_all(session))[:2])
        title = f" weights of {visible(weights.network.name)}{edits}   {says}"
        self.query_one("#title", Static).update(Content.styled(glyphs.say(title), "bold $lt-title"))
        now = float(sheet.window(weights.network, [row], weights.column, weights.column + 1)[0, 0])
        name = row_name(weights.network, sheet, row)
        of = "" if name == str(row) else f"  “{name}”"
        entry = f" {sheet.place(row, weights.column)} = {sentence(now, 6)}{of}"
        was = self._was(row, now)
        parts = [(glyphs.say(entry), "$lt-title"), (was, "$lt-key"), (f"   {self._said}", "$lt-alarm")]
        self.query_one("#entry", Static).update(Content.assemble(*parts))
        keys: list[tuple[str, str]] = []
        for key, word in keymap_of(self.view_name).line(_KEYS):
            keys += [(f" {key}", "bold $lt-key"), (f" {word} ", "$lt-soft")]
        self.query_one("#keys", Static).update(Content.assemble(*keys))
        self._said = ""

    def _was(self, row: int, now: float) -> str:
        from lstm_tui.debugger.inspect.parameter_tables import is_in

        weights, glyphs = self._weights, self._palette.glyphs
        if not is_in(weights.opened, weights.sheet):
            return f"  {glyphs.edited} new"
        old = float(weights.sheet.window(weights.opened, [row], weights.column, weights.column + 1)[0, 0])
        return "" if old == now else f"  {glyphs.edited} was {sentence(old, 6)}"

    # --- keys ---

    def action_move(self, right: int, down: int) -> None:
        """Move the cursor."""
        self._row = min(max(self._row + down, 0), len(self._weights.rows) - 1)
        self._column = min(max(self._column + right, 0), self._weights.sheet.columns - 1)
        self._moved()

    def action_sheet(self, step: int) -> None:
        """Show another parameter."""
        unit = int(self._weights.rows[self._row])
        self._chosen = (self._chosen + step) % len(self._sheets)
        self._filter = ""
        self._row = 0
        self._weights = self._make(min(unit, self._sheets[self._chosen].rows - 1))
        self._draw()

    def action_order(self) -> None:
        """Order rows another way."""
        self._order = _ORDERS[(_ORDERS.index(self._order) + 1) % len(_ORDERS)]
        self._row = 0
        self._weights = self._make(-1)
        self._row = 0
        self._moved()

    def action_filter(self) -> None:
        """Ask which rows to show."""
        self.app.push_screen(
            Prompt("rows: a number, 3:9, part of a name, >1.5 (nothing: all)", self._filter), self._keep
        )

    def _keep(self, wanted: str | None) -> None:
        if wanted is not None:
            unit = int(self._weights.rows[self._row])
            self._filter, self._row = wanted, 0
            self._weights = self._make(unit)
            self._moved()

    def action_difference(self) -> None:
        """Show changes instead of numbers, or numbers again."""
        self._change = not self._change
        self.renew()

    def action_change(self, form: int | str) -> None:
        """Ask how to change what is under the cursor."""
        weights, row = self._weights, int(self._weights.rows[self._row])
        forms = forms_of_entry(weights.network, weights.sheet, row, self._column)
        if form == "bias":
            form = next((n for n, one in enumerate(forms) if "bias" in one.words), 0)
        assert isinstance(form, int)
        start = form % len(forms)
        title = f"weights: {weights.sheet.place(row, self._column)}"
        prompt = EditPrompt(title, forms, self._session, self._execute, self._palette.glyphs, start)
        self.app.push_screen(prompt)

    def action_undo(self, step: int) -> None:
        """Take the last edit back, or make it again."""
        self._said = self._undo(step)
        self.renew()

    async def action_type_command(self) -> None:
        """Close the editor and have the screen below type a line."""
        self.dismiss(None)
        await self.app.screen.run_action(f"do({now_at('colon').keys[0]!r})")

    def action_explain_words(self) -> None:
        """Explain every word of the editor."""
        frame, table = self._session.frame, self.query_one(WeightTable)
        view = View(frame, Facts(frame.trace), {frame.position.pass_name: self._unit}, self._value)
        text = re.sub(r"\b(rows?|columns?|order)\b", "", f"{self._value} weights matrix {table.text()}")
        page = glossary_page(view, text, self.size.width, CELL.number, above=False)  # those have another sense here
        self.app.push_screen(page)

    def action_tell_keys(self) -> None:
        """Tell the keys of this view."""
        say = self._palette.glyphs.say
        told = keymap_of(self.view_name).line(_KEYS)
        self.app.push_screen(keys_page((say(key), word) for key, word in told))

    def action_leave(self) -> None:
        """Go back to the run."""
        self.dismiss(None)

    def on_click(self, event: events.Click) -> None:
        """Choose the parameter or the number that is clicked."""
        table = self.query_one(WeightTable)
        x, y, places = event.screen_x, event.screen_y - 1, table.places
        if not 0 <= y < table.size.height:
            return
        if x < places.left:
            if y < len(places.names) and places.names[y] < len(self._sheets):
                self.action_sheet(places.names[y] - self._chosen)
        elif 2 <= y < 2 + len(places.rows):
            self._row = int(np.flatnonzero(self._weights.rows == places.rows[y - 2])[0])
            self._column = next((n for a, b, n in places.columns if a <= x < b), self._column)
            self._moved()
