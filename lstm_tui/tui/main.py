"""The main screen: it holds the view and the controllers, hands the view to the panes, and hears what they send."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.actions import parse
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Resize
from textual.reactive import Reactive, reactive
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from lstm_tui.debugger import command_log
from lstm_tui.debugger.panes import PANES
from lstm_tui.debugger.source import LineRuns
from lstm_tui.engine.model.network import Network
from lstm_tui.formats.io.command_history import Past
from lstm_tui.formats.io.preferences import Preferences
from lstm_tui.tui.canvas.palette import DARK_PALETTE, Glyphs, Palette, palette_of
from lstm_tui.tui.commands import COMMANDS, Command, command_of
from lstm_tui.tui.controllers.autosave import Keeping, ScreenAutosave
from lstm_tui.tui.controllers.behind import ComputingBehind
from lstm_tui.tui.controllers.breakpoints import BreakpointKeys
from lstm_tui.tui.controllers.changes import Changes, WorkProgress
from lstm_tui.tui.controllers.dialogs import Dialogs, Replies
from lstm_tui.tui.controllers.edits import Edits
from lstm_tui.tui.controllers.looks import Looks
from lstm_tui.tui.controllers.open_run import LastStop, OpenRun
from lstm_tui.tui.controllers.runs import Runs
from lstm_tui.tui.controllers.steps import Steps
from lstm_tui.tui.controllers.stream import StreamFollower
from lstm_tui.tui.keys import Awaited
from lstm_tui.tui.panes.diagram import DiagramPane
from lstm_tui.tui.panes.equations import CellPane
from lstm_tui.tui.panes.header_footer import EquationLine, FooterLine, HeaderLine, OneLine, StopLines, TabsLine
from lstm_tui.tui.panes.large_unit import OneUnit
from lstm_tui.tui.panes.ledger import LedgerPane
from lstm_tui.tui.panes.memory import Heatmap
from lstm_tui.tui.panes.now_line import NowLine
from lstm_tui.tui.panes.output import Output
from lstm_tui.tui.panes.pane import Beside, Pane
from lstm_tui.tui.panes.tape import Tape
from lstm_tui.tui.panes.units import BackwardUnits, Units
from lstm_tui.tui.view import EMPTY, View

LEAST_WIDTH, LEAST_HEIGHT = 40, 12


class MainScreen(Screen[None]):
    """Tape, unit tables, equations, memory and output of one position of one run.

    What keys do is the controllers' part; the table of commands names controller and method.
    """

    DEFAULT_CSS = "MainScreen { background: $lt-ground; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(key, f"do({key!r})", command.word, show=False, priority=True)
            for command in COMMANDS  # before any pane, so that keys act in their order
            for key in command.keys
        ),
        Binding("escape", "back", show=False, priority=True),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-middle"), (144, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (24, "-high")]
    AUTO_FOCUS = "#forward"
    OFFERS_LESSONS = True
    """Whether the line in words says how lessons are opened: not inside one."""

    view: reactive[View] = reactive(EMPTY, repaint=False)
    palette: reactive[Palette] = reactive(DARK_PALETTE, repaint=False)
    busy: reactive[str] = reactive("", repaint=False)
    shown: reactive[int] = reactive(Units.NUMBER, repaint=False)
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """As Textual has it, but a change of focus repaints the two panes it concerns and not the whole screen."""

    def __init__(
        self,
        lines: LineRuns,
        glyphs: Glyphs,
        few_colours: bool,
        *,
        past: Past | None = None,
        keeping: Keeping | None = None,
        open_network: Callable[[str], Network] | None = None,
        settings: Preferences | None = None,
    ) -> None:
        """Hold what is open; the first run is made when the screen is laid out.

        Args:
            lines: The runs of what is open, by line.
            glyphs: The signs to draw with.
            few_colours: Whether the terminal has few colours.
            past: The lines that were typed before, where they are kept.
            keeping: How the work is kept, where it is.
            open_network: Opens a bundled network by its name, where that can be done.
            settings: What the user has chosen once and for all, where that is kept.
        """
        super().__init__()
        self._glyphs, self._few_colours = glyphs, few_colours
        self.run = run = OpenRun(self, lines)
        self.progress = WorkProgress(self, self)
        self.steps = Steps(self, run, self._keys_wait)
        self.looks = Looks(self, self, run, self.steps, settings or Preferences())
        self.last_stop, self.replies = LastStop(run), Replies(self, run)
        self.changes = Changes(self, run, self.steps, self.looks, self.last_stop, self.replies, self.progress)
        self.runs = Runs(self, run, self.steps, self.changes, self.progress)
        self.behind = ComputingBehind(self, run, self.progress)
        self.progress.watch_over(self.changes, self.runs, behind=self.behind.told)
        self.edits = Edits(self, run, self.steps, self.looks, self.changes, past or Past(), self.rows_kept)
        self.breakpoints = BreakpointKeys(self, run, self.steps, self.looks, self.changes, self.edits, self.progress)
        self.stream = StreamFollower(self, run, self.steps, self.changes, self.runs, self.last_stop)
        self.autosave = ScreenAutosave(self, run, self.looks, self.changes, keeping)
        self.dialogs = Dialogs(self, run, self.steps, self.looks, open_network, self.edits.go_found)

    def compose(self) -> ComposeResult:
        """Make the first run, so that the first frame is whole, and lay out the panes for `app.tcss` to place."""
        (width, height), across, down = self.app.size, self.HORIZONTAL_BREAKPOINTS, self.VERTICAL_BREAKPOINTS
        for length, breakpoints in ((width, across), (height, down)):
            self.add_class(next(name for least, name in reversed(breakpoints) if length >= least))
        self._choose_colours()
        self.looks.begin()
        self.runs.open_line(self.run.wanted_line)
        bound = {"view": MainScreen.view, "palette": MainScreen.palette}
        yield Static(Content(f"too small: {LEAST_WIDTH}×{LEAST_HEIGHT} is the least"), id="small")
        yield HeaderLine(self.stream.waits_for(), id="header").data_bind(**bound, busy=MainScreen.busy)
        yield NowLine(self.OFFERS_LESSONS, id="now").data_bind(**bound)
        yield Tape("tape").data_bind(**bound)
        yield TabsLine(id="tabs").data_bind(**bound, shown=MainScreen.shown)
        with Beside(id="units"):
            yield Units("forward", "-shown").data_bind(**bound)
            yield BackwardUnits("backward").data_bind(**bound)
        with Beside(id="lower", classes="-away"):
            yield CellPane("cell").data_bind(**bound)
            yield Heatmap("memory", "-beside").data_bind(**bound)
            yield LedgerPane("ledger").data_bind(**bound)
            yield Output("output").data_bind(**bound)
            yield DiagramPane("diagram").data_bind(**bound)
        yield OneUnit("one").data_bind(**bound)
        yield EquationLine(id="equation").data_bind(**bound)
        yield StopLines(id="stop").data_bind(**bound)
        yield FooterLine(id="footer").data_bind(**bound)

    def on_mount(self) -> None:
        """Follow the theme, and have Numba redo the run once it is on the screen."""
        self.app.theme_changed_signal.subscribe(self, self._choose_colours)
        for begin in (self.runs.hand_over, self.autosave.begin, self.stream.follow):
            self.call_after_refresh(begin)

    def _choose_colours(self, _: object = None) -> None:
        self.palette = palette_of(self.app.theme_variables, self._glyphs, self._few_colours)

    def _keys_wait(self) -> bool:
        """Say whether keys were pressed that have not acted yet, as when one is held down."""
        return bool(getattr(self.app, "keys", None))

    def keys_await(self) -> Awaited | None:
        """Return what keys wait for."""
        return self.autosave.awaited() or self.progress.awaited()

    def rows_kept(self) -> int:
        """Return the rows at the bottom that a line which is typed leaves in sight."""
        return 0

    def offers(self, command: Command) -> bool:
        """Say whether a command does something in this run."""
        return all(self.looks.has_pane(pane.number) for pane in PANES if command.action == f"looks.pane({pane.number})")

    # --- the view ---

    def validate_view(self, view: View) -> View:
        """Have every view tell the last stop, what the displays say, and how it stands with a text that grows."""
        return view if view.is_empty else self.stream.told_in(self.last_stop.told_in(view))

    def watch_view(self, old: View, new: View) -> None:
        """Bring the table of another pass into sight, and compute the rest of a long run."""
        self.looks.follow_view(old, new)
        self.behind.follow(new)

    # --- commands ---

    async def do(self, command: Command) -> None:
        """Do what a row of the table of commands says; without a run, only what can be done without one."""
        if self.run.is_empty and not command.always:
            return
        command_log.note(f"key {command.key}: {command.word}")
        controller, method, values = parse(command.action)
        if controller == "app":
            await self.run_action(command.action)
        else:
            getattr(getattr(self, controller), method)(*values)

    async def action_do(self, key: str) -> None:
        """Do what a key stands for."""
        await self.do(command_of(key))

    def action_back(self) -> None:
        """Give up what is waited for, or leave what was opened over the panes."""
        if not (self.progress.give_up() or self.behind.give_up()):
            self.looks.back()

    # --- what panes and Textual tell ---

    @on(OneLine.Pressed)
    async def _pressed(self, message: OneLine.Pressed) -> None:
        await self.do(message.command)

    @on(Pane.Stepped)
    def _stepped(self, message: Pane.Stepped) -> None:
        self.steps.token(message.tokens)

    @on(Pane.Chosen)
    def _chosen(self, message: Pane.Chosen) -> None:
        self.looks.choose(message.target, message.go)

    def on_descendant_focus(self) -> None:
        """A pane that is clicked or reached by tab is the one that is shown."""
        self.looks.follow_focus()

    def on_screen_resume(self) -> None:
        """Tell what could not be told over a line that was typed."""
        self.replies.tell_rest()

    def on_resize(self, event: Resize) -> None:
        """Say so when there is no room at all."""
        self.set_class(event.size.width < LEAST_WIDTH or event.size.height < LEAST_HEIGHT, "-tiny")
