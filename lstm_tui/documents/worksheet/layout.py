"""A worksheet as a document: its equations and weights, and each step as headings, sentences and sums."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

from lstm_tui.documents.blocks import Block, Heading, Line, LinePiece, Lines, Page, Section, Sentence
from lstm_tui.documents.worksheet.arithmetic import Vector
from lstm_tui.documents.worksheet.worksheet import StepSums, ValueSums, WorksheetContents
from lstm_tui.engine.number_text import count_of, sentence, written_out
from lstm_tui.engine.runtime.overrides import READOUT
from lstm_tui.engine.text_safety import visible

_MOST_TOKENS = 40


def page_of(sheet: WorksheetContents, blanks: bool) -> Page:
    """Return a sheet as a document; with blanks, the answers come last, on a page of their own."""
    rounding = (
        f"Round every number that you write down to {sheet.digits} places, halves away from zero, and go on with what "
        "is written. σ(a) = 1 / (1 + e^(−a)). A unit stands in brackets behind its value. A state that is read before "
        "its own equation is taken, or in it, is that of the step before. "
        f"A number that would become 0 keeps {count_of(sheet.digits, 'figure')} instead."
    )
    if any(one.is_infinite() for one in _given_numbers(sheet)):
        rounding += " −∞ is less than every number: what is added to it leaves it, and e^(−∞) = 0."
    difference = (
        f"The program rounds nothing to {sheet.digits} places. Its own numbers for these steps are at most "
        f"{sentence(sheet.difference, 1)} away from those of this sheet."
    )
    steps = [_step(step, blanks) for step in sheet.worked]
    if steps and sheet.remarks:
        remarks = tuple(Sentence(visible(remark), plain=True) for remark in sheet.remarks)
        steps[-1] = replace(steps[-1], blocks=(*steps[-1].blocks, *remarks))
    if blanks:
        steps += [Section("Answers", (), new_page=True), *(_step(step, False) for step in sheet.worked)]
    return Page(
        f"Worksheet: {visible(sheet.network)}, t = {sheet.steps.start} to {sheet.steps.stop - 1}",
        (Sentence(_tape(sheet), plain=True), Sentence(rounding)),
        (*_equations(sheet), *_weights(sheet), *steps, Section("How near this is", (Sentence(difference),))),
    )


def _given_numbers(sheet: WorksheetContents) -> Iterator[Decimal]:
    """Yield every number that a step begins with; only there does −∞ come in."""
    yield from (leaf.number for step in sheet.worked for _, vector in step.given for leaf in vector)


def _called(owner: str) -> str:
    return "the readout" if owner == READOUT else owner


def _tape(sheet: WorksheetContents) -> str:
    shown = [visible(token) for token in sheet.tokens[:_MOST_TOKENS]]
    more = " …" if len(sheet.tokens) > len(shown) else ""
    return f"The tape: {' · '.join(shown)}{more}. The first token is t = 0."


def _equations(sheet: WorksheetContents) -> Iterator[Section]:
    for owner, equations in sheet.equations.items():
        blocks: list[Block] = [Lines(tuple((LinePiece(visible(line)),) for line in equations))]
        if owner == READOUT and sheet.outputs:
            blocks.append(Sentence(visible(sheet.outputs), plain=True))
        yield Section(f"The equations of {_called(owner)}", tuple(blocks))


def _weights(sheet: WorksheetContents) -> Iterator[Section]:
    for owner, matrices in sheet.weights.items():
        if matrices:
            yield Section(f"The weights of {_called(owner)}", (Lines(tuple(_rows(matrices))),))


def _rows(matrices: Mapping[str, tuple[Vector, ...]]) -> Iterator[Line]:
    for name, rows in matrices.items():
        written = [[written_out(leaf.number) for leaf in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(*written, strict=True)]
        for n, row in enumerate(written):
            begun = f"{name} = " if n == 0 else " " * (len(name) + 3)
            text = "  ".join(number.rjust(width) for number, width in zip(row, widths, strict=True))
            yield (LinePiece(f"{begun}[ {text} ]"),)


def _step(step: StepSums, blanks: bool) -> Section:
    blocks: list[Block] = [Lines(tuple(_given(step)), blanks=blanks)]
    for value in step.values:
        label = f": {value.label}" if value.label else ""
        blocks.append(Heading(visible(f"{value.name} = {value.equation}{label}")))
        blocks.append(Lines(tuple(_value(value)), blanks=blanks))
    return Section(f"t = {step.t} “{visible(step.token)}”, {_called(step.owner)}", tuple(blocks))


def _given(step: StepSums) -> Iterator[Line]:
    width = max(len(name) for name, _ in step.given)
    for name, vector in step.given:
        pieces = [LinePiece(f"{name:<{width}} = ( ")]
        for n, leaf in enumerate(vector):
            pieces += [LinePiece(", ")] * (n > 0) + [LinePiece(written_out(leaf.number), leaf.worked)]
        yield (*pieces, LinePiece(" )"))


def _value(value: ValueSums) -> Iterator[Line]:
    for one in value.units:
        begun = f"{value.name}[{one.entry}] = "
        for n, line in enumerate(one.lines):
            yield (LinePiece(begun if n == 0 else " " * (len(begun) - 2) + "= "), *line)
        if one.edited:
            yield (LinePiece(" " * (len(begun) - 2) + one.edited),)
