"""The equation language: text to equations, checked against a white list and never evaluated by Python.

What a name means is decided here (value, state, parameter, fixed vector, input); what size it has is
decided when a cell is compiled. Everything about a text that could cost time or memory — its length, its
depth, how often a macro is unfolded — is bounded before it is parsed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lstm_tui.engine.errors import LanguageError
from lstm_tui.engine.language.expression import Expression
from lstm_tui.engine.language.parser import check_macro, parse_expression
from lstm_tui.engine.language.toml import Locate
from lstm_tui.engine.language.vocabulary import MAX_EQUATIONS, RESERVED, Vocabulary, check_assigned_name

__all__ = [
    "RESERVED",
    "Equation",
    "Vocabulary",
    "check_assigned_name",
    "check_macro",
    "parse_equations",
    "parse_expression",
]

_ASSIGNMENT = re.compile(r"\s*([^=\s]+)\s*=(?!=)")


@dataclass(frozen=True)
class Equation:
    """One line of a cell.

    Attributes:
        name: The value it defines.
        text: The line as written, without its comment.
        label: Short name from the comment, such as `forget gate`; may be empty.
        help: Sentence from the comment; may be empty.
        expression: Its right side.
        line: Line in the file, from 1.
    """

    name: str
    text: str
    label: str
    help: str
    expression: Expression
    line: int


def parse_equations(block: str, vocabulary: Vocabulary, locate: Locate | None = None) -> tuple[Equation, ...]:
    """Parse a block of equations, one assignment a line.

    Args:
        block: The text of the block.
        vocabulary: What names may mean; `defined` is filled in.
        locate: Where each character of the block stands in its file; by default the block is the file.

    Raises:
        LanguageError: With line and column of the first mistake.
    """
    place = locate or _place_in(block)
    lines = block.split("\n")
    left_sides = [_left_side(line) for line in lines]
    vocabulary.later = frozenset(name for name in left_sides if name) | vocabulary.later
    equations: list[Equation] = []
    start = 0
    for line in lines:
        code, _, comment = line.partition("#")
        if code.strip():
            if len(equations) == MAX_EQUATIONS:
                raise LanguageError(f"more than {MAX_EQUATIONS} equations", vocabulary.source, *place(start))
            equations.append(_parse_line(code, comment, vocabulary, place, start))
            vocabulary.defined.append(equations[-1].name)
        start += len(line) + 1
    return tuple(equations)


def _place_in(text: str) -> Locate:
    return lambda character: (
        text.count("\n", 0, character) + 1,
        character - (text.rfind("\n", 0, character) + 1) + 1,
    )


def _left_side(line: str) -> str | None:
    match = _ASSIGNMENT.match(line.partition("#")[0])
    return match.group(1) if match else None


def _parse_line(code: str, comment: str, vocabulary: Vocabulary, place: Locate, start: int) -> Equation:
    match = _ASSIGNMENT.match(code)
    if match is None:
        first = start + len(code) - len(code.lstrip())
        raise LanguageError("an equation reads `name = expression`", vocabulary.source, *place(first))
    name = match.group(1)
    line, column = place(start + match.start(1))
    check_assigned_name(name, vocabulary, line, column)
    right = code[match.end() :]
    if not right.strip():
        end = start + len(code.rstrip())
        raise LanguageError(f"nothing stands after `{name} =`", vocabulary.source, *place(end))
    expression = parse_expression(right, vocabulary, lambda character: place(start + match.end() + character))
    label, _, sentence = comment.partition(":")
    return Equation(name, code.strip(), label.strip(), sentence.strip(), expression, line)
