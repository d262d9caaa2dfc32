"""What if a word were another: it is replaced wherever it stands, and the words that hang on it are found.

A language model is asked, no grammar. A word of the text depends on the change where the network predicted it, hardly
does any more, and predicts another word about as much that it hardly did before: the pronoun of another name, but
neither a word that was never predicted nor one that was likely before as well.
"""

from __future__ import annotations

import numpy as np

from lstm_tui.analysis.distribution import probabilities
from lstm_tui.debugger.edits.language import TokenEdit
from lstm_tui.debugger.edits.origins import Origins
from lstm_tui.debugger.session import Session
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.model.tokens import UNKNOWN
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.text_safety import visible

MOST_RETOLD = 200
"""Words that are propagated at once; each is a run."""
_LEAST = 0.005
"""How likely a word must have been to have been predicted."""
_FALL = 10.0
"""How many times less likely it is where it is no longer predicted."""
_ALIKE = 3.0
"""How many times more or less likely than it was the word may be that takes its place."""


@dataclass(frozen=True)
class Doubted:
    """A word of the text that was predicted, and whose place another one has taken.

    Attributes:
        t: Its place.
        word: As it stands.
        before: How likely it was.
        after: How likely it is now.
        instead: The other one.
        chance: How likely that one is now.
    """

    t: int
    word: str
    before: float
    after: float
    instead: str
    chance: float


def replace_everywhere(session: Session, old: str, new: str) -> tuple[int, ...]:
    """Put another word wherever one stands, an edit each; return the places.

    Raises:
        UserError: It stands nowhere, the other is no one token, or nothing can be run; nothing is changed.
    """
    known = session.edited.network.tokens
    tokens = session.frame.trace.sequence.tokens

    def key(token: str) -> str:
        return token if known is None else known.as_read(token)

    places = tuple(t for t, token in enumerate(tokens) if key(token) == key(old))
    if not places:
        near = nearest(old, dict.fromkeys(tokens))
        raise UserError(
            f"“{visible(old)}” does not stand here" + (f"; did you mean “{visible(near)}”?" if near else "")
        )
    if key(old) == key(new):
        raise UserError(f"“{visible(old)}” is “{visible(new)}” to this network")
    session.edit(*(TokenEdit("replace", t, new) for t in places))
    return places


def doubted(before: Trace, after: Trace, origins: Origins) -> tuple[Doubted, ...]:
    """Return the words that were predicted before and whose place another has taken; none without a language model.

    Args:
        before: A run of the text as it was.
        after: The run of the text as it is.
        origins: For each place of `after`, that of the token in `before`, or None.
    """
    told, tells = probabilities(before), probabilities(after)
    then, now, network = before.sequence.ids, after.sequence.ids, after.network
    if told is None or tells is None or then is None or now is None or network is None or network.tokens is None:
        return ()
    found = []
    for t in range(1, len(now)):
        origin = origins[t]
        if not origin or origins[t - 1] != origin - 1 or then[origin] != now[t]:
            continue  # new, or no longer behind the same token
        was, chances = told[origin - 1], tells[t - 1]
        other = _instead(was, chances, int(now[t]))
        if other is not None and network.tokens.vocabulary[other] != UNKNOWN:
            word, instead = after.sequence.tokens[t], network.tokens.vocabulary[other]
            numbers = float(was[now[t]]), float(chances[now[t]])
            found.append(Doubted(t, word, *numbers, instead, float(chances[other])))
    return tuple(found)


def _instead(was: Array, chances: Array, word: int) -> int | None:
    """Return the word that has taken the place of another in what is predicted, or None."""
    before = float(was[word])
    if not (before >= _LEAST and chances[word] * _FALL <= before):
        return None
    taken = np.flatnonzero((chances >= _FALL * was) & (chances * _ALIKE >= before) & (chances <= before * _ALIKE))
    return int(taken[np.abs(np.log(chances[taken] / before)).argmin()]) if len(taken) else None


def propagate(session: Session) -> tuple[Doubted, ...]:
    """Put, from left to right, the word that has taken the place of one that was predicted.

    Each is an edit. What stands later is judged by the text as it is then.

    Raises:
        UserError: Nothing was edited, or the network says no next words.
    """
    if probabilities(session.frame.trace) is None:
        raise UserError("this network says no next token: `model story` or `model chars` opens one that does")
    propagated: list[Doubted] = []
    while len(propagated) < MOST_RETOLD:
        difference = session.frame.difference
        if difference is None:
            raise UserError("nothing was changed yet: ask what-if OLD NEW first, or change a word with e")
        last = propagated[-1].t if propagated else 0
        one = next(
            (one for one in doubted(difference.before, difference.after, difference.origins) if one.t > last), None
        )
        if one is None:
            break
        session.edit(TokenEdit("replace", one.t, one.instead))
        propagated.append(one)
    return tuple(propagated)
