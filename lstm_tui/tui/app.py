"""The Textual app: themes, the one main screen, and a terminal that is always left as it was."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.events import Callback, Event, Key, Paste
from textual.screen import Screen
from textual.widgets import OptionList

from lstm_tui.debugger.endings import HUNG_UP, INTERRUPTED, Watch, watched
from lstm_tui.debugger.source import LineRuns, Source
from lstm_tui.engine import setbacks
from lstm_tui.engine.runtime.windowed_series import wait_for_nothing
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.canvas.palette import ASCII, DARK, LIGHT, UNICODE, Glyphs
from lstm_tui.tui.commands import COMMANDS, key_of, now_at, said_of_key
from lstm_tui.tui.environment import check_terminal, draws_ascii, is_sealed, is_served, leave_with
from lstm_tui.tui.keys import Awaited, KeyQueue, read_escape_at_once
from lstm_tui.tui.main import MainScreen
from lstm_tui.tui.threads import end
from lstm_tui.tui.view_keys import VIEW_KEYS

if TYPE_CHECKING:
    from lstm_tui.debugger.session import Session
    from lstm_tui.formats.io.command_history import Past
    from lstm_tui.formats.io.preferences import Preferences
    from lstm_tui.tui.controllers.autosave import Keeping, Offer
    from lstm_tui.tui.lesson_launcher import Teaching

FINISHED = 0
"""What the app returns when whoever sits before it said `quit`: only then is there nothing to keep."""
_SOON = 0.05
_HELD = (*now_at("n").keys, *now_at("N").keys)  # keys that may be held down
_PAGES = ("pageup", "pagedown")
_LEAVING = f"nothing runs: {key_of('app.quit')} leaves, and so does ctrl+c again"
_CLOSING = "nothing runs: esc closes what is open here, ctrl+c again leaves"
_UNKNOWN_TIME = 4  # seconds that a key is said to be another screen's
_REMARK_TIME = 8  # seconds that what was assumed of a file is said; the heading counts it all the time


class LstmApp(App[int]):
    """The debugger's screen."""

    CSS_PATH = Path(__file__).with_name("app.tcss")
    TITLE = "lstm-tui"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "interrupt", show=False, priority=True),
        Binding(",".join(now_at("P").keys), "picture", show=False),
    ]

    def __init__(
        self,
        source: Source,
        *,
        ascii_only: bool = False,
        light: bool = False,
        few_colours: bool | None = None,
        teaching: Teaching | None = None,
        resume: Offer | None = None,
        past: Past | None = None,
        keeping: Keeping | None = None,
        settings: Preferences | None = None,
        begin: Callable[[Session], tuple[str, ...]] | None = None,
    ) -> None:
        """Hold what is open; nothing is run yet. `few_colours` None asks the terminal."""
        super().__init__()
        self.lines = LineRuns(source)
        self._ascii = ascii_only
        self._few_colours = few_colours
        self._teaching = teaching
        self._resume = resume
        self._past = past
        self._keeping = keeping
        self._settings = settings
        self._begin_with = begin
        self._interrupted = False
        self._watch: Watch | None = None
        self._told: int | None = None
        self._kept = False  # at the end, and nothing was done since
        self._main: MainScreen | None = None
        self._remarks: list[str] = []
        self._begun = monotonic()
        self.keys = KeyQueue(self, self._press, self._catch_up, self._tell_unknown)
        self._unknown = ("", 0.0)  # the key that was last said to mean nothing on top, and when
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        # Not by assignment, which would have all style sheets parsed twice before the first frame.
        self.set_reactive(LstmApp.theme, (LIGHT if light else DARK).name)
        self.add_class("-light-mode" if light else "-dark-mode")
        self.stylesheet.set_variables(self.get_css_variables())

    def open(self) -> int:
        """Show the screen until it is left, and return the exit code; unless somebody said `quit`, the work is kept."""
        finished = False
        try:
            with self.watched():
                code = self.run()
            finished = code == FINISHED
            if isinstance(code, int):
                return code
            if self._told is not None:
                return self._told
            gone = not is_served() and not os.isatty(2)  # seen before anybody told of it
            return HUNG_UP if gone and self._watch is not None else self.return_code or 0
        finally:
            if self._keeping is not None:
                if not (finished or self._kept):
                    self.keep()
                self._keeping.autosave.leave(finished)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Give the colours of our themes to every other theme."""
        return dict((DARK if self.current_theme.dark else LIGHT).variables)

    def get_default_screen(self) -> Screen[Any]:
        """Return the main screen."""
        self._main = MainScreen(
            self.lines, *self.drawn_with(), past=self._past, keeping=self._keeping,
            open_network=None if self._teaching is None else self._teaching.open_network, settings=self._settings,
        )  # fmt: skip
        return self._main

    def drawn_with(self) -> tuple[Glyphs, bool]:
        """Return the signs to draw with, and whether there are few colours."""
        few = self._few_colours
        if few is None:
            few = self._ascii or self.no_color or self.console.color_system == "standard"
        return ASCII if self._ascii else UNICODE, few

    def on_mount(self) -> None:
        """Say what was assumed of the file, and resume what is to be resumed."""
        if self.lines.source.remarks:
            first, *others = self.lines.source.remarks
            more = f"\nand {len(others)} more: `:info frame` lists them" if others else ""
            self.notify(first + more, severity="warning", markup=False, timeout=_REMARK_TIME)
        if self.lines.source.note:
            self.notify(visible(self.lines.source.note), markup=False, timeout=_REMARK_TIME)
        for line in self._remarks:
            self._say(line)
        if is_served():
            leave_with(self)
        if self._watch is not None:
            self.call_after_refresh(self._watch.hold)  # the driver of the browser takes signals of its own
        if self._resume is not None:
            self.call_after_refresh(self._take_up, self._resume)
        if self._begin_with is not None:
            self.call_after_refresh(self._first_lines)
        if self._teaching is not None:
            self.call_after_refresh(self._teaching.greet, self, *self.drawn_with(), self._settings)

    def _main_screens(self) -> list[MainScreen]:
        """Return the screens of a run, the lowest first; there is none where two runs are compared."""
        return [one for one in self.screen_stack if isinstance(one, MainScreen)]

    def _take_up(self, resume: Offer) -> None:
        """Resume a saved session as soon as the first run is there."""
        for screen in self._main_screens()[:1]:
            if screen.view.is_empty:
                self.set_timer(_SOON, lambda: self._take_up(resume))
            else:
                self._resume = None
                screen.autosave.take_up(resume)

    def _first_lines(self) -> None:
        """Execute the lines a session begins with, as soon as the first run is there."""
        begin = self._begin_with
        for screen in self._main_screens()[:1]:
            if screen.view.is_empty:
                self.set_timer(_SOON, self._first_lines)
            elif begin is not None:
                self._begin_with = None
                screen.changes.change(begin)

    def action_tour(self) -> None:
        """Offer the lessons."""
        if self._teaching is None:
            self.notify("there are no lessons at hand: start with `lstm-tui tour`", markup=False)
        else:
            self._teaching.offer(self, *self.drawn_with(), self._settings)

    def action_picture(self) -> None:
        """Take a picture of the screen, without what was said in passing."""
        from lstm_tui.tui.views.screenshot import take_picture

        self.clear_notifications()
        self.call_after_refresh(take_picture, self)

    async def action_quit(self) -> None:
        """Leave, as `q` does."""
        self.exit(FINISHED)

    def keep(self) -> None:
        """Have what the screen holds written down now, where it is kept, with the lines it has not come to yet."""
        if self._main is not None:
            from lstm_tui.tui.prompts.edit import CommandPrompt

            top = self.screen_stack[-1] if self.screen_stack else None
            begun = top.line.value if isinstance(top, CommandPrompt) and top.is_mounted else None
            self._main.autosave.keep(now=True, waiting=self.keys.lines_waiting(begun))

    # --- the end, and what cannot be used ---

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Leave in good order when a signal comes or the terminal or the server is gone; say what cannot be used."""
        with watched(owned=False) as watch, setbacks.told_by(self._remark):
            if watch is None:
                yield
                return
            self._watch = watch
            with watch.screen(self._told_to_end, *((0, 1) if is_served() else (0, 2))):
                yield

    def on_load(self) -> None:
        """Leave before the terminal is changed, when that was asked for on the way here.

        All that runs in here draws or handles keys: of a run in windows it takes what is computed; threads compute.
        """
        wait_for_nothing()
        if self._told is not None:
            self.exit(self._told)

    def _told_to_end(self, code: int) -> None:
        """Leave with an exit code; called from any thread, and before there is anything to leave."""
        self._told = code
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended meanwhile
                self._loop.call_soon_threadsafe(self._keep_and_leave, code)

    def _keep_and_leave(self, code: int) -> None:
        """Write the work down before anything is taken down: on a busy machine that may take all the grace there is."""
        try:
            self.keep()
            self._kept = True
        finally:
            self.exit(code)

    def _handle_exception(self, error: Exception) -> None:
        """End by a traceback, unless the end was asked for: a screen that was being opened is then left half made."""
        if not self._exit:
            super()._handle_exception(error)

    def remark(self, line: str) -> None:
        """Say something once the screen is there."""
        self._remarks += [line] if line else []

    def _remark(self, line: str) -> None:
        """Say something in passing, from any thread; what comes before the first frame is said with it."""
        if self._loop is None:
            self._remarks.append(line)
        else:
            self.call_later(self._say, line)

    def _say(self, line: str) -> None:
        self.notify(visible(line), severity="warning", markup=False, timeout=_REMARK_TIME)

    async def on_event(self, event: Event) -> None:
        """Have keys act in their order; whatever else comes acts on what is shown."""
        if isinstance(event, Key | Paste) and not event.is_forwarded:
            await self.keys.put(event)
        else:
            if not isinstance(event, Key | Paste | Callback):  # the last is how a key is handed on
                self._catch_up()
            await super().on_event(event)

    async def _press(self, event: Key | Paste) -> None:
        """Have one key act, or put what is pasted into the line that is typed: all of it, but execute none of it."""
        if isinstance(event, Paste):
            event = Paste(" ".join(event.text.splitlines()))
        elif event.key == "ctrl+j":  # as some terminals send the end of a line that is pasted
            event = Key("enter", "\r")
        if isinstance(event, Key) and event.key != "ctrl+c":
            self._interrupted = False  # ctrl+c twice in a row is meant; any other key is between
        if not (isinstance(event, Key) and event.key in _HELD):
            self._catch_up()
        if isinstance(event, Key) and event.key in _PAGES and self._has_no_rows():
            return  # Textual's list looks its lines up without having laid any out
        await super().on_event(event)

    async def _check_bindings(self, key: str, priority: bool = False) -> bool:
        """Have a key do what it is bound to; where the view on top knows none such, say whose key it is."""
        found = await super()._check_bindings(key, priority)
        if not found and not priority:  # the last place where one is looked for
            self._tell_unknown(key)
        return found

    def _tell_unknown(self, key: str) -> None:
        """Say in a line who knows a key that the view on top does not; one that is held down is said once."""
        if isinstance(self.screen, MainScreen) or getattr(self.screen, "view_name", "") not in VIEW_KEYS:
            return
        line, now = said_of_key(key, alone=not self._main_screens()), monotonic()
        if line and (key != self._unknown[0] or now - self._unknown[1] > _UNKNOWN_TIME):
            self._unknown = (key, now)
            self.notify(line, markup=False, timeout=_UNKNOWN_TIME)

    def _has_no_rows(self) -> bool:
        """Say whether there is a list on the screen, and no room for a single row of it."""
        return any(not one.scrollable_content_region.area for one in self.screen.query(OptionList))

    def _catch_up(self) -> None:
        for screen in self._main_screens():
            screen.run.catch_up()

    def keys_await(self) -> Awaited | None:
        """Return what all keys wait for: that a session which was saved is resumed."""
        return None if self._resume is None and self._begin_with is None else Awaited(self._begun, acts=False)

    def action_interrupt(self) -> None:
        """Give up what is waited for; else say how to leave, and leave at the second time, or where nothing is open."""
        screens = self._main_screens()[:1]
        if any(screen.progress.give_up() for screen in screens):
            self._interrupted = False
        elif self._interrupted or any(screen.view.is_empty for screen in screens):
            self.exit(INTERRUPTED)
        else:
            self._interrupted = True
            self.notify(_LEAVING if len(self.screen_stack) == 1 else _CLOSING, markup=False, timeout=4)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Offer every command of the table, then what Textual offers."""
        if isinstance(screen, MainScreen):
            for command in filter(screen.offers, COMMANDS):
                run = lambda command=command: screen.call_later(screen.do, command)  # noqa: E731
                yield SystemCommand(f"{command.phrase} ({command.key})", f"{command.word}: {command.help}", run)
        for one in super().get_system_commands(screen):
            if one.title not in ("Keys", "Maximize", "Minimize"):
                yield one


def run_app(
    source: Source,
    *,
    ascii_only: bool | None = None,
    light: bool = False,
    resume: Offer | None = None,
    past: Past | None = None,
    keeping: Keeping | None = None,
    teaching: Teaching | None = None,
    settings: Preferences | None = None,
    begin: Callable[[Session], tuple[str, ...]] | None = None,
    remark: str = "",
) -> int:
    """Open the debugger and return its exit code.

    Args:
        source: What is open; each of its lines is run when it is first shown.
        ascii_only: Draw with ASCII signs only; None finds out whether the terminal needs it.
        light: Begin with the light theme.
        resume: A session that was saved, to be resumed once the screen is there.
        past: The lines that were typed before, where they are kept.
        keeping: How the work is kept, where it is.
        teaching: The lessons that can be opened.
        settings: What the user has chosen once and for all, where that is kept.
        begin: Executes the lines a session begins with; returns what is said of that.
        remark: What is said once the screen is there.

    Raises:
        UserError: If there is no terminal to draw on, or the first sequence or an edit does not fit the network.
    """
    check_terminal()
    read_escape_at_once()
    if is_sealed():
        from lstm_tui.debugger.commands.dispatch import seal

        seal()
        past = settings = begin = None
    app = LstmApp(
        source, ascii_only=draws_ascii() if ascii_only is None else ascii_only, light=light, teaching=teaching,
        resume=resume, past=past, keeping=keeping, settings=settings, begin=begin,
    )  # fmt: skip
    app.remark(remark)
    app.lines.try_first_line()  # before the screen, so that what is wrong with it is said without one
    return end(app.open())
