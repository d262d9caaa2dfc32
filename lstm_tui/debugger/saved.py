"""A session as a script of its own verbs: edits with their tree and names, breakpoints, displays, the position.

Obeyed on the same text by the same network it makes the session again. It is text: it can be read, changed and
put under version control.
"""

from __future__ import annotations

from collections.abc import Iterator

from lstm_tui.debugger.recipe import line_of
from lstm_tui.debugger.session import Session
from lstm_tui.engine.visible import visible


def script_of(session: Session) -> list[str]:
    """Return the lines that make a session again."""
    trace = session.frame.trace
    model = f"{visible(str(trace.model.get('name')))}, {visible(str(trace.model.get('sha256') or 'not from a file'))}"
    file = f"{visible(trace.sequence.file or 'a text')}, line {trace.sequence.line or 1}"
    lines = ["# lstm-tui session", f"# network: {model}", f"# input: {file}"]
    return [*lines, *_edits(session), *_breakpoints(session), *_displays(session), *_position(session)]


def _edits(session: Session) -> Iterator[str]:
    history = session.history
    here = 0
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
    for number, one in enumerate(session.breakpoints, start=1):
        yield f"pass {one.pass_name}"
        verb = "watch" if one.word == "watch" else "tbreak" if one.temporary else "break"
        yield f"{verb} {one.trigger.text}"
        if one.ignore:
            yield f"ignore {number} {one.ignore}"
        if not one.enabled:
            yield f"disable {number}"


def _displays(session: Session) -> Iterator[str]:
    for one in session.displays:
        yield f"pass {one.pass_name}"
        yield f"display {one.expression.text.strip()}"


def _position(session: Session) -> Iterator[str]:
    position = session.frame.position
    yield f"pass {position.pass_name}"
    yield f"goto {position.t}"
    if position.equation < len(session.frame.equations) - 1:
        yield "reverse-finish"
        if position.equation >= 0:
            yield f"step {position.equation + 1}"
