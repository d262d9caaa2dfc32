"""Every pane and screen, when any value of any cell has become constant and any weight is no number.

What is drawn needs no terminal: a pane, or the picture of a full screen, drawn at several sizes with all signs and
colours and with neither. A few tests press the keys on the real screen.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from driven_screen import WORDS, Driver, drive, of_tokens, three_lines
from registries import sampled
from textual import events

from lstm_tui.analysis.gradient_flow import long_memory
from lstm_tui.analysis.health import health
from lstm_tui.analysis.influence import deletion_rows, each_deletion, gradient_rows, influence, tokens_within
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.inspect.compare import Comparison
from lstm_tui.debugger.inspect.parameter_tables import sheets_of
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.position import equations_of
from lstm_tui.debugger.session import Session
from lstm_tui.documents.html import page
from lstm_tui.documents.markdown import markdown
from lstm_tui.documents.report.report import content
from lstm_tui.documents.report.selection import ReportSelection
from lstm_tui.documents.worksheet.layout import page_of
from lstm_tui.documents.worksheet.worksheet import sheet_of
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.tui.canvas.canvas import Drawing
from lstm_tui.tui.canvas.palette import ASCII, INKS, UNICODE, Palette
from lstm_tui.tui.commands import COMMANDS
from lstm_tui.tui.main import MainScreen
from lstm_tui.tui.panes.equations import draw_equation_line
from lstm_tui.tui.panes.header_footer import draw_header
from lstm_tui.tui.panes.pane import Pane
from lstm_tui.tui.view import ORDERS, View
from lstm_tui.tui.views.compare_drawing import draw_compare
from lstm_tui.tui.views.health import Healthy
from lstm_tui.tui.views.influence import InfluenceAnswer, outputs_of, unit_of
from lstm_tui.tui.views.page import explain_lines
from lstm_tui.tui.views.reach import Reaching
from lstm_tui.tui.views.token_map import KINDS
from lstm_tui.tui.views.weights_table import Weights, draw_weights, half_of

SIZES = ((158, 43), (78, 20), (38, 7))
CONSTANTS = ("0", "1", "-1", "20", "0.001", "1 - 1", "1e30 * 1e30", "1e30 * 1e30 - 1e30 * 1e30")
NUMBERS = (np.nan, np.inf, -np.inf, 1e-40, 3e38)
TURNS = tuple(range(8 if os.environ.get("LSTM_TUI_EVERY") else 1))
"""Each value takes one constant a turn; with LSTM_TUI_EVERY set there are as many turns as constants."""
TEXT = ("The", "movie", "was", "not", "bad")
CELLS = cell_names()
PLAIN = ("list", "info", "health", "reach", "surprise", "where", "print c", "print f[0]", "who h[0]", "who nan")


@cache
def palettes() -> tuple[Palette, Palette]:
    """Return the two extremes: every sign and colour, and neither."""
    colours = {name: (10 * n, 255 - 10 * n, 128) for n, name in enumerate(INKS)}
    return Palette(colours, UNICODE, False), Palette(colours, ASCII, True)


@cache
def panes() -> tuple[Pane, ...]:
    """Return one of every pane of the main screen."""

    def below(kind: type[Pane]) -> Iterator[type[Pane]]:
        for one in kind.__subclasses__():
            yield one
            yield from below(one)

    assert MainScreen is not None  # by its import every pane is there
    return tuple(kind() for kind in below(Pane) if kind.NUMBER and "compare" not in kind.__module__)


@cache
def _network(cell: str, readout: str | None = "mean") -> Network:
    """Return a network of one pass over words, its hidden size that of its input; some cells need that."""
    spec: dict[str, Any] = {
        "name": "small",
        "tokens": {"kind": "words", "lowercase": True, "vocabulary": list(WORDS)},
        "embedding_size": 6,
        "layers": [{"cell": cell, "hidden_size": 6, "sizes": {"P": 6} if "projected" in cell else {}}],
        "readout": readout,
        "classes": ["negative", "positive"] if readout == "mean" else [],
    }
    made = build_network(spec, seed=3)
    random = np.random.default_rng(5)
    for name, tensor in made.tensors().items():
        tensor[...] = random.normal(0, 0.5 if name == "embedding" else 0.8, tensor.shape)
    return made


def run_of(cell: str, readout: str | None, tensor: str = "", number: float = 0.0) -> Trace:
    """Return a run, in whose network one number of a tensor is another."""
    made = copy.deepcopy(_network(cell, readout))
    if tensor:
        made.tensors()[tensor].flat[0] = number
    with np.errstate(all="ignore"):
        return run(made, of_tokens(TEXT))


def constant(cell: str, value: str, number: str, readout: str | None = "mean") -> Session | None:
    """Return a session in which a value of every pass is a constant; None where the cell refuses it."""
    session = Session(run_of(cell, readout))
    try:
        session.edit(parse_edit(f"let {value} = {number}"))
    except UserError:
        return None
    return session


def views(session: Session) -> Iterator[View]:
    """Yield what can be looked at: every value, signal and order, at the first, a middle and the last step."""
    facts = Facts(session.frame.trace, Facts(session.baseline) if session.frame.difference else None)
    names = [equation.name for equation in equations_of(session.frame.passed)]
    for n, value in enumerate([*names, *names[:2]]):
        frame = session.goto((len(TEXT) - 1) * (n % 3) // 2)
        yield View(
            frame, facts, value=value, signal=n, beside=n % 2 == 0, everyone=n % 3 == 1, order=ORDERS[n % 4],
            place=n % len(TEXT) if n % 2 else None,
        )  # fmt: skip


def panes_drawn(view: View, palette: Palette, size: tuple[int, int]) -> Iterator[tuple[str, str]]:
    """Draw everything that stands on the main screen, and the explanation of a value; yield names and texts."""
    for pane in panes():
        with np.errstate(all="ignore"):  # as a pane that is painted has it
            drawing = pane.draw(view, palette, *size)
        yield type(pane).__name__, text_of(drawing)
    yield "explain", "\n".join(line.strip().text for line in explain_lines(view, palette))
    yield "equation", draw_equation_line(view, size[0], palette).strip().text
    yield "header", draw_header(view, size[0], palette).strip().text


def text_of(drawing: Drawing) -> str:
    return "\n".join(line.strip().text for line in (*drawing.lines,)) + "\n" + drawing.note


def pictures(session: Session, view: View) -> Iterator[Any]:
    """Yield what the full screens show, as their threads compute it."""
    trace, passed = view.trace, view.passed
    found = {one.name: one for one in health([trace])}
    healthy = Healthy(view, view.pass_name, found, working=False)
    yield healthy
    yield healthy.but(cursor=len(healthy.findings) - 1)
    last = passed.tape_place(passed.steps - 1)
    reaching = Reaching(view, view.pass_name, last, last, found=long_memory(passed, last), working=False)
    yield reaching
    places = tokens_within(trace, last)
    maps = {kind: np.full((len(places), len(places)), np.nan) for kind in KINDS}
    for kind, columns in zip(KINDS, (gradient_rows(passed, places), deletion_rows(trace, passed, places)), strict=True):
        for t, column in columns:
            maps[kind][:, t - places.start] = column
    for kind in KINDS:
        yield reaching.but(map=True, places=places, maps=maps, kind=kind)
    for target in (*outputs_of(view), unit_of(view)):
        answer = InfluenceAnswer(view, target, working=False, cursor=view.t)
        try:
            effects = np.full(len(trace.sequence), np.nan)
            for t, effect in each_deletion(trace, target):
                effects[t] = effect
            yield answer.but(found=influence(trace, target), effects=effects, order="deletion")
        except UserError as error:
            yield answer.but(problem=str(error))


def drawn(picture: Any, palette: Palette, size: tuple[int, int]) -> str:
    """Draw the picture of a full screen."""
    return text_of(picture.draw(*size, palette))


def tables(session: Session, palette: Palette, size: tuple[int, int]) -> Iterator[str]:
    """Draw every parameter of the network, in every order, as it is and by how much it was changed."""
    now, opened = session.edited.network, session.edits.opened_network
    assert opened is not None
    sheets = sheets_of(now)
    for n, sheet in enumerate(sheets):
        rows = np.arange(sheet.rows)
        for change in (False, True):
            drawing = draw_weights(
                Weights(now, opened, sheets, n, "index", rows, 0, 0, change, half_of(sheet.whole(now)), frozenset()),
                *size, palette,
            )[0]  # fmt: skip
            yield text_of(drawing)


def look(session: Session, full: bool = True) -> None:
    """Draw everything; where nothing is infinite in the run, nothing on the panes says so."""
    signs = palettes()
    trace = session.frame.trace
    assert trace.network is not None
    numbers = [*trace.network.tensors().values(), *trace.readout.values()]
    for passed in trace.passes.values():
        numbers += [*passed.values(), *passed.initial.values(), *passed.inputs.values()]
    infinite = any("*" in edit for edit in trace.edits) or any(
        (np.abs(one) > 1e37).any()  # a product of it may be beyond float32, and is told as that
        for one in numbers
    )
    for n, view in enumerate(views(session)):
        for k, palette in enumerate(signs):
            for name, text in panes_drawn(view, palette, SIZES[(n + k) % 3]):
                assert infinite or ("∞" not in text and " inf" not in text), f"{name}\n{text}"
    if full:
        for text in papers(session):
            assert "nan%" not in text, "a bar of no width"
            assert "inf%" not in text
        with np.errstate(all="ignore"):  # as a full screen that computes and is painted has it
            for n, picture in enumerate(pictures(session, view)):
                for k, palette in enumerate(signs):
                    drawn(picture, palette, SIZES[(n + k) % 3])
        for palette, size in zip(signs, SIZES, strict=False):
            list(tables(session, palette, size))
        compared = Comparison.of(session.baseline, session.frame.trace, ("before", "after"))
        for palette, size in zip(signs, SIZES, strict=False):
            draw_compare(compared, 1, view.pass_name, *size, palette)


def papers(session: Session) -> Iterator[str]:
    """Yield the report of a session, the sums of its first steps, and what is said of it in plain mode."""
    yield content(session, ReportSelection()).decode()
    try:
        sheet = sheet_of(session.frame.trace, range(2), 3)
        yield from (markdown(page_of(sheet, False)), page(page_of(sheet, True)))
    except UserError as error:  # no pencil can go on from NaN
        yield str(error)
    for line in PLAIN:
        try:
            yield "\n".join(answer(session, line))
        except UserError as error:
            yield str(error)


def values_of(cell: str) -> tuple[str, ...]:
    return load_cell(cell).values


@pytest.mark.parametrize("cell", sampled(CELLS, 2))
def test_a_value_that_became_constant_is_drawn(cell: str) -> None:
    turn = CELLS.index(cell)
    values = values_of(cell)
    session = constant(cell, values[turn % len(values)], CONSTANTS[turn % len(CONSTANTS)], ("mean", None)[turn % 2])
    if session is not None:
        look(session, full=cell in ("lstm", "gru"))


@pytest.mark.slow
@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("cell", CELLS)
def test_every_value_as_some_constant_is_drawn(cell: str, turn: int) -> None:
    for n, value in enumerate(values_of(cell), start=CELLS.index(cell) + turn):
        session = constant(cell, value, CONSTANTS[n % len(CONSTANTS)])
        if session is not None:
            look(session)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_weight_that_is_no_number_is_drawn(number: float) -> None:
    look(Session(run_of("lstm", "mean", "layer0.forward/b_f", number)), full=number != number)


@pytest.mark.slow
@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("cell", CELLS)
def test_every_weight_as_some_number_that_is_none_is_drawn(cell: str, turn: int) -> None:
    for n, tensor in enumerate(_network(cell).tensors(), start=CELLS.index(cell) + turn):
        look(Session(run_of(cell, "mean", tensor, NUMBERS[n % len(NUMBERS)])))


@pytest.mark.long
@pytest.mark.parametrize(
    ("line", "size"),
    [
        ("let f = 0", (120, 36)),
        pytest.param("let f = 0", (80, 24), marks=pytest.mark.slow),
        pytest.param("let f = 20", (160, 45), marks=pytest.mark.slow),
        pytest.param("let g = 1 - 1", (80, 24), marks=pytest.mark.slow),
        pytest.param("let h = -1", (160, 45), marks=pytest.mark.slow),
        pytest.param("weight layer0.forward/b_i[0] = inf", (160, 45), marks=pytest.mark.slow),
    ],
)
def test_every_key_is_still_answered(line: str, size: tuple[int, int]) -> None:
    """Press every key of the screen; whatever it opens is drawn, and left by esc."""

    async def act(driver: Driver) -> None:
        await driver.press("colon")
        assert driver.app.screen.focused is not None
        driver.app.screen.focused.post_message(events.Paste(line))
        await driver.press("enter")
        for _ in range(500):
            if driver.view.edits:
                break
            await driver.pilot.pause(0.02)
        assert driver.view.edits
        start = driver.keep()
        for command in COMMANDS:
            if command.key not in ("q", "x"):
                await driver.press(command.keys[0])
                assert driver.text()
                await driver.press("escape")
                await driver.give_back(start)

    drive(act, three_lines("lstm", both=False, hidden=4), size)
