"""What a lesson holds, and how it is read from its text; what is wrong in it is said with line and column.

`lessons/example.toml` shows every key of the file and says what it is for. In sentences `{expression}` is what an
expression is at the stop, `{expression:3}` with three places, `{expression:%}` as a percentage and
`{before expression}` without the edits; `unit` stands for the chosen unit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import field
from pathlib import Path
from typing import Any

from lstm_tui.debugger.panes import PANES
from lstm_tui.engine.dataclass import dataclass
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
SHOWS = ("", "map", "everyone", "whole")
"""How the pane is seen: as it is, the ledger with its map, the ledger of all units, or the pane on the whole screen."""
OPENS = ("explain", "influence", "reach", "beside", "health", "everyone", "map")
"""What can be opened on the screen, by its command: keys p, r, R, R and then b, H, L, M."""
CHOICES = "abcd"
"""The keys that answer a question, in the order of what may be chosen."""
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
class LessonQuestion:
    """A question that is asked before its answer is seen.

    Attributes:
        say: The question.
        choices: What may be answered, 2 to 4.
        answer: Which of them is right, from 0.
        why: To each choice, why it is right or wrong; empty where nothing more is to be said.
        lines: What shows the answer: lines as those of a `Try`.
        then: What is seen once they are done, or None.
        holds: To each choice, a condition that holds there exactly where it is right; may be empty.
        claims: What is true there.
    """

    say: LessonText
    choices: tuple[LessonText, ...]
    answer: int
    why: tuple[LessonText, ...] = ()
    lines: tuple[LessonText, ...] = ()
    then: LessonText | None = None
    holds: tuple[LessonText, ...] = ()
    claims: tuple[LessonText, ...] = ()


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
        see: What must be in sight besides the pane, the token and the unit: `unit 11`, `pane tape`, `token Ram`, or a
            value whose number must stand on the screen, such as `f[unit]`.
        ask: What is asked before it is seen, or None.
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
    see: tuple[LessonText, ...] = ()
    ask: LessonQuestion | None = None
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
        summary: What is to be kept of it, said behind the last stop; may be empty.
    """

    name: str
    title: str
    about: str
    stops: tuple[LessonStep, ...] = field(default_factory=tuple)
    source: str = ""
    summary: str = ""


_STOP, _TRY, _ASK = ("stop",), ("stop", "try"), ("stop", "ask")
_LESSON_KEYS = ("title", "about", "summary", "stop")
_STOP_KEYS = (
    "network", "text", "edits", "pass", "at", "nth", "equation", "unit", "look", "show", "say", "claims", "see",
    "ask", "try",
)  # fmt: skip
_TRY_KEYS = ("say", "lines", "edit", "open", "at", "nth", "equation", "pass", "done", "then", "claims")
_ASK_KEYS = ("say", "choices", "answer", "why", "lines", "then", "holds", "claims")
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
    summary = _string(head, ("summary",), True)
    assert title is not None
    assert about is not None
    if not pages:
        raise head.fail("a lesson has stops: each begins with a line [[stop]]")
    if len(pages) > MOST_STOPS:
        raise pages[MOST_STOPS].fail(f"{len(pages)} stops; {MOST_STOPS} are the most", "stop")
    stops: list[LessonStep] = []
    for page in pages:
        stops.append(_stop(page, len(stops), stops[-1] if stops else None))
    return Lesson(name, title.text, about.text, tuple(stops), source, "" if summary is None else summary.text)


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
        see=_strings(page, (*_STOP, "see")),
        ask=_ask(page, keys),
        task=_task(page, keys),
    )


def _ask(page: TomlPage, stop: dict[str, Any]) -> LessonQuestion | None:
    if "ask" not in stop:
        return None
    _allow(page, _ASK, _ASK_KEYS)
    say, answer = _string(page, (*_ASK, "say")), _string(page, (*_ASK, "answer"))
    assert say is not None
    assert answer is not None
    choices = _strings(page, (*_ASK, "choices"))
    if not 2 <= len(choices) <= len(CHOICES):
        raise page.fail(f"a question has 2 to {len(CHOICES)} `choices`, and this one {len(choices)}", *_ASK)
    keys = CHOICES[: len(choices)]
    if len(answer.text) != 1 or answer.text not in keys:
        raise page.fail(f"`answer` is the key of a choice: {', '.join(keys)}", *_ASK, "answer", value=True)
    ask = LessonQuestion(
        say=say,
        choices=choices,
        answer=keys.index(answer.text),
        why=_strings(page, (*_ASK, "why"), len(choices), may_be_empty=True),
        lines=_strings(page, (*_ASK, "lines")),
        then=_string(page, (*_ASK, "then"), True),
        holds=_strings(page, (*_ASK, "holds"), len(choices)),
        claims=_strings(page, (*_ASK, "claims")),
    )
    if not ask.why and ask.then is None:
        raise page.fail("what is said of an answer? give `why`, to each choice, or `then`", *_ASK)
    return ask


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


def _text(page: TomlPage, path: Where, value: Any, may_be_empty: bool = False) -> LessonText:
    name = path[-1] if not path[-1].isdigit() else path[-2]
    if not isinstance(value, str) or not (value.strip() or may_be_empty):
        raise page.fail(f"`{name}` must be text in quotes", *path, value=True)
    if len(value) > MOST_CHARACTERS:
        raise page.fail(f"{len(value)} characters; {MOST_CHARACTERS} are the most", *path, value=True)
    return LessonText(value.strip("\n"), path)


def _strings(
    page: TomlPage, path: Where, count: int | None = None, may_be_empty: bool = False
) -> tuple[LessonText, ...]:
    """Return the texts of a list; where it must have so many, that is said of another number than 0."""
    value = _keys(page, path[:-1]).get(path[-1], [])
    if not isinstance(value, list):
        raise page.fail(f'`{path[-1]}` must be a list of texts, such as ["c[7] > 0"]', *path, value=True)
    if len(value) > MOST_LINES:
        raise page.fail(f"{len(value)} lines; {MOST_LINES} are the most", *path, value=True)
    if count is not None and value and len(value) != count:
        raise page.fail(f"`{path[-1]}` has {len(value)} texts for {count} choices: one to each", *path, value=True)
    return tuple(_text(page, (*path, str(number)), one, may_be_empty) for number, one in enumerate(value))


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
