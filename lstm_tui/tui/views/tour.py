"""A stop of a lesson on the main screen: the run stands where the lesson wants it, and a text under it tells why."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import LineRuns
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.lesson.bound_step import Open, Standing
from lstm_tui.lesson.lesson import LOOKS, Lesson, LessonStep
from lstm_tui.lesson.templates import TextPiece
from lstm_tui.tui.canvas.palette import Glyphs
from lstm_tui.tui.commands import COMMANDS, Command, changed_keys, now_at
from lstm_tui.tui.main import MainScreen
from lstm_tui.tui.panes.header_footer import FooterLine
from lstm_tui.tui.panes.large_unit import OneUnit
from lstm_tui.tui.panes.ledger import LedgerPane
from lstm_tui.tui.view import View
from lstm_tui.tui.views.analysis_screen import AnalysisScreen
from lstm_tui.tui.views.page import PageScreen
from lstm_tui.tui.views.reach import Reaching
from lstm_tui.tui.views.reach_screen import BESIDE

KEYS = (("enter", "next"), ("backspace", "back"), ("y", "show me"), ("?", "keys"), ("esc", "leave"))


class TourText(VerticalScroll, can_focus=False):
    """The sentences of a stop, what to try, and what came of it."""

    DEFAULT_CSS = """
    TourText {
        height: auto; max-height: 12; border: round $lt-key; background: $lt-ground; padding: 0 1;
        border-title-color: $lt-title; border-subtitle-color: $lt-soft; scrollbar-size-vertical: 1;
    }
    TourText Static { width: 100%; color: $lt-ink; }
    TourText #trying { height: auto; }
    TourText #trying > #mark { width: 3; }
    TourText #trying > #try { width: 1fr; }
    .-narrow TourText { max-height: 10; padding: 0; }
    TourText.-ascii { border: ascii $lt-key; }
    """

    def __init__(self, lesson: Lesson, stop: LessonStep, glyphs: Glyphs) -> None:
        """Make the frame of a stop; nothing is told yet."""
        trying = Horizontal(Static(id="mark"), Static(id="try"), id="trying")
        super().__init__(Static(id="told"), trying, id="tour", classes="" if glyphs.smooth else "-ascii")
        self._glyphs = glyphs
        self.border_title = Content.assemble(
            (f" {glyphs.say(visible(lesson.title))}", "bold $lt-title"),
            (f"  {stop.number + 1} of {len(lesson.stops)}   ", "$lt-soft"),
            (f"{glyphs.cursor} look at {LOOKS.index(stop.look)} {stop.look} ", "$lt-key"),
        )
        self.border_subtitle = Content.assemble(
            *(
                part
                for key, word in KEYS
                if stop.task is not None or key != "y"
                for part in ((f" {key} ", "bold $lt-key"), f"{word} ")
            )
        )

    def tell(
        self, said: tuple[TextPiece, ...], task: tuple[TextPiece, ...], noticed: bool, then: tuple[TextPiece, ...]
    ) -> None:
        """Write the sentences, what to try if anything, and once it was noticed what came of it."""
        glyphs = self._glyphs
        parts = [_content(task, glyphs)]
        if noticed:
            parts.append(_content(then, glyphs) if then else Content("Seen."))
        mark, colour = (glyphs.yes, "$lt-show") if noticed else (glyphs.cursor, "$lt-key")
        self.query_one("#told", Static).update(_content(said, glyphs))
        self.query_one("#mark", Static).update(Content.styled(mark, f"bold {colour}"))
        self.query_one("#try", Static).update(Content("\n").join(parts))
        self.query_one("#trying").display = bool(task)
        if noticed:
            self.scroll_end(animate=False)


def _content(pieces: tuple[TextPiece, ...], glyphs: Glyphs) -> Content:
    """Return sentences with what came from the run in colour, *words* of the tape and `what is typed` set apart."""
    return Content.assemble(*_emphasised(pieces, glyphs))


def _emphasised(pieces: tuple[TextPiece, ...], glyphs: Glyphs) -> Iterator[tuple[str, str]]:
    strong = code = False
    for piece in pieces:
        text = "\n".join(glyphs.say(visible(line)) for line in piece.text.split("\n"))
        if piece.live:
            yield text, "bold $lt-key" if not strong else "bold italic $lt-key"
            continue
        for part in re.split(r"([*`])", text):
            if part == "`":
                code = not code
            elif part == "*" and not code:
                strong = not strong
            elif part:
                yield part, "$lt-accent" if code else "bold $lt-title" if strong else "$lt-ink"


_OTHERWISE = ("steps.play", "dialogs.help", "app.quit", "dialogs.export")
"""Commands whose keys mean something else in a lesson."""
_OPENING = {
    "explain": "dialogs.explain", "influence": "dialogs.influence", "health": "dialogs.health",
    "reach": "dialogs.reach", "map": "looks.map", "everyone": "looks.everyone",
}  # fmt: skip
"""The command that opens what a lesson asks for."""
_LEAST_PROMPT = 10
"""Rows that a line to be typed has at least, with what is told of it."""
_HELP = (
    ("enter  space", "the next stop; behind the last one, the list of lessons"),
    ("backspace", "the stop before"),
    ("y", "do what should be tried, for whoever would rather look on"),
    ("pgup  pgdn", "scroll the text, where it is longer than its place"),
    ("esc", "leave the lesson"),
    (
        f"{' '.join(now_at(one).key for one in (*'nNsSe', 'colon', 'z'))} …",
        "all keys of the debugger work: what you change is gone at the next stop",
    ),
)


@dataclass(frozen=True, eq=False)
class Telling:
    """A lesson that is told.

    Attributes:
        lesson: The lesson.
        open_network: Opens its networks.
        glyphs: The signs to draw with.
        few_colours: Whether the terminal has few colours.
        done: Called behind the last stop.
    """

    lesson: Lesson
    open_network: Open
    glyphs: Glyphs
    few_colours: bool
    done: Callable[[], None] = lambda: None

    def screen(self, number: int) -> TourScreen:
        """Return the screen of a stop.

        Raises:
            UserError: Something of the stop means nothing.
        """
        return TourScreen(self, Standing(self.lesson.stops[number], self.open_network))


class TourScreen(MainScreen):
    """The main screen at one stop of a lesson."""

    AUTO_FOCUS = ""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "stop(1)", show=False, priority=True),
        Binding("backspace", "stop(-1)", show=False, priority=True),
        Binding("escape", "leave", show=False, priority=True),
        Binding("y", "show_me", show=False, priority=True),
        Binding("pageup", "scroll_text(-1)", show=False, priority=True),
        Binding("pagedown", "scroll_text(1)", show=False, priority=True),
        Binding("q", "leave", show=False, priority=True),
        Binding("question_mark", "tour_help", show=False, priority=True),
    ]

    def __init__(self, telling: Telling, standing: Standing) -> None:
        """Hold a stop; its run is made again as the screen's own."""
        self._telling, self._standing = telling, standing
        self._stands = self._noticed = False
        self._opened: set[str] = set()
        self._over: AnalysisScreen | None = None
        super().__init__(
            LineRuns(standing.source()), telling.glyphs, telling.few_colours, open_network=telling.open_network
        )

    def compose(self) -> ComposeResult:
        """Lay out the main screen with the text above its last line."""
        for widget in super().compose():
            if isinstance(widget, FooterLine):
                yield TourText(self._telling.lesson, self._standing.stop, self._glyphs)
                widget = FooterLine(_OTHERWISE, id="footer")
                widget.data_bind(view=MainScreen.view, palette=MainScreen.palette)
            yield widget

    def on_mount(self) -> None:
        """Stand where the lesson wants it, light up the pane to look at, and tell."""
        self._stand()
        self.looks.show_pane(LOOKS.index(self._standing.stop.look))
        if self._standing.stop.show == "map":
            self.looks.show_pane(LedgerPane.NUMBER)
            self.add_class("-maximised")
        self.tell()

    # --- standing ---

    def _stand(self) -> None:
        """Go to the place of the stop, once all of its edits are made, in a thread or at once."""
        place = self._standing.place
        if self._stands or self.run.is_empty or self.run.session.history.done < self._standing.begun:
            return
        session, view = self.run.session, self.view
        session.select_pass(place.pass_name)
        session.goto(place.t)
        frame = session.goto_equation(place.equation) if self._standing.stop.equation is not None else session.frame
        self.run.show(
            frame=frame,
            units={**view.units, place.pass_name: place.unit},
            value=frame.equation.name if frame.equation is not None else view.value,
            everyone=bool(self._standing.stop.show),
        )
        self._stands = True

    def watch_view(self, old: View, new: View) -> None:
        """Stand where the lesson wants it as soon as that can be, and notice what was tried."""
        super().watch_view(old, new)
        if self._stands:
            if new.everyone:
                self._opened.add("everyone")
            self._notice()
        elif self.is_mounted:
            self._stand()

    def _notice(self) -> None:
        if not self._stands or self._noticed:
            return
        if self._standing.noticed(self.run.session, self._opened):
            self._noticed = True
            if self.is_mounted:
                self.tell()

    def _opens(self, what: str) -> None:
        self._opened.add(what)
        self._notice()

    def on_screen_resume(self) -> None:
        """Notice what was looked at on the screen of long memories."""
        if self._over is not None and self._over.picture.beside:
            self._opens("beside")
        self._over = None

    # --- telling ---

    def tell(self) -> None:
        """Write the text of the stop, and what came of trying."""
        then: tuple[TextPiece, ...] = ()
        if self._noticed:
            with suppress(UserError):  # done in another way, in which a value it speaks of is no more
                then = self._standing.then(self.run.session)
        self.query_one(TourText).tell(self._standing.say(), self._standing.what_to_try(), self._noticed, then)

    # --- keys ---

    def rows_kept(self) -> int:
        """Return the rows below a line that is typed: so that what is to be typed stays in sight."""
        below = self.size.height - self.query_one(TourText).region.y
        return min(below, max(self.size.height - _LEAST_PROMPT, 0))

    async def do(self, command: Command) -> None:
        """Do what a row of the table of commands says, and notice what it opens."""
        await super().do(command)
        if command.name == _OPENING["reach"]:
            self._reach_opened()
        for what, name in _OPENING.items():
            if command.name == name and what != "everyone":  # which is noticed where it is shown
                self._opens(what)

    def _reach_opened(self) -> None:
        over = self.app.screen
        self._over = over if isinstance(over, AnalysisScreen) and isinstance(over.picture, Reaching) else None

    def action_stop(self, step: int) -> None:
        """Go to another stop."""
        number = self._standing.stop.number + step
        if number < 0:
            return
        if number == len(self._telling.lesson.stops):
            self._telling.done()
            self.dismiss(None)
            return
        self.app.switch_screen(self._telling.screen(number))

    def action_show_me(self) -> None:
        """Do what should be tried."""
        task = self._standing.stop.task
        if self._noticed or task is None:
            return

        def act(session: Session) -> tuple[str, ...]:
            for one in self._standing.doings():
                one(session)
            return ()

        error = self.changes.change(act) if task.lines else ""
        if error:
            self.notify(error, severity="error", markup=False)
        elif task.opens == "beside":
            self.dialogs.reach()
            self._reach_opened()
            self._opens("reach")
            if self._over is not None:
                self._over.call_after_refresh(self._over.action_do, BESIDE)
        elif task.opens and task.opens not in self._opened:
            opening = next(one for one in COMMANDS if one.name == _OPENING[task.opens])
            self.call_later(self.do, opening)

    def action_leave(self) -> None:
        """Leave the lesson; one unit that was opened at a stop which does not show it, before."""
        if self.shown == OneUnit.NUMBER and self._standing.stop.look != OneUnit.WORD:
            self.looks.one_unit()
        else:
            self.dismiss(None)

    def action_scroll_text(self, pages: int) -> None:
        """Scroll the text by so many of its heights."""
        text = self.query_one(TourText)
        text.scroll_relative(y=pages * max(text.size.height - 1, 1), animate=False)

    def action_tour_help(self) -> None:
        """Tell the keys of a lesson."""
        lines = [Content.assemble((f"{key:>16}  ", "bold $lt-key"), (word, "$lt-ink")) for key, word in _HELP]
        for before, now, word in changed_keys():
            told = f"{word}: your own key, where a lesson says {before}"
            lines.append(Content.assemble((f"{now:>16}  ", "bold $lt-key"), (told, "$lt-ink")))
        self.app.push_screen(PageScreen("keys of a lesson", lines))
