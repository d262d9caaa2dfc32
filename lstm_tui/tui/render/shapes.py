"""Signs that are drawn as shapes in a picture: blocks, shades, frames and crosses have to meet their neighbours."""

from __future__ import annotations

from lstm_tui.engine.number_text import coordinate

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
