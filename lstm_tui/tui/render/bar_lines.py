"""The line above the panes and the line below them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.style import Style

from lstm_tui.engine.visible import visible
from lstm_tui.tui.render.label import cut
from lstm_tui.tui.render.line import Line
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.view import View


def draw_header(view: View, width: int, palette: Palette, busy: str = "") -> Line:
    """Draw what is open on the left and where the run stands on the right; the position is never cut."""
    glyphs = palette.glyphs
    line = Line(width, palette.style("ink", "band"))
    trace, position = view.trace, view.frame.position
    quiet, plain = palette.style("soft", "band"), palette.style("ink", "band")
    alarm = palette.style("alarm", "band")
    strong = palette.style("accent", "band", bold=True)
    equations = view.passed.cell.equations
    current = equations[position.equation].name if position.equation >= 0 else glyphs.dash
    op = "" if position.op is None else f" op {position.op + 1}"
    token = cut(view.label(view.t, palette), 16, glyphs)
    engine = f"{trace.interpreter} {trace.dtype.replace('float', 'f')}" + (f" {glyphs.say(busy)}" if busy else "")
    right: list[tuple[str, Style]] = [
        (f"t={view.t}", strong),
        (f" ({view.t + 1} of {view.facts.length})  ", quiet),
        (token, palette.style("title", "band", bold=True)),
        (f"  {glyphs.cursor} ", palette.style("focus", "band")),
        (view.pass_name, plain),
        (f"  {current} = {glyphs.more}{op}", plain),
        (f"  {position.equation + 1}/{len(equations)}", quiet),
        (f"  {engine} ", quiet),
    ]
    if view.edits:
        words = f"{view.edits} edit{'s' * (view.edits > 1)}" if width >= 100 else str(view.edits)
        right.insert(0, (f"{glyphs.edited} {words}  ", palette.style("key", "band", bold=True)))
    if view.live is not None:
        style = palette.style("key" if view.live.unseen else "accent", "band", bold=True)
        right.insert(0, (f"{view.live.words}  ", style))
    if width < 110:
        right[1 + bool(view.edits) + (view.live is not None)] = ("  ", quiet)
    unknown = len(view.facts.unknown)
    left = "" if width < 60 else " lstm-tui "
    line.put(left, strong)
    where = _where(view)
    need = sum(cell_len(text) for text, _ in right)
    room = max(width - need - line.x - 2, 0)
    remarks = 0 if trace.network is None else len(trace.network.remarks)
    names = [glyphs.say(view.title), where] + ([f"{unknown} unknown"] if unknown else [])
    if cell_len(f" {glyphs.dot} ".join(names)) > room and unknown:
        names[2] = f"{unknown}{glyphs.unknown}"
    while len(names) > 1 and cell_len(f" {glyphs.dot} ".join(names)) > room:
        names[0] = (
            names[0].split(glyphs.dot)[0].strip() if glyphs.dot in names[0] else names.pop(1 if len(names) > 2 else 0)
        )
    for n, name in enumerate(names):
        style = palette.style("alarm", "band") if name.endswith(("unknown", glyphs.unknown)) and unknown else quiet
        text = (f" {glyphs.dot} " if n else "") + name
        line.put(cut(text, max(width - need - line.x, 0), glyphs), style)
    if remarks:
        told = f" {glyphs.dot} {remarks} warning{'s' * (remarks > 1)}"
        line.put(cut(told, max(width - need - line.x, 0), glyphs), alarm)
    line.to(width - need)
    for text, style in right:
        line.put(text, style)
    return line


def _where(view: View) -> str:
    sequence = view.trace.sequence
    if sequence.file is None:
        return "text"
    name = visible(sequence.file)
    return f"{name} line {sequence.line}" + (f" of {view.lines}" if view.lines > 1 else "") if sequence.line else name


def draw_footer(
    words: Sequence[tuple[str, str]], width: int, palette: Palette, said: str = ""
) -> tuple[Line, list[tuple[int, int, int]]]:
    """Draw keys and words, as many as fit, and what the last command has to say.

    Returns:
        The line, and (first column, column behind, number) of each word.
    """
    line = Line(width, palette.style("ink", "band"))
    key_style, word_style = palette.style("key", "band", bold=True), palette.style("soft", "band")
    line.put(" ")
    places: list[tuple[int, int, int]] = []
    last = len(words) - 2  # help and quit are always there
    tail = sum(cell_len(key) + cell_len(word) + 3 for key, word in words[last:])
    gap = 2
    tail += cell_len(said) + 2 if said else 0
    for n, (key, word) in enumerate(words):
        need = cell_len(key) + cell_len(word) + 1 + gap
        if n < last and line.x + need + tail > width:
            continue
        start = line.x
        line.put(key, key_style).put(f" {word}", word_style)
        places.append((start, line.x, n))
        line.put(" " * gap)
    if said:
        line.right(cut(said, width - line.x - 1, palette.glyphs) + " ", palette.style("title", "band", bold=True))
    return line, places


_TABS = ((2, "forward"), (3, "backward"), (4, "cell"), (5, "memory"), (6, "remembers"), (7, "output"))


def draw_tabs(view: View, shown: int, width: int, palette: Palette) -> tuple[Line, list[tuple[int, int, int]]]:
    """Draw the names of the panes, the shown one marked; also (first column, column behind, pane) of each."""
    line = Line(width, palette.style("ink"))
    places: list[tuple[int, int, int]] = []
    single = view.partner() is None
    for number, word in _TABS:
        if single and number == 3:
            continue
        text = "units" if single and number == 2 else word
        here = number == shown
        start = line.x
        mark = palette.glyphs.cursor if here else " "
        line.put(mark, palette.style("focus", "row" if here else "ground"))
        line.put(str(number), palette.style("accent" if here else "key", "row" if here else "ground", bold=here))
        line.put(f" {text} ", palette.style("title" if here else "soft", "row" if here else "ground", bold=here))
        places.append((start, line.x, number))
        line.put(" ")
    return line, places
