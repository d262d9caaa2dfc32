"""The screen as a picture: taken at once, on whatever screen it is, before a file name is asked for.

The SVG needs no network and no particular font. Every word is placed at its own cell and told its length, so that
columns stay columns in any monospace font. Blocks, shades, frames and crosses have to meet their neighbours: they are
drawn as shapes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from rich.cells import split_graphemes
from rich.color import Color
from rich.style import Style
from textual.app import App
from textual.strip import Strip

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import coordinate
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.prompts.prompts import Prompt

if TYPE_CHECKING:
    from lstm_tui.tui.main import MainScreen


WIDTH, HEIGHT = 9, 18
"""Of a cell, in pixels."""
_LEFT = {sign: n / 8 for n, sign in enumerate("▏▎▍▌▋▊▉█", start=1)}
_BELOW = {sign: n / 8 for n, sign in enumerate("▁▂▃▄▅▆▇", start=1)}
_SHADES = {"░": 0.25, "▒": 0.5, "▓": 0.75}
_OTHERS = {
    "▀": (0.0, 0.0, 1.0, 0.5),
    "▐": (0.5, 0.0, 0.5, 1.0),
    "▔": (0.0, 0.0, 1.0, 0.125),
    "▕": (0.875, 0.0, 0.125, 1.0),
}
"""Left, top, width and height, as parts of the cell."""
_ARMS = {
    "─": "lr", "│": "ud", "┌": "rd", "┐": "ld", "└": "ru", "┘": "lu", "├": "udr", "┤": "udl", "┬": "lrd", "┴": "lru",
    "┼": "lrud", "╴": "l", "╵": "u", "╶": "r", "╷": "d",
    "━": "LR", "┃": "UD", "┏": "RD", "┓": "LD", "┗": "RU", "┛": "LU", "┣": "UDR", "┫": "UDL", "┳": "LRD", "┻": "LRU",
    "╋": "LRUD", "╸": "L", "╹": "U", "╺": "R", "╻": "D",
}  # fmt: skip
"""Which ways the lines of a sign go: left, right, up and down, and heavy ones in capitals."""
_ROUND = {"╭": (1, 1), "╮": (-1, 1), "╰": (1, -1), "╯": (-1, -1)}
"""Which ways the two lines of a rounded corner go: right or left, down or up."""
_CROSS = "╳"
_SIGNS = frozenset(_CROSS).union(_LEFT, _BELOW, _SHADES, _OTHERS, _ARMS, _ROUND)
_MIDDLE_X, _MIDDLE_Y, _RADIUS = 4.5, 9.5, 4.5


def is_shape(sign: str) -> bool:
    """Say whether a sign is drawn as a shape."""
    return sign in _SIGNS


def shape(sign: str, x: float, y: float, width: float, colour: str) -> str:
    """Return the element that draws a sign.

    Args:
        sign: The sign.
        x: Left edge of its cell, in pixels.
        y: Upper edge.
        width: Of all cells that it is repeated in.
        colour: As #rrggbb.
    """
    if sign in _LEFT:
        part = _LEFT[sign]
        return _block(x, y, width * part if part < 1 else width, HEIGHT, colour)
    if sign in _BELOW:
        part = _BELOW[sign] * HEIGHT
        return _block(x, y + HEIGHT - part, width, part, colour)
    if sign in _SHADES:
        return _block(x, y, width, HEIGHT, colour, f' fill-opacity="{_SHADES[sign]}"')
    if sign in _OTHERS:
        left, top, part, high = _OTHERS[sign]
        return _block(x + left * WIDTH, y + top * HEIGHT, width * part, high * HEIGHT, colour)
    if sign in _ROUND:
        return _corner(*_ROUND[sign], x, y, colour)
    if sign == _CROSS:
        path = f"M{coordinate(x)} {coordinate(y + 2)}l{WIDTH} {HEIGHT - 4}m0 {4 - HEIGHT}l-{WIDTH} {HEIGHT - 4}"
        return f'<path d="{path}" fill="none" stroke="{colour}"/>'
    return _lines(_ARMS[sign], x, y, width, colour)


def _block(x: float, y: float, width: float, height: float, colour: str, more: str = "") -> str:
    place = f'x="{coordinate(x)}" y="{coordinate(y)}" width="{coordinate(width)}" height="{coordinate(height)}"'
    return f'<rect {place} fill="{colour}"{more}/>'


def _lines(arms: str, x: float, y: float, width: float, colour: str) -> str:
    """Draw straight lines from the middle of a cell; one from edge to edge may go on over many cells."""
    if arms in ("lr", "LR"):
        thick = 1 if arms == "lr" else 3
        return _block(x, y + _MIDDLE_Y - thick / 2, width, thick, colour)
    parts = []
    for arm in arms:
        thick = 3 if arm.isupper() else 1
        to = {"l": (-_MIDDLE_X, 0), "r": (WIDTH - _MIDDLE_X, 0), "u": (0, -_MIDDLE_Y), "d": (0, HEIGHT - _MIDDLE_Y)}
        right, down = to[arm.lower()]
        middle_x, middle_y = x + _MIDDLE_X, y + _MIDDLE_Y
        if right:
            left = min(middle_x, middle_x + right) - (thick / 2 if right > 0 else 0)
            parts.append(_block(left, middle_y - thick / 2, abs(right) + thick / 2, thick, colour))
        else:
            parts.append(_block(middle_x - thick / 2, min(middle_y, middle_y + down), thick, abs(down), colour))
    return "".join(parts)


def _corner(right: int, down: int, x: float, y: float, colour: str) -> str:
    """Draw a quarter of a circle with a line on to the edge of the cell."""
    middle_x, middle_y = x + _MIDDLE_X, y + _MIDDLE_Y
    to_x, to_y = (x + WIDTH if right > 0 else x), (y + HEIGHT if down > 0 else y)
    middle, bend = f"{coordinate(middle_x)} {coordinate(middle_y)}", coordinate(middle_y + down * _RADIUS)
    path = f"M{coordinate(to_x)} {coordinate(middle_y)}Q{middle} {coordinate(middle_x)} {bend}V{coordinate(to_y)}"
    return f'<path d="{path}" fill="none" stroke="{colour}"/>'


_SIZE, _BASE = 15, 14
_FONTS = "'DejaVu Sans Mono', 'Liberation Mono', Menlo, Consolas, 'Courier New', monospace"


@dataclass(frozen=True)
class Look:
    """How a cell is drawn: its colours as #rrggbb, and its face."""

    ink: str
    ground: str
    bold: bool = False
    italic: bool = False
    underline: bool = False
    struck: bool = False

    @property
    def face(self) -> str:
        """The attributes of its text."""
        lines = " ".join(("underline",) * self.underline + ("line-through",) * self.struck)
        return (
            (' font-weight="bold"' if self.bold else "")
            + (' font-style="italic"' if self.italic else "")
            + (f' text-decoration="{lines}"' if lines else "")
        )


@dataclass(frozen=True)
class SvgPiece:
    """Neighbouring cells that are drawn in one go: a word, one sign, or one shape that is repeated."""

    x: int
    width: int
    text: str
    look: Look


def svg_of(strips: Sequence[Strip], title: str, ink: str, ground: str) -> str:
    """Return the screen as the text of an SVG.

    Args:
        strips: The lines of the screen.
        title: What it shows, in a few words.
        ink: The colour of text that has none, as #rrggbb.
        ground: That behind it.
    """
    columns = max((strip.cell_length for strip in strips), default=1)
    width, height = columns * WIDTH, len(strips) * HEIGHT
    grounds: list[str] = []
    drawn: list[str] = []
    for y, strip in enumerate(strips):
        pieces = list(pieces_of(strip, ink, ground))
        grounds += _grounds(pieces, y, ground)
        drawn += [_drawn(piece, y) for piece in pieces if piece.text.strip()]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-labelledby="title words">\n'
        f'<title id="title">{_safe(title)}</title>\n<desc id="words">{_safe(words_of(strips))}</desc>\n'
        f'<rect width="{width}" height="{height}" fill="{ground}"/>\n'
        f'<g shape-rendering="crispEdges">\n{"".join(grounds)}</g>\n'
        f'<g font-family="{_FONTS}" font-size="{_SIZE}" xml:space="preserve">\n{"".join(drawn)}</g>\n</svg>\n'
    )


def words_of(strips: Sequence[Strip]) -> str:
    """Return what is to be read on the screen, without its bars and frames."""
    lines = ("".join(" " if is_shape(sign) else sign for sign in strip.text).split() for strip in strips)
    return "\n".join(" ".join(words) for words in lines if words)


def pieces_of(strip: Strip, ink: str, ground: str) -> Iterator[SvgPiece]:
    """Yield a line in pieces, from the left; blanks are pieces too."""
    begun: SvgPiece | None = None
    for x, width, sign, look in _cells(strip, ink, ground):
        if begun is not None and _joins(begun, sign, look):
            begun = SvgPiece(begun.x, begun.width + width, begun.text + sign, look)
            continue
        if begun is not None:
            yield begun
        begun = SvgPiece(x, width, sign, look)
    if begun is not None:
        yield begun


def _joins(begun: SvgPiece, sign: str, look: Look) -> bool:
    """Say whether a sign goes on with a piece: more of a word, of blanks, or of one shape as wide as its cell."""
    last = begun.text[-1]
    if look != begun.look:
        return False
    if is_shape(sign) or is_shape(last) or sign == " " or last == " ":
        return sign == last and sign in " ─━═█░▒▓"
    return sign.isascii() and last.isascii()


def _cells(strip: Strip, ink: str, ground: str) -> Iterator[tuple[int, int, str, Look]]:
    """Yield place, width, sign and look of every grapheme."""
    x = 0
    for text, style, control in strip:
        if control:
            continue
        look = _look(style, ink, ground)
        for start, end, width in split_graphemes(text)[0]:
            yield x, width, text[start:end], look
            x += width


def _look(style: Style | None, ink: str, ground: str) -> Look:
    if style is None:
        return Look(ink, ground)
    fore, back = _hex(style.color, ink), _hex(style.bgcolor, ground)
    if style.reverse:
        fore, back = back, fore
    if style.dim:
        fore = _between(fore, back)
    return Look(fore, back, bool(style.bold), bool(style.italic), bool(style.underline), bool(style.strike))


def _hex(colour: Color | None, otherwise: str) -> str:
    return otherwise if colour is None or colour.is_default else colour.get_truecolor().hex


def _between(one: str, other: str) -> str:
    """Return the colour half way."""
    pairs = zip(bytes.fromhex(one[1:]), bytes.fromhex(other[1:]), strict=True)
    return f"#{bytes((a + b) // 2 for a, b in pairs).hex()}"


def _grounds(pieces: Sequence[SvgPiece], y: int, ground: str) -> Iterator[str]:
    """Yield what lies behind a line, neighbours of one colour in one go."""
    start = 0
    while start < len(pieces):
        end, colour = start, pieces[start].look.ground
        while end < len(pieces) and pieces[end].look.ground == colour:
            end += 1
        if colour != ground:
            left, right = pieces[start].x, pieces[end - 1].x + pieces[end - 1].width
            place = f'x="{left * WIDTH}" y="{y * HEIGHT}" width="{(right - left) * WIDTH}" height="{HEIGHT}"'
            yield f'<rect {place} fill="{colour}"/>\n'
        start = end


def _drawn(piece: SvgPiece, y: int) -> str:
    look, left, width = piece.look, piece.x * WIDTH, piece.width * WIDTH
    if is_shape(piece.text[0]):
        return f"{shape(piece.text[0], left, y * HEIGHT, width, look.ink)}\n"
    text, baseline = _safe(piece.text), y * HEIGHT + _BASE
    if piece.text.isascii():
        length = f' textLength="{width}"' if piece.width > 1 else ""
        return f'<text x="{left}" y="{baseline}"{length} fill="{look.ink}"{look.face}>{text}</text>\n'
    # It may be of another font, of any width.
    middle = f'x="{coordinate(left + width / 2)}" y="{baseline}" text-anchor="middle"'
    return f'<text {middle} fill="{look.ink}"{look.face}>{text}</text>\n'


def _safe(text: str) -> str:
    """Return text that XML takes."""
    lines = (visible(line).encode("utf-8", "replace").decode() for line in text.split("\n"))
    return escape("\n".join(lines), quote=False)


_TIME = 8


def take_picture(app: App[Any]) -> None:
    """Take a picture of the screen and ask where to write it."""
    main = _main_of(app)
    title, stem = ("lstm-tui", "lstm-tui") if main is None else _named(main)
    _ask(app, svg_of(strips_of(app), title, app.theme_variables["lt-ink"], app.theme_variables["lt-ground"]), stem)


def strips_of(app: App[Any]) -> list[Strip]:
    """Return the lines of the screen, with what shines through from the screens under it."""
    drawn: Any = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)
    return [Strip.join(list(parts)) for parts in drawn.strips]


def _main_of(app: App[Any]) -> MainScreen | None:
    from lstm_tui.tui.main import MainScreen

    return next((one for one in reversed(app.screen_stack) if isinstance(one, MainScreen)), None)


def _named(main: MainScreen) -> tuple[str, str]:
    """Return what a picture shows, in a few words, and the stem of its name."""
    view = main.view
    if view.is_empty:
        return "lstm-tui", "lstm-tui"
    sequence = view.trace.sequence
    stem = PurePath(sequence.file).stem if sequence.file else "lstm-tui"
    line = f"-{sequence.line}" if sequence.line else ""
    where = f"{PurePath(sequence.file).name}, " if sequence.file else ""
    token = f": {sequence.tokens[view.t]}" if view.t < len(sequence.tokens) else ""
    return f"lstm-tui, {where}t={view.t}{token}", f"{visible(stem)}{line}-t{view.t}"


def _ask(app: App[Any], svg: str, stem: str, typed: str = "", wrong: str = "") -> None:
    from lstm_tui.formats.io.files import free_name
    from lstm_tui.tui.environment import is_sealed

    question = wrong or "write the picture to (.svg or .png)"
    name = typed or (f"{stem}.svg" if is_sealed() else free_name(stem, Path()))

    def write(typed: str | None) -> None:
        if typed:
            app.run_worker(lambda: _write(app, svg, stem, typed), group="picture", thread=True)

    app.push_screen(Prompt(question, name), write)


def _write(app: App[Any], svg: str, stem: str, name: str) -> None:
    """Write it, in a thread; what is wrong with the name is said above it, to be typed again."""
    from lstm_tui.formats.io.files import write_picture
    from lstm_tui.tui.environment import give

    try:
        said = give(app, name, lambda path: write_picture(svg, path))
    except (UserError, OSError) as error:
        app.call_later(_ask, app, svg, stem, name, visible(str(error)))
    else:
        app.call_later(app.notify, said, markup=False, timeout=_TIME)
