"""A worksheet: every line of it, read as text and worked out again with nothing but Python's own numbers."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from registries import sampled

import lstm_tui
from lstm_tui.cli.main import main
from lstm_tui.debugger.edits.apply import apply
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.documents.blocks import Heading
from lstm_tui.documents.html import page as html
from lstm_tui.documents.markdown import BLANK, markdown
from lstm_tui.documents.worksheet.layout import page_of
from lstm_tui.documents.worksheet.worksheet import WorksheetContents, sheet_of
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.cell import Cell, cell_names, load_cell
from lstm_tui.engine.language.expression import Number, show, walk
from lstm_tui.engine.model.network import build_network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace

_FUNCTIONS = {
    "sigmoid": lambda a: Fraction(1 / (1 + math.exp(-a))),
    "tanh": lambda a: Fraction(math.tanh(a)),
    "relu": lambda a: max(a, Fraction(0)),
    "exp": lambda a: Fraction(math.exp(a)),
    "softmax": lambda *all_units: [Fraction(math.exp(a) / sum(map(math.exp, all_units))) for a in all_units],
    "softplus": lambda a: Fraction(max(a, 0) + math.log1p(math.exp(-abs(a)))),
    "sqrt": lambda a: Fraction(math.sqrt(a)),
    "step": lambda a: Fraction(int(a > 0)),
    "abs": abs,
    "max": max,
    "min": min,
}
_NUMBER = re.compile(r"(?<![\w.\[])(\d+\.\d+|\d+)(?![\w.\]])")
CELLS = sampled(cell_names(), 4)


def pencil(line: str) -> Fraction:
    """Work out one line, exactly but for its functions."""
    python = line.replace("×", "*").replace("−", "-").replace("σ", "sigmoid").replace("·", "*").replace("√", "sqrt")
    python = re.sub(r"\|([^|]*)\|", r"abs(\1)", python)
    python = _NUMBER.sub(r"Fraction('\1')", python).replace("∞", "infinity")
    found = eval(python, {"__builtins__": {}, "Fraction": Fraction, "infinity": math.inf, **_FUNCTIONS})
    return found if math.isinf(found) else Fraction(found)


def by_hand(number: Fraction, digits: int) -> Decimal:
    if math.isinf(number):
        return Decimal(float(number))
    exact = Decimal(number.numerator) / Decimal(number.denominator)
    short = exact.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    if short == 0 and abs(exact) >= Decimal("1e-12"):  # it keeps as many figures as the others have places
        return exact.quantize(Decimal(1).scaleb(exact.adjusted() + 1 - digits), rounding=ROUND_HALF_UP)
    return short


def agrees(line: str, written: str, digits: int) -> bool:
    """Say whether a line comes to what is written; half way between two, the rounding of a function may decide."""
    found, said = pencil(line), read(written)
    if by_hand(found, digits) == said or not said.is_finite():
        return by_hand(found, digits) == said
    return abs(found - Fraction(said)) <= Fraction(1, 2 * 10**digits) + Fraction(1, 10**12)


def read(line: str) -> Decimal:
    """Read a number that a sheet has written."""
    return Decimal(line.replace("−", "-").replace("∞", "Infinity"))


def chains(page: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each sum of a page: what it is of, and its lines."""
    name, lines = "", list[str]()
    for line in page.splitlines():
        if match := re.match(r"(\w+\[[\d,]+\]) = (.*)", line):
            if lines:
                yield name, lines
            name, lines = match[1], [match[2]]
        elif lines and (match := re.match(r" +(?:= )(.*)", line)):
            lines.append(match[1])
        elif lines:
            yield name, lines
            lines = []


def made(cell: str, layers: int = 1, both: bool = False, hidden: int = 2, readout: str = "dense") -> Trace:
    directions = ["forward", "backward"] if both else ["forward"]
    sizes = {"P": 3} if cell == "lstm_projected" else {"N": 3} if load_cell(cell).defaults.get("N") else {}
    layer = {"cell": cell, "hidden_size": hidden, "directions": directions, "merge": "average", "sizes": sizes}
    spec = {"input_size": 2, "layers": [layer] * layers, "readout": readout, "classes": ["a", "b"], "name": "made"}
    network = build_network(spec, seed=3)
    x = np.random.default_rng(5).normal(size=(4, 2)).astype(np.float32)
    return run(network, Sequence("numbers", ("p", "q", "r", "s"), x=x))


def text(sheet: WorksheetContents, blanks: bool = False) -> str:
    return markdown(page_of(sheet, blanks))


def tiny(steps: range = range(3), digits: int = 3) -> WorksheetContents:
    return sheet_of(lstm_tui.trace("on wait wait off", model="tiny"), steps, digits)


@pytest.mark.parametrize("digits", [2, 3, 5])
def test_every_line_of_tiny_follows_from_the_one_above(digits: int) -> None:
    found = 0
    for name, lines in chains(text(tiny(digits=digits))):
        for above, below in pairwise(lines):
            difference = abs(pencil(above) - pencil(below))
            assert difference < Fraction(10) ** (1 - digits), (name, above, below)
        if not any(letter.isalpha() or letter == "σ" for letter in lines[0]):
            assert by_hand(pencil(lines[0]), digits) == read(lines[-1]), name
        if len(lines) > 1:
            assert by_hand(pencil(lines[-2]), digits) == read(lines[-1]), name
        found += 1
    assert found == 3 * (6 * 2 + 2)


def constants_of(cell: Cell) -> list[float]:
    """Return the numbers that the equations of a cell write."""
    parts = (part for one in cell.equations for part in walk(one.expression))
    return [part.value for part in parts if isinstance(part, Number)]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("layers", "both"), [(1, False), (2, True)])
def test_the_last_step_of_every_sum_is_what_a_pencil_finds(cell: str, layers: int, both: bool) -> None:
    trace = made(cell, layers, both)
    least = min((abs(c) for p in trace.passes.values() for c in constants_of(p.cell) if c), default=1.0)
    # What is added must not be rounded away, and no double is exact to more digits.
    digits = 4 if least >= 1e-2 else min(max(4, math.ceil(-math.log10(least))) + 2, 12)
    sheet = sheet_of(trace, range(1, 4), digits)
    blocks = (block for section in page_of(sheet, False).sections for block in section.blocks)
    written = Counter(block.text for block in blocks if isinstance(block, Heading))
    for passed in trace.passes.values():
        for one in passed.cell.equations:
            assert written[f"{one.name} = {show(one.expression)}" + (f": {one.label}" if one.label else "")] >= 3, one
    for name, lines in chains(text(sheet)):
        assert len(lines) > 1
        assert agrees(lines[-2], lines[-1], digits), (name, lines)
    assert 0 < sheet.difference < 0.02


@pytest.mark.parametrize("cell", [name for name in cell_names() if load_cell(name).shapes or load_cell(name).initial])
def test_a_sheet_of_few_places_follows_every_cell_from_its_first_step(cell: str) -> None:
    """Also where a state begins at −∞, and where what is divided by is far below a thousandth."""
    trace = made(cell)
    sheet = sheet_of(trace, range(2), 3)
    page = text(sheet)
    for name, lines in chains(page):
        assert agrees(lines[-2], lines[-1], 3), (name, lines)
    assert ("−∞" in page) == any(np.isinf(one).any() for one in trace["layer0.forward"].initial.values())
    assert 0 < sheet.difference < 0.5
    passed = trace["layer0.forward"]
    entries = [name for name, _ in chains(page.partition(", the readout")[0])]
    units = [f"{value}[{passed.entry_of(value, n)}]" for value in passed.arrays for n in range(passed[value].shape[1])]
    assert entries == units


def test_a_sheet_with_more_digits_is_nearer_to_the_run() -> None:
    off = [tiny(digits=digits).difference for digits in (2, 4, 6)]
    assert off[0] > 1e-3 > off[1] > 1e-5 > off[2]


def test_what_was_worked_out_is_what_is_read_again() -> None:
    page = text(tiny())
    results = {}
    for name, lines in chains(page.partition("## t = 1")[0]):
        results[name] = lines[-1]
    c = next(lines for name, lines in chains(page.partition("## t = 1")[2]) if name == "c[1]")
    f, i, g = (next(lines[-1] for name, lines in chains(page.partition("## t = 1")[2]) if name == n) for n in
               ("f[1]", "i[1]", "g[1]"))  # fmt: skip
    assert c[0] == f"{f} × ({results['c[1]']}) + {i} × {g}"


def test_blanks_hide_exactly_what_is_worked_out() -> None:
    page = text(tiny(), blanks=True)
    asked, _, answers = page.partition("# Answers")
    full = text(tiny())
    assert BLANK in asked
    assert BLANK not in answers
    for name, lines in chains(asked):
        assert lines[-1] == BLANK, name
    # Every blank stands for one number of the answers, and those are the sums of the sheet without blanks.
    start = full.index("## t = 0")
    assert answers[answers.index("## t = 0") : answers.index("## How near")] == full[start : full.index("## How near")]
    sums = asked[asked.index("## t = 0") :]
    pattern = re.escape(sums.rstrip().removesuffix("---").rstrip()).replace(BLANK, r"\(?−?\d+\.\d{3}\)?")
    assert re.match(pattern, full[start:])


def test_edits_are_on_the_sheet() -> None:
    before = lstm_tui.trace("on wait off", model="tiny")
    assert before.network is not None
    edits = [parse_edit("set layer0.forward.f[0] @ 1 = 0"), parse_edit("scale layer0.forward.i[1] @ 1 * 0.5")]
    edited = apply(edits, before.network, before.sequence)
    trace = run(edited.network, edited.sequence, holds=edited.holds)
    sheet = sheet_of(trace, range(3), 3)
    page = text(sheet)
    assert "an edit: set to 0.0" in page
    assert "an edit: multiplied by 0.5: 0.409" in page
    assert "c[0] = 0.0 × 0.836" in page
    assert sheet.difference < 2e-3


@pytest.mark.parametrize("cell", CELLS)
def test_after_a_reset_a_sheet_goes_on_from_what_the_network_begins_with(cell: str) -> None:
    before = made(cell, both=True)
    assert before.network is not None
    edited = apply([parse_edit("reset @ 2")], before.network, before.sequence)
    trace = run(edited.network, edited.sequence, holds=edited.holds)
    assert sheet_of(trace, range(4), 9).difference < 1e-3


def test_what_no_pencil_can_do_is_refused() -> None:
    with pytest.raises(UserError, match="too many to print"):
        sheet_of(lstm_tui.trace("a b c", model="sentiment"), range(1), 3)
    with pytest.raises(UserError, match="none such as 3:3"):
        tiny(range(3, 3))
    trace = made("rnn_relu")
    assert trace.network is not None
    trace.network.tensors()["layer0.forward/b_h"][:] = np.inf
    with pytest.raises(UserError, match="no pencil"):
        sheet_of(run(trace.network, trace.sequence), range(2), 3)


@pytest.mark.parametrize("factor", ["1e30", "1e38"])
def test_a_number_that_an_edit_makes_too_large_for_a_pencil_is_refused(factor: str) -> None:
    trace = made("rnn_relu", hidden=4)
    assert trace.network is not None
    trace.network.tensors()["layer0.forward/b_h"][:] = 1e30
    edited = apply([parse_edit(f"scale layer0.forward.h[0] @ : * {factor}")], trace.network, trace.sequence)
    with pytest.raises(UserError, match="no pencil"):
        sheet_of(run(edited.network, edited.sequence, holds=edited.holds), range(2), 3)


def test_a_product_of_two_passes_that_is_too_large_for_a_pencil_is_refused() -> None:
    layer = {"cell": "rnn_relu", "hidden_size": 2, "directions": ["forward", "backward"], "merge": "mul"}
    above = {"cell": "rnn_relu", "hidden_size": 2, "directions": ["forward"]}
    spec = {"input_size": 2, "layers": [layer, above], "readout": "dense", "classes": ["a", "b"], "name": "made"}
    network = build_network(spec, seed=3)
    for name, tensor in network.tensors().items():
        if name.startswith("layer0") and "/b_h" in name:
            tensor[:] = 1e16
    x = np.random.default_rng(5).normal(size=(2, 2)).astype(np.float32)
    with pytest.raises(UserError, match="no pencil"):
        sheet_of(run(network, Sequence("numbers", ("p", "q"), x=x)), range(1), 30)


def test_the_sheet_says_which_output_is_for_what_where_they_are_few() -> None:
    assert r"y\[0\] is for dark, y\[1\] is for light." in text(tiny())
    many = sheet_of(lstm_tui.trace("brown ta which", model="recall-lstm"), range(1), 3)
    assert " is for " not in text(many)


def test_a_readout_of_the_whole_text_is_said_to_be_left_out() -> None:
    assert "reads all tokens at once" in text(sheet_of(made("lstm", readout="mean"), range(2), 3))


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        assert not any(name in ("src", "href", "onclick") for name, _ in attrs)
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_is_whole_and_takes_no_token_for_a_tag() -> None:
    trace = lstm_tui.trace("on <script>alert(1)</script> `_x_` off", model="tiny")
    sheet = sheet_of(trace, range(len(trace.sequence)), 3)
    page = html(page_of(sheet, True))
    tags = _Tags()
    tags.feed(page)
    assert not tags.open
    assert "script" not in tags.seen
    assert page.count('class="blank"') > 100
    assert "\\_x\\_" in text(sheet)


def test_what_a_stranger_wrote_is_made_visible() -> None:
    trace = lstm_tui.trace("on off", model="tiny")
    sheet = replace(sheet_of(trace, range(2), 3), network="a\x1b]52;c;x\x07\n# b", tokens=("\x1b[2J", "```"))
    sheet = replace(sheet, equations={"layer0.forward": ("f = x   \x1b[1m\n```",)})
    for page in (text(sheet), html(page_of(sheet, True))):
        assert "\x1b" not in page
        assert "\n# b" not in page
        assert "\n```\n```" not in page


@pytest.mark.parametrize("ending", [".md", ".html"])
def test_the_command_writes_a_sheet(ending: str, tmp_path: Path) -> None:
    out = tmp_path / f"sheet{ending}"
    assert main(["worksheet", "--model", "tiny", "--steps", "0:2", "--blanks", "-o", str(out)]) == 0
    written = out.read_text(encoding="utf-8")
    assert "Worksheet: tiny, t = 0 to 1" in written
    assert "Answers" in written


def test_the_command_says_what_is_wrong(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["worksheet", "--model", "tiny", "-o", str(tmp_path / "sheet.pdf")]) == 2
    assert "a worksheet is an .html file or an .md file" in capsys.readouterr().err
    assert main(["worksheet", "--model", "tiny", "--steps", "9:12"]) == 2
    assert "there are 6 steps" in capsys.readouterr().err
    assert main(["worksheet"]) == 1
    assert "too many to print" in capsys.readouterr().err
