"""Verbs of units: choosing one by number or name, and giving it a name."""

from __future__ import annotations

from collections.abc import Iterator

from lstm_tui.debugger.commands.complete import begun_with
from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.session import Session
from lstm_tui.engine.compiler.roles import memory_of
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number


def unit_called(session: Session, pass_name: str, name: str) -> int:
    """Return which unit of a pass has a name.

    Raises:
        UserError: None has; the nearest name is told.
    """
    found = session.frame.names.number(pass_name, name)
    if found is not None:
        return found
    known = tuple(session.frame.names.of.get(pass_name, {}).values())
    near = nearest(name, known)
    hint = f"did you mean {near}?" if near else f"there is {', '.join(known)}" if known else "`name 7 NAME` gives one"
    raise UserError(f"no unit of {pass_name} is called {visible(name[:40])}; {hint}")


def unit_meant(session: Session, text: str) -> tuple[str, int]:
    """Return the pass and the unit that a text means: `7`, `gender`, `layer1.backward.7`, `c[7]`.

    A name is looked for in the selected pass, then in the others.

    Raises:
        UserError: There is no such unit.
    """
    frame = session.frame
    owner, _, word = text.strip().rpartition(".")
    if owner and owner not in frame.trace.passes:
        owner, word = "", text.strip()
    pass_name = owner or frame.position.pass_name
    if word.endswith("]") and "[" in word:  # as an expression has it
        word = word[word.index("[") + 1 : -1]
    passed = frame.trace[pass_name]
    places = [whole_number(one) for one in word.split(",")]
    known = [one for one in places if one is not None]
    if len(known) == len(places) > 1:  # row and column of a matrix
        return pass_name, passed.unit_at(memory_of(passed.cell), tuple(known))
    number = places[0] if len(places) == 1 else None
    if number is None:
        if not owner:
            others = (name for name in frame.trace.passes if frame.names.number(name, word) is not None)
            pass_name = pass_name if frame.names.number(pass_name, word) is not None else next(others, pass_name)
        number = unit_called(session, pass_name, word)
    count = frame.trace[pass_name][memory_of(frame.trace[pass_name].cell)].shape[1]
    if number >= count:
        raise UserError(f"{pass_name} has {count} units, from 0: there is no unit {number}")
    return pass_name, number


def _units(session: Session, rest: str) -> Iterator[str]:
    for names in session.frame.names.of.values():
        yield from begun_with(names.values(), rest)


def _listed(session: Session) -> tuple[str, ...]:
    """Return the units that have names, a line each."""
    names = session.frame.names
    lines = [
        f"{names.words(pass_name, unit)}  {pass_name}"
        for pass_name, mine in names.of.items() if pass_name in session.frame.trace for unit in mine
    ]  # fmt: skip
    return tuple(lines) or ("no unit has a name: `name 7 NAME` gives one",)


@VERBS.verb(
    "unit [N|NAME]", "choose a unit by its number or name, and tell its memory; alone, list the units with names",
    complete=_units, example="unit 0",
)  # fmt: skip
def _unit(session: Session, rest: str) -> tuple[str, ...]:
    if not rest:
        return _listed(session)
    pass_name, unit = unit_meant(session, rest)
    frame = session.choose_unit(pass_name, unit)
    memory = memory_of(frame.passed.cell)
    here = sentence(float(frame.passed[memory][frame.t][unit]))
    later = "" if frame.reached(pass_name, memory) else " (not computed yet)"
    entry = f"{memory}[{frame.passed.entry_of(memory, unit)}]"
    return (f"{frame.names.words(pass_name, unit)} of {pass_name}: {entry} = {here} at t={frame.t}{later}",)


@VERBS.verb(
    "name N [NAME]", "call a unit by a name, shown wherever it stands; without one, take its name away",
    complete=_units, example="name 0 first",
)  # fmt: skip
def _name(session: Session, rest: str) -> tuple[str, ...]:
    words = rest.split()
    if not words or len(words) > 2:
        raise UserError("name which unit, and what? such as: name 7 gender")
    pass_name, unit = unit_meant(session, words[0])
    before, name = session.frame.names.name(pass_name, unit), words[1] if len(words) == 2 else ""
    session.name_unit(pass_name, unit, name)
    was = f"; it was {before}" if before and name and before != name else ""
    told = f"is called {name}{was}" if name else f"has no name now; it was {before}" if before else "has no name"
    return (f"unit {unit} of {pass_name} {told}",)
