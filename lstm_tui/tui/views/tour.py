"""A stop of a lesson on the main screen: the run stands where the lesson wants it, and a text under it tells why."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import field
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import LineRuns
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.lesson.bound_step import Open, Standing
from lstm_tui.lesson.lesson import CHOICES, LOOKS, Lesson
from lstm_tui.lesson.progress import LessonProgress
from lstm_tui.lesson.templates import TextPiece
from lstm_tui.tui.canvas.palette import Glyphs
from lstm_tui.tui.commands import COMMANDS, Command, changed_keys, command_of, now_at
from lstm_tui.tui.main import MainScreen
from lstm_tui.tui.panes.header_footer import FooterLine
from lstm_tui.tui.panes.large_unit import OneUnit
from lstm_tui.tui.panes.ledger import LedgerPane
from lstm_tui.tui.view import View
from lstm_tui.tui.view_keys import keymap_of
from lstm_tui.tui.views.analysis_screen import AnalysisScreen
from lstm_tui.tui.views.lesson_end import LeaveLesson, LessonEnd
from lstm_tui.tui.views.page import PageScreen
from lstm_tui.tui.views.reach import Reaching
from lstm_tui.tui.views.reach_screen import BESIDE
from lstm_tui.tui.views.tour_text import GivenAnswer, TourText

_OTHERWISE = ("steps.play", "dialogs.help", "app.quit", "dialogs.export")
"""Commands whose keys mean something else in a lesson."""
_OPENING = {
    "explain": "dialogs.explain", "influence": "dialogs.influence", "health": "dialogs.health",
    "reach": "dialogs.reach", "map": "looks.map", "everyone": "looks.everyone",
}  # fmt: skip
"""The command that opens what a lesson asks for."""
_WRITES = CHOICES[0]
"""The key of an answer that, where nothing is asked, is a command that changes the run."""
_LEAST_PROMPT = 10
"""Rows that a line to be typed has at least, with what is told of it."""
_HELP = (
    ("enter  space", "the next stop; behind the last one, the list of lessons"),
    ("backspace", "the stop before"),
    ("a  b  c  d", "answer a question; enter goes on without an answer"),
    ("y", "show the answer, or do what should be tried, for whoever would rather look on"),
    ("home", "the first stop"),
    ("pgup  pgdn", "scroll the text, where it is longer than its place"),
    ("f5", "present: one pane and the text alone; pgup and pgdn are the stops"),
    ("esc", "leave the lesson; it is asked before, and the lesson goes on from here when it is opened again"),
)
_HELP_OF_ALL = (
    f"{' '.join(now_at(one).key for one in (*'nNsSe', 'colon', 'z'))} …",
    "all keys of the debugger work: what you change is gone at the next stop",
)


@dataclass(eq=False)
class Sitting:
    """What happens while a lesson is told.

    Attributes:
        answers: To each stop whose question was answered, whether that was right.
        presenting: Whether it is presented to a class.
    """

    answers: dict[int, bool] = field(default_factory=dict)
    presenting: bool = False


@dataclass(frozen=True, eq=False)
class Telling:
    """A lesson that is told.

    Attributes:
        lesson: The lesson.
        open_network: Opens its networks.
        glyphs: The signs to draw with.
        few_colours: Whether the terminal has few colours.
        done: Called behind the last stop.
        progress: Remembers how far the lesson was read.
        sitting: What has happened so far.
    """

    lesson: Lesson
    open_network: Open
    glyphs: Glyphs
    few_colours: bool
    done: Callable[[], None] = lambda: None
    progress: LessonProgress = field(default_factory=LessonProgress)
    sitting: Sitting = field(default_factory=Sitting)

    def first(self) -> int:
        """Return the stop with which the lesson begins: where it was left, or the first."""
        return self.progress.stop(self.lesson)

    def screen(self, number: int) -> TourScreen:
        """Return the screen of a stop.

        Raises:
            UserError: Something of the stop means nothing.
        """
        return TourScreen(self, Standing(self.lesson.stops[number], self.open_network))


class TourScreen(MainScreen):
    """The main screen at one stop of a lesson."""

    AUTO_FOCUS = ""

    view_name = "tour"
    OFFERS_LESSONS = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "stop(1)", show=False, priority=True),
        Binding("backspace", "stop(-1)", show=False, priority=True),
        Binding("escape", "leave", show=False, priority=True),
        Binding("y", "show_me", show=False, priority=True),
        Binding("pageup", "page(-1)", show=False, priority=True),
        Binding("pagedown", "page(1)", show=False, priority=True),
        Binding("home", "first", show=False, priority=True),
        Binding("f5", "present", show=False, priority=True),
        Binding("q", "leave", show=False, priority=True),
        Binding("question_mark", "tour_help", show=False, priority=True),
    ]

    def __init__(self, telling: Telling, standing: Standing) -> None:
        """Hold a stop; its run is made again as the screen's own."""
        self._telling, self._standing = telling, standing
        self._stands = self._noticed = False
        self._opened: set[str] = set()
        self._answered: GivenAnswer | None = None
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
        self.set_class(self._is_whole, "-maximised")
        self.set_class(self._is_whole, "-whole")
        self._show_presenting()
        self._telling.progress.reached(self._telling.lesson, self._standing.stop.number)
        self.tell()

    @property
    def standing(self) -> Standing:
        """The stop, and a session that stands there."""
        return self._standing

    @property
    def is_standing(self) -> bool:
        """Whether the screen stands where the stop wants it."""
        return self._stands

    @property
    def has_told(self) -> bool:
        """Whether the question was answered, or what should be tried was noticed, and nothing is still computed."""
        return (self._noticed or self._answered is not None) and self.changes.is_free

    @property
    def _is_whole(self) -> bool:
        """Whether the stop shows its pane on the whole screen."""
        return self._standing.stop.show in ("map", "whole")

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
            everyone=self._standing.stop.show in ("map", "everyone"),
            order="index",  # a bar that is watched keeps its row
            spoken_of=self._standing.spoken_of(),
            shares_of=self._standing.shares_of(),
            veiled=self._is_asking,
        )
        self._stands = True

    def watch_view(self, old: View, new: View) -> None:
        """Stand where the lesson wants it as soon as that can be, and notice what was tried."""
        super().watch_view(old, new)
        if self._stands:
            if new.everyone:
                self._opened.add("everyone")
            self._notice()
            if self.is_mounted:
                self.query_one(TourText).say_of_which_step("" if new.t == self._standing.place.t else self._told_at())
        elif self.is_mounted:
            self._stand()

    def _told_at(self) -> str:
        """Return in words the step at which the stop stands."""
        t, sequence = self._standing.place.t, self._standing.session.frame.trace.sequence
        return f"t={t}" if sequence.x is not None else f"t={t} “{visible(sequence.tokens[t])}”"

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
        standing, choices = self._standing, self._standing.choices()
        text = self.query_one(TourText)
        text.tell(standing.say(), standing.what_to_try(), self._noticed, then, self._is_asking)
        if choices:
            text.ask(standing.question(), choices, self._answered)

    # --- asking before it is seen ---

    @property
    def _is_asking(self) -> bool:
        """Whether a question waits for its answer."""
        return self._standing.stop.ask is not None and self._answered is None

    def answer(self, choice: int, shown: bool = False) -> None:
        """Take an answer, show what comes of it, and say why it is right or not."""
        standing, ask = self._standing, self._standing.stop.ask
        if ask is None or not self._stands:
            return
        error = self._all_done(standing.reveal())
        if error:
            self.notify(error, severity="error", markup=False)
            return
        why: tuple[TextPiece, ...] = ()
        seen: tuple[TextPiece, ...] = ()
        with suppress(UserError):  # something of which they speak was edited away meanwhile
            why, seen = standing.why(choice, self.run.session), standing.seen(self.run.session)
        self._answered = GivenAnswer(choice, ask.answer, shown, why, seen)
        chosen = self.run.session.frame.equation
        if chosen is not None and any(line.text.startswith("equation") for line in ask.lines):
            self.run.show(value=chosen.name)
        self.run.show(veiled=False)
        if not shown:
            self._telling.sitting.answers.setdefault(standing.stop.number, choice == ask.answer)
        self.tell()

    def _all_done(self, doings: tuple[Callable[[Session], object], ...]) -> str:
        """Do something to the session of the screen; return what is wrong with it."""

        def act(session: Session) -> tuple[str, ...]:
            for one in doings:
                one(session)
            return ()

        return self.changes.change(act) if doings else ""

    # --- keys ---

    async def action_do(self, key: str) -> None:
        """Answer the question that waits, if a key does; else do what it stands for.

        A second answer is told that there was one: it is no command then, which might change the run.
        """
        ask, task = self._standing.stop.ask, self._standing.stop.task
        if ask is None and key == _WRITES and (task is None or not task.edit):
            self.run.show(said="no question here: enter goes on")  # it would add a word to the text
        elif ask is None or key not in CHOICES[: len(ask.choices)]:
            await self.do(command_of(key))
        elif self._is_asking:
            self.answer(CHOICES.index(key))
        else:
            self.run.show(said="answered: enter goes on")

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
        """Go to another stop; behind the last one, what is to be kept of the lesson is told."""
        number = self._standing.stop.number + step
        if number < 0:
            return
        telling = self._telling
        if number < len(telling.lesson.stops):
            self._go(number)
            return
        telling.progress.finished(telling.lesson)
        telling.done()
        if telling.lesson.summary or telling.sitting.answers:
            self.app.switch_screen(LessonEnd(telling.lesson, telling.sitting.answers, telling.glyphs))
        else:
            self.dismiss(None)

    def action_first(self) -> None:
        """Go to the first stop."""
        if self._standing.stop.number:
            self._go(0)

    def _go(self, number: int) -> None:
        self.app.switch_screen(self._telling.screen(number))

    def action_show_me(self) -> None:
        """Show the answer of a question; then do what should be tried."""
        ask, task = self._standing.stop.ask, self._standing.stop.task
        if self._is_asking and ask is not None:
            self.answer(ask.answer, shown=True)
            return
        if self._noticed or task is None:
            return
        error = self._all_done(self._standing.doings())
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
        """Leave the lesson, if that is meant; what was opened over a stop, before."""
        if self.shown == OneUnit.NUMBER and self._standing.stop.look != OneUnit.WORD:
            self.looks.one_unit()
        elif self.has_class("-maximised") and not (self._telling.sitting.presenting or self._is_whole):
            self.looks.back()
        else:
            self.app.push_screen(LeaveLesson(self._telling.lesson, self._standing.stop.number), self._left)

    def _left(self, leaves: bool | None) -> None:
        if leaves:
            self.dismiss(None)

    def action_present(self) -> None:
        """Present the lesson to a class, or no longer."""
        sitting = self._telling.sitting
        sitting.presenting = not sitting.presenting
        if not sitting.presenting:
            self.set_class(self._is_whole, "-maximised")
        self._show_presenting()

    def _show_presenting(self) -> None:
        presenting = self._telling.sitting.presenting
        self.set_class(presenting, "-presenting")
        if presenting:
            self.add_class("-maximised")

    def action_page(self, pages: int) -> None:
        """Scroll the text by so many of its heights; before a class, go to another stop."""
        if self._telling.sitting.presenting:
            self.action_stop(pages)
            return
        text = self.query_one(TourText)
        text.scroll_relative(y=pages * max(text.size.height - 1, 1), animate=False)

    def action_tour_help(self) -> None:
        """Tell the keys of a lesson."""
        own, others = keymap_of(self.view_name).line(_HELP), [_HELP_OF_ALL]
        lines = [Content.assemble((f"{key:>16}  ", "bold $lt-key"), (word, "$lt-ink")) for key, word in [*own, *others]]
        for before, now, word in changed_keys():
            told = f"{word}: your own key, where a lesson says {before}"
            lines.append(Content.assemble((f"{now:>16}  ", "bold $lt-key"), (told, "$lt-ink")))
        self.app.push_screen(PageScreen("keys of a lesson", lines))
