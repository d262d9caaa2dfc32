"""A page of HTML that stands alone: it fetches nothing and runs nothing, and no text of a stranger is markup in it.

Its body is well-formed XML too.

Headings in order, tables with heads, pictures that say nothing the numbers do not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from html import escape

from lstm_tui.debugger.inspect.scale import part_of
from lstm_tui.documents.blocks import (
    Block,
    Entry,
    EquationList,
    Heading,
    LabelledNumber,
    LinePiece,
    Lines,
    Listing,
    Page,
    Scale,
    Section,
    Sentence,
    SideBySide,
    Strip,
    Table,
    TableColumn,
    TableRow,
    Terms,
)
from lstm_tui.documents.stylesheet import STYLE, WORKED
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.text_safety import visible

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""A browser is told to fetch and run nothing, whatever stood in the page."""
_NOT_XML = {0xFFFE: "⟨fffe⟩", 0xFFFF: "⟨ffff⟩"}


class Html(str):
    """Markup; any other text is escaped where it is put into some."""

    __slots__ = ()


def html_of(*parts: str) -> Html:
    """Return parts behind each other: markup as it is, all else as text that nothing obeys."""
    return Html("".join(part if isinstance(part, Html) else _text(part) for part in parts))


def element(name: str, *inside: str, **attributes: str) -> Html:
    """Return an element.

    Args:
        name: Of the element.
        inside: Markup, or text.
        attributes: By name, with `_` for `-` and one at the end that is left out: `class_`, `aria_label`. An empty
            one is left out.
    """
    given = "".join(f' {_attribute(key)}="{_text(value)}"' for key, value in attributes.items() if value)
    return Html(f"<{name}{given}>{html_of(*inside)}</{name}>")


def joined(between: str, parts: Iterable[Html]) -> Html:
    """Return markup with a text between the parts, line breaks too."""
    return Html(escape(between).join(parts))


def _whole(title: str, style: str, *body: Html) -> str:
    """Return a whole page; the style is ours and holds no `<` or `&`."""
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{_text(title)}</title>\n'
        f"<style>\n{style}\n</style>\n</head>\n<body>\n{html_of(*body)}\n</body>\n</html>\n"
    )


def _text(text: str) -> str:
    return escape(visible(text).translate(_NOT_XML))


def _attribute(key: str) -> str:
    return key.removesuffix("_").replace("_", "-")


_BREAK = "\n"
_TINTED = 0.8
"""How far a tint goes at most: text on it must be read."""


def page(document: Page) -> str:
    """Return a document as a page."""
    names = [f"s{n}" for n in range(len(document.sections))]
    sections = [_section(*one) for one in zip(names, document.sections, strict=True)]
    opening = joined(_BREAK, (_block(block) for block in document.opening))
    body = [element("header", element("h1", document.title), opening), Html(_BREAK)]
    if document.contents:
        links = (
            element("li", element("a", section.title, href=f"#{name}"))
            for name, section in zip(names, document.sections, strict=True)
        )
        body.insert(0, element("a", "Skip to what the run says", class_="skip", href="#s0"))
        body += [element("nav", element("ol", *links), aria_label="Contents"), Html(_BREAK)]
    body.append(element("main", joined(_BREAK, sections)))
    if document.closing:
        body += [Html(_BREAK), element("footer", element("p", document.closing))]
    worked = any(section.new_page or any(map(_is_worked, section.blocks)) for section in document.sections)
    return _whole(document.title, f"{STYLE}\n{WORKED}" if worked else STYLE, *body)


def _section(name: str, section: Section) -> Html:
    heading = element("h2", section.title, id=name, class_="page" if section.new_page else "")
    blocks = joined(_BREAK, (_block(block) for block in section.blocks))
    return element("section", heading, Html(_BREAK), blocks, aria_labelledby=name)


def _is_worked(block: Block) -> bool:
    return isinstance(block, Lines) and any(piece.worked for line in block.lines for piece in line)


def _block(block: Block) -> Html:
    if isinstance(block, Sentence):
        words = [block.text] if block.plain else _coded(block.text)
        return element("p", *words, class_="alarm" if block.alarm else "")
    if isinstance(block, Heading):
        return element("h3", block.text)
    if isinstance(block, Terms):
        pairs = (element("div", element("dt", term), element("dd", words)) for term, words in block.pairs)
        return element("dl", *pairs)
    if isinstance(block, Listing):
        return element("ol", *(element("li", item) for item in block.items))
    if isinstance(block, Lines):
        return _lines(block)
    if isinstance(block, EquationList):
        return _equations(block)
    if isinstance(block, Strip):
        return _strip(block)
    if isinstance(block, SideBySide):
        return _beside(block)
    return _table(block)


def _lines(block: Lines) -> Html:
    lines = (html_of(*(_piece(piece, block.blanks) for piece in line)) for line in block.lines)
    text = element("pre", element("code", joined(_BREAK, lines)), class_="worked" if _is_worked(block) else "")
    return html_of(element("p", *_coded(f"{block.label}:")), text) if block.label else text


def _piece(piece: LinePiece, blanks: bool) -> str:
    """Return a part of a line. A blank is read aloud as one; it is not to be filled in on the screen."""
    return element("span", "blank", class_="blank") if blanks and piece.worked else piece.text


def _beside(block: SideBySide) -> Html:
    groups = (element("div", joined(_BREAK, (_block(one) for one in group))) for group in block.groups)
    return element("div", joined(_BREAK, groups), class_="even" if block.even else "beside")


def _coded(text: str) -> Iterator[str]:
    """Yield a sentence in which what stands between backquotes is to be typed."""
    for n, part in enumerate(re.split(r"`([^`]*)`", text)):
        yield element("code", part) if n % 2 else part


def _equations(block: EquationList) -> Html:
    heads = (element("th", head, scope="col") for head in ("equation", "does", "in words"))
    rows = (
        element("tr", element("th", element("code", text), scope="row"), element("td", does), element("td", words))
        for text, does, words in block.lines
    )
    return _scrolled(
        element("table", element("caption", block.caption), element("thead", element("tr", *heads)),
                element("tbody", *rows), class_="equations"), block.caption,
    )  # fmt: skip


def _strip(block: Strip) -> Html:
    chips = (
        element(
            "span", element("bdi", chip.token),
            class_=" ".join(("chip", chip.part, *(["edited"] if chip.edited else []))),
            style=f"--b:{_percent(chip.strength)}",
        )
        for chip in block.chips
    )  # fmt: skip
    return element("div", joined(_BREAK, chips), class_="strip", aria_hidden="true")


def _table(table: Table) -> Html:
    heads = [element("th", head, scope="col", class_="t" if head == "t" else "name") for head in table.heads]
    heads += [_head(column) for column in table.columns]
    body = [_row(table, row) for row in table.rows if row.part != "sum"]
    foot = [_row(table, row) for row in table.rows if row.part == "sum"]
    parts = [
        element("caption", table.caption),
        element("thead", element("tr", *heads)),
        element("tbody", joined(_BREAK, body)),
    ]
    if foot:
        parts.append(element("tbody", joined(_BREAK, foot), class_="sums"))
    return _scrolled(element("table", *parts, class_="dense" if table.dense else ""), table.caption)


def _scrolled(table: Html, caption: str) -> Html:
    """Return a table in a region that can be scrolled by keys too, where it is wider than the page."""
    return element("div", table, class_="scroll", role="group", tabindex="0", aria_label=caption)


def _head(column: TableColumn) -> Html:
    note = element("small", f" {column.note}") if column.note else Html("")
    return element("th", element("bdi", column.heading), note, scope="col", class_=column.ink)


def _row(table: Table, row: TableRow) -> Html:
    *before, name = row.heads
    remark = element("small", f" {row.remark}") if row.remark else Html("")
    cells = [element("td", head, class_="t") for head in before]
    cells.append(element("th", element("bdi", name), remark, scope="row"))
    cells += [_cell(entry, column, row) for entry, column in zip(row.entries, table.columns, strict=True)]
    return element("tr", *cells, class_="" if row.part in ("row", "sum") else row.part)


def _cell(entry: Entry, column: TableColumn, row: TableRow) -> Html:
    if not isinstance(entry, LabelledNumber):
        return element("td", element("bdi", entry) if entry else "", class_="words")
    scale = row.scale or column.scale
    number, *remarks = entry.written(scale)
    parts = [number, *(element("small", f" {remark}") for remark in remarks)]
    kind, style = ("", "") if row.part == "sum" else _picture(entry.value, scale)
    return element("td", *parts, class_=f"{kind} {column.ink}" if kind in ("gate", "signed") else kind, style=style)


def _picture(value: float, scale: Scale) -> tuple[str, str]:
    """Return the class of a cell and where its bar begins and ends, or how strong its tint is."""
    if scale.kind == "plain" or math.isnan(value):
        return "", ""
    size = part_of(value, scale.full)
    if scale.kind == "gate":
        return "gate", f"--b:{_percent(max(size, 0.0))}"
    if scale.kind == "signed":
        first, last = sorted((0.5, 0.5 + size / 2))
        return "signed", f"--a:{_percent(first)};--b:{_percent(last)}"
    kind = "share" if scale.kind == "share" else "less" if size < 0 else "more"
    return kind, f"--v:{_percent(abs(size) * _TINTED)}"


def _percent(part: float) -> str:
    return f"{sentence(100 * part, 3)}%"
