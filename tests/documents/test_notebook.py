"""What a notebook shows: its numbers are those of the run, its texts are no markup, and its size is bounded."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator

import made_captures
import numpy as np
import pytest
from shown import is_one_safe_line

import lstm_tui
from lstm_tui.debugger.session import Session
from lstm_tui.documents import notebook
from lstm_tui.documents.blocks import figure
from lstm_tui.engine.compiler import roles
from lstm_tui.engine.language.cell import cell_names
from lstm_tui.engine.model.tokens import Tokens
from lstm_tui.engine.rich_display import rich_display
from lstm_tui.formats.importers.untrained import Untrained, untrained

MOST = 64_000
"""Characters of one output."""
STRANGE = ("<script>alert(1)</script>", "\x1b[31m", "a&b", "`x`", "\u202e", "]]>", "é" * 500, "“")
SIZES = {"P": 3, "K": 2}


def shown(given: object) -> ET.Element:
    html = rich_display(given)
    assert html is not None
    assert len(html) < MOST
    assert is_one_safe_line(html.replace("\n", " "))
    tree = ET.fromstring(html)
    assert {one.tag for one in tree.iter()} & {"script", "img", "link", "iframe", "a", "object"} == set()
    assert not any(key.startswith("on") for one in tree.iter() for key in one.attrib)
    return tree


def cells(tree: ET.Element, caption: str) -> list[list[str]]:
    """Return the texts of the rows of the table whose caption holds a text, without their remarks."""
    for table in tree.iter("table"):
        if caption in "".join(text for named in table.findall("caption") for text in named.itertext()):
            rows = table.findall("tbody/tr")
            return [
                [(cell.text or "") + "".join(one.text or "" for one in cell.findall("bdi")) for cell in row]
                for row in rows
            ]
    raise AssertionError(f"no table {caption!r}")


def strange_network(cell: str = "lstm", both: bool = False) -> lstm_tui.Network:
    return untrained(Untrained(cell, 5, bidirectional=both, sizes=SIZES), Tokens("words", ("<unk>", *STRANGE)))


def everything(network: lstm_tui.Network) -> Iterator[object]:
    session = lstm_tui.session("a b c < > & ` a", network)
    trace = session.frame.trace
    yield from (network, trace, *trace.values(), *(value for one in trace.values() for value in one.values()))
    for _ in range(4):
        yield session
        yield session.frame
        session.step_in("op")
    session.edit(f"set {trace[0].cell.output}[0] = 0")
    yield from (session, session.compare(), lstm_tui.compare(trace, session.frame.trace))
    if roles.update_of(trace[0].cell, roles.memory_of(trace[0].cell)) is not None:
        yield session.ledger()


def test_whatever_is_shown_is_safe_and_small() -> None:
    for given in everything(strange_network(both=True)):
        shown(given)


@pytest.mark.slow
@pytest.mark.parametrize("cell", cell_names())
def test_so_it_is_of_every_cell(cell: str) -> None:
    for both in (False, True):
        for given in everything(strange_network(cell, both)):
            shown(given)


def test_every_class_that_is_drawn_says_so() -> None:
    for one in notebook.shown_classes():
        assert one is Session or vars(one)["_repr_html_"] is rich_display
    assert vars(lstm_tui.Session)["_repr_html_"] is rich_display


def test_the_numbers_are_those_of_the_run() -> None:
    trace = lstm_tui.trace("The movie was not bad", "sentiment")
    tree = shown(trace["layer0.forward"])
    for row in cells(tree, "C of layer0.forward"):
        unit = int(row[0])
        assert row[1:] == [figure(float(one), 2, True) for one in trace["layer0.forward"]["c"][:, unit]]
    ledger = lstm_tui.ledger(trace, "bad")
    rows = cells(shown(ledger), "What of each token is in C")
    assert [row[2] for row in rows[:5]] == [figure(float(one)) for one in ledger.shares]
    assert rows[-1][3:] == rows[-2][3:]


def test_what_is_not_computed_yet_is_not_shown() -> None:
    session = lstm_tui.session("The movie was not bad", "sentiment")
    session.goto("was")
    session.step_in()
    tree = shown(session)
    forget, *others = zip(*(row[1:] for row in cells(tree, "Units of layer0.forward")), strict=True)
    assert "…" not in forget
    assert {one for column in others for one in column} == {"…"}
    for row in cells(tree, "C of layer0.forward"):
        assert row[5] == "…"
        assert (row[4] == "…") == (row[0] != "mean f, keep")
        assert "…" not in row[1:4]


def test_a_long_run_and_a_wide_network_are_cut_and_said_to_be() -> None:
    network = untrained(Untrained("lstm", 40, layers=4, bidirectional=True), None, 3)
    for given in (network, lstm_tui.trace(np.zeros((100, 3)), network)):
        shown(given)
    text = "".join(shown(lstm_tui.trace("so " * 3_000, "sentiment")).itertext())
    assert "t = 0 to 15 of 3" in text
    assert "8 of 32 units of layer0.forward" in text


def test_no_number_that_is_none_stops_it() -> None:
    network = untrained(Untrained("lstm", 4), None, 2)
    for weight in network.tensors().values():
        weight[...] = np.nan
    trace = lstm_tui.trace(np.array([[1, 2], [np.nan, np.inf], [1e30, -1e30]]), network)
    for given in (network, trace, trace[0], trace[0]["c"], lstm_tui.ledger(trace), lstm_tui.compare(trace, trace)):
        shown(given)
    assert "not known" in repr(lstm_tui.ledger(trace))


def test_a_capture_is_shown() -> None:
    batch = made_captures.made_capture()
    shown(batch)
    for run in batch.runs:
        shown(run)
