"""The screen as a picture: an SVG that needs no network and no certain font.

Every word is placed at its own cell and told its length, so that columns stay columns in any monospace font. Bars,
frames and shades are drawn as shapes, which join without gaps whatever draws them; see `shapes.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from rich.cells import split_graphemes
from rich.color import Color
from rich.style import Style
from textual.strip import Strip

from lstm_tui.engine.number_text import coordinate
from lstm_tui.engine.visible import visible
from lstm_tui.tui.render.shapes import HEIGHT, WIDTH, is_shape, shape

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
class Piece:
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


def pieces_of(strip: Strip, ink: str, ground: str) -> Iterator[Piece]:
    """Yield a line in pieces, from the left; blanks are pieces too."""
    begun: Piece | None = None
    for x, width, sign, look in _cells(strip, ink, ground):
        if begun is not None and _joins(begun, sign, look):
            begun = Piece(begun.x, begun.width + width, begun.text + sign, look)
            continue
        if begun is not None:
            yield begun
        begun = Piece(x, width, sign, look)
    if begun is not None:
        yield begun


def _joins(begun: Piece, sign: str, look: Look) -> bool:
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


def _grounds(pieces: Sequence[Piece], y: int, ground: str) -> Iterator[str]:
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


def _drawn(piece: Piece, y: int) -> str:
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
