"""A picture of the screen as a file: the SVG as it is, or drawn as a PNG."""

from __future__ import annotations

from pathlib import Path

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.atomic import replacing
from lstm_tui.formats.bytes_of import label

_ZOOM = 2  # pixels of the PNG for one of the SVG: sharp on paper and on a wall
_PROBE = '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16">{}</svg>'


def write_picture(svg: str, path: str | Path) -> None:
    """Write a picture; the ending of the name says how.

    Args:
        svg: The text of the SVG.
        path: A new `.svg` or `.png` file.

    Raises:
        UserError: The name has another ending, is taken already, or the file cannot be written.
    """
    where, path = label(path), Path(path)
    ending = path.suffix.lower()
    if ending not in (".svg", ".png"):
        raise UserError(f"{where}: a picture is .svg or .png")
    if path.exists():
        raise UserError(f"{where}: is there already; take another name")
    content = svg.encode() if ending == ".svg" else _png(svg, where)
    with replacing(path) as stream:
        stream.write(content)


def free_name(stem: str, folder: Path) -> str:
    """Return the first of `stem.svg`, `stem-2.svg`, … that is not taken."""
    name, number = f"{stem}.svg", 2
    while (folder / name).exists():
        name, number = f"{stem}-{number}.svg", number + 1
    return name


def _png(svg: str, where: str) -> bytes:
    try:
        from resvg_py import svg_to_bytes
    except ImportError as error:
        raise UserError(f"{where}: a .png needs resvg: pip install 'lstm-tui[png]'; .svg needs nothing") from error
    letter = '<text y="14" font-size="14" font-family="monospace">M</text>'
    if bytes(svg_to_bytes(svg_string=_PROBE.format(letter))) == bytes(svg_to_bytes(svg_string=_PROBE.format(""))):
        raise UserError(f"{where}: no font is installed here, and a .png would have no words; .svg needs none")
    return bytes(svg_to_bytes(svg_string=svg, zoom=_ZOOM))
