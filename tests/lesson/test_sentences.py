"""Each sentence of a lesson that can be checked is: by what stands in braces, by a claim, or it is said to be prose.

Whatever a sentence names without computing it (a number, a token, a word such as *more* or *kept*) stands in the part
of a comment in its stop, so that it cannot be changed alone:

    # claim: PART OF THE SENTENCE = EXPRESSION
    # prose: PART OF THE SENTENCE

An expression is Python's, of the names of `Said`; what a sentence says once something was tried is asked there.
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from claims.numbers import WORDS

from lstm_tui.analysis.memory_reads import split_read
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.native import load
from lstm_tui.lesson.bound_step import Standing
from lstm_tui.lesson.lesson import LessonStep, read_lesson
from lstm_tui.lesson.library import Library, folder
from lstm_tui.models.bundled import open_model

FILES = sorted(folder().glob("[0-9]*.toml"))
OPENED = Library(cache(open_model), load)
_MARK = re.compile(r"^# (claim|prose): (.+)$", re.MULTILINE)
_CODE = re.compile(r"`[^`]*`")
_BRACES = re.compile(r"\*?\{[^{}]*\}\*?")
_DIRECTIONS = (
    ("more", "less"), ("larger", "smaller"), ("kept", "forgotten"), ("keeps", "loses"), ("opens", "closes"),
    ("open", "closed"), ("falls", "rises"), ("most", "least"), ("nothing", "everything"), ("never", "always"),
    ("first", "last"), ("before", "after"), ("far", "near"), ("large", "small"),
    ("old", "new"), ("both", "neither of"),
)  # fmt: skip
_OPPOSITE = {one: other for pair in _DIRECTIONS for one, other in (pair, pair[::-1])}
_PARTS = ("half", "hundredth", "hundredths", "thousandths", "millionths")
_NAMED = re.compile(
    rf"\*[^* ][^*]*\*|(?<![\w.])\d+(?:\.\d+)?|\b(?:{'|'.join((*WORDS[2:], *_PARTS, *_OPPOSITE))})\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Sentence:
    """A sentence of a stop.

    Attributes:
        text: What is written, on one line.
        tried: Whether it is said once something was tried.
    """

    text: str
    tried: bool = False

    @property
    def named(self) -> list[tuple[int, int]]:
        """Where it names something that could be false and that it does not compute: from and to which character."""
        blank = _CODE.sub(lambda code: " " * len(code[0]), self.text)
        blank = _BRACES.sub(lambda asked: " " * len(asked[0]), blank)
        return [found.span() for found in _NAMED.finditer(blank)]

    @property
    def is_checkable(self) -> bool:
        """Say whether it names something that could be false."""
        return bool(self.named)

    def bare(self, parts: Sequence[str]) -> list[str]:
        """Return what it names and what stands in none of some parts of sentences."""
        spans = [(at, at + len(part)) for part in parts if (at := self.text.find(part)) >= 0]
        return [
            self.text[begin:end]
            for begin, end in self.named
            if not any(first <= begin and end <= last for first, last in spans)
        ]


class Said:
    """What an expression beside a sentence may ask of the place it is said at."""

    def __init__(self, standing: Standing, session: Session) -> None:
        self._standing, self._session = standing, session
        trace = session.frame.trace
        passed = session.frame.passed
        self.tokens, self.t = trace.sequence.tokens, session.frame.t
        self.values, self.units, self.cell = passed.cell.values, passed.hidden_size, passed.cell.name
        self.passes, self.readout = tuple(trace.passes), trace.readout
        self.vocabulary = () if standing.bound.network.tokens is None else standing.bound.network.tokens.vocabulary

    def true(self, question: str, t: int | None = None) -> bool:
        """Say whether a condition of the debugger's language is true, here or at another step."""
        return self._standing.true(question, self._session, self.t if t is None else t)

    def fails(self, question: str, t: int | None = None) -> bool:
        """Say whether a condition is not true."""
        return not self.true(question, t)

    def differs(self, pass_name: str, value: str) -> float:
        """Return by how much a value differs at most, here, from what it was without the edits of the stop."""
        now, before = (
            (one.readout if pass_name == "readout" else dict(one[pass_name].items()))[value]
            for one in (self._session.frame.trace, self._session.baseline)
        )
        return float(np.abs(now[self.t] - before[self.t]).max())

    def wrote(self, value: str, token: str) -> float:
        """Return which part of what a value reads here of a matrix memory a token wrote."""
        split = split_read(self._session.frame.passed, value, self.t)
        return float(split.parts[self.tokens.index(token)])

    def erased(self, value: str, token: str) -> float:
        """Return which part of what a token had in a matrix memory is taken out here under a key."""
        split = split_read(self._session.frame.passed, value, self.t)
        assert split.erased is not None
        place = self.tokens.index(token)
        return float(split.erased[place] / split.held[place])

    def shape(self, value: str) -> tuple[int, int, int] | None:
        """Return heads, rows and columns of a value that is a matrix."""
        return self._session.frame.passed.shape_of(value)

    def holds(self, expression: str) -> bool:
        """Say whether an expression of these names is true."""
        names = {name: getattr(self, name) for name in dir(self) if not name.startswith("_")}
        return bool(eval(expression, names))


def blocks(path: Path) -> list[str]:
    """Return the text of each stop as it is written, comments included."""
    return re.split(r"^\[\[stop\]\]", path.read_text("utf-8"), flags=re.MULTILINE)[1:]


def sentences(stop: LessonStep) -> Iterator[Sentence]:
    """Yield what a stop says, asks or asks to try, and says then."""
    ask, task = stop.ask, stop.task
    texts = [(stop.say.text, False)]
    if ask is not None:
        texts += [(ask.say.text, False), *([(ask.then.text, True)] if ask.then is not None else [])]
    if task is not None:
        texts += [(task.say.text, False), *([(task.then.text, True)] if task.then is not None else [])]
    for text, tried in texts:
        for sentence in re.split(r"(?<=[.!?:])\s+(?=[A-Z*`{])", " ".join(text.split())):
            yield Sentence(sentence, tried)


def places(stop: LessonStep, path: Path) -> tuple[Said, Said | None]:
    """Return what can be asked where a stop stands, and where it stands once its lines are done."""
    standing = Standing(stop, OPENED.opener(read_lesson(path)))
    here = Said(standing, standing.session)
    acts = standing.doings() if stop.ask is None else standing.reveal()
    if not acts:
        return here, None
    session = standing.session.fork()
    for act in acts:
        act(session)
    return here, Said(standing, session)


def wrong_marks(path: Path) -> tuple[list[str], list[str], list[str]]:
    """Return what is bare of a mark in a lesson, marks that belong to no sentence or to several, and false claims."""
    stops = read_lesson(path).stops
    written = blocks(path)
    assert len(written) == len(stops)
    bare, stray, false = [], [], []
    for stop, block in zip(stops, written, strict=True):
        said = list(sentences(stop))
        marks = [(kind, *what.partition(" = ")[::2]) for kind, what in _MARK.findall(block)]
        for kind, part, expression in marks:
            of = [one for one in said if part in one.text]
            if len(of) != 1 or not of[0].is_checkable or (kind == "prose") == bool(expression):
                stray.append(f"stop {stop.number + 1}: {part}")
            elif kind == "claim":
                here, then = places(stop, path)
                asked = then if of[0].tried else here
                assert asked is not None, f"nothing is done here: {part}"
                if not asked.holds(expression):
                    false.append(f"stop {stop.number + 1}: {part}: {expression}")
        parts = [part for _, part, _ in marks]
        bare += [f"stop {stop.number + 1}: {what}: {one.text}" for one in said for what in one.bare(parts)]
    return bare, stray, false


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_sentence_that_can_be_checked_is_claimed_or_said_to_be_prose(path: Path) -> None:
    assert wrong_marks(path) == ([], [], [])


_FAR = re.compile(
    rf"\b({'|'.join(WORDS)}|\d+) (?:words?|tokens?|steps?) (?:ago|later|far|back|away|after|before)\b", re.IGNORECASE
)


def miscounted(path: Path) -> list[str]:
    """Return how far something is in a lesson's sentences where the claim about it does not name that number."""
    found: list[str] = []
    for stop, block in zip(read_lesson(path).stops, blocks(path), strict=True):
        marks = [(kind, *what.partition(" = ")[::2]) for kind, what in _MARK.findall(block)]
        for sentence in sentences(stop):
            for far in _FAR.finditer(sentence.text):
                number = WORDS.index(far[1].lower()) if far[1].lower() in WORDS else int(far[1])
                of = [one for kind, part, one in marks if kind == "claim" and far[0] in part and part in sentence.text]
                named = {
                    node.value for one in of for node in ast.walk(ast.parse(one)) if isinstance(node, ast.Constant)
                }
                if number not in named:
                    found.append(f"stop {stop.number + 1}: {far[0]}: {sentence.text}")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_how_far_a_word_is_stands_as_a_number_in_its_claim(path: Path) -> None:
    assert miscounted(path) == []


def _falsified(named: str, tape: Sequence[str], drawn: random.Random) -> str:
    """Return another number, token or word in the place of one that a sentence names."""
    word = named.strip("*").lower()
    if named.startswith("*"):
        others = [f"*{one}*" for one in (*tape, "gender", "topic") if one.lower() not in (word, "")]
        return drawn.choice(others)
    if word in _OPPOSITE:
        return _OPPOSITE[word]
    if word in _PARTS:
        return drawn.choice([one for one in _PARTS if one != word])
    if word in WORDS:
        return WORDS[(WORDS.index(word) + drawn.randrange(1, len(WORDS) - 2) - 2) % (len(WORDS) - 2) + 2]
    return str(float(word) + drawn.randrange(1, 9))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [17, 18, 19])
def test_of_false_statements_planted_in_lessons_nine_in_ten_are_noticed(seed: int) -> None:
    """Anything that looks like a statement is broken: also what no rule of this file counts as one."""
    drawn, planted, unnoticed = random.Random(seed), 0, []
    wide = re.compile(rf"{_NAMED.pattern}|\b(?:all|same|exactly|gender)\b", re.I)
    while planted < 100:
        path = drawn.choice(FILES)
        stop = drawn.choice(read_lesson(path).stops)
        sentence = drawn.choice(list(sentences(stop)))
        blank = _BRACES.sub(
            lambda asked: " " * len(asked[0]), _CODE.sub(lambda code: " " * len(code[0]), sentence.text)
        )
        found = list(wide.finditer(blank))
        if not found:
            continue
        one = drawn.choice(found)
        standing = Standing(stop, OPENED.opener(read_lesson(path)))
        tape = standing.session.frame.trace.sequence.tokens
        opposite = {"all": "none of", "exactly": "about",
                    "same": "other",
                    "gender": "topic"}  # fmt: skip
        text = one[0].lower()
        other = opposite[text] if text in opposite else _falsified(one[0], tape, drawn)
        false = replace(sentence, text=sentence.text[: one.start()] + other + sentence.text[one.end() :])
        said = [false if each == sentence else each for each in sentences(stop)]
        marks = [what.partition(" = ")[0] for _, what in _MARK.findall(blocks(path)[stop.number])]
        planted += 1
        noticed = any(len([each for each in said if mark in each.text]) != 1 for mark in marks)
        if not (noticed or any(each.bare(marks) for each in said)):
            unnoticed.append(f"{path.stem} {stop.number + 1}: {one[0]} -> {other}: {sentence.text}")
    assert len(unnoticed) <= planted // 10, "\n".join(unnoticed)


@pytest.mark.parametrize(
    ("text", "checkable"),
    [
        ("There are two gates.", True),
        ("*was* gets more.", True),
        ("It gets 3 of them.", True),
        ("It gets {max(output):%} of 1.", True),
        ("It gets {max(output):%} of *{argmax(output)}*.", False),
        ("The gate closes.", True),
        ("Type `goto 3` now.", False),
        ("One thing is held.", False),
        ("A gate is wide.", False),
    ],
)
def test_what_names_a_number_or_a_token_can_be_checked(text: str, checkable: bool) -> None:
    assert Sentence(text).is_checkable == checkable


def test_a_false_sentence_is_noticed() -> None:
    """What stands beside a sentence is asked at its place, and not somewhere else."""
    path = next(path for path in FILES if path.stem.endswith("attention"))
    stop = read_lesson(path).stops[1]
    here, _ = places(stop, path)
    assert here.holds("tokens[t] == 'dull' and true('readout.a < readout.a[t-1]')")
    assert not here.holds("true('readout.a > readout.a[t-1]')")
    assert here.holds("fails('readout.a > readout.a[t-1]')")
    with pytest.raises(UserError):
        here.holds("true('nonsense(')")
