"""A worksheet as a page: headings, sentences and sums, before it is known how they are written to a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lstm_tui.documents.worksheet.arithmetic import ArithmeticPiece, Line, figure
from lstm_tui.documents.worksheet.expand import Vector
from lstm_tui.documents.worksheet.worksheet import READOUT, StepSums, ValueSums, WorksheetContents
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.text_safety import visible

_MOST_TOKENS = 40


@dataclass(frozen=True)
class SheetHeading:
    """A heading; a new page may begin with it."""

    level: int
    text: str
    new_page: bool = False


@dataclass(frozen=True)
class Paragraph:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Sums:
    """Lines in which every sign has the same width; a worked number in them may be a blank."""

    lines: tuple[Line, ...]
    blanks: bool = False


Block = SheetHeading | Paragraph | Sums


def page_of(sheet: WorksheetContents, blanks: bool) -> Iterator[Block]:
    """Yield the page of a sheet from its heading down; with blanks, the answers come last."""
    name = visible(sheet.network)
    yield SheetHeading(1, f"Worksheet: {name}, t = {sheet.steps.start} to {sheet.steps.stop - 1}")
    yield Paragraph(_tape(sheet))
    yield Paragraph(
        f"Round every number that you write down to {sheet.digits} places, halves away from zero, and go on with what "
        "is written. σ(a) = 1 / (1 + e^(−a)). A unit stands in brackets behind its value. A state that is read before "
        "its own equation is taken, or in it, is that of the step before."
    )
    for owner, equations in sheet.equations.items():
        yield SheetHeading(2, f"The equations of {_called(owner)}")
        yield Sums(tuple((ArithmeticPiece(visible(line)),) for line in equations))
        if owner == READOUT and sheet.outputs:
            yield Paragraph(visible(sheet.outputs))
    for owner, matrices in sheet.weights.items():
        if matrices:
            yield SheetHeading(2, f"The weights of {_called(owner)}")
            yield Sums(tuple(_weights(matrices)))
    yield from _steps(sheet, blanks)
    for remark in sheet.remarks:
        yield Paragraph(visible(remark))
    if blanks:
        yield SheetHeading(1, "Answers", new_page=True)
        yield from _steps(sheet, False)
    yield SheetHeading(2, "How near this is")
    yield Paragraph(
        f"The program rounds nothing to {sheet.digits} places. Its own numbers for these steps are at most "
        f"{sentence(sheet.difference, 1)} away from those of this sheet."
    )


def _called(owner: str) -> str:
    return "the readout" if owner == READOUT else owner


def _tape(sheet: WorksheetContents) -> str:
    shown = [visible(token) for token in sheet.tokens[:_MOST_TOKENS]]
    more = " …" if len(sheet.tokens) > len(shown) else ""
    return f"The tape: {' · '.join(shown)}{more}. The first token is t = 0."


def _weights(matrices: Mapping[str, tuple[Vector, ...]]) -> Iterator[Line]:
    for name, rows in matrices.items():
        written = [[figure(leaf.number) for leaf in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(*written, strict=True)]
        for n, row in enumerate(written):
            begun = f"{name} = " if n == 0 else " " * (len(name) + 3)
            text = "  ".join(number.rjust(width) for number, width in zip(row, widths, strict=True))
            yield (ArithmeticPiece(f"{begun}[ {text} ]"),)


def _steps(sheet: WorksheetContents, blanks: bool) -> Iterator[Block]:
    for step in sheet.worked:
        where = f"t = {step.t} “{visible(step.token)}”"
        yield SheetHeading(2, f"{where}, {_called(step.owner)}")
        yield Sums(tuple(_given(step)), blanks)
        for value in step.values:
            label = f": {value.label}" if value.label else ""
            yield SheetHeading(3, visible(f"{value.name} = {value.equation}{label}"))
            yield Sums(tuple(_value(value)), blanks)


def _given(step: StepSums) -> Iterator[Line]:
    width = max(len(name) for name, _ in step.given)
    for name, vector in step.given:
        pieces = [ArithmeticPiece(f"{name:<{width}} = ( ")]
        for n, leaf in enumerate(vector):
            pieces += [ArithmeticPiece(", ")] * (n > 0) + [ArithmeticPiece(figure(leaf.number), leaf.worked)]
        yield (*pieces, ArithmeticPiece(" )"))


def _value(value: ValueSums) -> Iterator[Line]:
    for one in value.units:
        begun = f"{value.name}[{one.unit}] = "
        for n, line in enumerate(one.lines):
            yield (ArithmeticPiece(begun if n == 0 else " " * (len(begun) - 2) + "= "), *line)
        if one.edited:
            yield (ArithmeticPiece(" " * (len(begun) - 2) + one.edited),)
