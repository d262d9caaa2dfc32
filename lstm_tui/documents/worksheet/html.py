"""A page as HTML: one file that opens without a network, and prints."""

from __future__ import annotations

from collections.abc import Iterable

from lstm_tui.documents.html import Html, document, element, html_of, joined
from lstm_tui.documents.worksheet.arithmetic import ArithmeticPiece
from lstm_tui.documents.worksheet.layout import Block, Paragraph, SheetHeading

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
    written: list[Html] = []
    title = "Worksheet"
    for number, block in enumerate(blocks):
        if isinstance(block, SheetHeading):
            title = block.text if number == 0 else title
            written.append(element(f"h{block.level}", block.text, class_="page" if block.new_page else ""))
        elif isinstance(block, Paragraph):
            written.append(element("p", block.text))
        else:
            lines = (html_of(*(_piece(piece, block.blanks) for piece in line)) for line in block.lines)
            written.append(element("pre", joined("\n", lines)))
    return document(title, _STYLE, element("main", joined("\n", written)))


def _piece(piece: ArithmeticPiece, blanks: bool) -> str:
    return element("span", "blank", class_="blank") if blanks and piece.worked else piece.text
