"""A page of text over the main screen: the help, made of the command table, and the explanation of one value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import ClassVar

import numpy as np
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from lstm_tui.debugger.glossary import GlossaryEntry, PaneWords, entry_of
from lstm_tui.debugger.inspect.scale import scale_of
from lstm_tui.debugger.inspect.trace_facts import letter
from lstm_tui.debugger.panes import BACKWARD, CELL, DIAGRAM, FORWARD, MEMORY, ONE_UNIT, PANES, TAPE
from lstm_tui.engine.language.expression import show
from lstm_tui.engine.number_text import axis_end, axis_places, exact
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.canvas.canvas import Line, signed, wrapped_text
from lstm_tui.tui.canvas.charts import put_signed_bar
from lstm_tui.tui.canvas.palette import Palette
from lstm_tui.tui.commands import CHANGE, COMMANDS, CURSOR, GO, LOOK, PROGRAM, STEP, now_at
from lstm_tui.tui.panes.equations import explained, inks_of, pieces_of, put_outcome, put_worked
from lstm_tui.tui.view import View

_LEAST = 20
"""Rows that a page has at least above what stays in sight; with fewer it lies over it."""


class PageScreen(ModalScreen[bool]):
    """Shows lines until a key closes it; answers whether to go where they say."""

    DEFAULT_CSS = """
    PageScreen { align: center middle; background: $lt-ground 55%; }
    PageScreen > VerticalScroll {
        width: auto; max-width: 96%; height: auto; max-height: 92%;
        border: round $lt-focus; border-title-color: $lt-title; border-subtitle-color: $lt-soft;
        background: $lt-ground; padding: 1 2; scrollbar-size-vertical: 1;
    }
    PageScreen Static { width: auto; max-width: 100%; color: $lt-ink; }
    """
    view_name = "page"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,p,question_mark,K,shift+k", "leave", show=False),
        Binding("enter", "go", show=False),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
        Binding("colon", "command", show=False, priority=True),
        Binding("P,shift+p", "app.picture", show=False),
        Binding("T,shift+t", "tour", show=False),
    ]

    def __init__(self, title: str, lines: Sequence[Content], goes: bool = False) -> None:
        """Show `lines` under `title`; with `goes`, they tell of a place to which Enter goes."""
        super().__init__()
        self._title, self._lines, self._goes = title, lines, goes

    def compose(self) -> ComposeResult:
        """Lay out the page."""
        with VerticalScroll() as page:
            page.border_title = Content(self._title)
            hints = (
                ["enter goes there"] * self._goes + ["esc closes"] + [": types the next line"] * self._is_typed_over()
            )
            page.border_subtitle = Content("   ".join(hints))
            yield Static(Content("\n").join(self._lines))

    def on_resize(self) -> None:
        """Leave the rows free that are to stay in sight below, such as a lesson's text, where that leaves enough."""
        below = next((one for one in reversed(self.app.screen_stack) if one is not self), None)
        kept = getattr(below, "rows_kept", lambda: 0)()
        room, page = self.size.height - kept, self.query_one(VerticalScroll)
        is_above = bool(kept) and room >= _LEAST
        self.styles.align_vertical = "top" if is_above else "middle"
        page.styles.max_height = room if is_above else "92%"

    def action_leave(self) -> None:
        """Close the page."""
        self.dismiss(False)

    def action_go(self) -> None:
        """Close the page, and go where it tells of."""
        self.dismiss(self._goes)

    async def action_tour(self) -> None:
        """Close the page and offer the lessons."""
        self.dismiss(False)
        await self.run_action("app.tour")

    def _is_typed_over(self) -> bool:
        """Say whether there is a command line under the page."""
        below = next((one for one in reversed(self.app.screen_stack) if one is not self), None)
        return hasattr(below, "action_do")  # while it is laid out this page may not be on the stack yet

    async def action_command(self) -> None:
        """Close the page and type the next line: an answer is not in its way."""
        if self._is_typed_over():
            self.dismiss(False)
            await self.app.screen.run_action("do('colon')")

    def action_scroll(self, lines: int) -> None:
        """Scroll by so many lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


_DOTS = {
    **dict.fromkeys(
        (CELL.number, DIAGRAM.number), "Times: of a matrix and a vector a product, of two vectors unit by unit."
    ),
    **dict.fromkeys((TAPE.number, MEMORY.number), "Nothing here, or not reached yet."),
}
"""What · means in a pane; in the others it only parts words."""
_LABELLED = (ONE_UNIT.number, FORWARD.number, BACKWARD.number, TAPE.number, CELL.number, DIAGRAM.number)
"""Panes that write the labels of the cell's values."""


def glossary_terms(view: View, text: str, pane: int) -> tuple[GlossaryEntry | None, tuple[GlossaryEntry, ...]]:
    """Return the term of the value under the cursor, and those of a pane's text, in the sense that they have there."""
    cell, network = view.passed.cell, view.trace.network
    values, labels = {}, {}
    for name in cell.values:
        equation = cell.equation(name)
        values[letter(name)] = ": ".join(visible(part) for part in (equation.label, equation.help) if part)
        labels.update({word: letter(name) for word in re.findall(r"[a-z]+", visible(equation.label).casefold())})
    for column in view.facts.columns(view.pass_name):
        labels.update(dict.fromkeys(column.word.casefold().split(), column.letter))
    texts = {visible(one).casefold() for one in view.trace.sequence.tokens}
    if pane == CELL.number and network is not None and network.tokens is not None:
        texts |= {visible(one).casefold() for one in network.tokens.vocabulary}  # the words that are near
    if pane in (FORWARD.number, BACKWARD.number, ONE_UNIT.number, DIAGRAM.number):
        texts = set()
    for named in view.frame.names.of.values():
        texts |= {visible(one).casefold() for one in named.values()}
    found = PaneWords(values, labels if pane in _LABELLED else {}, letter(view.memory_name), texts, _DOTS.get(pane, ""))
    own = letter(view.value) if view.value in cell.values else None
    entries = found.terms_in(text)
    if own is None:
        return None, entries
    known = entry_of(own)
    says = values[own] or (known.says if known else "")
    return GlossaryEntry(own, says), tuple(one for one in entries if one.term != own)


def glossary_page(view: View, text: str, width: int, pane: int, above: bool = True) -> PageScreen:
    """Return the page that explains the value under the cursor and the terms of a text, in so many cells.

    Args:
        view: Where the cursor is.
        text: What stands in the pane.
        width: Of the screen.
        pane: The number of the pane, by which a word has its sense.
        above: Whether the line in words stands above a tape.
    """
    own, entries = glossary_terms(view, text, pane)
    lines = [*_explained(own.term, own.says, width), Content("")] if own is not None else []
    for entry in entries:
        lines += _explained(entry.term, entry.says, width)
    told = {own.says if own is not None else "", *(entry.says for entry in entries)}
    line = re.sub(r"\bat\b|“[^”]*”", "", " ".join(view.now.memory)) if above else ""
    more = [entry for entry in glossary_terms(view, line, TAPE.number)[1] if entry.says not in told]
    lines += [Content(""), Content.styled("in the line above the tape", "$lt-faint")] * bool(more)
    for entry in more:
        lines += _explained(entry.term, entry.says, width)
    return PageScreen("what stands in this pane; :glossary has every term", lines)


_TERM = 12
"""Cells of a term in the glossary."""
_AROUND = 10
"""Cells of a page beside its text: its frame, what is left free inside it, the bar, and what the page leaves free."""


def _explained(term: str, says: str, width: int) -> list[Content]:
    """Return an entry of the glossary: the term, and what it means in lines beside it."""
    rows = wrapped_text(says, max(min(width * 96 // 100 - _TERM - _AROUND, 76), 20)) or [""]
    return [
        Content.assemble((f"{term if not n else '':<{_TERM}}", "bold $lt-key"), (row, "$lt-ink"))
        for n, row in enumerate(rows)
    ]


_WIDTH = 76
_BAR = 24


def explain_page(view: View, palette: Palette) -> PageScreen:
    """Return the page for the value under the cursor."""
    value = view.frame.names.value(view.pass_name, view.value, view.unit)
    title = f"{value} at t={view.t}, {view.label(view.t, palette)}, {view.pass_name}"
    return PageScreen(title, [_content(line) for line in explain_lines(view, palette)])


def explain_lines(view: View, palette: Palette) -> list[Line]:
    """Return the lines of the explanation."""
    found = explained(view, view.value)

    def new() -> Line:
        return Line(_WIDTH, palette.style())

    if found is None:
        return [new().put("this trace does not hold the value", palette.style("soft"))]
    equation = view.passed.cell.equation(view.value)
    soft, title, inks = palette.style("soft"), palette.style("title", bold=True), inks_of(view)
    lines: list[Line] = []
    if equation.label or equation.help:
        lines += [new().put(f"{visible(equation.label)}: {visible(equation.help)}", soft), new()]
    head = new().put(found.value, title).put(f" = {palette.glyphs.say(show(equation.expression))}", palette.style())
    worked, under = new().put(found.value, title).put(" = ", soft), new()
    under.to(worked.x)
    put_worked(worked, under, pieces_of(found, palette.glyphs), palette, inks, False)
    put_outcome(worked, view, found, palette)
    lines += [head, new(), worked, under]
    lines.append(new().put(f"{exact(found.number + 0.0)} exactly", palette.style("faint")))
    summands = found.terms if len(found.terms) > 1 else ()
    for heading, terms in (("summands", summands), ("largest products", found.largest)):
        if not terms:
            continue
        half = scale_of(np.array([term.number for term in terms]), least=0.05)
        scale, places = f"   {palette.glyphs.plus_minus}{axis_end(half)}", axis_places(half)
        lines += [new(), new().put(heading, palette.style("accent", bold=True)).put(scale, soft)]
        for term in terms:
            line = new().put(f"  {term.label}", palette.style()).to(22)
            put_signed_bar(line, term.number, _BAR, palette, half)
            lines.append(line.put(signed(term.number, palette.glyphs, places=places).rjust(7), palette.style()))
    if not view.frame.reached(view.pass_name, view.value):
        lines += [new(), new().put("not computed yet: this equation comes later in the step", palette.style("alarm"))]
    return lines


def _content(line: Line) -> Content:
    text = Text(end="")
    for piece, style in line.parts():
        text.append(piece, style)
    return Content.from_rich_text(text)


_LEFT = 68
"""Cells of the left of two columns."""
_SHARE, _AROUND = 0.96, 8
"""How much of the width a page takes, and what its frame and the bar beside it take of that."""
_INDENT, _LEAST = 25, 20
"""Cells before what a key does, and the fewest it is written in."""
_ASKED = (
    ("T", "new to all this? short lessons on trained networks"),
    ("6", f"which token does this memory come from? {now_at('L').key}: all units"),
    ("colon", "how do I choose a unit by its name? type: unit gender"),
    ("M", "which gate lost it? the sentence below the map says it"),
    ("R", "how far back does it reach? b: an RNN beside an LSTM"),
    ("r", "which words does the answer hang on?"),
    ("p", f"how does this number come about? {now_at('0').key}: in large letters"),
    ("e", "what if a word, or a gate, were another?"),
)
_NOTES = (
    "Click a token to go there; click a unit, a value or a place of the",
    f"map to look at it. {now_at('n').key} and {now_at('N').key} move on the tape; "
    f"{now_at('s').key} and {now_at('i').key} walk in the",
    "selected pass's own reading order. What the run has not reached is",
    "faint; ╳ is NaN, ∞ infinite. A bar's side of its axis is its sign.",
)


def keys_page(told: Iterable[tuple[str, str]]) -> PageScreen:
    """Return a page with the keys of a full-screen view; each comes with a word for what it does."""
    lines = [Content.assemble((f"{key:>12}  ", "bold $lt-key"), (word, "$lt-ink")) for key, word in told]
    return PageScreen("keys of this view", lines)


def help_page(width: int, pane: int | None = None) -> PageScreen:
    """Return a page with every key and what it does, in two columns where the screen is wide enough.

    Args:
        width: Of the screen.
        pane: The number of the pane in use, whose keys come first.
    """
    room = int(width * _SHARE) - _AROUND
    wide = room >= 2 * _LEFT + 2
    first, second = (_LEFT - 2, room - _LEFT) if wide else (room, room)
    left = [line for name in (STEP, GO, LOOK) for line in _group(name, first)]
    right = [line for name in (CHANGE, CURSOR, PROGRAM) for line in _group(name, second)]
    right += [Content.styled(f"  {note}", "$lt-soft") for note in _NOTES]
    if not wide:
        return PageScreen("keys", [*_of_pane(pane), *_asked(), *left, *right])
    left = [*_of_pane(pane), *left]
    pairs = zip_longest(left, [*_asked(), *right], fillvalue=Content(""))
    return PageScreen("keys", [Content.assemble(one, " " * max(_LEFT - one.cell_length, 0), two) for one, two in pairs])


_OF_PANE: dict[int, tuple[str, ...]] = {
    0: ("steps.equation(1)", "steps.token(1)", "edits.edit", "looks.one_unit"),
    1: ("steps.go_to_cursor", "edits.edit", "dialogs.find", "breakpoints.breakpoint", "looks.signal"),
    2: ("looks.cursor(0,1)", "looks.order", "dialogs.explain", "edits.edit", "breakpoints.watch", "dialogs.health"),
    3: ("looks.cursor(0,1)", "looks.order", "dialogs.explain", "edits.edit", "breakpoints.watch", "dialogs.health"),
    4: ("steps.equation(1)", "steps.op(1)", "dialogs.explain", "edits.edit_equation"),
    5: ("looks.cursor(1,0)", "steps.go_to_cursor", "edits.edit", "looks.map"),
    6: ("looks.everyone", "looks.map", "dialogs.influence", "edits.edit"),
    7: ("edits.append(0)", "edits.append(1)", "dialogs.influence", "edits.edit"),
    8: ("steps.equation(1)", "steps.op(1)", "edits.edit", "looks.diagram"),
}
"""What a person does most in each pane, by its number: actions of the table of commands."""


def _of_pane(number: int | None) -> list[Content]:
    """Return what can be done in the pane in use, in the words of a person, and the key that explains its words."""
    pane = next((one for one in PANES if one.number == number), None)
    if pane is None:
        return []
    lines = [Content.styled(f"In this pane: {pane.told}", "bold $lt-accent")]
    by_action = {command.action: command for command in COMMANDS}
    for action in (*_OF_PANE[pane.number], "dialogs.glossary"):
        command = by_action[action]
        lines.append(Content.assemble((f"{command.key:>7}  ", "bold $lt-key"), (command.phrase, "$lt-soft")))
    return [*lines, Content("")]


def _asked() -> list[Content]:
    """Return what whoever is new asks first, and the key that answers it."""
    lines = [Content.styled("Ask", "bold $lt-accent")]
    for key, question in _ASKED:
        lines.append(Content.assemble((f"{now_at(key).key:>7}  ", "bold $lt-key"), (question, "$lt-soft")))
    return [*lines, Content("")]


def _group(name: str, room: int) -> list[Content]:
    """Return the keys of a group; what is too long for a line goes on in the next."""
    lines = [Content.styled(name, "bold $lt-accent")]
    for command in COMMANDS:
        if command.group == name:
            said = wrapped_text(command.help, max(room - _INDENT, _LEAST))
            key, word = (f"{command.key:>7}  ", "bold $lt-key"), (f"{command.word:<15} ", "$lt-ink")
            lines.append(Content.assemble(key, word, (said[0], "$lt-soft")))
            lines += [Content.styled(" " * _INDENT + more, "$lt-soft") for more in said[1:]]
    return [*lines, Content("")]
