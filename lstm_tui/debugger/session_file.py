"""A session as a script of its own verbs: edits with their tree and names, breakpoints, displays, the position.

Obeyed on the same text by the same network it makes the session again. It is text: it can be read, changed and
put under version control. Its head says what was opened, and by which command it is opened again.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from lstm_tui.debugger.edit_tree import network_key
from lstm_tui.debugger.edits.edit_reader import EDIT_WORDS
from lstm_tui.debugger.edits.history import History
from lstm_tui.debugger.edits.language import line_of
from lstm_tui.debugger.features import lines_of
from lstm_tui.debugger.panes import Layout, read_layout
from lstm_tui.debugger.printf_format import is_format
from lstm_tui.debugger.scripting import END, OPENING
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.unit_names import UnitNames
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.sequence import Sequence as Tokens
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number

TITLE = "# lstm-tui session"
COMPUTING = "# computing: "
"""Begins what is said of a line that was not finished: what came of it is not known, so it is not executed again."""
_COMMAND, _NETWORK, _INPUT, _LAYOUT = "# command: ", "# network: ", "# input: ", "# layout: "
_HEAD = (_COMMAND, _NETWORK, _INPUT, _LAYOUT)
_NOTHING = "# means nothing in this run: "
_OF_TOKEN = re.compile(r"^\s*delete\s+(?=\d+\s*$)")
_WORDS = EDIT_WORDS | {
    "mask", "switch", "branch", "pass", "watch", "break", "tbreak", "ignore", "disable", "display", "goto", "step",
    "reverse-finish", "line", "name", "feature", "dprintf", "define", "document", "commands", "alias",
}  # fmt: skip
"""What a saved session consists of; nothing else in one is executed, so that one from a stranger writes no files."""


@dataclass(frozen=True)
class Saved:
    """A session as it was read.

    Attributes:
        command: The arguments of the command that opens its input.
        network: The name and digest of its network.
        input: The name and digest of its tokens.
        lines: The verbs that make the rest, each with its place in the file, from 1.
        layout: How the screen looked; None where nothing is said of it.
        digest: Of its lines.
        computing: Lines that were typed and not finished when the program was cut off.
    """

    command: tuple[str, ...]
    network: str
    input: str
    lines: tuple[tuple[int, str], ...]
    layout: Layout | None = None
    digest: str = ""
    computing: tuple[str, ...] = ()

    @property
    def line(self) -> int | None:
        """The line of the file that was open, from 0; None where nothing is said of it."""
        words = [line.split() for _, line in outside_blocks(self.lines)]
        numbers = [one[1] for one in words if one[0] == "line" and len(one) > 1]
        number = whole_number(numbers[-1]) if numbers else None
        return None if number is None else number - 1


def script_of(session: Session) -> list[str]:
    """Return the lines that make a session again."""
    trace = session.edits.opened
    head = [
        TITLE,
        _NETWORK + network_digest(str(trace.model.get("name")), trace.model.get("sha256")),
        _INPUT + input_digest(session.opened_sequence),
    ]
    if session.command:
        head.append(_COMMAND + shlex.join([*session.command, *_at_line(session)]))
    if session.layout is not None:
        head.append(_LAYOUT + session.layout.line)
    opened = UnitNames.of_trace(trace)
    here = session.frame.names
    again: tuple[str, ...] = ()
    if network_key(session.baseline) != network_key(trace):
        again = tuple(_names(here, session.opened_names))  # once the network that is in its place is open
        here = session.edits.opened_names
    names, stops = _names(here, opened), (*_breakpoints(session), *_displays(session))
    defined = _definitions(session)
    return [*head, *names, *defined, *_lines(session), *again, *stops, *_position(session)]


def breakpoints_script(session: Session) -> list[str]:
    """Return the lines that set the breakpoints of a session again, in the pass that is selected then."""
    return [*_breakpoints(session), f"pass {session.frame.position.pass_name}"]


def read_saved(lines: Sequence[str], where: str) -> Saved:
    """Read what `script_of` wrote.

    Args:
        lines: The lines of the file.
        where: What messages call it.

    Raises:
        UserError: It is no session, says nothing of how it was opened, or holds a verb no session is made of.
    """
    numbered = list(enumerate(as_typed_now(lines), start=1))
    if not numbered or numbered[0][1].strip() != TITLE:
        raise UserError(f"{where}: is no session: it does not begin with `{TITLE}`")
    head: dict[str, str] = {}
    verbs: list[tuple[int, str]] = []
    computing: list[str] = []
    blocks = _Blocks()
    for number, line in numbered:
        if blocks.depth:
            blocks.read(line)
            verbs.append((number, line))
            continue
        kind = next((one for one in _HEAD if line.startswith(one)), None)
        if kind is not None:
            head[kind] = line.removeprefix(kind).strip()
        elif line.startswith(COMPUTING):
            computing.append(line.removeprefix(COMPUTING).strip())
        elif line.strip() and not line.startswith("#"):
            word = line.split()[0]
            if word not in _WORDS:
                hint = "`run FILE -x SCRIPT` executes any verb"
                raise UserError(f"{where}:{number}: `{visible(word[:40])}` is no part of a session; {hint}")
            blocks.read(line)
            verbs.append((number, line))
    if blocks.depth:
        raise UserError(f"{where}: a block of lines has no `{END}`")
    if _COMMAND not in head:
        raise UserError(f"{where}: does not say what to open; `run FILE -x {where}` executes it")
    try:
        command = tuple(shlex.split(head[_COMMAND]))
    except ValueError:
        raise UserError(f"{where}: the line `{_COMMAND.strip()}` has a quote that is not closed") from None
    layout = read_layout(head[_LAYOUT]) if _LAYOUT in head else None
    known = digest(lines)
    return Saved(command, head.get(_NETWORK, ""), head.get(_INPUT, ""), tuple(verbs), layout, known, tuple(computing))


@dataclass
class _Blocks:
    """How deep the next line of a session stands in blocks; the lines of a `document` are text and open none."""

    depth: int = 0
    is_text: bool = False

    def read(self, line: str) -> None:
        word = line.strip().split(" ", 1)[0]
        if word == END and self.depth:
            self.depth -= 1
            self.is_text = False
        elif word in OPENING and not self.is_text:
            self.depth += 1
            self.is_text = word == "document"


def outside_blocks(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yield the lines of a session that stand in no block, those that open one among them."""
    blocks = _Blocks()
    for number, line in lines:
        if not blocks.depth:
            yield number, line
        blocks.read(line)


def as_typed_now(lines: Sequence[str]) -> list[str]:
    """Return the lines of a script as they are typed now.

    Sessions that were saved before `delete` took breakpoints away say `delete 3` of a token: they held no other.
    """
    if not lines or lines[0].strip() != TITLE:
        return list(lines)
    return [_OF_TOKEN.sub("remove ", line) for line in lines]


def digest(lines: Iterable[str]) -> str:
    """Return a digest of the lines of a file, by which a session knows what it has written."""
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


def network_digest(name: str, sha256: object) -> str:
    """Return a network as a saved session names it."""
    return f"{visible(name)}, {visible(str(sha256 or 'not from a file'))}"


def input_digest(sequence: Tokens) -> str:
    """Return an input as a saved session names it: its place, its length, a digest of its tokens."""
    content = "\0".join(sequence.tokens).encode("utf-8", "surrogatepass")
    if sequence.x is not None:
        content = np.ascontiguousarray(sequence.x).tobytes()
    place = f"{visible(sequence.file or 'a text')}, line {sequence.line or 1}"
    return f"{place}, {len(sequence)} tokens, {hashlib.sha256(content).hexdigest()[:16]}"


def _at_line(session: Session) -> Iterator[str]:
    """Yield the option that opens the line at which the session stands."""
    line = session.opened_sequence.line
    if line and session.frame.lines > 1:
        yield from ("--line", str(line))


def _lines(session: Session) -> Iterator[str]:
    """Yield the edits of every line of the file that has any, and last of the one that is open."""
    here = session.frame.line
    for line, history in session.histories.items():
        if line != here:
            yield f"line {line + 1} own"
            yield from _edits(history)
    if session.can_run and session.frame.lines > 1:
        yield f"line {here + 1} own"
    yield from _edits(session.history)


def _names(names: UnitNames, opened: UnitNames) -> Iterator[str]:
    """Yield the names that were given to units, each with its pass; those of the card are there anyway."""
    changed = tuple(names.differences(opened))
    for pass_name, unit, _ in changed:  # first, so that two units may have changed names
        if opened.name(pass_name, unit):
            yield f"name {pass_name}.{names.entry(pass_name, unit)}"
    for pass_name, unit, name in changed:
        if name:
            yield f"name {pass_name}.{names.entry(pass_name, unit)} {name}"
    yield from lines_of(one for name, one in names.features.items() if opened.features.get(name) != one)


def _definitions(session: Session) -> Iterator[str]:
    """Yield the words of the user's own, and the variables."""
    for command in session.scripting.commands.values():
        yield from command.written()
    yield from session.scripting.alias_lines()
    yield from session.stops.held.lines()


def _edits(history: History) -> Iterator[str]:
    here = 0
    yield from (f"branch {name}" for name, named in history.names if not named)
    for number, state in enumerate(history.states, start=1):
        if state.parent != here:
            yield f"switch {state.parent}"
        yield line_of(state.edit)
        here = number
        for name, named in history.names:
            if named == number:
                yield f"branch {name}"
    if here != history.here:
        yield f"switch {history.here}"


def _breakpoints(session: Session) -> Iterator[str]:
    for one in session.breakpoints:
        verb = "watch" if one.word == "watch" else "tbreak" if one.temporary else "break"
        where = f"{one.trigger.text}{' in any line' * one.any_line}"
        text = one.log if one.log is None or is_format(one.log) else f'"{one.log}"'
        line = f"{verb} {where}" if text is None else f"dprintf {where}, {text}"
        if not session.stops.means_something(one):
            yield f"{_NOTHING}{line}"
            continue
        yield f"pass {one.pass_name}"
        yield line
        if one.commands is not None:
            yield from ("commands", *one.commands.lines, END)
        if one.ignore:
            yield f"ignore $bpnum {one.ignore}"
        if not one.enabled:
            yield "disable $bpnum"


def _displays(session: Session) -> Iterator[str]:
    for one in session.displays:
        line = f"display {one.expression.text.strip()}"
        if not session.stops.means_something(one):
            yield f"{_NOTHING}{line}"
            continue
        yield f"pass {one.pass_name}"
        yield line


def _position(session: Session) -> Iterator[str]:
    position = session.frame.position
    yield f"pass {position.pass_name}"
    yield f"goto {position.t}"
    if position.equation < len(session.frame.equations) - 1:
        yield "reverse-finish"
        if position.equation >= 0:
            yield f"step {position.equation + 1}"
