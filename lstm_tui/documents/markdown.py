"""A document as Markdown: what a table or a picture shows stands in words and numbers, and no text is markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lstm_tui.documents.blocks import (
    Block,
    Entry,
    EquationList,
    Heading,
    LabelledNumber,
    Line,
    Lines,
    Listing,
    Page,
    Sentence,
    SideBySide,
    Strip,
    Table,
    TableColumn,
    TableRow,
    Terms,
)
from lstm_tui.engine.text_safety import visible

BLANK = "______"
_SIGNS = re.compile(r"([\\`*_\[\]#|<>~&$])")
_BEGINS = re.compile(r"(\d*)([-+=.)])")
_FENCE = re.compile(r"`{3,}")


def markdown(document: Page) -> str:
    """Return a document as Markdown."""
    parts = [f"# {_text(document.title)}\n", *_blocks(document.opening)]
    for section in document.sections:
        parts.append(f"{'---' + 2 * _BREAK + '#' if section.new_page else '##'} {_text(section.title)}\n")
        parts += _blocks(section.blocks)
    if document.closing:
        parts.append(f"{_begun(_text(document.closing))}\n")
    return "\n".join(parts)


_BREAK = "\n"


def _blocks(blocks: Iterable[Block]) -> Iterator[str]:
    for block in blocks:
        if isinstance(block, SideBySide):
            for group in block.groups:
                yield from _blocks(group)
        elif not isinstance(block, Strip):  # all that a picture of the tape shows stands in a table
            yield f"{_block(block)}\n"


def _block(block: Block) -> str:
    if isinstance(block, Sentence):
        words = _text(block.text) if block.plain else _coded(block.text)
        return _marked("**", words) if block.alarm else _begun(words)
    if isinstance(block, Heading):
        return f"### {_text(block.text)}"
    if isinstance(block, Terms):
        return "\n".join(f"- {_begun(_text(term))}: {_text(words)}" for term, words in block.pairs)
    if isinstance(block, Listing):
        return "\n".join(f"{n}. {_begun(_text(item))}" for n, item in enumerate(block.items, start=1))
    if isinstance(block, Lines):
        return (f"{_begun(_coded(block.label))}:\n\n" if block.label else "") + _lines(block)
    if isinstance(block, EquationList):
        rows = [[_code(text).replace("|", "\\|"), _text(does), _text(words)] for text, does, words in block.lines]
        return _grid(block.caption, ["equation", "does", "in words"], [False] * 3, rows)
    assert isinstance(block, Table)
    return _table(block)


def _lines(block: Lines) -> str:
    lines = [_line(line, block.blanks) for line in block.lines]
    longest = max((len(one) for line in lines for one in _FENCE.findall(line)), default=2)
    fence = "`" * (longest + 1)
    return "\n".join([f"{fence}text", *lines, fence])


def _line(line: Line, blanks: bool) -> str:
    return "".join(BLANK if blanks and piece.worked else visible(piece.text) for piece in line)


def _table(table: Table) -> str:
    heads = [*map(_text, table.heads), *map(_head, table.columns)]
    right = [head == "t" for head in table.heads] + [True] * len(table.columns)
    return _grid(table.caption, heads, right, [_row(table, row) for row in table.rows])


def _grid(caption: str, heads: list[str], right: list[bool], rows: list[list[str]]) -> str:
    rule = ["---:" if one else "---" for one in right]
    lines = [f"| {' | '.join(row)} |" for row in (heads, rule, *rows)]
    return "\n".join([_marked("**", _text(caption)), "", *lines] if caption else lines)


def _head(column: TableColumn) -> str:
    return _beside(column.heading, column.note)


def _begun(text: str) -> str:
    """Return a text that a line may begin with: no list, no line under a heading, nothing moved in as code."""
    return _BEGINS.sub(r"\1\\\2", text.strip(), count=1) if _BEGINS.match(text.strip()) else text.strip()


def _marked(mark: str, text: str) -> str:
    """Return a text between two marks, which count only where no blank stands beside them inside."""
    return f"{mark}{text.strip()}{mark}" if mark else text


def _beside(text: str, remark: str) -> str:
    return f"{_text(text)} {_text(remark)}" if remark else _text(text)


def _row(table: Table, row: TableRow) -> list[str]:
    *before, name = row.heads
    mark = {"here": "**", "gone": "~~"}.get(row.part, "")
    cells = [*map(_text, before), _marked(mark, _text(name)) + (f" {_text(row.remark)}" if row.remark else "")]
    return cells + [_cell(entry, column, row) for entry, column in zip(row.entries, table.columns, strict=True)]


def _cell(entry: Entry, column: TableColumn, row: TableRow) -> str:
    if not isinstance(entry, LabelledNumber):
        return _text(entry or "")
    return _text(" ".join(entry.written(row.scale or column.scale)))


def _coded(text: str) -> str:
    """Return a sentence in which what stands between backquotes is to be typed."""
    return "".join(_code(part) if n % 2 else _text(part) for n, part in enumerate(re.split(r"`([^`]*)`", text)))


def _code(text: str) -> str:
    """Return what is to be typed."""
    return _text(text) if "`" in text or not text.strip() else f"`{visible(text)}`"


def _text(text: str) -> str:
    return _SIGNS.sub(r"\\\1", visible(text))
