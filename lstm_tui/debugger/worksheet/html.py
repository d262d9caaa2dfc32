"""A page as HTML: one file that opens without a network, and prints."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from lstm_tui.debugger.worksheet.page import Block, Heading, Sentence
from lstm_tui.debugger.worksheet.sums import Piece

_STYLE = """\
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; } h3 { font-size: 1rem; margin-bottom: .25rem; }
pre { font: .9rem/1.9 ui-monospace, monospace; margin: .25rem 0; white-space: pre-wrap; }
.blank { display: inline-block; min-width: 5em; color: transparent; border-bottom: 1px solid CanvasText; }
.page { break-before: page; margin-top: 4rem; }
h2, h3 { break-after: avoid; } pre { break-inside: avoid; }
@media print { :root { color-scheme: light; } body { max-width: none; margin: 0; } }"""


def html(blocks: Iterable[Block]) -> str:
    """Return a page as HTML. A blank is read aloud as one; it is not to be filled in on the screen."""
    written, title = [], "Worksheet"
    for number, block in enumerate(blocks):
        if isinstance(block, Heading):
            title = block.text if number == 0 else title
            kind = ' class="page"' if block.new_page else ""
            written.append(f"<h{block.level}{kind}>{escape(block.text)}</h{block.level}>")
        elif isinstance(block, Sentence):
            written.append(f"<p>{escape(block.text)}</p>")
        else:
            lines = ["".join(_piece(piece, block.blanks) for piece in line) for line in block.lines]
            written.append("<pre>" + "\n".join(lines) + "</pre>")
    body = "\n".join(written)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
        f"<style>\n{_STYLE}\n</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _piece(piece: Piece, blanks: bool) -> str:
    return '<span class="blank">blank</span>' if blanks and piece.worked else escape(piece.text)
