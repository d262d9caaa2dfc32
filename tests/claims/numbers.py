"""Numbers in sentences: each is computed by the expression beside it, and written by the command that tests it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

from lstm_tui.engine.language.cell import cell_names

from . import facts
from .commands import check_line
from .documents import FENCED, GENERATED, Section, sections

WORDS = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip

_CLAIM = re.compile(r"^<!-- number: (?P<sentence>.+) = (?P<expression>.+) -->$", re.MULTILINE)
_NUMBER = re.compile(r"(?<![\w.])[−-]?(\d[\d,]*(\.\d+)?|\.\d+)")
_NAME = re.compile(r"(?<![\w.])[A-Za-z_]+\d\w*")
_WORD = re.compile(rf"\b({'|'.join(WORDS[2:])})\b", re.IGNORECASE)
_UNCOUNTED = re.compile(r"^ *\d+\. |`[^`]*`|\*\*?\d+\.\d+\.\d+\*\*?", re.MULTILINE)
_SPAN = re.compile(r"span\('([^']+)'\)")
_CLOSE = 2e-4
"""How far a number may be from the rounding of what is computed: another processor rounds otherwise."""


@dataclass(frozen=True)
class NumberClaim:
    """A number in a sentence, and the expression that computes it.

    Attributes:
        sentence: Part of a sentence, with `{}` where the number stands.
        expression: In Python, of the names of `facts.py`.
    """

    sentence: str
    expression: str

    @property
    def pattern(self) -> re.Pattern[str]:
        """What finds the number in a text, however its lines are broken."""
        before, _, after = self.sentence.partition("{}")
        loose = [r"\s+".join(re.escape(word) for word in part.split(" ")) for part in (before, after)]
        begins = r"(?<![\w.])" if self.sentence[0].isalnum() or not before else ""
        ends = r"(?!\w)" if self.sentence[-1].isalnum() or not after else ""
        return re.compile(rf"{begins}{loose[0]}(?P<number>[−-]?[\w.,]*[\w]|[^\s{{}}]){loose[1]}{ends}")


def claims_in(text: str) -> tuple[NumberClaim, ...]:
    """Return the claims of a text, in their order."""
    return tuple(NumberClaim(one["sentence"], one["expression"]) for one in _CLAIM.finditer(text))


@cache
def value(expression: str) -> float | str:
    """Return what an expression gives."""
    found = eval(expression, dict(vars(facts)))
    return found if isinstance(found, str) else float(found)


def is_so(written: str, computed: float | str) -> bool:
    """Say whether a number, or word, is what was computed, rounded to as many places as are written."""
    number = _number(written)
    if isinstance(computed, str) or number is None:
        return written == computed
    if computed == int(computed) and not _places(written):
        return number == computed
    return abs(number - computed) <= 0.5 * 10.0 ** -_places(written) + _CLOSE


def like(written: str, computed: float | str) -> str:
    """Return what was computed in the style of what is written: its places, its point, words for small numbers."""
    if isinstance(computed, str):
        return computed
    if written.lower() in WORDS and computed == int(computed) and int(computed) < len(WORDS):
        word = WORDS[int(computed)]
        return word.capitalize() if written[0].isupper() else word
    said = f"{abs(computed):{',' * (',' in written)}.{_places(written)}f}"
    if written.lstrip("−-").startswith("."):
        said = said.removeprefix("0")
    return f"−{said}" if computed < 0 else said


def _places(written: str) -> int:
    return len(written.partition(".")[2])


def _number(written: str) -> float | None:
    if written.lower() in WORDS:
        return float(WORDS.index(written.lower()))
    if re.fullmatch(_NUMBER.pattern, written):
        return float(written.replace("−", "-").replace(",", ""))
    return None


def check_numbers(section: Section) -> list[str]:
    """Return what is false of the numbers of a section, and which have neither an expression nor a command."""
    problems, prose = [], section.prose
    covered: list[range] = []
    for claim in claims_in(section.text):
        found = list(claim.pattern.finditer(prose))
        if len(found) != 1:
            problems.append(f"“{claim.sentence}” stands there {len(found)} times")
            continue
        covered.append(range(*found[0].span()))
        problems += [f"`{one}` stands nowhere" for one in _SPAN.findall(claim.expression) if one not in section.spans]
        written, computed = found[0]["number"], value(claim.expression)
        if not is_so(written, computed):
            problems.append(f"“{claim.sentence}”: {written} is written, {computed} = {claim.expression}")
    problems += _miscounted(prose)
    made = {command: check_line(command).false for command in section.said("made by")}
    problems += [f"made by {command}: {why}" for command, why in made.items() if why]
    for one in section.said("foreign"):
        covered += [range(*found.span()) for found in re.finditer(re.escape(one), prose)]
    ignored = [range(*one.span()) for one in _UNCOUNTED.finditer(prose)]
    named = (one for one in _NAME.finditer(prose) if not (hasattr(np, one[0]) or one[0] in cell_names()))
    for number in (*_NUMBER.finditer(prose), *_WORD.finditer(prose), *named):
        if not any(number.start() in one for one in (*covered, *ignored)):
            line = prose[prose.rfind("\n", 0, number.start()) + 1 :].partition("\n")[0].strip()
            problems.append(f"{number[0]} is not computed: {line}")
    return problems


def _miscounted(prose: str) -> Iterator[str]:
    """Yield the steps of a numbered list that are no step behind the one before them; each list begins at 1."""
    before = 0
    for step in re.findall(r"^ *(\d+)\. ", prose, re.MULTILINE):
        if int(step) not in (1, before + 1):
            yield f"step {step} of a list stands behind step {before}"
        before = int(step)
    for last, step in pairwise([*re.findall(r"^ *(\d+)\. ", prose, re.MULTILINE), "1"]):
        if step == "1" and last == "1":
            yield "a list has one step, or step 1 twice"


def filled_numbers(document: str, text: str) -> str:
    """Return a text with its numbers as they are computed now."""
    for section in sections(document, text):
        new = section.text
        for claim in claims_in(section.text):
            hidden = list(_hidden(new))
            for found in claim.pattern.finditer(new):
                if any(found.start() in one for one in hidden):
                    continue
                written, computed = found["number"], value(claim.expression)
                if not is_so(written, computed):
                    new = new[: found.start("number")] + like(written, computed) + new[found.end("number") :]
                break
        text = text.replace(section.text, new, 1)
    return text


def _hidden(text: str) -> Iterator[range]:
    """Yield where no prose is: in fences, generated lists, and comments."""
    for pattern in (FENCED, GENERATED, re.compile(r"<!--.*?-->", re.DOTALL)):
        for one in pattern.finditer(text):
            yield range(*one.span())
