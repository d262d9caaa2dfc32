"""`patch`: a value has here the numbers that it had in another run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from lstm_tui.analysis.interchange import OtherRun
from lstm_tui.debugger.commands.complete import begun_with, complete_file, value_names
from lstm_tui.debugger.commands.edit import Here, verdicts
from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.edits.edit_reader import parse_edit, parse_held
from lstm_tui.debugger.edits.history import BASE
from lstm_tui.debugger.edits.other_run import IN_FILE, other_run, patched, run_in_file
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import Span, whole_span

_FROM = re.compile(r"(?:^|\s+)from\s+")
_OTHER = re.compile(r'(?P<name>"(?:[^"\\]|\\.)*"|\S.*?)(?:\s*@\s*(?P<steps>[0-9: ]+))?\s*\Z', re.DOTALL)


def _complete(session: Session, rest: str) -> Iterator[str]:
    before, gap, begun = rest.rpartition(" from ")
    if not gap:
        return begun_with(value_names(session), rest)
    names = (BASE, "here", "line ", *(name for name, _ in session.history.names))
    return (f"{before}{gap}{name}" for name in begun_with(names, begun))


@VERBS.verb(
    "patch [PASS.]VALUE[UNITS] [@ STEPS] from OTHER [@ STEPS]",
    'set units of a value to what they were in another run: line 2, "a text", base, a branch, run or network and its '
    "file",
    complete=_complete,
    example="patch c[0] @ 1 from base @ 0",
    edits=True,
)
def _patch(session: Session, rest: str) -> Iterable[str]:
    target, gap, source = _parted(rest)
    if not gap and "=" in rest:
        before = session.frame.trace
        session.edit(parse_edit(f"patch {rest}", Here(session)))
        return (session.words[session.history.done - 1], *verdicts(session, before))
    name, taken = _other(source)
    in_file = IN_FILE.match(name)
    if in_file is not None:  # which is refused where verbs are kept from files
        steps = "" if taken is None else source[source.rindex("@") :]
        return VERBS.named("patch-from")(session, f"{in_file['path']} {target} {steps and f'from {steps}'}".strip())
    return _patched(session, target, lambda: other_run(session, name), taken)


@VERBS.verb(
    "patch-from FILE [PASS.]VALUE[UNITS] [@ STEPS] [from @ STEPS]",
    "patch from a file: what units of a value were in a trace file, or are in another network over these tokens",
    complete=complete_file,
    touches_files=True,
    edits=True,
)
def _patch_from(session: Session, rest: str) -> Iterable[str]:
    path, _, what = rest.partition(" ")
    if not path or not what.strip():
        raise UserError("patch what from which file? such as: patch-from run.npz c[3:9] @ 12 from @ 14")
    target, _, source = _parted(what.strip())
    steps = source.removeprefix("@").strip()
    taken = whole_span(steps.replace(" ", "")) if steps else None
    if steps and taken is None:
        raise UserError(f"`{visible(source[:40])}` is no range of steps, such as @ 14 or @ 14:17")
    return _patched(session, target, lambda: run_in_file(session, path), taken)


def _parted(rest: str) -> tuple[str, str, str]:
    """Return what stands before and behind a `from` that is followed by no numbers, and whether there is one."""
    found = _FROM.search(rest)
    if found is None or "=" in rest[: found.start()]:
        return rest, "", ""
    return rest[: found.start()].strip(), found.group(), rest[found.end() :].strip()


def _other(source: str) -> tuple[str, Span | None]:
    """Return what the other run is called, and which of its steps are meant."""
    match = _OTHER.match(source)
    if match is None:
        raise UserError('patch from which run? such as: patch c[3:9] @ 12 from line 2 @ 14, or from "a text" @ 14')
    if match["steps"] is None:
        return match["name"], None
    taken = whole_span(match["steps"].replace(" ", ""))
    if taken is None:
        raise UserError(f"`{visible(match['steps'][:40])}` is no range of steps, such as 14 or 14:17")
    return match["name"], taken


def _patched(session: Session, target: str, made: Callable[[], OtherRun], taken: Span | None) -> Iterable[str]:
    """Make the patch; what is meant here is read before anything is run."""
    owner, value, units, steps = parse_held(f"patch {target}", Here(session))
    other, before = made(), session.frame.trace
    session.edit(patched(session, owner, value, units, steps, other, taken))
    return (session.words[session.history.done - 1], *other.conditions, *verdicts(session, before))
