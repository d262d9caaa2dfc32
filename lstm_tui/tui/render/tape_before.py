"""What the tape of an edited run shows of its baseline: deleted tokens in their places, replaced ones, old signals."""

from __future__ import annotations

from collections.abc import Callable

from rich.cells import cell_len

from lstm_tui.debugger.difference import Difference
from lstm_tui.tui.render.label import cut, token_label
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.view import View

_MOST = 3
"""Deleted tokens that are shown between two others."""
_WIDEST = 12


class Before:
    """The baseline's side of the tape, by place on the edited tape.

    A deleted token stands before the token of the edited tape that followed it; those behind the last one stand
    at place `len(tape)`.
    """

    def __init__(self, view: View, difference: Difference, palette: Palette) -> None:
        """Hold both runs."""
        self.view, self.difference, self.palette = view, difference, palette
        self.shown = view.baseline is not None
        self.gone = difference.gone if self.shown else {}
        self.retold = difference.retold and self.shown
        self._signal = _signals(view, difference)

    def gone_label(self, t: int) -> str:
        """Return the deleted tokens before place `t`, as `✗not`."""
        places = self.gone.get(t, [])
        tokens = self.difference.before.sequence.tokens
        glyphs = self.palette.glyphs
        words = [cut(token_label(tokens[place], glyphs), _WIDEST, glyphs) for place in places[:_MOST]]
        rest = f"+{len(places) - _MOST}" if len(places) > _MOST else ""
        return " ".join(f"{glyphs.gone}{word}" for word in words) + rest

    def gap(self, t: int) -> int:
        """Return how many cells the deleted tokens before place `t` take."""
        label = self.gone_label(t) if t in self.gone else ""
        return cell_len(label) + 1 if label else 0

    def token(self, t: int) -> str:
        """Return what stood at place `t`, `+new`, or nothing where the token is the same."""
        origin = self.difference.origins[t]
        if origin is None:
            return "+new"
        if not self.difference.replaced(t):
            return ""
        return token_label(self.difference.before.sequence.tokens[origin], self.palette.glyphs)

    def signal(self, t: int) -> float | None:
        """Return the signal of the tape at place `t` as it was; None where the token is new."""
        return self._signal(t)

    def signal_changed(self, t: int, value: float) -> bool:
        """Say whether the signal at place `t` is another than it was."""
        old = self._signal(t)
        return old is None or not (old == value or (old != old and value != value))


def _signals(view: View, difference: Difference) -> Callable[[int], float | None]:
    """Return a function from a place on the edited tape to the tape's signal there in the baseline, or None."""
    plain = view.facts.before
    if plain is None:
        return lambda t: None
    values = plain.signal(view.pass_name, view.signal_name())

    def at(t: int) -> float | None:
        origin = difference.origins[t]
        return None if origin is None else float(values[origin])

    return at
