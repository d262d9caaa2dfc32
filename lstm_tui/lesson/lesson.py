"""What a lesson holds, after it was read.

`lessons/example.toml` shows every key of the file and says what it is for. In sentences `{expression}` is what an
expression is at the stop, `{expression:3}` with three places, `{expression:%}` as a percentage and
`{before expression}` without the edits; `unit` stands for the chosen unit.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lstm_tui.debugger.panes import PANES
from lstm_tui.engine.language.toml import TomlPage

MOST_STOPS = 60
MOST_TOKENS = 100
MOST_CHARACTERS = 1_200
MOST_LINES = 40
LOOKS = tuple(pane.look for pane in PANES)
"""The panes, in the order of their numbers, from 0."""
SHOWS = ("", "map", "everyone")
OPENS = ("explain", "influence", "reach", "beside", "health", "everyone", "map")
"""What can be opened on the screen, by its command: keys p, r, R, R and then b, H, L, M."""
EDITS = ("any", "replace", "insert", "delete", "set", "scale", "weight", "let", "ablate")

Where = tuple[str, ...]
"""Of a text: the path of its key in the page of its stop."""


@dataclass(frozen=True)
class LessonText:
    """Something written in a lesson, which may be wrong once it meets a network; it knows where it stands.

    Attributes:
        text: As written.
        where: Its key.
    """

    text: str
    where: Where


@dataclass(frozen=True)
class LessonPlace:
    """A place on the tape: by its number, or a token and which of its places, from 1."""

    place: int | str
    nth: int
    where: Where


@dataclass(frozen=True)
class Try:
    """Something to try at a stop.

    Attributes:
        say: What to do.
        lines: Edits as they are typed and `goto PLACE` that do it.
        edit: Kind of edit that must have been made since, with a name or not: `set f`; may be empty.
        at: Where the run must stand, or None.
        opens: What must have been opened on the screen; may be empty.
        equation: After which equation it must stand; may be empty.
        pass_name: In which pass; may be empty.
        done: A condition, or None.
        then: What is said once it is noticed.
        claims: What is true once `lines` were done.
    """

    say: LessonText
    lines: tuple[LessonText, ...] = ()
    edit: str = ""
    opens: str = ""
    at: LessonPlace | None = None
    equation: LessonText | None = None
    pass_name: LessonText | None = None
    done: LessonText | None = None
    then: LessonText | None = None
    claims: tuple[LessonText, ...] = ()


@dataclass(frozen=True, eq=False)
class LessonStep:
    """One stop.

    Attributes:
        page: Where it was read, for what is found to be wrong later.
        number: From 0.
        network: Name of the network.
        text: What it reads.
        say: The sentences.
        edits: Lines of an edit script that are in force.
        pass_name: The pass, or None for the first.
        at: The place, or None for the first token.
        equation: After which equation the run stands, or None for a finished token.
        unit: The unit, a number or an expression; None for the one with the largest memory.
        look: The pane to look at.
        show: A view of it.
        claims: What must be true here.
        task: What to try, or None.
    """

    page: TomlPage
    number: int
    network: LessonText
    text: LessonText
    say: LessonText
    edits: tuple[LessonText, ...] = ()
    pass_name: LessonText | None = None
    at: LessonPlace | None = None
    equation: LessonText | None = None
    unit: LessonText | None = None
    look: str = "units"
    show: str = ""
    claims: tuple[LessonText, ...] = ()
    task: Try | None = None


@dataclass(frozen=True, eq=False)
class Lesson:
    """A lesson.

    Attributes:
        name: Of its file, without the number before it.
        title: In the list.
        about: One sentence.
        stops: At least one.
        source: Its file, for messages.
    """

    name: str
    title: str
    about: str
    stops: tuple[LessonStep, ...] = field(default_factory=tuple)
    source: str = ""
