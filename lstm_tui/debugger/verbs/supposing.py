"""`what-if` and `retell`: another word wherever one stands, what is then said, and the text made to fit it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from lstm_tui.analysis.words_to_come import probabilities
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.verbs.changing import verdicts
from lstm_tui.debugger.verbs.recipe_names import tokens_like
from lstm_tui.debugger.verbs.table import VERBS
from lstm_tui.debugger.what_if import Doubted, replace_everywhere, retell
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import fixed
from lstm_tui.engine.trace import Trace
from lstm_tui.engine.visible import visible

_MOST_PLACES = 8
"""Places that are listed."""


def _complete(session: Session, rest: str) -> Iterator[str]:
    """Yield a word of the text, then one of the vocabulary."""
    old, gap, begun = rest.partition(" ")
    if gap:
        yield from (f"{old} {visible(token)}" for token in tokens_like(session, begun))
        return
    for token in dict.fromkeys(session.frame.trace.sequence.tokens):
        if token.casefold().startswith(old.casefold()) and not token.isspace():
            yield f"{visible(token)} "


@VERBS.verb(
    "what-if OLD NEW",
    "put another word wherever one stands, and tell what the network says otherwise",
    aliases=("whatif",),
    complete=_complete,
)
def _what_if(session: Session, rest: str) -> tuple[str, ...]:
    old, new = _two(rest)
    before = session.frame.trace
    places = replace_everywhere(session, old, new)
    after = session.frame.trace
    found = () if probabilities(after) is None else retell(session.fork())
    said = [f"“{visible(old)}” → “{visible(new)}” at t={_places(places)}"]
    if found:
        said.append(f"now foretold: {_changes(found)}; retell puts it")
    said += _end(before, after)
    return ("; ".join(said), *map(_line, found), *verdicts(session))


@VERBS.verb("retell", "put what the network says instead where the changed text no longer fits, such as the pronoun")
def _retell(session: Session, rest: str) -> tuple[str, ...]:
    found = retell(session)
    if not found:
        return ("nothing to retell: no other word has taken the place of one of the text",)
    return (f"retold: {_changes(found)}", *map(_line, found))


def _two(rest: str) -> tuple[str, str]:
    try:
        words = shlex.split(rest)
    except ValueError:
        words = []
    if len(words) != 2 or not all(words):
        raise UserError(
            '`what-if` takes two words, such as: what-if Ganesh Priya (in "quotes" where they hold a space)'
        )
    return words[0], words[1]


def _places(places: Sequence[int]) -> str:
    shown = ", ".join(map(str, places[:_MOST_PLACES]))
    return shown + (f" and {len(places) - _MOST_PLACES} more" if len(places) > _MOST_PLACES else "")


def _changes(found: Iterable[Doubted]) -> str:
    """Return which words become which, and where: `he → she at t=15, 21`."""
    places: dict[tuple[str, str], list[int]] = {}
    for one in found:
        places.setdefault((visible(one.word), visible(one.instead)), []).append(one.t)
    return ", ".join(f"“{word}” → “{instead}” at t={_places(ts)}" for (word, instead), ts in places.items())


def _line(one: Doubted) -> str:
    word, instead = visible(one.word), visible(one.instead)
    return f"t={one.t} “{word}”: {fixed(one.before)} → {fixed(one.after)}, now “{instead}” {fixed(one.chance)}"


def _end(before: Trace, after: Trace) -> Iterator[str]:
    """Yield what the network says at the end, and what it said there before, where that is another word."""
    (said, size), (old, was) = _likeliest(before), _likeliest(after)
    if said and old and said != old:
        yield f"in the end {said} {fixed(size)} → {old} {fixed(was)}"


def _likeliest(trace: Trace) -> tuple[str, float]:
    """Return the largest output at the end, or of the whole, and its name; no name where outputs have none."""
    values = trace.output[-1] if trace.output is not None else trace.result
    if values is None or not len(values) or not np.isfinite(values).all():
        return "", 0.0
    best = int(values.argmax())
    return (visible(trace.classes[best]) if best < len(trace.classes) else "", float(values[best]))
