"""`generate`, `what-if` and `propagate`: a language model continues the text, or another word is tried in it."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Iterator

import numpy as np

from lstm_tui.analysis.distribution import choose, first_predicted, largest, perplexity, probabilities, surprise
from lstm_tui.debugger.commands.complete import tokens_like
from lstm_tui.debugger.commands.edit import EDIT_VERBS, make_edit, outputs_told, verdicts
from lstm_tui.debugger.commands.goto import listed_places
from lstm_tui.debugger.commands.table import VERBS, Verb, check_not_restored
from lstm_tui.debugger.edits.apply import is_unknown
from lstm_tui.debugger.edits.counterfactual import Doubted, propagate, replace_everywhere
from lstm_tui.debugger.edits.history import Question
from lstm_tui.debugger.edits.language import TokenEdit
from lstm_tui.debugger.inspect.prediction import perplexity_figure
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.unknown_words import unknown_word
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import fixed, from_to, sentence
from lstm_tui.engine.runtime.answer import answer_begins
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number

MOST = 500
"""Tokens of one command; every one is an edit."""
_HOTTEST = 100.0


def append(session: Session, temperature: float = 0.0, seed: int = 0) -> str:
    """Append the most likely token, or one that is drawn, as an edit, and stand at it; return it.

    Raises:
        UserError: If the network says no next token, or cannot be run again.
    """
    token = choose(session.frame.trace, temperature, seed)
    session.edit(TokenEdit("insert", session.frame.steps, token))
    session.goto(session.frame.steps - 1)
    return token


@VERBS.verb(
    "generate N [TEMPERATURE [SEED]]",
    "append N tokens: the most likely ones, or sampled at a temperature",
    edits=True,
)
def _generate(session: Session, rest: str) -> tuple[str, ...]:
    words = rest.split()
    if len(words) > 3:
        raise UserError("`generate` takes a count, a temperature and a seed, such as: generate 20 0.8 7")
    count = _whole(words[0], "tokens", MOST) if words else 1
    temperature = _temperature(words[1]) if len(words) > 1 else 0.0
    seed = _whole(words[2], "seed", 10**9, least=0) if len(words) > 2 else 0
    tokens = []
    for number in range(count):
        session.work.part(number, count)
        tokens.append(append(session, temperature, seed))
    kind = session.frame.trace.sequence.kind
    text = visible(("" if kind in ("chars", "bytes") else " ").join(tokens))
    bits = surprise(session.frame.trace)
    level = None if bits is None else perplexity(bits, first_predicted(session.frame.trace))
    said = "" if level is None else f"; perplexity of the text {perplexity_figure(level)}"
    return (f"appended: {text}{said}",)


@VERBS.verb(
    "answer",
    "ask a network that answers once more, to the text and under the edits as they are now",
    edits=True,
)
def _answer(session: Session, rest: str) -> tuple[str, ...]:
    network, how = session.edited.network, session.edited.network.answers
    if how is None:
        raise UserError(f"{visible(network.name)} gives no answer behind a text: `generate` continues one")
    if rest.strip():
        raise UserError("`answer` takes nothing behind it")
    begins = answer_begins(session.frame.trace.sequence.tokens, network)
    if begins is None:
        begins = session.frame.steps
        session.edit(TokenEdit("insert", begins, how.begin))
    before = _text(session.frame.trace.sequence.tokens[begins + 1 :])
    for number in range(how.most):
        session.work.part(number, how.most)
        token = _said(session.frame.trace, begins + number)
        _put(session, begins + 1 + number, token)
        if token == how.end:
            break
    beyond = range(begins + 2 + number, session.frame.steps)
    if len(beyond):
        session.edit(*(TokenEdit("delete", t) for t in reversed(beyond)))
    after = _text(session.frame.trace.sequence.tokens[begins + 1 :])
    return (f"answers as before: {after}" if after == before else f"answers: {after}; before: {before or 'nothing'}",)


def _said(trace: Trace, t: int) -> str:
    """Return the token that is likeliest behind a place."""
    best = None if trace.output is None else largest(np.asarray(trace.output[t]))
    if best is None or best >= len(trace.classes):
        raise UserError(f"what the network says at t={t} is not a number: the answer ends there")
    return trace.classes[best]


def _put(session: Session, t: int, token: str) -> None:
    """Have a token stand at a place, or behind the last one; what is pinned there stays pinned."""
    tokens = session.frame.trace.sequence.tokens
    if t >= len(tokens):
        session.edit(TokenEdit("insert", t, token))
    elif tokens[t] != token:
        session.edit(TokenEdit("replace", t, token))


def _text(tokens: Iterable[str]) -> str:
    return visible(" ".join(tokens))


def _whole(text: str, what: str, most: int, least: int = 1) -> int:
    number = whole_number(text, least, most)
    if number is None:
        raise UserError(f"`{visible(text[:40])}` is no number of {what}: give one from {least} to {most}")
    return number


def _temperature(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= _HOTTEST:
        most = sentence(_HOTTEST)
        raise UserError(f"`{visible(text[:40])}` is no temperature: give one from 0 (the likeliest) to {most}")
    return number


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
    "what-if OLD NEW|EDIT",
    "ask what the network would say if another word stood wherever one stands, or with an edit such as `set f[3] = 1`; "
    "nothing is changed, `propagate` replaces the word",
    aliases=("whatif",),
    complete=_complete,
)
def _what_if(session: Session, rest: str) -> tuple[str, ...]:
    """Ask in a session of its own: this one keeps its text, its edits and its place, and no question lies on top."""
    before, trial = session.frame.trace, session.fork()
    verb, _, behind = rest.strip().partition(" ")
    if verb in EDIT_VERBS and verb not in before.sequence.tokens:
        make_edit(trial, verb, behind)
        session.question = None
        made = trial.words[trial.history.done - 1]
        ended = (*_end(before, trial.frame.trace), *outputs_told(before, trial.frame.trace))
        unknown = () if ended else ("what the model says in the end is not computed here",)
        return (made, *ended, *unknown, _ASKED)
    if (other := _editing(verb)) is not None and verb not in before.sequence.tokens:
        check_not_restored(session, other)
        said = other(trial, behind.strip())
        session.question = None
        return (*said, _ASKED)
    old, new = _two(rest)
    places = replace_everywhere(trial, old, new)
    after = trial.frame.trace
    found = () if probabilities(after) is None else propagate(trial)
    session.question = Question(old, new, session.history, session.frame.line)
    heading = [f"“{visible(old)}” → “{visible(new)}” at t={listed_places(places)}"]
    known = trial.edited.network.tokens
    if known is not None and is_unknown(new, known):
        heading.append(unknown_word(new, known))
    heading.append(f"{f'now predicted: {_changes(found)}' if found else 'nothing else'}; propagate puts it")
    heading += _end(before, after)
    return ("; ".join(heading), *map(_line, found), *outputs_told(before, after))


@VERBS.verb(
    "propagate",
    "put the word of the last `what-if` into the text, and what the network then says instead, such as the pronoun",
    aliases=("retell",),
    edits=True,
)
def _propagate(session: Session, rest: str) -> tuple[str, ...]:
    question, before, lines = session.question, session.frame.trace, list[str]()
    placed: tuple[int, ...] = ()
    if question is not None and question.stands(session.history, session.frame.line):
        placed = replace_everywhere(session, question.old, question.new)
        lines.append(f"put: “{visible(question.old)}” → “{visible(question.new)}” at t={listed_places(placed)}")
    session.question = None
    if placed and probabilities(session.frame.trace) is None:
        return (*lines, *verdicts(session, before))
    found = propagate(session)
    if found:
        lines.append(f"propagated: {_changes(found)}")
    elif not placed and _is_no_number(session.frame.trace):
        lines.append("not known whether another word has taken the place of one: what the network says is no number")
    elif not placed:
        lines.append("nothing to propagate: no other word has taken the place of one of the text")
    return (*lines, *map(_line, found))


def _is_no_number(trace: Trace) -> bool:
    said = probabilities(trace)
    return said is not None and not np.isfinite(said).all()


_ASKED = "only asked: the run is as it was"


def _editing(word: str) -> Verb | None:
    """Return the verb of a word that makes edits, by more than one line of an edit script; None of any other."""
    verb = VERBS.named(word) if word in VERBS.words else None
    return verb if verb is not None and verb.edits else None


def _two(rest: str) -> tuple[str, str]:
    try:
        words = shlex.split(rest)
    except ValueError:
        words = []
    if len(words) != 2 or not all(words):
        raise UserError(
            '`what-if` takes two words, such as: what-if Ganesh Priya (in "quotes" where they hold a space), or an '
            "edit, such as: what-if set f[3] = 1"
        )
    return words[0], words[1]


def _changes(found: Iterable[Doubted]) -> str:
    """Return which words become which, and where: `he → she at t=15, 21`."""
    places: dict[tuple[str, str], list[int]] = {}
    for one in found:
        places.setdefault((visible(one.word), visible(one.instead)), []).append(one.t)
    return ", ".join(f"“{word}” → “{instead}” at t={listed_places(ts)}" for (word, instead), ts in places.items())


def _line(one: Doubted) -> str:
    word, instead = visible(one.word), visible(one.instead)
    return f"t={one.t} “{word}”: {from_to(one.before, one.after)}, now “{instead}” {fixed(one.chance)}"


def _end(before: Trace, after: Trace) -> Iterator[str]:
    """Yield what the network says at the end, and what it said there before, where that is another word."""
    (said, size), (old, was) = _likeliest(before), _likeliest(after)
    if said and old and said != old:
        yield f"in the end {said} {fixed(size)} → {old} {fixed(was)}"


def _likeliest(trace: Trace) -> tuple[str, float]:
    """Return the largest output at the end, or of the whole, and its name; no name where outputs have none."""
    values = trace.output[-1] if trace.output is not None else trace.result
    best = None if values is None else largest(values)
    if values is None or best is None:
        return "", 0.0
    return (visible(trace.classes[best]) if best < len(trace.classes) else "", float(values[best]))
