"""What moves an output or a memory: gradients, the ledger and deletions, computed beside the screen."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import numpy as np
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from lstm_tui.analysis.influence import each_deletion, influence
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.visible import visible
from lstm_tui.tui.background import in_background
from lstm_tui.tui.key_queue import Awaited
from lstm_tui.tui.questions import Answer, outputs_of, unit_of
from lstm_tui.tui.render.line import Line
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.view import View
from lstm_tui.tui.widgets.influence import InfluencePane
from lstm_tui.tui.widgets.pane import Pane

_PAUSE = 0.1
"""Seconds between two reports of a computation."""
_KEYS = (
    ("1…7", "order"),
    ("[]", "output"),
    ("c", "memory"),
    ("j/k", "token"),
    ("enter", "go"),
    ("s", "stop"),
    ("esc", "back"),
)


class _Keys(Widget):
    """The keys of the screen in one line."""

    DEFAULT_CSS = "_Keys { height: 1; }"

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self._palette = palette

    def render_line(self, y: int) -> Strip:
        """Return the line."""
        palette = self._palette
        line = Line(self.size.width, palette.style("ink", "band")).put(" ")
        for key, word in _KEYS:
            line.put(palette.glyphs.say(key), palette.style("key", "band", bold=True))
            line.put(f" {word}  ", palette.style("soft", "band"))
        return line.strip()


class InfluenceScreen(Screen[int | None]):
    """Answers one question at a time; dismissed with a token to go to, or None."""

    DEFAULT_CSS = "InfluenceScreen { background: $lt-ground; } InfluenceScreen InfluencePane { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,r", "leave", show=False),
        Binding("j,down", "move(1)", show=False),
        Binding("k,up", "move(-1)", show=False),
        Binding("right_square_bracket", "output(1)", show=False),
        Binding("left_square_bracket", "output(-1)", show=False),
        Binding("c", "memory", show=False),
        Binding("s", "stop", show=False),
        Binding("enter,t", "go", show=False),
        *(Binding(str(n), f"order({n})", show=False) for n in range(1, 8)),
    ]

    answer: reactive[Answer | None] = reactive(None, repaint=False)

    class Learned(Message):
        """Something more is known of the question with this number."""

        def __init__(self, question: int, **changes: Any) -> None:
            """Hold what has changed."""
            super().__init__()
            self.question, self.changes = question, changes

    def __init__(self, view: View, palette: Palette) -> None:
        """Ask about the largest output at the position, or about the chosen unit where there is none."""
        super().__init__()
        self._view, self._palette = view, palette
        self._targets = (*outputs_of(view), unit_of(view))
        self._chosen = 0
        self._question = 0
        self._asked_at = 0.0

    def keys_await(self) -> Awaited | None:
        """Return what keys wait for: that the rows are in their order."""
        answer = self.answer
        waits = answer is not None and answer.working and (answer.found is None or answer.order == "left out")
        return Awaited(self._asked_at, stops=("escape", "q", "r", "s")) if waits else None

    def compose(self) -> ComposeResult:
        """Lay out the table above the keys."""
        pane = InfluencePane("influence").data_bind(answer=InfluenceScreen.answer)
        pane.palette = self._palette
        yield pane
        yield _Keys(self._palette)

    def on_mount(self) -> None:
        """Ask once the screen is there."""
        self._ask()

    def on_unmount(self) -> None:
        """Have the thread stop."""
        self._question += 1

    def _ask(self) -> None:
        """Begin another question; what is computed for the one before stops by itself."""
        self._question += 1
        self._asked_at = time.monotonic()
        order = self.answer.order if self.answer else "token"
        cursor = self.answer.cursor if self.answer else self._view.t
        answer = Answer(self._view, self._targets[self._chosen], order=order, cursor=cursor)
        self.answer = answer
        in_background(lambda number=self._question: self._work(number, answer))  # type: ignore[misc]

    def _work(self, number: int, answer: Answer) -> None:
        """Compute in a thread: gradients, then a run without each token; the answers are messages."""
        trace, target = answer.view.trace, answer.target
        try:
            with np.errstate(all="ignore"):  # a thread has a state of its own
                self.post_message(self.Learned(number, found=influence(trace, target)))
                effects = np.full(len(trace.sequence), np.nan)
                told = time.monotonic()
                for t, effect in each_deletion(trace, target):
                    if number != self._question:
                        return
                    effects[t] = effect
                    if time.monotonic() - told > _PAUSE:
                        told = time.monotonic()
                        self.post_message(self.Learned(number, effects=effects.copy(), done=t + 1))
                self.post_message(self.Learned(number, effects=effects, done=len(effects), working=False))
        except (UserError, MemoryError) as error:
            problem = visible(str(error)) or "there is not enough memory for this"
            self.post_message(self.Learned(number, problem=problem, working=False))

    @on(Learned)
    def _learned(self, message: Learned) -> None:
        if self.answer is not None and message.question == self._question:
            self.answer = self.answer.but(**message.changes)

    @on(Pane.Chosen)
    def _row(self, message: Pane.Chosen) -> None:
        if self.answer is not None and message.target.t is not None:
            self.answer = self.answer.but(cursor=message.target.t)

    def action_move(self, down: int) -> None:
        """Go to the row above or below."""
        self.query_one(InfluencePane).move(0, down)

    def action_order(self, number: int) -> None:
        """Order the tokens by a column."""
        if self.answer is not None:
            names = ("token", *self.answer.columns)
            if number <= len(names):
                self.answer = self.answer.but(order=names[number - 1])

    def action_output(self, shift: int) -> None:
        """Ask about another output."""
        outputs = max(len(self._targets) - 1, 1)
        if len(self._targets) > 1:
            self._chosen = (self._chosen + shift) % outputs if self._chosen < outputs else 0
            self._ask()

    def action_memory(self) -> None:
        """Ask about the chosen unit's memory at this step, or about the output again."""
        if len(self._targets) > 1:
            last = len(self._targets) - 1
            self._chosen = 0 if self._chosen == last else last
            self._ask()

    def action_stop(self) -> None:
        """Compute no further; what is known stays."""
        if self.answer is not None and self.answer.working:
            self._question += 1
            self.answer = self.answer.but(working=False)

    def action_go(self) -> None:
        """Close the screen and go to the token under the cursor."""
        self.dismiss(None if self.answer is None else self.answer.cursor)

    def action_leave(self) -> None:
        """Close the screen."""
        self.dismiss(None)
