"""Small networks with fixed weights, and a way to press keys on the real screen."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from time import monotonic
from typing import Any, TypeVar

import numpy as np
from painted_at_rest import paint
from textual.events import Key
from textual.keys import REPLACED_KEYS, _character_to_key, _get_unicode_name_from_key
from textual.pilot import Pilot
from textual.screen import Screen

from lstm_tui.debugger.source import Source
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.network import build_network as _build
from lstm_tui.engine.model.sequence import Sequence as InputSequence
from lstm_tui.engine.model.tokens import tokenize
from lstm_tui.tui.app import LstmApp
from lstm_tui.tui.keys import SEEN_AFTER
from lstm_tui.tui.main import MainScreen
from lstm_tui.tui.panes.header_footer import OneLine
from lstm_tui.tui.panes.pane import Pane
from lstm_tui.tui.view import View
from lstm_tui.tui.views.analysis_screen import AnalysisScreen

S = TypeVar("S", bound=Screen[Any])
_AT_MOST = 60.0
"""Seconds that a key may take on a machine that is busy with more than this."""
LINES = (
    "The movie was not bad",
    "The plot was dull , but the acting was good and I would see it again",
    "bad movie",
)
HOSTILE = (
    "[/nope]",
    "a[bold]b",
    "\x1b]52;c;aGk=\x07",
    "e\u0301",
    "\u0301",
    "日本語",
    "👩\u200d👧",
    "\u202eabc",
    "",
    " ",
)
WORDS = ("<unk>", *sorted({token.lower() for line in LINES for token in tokenize(line, "words")} - {"dull"}))


@cache
def network(
    cell: str = "lstm", hidden: int = 12, both: bool = True, readout: str | None = "mean", layers: int = 1
) -> Network:
    """Return a network with weights that never change."""
    directions = ["forward", "backward"] if both else ["forward"]
    spec: dict[str, Any] = {
        "name": "small",
        "tokens": {"kind": "words", "lowercase": True, "vocabulary": list(WORDS)},
        "embedding_size": 8,
        "layers": [{"cell": cell, "hidden_size": hidden, "directions": directions}] * layers,
        "readout": readout,
        "classes": ["negative", "positive"] if readout == "mean" else [],
    }
    made = _build(spec, seed=3)
    generator = np.random.default_rng(5)
    for name, tensor in made.tensors().items():
        tensor[...] = generator.normal(0, 0.5 if name == "embedding" else 0.8, tensor.shape)
    return made


def sequences(lines: Sequence[str] = LINES) -> list[InputSequence]:
    """Return lines in the vocabulary of the network."""
    return [of_tokens(tokenize(line, "words"), number) for number, line in enumerate(lines, 1)]


def of_tokens(tokens: Sequence[str], line: int = 1) -> InputSequence:
    """Return tokens as a sequence of a file."""
    known = network().tokens
    assert known is not None
    ids, unknown = known.encode(tokens)
    return InputSequence("words", tuple(tokens), ids, unknown, None, "sample.txt", line)


def three_lines(cell: str = "lstm", **of: Any) -> Source:
    """Return the three lines and a network, as they are opened."""
    return Source(network(cell, **of), sequences(), interpreter="numpy")


def _key(name: str) -> Key:
    """Return a key as a terminal sends it: by its name in Textual, or by its character."""
    named = name if len(name) > 1 or name.isalnum() else _character_to_key(name)
    if len(name) == 1:
        return Key(named, name)
    try:
        return Key(named, unicodedata.lookup(_get_unicode_name_from_key(REPLACED_KEYS.get(named, named))))
    except KeyError:
        return Key(named, None)


class Driver:
    """The screen of a running app, as a test sees it."""

    def __init__(self, app: LstmApp, pilot: Pilot[int]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def screen(self) -> MainScreen:
        screen = self.app.screen_stack[0]
        assert isinstance(screen, MainScreen)
        return screen

    def on_top(self, kind: type[S]) -> S:
        """Return the screen that is on top, which is of this class."""
        screen = self.app.screen
        assert isinstance(screen, kind)
        return screen

    @property
    def view(self) -> View:
        assert not self.screen.view.is_empty
        return self.screen.view

    async def press(self, *keys: str) -> None:
        """Press keys, each once the one before has acted, and wait until all is drawn.

        Textual's own way to press keys waits thrice a key until the process has rested, for a line that is typed
        nearly all of the time that a test takes; and for half a minute where a key closes a screen meanwhile.
        """
        for key in keys:
            taken = asyncio.Event()
            self.app.post_message(_key(key))
            if self.app.call_later(taken.set):  # else a key has ended it
                await self._becomes(partial(self._has_acted, taken))
            await self._becomes(lambda: getattr(self.app.screen, "view_name", "") != "opening")
        await self._drawn()

    def _has_acted(self, taken: asyncio.Event) -> bool:
        return taken.is_set() and self.app.keys.has_acted() and not self.app.keys

    async def _drawn(self) -> None:
        """Wait until no message is on its way and the screen on top is drawn as it is."""
        screen = None
        while self.app.is_running and not self.app._exit and self.app.screen is not screen:
            await self._becomes(self.app.keys.is_quiet)
            screen, drawn = self.app.screen, asyncio.Event()
            if screen.call_after_refresh(drawn.set):
                await self._becomes(partial(self._is_drawn_or_closed, screen, drawn))
        await self._becomes(self.app.keys.is_quiet)
        if self.app.is_running and not self.app._exit:
            paint(self.app)

    def _is_drawn_or_closed(self, screen: Screen[Any], drawn: asyncio.Event) -> bool:
        return drawn.is_set() or self.app.screen is not screen

    async def _becomes(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds, or the app has ended."""
        end = monotonic() + _AT_MOST
        while self.app.is_running and not self.app._exit:
            if holds():
                return
            assert monotonic() < end, "it never came to rest"
            await asyncio.sleep(0.001)

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds, and all of it is drawn; on a busy machine it may take a while.

        Raises:
            AssertionError: It never held; with what is on the screen.
        """
        for _ in range(3_000):
            if holds():
                await self.pilot.pause()
                return
            await self.pilot.pause(0.01)
        raise AssertionError(self.text())

    async def answered(self) -> Any:
        """Wait until the keys pressed have acted and the analysis on top knows all; return its picture.

        A key that is pressed at once waits for the answer to the key before it.
        """
        await self.until(lambda: self.app.keys.is_done() and not self.on_top(AnalysisScreen).picture.working)
        return self.on_top(AnalysisScreen).picture

    async def see_work(self) -> None:
        """Wait as long as a user does before what is pressed is an answer to "runs…"."""
        await self.pilot.pause(SEEN_AFTER)

    def pane(self, name: str) -> Pane:
        return self.screen.query_one(f"#{name}", Pane)

    def text(self) -> str:
        """Return what is on the whole terminal, as text."""
        width, height = self.app.size
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in strips[:height]) if width else ""

    def line(self, name: str) -> str:
        line = self.screen.query_one(f"#{name}", OneLine)
        return " ".join(line.render_line(y).text.strip() for y in range(max(line.size.height, 1)))

    def keep(self) -> View:
        """Return the view, to be given back later."""
        return self.view

    async def give_back(self, view: View) -> None:
        """Close what is open and look at a kept view again."""
        while len(self.app.screen_stack) > 1:
            self.app.pop_screen()
        session = self.screen.run.session
        assert session is not None
        self.screen.steps.stop()
        self.screen.remove_class("-maximised")
        session.cursor.stand(view.frame)
        self.screen.view = view
        self.screen.run.wanted_line = view.frame.line
        self.screen.looks.show_pane(2)
        self.app._exit = False
        await self.pilot.pause()

    def state(self) -> tuple[object, ...]:
        """Return everything a key may change."""
        return (
            self.text(),
            self.app.screen_stack[-1],
            self.screen.focused,
            self.view.frame.position,
            self.view.frame.line,
            len(self.app._notifications),
            self.screen.steps.is_playing,
            self.app._exit,
        )


def drive(
    act: Callable[[Driver], Awaitable[None]],
    shown: Source | None = None,
    size: tuple[int, int] = (160, 45),
    numba: bool = False,
    **options: Any,
) -> LstmApp:
    """Run the app without a terminal, let `act` use it, and return the app."""
    shown = replace(shown or three_lines(), interpreter=None if numba else "numpy")
    app = LstmApp(shown, **{"few_colours": False, **options})

    async def go() -> None:
        eager = getattr(asyncio, "eager_task_factory", None)
        if eager is not None:  # as Textual does where there is a terminal, since Python 3.12
            asyncio.get_running_loop().set_task_factory(eager)
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.pause()
            await act(Driver(app, pilot))

    asyncio.run(go())
    return app
