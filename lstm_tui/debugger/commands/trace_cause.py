"""`trace-cause`: which value of which token makes the output of a sentence another than that of a second."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lstm_tui.analysis.distribution import is_language_model
from lstm_tui.analysis.influence import Target
from lstm_tui.analysis.interchange import OtherRun, check_pair
from lstm_tui.debugger.commands.complete import complete_file
from lstm_tui.debugger.commands.examine import one_unit
from lstm_tui.debugger.commands.goto import place_of
from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.edits.history import BASE
from lstm_tui.debugger.edits.other_run import IN_FILE, other_run, run_in_file
from lstm_tui.debugger.expressions import ExpressionError, parse, resolved
from lstm_tui.debugger.inspect.causes import (
    CausalQuestion,
    account_lines,
    account_words,
    head,
    map_lines,
    range_words,
    strongest_words,
    unit_order,
    unit_words,
)
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.language.words import unquoted
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.text_safety import visible

_ASKED = re.compile(
    r'(?P<what>"(?:[^"\\]|\\.)*"|\'[^\']*\'|.+?)(?:\s*@\s*(?P<t>\S+))?(?:\s+from\s+(?P<other>\S.*))?\s*\Z', re.DOTALL
)
_HOW = 'trace-cause "he" from line 2, or: trace-cause "he" @ 3 from "another text of equally many tokens"'


def _words(session: Session, rest: str) -> Iterator[str]:
    before, gap, begun = rest.rpartition(" from ")
    if gap:
        return (f"{before}{gap}{name}" for name in (BASE, "line ") if name.startswith(begun) and name != begun)
    begun = rest.removeprefix('"')
    return (f'"{visible(name)}"' for name in session.frame.trace.classes if name.startswith(begun) and begun)


@VERBS.verb(
    "trace-cause OUTPUT|UNIT [@ T] [from OTHER]",
    'find which value of which token makes an output another than in OTHER (line 2, "a text", base, network and its '
    "file); Y shows the map",
    complete=_words,
    example="trace-cause c[7] from base",
)
def _trace_cause(session: Session, rest: str) -> Iterable[str]:
    match = _ASKED.match(rest)
    in_file = None if match is None or match["other"] is None else IN_FILE.match(match["other"].strip())
    if match is not None and in_file is not None:  # which is refused where verbs are kept from files
        at = "" if match["t"] is None else f" @ {match['t']}"
        return VERBS.named("trace-cause-from")(session, f"{in_file['path']} {match['what'].strip()}{at}")
    return _told(session, causal_question(session, rest))


@VERBS.verb(
    "trace-cause-from FILE OUTPUT|UNIT [@ T]",
    "trace a cause to another network of equal size, read from its file, over these tokens",
    complete=complete_file,
    touches_files=True,
)
def _trace_cause_from(session: Session, rest: str) -> Iterable[str]:
    path, _, asked = rest.partition(" ")
    match = _ASKED.match(asked.strip())
    if not path or match is None or match["other"] is not None:
        raise UserError('the cause of what, from which file? such as: trace-cause "he" @ 3 from network FILE')
    target = _target(session, match["what"].strip(), match["t"])
    found = run_in_file(session, path)
    check_pair(session.frame.trace, found.trace, target)
    return _told(session, _question(session, found, target))


def _told(session: Session, question: CausalQuestion) -> Iterable[str]:
    """Return the whole answer as text; the question is kept for the view."""
    session.work.part(0, 3)
    found = question.answer(session.work.progress)
    session.causal = question
    column, t = question.memory, question.place
    units = question.units(column, t)
    best = unit_order(found, units)[0]
    session.work.part(1, 3)
    accounts = question.accounts(found, best, session.work.progress)
    tokens = question.one.sequence.tokens

    def name(place: int) -> str:
        return f"“{visible(tokens[place])}” (t={place})"

    ledger = (
        f", ledger of unit {question.names.label(column.pass_name, best, column.value)}" if "ledger" in accounts else ""
    )
    return (
        head(found, question.other.name),
        *question.other.conditions,
        *range_words(found),
        "how much of the way each interchange goes:",
        *map_lines(question, found),
        "most:",
        *strongest_words(question, found),
        f"unit by unit, {column.name} at {name(t)}:",
        *unit_words(question, found, column, units),
        f"beside it, by token{ledger}:",
        *account_lines(accounts, found.places, name),
        *account_words(accounts, found.places, name),
    )


def causal_question(session: Session, rest: str) -> CausalQuestion:
    """Return what is asked by what stands behind the verb.

    Raises:
        UserError: It is no question, or the two sentences cannot be interchanged.
    """
    match = _ASKED.match(rest)
    if match is None or (match["what"][0] == '"' and match["what"][-1:] != '"'):
        raise UserError(f"the cause of which output? such as: {_HOW}")
    one, what, other = session.frame.trace, match["what"].strip(), match["other"]
    target = _target(session, what, match["t"])
    if other is None:
        if not session.history.active:
            raise UserError(f"beside which sentence? such as: {_HOW}; an edited text stands beside itself as it was")
        other = BASE
    found = other_run(session, other.strip())
    check_pair(one, found.trace, target)
    return _question(session, found, target)


def _question(session: Session, found: OtherRun, target: Target) -> CausalQuestion:
    frame = session.frame
    return CausalQuestion(frame.trace, found, target, frame.names, session.history.here, frame.line)


def _target(session: Session, what: str, at: str | None) -> Target:
    """Return what is asked about: an output by its name, or one unit of a value."""
    trace = session.frame.trace
    quoted = what[:1] in ('"', "'")
    name = (unquoted(what) or "") if quoted else what
    classes = trace.classes
    tokens = trace.network.tokens if trace.network is not None and is_language_model(trace.network) else None
    name = name if name in classes or tokens is None else tokens.as_read(name)
    if name in classes:
        return _class(session, trace, name, None if at is None else place_of(session, at))
    if not quoted:
        try:
            session.evaluate(what)
            unit = one_unit(session, resolved(parse(what), session.scope()).node)
        except ExpressionError:
            unit = None
        if unit is not None:
            passed, value, t, number = unit
            t = t if at is None else place_of(session, at)
            label = f"{session.frame.names.value(passed.name, value, number)} of {passed.name} at t={t}"
            return Target(label, t=t, pass_name=passed.name, value=value, unit=number)
    if trace.network is None or trace.network.readout is None:
        raise UserError(f"`{visible(what[:40])}` is no unit of a value, such as c[7], and this network has no readout")
    near = nearest(name, classes) if classes else None
    hint = f"; did you mean “{visible(near)}”?" if near else ""
    raise UserError(f"the network says no “{visible(name[:40])}”{hint}; an output by its name, or a unit such as c[7]")


def _class(session: Session, trace: Trace, name: str, t: int | None) -> Target:
    """Return an output as a target: where it is said at every token, before the place where its token stands."""
    index = trace.classes.index(name)
    network = trace.network
    if network is not None and network.is_part:
        raise UserError(
            f"only {visible(network.name)} runs again, not the model around it, which says “{visible(name)}”: "
            f"give a unit of it, such as h[0] @ {session.frame.t}"
        )
    if network is None or network.readout is None:
        raise UserError("a trace without its network cannot be run again: nothing can be interchanged")
    if trace.readout[network.readout.page.result].ndim != 2:
        if t is not None:
            raise UserError("this network says one thing of the whole text: leave out the @ and its place")
        return Target(f"“{visible(name)}” for the whole text", class_index=index)
    if t is None:
        t = session.frame.t
        if is_language_model(network):
            ids = trace.sequence.ids  # the outputs are the tokens, in their order
            places = [] if ids is None else [n for n in range(1, len(ids)) if ids[n] == index]
            after = [n for n in places if n >= session.frame.t] or places
            t = after[0] - 1 if after else len(trace.sequence) - 1
    label = f"“{visible(name)}” {'next ' if is_language_model(network) else ''}after t={t}"
    return Target(label, class_index=index, t=t)
