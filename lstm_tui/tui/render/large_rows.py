"""Which parts of a step and which gates are drawn, side by side, in the slots there are."""

from __future__ import annotations

from dataclasses import dataclass, field

from lstm_tui.debugger.facts import Column
from lstm_tui.debugger.one_step import Part
from lstm_tui.tui.view import View


@dataclass
class Row:
    """A part of the sum and the gates beside it; `part` is None where kept and written cannot be told apart."""

    part: Part | None
    gates: list[Column] = field(default_factory=list)

    @property
    def slots(self) -> int:
        """How many slots it takes: each gate has its own."""
        return max(len(self.gates), 1)


def rows_of(view: View, parts: tuple[Part, ...]) -> list[Row]:
    """Return the parts with the gates they are made of; gates of none of them stand first."""
    rows = [Row(part) for part in parts]
    if not any(part.kind == "kept" for part in parts):
        rows.insert(len(rows) - 1, Row(None))
    spare: list[Column] = []
    for column in view.columns(view.pass_name):
        if column.name in (view.memory_name, view.passed.cell.output):
            continue
        home = next((row for row in rows if row.part is not None and column.name in row.part.values), None)
        (spare if home is None else home.gates).append(column)
    for row in rows:  # the candidate behind its gate
        row.gates.sort(key=lambda column: column.word not in ("keep", "write", "show"))
    rows[0].gates[:0] = spare
    return rows


def fitting(rows: list[Row], slots: int, view: View) -> list[Row]:
    """Return what fits: gates that say least go first, then the rows that are farthest from the chosen value."""
    value = view.value
    while sum(row.slots for row in rows) > slots:
        row = max(rows, key=lambda row: row.slots)
        if row.slots == 1:
            break
        row.gates.remove(next(gate for gate in reversed(row.gates) if gate.name != value))
    place = next((n for n, row in enumerate(rows) if _is_of(row, value, view)), 0)
    first = max(place - slots + 1, 0)
    return rows[first : first + slots]


def _is_of(row: Row, value: str, view: View) -> bool:
    if any(gate.name == value for gate in row.gates):
        return True
    kind = "after" if value == view.memory_name else "seen" if value == view.passed.cell.output else ""
    return row.part is not None and row.part.kind == kind
