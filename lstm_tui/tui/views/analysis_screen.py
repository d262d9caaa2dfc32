"""The one full-screen view of a question about a whole run: a picture, a thread that adds to it, a line of keys.

What such questions differ by is a value, an `Analysis`: what is shown first, what is computed, and what each key makes
of what is shown.
"""

from __future__ import annotations

import string
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from lstm_tui.debugger.panes import FORWARD
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.canvas.canvas import ClickTarget, Drawing, Line, cut, fit, wrapped_text
from lstm_tui.tui.canvas.palette import Palette
from lstm_tui.tui.commands import STANDARD, now_at
from lstm_tui.tui.keys import Awaited
from lstm_tui.tui.panes.header_footer import draw_footer
from lstm_tui.tui.panes.pane import Pane
from lstm_tui.tui.threads import in_background
from lstm_tui.tui.view import EMPTY, View
from lstm_tui.tui.view_keys import keymap_of
from lstm_tui.tui.views.page import glossary_page, keys_page

PAUSE = 0.1
"""Seconds between two reports of what is computed."""


class Pace:
    """Says when what is computed is to be reported again."""

    def __init__(self) -> None:
        """Begin; the first report is due after a pause."""
        self._told = time.monotonic()

    def is_due(self) -> bool:
        """Say whether a pause has passed; the next one begins then."""
        due = time.monotonic() - self._told > PAUSE
        self._told = time.monotonic() if due else self._told
        return due


Changes = dict[str, Any]
Work = Callable[[Callable[[], bool]], Iterator[Changes]]
"""Computes in a thread and yields what has become known; it is handed what says whether it is to stop."""


class Picture(Protocol):
    """All that one such question shows; never changed."""

    @property
    def view(self) -> View:
        """Where the run stands."""

    @property
    def awaited(self) -> bool:
        """Whether what is still computed is what the cursor walks on, so that keys wait for it."""

    @property
    def working(self) -> bool:
        """Whether something is still computed."""

    def but(self, **changes: Any) -> Any:
        """Return it with some things changed, among them `cursor`, the row chosen, and `problem`, what went wrong."""

    def draw(self, width: int, height: int, palette: Palette) -> Drawing:
        """Draw it."""


class Nothing:
    """The picture of a pane that was not handed any yet."""

    view = EMPTY
    working = awaited = False

    def but(self, **changes: Any) -> Any:
        """Return it: there is nothing to change."""
        return self

    def draw(self, width: int, height: int, palette: Palette) -> Drawing:
        """Draw nothing."""
        return Drawing(width, height, palette, "")


@dataclass(frozen=True, eq=False)
class Ask:
    """What a key leads to: another picture, and what it asks is computed."""

    picture: Picture


@dataclass(frozen=True, eq=False)
class Halt:
    """What a key leads to: another picture, and nothing more is computed."""

    picture: Picture


@dataclass(frozen=True)
class Close:
    """What a key leads to: the screen is closed, with what was chosen on it."""

    chosen: ClickTarget | None = None


Follows = Picture | Ask | Halt | Close


@dataclass(frozen=True)
class AnalysisKey:
    """What some keys do.

    Attributes:
        keys: Their names with commas between.
        act: From what is shown to what follows.
        ends: Whether it ends what is computed, or leaves, so that it is never kept waiting.
    """

    keys: str
    act: Callable[[Any], Follows]
    ends: bool = False


@dataclass(frozen=True, eq=False)
class Analysis:
    """A question about a whole run.

    Attributes:
        first: What is shown before anything is known.
        compute: From what is shown to what a thread computes for it; None where there is nothing to compute.
        keys: What keys do.
        line: The same for the line of keys: how each is written, and a word for what it does.
        name: Of its keys in `view_keys`; empty where they are nobody's to change.
    """

    first: Picture
    compute: Callable[[Any], Work | None]
    keys: Sequence[AnalysisKey]
    line: Sequence[tuple[str, str]]
    name: str = ""


def leaving(keys: str) -> AnalysisKey:
    """Return the keys that close the screen: the one that opened it does so too."""
    return AnalysisKey(f"escape,q,{keys}", lambda picture: Close(), ends=True)


def halting() -> AnalysisKey:
    """Return the key that has nothing more computed; what is known stays."""
    return AnalysisKey("s", lambda picture: Halt(picture.but(working=False)) if picture.working else picture, ends=True)


def moving(moved: Callable[[Any, int], Picture]) -> list[AnalysisKey]:
    """Return the keys that walk through rows; `moved` says where so many rows further down is."""
    ways = (("j,down", 1), ("k,up", -1), ("g,home", -100_000), ("G,shift+g,end", 100_000))
    return [AnalysisKey(keys, _by(moved, down)) for keys, down in ways]


def sideways(other: Callable[[Any, int], Follows]) -> list[AnalysisKey]:
    """Return the keys that go to the next and to the previous of something, such as a pass."""
    ways = (("right_square_bracket", 1), ("left_square_bracket", -1))
    return [AnalysisKey(keys, _by(other, by)) for keys, by in ways]


def _by(act: Callable[[Any, int], Follows], by: int) -> Callable[[Any], Follows]:
    return lambda picture: act(picture, by)


class StudyPane(Pane):
    """The one pane of such a screen."""

    picture: reactive[Picture] = reactive(Nothing(), repaint=False)

    def watch_picture(self) -> None:
        """Draw what is known now."""
        self.view = self.picture.view
        self._renew()

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the picture."""
        return self.picture.draw(width, height, palette)


class KeyLine(Widget):
    """The keys of the screen in one line; where room is short, help and the way out are the last to be dropped."""

    DEFAULT_CSS = "KeyLine { height: 1; }"

    def __init__(self, palette: Palette, keys: Sequence[tuple[str, str]]) -> None:
        """Hold keys and what they do."""
        super().__init__()
        self._palette, self._keys = palette, keys

    def render_line(self, y: int) -> Strip:
        """Return the line."""
        say = self._palette.glyphs.say
        *others, way_out = ((say(key), say(word)) for key, word in self._keys)
        return draw_footer([*others, ("?", "keys"), way_out], self.size.width, self._palette)[0].strip()


_NAMED = ("left_square_bracket", "right_square_bracket", "up", "down", "home", "end", "enter", "escape")
_ELSEWHERE = {
    "colon": "close this, and type a command",
    "question_mark": "these keys",
    "K": "explain every label here",
    "shift+k": "",
}
"""Keys that do here what they do everywhere, with a word for it; the second of two that are the same key has none."""
_KEYS = (
    "colon",
    "question_mark",
    *_NAMED,
    *string.ascii_letters,
    *string.digits,
    *(f"shift+{one}" for one in string.ascii_lowercase),
)
"""Keys that may mean something in an analysis; where they do not, they are not the screen's."""


class AnalysisScreen(Screen[ClickTarget]):
    """Asks one question about the run that is shown; dismissed with what was chosen, or None."""

    DEFAULT_CSS = "AnalysisScreen { background: $lt-ground; } AnalysisScreen StudyPane { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding(key, f"do('{key}')", show=False) for key in _KEYS]

    picture: reactive[Any] = reactive(None, repaint=False)

    class Answered(Message):
        """Something more is known of the question with this number."""

        def __init__(self, question: int, changes: Changes) -> None:
            """Hold what has changed."""
            super().__init__()
            self.question, self.changes = question, changes

    def __init__(self, analysis: Analysis, palette: Palette) -> None:
        """Show a picture of which nothing is computed yet."""
        super().__init__()
        self.set_reactive(AnalysisScreen.picture, analysis.first)
        self._analysis, self._palette = analysis, palette
        self.view_name = analysis.name
        self._acts = {name: key.act for key in analysis.keys for name in key.keys.split(",")}
        self._ends = tuple(name for key in analysis.keys if key.ends for name in key.keys.split(","))
        self._question = 0
        self._asked_at = 0.0

    def keys_await(self) -> Awaited | None:
        """Return the answer that keys wait for; None where they do not need it."""
        return Awaited(self._asked_at, stops=self._ends) if self.picture.awaited else None

    def compose(self) -> ComposeResult:
        """Lay out the picture above the keys."""
        pane = StudyPane("study").data_bind(picture=AnalysisScreen.picture)
        pane.palette = self._palette
        yield pane
        yield KeyLine(self._palette, self._line)

    @property
    def _line(self) -> tuple[tuple[str, str], ...]:
        """Its keys as they are now, each with its word."""
        return keymap_of(self.view_name).line(self._analysis.line)

    def on_mount(self) -> None:
        """Begin once the screen is there."""
        self._ask()

    def on_unmount(self) -> None:
        """Have the thread stop."""
        self._question += 1

    def _ask(self) -> None:
        """Begin to compute; what is computed for the question before stops by itself."""
        self._question += 1
        self._asked_at = time.monotonic()
        number, work = self._question, self._analysis.compute(self.picture)
        if work is not None:
            in_background(lambda: self._work(number, work))

    def _work(self, number: int, work: Work) -> None:
        try:
            with np.errstate(all="ignore"):  # a thread has a state of its own; what is not finite is shown as such
                for changes in work(lambda: number != self._question):
                    if number != self._question:
                        return
                    self.post_message(self.Answered(number, changes))
        except (UserError, MemoryError) as error:
            problem = visible(str(error)) or "there is not enough memory for this"
            self.post_message(self.Answered(number, {"problem": problem, "working": False}))

    @on(Answered)
    def _answered(self, message: Answered) -> None:
        if message.question == self._question:
            self.picture = self.picture.but(**message.changes)

    @on(Pane.Chosen)
    def _row(self, message: Pane.Chosen) -> None:
        if message.target.t is not None:
            self.picture = self.picture.but(cursor=message.target.t)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say whether a key means something here; else it is the app's."""
        return action != "do" or parameters[0] in self._acts or parameters[0] in _ELSEWHERE

    def action_do(self, key: str) -> Awaitable[None] | None:
        """Do what a key does here, or what it does everywhere."""
        if key in self._acts:
            self._follow(key)
        elif key == "colon":
            return self._type_command()
        elif key == "question_mark":
            self._tell_keys()
        else:
            text = self.query_one(StudyPane).labels()
            self.app.push_screen(glossary_page(self.picture.view, text, self.size.width, FORWARD.number))
        return None

    async def _type_command(self) -> None:
        """Close the screen and have the one below type a line, so that its letters are no keys of this one."""
        self.dismiss(None)
        await self.app.screen.run_action(f"do({now_at('colon').keys[0]!r})")

    def _tell_keys(self) -> None:
        """Tell the keys of this screen, and those that are the same everywhere."""
        say = self._palette.glyphs.say
        signs = {command.keys[0]: command.key for command in STANDARD}
        told = [*self._line, *((signs[key], word) for key, word in _ELSEWHERE.items() if word)]
        self.app.push_screen(keys_page((say(key), word) for key, word in told))

    def _follow(self, key: str) -> None:
        follows = self._acts[key](self.picture)
        if isinstance(follows, Close):
            self.dismiss(follows.chosen)
        elif isinstance(follows, Halt):
            self._question += 1
            self.picture = follows.picture
        elif isinstance(follows, Ask):
            self.picture = follows.picture
            self._ask()
        else:
            self.picture = follows


def put_unanswered(drawing: Drawing, problem: str, computed: str) -> None:
    """Write why there is no answer, or what is being computed."""
    glyphs, palette = drawing.palette.glyphs, drawing.palette
    text = problem or f"{computed}{glyphs.more}"
    drawing.line()
    style = palette.style("alarm" if problem else "soft")
    for one in wrapped_text(text, max(drawing.width - 2, 1))[: max(drawing.room, 1)]:
        drawing.line().put(" " + cut(one, drawing.width - 2, glyphs), style)


def meaning_lines(
    meanings: Sequence[tuple[str, str]], width: int, rows: int, palette: Palette
) -> list[tuple[str, str]]:
    """Return what each name means, in lines: whole where there is room for that, else cut to a line each.

    Args:
        meanings: Names, and what each means.
        width: Cells for a meaning.
        rows: Lines at most, if the meanings are to stand whole.
        palette: Of signs.
    """
    glyphs = palette.glyphs
    lines: list[tuple[str, str]] = []
    for name, meaning in meanings:
        parts = wrapped_text(glyphs.say(meaning), max(width, 1)) or [""]
        lines += [(name if n == 0 else "", part) for n, part in enumerate(parts)]
    if len(lines) <= rows:
        return lines
    return [(name, cut(glyphs.say(meaning), width, glyphs)) for name, meaning in meanings]


def put_token(
    drawing: Drawing, t: int, label: str, under: bool, here: bool, place: int, token: int, ink: str = "title"
) -> tuple[Line, str]:
    """Begin the row of a token with its place and its label; return the line and its ground.

    Args:
        drawing: Where the row is put; a click on it chooses the token.
        t: Place on the tape.
        label: How the token is shown.
        under: Whether the cursor is on it.
        here: Whether it is shown as the one that matters, such as the token that is asked about.
        place: Cells of the place.
        token: Cells of the label.
        ink: Of the label that matters.
    """
    palette, glyphs = drawing.palette, drawing.palette.glyphs
    ground = "row" if under else "ground"
    line = drawing.line().put(glyphs.cursor if under else " ", palette.style("focus", ground, bold=True))
    line.put(f"{t:>{place - 2}} ", palette.style("faint", ground))
    line.put(fit(label, token - 1, glyphs) + " ", palette.style(ink if here else "ink", ground, bold=here))
    drawing.hit(0, drawing.width, ClickTarget(t=t))
    return line, ground


def other_pass(view: View, pass_name: str, by: int) -> str:
    """Return the pass that stands so many further in the list of passes."""
    names = view.facts.names
    return names[(names.index(pass_name) + by) % len(names)]
