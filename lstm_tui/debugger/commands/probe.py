"""`probe`: which unit tells words of one kind from those of another, with its evidence, so that it may be named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from lstm_tui.analysis.probe import LEAST_STRETCHES, SHUFFLES, BestUnit, Stretches, best_unit, stretches_of
from lstm_tui.debugger.commands.known_words import known_tokens
from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.edits.openings import lines_as_read
from lstm_tui.debugger.edits.teaching import held_out_of
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.number_text import count_of, percent, sentence
from lstm_tui.engine.runtime.compiling import about_to_take_long
from lstm_tui.engine.runtime.interpreters import chosen_for_many
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.text_safety import visible

_MOST_LINES = 200
_MOST_TOKENS = 20_000
USUAL = (
    ("gender", ("he", "his", "him"), ("she", "her")),
    ("number", ("he", "she"), ("they", "their")),
    ("speaker", ("i", "my"), ("he", "she", "his", "her")),
    ("negated", ("not", "never", "n't"), ("is", "was")),
)
"""What is looked for where nobody says what, by name."""
_NAMED = re.compile(r"\s+as\s+(?P<name>\S+)\s*\Z")
Kinds = tuple[frozenset[str], frozenset[str]]


def _words(session: Session, rest: str) -> Iterator[str]:
    before, _, word = rest.rpartition(" ")
    known = session.edited.network.tokens
    found = () if known is None or not word else (one for one in known.vocabulary if one.startswith(word))
    return (f"{before} {visible(one)}".strip() for one in found)


@VERBS.verb(
    "probe [WORDS / WORDS] [as NAME]",
    "find the unit that tells words from other words, with a test against chance; alone, look for gender, number …",
    complete=_words, example="probe the / not",
)  # fmt: skip
def _probe(session: Session, rest: str) -> Iterator[str]:
    known = known_tokens(session)
    about_to_take_long()
    if rest:
        name, kinds = _asked(rest)
        unknown = [word for kind in kinds for word in kind if not known.knows(word)]
        if unknown:
            near = ", ".join(visible(one) for one in known.near(unknown[0]))
            raise UserError(
                f"“{visible(unknown[0])}” is not known to this network" + (f"; near: {near}" if near else "")
            )
        read = tuple(frozenset(map(known.as_read, kind)) for kind in kinds)
        yield from _found(session, (read[0], read[1]), name)
        return
    tried = 0
    for name, *usual in USUAL:
        kinds_known = tuple(frozenset(word for word in kind if known.knows(word)) for kind in usual)
        if all(kinds_known):
            tried += 1
            yield from _found(session, (kinds_known[0], kinds_known[1]), name)
    if not tried:
        raise UserError("probe for what? such as: probe he his / she her as gender")


def _asked(rest: str) -> tuple[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return the name that is wanted, empty without one, and the words of both kinds."""
    named = _NAMED.search(rest)
    words = rest[: named.start()] if named else rest
    one, slash, other = words.partition(" / ")
    kinds = tuple(one.split()), tuple(other.split())
    if not slash or not all(kinds) or "/" in (*kinds[0], *kinds[1]):
        raise UserError("which words, from which others? such as: probe he his / she her as gender")
    if common := set(kinds[0]) & set(kinds[1]):
        raise UserError(f"“{visible(min(common))}” stands on both sides")
    return named["name"] if named else "", kinds


def _found(session: Session, kinds: Kinds, name: str) -> Iterator[str]:
    """Yield what is found of two kinds of words, and how it may be named."""
    pass_name = session.frame.position.pass_name
    what = " from ".join(" ".join(visible(word) for word in sorted(kind)) for kind in kinds)
    of, where = _stretches(session, kinds, pass_name)
    told = None if of is None else best_unit(of, session.work.progress)
    label = f"{visible(name)}: " if name else ""
    if of is None or told is None:
        counts = " and ".join(str(count) for count in ((0, 0) if of is None else of.counts))
        yield (
            f"{label}{what}: not known: {counts} stretches behind such words in {where}; "
            f"{LEAST_STRETCHES} of each are needed"
        )
        return
    words = session.frame.names.words(pass_name, told.unit)
    evidence = _evidence(told, of, where)
    if not told.is_known:
        yield f"{label}{what}: not known: the best, {words}, is {evidence}"
        return
    larger = " ".join(visible(word) for word in sorted(kinds[told.higher]))
    yield f"{label}{words} tells {what}, larger behind {larger}: {evidence}"
    called = session.frame.names.name(pass_name, told.unit)
    if name and called != name:
        yield f"  `name {told.unit} {visible(name)}` calls it so"


def _evidence(told: BestUnit, of: Stretches, where: str) -> str:
    chance = f"{percent(told.chance)} (p {sentence(told.p, 2)}, {SHUFFLES} shuffles)"
    return (
        f"right at {percent(told.accuracy)} of {told.tokens} tokens, both kinds weighed alike, in {len(of.kinds)} "
        f"stretches of {where}; by chance the best unit {chance}"
    )


def _stretches(session: Session, kinds: Kinds, pass_name: str) -> tuple[Stretches | None, str]:
    """Return the stretches of the lines that are open, or of texts of the package where those are too few."""
    source = session.source
    opened = source.sequences if source.recorded is None else ()
    lines = lines_as_read(opened, source.network, session.edited.network)
    mine = [session.frame.trace.sequence, *(one for n, one in enumerate(lines) if n != session.frame.line)]
    found = _of(session, islice(mine, _MOST_LINES), kinds, pass_name)
    if found is not None and min(found.counts) >= LEAST_STRETCHES:
        return found, count_of(min(len(mine), _MOST_LINES), "line")
    network = session.edited.network
    others = held_out_of(network)
    if others is None:
        return found, count_of(min(len(mine), _MOST_LINES), "line")
    assert network.tokens is not None
    vocabulary = network.tokens.vocabulary
    texts = (Sequence("words", tuple(vocabulary[n] for n in one.read), one.read) for one in others.examples)
    return _of(session, texts, kinds, pass_name), str(others)


def _of(session: Session, texts: Iterable[Sequence], kinds: Kinds, pass_name: str) -> Stretches | None:
    network, found, count = session.edited.network, None, 0
    known, interpreter = known_tokens(session), chosen_for_many()
    backward = session.frame.passed.direction == "backward"
    for sequence in texts:
        count += len(sequence)
        if count > _MOST_TOKENS or not len(sequence):
            break
        session.work.check()
        trace = run(network, sequence, interpreter)
        memory = trace[pass_name][Facts(trace).memory(pass_name)]
        part = stretches_of([known.as_read(one) for one in sequence.tokens], memory, kinds, backward)
        found = part if found is None else found + part
    return found
