"""A page as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lstm_tui.documents.worksheet.arithmetic import ArithmeticPiece
from lstm_tui.documents.worksheet.layout import Block, Paragraph, SheetHeading

BLANK = "______"
_SIGNS = re.compile(r"([\\`*_\[\]#|<>~&$])")


def markdown(blocks: Iterable[Block]) -> str:
    """Return a page as Markdown; what the tokens hold is text and no mark."""
    parts = []
    for block in blocks:
        if isinstance(block, SheetHeading):
            rule = "---\n\n" if block.new_page else ""
            parts.append(f"{rule}{'#' * block.level} {_text(block.text)}\n")
        elif isinstance(block, Paragraph):
            parts.append(f"{_text(block.text)}\n")
        else:
            lines = ["".join(_piece(piece, block.blanks) for piece in line) for line in block.lines]
            parts.append("\n".join(["```text", *lines, "```"]) + "\n")
    return "\n".join(parts)


def _text(text: str) -> str:
    return _SIGNS.sub(r"\\\1", text)


def _piece(piece: ArithmeticPiece, blanks: bool) -> str:
    return BLANK if blanks and piece.worked else piece.text
