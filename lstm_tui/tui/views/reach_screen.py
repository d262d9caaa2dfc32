"""Long memories: gradients through time beside what the gates keep, and a map of which token moves which."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

import numpy as np
from textual import on
from textual.binding import Binding, BindingType

from lstm_tui.analysis.gradient_flow import long_memory
from lstm_tui.analysis.token_influence import deletion_rows, gradient_rows, tokens_within
from lstm_tui.debugger.inspect.cell_comparison import GAME, RIVALS, rivals
from lstm_tui.lesson.bound_step import Open
from lstm_tui.tui.canvas.palette import Palette
from lstm_tui.tui.panes.pane import Pane
from lstm_tui.tui.view import View
from lstm_tui.tui.views.analysis_screen import Changes, Study
from lstm_tui.tui.views.reach import Reaching
from lstm_tui.tui.views.token_map import KINDS

_PAUSE = 0.1
"""Seconds between two reports of a computation."""


class ReachScreen(Study[int]):
    """Looks back from the position, or from the end; dismissed with a token to go to, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,R,shift+r", "leave", show=False),
        Binding("j,down", "move(1)", show=False),
        Binding("k,up", "move(-1)", show=False),
        Binding("g,home", "move(-100000)", show=False),
        Binding("G,shift+g,end", "move(100000)", show=False),
        Binding("right_square_bracket", "pass(1)", show=False),
        Binding("left_square_bracket", "pass(-1)", show=False),
        Binding("n", "from_here", show=False),
        Binding("m", "map", show=False),
        Binding("x", "kind", show=False),
        Binding("b", "beside", show=False),
        Binding("enter,t", "go", show=False),
    ]
    KEYS = (
        ("j/k", "token"), ("n", "from here"), ("[]", "pass"), ("b", "vs rnn"), ("m", "map"), ("x", "other"),
        ("enter", "go"), ("esc", "back"),
    )  # fmt: skip

    def __init__(self, view: View, palette: Palette, open_network: Open | None = None) -> None:
        """Look back from the position; at the first step there is nothing behind, so from the end.

        `open_network` opens the networks that are put beside each other; None where there are none at hand.
        """
        passed = view.passed
        now = view.t if passed.reading_step(view.t) else passed.tape_place(passed.steps - 1)
        super().__init__(Reaching(view, view.pass_name, now, now), palette)
        self._open_network = open_network

    def on_mount(self) -> None:
        """Begin once the screen is there."""
        self._begin()

    def _begin(self) -> None:
        picture: Reaching = self.picture
        if picture.rivals:
            self._begin_rivals()
            return
        passed = picture.view.trace[picture.pass_name]
        places = tokens_within(picture.view.trace, picture.now)
        picture = self.picture = picture.but(
            found=None if not picture.map else picture.found, maps={}, places=places, working=True, problem=""
        )

        def work(stopped: Callable[[], bool]) -> Iterator[Changes]:
            if picture.map:
                yield from self._maps(picture, stopped)
            else:
                yield {"found": long_memory(passed, picture.now, stopped), "working": False}

        self.ask(work)

    def _begin_rivals(self) -> None:
        picture: Reaching = self.picture
        open_network = self._open_network
        if open_network is None:
            self.picture = picture.but(working=False, problem="the networks to compare with are not at hand here")
            return
        self.picture = picture.but(working=True, problem="")

        def work(stopped: Callable[[], bool]) -> Iterator[Changes]:
            yield {"beside": rivals(open_network, _game(picture.view), stopped), "working": False}

        self.ask(work)

    def _maps(self, picture: Reaching, stopped: Callable[[], bool]) -> Iterator[Changes]:
        trace, places = picture.view.trace, picture.places
        passed = trace[picture.pass_name]
        maps = {kind: np.full((len(places), len(places)), np.nan) for kind in KINDS}
        sources = (gradient_rows(passed, places), deletion_rows(trace, passed, places))
        told = time.monotonic()
        for kind, columns in zip(KINDS, sources, strict=True):
            for t, column in columns:
                if stopped():
                    return
                maps[kind][:, t - places.start] = column
                if time.monotonic() - told > _PAUSE:
                    told = time.monotonic()
                    yield {"maps": {name: values.copy() for name, values in maps.items()}}
            yield {"maps": {name: values.copy() for name, values in maps.items()}}
        yield {"working": False}

    @on(Pane.Chosen)
    def _row(self, message: Pane.Chosen) -> None:
        if message.target.t is not None:
            self.picture = self.picture.but(cursor=message.target.t)

    def is_key_answer_missing(self) -> bool:
        """Say whether the places to walk on are not known; those of a map are, before it is."""
        picture: Reaching = self.picture
        return picture.working and (picture.rivals or not picture.map)

    def _places(self) -> list[int]:
        picture: Reaching = self.picture
        if picture.rivals:
            return list(range(len(picture.beside[0].trace.sequence.tokens))) if picture.beside else []
        if picture.map or picture.found is None:
            return list(picture.places)
        return sorted(picture.found.places)

    def action_move(self, down: int) -> None:
        """Go to the token above or below."""
        places = self._places()
        if places:
            at = places.index(self.picture.cursor) if self.picture.cursor in places else len(places) - 1
            self.picture = self.picture.but(cursor=places[min(max(at + down, 0), len(places) - 1)])

    def action_pass(self, shift: int) -> None:
        """Look at another pass."""
        picture: Reaching = self.picture
        names = picture.view.facts.names
        name = names[(names.index(picture.pass_name) + shift) % len(names)]
        passed = picture.view.trace[name]
        now = picture.now if passed.reading_step(picture.now) else passed.tape_place(passed.steps - 1)
        self.picture = picture.but(pass_name=name, now=now, cursor=now, found=None, rivals=False)
        self._begin()

    def action_from_here(self) -> None:
        """Look back from the token under the cursor; on the map all are looked at already."""
        if not self.picture.map and not self.picture.rivals:
            self.picture = self.picture.but(now=self.picture.cursor)
            self._begin()

    def action_map(self) -> None:
        """Show which token moves which, or the steps again."""
        cursor = self.picture.now if self.picture.rivals else self.picture.cursor
        self.picture = self.picture.but(map=not self.picture.map, rivals=False, cursor=cursor)
        if self.picture.map or self.picture.found is None:
            self._begin()

    def action_beside(self) -> None:
        """Show a plain RNN beside an LSTM and a GRU, or this network again."""
        picture: Reaching = self.picture
        if picture.rivals:
            self.picture = picture.but(rivals=False, map=False, cursor=picture.now)
        else:
            self.picture = picture.but(rivals=True, map=False, cursor=0)
        self._begin()

    def action_kind(self) -> None:
        """Show the other of the two maps."""
        self.picture = self.picture.but(kind=KINDS[1 - KINDS.index(self.picture.kind)])

    def action_go(self) -> None:
        """Close the screen and go to the token under the cursor; of another text there is none to go to."""
        picture: Reaching = self.picture
        here = not picture.rivals or tuple(picture.view.trace.sequence.tokens) == _read(picture)
        self.dismiss(picture.cursor if here else None)


def _game(view: View) -> Sequence[str]:
    """Return what is read by the networks beside each other: the text at hand where it is of their game."""
    trace = view.trace
    return trace.sequence.tokens if trace.model.get("name") in RIVALS else GAME


def _read(picture: Reaching) -> tuple[str, ...]:
    return tuple(picture.beside[0].trace.sequence.tokens) if picture.beside else ()
