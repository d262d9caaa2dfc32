"""A page of HTML that stands alone: it fetches nothing and runs nothing, and no text of a stranger is markup in it.

Its body is well-formed XML too: headings in order, tables with heads, pictures that say nothing the numbers do not.
Its style sheet serves paper, wide and narrow screens, the light and the dark.
"""

from __future__ import annotations

import math
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from hashlib import sha256
from html import escape
from typing import Literal

from lstm_tui.debugger.colours import PAPER, PRINTED_PAPER, VALUES
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
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.text_safety import visible

_INKS = (*VALUES, "plain", "bar")


def _variables(ground: Literal["dark", "light"], **others: str) -> str:
    """Return the colours of a document as variables of CSS; some may be others."""
    colours = {name: getattr(colour, ground) for name, colour in PAPER.items()} | others
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())


_COLUMNS = "\n".join(f".{name} {{ --c: var(--{name}); }}" for name in _INKS)

_BLOCKS = """\
small { font-size: .8em; font-weight: 400; color: var(--soft); }
code, pre { font-family: ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", monospace; font-size: .92em; }
pre { border-left: 3px solid var(--line); padding: .1rem .75rem; margin: .4rem 0; white-space: pre-wrap; }
a { color: var(--link); }
.skip { position: absolute; left: -100vw; }
.skip:focus { position: static; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.alarm { color: var(--alarm); background: var(--alarmed); border-left: 3px solid var(--alarm); padding: .3rem .75rem; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(24rem, 100%), 1fr)); gap: .1rem 2rem;
  margin: .75rem 0; }
dl div { display: flex; gap: .75rem; border-top: 1px solid var(--line); padding: .2rem 0; }
dt { flex: 0 0 10.5rem; color: var(--soft); } dd { margin: 0; min-width: 0; }
nav ol { display: flex; flex-wrap: wrap; gap: .1rem 1.25rem; list-style: none; margin: .75rem 0 0; padding: 0; }
nav a { display: inline-block; padding: .2rem 0; }
ol { margin: .4rem 0; padding-left: 1.75rem; }
.scroll { overflow-x: auto; margin: .75rem 0; max-width: 100%; width: fit-content; }
.even { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(34rem, 100%), 1fr)); gap: 0 2rem; }
.even .scroll { width: auto; } .even > div { min-width: 0; }
.beside { display: flex; flex-wrap: wrap; gap: 0 3rem; } .beside > div { max-width: 100%; flex: 0 1 auto; }
.beside table { min-width: 16rem; } .beside p { max-width: 32rem; } .beside h3 { margin-top: 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
caption { text-align: left; font-weight: 600; padding: 0 0 .25rem; }
th, td { padding: .12rem .5rem .22rem; text-align: right; vertical-align: top; border-bottom: 1px solid var(--line); }
th { font-weight: 500; }
thead th { vertical-align: bottom; border-bottom: 1.5px solid var(--ink); font-weight: 600; line-height: 1.2; }
thead th small { display: block; }
th[scope=row], .name, .equations td, .equations th, .words { text-align: left; }
.gone .words, .sums .words { text-align: right; }
.t { color: var(--soft); text-align: right; } td small { display: block; white-space: nowrap; }
th[scope=row] { max-width: 16rem; min-width: 4rem; overflow-wrap: anywhere; }
td { white-space: nowrap; min-width: 4.1rem; } td.t { min-width: 0; } .equations td { white-space: normal; }
.equations th { max-width: none; white-space: nowrap; } .equations td:last-child { min-width: 13rem; }
td.gate, td.signed { --to: right; background-repeat: no-repeat; background-position: .5rem 100%, 50% 100%;
  background-size: calc(100% - 1rem) .22rem, 1px .4rem; background-image: linear-gradient(to right,
  transparent var(--a, 0%), var(--c) var(--a, 0%), var(--c) var(--b), transparent var(--b)); }
td.signed { background-image: linear-gradient(to right, transparent var(--a), var(--c) var(--a), var(--c) var(--b),
  transparent var(--b)), linear-gradient(var(--axis), var(--axis)); }
.dense { font-size: .8rem; line-height: 1.25; } .dense td { min-width: 0; padding: .1rem .3rem; }
.dense td.t { padding-right: 0; }
.dense thead th { padding: .1rem .3rem; white-space: nowrap; }
.dense caption { font-size: .9375rem; } .dense th[scope=row] { padding: .1rem .4rem; white-space: nowrap; }
.more { background: color-mix(in oklab, var(--more) var(--v), var(--paper)); }
.less { background: color-mix(in oklab, var(--less) var(--v), var(--paper)); }
.share { background: color-mix(in oklab, var(--less) var(--v), var(--paper)); }
.more small, .less small, .share small { color: inherit; }
.here > th, .here > td:first-child { background: var(--row); font-weight: 700; }
.here th small { font-weight: 700; }
.gone th bdi, .chip.gone { text-decoration: line-through; }
.sums { border-top: 1.5px solid var(--ink); } .sums th { font-weight: 600; }
.strip { display: flex; flex-wrap: wrap; gap: .15rem .3rem; margin: .75rem 0; font-size: 1.05rem; }
.chip { padding: .05rem .3rem .25rem; border-radius: .2rem; max-width: 20rem; overflow: hidden;
  background: linear-gradient(to right, var(--bar) var(--b), var(--line) var(--b)) .3rem 100% / calc(100% - .6rem) .2rem
  no-repeat; }
.chip.edited { border: 1px dashed var(--ink); } .chip.here { outline: 2px solid var(--ink); font-weight: 700; }
.chip.gone { color: var(--soft); }
"""
"""How blocks look, on a page and among the outputs of a notebook."""

STYLE = (
    f":root {{ color-scheme: light dark; {_variables('light')} }}\n"
    f"@media (prefers-color-scheme: dark) {{ :root {{ {_variables('dark')} }} }}\n"
    + """\
* { box-sizing: border-box; }
html { background: var(--paper); color: var(--ink); scroll-behavior: smooth; }
body { font: .9375rem/1.45 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; max-width: 76rem;
  margin: 0 auto; padding: 1.5rem 1.25rem 3rem; overflow-wrap: anywhere; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .5rem; letter-spacing: -.01em; text-wrap: balance; }
h2 { font-size: 1.25rem; margin: 2.25rem 0 .5rem; padding-top: .5rem; border-top: 2px solid var(--ink); }
h3 { font-size: 1.05rem; margin: 1.5rem 0 .25rem; }
p { margin: .4rem 0; max-width: 46rem; }
header > p:first-of-type { font-size: 1.2rem; }
"""
    + _BLOCKS
    + """\
footer { margin-top: 2.5rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .85rem; }
@media (max-width: 40rem) {
  body { padding: 1rem .75rem 2rem; } h1 { font-size: 1.4rem; }
  dl div { display: block; } dt { font-size: .85em; } th, td { padding-left: .35rem; padding-right: .35rem; }
}
@page { margin: 14mm 12mm; }
@media print {
  :root { color-scheme: light; """
    + _variables("light", paper=PRINTED_PAPER)
    + """ }
  body { font-size: 9pt; max-width: none; padding: 0; } nav, .skip { display: none; }
  td, .chip, .here > th { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .scroll { overflow: visible; } h2, h3, caption { break-after: avoid; }
  tr, pre, .strip, dl div { break-inside: avoid; }
  thead { display: table-header-group; } .dense { font-size: 6.4pt; }
  .dense td, .dense thead th { padding: .05rem .15rem; }
  .dense caption { font-size: 9pt; } .even { display: block; }
  .beside { gap: 0 6mm; } .beside p { max-width: 85mm; } thead, tbody tr:first-child { break-after: avoid; }
  th, td { padding-left: .3rem; padding-right: .3rem; } a { color: inherit; text-decoration: none; }
}
"""
    + _COLUMNS
)

WORKED = """\
.worked { line-height: 1.9; break-inside: avoid; }
.blank { display: inline-block; min-width: 5em; color: transparent;
  border-bottom: 1px solid var(--ink); }
.page { break-before: page; margin-top: 4rem; font-size: 1.75rem; }"""
"""Of sums to be worked out: room to write, and blanks."""


_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""A browser is told to fetch and run nothing, whatever stood in the page."""
_NO_MARKUP = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
"""Signs of JSON that mean something to a browser, as JSON writes them otherwise."""
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


def scripted_page(title: str, style: str, script: str, data: str, *body: Html) -> str:
    """Return a whole page with one script of ours, which a browser runs by its hash alone, and data that it reads.

    Args:
        title: Of the page.
        style: Behind that of every document; ours, without `<` or `&`.
        script: Ours; no text of a stranger stands in it.
        data: JSON, which stands in an element with the id `steps` and is no markup and no script.
        body: What stands on the page.
    """
    hashed = b64encode(sha256(script.encode()).digest()).decode()
    given = Html(data.translate(_NO_MARKUP))
    tail = Html(f'<script id="steps" type="application/json">{given}</script>\n<script>{script}</script>')
    policy = _POLICY.replace("style-src", f"script-src 'sha256-{hashed}'; style-src")
    return _whole(title, f"{STYLE}\n{style}", *body, Html(_BREAK), tail).replace(_POLICY, policy, 1)


_ROOT = ".lstm-tui"
_DARK = ('[data-jp-theme-light="false"]', ".vscode-dark", '[theme="dark"]')
"""What notebooks say of a dark ground: Jupyter, editors of the kind of VS Code, Colab."""


def _fragment_style() -> str:
    """Return the style of a piece of a page: it holds inside the piece, and what the page around it says does not."""
    dark = ", ".join(f"{one} {_ROOT}" for one in _DARK)
    reset = (
        "box-sizing: border-box; background: var(--paper); color: var(--ink); padding: .5rem .75rem; max-width: 76rem; "
        'font: .875rem/1.4 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; overflow-wrap: anywhere;'
    )
    inside = (
        "*, *::before { box-sizing: border-box; }\nh3 { font-size: 1.05rem; margin: 0 0 .4rem; }\n"
        "p { margin: .4rem 0; max-width: 60rem; }\ntable { border: 0; margin: 0; }\n"
        "tr, tr:nth-child(even), tr:nth-child(odd) { background: none; }\nth, td { max-width: none; }\n"
    )
    return (
        f"{_ROOT} {{ {_variables('light')} {reset} }}\n{dark} {{ {_variables('dark')} }}\n"
        f"{_ROOT}{_ROOT}{_ROOT} {{\n{inside}{_BLOCKS}{_COLUMNS}\n}}"
    )


def fragment(blocks: Iterable[Block]) -> Html:
    """Return blocks as a piece of a page, as one output of a notebook: with its style, without a script."""
    style = Html(f"<style>\n{_fragment_style()}\n</style>\n")
    return element("div", style, joined(_BREAK, (_block(block) for block in blocks)), class_="lstm-tui")


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
