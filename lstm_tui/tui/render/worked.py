"""An equation with the numbers of one unit put in, and their names below them."""

from __future__ import annotations

from typing import NamedTuple

from rich.cells import cell_len

from lstm_tui.debugger.explain import Explanation
from lstm_tui.tui.render.glyphs import Glyphs
from lstm_tui.tui.render.line import Line
from lstm_tui.tui.render.number import signed
from lstm_tui.tui.render.palette import Palette


class Piece(NamedTuple):
    """Text as it stands, or a number with its name."""

    text: str
    label: str = ""


def pieces_of(found: Explanation, glyphs: Glyphs) -> list[Piece]:
    """Return the right side in numbers; a negative summand is subtracted, a negative factor put in brackets."""
    pieces: list[Piece] = []
    for part in found.parts:
        if not part.is_number:
            pieces.append(Piece(glyphs.say(part.text)))
            continue
        label = glyphs.say(part.label)
        if part.number is None:
            pieces.append(Piece(glyphs.unknown, label))
            continue
        text = signed(part.number, glyphs)
        before = pieces[-1].text if pieces and not pieces[-1].label else ""
        if before.endswith("+ ") and text.startswith("-"):
            pieces[-1] = Piece(before[:-2] + glyphs.minus + " ")
            text = text[1:]
        elif before.rstrip().endswith(("·", "*", "/", "-", "−")) and text.startswith("-"):
            text = f"({text})"
        else:
            text = text.removeprefix("+")
        pieces.append(Piece(text, label))
    return pieces


def put_worked(
    line: Line, under: Line | None, pieces: list[Piece], palette: Palette, inks: dict[str, str], faded: bool
) -> None:
    """Write the pieces, and each number's name in the line under it, both in columns of their own."""
    for piece in pieces:
        if not piece.label:
            line.put(piece.text, palette.style("soft", faded=faded))
            continue
        width = max(cell_len(piece.text), cell_len(piece.label)) if under is not None else cell_len(piece.text)
        ink = inks.get(piece.label.rstrip("'"), "ink")
        if under is not None:
            under.to(line.x + (width - cell_len(piece.label)) // 2)
            under.put(piece.label, palette.style("faint"))
        text = piece.text.center(width) if under is not None else piece.text
        line.put(text, palette.style("title" if ink == "plain" else ink, faded=faded))
