"""What a cell of a notebook holds: a session, what its buttons and keys do, and a lesson's text; no widget is known."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from lstm_tui.debugger.commands.console import TypedSession
from lstm_tui.debugger.commands.table import Leave
from lstm_tui.documents.blocks import Block, Heading, LinePiece, Lines, Sentence
from lstm_tui.documents.notebook import drawn_below
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.text_safety import visible
from lstm_tui.lesson.bound_step import Standing
from lstm_tui.lesson.lesson import CHOICES, Lesson
from lstm_tui.lesson.templates import TextPiece
from lstm_tui.tui.commands import COMMANDS

Open = Callable[[str], Network]

VERB_OF_ACTION = {
    "steps.token(-1)": "reverse-next",
    "steps.token(1)": "next",
    "steps.equation(-1)": "reverse-step",
    "steps.equation(1)": "step",
    "steps.op(-1)": "reverse-stepi",
    "steps.op(1)": "stepi",
    "steps.finish(-1)": "reverse-finish",
    "steps.finish(1)": "finish",
    "breakpoints.go_on(-1)": "reverse-continue",
    "breakpoints.go_on(1)": "continue",
    "steps.end(-1)": "goto 0",
    "steps.end(1)": "goto end",
    "steps.select_pass(1)": "pass",
    "edits.undo(-1)": "undo",
    "edits.undo(1)": "redo",
}
"""What is typed for a command of the screen: its key does the same in a cell."""
BACK, ON, ANSWER = "lesson-back", "lesson-on", "lesson-answer-"
"""What the buttons of a lesson say."""
_WORD = re.compile(r"\*([^*`]+)\*")
_MOST_LINES = 40
"""Lines of a reply that stand in a cell."""


@dataclass(frozen=True)
class CellButton:
    """A button of a cell.

    Attributes:
        key: What it sends when it is pressed; the key that does the same, if there is one.
        label: What stands on it.
        title: What it does.
        is_key: Whether the key may be typed.
    """

    key: str
    label: str
    title: str
    is_key: bool = True


class SessionCell:
    """A session in a cell.

    Attributes:
        session: The session.
        reply: What the last key or line said.
    """

    def __init__(self, session: TypedSession) -> None:
        """Hold a session."""
        self.session = session
        self.reply: tuple[str, ...] = ()

    @property
    def buttons(self) -> tuple[CellButton, ...]:
        """Its buttons, in the order of the screen's commands."""
        return tuple(
            CellButton(one.key, one.word, f"{one.help} ({one.key})") for one in COMMANDS if one.action in VERB_OF_ACTION
        )

    def press(self, key: str) -> None:
        """Do what a key or a button does; what is none does nothing."""
        for one in COMMANDS:
            if one.key == key and one.action in VERB_OF_ACTION:
                self.type(VERB_OF_ACTION[one.action])

    def type(self, line: str) -> None:
        """Execute a line as it may be typed, and keep the reply; a mistake is said, and changes nothing."""
        try:
            self.reply = tuple(self.session.execute(line).splitlines())
        except UserError as error:
            self.reply = (str(error),)
        except Leave:
            self.reply = ("a session in a cell is left by deleting its output",)

    def html(self) -> str:
        """Return what the cell shows."""
        return drawn_below(tuple(self._above()), self.session)

    def _above(self) -> Iterable[Block]:
        shown = tuple((LinePiece(visible(line)),) for line in self.reply[:_MOST_LINES])
        if len(self.reply) > _MOST_LINES:
            shown += ((LinePiece(f"… {len(self.reply) - _MOST_LINES} lines more"),),)
        return (Lines(shown),) if shown else ()


class LessonCell(SessionCell):
    """A lesson in a cell: its text above the session, stop by stop.

    Attributes:
        lesson: The lesson.
        number: At which of its stops it is, from 0.
    """

    def __init__(self, lesson: Lesson, open_network: Open) -> None:
        """Stand at the first stop.

        Raises:
            UserError: Something of the stop means nothing.
        """
        self.lesson, self._open = lesson, open_network
        self._stand(0)

    def _stand(self, number: int) -> None:
        self.number, self._standing = number, Standing(self.lesson.stops[number], self._open)
        self._tried = False
        self._answer: int | None = None
        super().__init__(_typed(self._standing))

    @property
    def buttons(self) -> tuple[CellButton, ...]:
        """Those of a session behind those of the lesson."""
        return (
            CellButton(BACK, "stop before", "the stop of the lesson before this one", is_key=False),
            CellButton(ON, "next stop", "the next stop of the lesson", is_key=False),
            *self._answers,
            *super().buttons,
        )

    @property
    def _answers(self) -> tuple[CellButton, ...]:
        """A button for each answer of a question that waits for one."""
        if self._answer is not None:
            return ()
        choices = ("".join(one.text for one in choice) for choice in self._standing.choices())
        return tuple(
            CellButton(ANSWER + key, key, f"answer: {_text(choice)}", is_key=False)
            for key, choice in zip(CHOICES, choices, strict=False)
        )

    def press(self, key: str) -> None:
        """Do what a key or a button does; those of the lesson go to its stop before and its next one."""
        if any(key == one.key for one in self._answers):
            self._answer = CHOICES.index(key.removeprefix(ANSWER))
            for act in self._standing.reveal():
                act(self.session)
        elif key in (BACK, ON):
            self._stand(min(max(self.number + (1 if key == ON else -1), 0), len(self.lesson.stops) - 1))
        else:
            super().press(key)

    def type(self, line: str) -> None:
        """Execute a line, and notice when it does what the stop says to try."""
        super().type(line)
        self._tried |= self._standing.noticed(self.session)

    def _above(self) -> Iterable[Block]:
        yield Heading(f"{self.lesson.title}, stop {self.number + 1} of {len(self.lesson.stops)}")
        yield from _paragraphs(self._standing.say())
        yield from self._asked()
        if self._tried and (then := self._standing.then(self.session)):
            yield from _paragraphs(then)
        elif task := self._standing.what_to_try():
            yield Sentence("Try: " + _text("".join(one.text for one in task)))
        yield Sentence(f"`lstm-tui tour {self.lesson.name}` has it on the screen, where panes and the cursor are.")
        yield from super()._above()

    def _asked(self) -> Iterable[Block]:
        """Yield the question with its choices; once it is answered, what comes of it."""
        standing, ask = self._standing, self._standing.stop.ask
        if ask is None:
            return
        if self._answer is None:
            yield from _paragraphs(standing.question())
            for key, choice in zip(CHOICES, standing.choices(), strict=False):
                yield Sentence(f"{key}: {_text(''.join(one.text for one in choice))}")
            return
        right = self._answer == ask.answer
        yield Sentence(f"{CHOICES[self._answer]} is right." if right else f"Not {CHOICES[self._answer]}, but "
                       f"{CHOICES[ask.answer]}.")  # fmt: skip
        yield from _paragraphs(standing.why(self._answer, self.session))
        yield from _paragraphs(standing.seen(self.session))


def _typed(standing: Standing) -> TypedSession:
    """Return a session that takes typed lines and stands where a stop does."""
    session = TypedSession.open(standing.source())
    session.select_pass(standing.place.pass_name)
    session.goto(standing.place.t)
    if standing.stop.equation is not None:
        session.goto_equation(standing.place.equation)
    return session


def _paragraphs(pieces: tuple[TextPiece, ...]) -> Iterable[Block]:
    text = "".join(one.text for one in pieces)
    return (Sentence(_text(part)) for part in text.split("\n\n") if part.strip())


def _text(text: str) -> str:
    """Return a sentence of a lesson, with its words of the tape in quotes; what is typed stays between backquotes."""
    return _WORD.sub(r"“\1”", " ".join(text.split()))
