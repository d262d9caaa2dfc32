"""What a lesson holds, and how it is read from its text; what is wrong in it is said with line and column.

`lessons/example.toml` shows every key of the file and says what it is for. In sentences `{expression}` is what an
expression is at the stop, `{expression:3}` with three places, `{expression:%}` as a percentage and
`{before expression}` without the edits; `unit` stands for the chosen unit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lstm_tui.debugger.panes import PANES
from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import LanguageError, nearest
from lstm_tui.engine.language.toml import MAX_BYTES, TomlPage, parse_page, tokens_of
from lstm_tui.formats.inputs.text_input import read_text

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


_STOP, _TRY = ("stop",), ("stop", "try")
_LESSON_KEYS = ("title", "about", "stop")
_STOP_KEYS = (
    "network", "text", "edits", "pass", "at", "nth", "equation", "unit", "look", "show", "say", "claims", "try",
)  # fmt: skip
_TRY_KEYS = ("say", "lines", "edit", "open", "at", "nth", "equation", "pass", "done", "then", "claims")
_NUMBERED = re.compile(r"\d+-")


@door("a lesson")
def read_lesson(path: Path) -> Lesson:
    """Read a lesson from a file.

    Raises:
        UserError: It cannot be read, or with line and column of the first mistake.
    """
    text = read_text(path, MAX_BYTES)
    return parse_lesson(text.content, text.where, _NUMBERED.sub("", path.stem, count=1))


def parse_lesson(text: str, source: str, name: str = "lesson") -> Lesson:
    """Read a lesson from a text.

    Raises:
        LanguageError: With line and column of the first mistake.
    """
    text = text.replace("\r\n", "\n")
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise LanguageError(f"a lesson has at most {MAX_BYTES} bytes", source)
    parse_page(text, source)  # the whole must be TOML, as any other reader of it sees it
    head, *pages = _pages(text, source)
    _allow(head, (), _LESSON_KEYS)
    title, about = (_string(head, (key,)) for key in ("title", "about"))
    assert title is not None
    assert about is not None
    if not pages:
        raise head.fail("a lesson has stops: each begins with a line [[stop]]")
    if len(pages) > MOST_STOPS:
        raise pages[MOST_STOPS].fail(f"{len(pages)} stops; {MOST_STOPS} are the most", "stop")
    stops: list[LessonStep] = []
    for page in pages:
        stops.append(_stop(page, len(stops), stops[-1] if stops else None))
    return Lesson(name, title.text, about.text, tuple(stops), source)


def _pages(text: str, source: str) -> Iterable[TomlPage]:
    """Yield the head and each stop as a page of its own, whose lines are those of the file."""
    starts = list(_starts(text))
    for number, (begin, end) in enumerate(zip([0, *starts], [*starts, len(text)], strict=True)):
        piece = text[begin:end]
        if number:
            piece = piece.replace("[[", "[", 1).replace("]]", "]  ", 1)
        yield parse_page("\n" * text.count("\n", 0, begin) + piece, source)


def _starts(text: str) -> Iterable[int]:
    """Yield where each line [[stop]] begins, outside of every text."""
    line: list[tuple[str, int]] = []
    for token in tokens_of(text):
        if token.kind == "line":
            line = []
            continue
        line.append((token.text, token.start))
        if len(line) == 5 and [one for one, _ in line] == ["[", "[", "stop", "]", "]"]:
            yield line[0][1]


# --- a stop ---


def _stop(page: TomlPage, number: int, before: LessonStep | None) -> LessonStep:
    keys = _allow(page, _STOP, _STOP_KEYS)
    network = _string(page, (*_STOP, "network"), before is not None)
    text = _string(page, (*_STOP, "text"), before is not None)
    if before is not None:
        if network is not None and text is None:
            raise page.fail("another network reads its own `text`: say it here", *_STOP, "network")
        network, text = network or before.network, text or before.text
    say = _string(page, (*_STOP, "say"))
    assert network is not None
    assert text is not None
    assert say is not None
    return LessonStep(
        page=page,
        number=number,
        network=network,
        text=text,
        say=say,
        edits=_strings(page, (*_STOP, "edits")),
        pass_name=_string(page, (*_STOP, "pass"), True),
        at=_at(page, _STOP, keys),
        equation=_string(page, (*_STOP, "equation"), True),
        unit=_unit(page, keys),
        look=_choice(page, (*_STOP, "look"), LOOKS, "units"),
        show=_choice(page, (*_STOP, "show"), SHOWS, ""),
        claims=_strings(page, (*_STOP, "claims")),
        task=_task(page, keys),
    )


def _task(page: TomlPage, stop: dict[str, Any]) -> Try | None:
    if "try" not in stop:
        return None
    keys = _allow(page, _TRY, _TRY_KEYS)
    say = _string(page, (*_TRY, "say"))
    assert say is not None
    task = Try(
        say=say,
        lines=_strings(page, (*_TRY, "lines")),
        edit=_edit(page),
        opens=_choice(page, (*_TRY, "open"), OPENS, ""),
        at=_at(page, _TRY, keys),
        equation=_string(page, (*_TRY, "equation"), True),
        pass_name=_string(page, (*_TRY, "pass"), True),
        done=_string(page, (*_TRY, "done"), True),
        then=_string(page, (*_TRY, "then"), True),
        claims=_strings(page, (*_TRY, "claims")),
    )
    if not (task.edit or task.opens or task.at or task.equation or task.pass_name or task.done):
        raise page.fail("how is it noticed? give `edit`, `open`, `at`, `equation`, `pass` or `done`", *_TRY)
    return task


def _edit(page: TomlPage) -> str:
    """Return the kind of edit that is waited for: `set`, or `set f` with the name of a value or a parameter."""
    path = (*_TRY, "edit")
    found = _string(page, path, True)
    if found is None:
        return ""
    kind, _, name = found.text.partition(" ")
    if kind not in EDITS:
        near = nearest(kind, EDITS)
        raise page.fail(f"`edit` begins with one of {', '.join(EDITS)}", *path, value=True, suggestion=near)
    if name and (kind not in ("set", "scale", "weight") or not re.fullmatch(r"\w+", name, re.ASCII)):
        raise page.fail("behind `set`, `scale` or `weight` may stand one name, such as `set f`", *path, value=True)
    return found.text


# --- keys ---


def _keys(page: TomlPage, path: Where) -> dict[str, Any]:
    found: Any = page.keys
    for key in path:
        found = found[key]
    if not isinstance(found, dict):
        raise page.fail(f"`{path[-1]}` must be a table: a line [{'.'.join(path)}]", *path, value=True)
    return found


def _allow(page: TomlPage, path: Where, known: tuple[str, ...]) -> dict[str, Any]:
    keys = _keys(page, path)
    for key in keys:
        if key not in known:
            raise page.fail(f"`{key[:40]}` means nothing here", *path, key, suggestion=nearest(key, known))
    return keys


def _string(page: TomlPage, path: Where, may_lack: bool = False) -> LessonText | None:
    keys, key = _keys(page, path[:-1]), path[-1]
    if key not in keys:
        if may_lack:
            return None
        raise page.fail(f"`{key}` is missing", *path[:-1])
    return _text(page, path, keys[key])


def _text(page: TomlPage, path: Where, value: Any) -> LessonText:
    name = path[-1] if not path[-1].isdigit() else path[-2]
    if not isinstance(value, str) or not value.strip():
        raise page.fail(f"`{name}` must be text in quotes", *path, value=True)
    if len(value) > MOST_CHARACTERS:
        raise page.fail(f"{len(value)} characters; {MOST_CHARACTERS} are the most", *path, value=True)
    return LessonText(value.strip("\n"), path)


def _strings(page: TomlPage, path: Where) -> tuple[LessonText, ...]:
    value = _keys(page, path[:-1]).get(path[-1], [])
    if not isinstance(value, list):
        raise page.fail(f'`{path[-1]}` must be a list of texts, such as ["c[7] > 0"]', *path, value=True)
    if len(value) > MOST_LINES:
        raise page.fail(f"{len(value)} lines; {MOST_LINES} are the most", *path, value=True)
    return tuple(_text(page, (*path, str(number)), one) for number, one in enumerate(value))


def _choice(page: TomlPage, path: Where, known: tuple[str, ...], default: str) -> str:
    found = _string(page, path, True)
    if found is None:
        return default
    if found.text not in known:
        said = f"`{path[-1]}` is one of {', '.join(one for one in known if one)}"
        raise page.fail(said, *path, value=True, suggestion=nearest(found.text, known))
    return found.text


def _at(page: TomlPage, path: Where, keys: dict[str, Any]) -> LessonPlace | None:
    nth = keys.get("nth", 1)
    if "at" not in keys:
        if "nth" in keys:
            raise page.fail("`nth` says which place of a token: give the token by `at`", *path, "nth")
        return None
    place = keys["at"]
    whole = isinstance(place, int) and not isinstance(place, bool) and 0 <= place < 10**6
    if not whole and not (isinstance(place, str) and place):
        raise page.fail("`at` is a token in quotes, or a place from 0", *path, "at", value=True)
    if not isinstance(nth, int) or isinstance(nth, bool) or not 1 <= nth < 10**6:
        raise page.fail("`nth` is a whole number from 1", *path, "nth", value=True)
    return LessonPlace(place, nth, (*path, "at"))


def _unit(page: TomlPage, keys: dict[str, Any]) -> LessonText | None:
    value, path = keys.get("unit"), (*_STOP, "unit")
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**6:
        return LessonText(str(value), path)
    return _string(page, path, True)
