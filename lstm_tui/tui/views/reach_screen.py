"""Long memories: gradients through time beside what the gates keep, and a map of which token moves which."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from lstm_tui.analysis.gradient_flow import long_memory
from lstm_tui.analysis.influence import deletion_rows, gradient_rows, tokens_within
from lstm_tui.debugger.inspect.cell_comparison import GAME, RIVALS, rivals
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.trace import PassTrace
from lstm_tui.lesson.bound_step import Open
from lstm_tui.tui.canvas.canvas import ClickTarget
from lstm_tui.tui.view import View
from lstm_tui.tui.views.analysis_screen import (
    Analysis,
    AnalysisKey,
    Ask,
    Changes,
    Close,
    Follows,
    Pace,
    Work,
    leaving,
    moving,
    other_pass,
    sideways,
)
from lstm_tui.tui.views.reach import Reaching
from lstm_tui.tui.views.token_map import KINDS

BESIDE = "b"
"""The key that puts an RNN beside an LSTM and a GRU."""


def reach_analysis(view: View, open_network: Open | None = None) -> Analysis:
    """Return the question how far back the memory reaches; it opens a token.

    It is asked of the position; at the first step there is nothing behind, so of the end.

    Args:
        view: The position.
        open_network: Opens the networks that are put beside each other; None where there are none at hand.
    """
    now = _asked_at(view.passed, view.t)
    keys = [
        leaving("R,shift+r"), *moving(_moved), *sideways(_other_pass), AnalysisKey("n", _from_here),
        AnalysisKey("m", _map), AnalysisKey("x", _kind), AnalysisKey(BESIDE, _beside), AnalysisKey("enter,t", _go),
    ]  # fmt: skip
    line = (
        ("j/k", "token"), ("n", "from here"), ("[]", "pass"), (BESIDE, "vs rnn"), ("m", "map"), ("x", "other"),
        ("enter", "go"), ("esc", "back"),
    )  # fmt: skip
    first = _anew(Reaching(view, view.pass_name, now, now))
    return Analysis(first, lambda picture: _compute(picture, open_network), keys, line, "gradients")


def _asked_at(passed: PassTrace, t: int) -> int:
    return t if passed.reading_step(t) else passed.tape_place(passed.steps - 1)


# --- what is computed ---


def _anew(picture: Reaching) -> Reaching:
    """Return what is shown while another question is computed."""
    if picture.rivals:
        return picture.but(working=True, problem="")
    places = tokens_within(picture.view.trace, picture.now)
    found = picture.found if picture.map else None
    return picture.but(found=found, maps={}, places=places, working=True, problem="")


def _compute(picture: Reaching, open_network: Open | None) -> Work:
    def work(stopped: Callable[[], bool]) -> Iterator[Changes]:
        if picture.rivals and open_network is None:
            raise UserError("the networks to compare with are not at hand here")
        if picture.rivals and open_network is not None:
            yield {"beside": rivals(open_network, _game(picture.view), stopped), "working": False}
        elif picture.map:
            yield from _maps(picture, stopped)
        else:
            passed = picture.view.trace[picture.pass_name]
            yield {"found": long_memory(passed, picture.now, stopped), "working": False}

    return work


def _maps(picture: Reaching, stopped: Callable[[], bool]) -> Iterator[Changes]:
    trace, places = picture.view.trace, picture.places
    passed = trace[picture.pass_name]
    maps = {kind: np.full((len(places), len(places)), np.nan) for kind in KINDS}
    sources = (gradient_rows(passed, places), deletion_rows(trace, passed, places))
    pace = Pace()
    for kind, columns in zip(KINDS, sources, strict=True):
        for t, column in columns:
            if stopped():
                return
            maps[kind][:, t - places.start] = column
            if pace.is_due():
                yield {"maps": {name: values.copy() for name, values in maps.items()}}
        yield {"maps": {name: values.copy() for name, values in maps.items()}}
    yield {"working": False}


# --- what keys do ---


def _moved(picture: Reaching, down: int) -> Reaching:
    """Go to the token above or below."""
    rows = picture.rows
    if not rows:
        return picture
    at = rows.index(picture.cursor) if picture.cursor in rows else len(rows) - 1
    return picture.but(cursor=rows[min(max(at + down, 0), len(rows) - 1)])


def _other_pass(picture: Reaching, by: int) -> Follows:
    name = other_pass(picture.view, picture.pass_name, by)
    now = _asked_at(picture.view.trace[name], picture.now)
    return Ask(_anew(picture.but(pass_name=name, now=now, cursor=now, found=None, rivals=False)))


def _from_here(picture: Reaching) -> Follows:
    """Look back from the token under the cursor; on the map all are looked at already."""
    return picture if picture.map or picture.rivals else Ask(_anew(picture.but(now=picture.cursor)))


def _map(picture: Reaching) -> Follows:
    """Show which token moves which, or the steps again."""
    cursor = picture.now if picture.rivals else picture.cursor
    shown = picture.but(map=not picture.map, rivals=False, cursor=cursor)
    return Ask(_anew(shown)) if shown.map or shown.found is None else shown


def _beside(picture: Reaching) -> Follows:
    """Show a plain RNN beside an LSTM and a GRU, or this network again."""
    return Ask(_anew(picture.but(rivals=not picture.rivals, map=False, cursor=picture.now if picture.rivals else 0)))


def _kind(picture: Reaching) -> Reaching:
    """Show the other of the two maps."""
    return picture.but(kind=KINDS[1 - KINDS.index(picture.kind)])


def _go(picture: Reaching) -> Follows:
    """Go to the token under the cursor; of another text there is none to go to."""
    here = not picture.rivals or tuple(picture.view.trace.sequence.tokens) == _read(picture)
    return Close(ClickTarget(t=picture.cursor) if here else None)


def _game(view: View) -> Sequence[str]:
    """Return what is read by the networks beside each other: the text at hand where it is of their game."""
    trace = view.trace
    return trace.sequence.tokens if trace.model.get("name") in RIVALS else GAME


def _read(picture: Reaching) -> tuple[str, ...]:
    return tuple(picture.beside[0].trace.sequence.tokens) if picture.beside else ()
