"""Verbs that search: a token; where else in the file units behave like this; what units and gates follow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from lstm_tui.analysis.property_units import units_that_follow
from lstm_tui.analysis.search_defaults import MOST_FOUND
from lstm_tui.debugger.commands.edit import Here
from lstm_tui.debugger.commands.goto import stands
from lstm_tui.debugger.commands.names import unit_meant
from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.corpus import Corpus, CorpusStates, ValueName, hold_states
from lstm_tui.debugger.edits.language import cuts_of_every_line
from lstm_tui.debugger.edits.openings import lines_as_read
from lstm_tui.debugger.inspect.findings import (
    at_text,
    check_units,
    conditions_of,
    finding_lines,
    findings,
    follow_sentence,
    following_lines,
    gate_lines,
    is_condition,
    labels_by_pattern,
    like,
    mark_of,
    where,
)
from lstm_tui.debugger.session import Session
from lstm_tui.engine.compiler.roles import memory_of
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number

_QUOTED = re.compile(r'"([^"\\]+)"')
_MARK = re.compile(r"[A-Za-z_][\w.]*(?:\[[^\]]*\])?\s*@\s*[0-9:]", re.ASCII)


def _tokens(session: Session, rest: str) -> Iterator[str]:
    for token in dict.fromkeys(session.frame.trace.sequence.tokens):
        if token.casefold().startswith(rest.casefold()):
            yield visible(token)


@VERBS.verb(
    "find TEXT|RANGE|CONDITION",
    "go to the next token that contains a text; or find where else in the file units behave as in a range "
    "(c[3:9] @ 12:15), or hold a condition (c[7] > 0.5 and f[3] < 0.1)",
    aliases=("/",),
    complete=_tokens,
)
def _find(session: Session, rest: str) -> Iterable[str]:
    if not rest:
        raise UserError("find what? such as: find not, find c[3:9] @ 12:15, find c[7] > 0.5")
    if (quoted := _QUOTED.fullmatch(rest)) is not None:
        rest = quoted[1]
    owner = rest.partition("[")[0].partition("@")[0].strip().rpartition(".")[2]
    if (_MARK.match(rest) and owner in session.frame.passed) or is_condition(rest):
        return _find_states(session, rest)
    if session.find(rest).note:
        raise UserError(f"no token holds “{visible(rest)}”")
    session.findings = ()
    return stands(session)


def _find_states(session: Session, rest: str) -> Iterator[str]:
    corpus, here = file_corpus(session), Here(session)
    if is_condition(rest):
        wanted = conditions_of(rest, here)
        check_units(corpus, wanted)
        states = states_of(session, corpus, list(dict.fromkeys(one.value for one in wanted)))
        hits = where(states, wanted, MOST_FOUND)
    else:
        mark = mark_of(rest, session.frame.trace, here)
        states = states_of(session, corpus, [mark.value])
        own = session.frame.line if len(session.frame.trace.sequence) == _length(states, session.frame.line) else None
        hits = like(states, mark, MOST_FOUND, own)
    session.findings, session.finding = tuple(findings(corpus, states, hits)), -1
    yield from finding_lines(session.findings, (), is_condition(rest))
    if session.findings:
        yield "`found 1` goes to the first; . and , go on and back"


def _length(states: CorpusStates, sequence: int) -> int:
    return int(states.starts[sequence + 1] - states.starts[sequence])


def file_corpus(session: Session) -> Corpus:
    """Return the lines of the file that is open, with the network as it is edited, and its cuts of every line.

    Raises:
        UserError: There is no network, or the text still comes.
    """
    if session.source.incoming is not None:
        raise UserError("a text that still comes is not searched: open its file")
    network, source = session.edited.network, session.source
    lines = lines_as_read(source.sequences, source.network, network)
    cuts = cuts_of_every_line(session.history.active)
    return replace(Corpus.of((replace(source, sequences=lines, edit_script=cuts),)), network=network)


def states_of(session: Session, corpus: Corpus, values: Sequence[ValueName]) -> CorpusStates:
    """Return some values at every step of a corpus."""
    return hold_states(corpus, values, session.work.progress)


def _numbers(session: Session, rest: str) -> Iterator[str]:
    return (str(n + 1) for n in range(len(session.findings)) if str(n + 1).startswith(rest))


@VERBS.verb("found [N]", "go to a place that the last `find` found: the next one, or the N-th; found -1 goes back",
            complete=_numbers)  # fmt: skip
def _found(session: Session, rest: str) -> tuple[str, ...]:
    count = len(session.findings)
    if not count:
        raise UserError("nothing was found: ask first, such as: find c[3:9] @ 12:15")
    step = -1 if rest == "-1" else 1
    number = (session.finding + step) % count + 1 if rest in ("", "-1") else whole_number(rest, 1, count)
    if number is None:
        raise UserError(f"which one? 1 to {count} were found")
    finding = session.findings[number - 1]
    if finding.place.sequence != session.frame.line:
        session.open_line(finding.place.sequence)
    session.goto(min(finding.place.t, session.frame.steps - 1))
    session.finding = number - 1
    return (f"{number} of {count}: {finding.text or at_text(finding)}", *stands(session))


@VERBS.verb(
    "gate-tokens [UNIT]",
    "list the tokens of the file that open and close each gate of this pass most, or that of a unit",
    example="gate-tokens",
)
def _gates(session: Session, rest: str) -> Iterable[str]:
    corpus, name = file_corpus(session), session.frame.position.pass_name
    unit = None
    if rest:
        name, unit = unit_meant(session, rest)
    values = corpus.gates(name)
    if not values:
        raise UserError(f"{name} has no gates")
    states = states_of(session, corpus, values)
    if (states.ids < 0).any():
        raise UserError("this network reads numbers: there are no tokens that open a gate")
    assert corpus.network.tokens is not None
    return tuple(gate_lines(states, values, unit, corpus.network.tokens.vocabulary, None))


@VERBS.verb(
    "follows REGEX",
    "tell which units of this pass have a memory that follows what matches, over the file: effect, and a p-value "
    "corrected for all units",
    example="follows not",
)
def _follows(session: Session, rest: str) -> Iterable[str]:
    if not rest:
        raise UserError('which property? a regular expression, such as: follows "[^"]*"')
    corpus = file_corpus(session)
    labels = labels_by_pattern(corpus, rest)
    passed = session.frame.passed
    value = ValueName(passed.name, memory_of(passed.cell))
    states = states_of(session, corpus, [value])
    found = units_that_follow(states.states[value.name], labels, progress=session.work.progress)
    return (
        *following_lines(found, value, session.frame.names),
        follow_sentence(found, value, session.frame.names, f"`{visible(rest)}`"),
    )
