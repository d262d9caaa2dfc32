"""Pane 1: the tape of tokens, coloured by a signal, and under each token its share of a unit's memory.

Of an edited run it shows the baseline too: deleted tokens in their places, replaced ones, old signals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from rich.cells import cell_len
from rich.style import Style

from lstm_tui.debugger.inspect.cut_words import MARKED
from lstm_tui.debugger.inspect.diff import TraceDiff, rows_at
from lstm_tui.debugger.inspect.scale import level_of, part_of
from lstm_tui.debugger.inspect.trace_facts import ATTENTION, SURPRISE
from lstm_tui.debugger.panes import TAPE
from lstm_tui.engine.number_text import axis_places
from lstm_tui.engine.runtime.windowed_series import rows_of
from lstm_tui.tui.canvas.canvas import ClickTarget, Drawing, Line, cut, fit, plain, signed, token_label
from lstm_tui.tui.canvas.palette import SHADES, Palette
from lstm_tui.tui.panes.pane import NOT_COMPUTED, Pane
from lstm_tui.tui.view import View

_BESIDE_MOST = 3
"""Deleted tokens that are shown between two others."""
_WIDEST = 12


class Before:
    """The baseline's side of the tape, by place on the edited tape.

    A deleted token stands before the token of the edited tape that followed it; those behind the last one stand
    at place `len(tape)`.
    """

    def __init__(self, view: View, difference: TraceDiff, palette: Palette) -> None:
        """Hold both runs."""
        self.view, self.difference, self.palette = view, difference, palette
        self.shown = view.baseline is not None
        self.gone = difference.gone if self.shown else {}
        self.retold = difference.retold and self.shown
        plain = view.facts.before
        self._series = None if plain is None else plain.signal(view.pass_name, view.signal_name())
        self._signals: dict[int, float | None] = {}

    def look_at(self, places: Sequence[int]) -> None:
        """Read the signal of the baseline at these places of the edited tape, at once."""
        if self._series is None:
            return
        origins = [self.difference.origins[t] for t in places]
        values = rows_at(self._series, origins)
        self._signals = {
            t: None if origin is None else float(value)
            for t, origin, value in zip(places, origins, values, strict=True)
        }

    def gone_label(self, t: int) -> str:
        """Return the deleted tokens before place `t`, as `✗not`."""
        places = self.gone.get(t, [])
        tokens = self.difference.before.sequence.tokens
        glyphs = self.palette.glyphs
        words = [cut(token_label(tokens[place], glyphs), _WIDEST, glyphs) for place in places[:_BESIDE_MOST]]
        rest = f"+{len(places) - _BESIDE_MOST}" if len(places) > _BESIDE_MOST else ""
        return " ".join(f"{glyphs.gone}{word}" for word in words) + rest

    def gap(self, t: int) -> int:
        """Return how many cells the deleted tokens before place `t` take."""
        label = self.gone_label(t) if t in self.gone else ""
        return cell_len(label) + 1 if label else 0

    def token(self, t: int) -> str:
        """Return what stood at place `t`, `+new`, or nothing where the token is the same."""
        origin = self.difference.origins[t]
        if origin is None:
            return "+new"
        if not self.difference.replaced(t):
            return ""
        return token_label(self.difference.before.sequence.tokens[origin], self.palette.glyphs)

    def signal(self, t: int) -> float | None:
        """Return the signal at place `t` that was looked at, as it was; None where the token is new."""
        return self._signals.get(t)

    def signal_changed(self, t: int, value: float) -> bool:
        """Say whether the signal at place `t` is another than it was."""
        old = self.signal(t)
        return old is None or not (old == value or (old != old and value != value))


_LEAST, _MOST = 5, 24
"""Cells of a token without the gap behind it."""
_GUTTER = 13
"""Cells of the words that say what a row is."""
_SMALL_GUTTER, _SMALL_FROM = 9, 70
"""The same where there are two rows, and the width from which on they have it."""
_WORDS = 46
"""Cells of the words on the right that say what was read."""
_TAIL = 11
"""Cells for what stands behind the last token."""


class TapeSlot(NamedTuple):
    """Where one token is drawn."""

    t: int
    x: int
    width: int


def lay_out(
    view: View, width: int, palette: Palette, before: Before | None = None, events: bool = False, edge: bool = False
) -> list[TapeSlot]:
    """Choose the tokens that are in sight, the current one near the middle, and give each its cells.

    Only tokens near the current one are looked at, however long the tape is.

    Args:
        view: What is shown.
        width: Cells of all.
        palette: How tokens and signs are written.
        before: The baseline's side of the tape.
        events: Whether what is forgotten at a token is written below it: its cells hold that, too, from the start.
        edge: Whether nothing stands left of the first token: the mark of a cut before it has a cell of its own.
    """

    def size(t: int) -> int:
        wanted = cell_len(view.label(t, palette)) + 2 + (t in view.facts.unknown)
        if events:
            wanted = max(wanted, cell_len("".join(event_of(view, t, palette))))
        if before is not None:
            wanted = max(wanted + bool(before.token(t)), cell_len(before.token(t)))
        return min(max(wanted, _LEAST), _MOST, max(width, 1)) + gap(t)

    def gap(t: int) -> int:
        return 0 if before is None else min(before.gap(t), width // 2)

    slots: list[TapeSlot] = []
    shown = in_sight(view.t, view.facts.length, size, width - edge)
    x = int(edge and view.trace.sequence.cut_before(shown.start) is not None)
    for t in shown:
        slots.append(TapeSlot(t, x + gap(t), size(t) - gap(t)))
        x += size(t) + 1
    return slots


def event_of(view: View, t: int, palette: Palette) -> tuple[str, str]:
    """Return what is lost at a token, as `−Ganesh`, and `+` where its own is written; both empty where neither is."""
    step = view.step_at(t)
    if step is None:
        return "", ""
    who = "" if step.forgotten is None else view.short_label(step.forgotten, palette)
    return f"{palette.glyphs.minus}{who}" if step.forgets else "", "+" if step.writes else ""


def in_sight(here: int, count: int, size: Callable[[int], int], width: int) -> range:
    """Return the places that fit into a width, one cell between them, with `here` near the middle of a long tape."""
    first = last = here
    used = size(here)
    while first > 0 and used + size(first - 1) + 1 <= width // 2:
        first -= 1
        used += size(first) + 1
    while last + 1 < count and used + size(last + 1) + 1 <= width:
        last += 1
        used += size(last) + 1
    while first > 0 and used + size(first - 1) + 1 <= width:
        first -= 1
        used += size(first) + 1
    return range(first, last + 1)


def draw_tape(view: View, width: int, height: int, palette: Palette, number: int) -> Drawing:
    """Draw as many rows as fit: tokens, shares, the signal in numbers, bars of the shares, places."""
    drawing = Drawing(width, height, palette, f"{number} tokens")
    splits = view.facts.splits(view.pass_name)
    drawing.note = f"colour: {view.signal_name()}"
    if splits:
        drawing.note += f"   below: share in {_whose(view)} memory at t={view.t}"
    if view.ledger is not None and (edits := float(view.ledger.edit_shares().sum())) > 0:
        drawing.note += f", edits {plain(edits, palette.glyphs, places=None)}"
    gutter = _GUTTER if height > 2 else _SMALL_GUTTER if height == 2 and width >= _SMALL_FROM else 0
    difference = view.frame.difference
    before = None if difference is None else Before(view, difference, palette)
    attends = view.signal_name().startswith(ATTENTION)
    retold = before is not None and height >= 2 and before.retold
    then = before is not None and before.shown and height - retold >= 5
    events = splits and height - retold - then >= 4 + attends
    slots = lay_out(view, width - gutter - _TAIL, palette, before, events, not gutter)
    pen = _Pen(drawing, view, gutter, slots, before)
    if legend := pen.cut_legend():
        drawing.note = f"{legend}   {drawing.note}"
    pen.tokens()
    if retold:
        pen.were()
    if height - retold >= 3:
        pen.signal()
    if then:
        pen.signals_before()
    height -= retold + then
    if events:
        pen.events()
    if height >= 5 - attends:
        (pen.attention_bars if attends else pen.share_bars)()
    if splits and height >= 2:
        pen.shares()
    if height >= 6:
        pen.places()
    pen.reading()
    return drawing


def _whose(view: View) -> str:
    return "all units'" if view.everyone else f"{view.unit_words()}'s"


class _Pen:
    """Writes one row after another over the same slots."""

    def __init__(
        self, drawing: Drawing, view: View, gutter: int, slots: list[TapeSlot], before: Before | None = None
    ) -> None:
        self.drawing, self.view, self.gutter, self.slots, self.before = drawing, view, gutter, slots, before
        self.palette, self.glyphs = drawing.palette, drawing.palette.glyphs
        signal = view.facts.signal(view.pass_name, view.signal_name())
        self._first = slots[0].t if slots else view.t
        self._values = rows_of(signal, self._first, (slots[-1].t if slots else view.t) + 1)
        self.full = view.facts.signal_full(view.pass_name, view.signal_name())
        if before is not None:
            before.look_at([slot.t for slot in slots])

    def _value(self, t: int) -> float:
        """Return the signal at a token that is drawn."""
        return float(self._values[t - self._first])

    def _row(self, word: str, unseen: str = "") -> Line:
        """Begin a row with its word, and with what lies left of the first token in sight, where there is room."""
        line = self.drawing.line()
        if self.gutter:
            told = f"{unseen} {self.glyphs.more}" if unseen else ""
            told = told if cell_len(word) + cell_len(told) < self.gutter - 2 else ""
            room = self.gutter - 2 - cell_len(told)
            line.put(" " + fit(self.glyphs.say(word), room, self.glyphs) + told, self.palette.style("faint"))
        return line

    def _at(self, line: Line, slot: TapeSlot, text: str, style: Style) -> None:
        line.to(self.gutter + slot.x).put(text, style)
        self.drawing.hit(self.gutter + slot.x, self.gutter + slot.x + slot.width, ClickTarget(t=slot.t))

    def tokens(self) -> None:
        line = self._row(f"{self._first} more {self.glyphs.more}" if self._first else "token")
        for slot in self.slots:
            here, unknown = slot.t == self.view.t, slot.t in self.view.facts.unknown
            style = self._token_style(slot.t)
            mark = self.glyphs.unknown if unknown else ""
            self._gone(line, slot.t, slot.x)
            self._cut(line, slot)
            if self.before is not None and self.before.token(slot.t):
                mark += self.glyphs.edited
            word = fit(self.view.label(slot.t, self.palette), slot.width - 2 - len(mark), self.glyphs)
            stops = self.view.stops is not None and self.view.stops.at(slot.t)
            self._at(line, slot, self.glyphs.stop if stops else self._cursor(here), self._stop_style(style, stops))
            line.put(word, style)
            if mark:
                line.put(mark, style if here else self.palette.style("alarm", "track", bold=True))
            line.put(" ", style)
        behind = self.view.facts.length - self.slots[-1].t - 1
        if not behind:
            self._gone(line, self.view.facts.length, line.x - self.gutter + 1 + self._gap(self.view.facts.length))
        live = self.view.live
        end = "end" if live is None or not live.comes else self.glyphs.more
        tail = f"{self.glyphs.more} {behind} more" if behind else end
        line.put("  ").put(tail, self.palette.style("faint"))

    def _cut(self, line: Line, slot: TapeSlot) -> None:
        """Write the mark of a cut into the blank before a token: states are set back, or a chunk begins."""
        kind = self.view.trace.sequence.cut_before(slot.t)
        at = self.gutter + slot.x - 1
        if kind is None or at < line.x:
            return
        colour = "alarm" if kind == "reset" else "soft"
        line.to(at).put(
            self.glyphs.reset if kind == "reset" else self.glyphs.chunk, self.palette.style(colour, bold=True)
        )

    def cut_legend(self) -> str:
        """Return what the marks of cuts in sight mean; nothing where there are none."""
        kinds = {self.view.trace.sequence.cut_before(slot.t) for slot in self.slots}
        signs = {"reset": self.glyphs.reset, "chunk": self.glyphs.chunk}
        return "  ".join(f"{signs[kind]} {MARKED[kind]}" for kind in MARKED if kind in kinds)

    def _cursor(self, here: bool) -> str:
        return self.glyphs.cursor if here and self.palette.ramp else " "

    def _stop_style(self, style: Style, stops: bool) -> Style:
        """Return the style of the cell before a token: a stop stands out on whatever colour the token has."""
        return self.palette.style("alarm", "track", bold=True) if stops else style

    def _gap(self, t: int) -> int:
        return 0 if self.before is None else self.before.gap(t)

    def _gone(self, line: Line, t: int, x: int) -> None:
        """Write the tokens that were deleted before place `t`, which stands at `x`."""
        if self.before is not None and self._gap(t):
            line.to(self.gutter + x - self._gap(t)).put(self.before.gone_label(t), self.palette.style("alarm"))

    def were(self) -> None:
        """Write what stood where another token stands now."""
        line = self._row("was")
        assert self.before is not None
        for slot in self.slots:
            text = fit(self.before.token(slot.t) or self.glyphs.dot, slot.width, self.glyphs).rstrip()
            self._at(line, slot, text.center(slot.width), self.palette.style("soft"))

    def signals_before(self) -> None:
        """Write the signal of the baseline under that of the edited run, a dot where it is the same."""
        assert self.before is not None
        line = self._row("was")
        for slot in self.slots:
            old = self.before.signal(slot.t)
            changed = self.before.signal_changed(slot.t, self._value(slot.t))
            text = "new" if old is None else self._short(old, slot.width, self.full) if changed else self.glyphs.dot
            self._at(line, slot, text.center(slot.width), self.palette.style("faint"))

    def _token_style(self, t: int) -> Style:
        value = self._value(t)
        if t == self.view.t:
            return self.palette.style("ground", "focus", bold=True)
        if t == self.view.cursor_t:
            return self.palette.style("ink", "row", bold=True)
        if value != value:
            untold = self._untold(t)
            return self.palette.style("soft" if untold else "alarm", "track", bold=not untold)
        faded = not self._has_reached(t)
        if self.palette.ramp or self.view.is_veiled(t):
            return self.palette.style("ink", "track", faded=faded)
        return self.palette.sequential(faded)[round(max(part_of(value, self.full), 0.0) * (SHADES - 1))]

    def _untold(self, t: int) -> bool:
        """Say whether there is no signal here: not computed yet, left out, or of what was predicted, as no first is."""
        if self.view.is_veiled(t):
            return True
        if not self.view.trace.is_ready(self.view.pass_name, t):
            return True
        return t == 0 and self.view.signal_name() == SURPRISE

    def signal(self) -> None:
        """Write the signal as numbers, so that the colour is never alone."""
        name = self.view.signal_name()  # of a gate, "mean" gives way: the heading has it
        line = self._row(name if cell_len(self.glyphs.say(name)) <= self.gutter - 2 else name.removeprefix("mean "))
        for slot in self.slots:
            value = self._value(slot.t)
            changed = self.before is not None and self.before.signal_changed(slot.t, value)
            number = self.glyphs.dot if self._untold(slot.t) else self._short(value, slot.width - changed, self.full)
            text = (number + self.glyphs.changed * changed).center(slot.width)
            self._at(line, slot, text, self.palette.style("soft", faded=not self._has_reached(slot.t)))

    def _has_reached(self, t: int) -> bool:
        return self.view.has_reached(self.view.pass_name, t)

    def _short(self, value: float, width: int, full: float = 1.0) -> str:
        """Return a number that does not run into its neighbour; a sign where none is so short."""
        return plain(value, self.glyphs, width, axis_places(full, width)) or self.glyphs.more

    def _level(self, line: Line, slot: TapeSlot, part: float, ink: str) -> None:
        """Draw a part of 1 as a bar that grows upwards; NaN has its sign."""
        level = level_of(part)
        sign = self.glyphs.nan if level is None else self.glyphs.levels[level]
        self._at(line, slot, sign * slot.width, self.palette.style("alarm" if level is None else ink))

    def attention_bars(self) -> None:
        """Draw how much of the readout's attention each token has."""
        line = self._row(ATTENTION)
        for slot in self.slots:
            if not self.view.is_veiled(slot.t):
                self._level(line, slot, self._value(slot.t), "bar")

    def events(self) -> None:
        """Write the token that is forgotten at each step, and a sign where the step's own token is written."""
        minus = self.glyphs.minus
        line = self._row("all units")  # the shares below may be of one
        for slot in self.slots:
            lost, new = event_of(self.view, slot.t, self.palette) if self._has_reached(slot.t) else ("", "")
            if not (lost or new):
                self._at(line, slot, self.glyphs.dot.center(slot.width), self.palette.style("faint"))
                continue
            lost = cut(lost, slot.width - len(new), self.glyphs)
            blank = slot.width - cell_len(lost + new)
            self._at(line, slot, " " * (blank // 2), self.palette.style("faint"))
            line.put(lost, self.palette.style("keep")).put(new, self.palette.style("write", bold=True))
            line.put(" " * (blank - blank // 2), self.palette.style("faint"))
        if self.gutter == _GUTTER:
            line.put(f" {minus}lost +new", self.palette.style("faint"))

    def share_bars(self) -> None:
        ledger = self.view.ledger
        line = self._row("of all" if self.view.everyone else f"of {self.view.unit_short()}")
        if ledger is None:
            ready = self.view.trace.is_ready(self.view.pass_name, self.view.t)
            why = " ".join(self.view.facts.no_ledger(self.view.pass_name)) if ready else NOT_COMPUTED
            line.put(" " + why, self.palette.style("soft"))
            return
        if ledger.is_empty:
            line.put(" holds nothing", self.palette.style("soft"))
            return
        shares = ledger.shares()
        for slot in self.slots:
            row = ledger.row_of(slot.t)
            if row is not None:
                below = ledger.by_token[row].sum() < 0
                ink = "bar" if self.view.everyone else "negative" if below else "positive"
                self._level(line, slot, float(shares[row]), ink)

    def shares(self) -> None:
        ledger = self.view.ledger
        if ledger is None:
            self._row("share")
            return
        shares = ledger.shares()
        left = shares[: max(self._first - ledger.first, 0)][ledger.read[: max(self._first - ledger.first, 0)]]
        outside = plain(float(left.sum()), self.glyphs, _LEAST) if len(left) and not ledger.is_empty else ""
        line = self._row("share", outside)
        for slot in self.slots:
            row = ledger.row_of(slot.t)
            share = np.nan if row is None else float(shares[row])
            read = row is not None and bool(ledger.read[row])
            told = read and not ledger.is_empty
            is_below = row is not None and not self.view.everyone and ledger.by_token[row].sum() < 0
            text = self._share(share, slot.width, is_below) if told else self.glyphs.dash if read else self.glyphs.dot
            self._at(line, slot, text.center(slot.width), self.palette.style("ink" if told else "faint"))
        if ledger.breach != 0:  # a sum that does not hold is said at every size
            line.put(f" {self.glyphs.no}{self.glyphs.total}", self.palette.style("alarm", bold=True))
            line.put(f" {signed(ledger.breach, self.glyphs, places=None)}", self.palette.style("alarm", bold=True))
        elif self.gutter == _GUTTER:
            whole = self.view.letter if not self.view.everyone else f"{self.glyphs.total}{self.view.letter}"
            total = f"{whole} {signed(float(ledger.sum.sum()), self.glyphs, places=None)}"
            line.put("  ").put(total, self.palette.style("faint"))
        else:  # no heading and no label stand here, so the row itself says what it is, where there is room
            whose = _whose(self.view)
            words = (f"  share in {whose} memory", f"  in {whose} memory", f"  in {whose} C")
            room = self.drawing.width - line.x
            line.put(next((one for one in words if cell_len(one) <= room), ""), self.palette.style("faint"))

    def _share(self, share: float, width: int, below: bool) -> str:
        """Return a share; of a part that is negative, so that it is taken off the others, with its sign."""
        if not below or not share > 0:
            return self._short(share, width)
        text = self._short(share, width - 1)
        return f"-{text}" if text[:1] in ".01" else text

    def reading(self) -> None:
        """Say in the free space on the right which tokens each direction has in its memory."""
        view, lines = self.view, self.drawing.lines
        sides = [name for name in view.sides() if name is not None]
        if len(lines) < 4 or self.drawing.width - max(line.x for line in lines) < _WORDS + 4:
            return
        left = self.drawing.width - _WORDS
        for line, name in zip(lines[1:], sides, strict=False):
            forward = view.trace[name].direction == "forward"
            arrow = self.glyphs.right if forward else self.glyphs.left
            taken = view.frame.steps_taken(name)
            last = taken - 1 if forward else view.facts.length - taken
            first = view.trace[name].first_remembered(view.frame.steps_taken(name))
            places = (
                f"t {first}{self.glyphs.more}{last}"
                if taken and first != last
                else f"t {first}"
                if taken
                else "nothing"
            )
            words = f"{'forward' if forward else 'backward':<8} reads {arrow}  {places} in its memory"
            line.to(left).put(words, self.palette.style("soft" if name == view.pass_name else "faint"))

    def places(self) -> None:
        line = self._row("t")
        for slot in self.slots:
            here = slot.t == self.view.t
            style = self.palette.style("ink" if here else "faint", bold=here)
            self._at(line, slot, str(slot.t).center(slot.width), style)


class Tape(Pane):
    """The tokens; moving the cursor here moves the run."""

    NUMBER, WORD = TAPE.number, TAPE.word

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the tape."""
        return draw_tape(view, width, height, palette, self.NUMBER)

    def move(self, right: int, down: int) -> None:
        """Step on the tape."""
        self.post_message(self.Stepped(right or down))

    def clicked(self, target: ClickTarget) -> None:
        """Go to a token that is clicked."""
        self.post_message(self.Chosen(target, go=True))
