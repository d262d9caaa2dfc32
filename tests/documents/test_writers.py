"""Two writers of one document: what HTML says, Markdown says, read by a reader of Markdown that is not ours."""

from __future__ import annotations

import re
from typing import get_args
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from read_report import Element, words
from test_report import EDITS, EVERYTHING, made, nasty, opened

from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.documents.blocks import (
    Block,
    Chip,
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
from lstm_tui.documents.html import page
from lstm_tui.documents.markdown import BLANK, markdown
from lstm_tui.documents.report.report import report_of
from lstm_tui.engine.text_safety import visible

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
TAGS = {"h1", "h2", "h3", "p", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "pre", "code", "hr",
        "strong", "s", "body"}  # fmt: skip


def as_html(document: Page) -> Element:
    text = page(document)
    return ElementTree.fromstring(text[text.index("<body>") : text.index("</body>") + len("</body>")])


def as_markdown(document: Page) -> Element:
    return ElementTree.fromstring(f"<body>{READER.render(markdown(document))}</body>")


def cells(body: Element) -> list[list[str]]:
    """Return the rows of all tables."""
    return [[words(cell) for cell in row if cell.tag in ("td", "th")] for row in body.iter("tr")]


def headings(body: Element) -> list[str]:
    return [words(one) for one in body.iter() if one.tag in ("h1", "h2", "h3")]


def items(body: Element) -> list[str]:
    """Return the items of lists, but for the list of contents."""
    return [words(one) for one in body.iter("li") if one.find("a") is None]


def terms(body: Element) -> list[str]:
    """Return what is known term by term, as Markdown lists it."""
    pairs = [(one.find("dt"), one.find("dd")) for one in body.iter("div")]
    return [" ".join(f"{words(dt)}: {words(dd)}".split()) for dt, dd in pairs if dt is not None and dd is not None]


def lines(body: Element) -> list[str]:
    """Return the lines that stand as they are, a blank by its own mark."""
    return ["".join(one.itertext()).rstrip("\n").replace("blank", BLANK) for one in body.iter("pre")]


TEXT = st.one_of(
    st.text(alphabet="ab c|*_`<>&#\\[]$~-+1.!\n\x1b\u202eé", min_size=1, max_size=12),
    st.sampled_from(["plain", "a `typed` word", "<script>x</script>", "[x](y)", "| a | b |", "```", "- x", "1. x"]),
).filter(lambda text: text.strip())
SCALES = st.builds(
    Scale, st.sampled_from(["gate", "signed", "heat", "share", "plain"]), st.just(1.0), st.integers(1, 4)
)
NUMBERS = st.builds(LabelledNumber, st.floats(), st.none() | st.floats(), st.booleans())
ENTRIES = st.one_of(NUMBERS, TEXT, st.none())
PARTS = st.sampled_from(["row", "here", "gone", "sum"])


@st.composite
def tables(draw: st.DrawFn) -> Table:
    heads, columns = draw(st.integers(1, 2)), draw(st.integers(1, 3))
    row = st.builds(
        TableRow, st.tuples(*[TEXT] * heads), st.tuples(*[ENTRIES] * columns), PARTS, st.just("") | TEXT,
        st.none() | SCALES,
    )  # fmt: skip
    rows = draw(st.lists(row, max_size=3).map(lambda found: sorted(found, key=lambda one: one.part == "sum")))
    made_columns = draw(st.tuples(*[st.builds(TableColumn, TEXT, st.just("") | TEXT, SCALES)] * columns))
    return Table(draw(TEXT), draw(st.tuples(*[TEXT] * heads)), made_columns, tuple(rows))


LINES = st.lists(st.lists(st.builds(LinePiece, TEXT, st.booleans()), min_size=1, max_size=3).map(tuple), min_size=1,
                 max_size=3).map(tuple)  # fmt: skip
SIMPLE: dict[type, st.SearchStrategy[Block]] = {
    Sentence: st.builds(Sentence, TEXT, st.booleans(), st.booleans()),
    Heading: st.builds(Heading, TEXT),
    Terms: st.builds(Terms, st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3).map(tuple)),
    Listing: st.builds(Listing, st.lists(TEXT, min_size=1, max_size=3).map(tuple)),
    Lines: st.builds(Lines, LINES, st.just("") | TEXT, st.booleans()),
    EquationList: st.builds(EquationList, TEXT, st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=2).map(tuple)),
    Strip: st.builds(Strip, st.lists(st.builds(Chip, TEXT, st.floats(0, 1), PARTS), max_size=2).map(tuple)),
    Table: tables(),
}
BLOCKS = {**SIMPLE, SideBySide: st.builds(
    SideBySide, st.lists(st.lists(st.one_of(*SIMPLE.values()), max_size=2).map(tuple), max_size=2).map(tuple)
)}  # fmt: skip


@st.composite
def documents(draw: st.DrawFn) -> Page:
    blocks = st.lists(st.one_of(*BLOCKS.values()), max_size=3).map(tuple)
    sections = st.lists(st.builds(Section, TEXT, blocks, st.booleans()), min_size=1, max_size=2).map(tuple)
    return draw(st.builds(Page, TEXT, blocks, sections, st.just("") | TEXT))


def test_every_block_is_made_here() -> None:
    assert set(BLOCKS) == set(get_args(Block))


def same(document: Page) -> None:
    """Check that both writers say the same, and that no text became markup."""
    html, text = as_html(document), as_markdown(document)
    assert {one.tag for one in text.iter()} <= TAGS
    assert headings(text) == headings(html)
    assert cells(text) == cells(html)
    assert lines(text) == lines(html)
    assert sorted(items(text)) == sorted([*items(html), *terms(html)])


@pytest.mark.slow
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(documents())
def test_markdown_says_what_html_says(document: Page) -> None:
    same(document)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(documents())
def test_a_document_is_a_plain_value(document: Page) -> None:
    before = repr(document)
    assert page(document) == page(document)
    assert markdown(document) == markdown(document)
    assert repr(document) == before
    for written in (page(document), markdown(document)):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", written)


@pytest.mark.parametrize("name", ["lstm", "edited", "nasty", "rnn", "numbers"])
def test_a_report_is_the_same_in_markdown(name: str) -> None:
    if name in ("nasty", "numbers"):
        session = nasty() if name == "nasty" else made("gru")
    else:
        session = opened("rnn" if name == "rnn" else "lstm")
    if name == "edited":
        session.edit(*map(parse_edit, EDITS))
    document = report_of(session, EVERYTHING)
    same(document)
    found = words(as_markdown(document))
    for block in document.opening:
        if isinstance(block, Sentence):
            assert " ".join(visible(block.text).replace("`", "").split()) in found
