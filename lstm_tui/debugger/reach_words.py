"""How far back a memory reaches, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isfinite

from lstm_tui.analysis.long_memory import BURST, GONE, LongMemory, Reach, known_from, steady_word, turns
from lstm_tui.debugger.letter import letter
from lstm_tui.engine.number_text import fixed, sentence

Name = Callable[[int], str]
"""From a place on the tape to its token as it is shown."""


def reach_words(found: LongMemory, name: Name) -> Iterator[str]:
    """Yield what happens to the gradient on its way back, a line each: it vanishes, explodes, fades, grows or holds.

    Where it is not a finite number it is said to be not known.

    Args:
        found: How far back a pass reaches.
        name: How a token is called, such as `t=3 “not”`.
    """
    reaches = (found.memory,) if found.output is found.memory else (found.memory, found.output)
    for reach in reaches:
        yield from _told(found, reach, name)
    kept = found.kept_size
    if kept is None:
        yield f"{letter(found.memory.value)} has no keep: it is made anew at every step, out of a squash of what was"
    elif len(found.places) > 1 and kept[0] < GONE < found.memory.size[0]:
        first = name(found.places[0])
        yield f"with the gates held less than {sentence(GONE)} is kept from {first}: the rest goes round by h"


def _told(found: LongMemory, reach: Reach, name: Name) -> Iterator[str]:
    shown = letter(reach.value)
    turned = turns(reach.size)
    for turn in turned:
        where, worst = name(found.places[turn.step]), name(found.places[turn.worst])
        how = f"less than 1/{fixed(1 / GONE, 0)}" if turn.kind == "vanishes" else f"more than {fixed(BURST, 0)} times"
        most = f"; {worst} alone multiplies it by {sentence(turn.factor, 2)}" if isfinite(turn.factor) else ""
        yield f"∂{shown} {turn.kind} at {where}: a change of {shown} there is felt {how} now{most}"
    first = known_from(reach.size)
    if not turned and first < len(found.places) - 1:
        size = float(reach.size[first])
        how = f"a change of {shown} at {name(found.places[first])} is felt {sentence(size, 2)} times as large now"
        yield f"∂{shown} {steady_word(size)}: {how}"
    if first == len(found.places):
        yield f"how far back ∂{shown} reaches is not known: it is NaN or infinite where it is asked about"
    elif first:
        yield f"before {name(found.places[first])} ∂{shown} is not known: it is NaN or infinite there"
