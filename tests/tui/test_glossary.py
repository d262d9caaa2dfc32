"""Every word that a pane writes in a title, a note or a label has an entry in the glossary, at any size."""

from __future__ import annotations

import re

import pytest
from driven_screen import Driver, drive
from edited_networks import sentence
from rich.cells import cell_len
from textual.containers import VerticalScroll
from textual.widgets import Static

from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.glossary import GLOSSARY, asked, entry_of
from lstm_tui.debugger.inspect.trace_facts import Facts, letter
from lstm_tui.debugger.panes import TAPE
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.text_safety import visible
from lstm_tui.models.bundled import open_model
from lstm_tui.tui.canvas.palette import DARK_PALETTE
from lstm_tui.tui.main import MainScreen
from lstm_tui.tui.panes.ledger import LedgerPane
from lstm_tui.tui.panes.now_line import draw_now
from lstm_tui.tui.panes.output import Output
from lstm_tui.tui.panes.pane import Pane
from lstm_tui.tui.view import ORDERS, View
from lstm_tui.tui.views.page import PageScreen, glossary_page, glossary_terms

_PLAIN = """a after all an and anew are as average be by cannot does each every faded far first for go had half has
here how in is it its lets more much near no not nothing of on one over part press see shown single so still than that
the there this to until was what where which whose with"""
PLAIN = frozenset(_PLAIN.split())
"""Words of plain English that need no entry."""
SIZES = ((158, 8), (118, 14), (76, 20), (60, 12), (38, 9))
SMALL = ((30, 18), (26, 18))
"""Sizes that only the panes at the lower right have."""
TEXTS = {"story": "Ganesh likes AIML . Ram likes tea .", "chars": "to be"}
MODELS = ("story", "sentiment", "verdict-attention", "recall-rnn", "recall-gru", "chars")


def panes() -> list[type[Pane]]:
    """Return every kind of pane of the main screen."""
    found: list[type[Pane]] = []
    waiting = [Pane]
    while waiting:
        for one in waiting.pop().__subclasses__():
            waiting.append(one)
            if one.__module__.startswith("lstm_tui.tui.panes."):
                found.append(one)
    return found


def own_words(network: Network, session: Session) -> set[str]:
    """Return the words that are a network's own, or the text's: tokens, classes, names, and comments of its cells."""
    texts = [network.name, *network.classes, *session.frame.trace.sequence.tokens]
    texts += [] if network.tokens is None else [*network.tokens.vocabulary]
    texts += [name for names in session.frame.names.of.values() for name in names.values()]
    for one in network.passes:
        texts += [one.cell.name, one.cell.title, one.cell.source, *one.cell.values, one.name]
        texts += [part for each in one.program.equations for part in (each.text, each.label, each.help)]
    return {word for text in texts for word in words_of(visible(text))}


def words_of(text: str) -> list[str]:
    """Return the words of at least two letters, without those that are cut."""
    whole = re.sub(r"[\w’']*…", " ", text)
    return [word.casefold() for word in re.findall(r"[A-Za-z][A-Za-z]+", whole)]


def uncut(line: str) -> str:
    """Return a line without the word at its right edge, which may be cut there."""
    text = line.rstrip()
    return text if len(text) < len(line) else text.rpartition(" ")[0]


def views(model: str) -> list[View]:
    network = open_model(model)
    session = Session.open(Source(network, [sentence(network, TEXTS.get(model, "The movie was not bad"))]))
    memory = "c" if "c" in session.frame.passed.cell.values else session.frame.passed.cell.output
    made = []
    for edits in ((), (f"set {memory}[0] @ 1 = 2", "remove 0")):
        for edit in edits:
            answer(session, edit)
        facts = Facts(session.frame.trace, Facts(session.baseline) if edits else None)
        for number, order in enumerate(ORDERS):
            session.goto(number % session.frame.steps)
            value = session.frame.passed.cell.values[number % len(session.frame.passed.cell.values)]
            made.append(View(session.frame, facts, value=value, everyone=bool(number % 2), signal=number, order=order))
        session.step_out_back()
        made.append(View(session.frame, facts, value=session.frame.passed.cell.values[0]))
    return made


def drawn(view: View) -> dict[str, str]:
    """Return what every pane and the line in words write of a view, at every size."""
    told = {"now": " ".join(draw_now(view, width, DARK_PALETTE).strip().text for width in (80, 120, 200))}
    for kind in panes():
        pane = kind.__new__(kind)
        for width, height in (*SIZES, *(SMALL if kind in (LedgerPane, Output) else ())):
            drawing = kind.draw(pane, view, DARK_PALETTE, width, height)
            lines = " ".join(uncut(line.strip().text) for line in drawing.lines)
            told[f"{kind.__name__} {width}x{height}"] = f"{drawing.title} {drawing.note} {lines}"
    return told


def is_cut_in_a_box(word: str, where: str, known: set[str]) -> bool:
    """Say whether a word is the beginning or the end of one that is known, as a box of the diagram has room for."""
    return where.startswith("DiagramPane") and any(one.startswith(word) or one.endswith(word) for one in known)


def unexplained(view: View) -> dict[str, tuple[str, str]]:
    """Return every word that a view writes and nobody explains, with where it stands."""
    network = view.trace.network
    assert network is not None
    known = own_words(network, Session.open(Source(network, [view.trace.sequence]))) | PLAIN
    return {
        word: (where, text[max(text.casefold().find(word) - 30, 0) :][:70])
        for where, text in drawn(view).items()
        for word in words_of(text)
        if word not in known and entry_of(word) is None and not is_cut_in_a_box(word, where, known)
    }


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_every_word_of_every_pane_is_explained(model: str) -> None:
    for view in views(model):
        assert unexplained(view) == {}


def test_every_word_of_the_first_screen_is_explained() -> None:
    assert unexplained(views("story")[0]) == {}


def test_a_word_leads_to_one_entry_and_every_entry_is_a_sentence() -> None:
    words = [word for entry in GLOSSARY for word in entry.words]
    assert len(set(words)) == len(words)
    for entry in GLOSSARY:
        assert entry.says[0].isupper() or not entry.says[0].isalpha()
        assert entry.says.endswith(".")
        assert entry_of(entry.term) is entry
        assert list(asked(entry.term)) == [entry]


def test_what_is_asked_for_is_found_by_its_word_or_in_a_sentence() -> None:
    assert next(iter(asked("forget"))).term == "f"
    assert "C" in [one.term for one in asked("conveyor")]
    with pytest.raises(UserError, match="did you mean"):
        list(asked("forgot"))
    with pytest.raises(UserError, match="lists every term"):
        list(asked("qqqqqqqq"))
    assert {entry_of(word) for word in ("C", "c", "memory")} == {entry_of("C")}


@pytest.mark.slow
@pytest.mark.parametrize("size", [(160, 45), (80, 24)])
def test_a_key_explains_the_pane_in_use_the_value_under_the_cursor_first(size: tuple[int, int]) -> None:
    async def act(driver: Driver) -> None:
        assert isinstance(driver.screen, MainScreen)
        for pane in ("2", "4", "5", "6", "7", "1"):
            await driver.press(pane, "K")
            assert isinstance(driver.app.screen, PageScreen)
            lines = [line for line in driver.text().splitlines() if line.strip(" │")]
            assert "forget gate" in " ".join(lines)
            await driver.press("K")
            assert driver.app.screen_stack == [driver.screen]

    drive(act, size=size)


def test_the_verb_explains_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    session = views("story")[0]
    opened = Session(session.trace)
    assert answer(opened, "glossary forget")[0].startswith("f  ")
    assert len(answer(opened, "glossary")) == len(GLOSSARY)


VALUES = {"C", "f", "i", "g", "o", "r", "z", "n"}
"""Terms that are values of some cells."""


@pytest.mark.parametrize("model", ["story", "verdict-gru", "recall-rnn", "sentiment"])
def test_what_a_pane_explains_stands_in_it_and_is_what_its_cell_says(model: str) -> None:
    view = views(model)[0]
    cell = view.passed.cell
    said = {letter(one.name): one for one in cell.equations}
    for kind in panes():
        pane = kind.__new__(kind)
        for width, height in SIZES[:3]:
            drawing = kind.draw(pane, view, DARK_PALETTE, width, height)
            text = " ".join((drawing.title, drawing.note, *(line.strip().text for line in drawing.lines)))
            own, entries = glossary_terms(view, text, kind.NUMBER)
            assert own is not None
            assert own.says.startswith(said[own.term].label)
            terms = [entry.term for entry in entries]
            page = [line.plain.split() for line in glossary_page(view, text, 400, kind.NUMBER)._lines]
            assert page[0][: len(own.term.split())] == own.term.split(), "what is under the cursor comes first"
            told = " ".join(word for line in page for word in line)
            told, _, above = told.partition(" in the line above the tape ")
            assert told == " ".join(f"{one.term} {one.says}" for one in (own, *entries))
            _, spoken = glossary_terms(view, re.sub(r"\bat\b|“[^”]*”", "", " ".join(view.now.memory)), TAPE.number)
            new = [one for one in spoken if one.says not in {own.says, *(one.says for one in entries)}]
            assert above == " ".join(f"{one.term} {one.says}" for one in new)
            assert all(re.search(rf"\b{re.escape(one.term)}", " ".join(view.now.memory)) for one in new)
            assert len(set(terms)) == len(terms)
            assert not set(terms) & (VALUES - set(said))  # a GRU has no f
            assert ("·" in terms) <= (kind.NUMBER in (1, 4, 5, 8))
            for entry in entries:
                if entry.term in said:
                    assert entry.says.startswith(said[entry.term].label)
                    continue
                assert entry.term.casefold() in text.casefold()
    assert "o" not in said or "output gate" in said["o"].label


def test_a_dot_and_a_word_mean_what_they_mean_in_their_pane() -> None:
    view = views("story")[0]
    told = {number: dict_of(view, "o output · by |C| more was", number) for number in range(1, 9)}
    assert told[2]["o"].startswith("output gate")
    assert "output" not in told[2]
    assert "network says" in told[7]["output"]
    assert told[1]["·"].startswith("Nothing")
    assert told[4]["·"].startswith("Times")
    assert "·" not in told[2]
    assert "size" not in told[2]
    assert "ordered" in told[2]["|C|"]
    assert "memory" in dict_of(views("verdict-gru")[0], "memory", 4)
    assert "cell state" not in dict_of(views("verdict-gru")[0], "memory", 4)["memory"]


def dict_of(view: View, text: str, pane: int) -> dict[str, str]:
    """Return what is explained of a text in a pane, by term, without the value under the cursor."""
    return {entry.term: entry.says for entry in glossary_terms(view, text, pane)[1]}


@pytest.mark.parametrize(
    "size", [(80, 24), pytest.param((120, 36), marks=pytest.mark.slow), pytest.param((60, 20), marks=pytest.mark.slow)]
)
def test_no_line_of_the_page_is_wrapped_again(size: tuple[int, int]) -> None:
    async def act(driver: Driver) -> None:
        await driver.press("2", "K")
        page = driver.app.screen
        assert isinstance(page, PageScreen)
        inside = page.query_one(VerticalScroll).scrollable_content_region.width
        for line in page.query_one(Static).content.plain.splitlines():  # type: ignore[union-attr]
            assert cell_len(line) <= inside, (line, inside)

    drive(act, size=size)
