"""Questions of a lesson to a run: expressions in which `unit` is the chosen unit, and numbers inside sentences."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from lstm_tui.debugger.expressions import Expression, ExpressionError, Scope, Series, condition, evaluate, parse
from lstm_tui.debugger.expressions.series import NOT_KNOWN
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import fixed, percent
from lstm_tui.engine.text_safety import visible

_BRACES = re.compile(r"""\{\{|\}\}|\{(?P<inside>(?:"[^"]*"|'[^']*'|[^{}"'])*)\}""")
_FORM = re.compile(r"(?P<of>.*):(?P<form>\d|%)\s*\Z", re.DOTALL)
_BEFORE = "before "
PLACES = 2


@dataclass(frozen=True)
class Asked:
    """A question as a lesson has it.

    Attributes:
        expression: What is asked.
        before: Whether the run without edits is asked.
        form: How the answer is written: places behind the point, or %.
    """

    expression: Expression
    before: bool = False
    form: str = str(PLACES)


@dataclass(frozen=True)
class TextPiece:
    """A part of a sentence: what is written, and whether it came from the run."""

    text: str
    live: bool


@dataclass(frozen=True, eq=False)
class Run:
    """A run, and the place at which it is asked.

    Attributes:
        scope: The run.
        t: Place on its tape.
    """

    scope: Scope
    t: int

    def answer(self, expression: Expression) -> Series:
        """Return what an expression is there.

        Raises:
            ExpressionError: It means nothing in this run, or the place is not on its tape.
        """
        if not 0 <= self.t < self.scope.steps:
            raise ExpressionError("this place is not on the tape without edits", expression.text, 0)
        return evaluate(expression, self.scope, self.t, self.t + 1)


class Wrong(UserError):
    """A question is wrong at a character of the text it stands in."""

    def __init__(self, said: str, place: int) -> None:
        """Hold what is wrong and where, from 0."""
        super().__init__(said)
        self.said, self.place = said, place


def names_of(unit: int) -> tuple[tuple[str, int], ...]:
    """Return the names that stand for a number where a lesson asks and edits."""
    return (("unit", unit),)


def asked(text: str, unit: int, form: str = str(PLACES)) -> Asked:
    """Read a question.

    Raises:
        ExpressionError: It is none.
    """
    stripped = text.lstrip()
    before = stripped.startswith(_BEFORE)
    if before:
        text = " " * (len(text) - len(stripped) + len(_BEFORE)) + stripped.removeprefix(_BEFORE)
    return Asked(parse(text, names_of(unit)), before, form)


def true(text: str, unit: int, run: Run, baseline: Run) -> bool:
    """Say whether a condition holds at a place.

    Raises:
        ExpressionError: It is no condition, or wrong in this run.
    """
    question = asked(text, unit)
    asked_of = baseline if question.before else run
    answer = asked_of.answer(condition(question.expression.text, asked_of.scope, names_of(unit)))
    return bool(_known(answer) and answer.values[-1, 0])


def filled_template(text: str, unit: int, run: Run, baseline: Run) -> Iterator[TextPiece]:
    """Yield a sentence with the answers in it.

    Raises:
        Wrong: A question in it is wrong.
    """
    begin = 0
    for match in _BRACES.finditer(text):
        if match.start() > begin:
            yield TextPiece(_plain(text, begin, match.start()), False)
        begin = match.end()
        inside = match["inside"]
        if inside is None:
            yield TextPiece(match.group()[0], False)
            continue
        try:
            yield TextPiece(_said(inside, unit, run, baseline), True)
        except ExpressionError as error:
            raise Wrong(error.said, match.start() + 1 + error.start) from None
    if begin < len(text):
        yield TextPiece(_plain(text, begin, len(text)), False)


def _plain(text: str, begin: int, end: int) -> str:
    piece = text[begin:end]
    for brace in "{}":
        if brace in piece:
            raise Wrong(
                f"`{brace}` is not closed or opened; a brace alone is written twice", begin + piece.index(brace)
            )
    return piece


def questions_in(text: str) -> Iterator[tuple[int, str]]:
    """Yield what stands between braces in a sentence, and where; the unit's own number left out."""
    for match in _BRACES.finditer(text):
        if match["inside"] is not None and match["inside"].strip() != "unit":
            yield match.start() + 1, match["inside"]


def _form_of(inside: str) -> tuple[str, str]:
    """Return a question between braces, and how its answer is to be written."""
    form = _FORM.match(inside)
    return (form["of"], form["form"]) if form else (inside, str(PLACES))


def asked_between(inside: str, unit: int) -> Asked:
    """Read what stands between braces.

    Raises:
        ExpressionError: It is no question.
    """
    of, how = _form_of(inside)
    return asked(of, unit, how)


def _said(inside: str, unit: int, run: Run, baseline: Run) -> str:
    of, how = _form_of(inside)
    if of.strip() == "unit":
        return str(unit)
    question = asked_between(inside, unit)
    answer = (baseline if question.before else run).answer(question.expression)
    if answer.size != 1:
        raise ExpressionError(f"this is {answer.size} numbers: choose one, as in c[unit]", of, 0)
    return written(answer, how)


def written(answer: Series, form: str = str(PLACES)) -> str:
    """Return one answer as it stands in a sentence."""
    if not _known(answer):
        return NOT_KNOWN if answer.kind == "truth" else "nothing"
    value = answer.values[-1, 0]
    if answer.kind == "text":
        return visible(value)
    if answer.kind == "truth":
        return "yes" if value else "no"
    number = float(value)
    if answer.classes and math.isfinite(number):
        return visible(answer.classes[int(number)])
    if not math.isfinite(number):
        return "not a number" if math.isnan(number) else "infinite"
    short = percent(number) if form == "%" else fixed(number, int(form))
    return short.replace("-", "−")


def _known(answer: Series) -> bool:
    return bool(answer.known[-1, 0])
