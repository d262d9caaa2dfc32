"""Panes 2 and 3, the unit tables of a layer's two directions: every gate, the memory, the hidden state, bar and number.

One sign beside its number says what is wrong with a unit, here and in the list of its health.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite

from rich.cells import cell_len

from lstm_tui.analysis.health import Kind
from lstm_tui.debugger.inspect.diff import ValueDiff, beside
from lstm_tui.debugger.inspect.trace_facts import Column
from lstm_tui.debugger.panes import BACKWARD, FORWARD
from lstm_tui.engine.number_text import axis_places
from lstm_tui.tui.canvas.canvas import ClickTarget, Drawing, Line, fit, plain, signed
from lstm_tui.tui.canvas.charts import change_of, put_bar, put_ghost_bar, put_ghost_signed_bar, put_signed_bar, sign_of
from lstm_tui.tui.canvas.palette import Glyphs, Palette
from lstm_tui.tui.panes.pane import Pane
from lstm_tui.tui.view import View

_SIGNS: dict[Kind, tuple[str, str]] = {
    "broken": ("‼", "!"), "exploding": ("↑", "*"), "dead": ("†", "x"),
    "quiet": ("∅", "o"), "stuck": ("=", "="), "shut": ("▾", "v"), "open": ("▴", "^"),
}  # fmt: skip

_WORDS: dict[Kind, str] = {
    "broken": "not finite",
    "exploding": "explodes",
    "dead": "dead",
    "quiet": "never active",
    "stuck": "stuck",
    "shut": "a gate never opens",
    "open": "a gate never shuts",
}


def flag_words(kinds: Iterable[Kind], glyphs: Glyphs) -> str:
    """Return what the signs of some flags mean, each once: `▾ a gate never opens`."""
    there = set(kinds)
    return "  ".join(f"{flag_sign(kind, glyphs)} {words}" for kind, words in _WORDS.items() if kind in there)


def flag_sign(kind: Kind, glyphs: Glyphs) -> str:
    """Return the sign: ‼ not finite, ↑ explodes, † dead, ∅ never active, = stuck, ▾ and ▴ a gate that is."""
    return _SIGNS[kind][0 if glyphs.smooth else 1]


_NUMBER = 6
"""Cells of a number with the gap behind it."""
_WIDEST_BAR = 24
_NAME = 11
"""Most cells of a unit's name with the gap before it."""
_ROOM_FOR_FLAGS = 110
"""Cells of a table from which on what its flags mean stands above it."""
_WITH_CHANGE = 16
"""Cells of a column from which on a number and by how much it changed stand side by side."""


def draw_units(view: View, pass_name: str, width: int, height: int, palette: Palette, number: int) -> Drawing:
    """Draw the table in as many blocks of units side by side as fit well."""
    passed = view.trace[pass_name]
    memory = view.facts.memory(pass_name)
    digits = max(len(passed.entry_of(memory, len(view.ranking(pass_name)) - 1)), 2)
    index = digits + 2  # the cursor, the unit's number, a gap
    ranking = view.ranking(pass_name)
    columns = view.columns(pass_name)
    blocks = 2 if width >= 2 * (index + len(columns) * (_NUMBER + 6)) and len(ranking) > height - 1 else 1
    inner = (width - (blocks - 1) * 2) // blocks
    named = _name_room(view, pass_name, inner - index - len(columns) * (_NUMBER + 2))
    index += named
    fitting = max((inner - index) // (_NUMBER + 2), 1)
    shown = _kept_in_sight(columns, fitting, view.value)
    rows = max(height - 1, 0)
    chosen = view.unit_of(pass_name)
    units, places = view.units_in_sight(pass_name, rows * blocks)
    drawing = Drawing(width, height, palette)
    drawing.title = f"{number} units {palette.glyphs.dot} {pass_name.split('.')[-1]}"
    layer = pass_name.split(".")[0]
    if len({name.split(".")[0] for name in view.facts.names}) > 1:
        drawing.title = f"{number} units {palette.glyphs.dot} {layer} {pass_name.split('.')[-1]}"
    left_out = " ".join(column.letter for column in columns if column not in shown)
    hidden = f"   not shown: {left_out}" if left_out else ""
    counted = _counted(places, len(ranking), palette.glyphs)
    shown_units = counted + hidden
    order = f"{view.order_words()}   {shown_units}"
    drawing.note, drawing.shorter = order, (shown_units, counted)
    widths = _widths(inner - index, len(shown))
    reached = {column.name: view.frame.reached(pass_name, column.name) for column in shown}
    flags = view.facts.flags(pass_name)
    if flags and width >= _ROOM_FOR_FLAGS:
        drawing.note = f"{flag_words(flags.values(), palette.glyphs)}   {order}"
        drawing.shorter = (order, shown_units, counted)
    values = {column.name: passed[column.name][view.t] for column in shown}
    difference = view.frame.difference
    found = {c.name: beside(difference, pass_name, c.name, view.t) for c in shown} if difference is not None else {}
    if view.baseline is not None:
        changed = f"{palette.glyphs.changed} Δ"
        drawing.note = f"{changed} to the baseline   {drawing.note}"
        drawing.shorter = (
            f"{changed} to the baseline   {order}", f"{changed}   {order}", f"{changed}   {shown_units}",
            f"{changed}   {counted}", changed,
        )  # fmt: skip

    head = drawing.line()
    for block in range(blocks):
        head.to(block * (inner + 2)).put("#".rjust(digits + 1) + " " * (named + 1), palette.style("faint"))
        for column, span in zip(shown, widths, strict=True):
            start = head.x
            _heading(head, column, span, palette, reached[column.name], column.name == view.value)
            drawing.hit(start, head.x, ClickTarget(pass_name=pass_name, value=column.name))
    for row in range(rows):
        line = drawing.line()
        for block in range(blocks):
            place = block * rows + row
            if place >= len(units):
                break
            unit = units[place]
            here = unit == chosen
            ground = "row" if here and pass_name == view.pass_name else "ground"
            line.to(block * (inner + 2))
            mark = palette.glyphs.cursor if ground == "row" else " "
            line.put(mark, palette.style("focus", ground, bold=True))
            line.put(
                passed.entry_of(memory, unit).rjust(digits),
                palette.style("ink" if here else "faint", ground, bold=here),
            )
            if named:
                name = palette.glyphs.say(view.frame.names.name(pass_name, unit))
                line.put(
                    f" {fit(name, named - 1, palette.glyphs, right=False)}", palette.style("title", ground, bold=here)
                )
            flag = flags.get(unit)
            sign = " " if flag is None else flag_sign(flag, palette.glyphs)
            line.put(sign, palette.style("alarm" if flag == "dead" else "key", ground))
            for column, span in zip(shown, widths, strict=True):
                start = line.x
                value = float(values[column.name][unit])
                under = here and column.name == view.value and pass_name == view.pass_name
                faded = not reached[column.name]
                if faded and view.veiled:
                    line.put(palette.glyphs.dot.center(span - 1) + " ", palette.style("faint", ground))
                elif column.name in found:
                    _changed_cell(line, column, found[column.name], unit, span, palette, faded, ground, under, view)
                else:
                    _cell(line, column, value, span, palette, faded, ground, under)
                drawing.hit(start, line.x, ClickTarget(pass_name=pass_name, unit=unit, value=column.name))
            drawing.hit(block * (inner + 2), block * (inner + 2) + index, ClickTarget(pass_name=pass_name, unit=unit))
    return drawing


def _counted(places: list[int], count: int, glyphs: Glyphs) -> str:
    """Return which units are in sight by their place in the order: `1–8 of 16`, or `1–7, 9 of 16` with the chosen."""
    if not places:
        return f"0 of {count}"
    apart = places[-1] if len(places) > 1 and places[-1] > places[-2] + 1 else None
    last = places[-1] if apart is None else places[-2]
    row = f"{places[0] + 1}{glyphs.dash}{last + 1}" if last > places[0] else str(last + 1)
    return f"{row}{'' if apart is None else f', {apart + 1}'} of {count}"


def _name_room(view: View, pass_name: str, room: int) -> int:
    """Return the cells for the names of units and the gap before them; 0 where no unit has one, or there is no room."""
    longest = view.frame.names.longest(pass_name)
    return min(longest + 1, _NAME) if longest and room >= min(longest + 1, _NAME) else 0


def _changed_cell(
    line: Line, column: Column, found: ValueDiff, unit: int, span: int, palette: Palette, faded: bool, ground: str,
    under: bool, view: View,
) -> None:  # fmt: skip
    """Write a value of an edited run: a bar, its number or by how much it changed, and the sign of a change."""
    value, before = float(found.after[unit]), None if found.before is None else float(found.before[unit])
    shown = view.baseline is not None
    both = shown and span >= _WITH_CHANGE
    alone = shown and not both and before is not None  # a change that stands in the place of its number says so
    bar = span - _NUMBER - (_NUMBER if both else alone)
    old = value if before is None or not shown else before
    if column.gate:
        put_ghost_bar(line, value, old, bar, column.ink, palette, faded, column.half)
        text = plain(value, palette.glyphs, places=axis_places(column.half))
    else:
        put_ghost_signed_bar(line, value, old, bar // 2 * 2, palette, column.half, faded)
        line.put(" " * (bar % 2), palette.style("ink", ground))
        text = signed(value, palette.glyphs, places=axis_places(column.half))
    ink = "ink" if isfinite(value) else "alarm"
    style = palette.style("ground", "focus", bold=True) if under else palette.style(ink, ground, faded=faded)
    if both or not shown:
        line.put(text.rjust(_NUMBER - 1), style)
    if both:  # with a gap: two numbers that touch read as one
        line.put(change_of(found, unit, palette).rjust(_NUMBER), palette.style("accent", ground, faded=faded))
    elif shown and before is None:  # what has nothing to differ from tells itself
        line.put(text.rjust(_NUMBER - 1), style)
    elif shown and found.changed[unit]:
        change = palette.glyphs.say(f"Δ{change_of(found, unit, palette)}")
        line.put(
            change.rjust(_NUMBER),
            style if under else palette.style("accent", ground, faded=faded),
        )
    elif shown:  # what did not change stands there as it is, quietly and without a sign
        line.put(text.rjust(_NUMBER), style if under else palette.style("faint", ground, faded=faded))
    mark, mark_ink = sign_of(found, unit, palette)
    line.put(mark, palette.style(mark_ink, ground, bold=mark_ink == "key"))


def _cell(
    line: Line, column: Column, value: float, span: int, palette: Palette, faded: bool, ground: str, under: bool
) -> None:
    bar = span - _NUMBER
    if column.gate:
        put_bar(line, value, bar, column.ink, palette, faded, column.half)
        text = plain(value, palette.glyphs, places=axis_places(column.half))
    else:
        put_signed_bar(line, value, bar // 2 * 2, palette, column.half, faded)
        line.put(" " * (bar % 2), palette.style("ink", ground))
        text = signed(value, palette.glyphs, places=axis_places(column.half))
    if under:
        style = palette.style("ground", "focus", bold=True)
    elif not isfinite(value):
        style = palette.style("alarm", ground, bold=True)
    else:
        style = palette.style("ink", ground, faded=faded)
    line.put(text.rjust(_NUMBER - 1), style).put(" ", palette.style("ink", ground))


def _heading(line: Line, column: Column, span: int, palette: Palette, reached: bool, chosen: bool) -> None:
    room = span - 1
    letter, word = next(
        (h for h in column.headings if cell_len(palette.glyphs.say(h[0] + h[1])) <= room), (column.letter[:room], "")
    )
    ink = "title" if column.ink == "plain" else column.ink
    word = palette.glyphs.say(word)
    line.put(letter, palette.style(ink, bold=True, faded=not reached))
    line.put(word, palette.style("title" if chosen else "soft", faded=not reached))
    line.put(" " * (span - cell_len(letter + word)))


def _widths(room: int, count: int) -> list[int]:
    """Share `room` between columns, the same for all and never wider than is good to look at."""
    return [min(room // count, _WIDEST_BAR + _NUMBER)] * count


def _kept_in_sight(columns: tuple[Column, ...], fitting: int, value: str) -> tuple[Column, ...]:
    """Return the columns that fit, side by side, that in which the cursor stands among them."""
    if len(columns) <= fitting:
        return columns
    names = [column.name for column in columns]
    place = names.index(value) if value in names else 0
    first = max(min(place - fitting // 2, len(columns) - fitting), 0)
    return columns[first : first + fitting]


def neighbour(view: View, name: str, right: int, down: int) -> ClickTarget:
    """Return the unit below the chosen one in the order of a pass, or the value to the right of the chosen one."""
    if down:
        ranking = list(view.ranking(name))
        place = ranking.index(view.unit_of(name)) + down
        return ClickTarget(pass_name=name, unit=int(ranking[min(max(place, 0), len(ranking) - 1)]))
    names = [column.name for column in view.columns(name)]
    place = names.index(view.value) if view.value in names else 0
    return ClickTarget(pass_name=name, value=names[min(max(place + right, 0), len(names) - 1)])


class Units(Pane):
    """Every unit of the pass that reads forward, or of the only one, as a row of bars."""

    NUMBER, WORD = FORWARD.number, FORWARD.word

    def needs(self, view: View) -> str | None:
        """Return the pass that is drawn."""
        return view.sides()[0]

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the table."""
        return draw_units(view, view.sides()[0], width, height, palette, self.NUMBER)

    def move(self, right: int, down: int) -> None:
        """Choose another unit of the order, or another value."""
        self.post_message(self.Chosen(neighbour(self.view, self.view.sides()[0], right, down)))


class BackwardUnits(Pane):
    """The table of the pass that reads from the end."""

    NUMBER, WORD = BACKWARD.number, BACKWARD.word

    def needs(self, view: View) -> str | None:
        """Return the pass that is drawn."""
        return view.sides()[1]

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the table; an empty pane when the network has no such pass."""
        name = view.sides()[1]
        if name is None:
            drawing = Drawing(width, height, palette, f"{self.NUMBER} {self.WORD}")
            drawing.line().put(" this layer reads one way only", palette.style("faint"))
            return drawing
        return draw_units(view, name, width, height, palette, self.NUMBER)

    def move(self, right: int, down: int) -> None:
        """Choose another unit of the order, or another value."""
        name = self.view.sides()[1]
        if name is not None:
            self.post_message(self.Chosen(neighbour(self.view, name, right, down)))
