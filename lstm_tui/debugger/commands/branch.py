"""Verbs of the tree of edits: name a state, go to one, compare two."""

from __future__ import annotations

from collections.abc import Iterator

from lstm_tui.debugger.commands.edit import outputs_told, verdicts
from lstm_tui.debugger.commands.goto import position_lines
from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.edits.history import BASE, History
from lstm_tui.debugger.inspect.compare import Comparison
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import fixed
from lstm_tui.engine.text_safety import visible

_MOST = 200


def _states(session: Session, rest: str) -> Iterator[str]:
    before, _, word = rest.rpartition(" ")
    known = (BASE, "here", *(name for name, _ in session.history.names))
    return (f"{before} {name}".strip() for name in known if name.startswith(word))


@VERBS.verb("branch [NAME]", "name the present state of the edits; without NAME, show all states as a tree")
def _branch(session: Session, rest: str) -> tuple[str, ...]:
    if not rest:
        return tuple(tree_lines(session.history))
    session.edits.name_state(rest)
    return (f"{rest}: {session.history.done} edits",)


def tree_lines(history: History) -> list[str]:
    """Return every state on a line of its own, each branch under the state at which it begins."""
    children: dict[int, list[int]] = {}
    for number, state in enumerate(history.states, start=1):
        children.setdefault(state.parent, []).append(number)
    lines: list[str] = []
    waiting = [(0, 0)]
    while waiting:
        number, depth = waiting.pop()
        names = [BASE] * (not number) + [name for name, of in history.names if of == number]
        words = "" if number == 0 else f" {visible(history.states[number - 1].words)}"
        mark = "*" if number == history.here else " "
        known = f"  [{', '.join(names)}]" if names else ""
        lines.append(f"{mark} {'  ' * depth}{number}{words}{known}")
        below = children.get(number, [])
        deeper = depth + (len(below) > 1 or number == 0)  # a state with one child goes straight on
        waiting.extend((child, deeper) for child in reversed(below))
    return lines


@VERBS.verb("switch NAME|N", "go to a state of the edits, by name or number", aliases=("checkout",), complete=_states)
def _switch(session: Session, rest: str) -> tuple[str, ...]:
    if not rest:
        raise UserError("go to which state? `branch` lists them")
    before = session.frame.trace
    session.switch(rest)
    return (f"{session.history.name_of(session.history.here)}: {session.history.done} edits in force",
            *verdicts(session, before), *position_lines(session.frame))  # fmt: skip


@VERBS.verb("diff [A] [B]", "compare two states token by token; without B, with the present one", complete=_states)
def _diff(session: Session, rest: str) -> tuple[str, ...]:
    words = rest.split()
    if len(words) > 2:
        raise UserError("two states are compared: diff base nofriend")
    one, other = (*words, "here")[:2] if words else (BASE, "here")
    return tuple(diff_lines(session.edits.compare(one, other), session.frame.position.pass_name))


def diff_lines(compared: Comparison, pass_name: str) -> list[str]:
    """Return two runs as a table: places, token, how far memory and output are apart (0 to 1)."""
    one, other = compared.names
    lines = [f"t of {one} and {other}, token, how far the memory of {pass_name} and the output are apart (0 to 1)"]
    for column in compared.columns[:_MOST]:
        places = (_place(column.before), _place(column.after))
        distances = (compared.memory_distance(column, pass_name), compared.output_distance(column))
        shown = [("" if each is None else fixed(each, 3)).rjust(6) for each in distances]
        mark = "-" if column.after is None else "+" if column.before is None else " "
        lines.append(f"{places[0]:>5} {places[1]:>5} {shown[0]} {shown[1]} {mark} {visible(compared.token(column))}")
    if len(compared.columns) > _MOST:
        lines.append(f"… {len(compared.columns)} tokens in all")
    if compared.same_classes:
        lines += outputs_told(compared.one, compared.other)
    return lines


def _place(t: int | None) -> str:
    return "" if t is None else str(t)
