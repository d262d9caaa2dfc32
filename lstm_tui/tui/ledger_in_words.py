"""The map of shares in one sentence: what becomes of the part of the token with the largest share."""

from __future__ import annotations

from lstm_tui.analysis.ledger import FlowPart
from lstm_tui.debugger.provenance.kept_part import kept_part, kept_sentence
from lstm_tui.tui.canvas.canvas import wrapped_text
from lstm_tui.tui.canvas.palette import Palette
from lstm_tui.tui.view import View


def map_in_words(view: View, part: FlowPart, near: range, width: int, palette: Palette) -> list[str]:
    """Return the sentence in lines, of the steps that the run has reached; none where nothing is known.

    Args:
        view: What is looked at.
        part: The flow of its memory.
        near: Places on the tape that are looked at, whether the map has room for them or not. Where these are not all,
            the sentence says of which steps it is.
        width: Cells of a line.
        palette: How tokens and signs are written.
    """
    reached = [t for t in near if view.has_reached(view.pass_name, t)]
    if not reached:
        return []
    unit, steps = None if view.everyone else view.unit, range(reached[0], reached[-1] + 1)
    found = kept_part(part, unit, near, steps)
    if found is None:
        return []

    def name(t: int) -> str:
        return f"t={t}" if view.trace.sequence.is_of_numbers else f"“{view.label(t, palette)}” (t={t})"

    whose = "the memory" if view.everyone else view.unit_words()
    over = "" if len(steps) == view.facts.length else f"over t={steps.start}" + f" to {steps[-1]}" * (len(steps) > 1)
    names = name(found.token), "" if found.until is None else name(found.until)
    words = kept_sentence(part, found, unit, whose, names, over)
    return wrapped_text(palette.glyphs.say(words), max(width - 2, 20))
