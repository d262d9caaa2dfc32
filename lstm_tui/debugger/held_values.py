"""Values that a session holds, as gdb does: the value history (`$1`, `$`, `$$`) and convenience variables (`$limit`).

Each is what an expression was where it was asked for; it does not move with the run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from lstm_tui.debugger.edits.language import in_quotes
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.language.words import unquoted
from lstm_tui.engine.text_safety import visible

if TYPE_CHECKING:
    from lstm_tui.debugger.expressions.series import Series

MOST_HELD = 1_000
"""Values of the history that are held, and variables that there may be."""
MOST_ENTRIES = 1 << 22
"""Numbers that the values of the history are together."""
MOST_SAVED = 10_000
"""Numbers of a variable that is saved with a session."""
NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]{0,59}\Z")
LAST_BREAKPOINT = "bpnum"
"""gdb's name for the number of the breakpoint that was set last."""
_NUMBERED = re.compile(r"\$?[0-9]*\Z")
_LITERAL = re.compile(r"[\[{]|(?:nan|-?inf|true|false)\Z")
_TOKEN = re.compile(
    r"""\s*(?:(?P<label>"(?:[^"\\]|\\.)*")\s*:|(?P<truth>true|false)|(?P<number>[-+]?(?:nan|inf|[0-9.][0-9.eE+-]*))
    |(?P<sign>[\[\]{},]))\s*""",
    re.VERBOSE,
)
_LONGEST = 1 << 20


class HeldValues:
    """The value history, whose numbers count from 1 and are never used again, and variables by name."""

    def __init__(self) -> None:
        """Hold nothing."""
        self._history: dict[int, Series] = {}
        self._last = self._entries = 0
        self._variables: dict[str, Series] = {}

    def record(self, value: Series) -> int:
        """Hold a value that was printed, and return its number; the oldest is let go where there are too many."""
        self._last += 1
        self._history[self._last] = _copied(value)
        self._entries += value.size
        while len(self._history) > MOST_HELD or (self._entries > MOST_ENTRIES and len(self._history) > 1):
            oldest = next(iter(self._history))
            self._entries -= self._history.pop(oldest).size
        return self._last

    def set(self, name: str, value: Series) -> None:
        """Have a name stand for a value.

        Raises:
            UserError: It cannot be a name, or there are too many.
        """
        if not NAME.match(name):
            raise UserError(
                f"`${visible(name[:40])}` cannot be a name: letters, digits and _, such as: set $limit = .3"
            )
        if name not in self._variables and len(self._variables) >= MOST_HELD:
            raise UserError(f"there are {MOST_HELD} variables already")
        self._variables = {**self._variables, name: _copied(value)}

    def find(self, name: str) -> Series | None:
        """Return the value of `1`, `$2`, `limit` or an empty name, which is the last of the history; None without."""
        if not _NUMBERED.match(name):
            return self._variables.get(name)
        number = self._number(name)
        return None if number is None else self._history.get(number)

    def _number(self, name: str) -> int | None:
        """Return the number in the history of `1` (that one), `` (the last), `$` (the one before), `$2`."""
        if len(name) > 12:
            return None
        if not name.startswith("$"):
            return int(name) if name else self._last
        return self._last - (int(name[1:]) if name[1:] else 1)

    def missing(self, name: str) -> tuple[str, str | None]:
        """Return what is said of a name that stands for nothing, and the nearest that does."""
        if not _NUMBERED.match(name):
            near = nearest(name, self._variables)
            return f"${name} stands for nothing: set ${name} = EXPR", near and f"${near}"
        if not self._last:
            return f"${name} is no value yet: `print EXPR` makes the first", None
        held = f"$1 to ${self._last}" if 1 in self._history else f"${next(iter(self._history))} to ${self._last}"
        return f"there is no value ${name}: the history holds {held}", None

    @property
    def history(self) -> dict[int, Series]:
        """The values of the history that are held, by number."""
        return dict(self._history)

    @property
    def variables(self) -> dict[str, Series]:
        """The variables by name; another object after each change."""
        return self._variables

    def lines(self) -> Iterator[str]:
        """Yield the lines that set every variable again; of one that is too large a remark."""
        for name, value in self._variables.items():
            if name == LAST_BREAKPOINT:
                continue
            if value.size > MOST_SAVED:
                yield f"# ${name} holds {value.size} numbers and is not saved"
            else:
                yield f"set ${name} = {written(value)}"


def _copied(value: Series) -> Series:
    """Return a value that shares no numbers with a run."""
    return replace(value, values=value.values.copy(), known=value.known.copy(), unknown=value.unknown.copy())


def written(value: Series) -> str:
    """Return a value as `read_written` reads it, to the last bit."""
    entries = [_entry(one) for one in value.values[0].tolist()]
    if value.shape is not None:
        rows, columns = value.shape
        return f"[{', '.join(_listed(entries[row * columns : (row + 1) * columns]) for row in range(rows))}]"
    if value.labels and len(set(value.labels)) == len(entries):
        pairs = zip(value.labels, entries, strict=True)
        return f"{{{', '.join(f'{in_quotes(label)}: {entry}' for label, entry in pairs)}}}"
    return entries[0] if len(entries) == 1 else _listed(entries)


def _entry(value: Any) -> str:
    return (
        str(value).lower() if isinstance(value, bool) else in_quotes(value) if isinstance(value, str) else repr(value)
    )


def _listed(entries: list[str]) -> str:
    return f"[{', '.join(entries)}]"


def read_written(text: str) -> Series | None:
    """Return the value that a text writes out, such as `[.1, .2]`; None where it is an expression.

    Raises:
        UserError: It begins like one and is none.
    """
    from lstm_tui.debugger.expressions.series import Series

    if not _LITERAL.match(text):
        return None
    try:
        labels, rows = _read_rows(text)
        flat = [one for row in rows for one in row]
        kind: Literal["number", "truth"] = "truth" if isinstance(flat[0], bool) else "number"
        same = len({len(row) for row in rows}) == 1 and len({isinstance(one, bool) for one in flat}) == 1
    except (ValueError, IndexError):
        same = False
    if not same or (labels and len(labels) != len(flat)):
        raise UserError(f"`{visible(text[:40])}` is no list of numbers, such as [0.1, 0.2]")
    shape = (len(rows), len(rows[0])) if text.startswith("[[") else None
    return replace(Series.constant(flat, kind), labels=labels, shape=shape)


def _read_rows(text: str) -> tuple[tuple[str, ...], list[list[float | bool]]]:
    """Return the labels of a written value, and its rows.

    Raises:
        ValueError: It is none.
    """
    labels: list[str] = []
    rows: list[list[float | bool]] = [[]]
    place = depth = 0
    depths: set[int] = set()
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None or len(text) > _LONGEST:
            raise ValueError(text)
        place = found.end()
        if found["truth"] or found["number"]:
            depths.add(depth)
        if found["label"] is not None:
            labels.append(unquoted(found["label"]) or "")
        elif found["truth"] is not None:
            rows[-1].append(found["truth"] == "true")
        elif found["number"] is not None:
            rows[-1].append(float(found["number"]))
        elif found["sign"] != ",":
            depth += 1 if found["sign"] in "[{" else -1
            if depth > 2:
                raise ValueError(text)
            if depth == 2 and rows[-1]:
                rows.append([])
    if depth or len(depths) > 1:
        raise ValueError(text)
    return tuple(labels), rows
