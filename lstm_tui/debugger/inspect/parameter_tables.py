"""The parameters of a network as tables: every matrix, and the vectors of one owner side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lstm_tui.debugger.edits.describe import parameter_label
from lstm_tui.debugger.edits.suggest import Form
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.expression import Name, Product, walk
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.runtime.overrides import READOUT
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_span


@dataclass(frozen=True)
class ParameterTable:
    """One table: a matrix, or vectors of one length as its columns.

    Attributes:
        name: `layer0.forward/W_f`, or `layer0.forward/b_f b_i b_g b_o`.
        owner: `layer0.forward`, `readout`, or empty.
        tensors: The matrix, or the vectors in their order.
        rows: How many rows there are.
        columns: How many columns.
        words: What it is, such as `forget gate, weights of x`.
        is_matrix: Whether the columns are those of one matrix.
    """

    name: str
    owner: str
    tensors: tuple[str, ...]
    rows: int
    columns: int
    words: str
    is_matrix: bool

    def tensor(self, column: int) -> str:
        """Return the parameter to which a column belongs."""
        return self.tensors[0] if self.is_matrix else self.tensors[column]

    def place(self, row: int, column: int) -> str:
        """Return an entry as an edit script writes it: `layer0.forward/W_f[7,2]`."""
        return f"{self.tensor(column)}[{row},{column}]" if self.is_matrix else f"{self.tensor(column)}[{row}]"

    def window(self, network: Network, rows: Sequence[int] | Array, first: int, last: int) -> Array:
        """Return the numbers of some rows and a range of columns, (rows, columns)."""
        tensors = network.tensors()
        chosen = np.asarray(rows, dtype=np.intp)
        if self.is_matrix:
            return np.asarray(tensors[self.tensors[0]][chosen, first:last])
        return np.stack([tensors[name][chosen] for name in self.tensors[first:last]], axis=1)

    def whole(self, network: Network) -> Array:
        """Return all numbers, (rows, columns)."""
        tensors = network.tensors()
        if self.is_matrix:
            return np.asarray(tensors[self.tensors[0]])
        return np.stack([tensors[name] for name in self.tensors], axis=1)


def sheets_of(network: Network) -> tuple[ParameterTable, ...]:
    """Return every parameter once, in the order of the network; the vectors of an owner before its matrices."""
    cells = {one.name: one.cell for one in network.passes}
    result: list[ParameterTable] = []
    owners: dict[str, list[str]] = {}
    for name in network.tensors():
        owners.setdefault(name.rpartition("/")[0], []).append(name)
    for owner, names in owners.items():
        vectors: dict[int, list[str]] = {}
        for name in names:
            view = network.tensors()[name]
            if view.ndim == 1:
                vectors.setdefault(len(view), []).append(name)
        for length, chosen in vectors.items():
            short = " ".join(name.rpartition("/")[2] for name in chosen)
            prefix = f"{owner}/" if owner else ""
            result.append(
                ParameterTable(prefix + short, owner, tuple(chosen), length, len(chosen), "a column each", False)
            )
        for name in names:
            view = network.tensors()[name]
            if view.ndim == 2:
                short = name.rpartition("/")[2]
                words = parameter_label(cells[owner], short) if owner in cells else _plain_words(name)
                rows, columns = view.shape
                result.append(ParameterTable(name, owner, (name,), rows, columns, words, True))
    return tuple(result)


def _plain_words(name: str) -> str:
    return {"embedding": "a row of numbers for each token"}.get(name, "")


def row_name(network: Network, sheet: ParameterTable, row: int) -> str:
    """Return what a row stands for: a token, a class, or the number of a unit; safe to show."""
    if sheet.name == "embedding" and network.tokens is not None:
        return visible(network.tokens.vocabulary[row])
    if sheet.owner == READOUT and len(network.classes) == sheet.rows:
        return visible(network.classes[row])
    return str(row)


def column_name(network: Network, sheet: ParameterTable, column: int) -> str:
    """Return what a column stands for: `h[3]`, or the vector it is."""
    if not sheet.is_matrix:
        return sheet.tensors[column].rpartition("/")[2]
    operand = _operand(network, sheet)
    return f"{operand}[{column}]" if operand else str(column)


def _operand(network: Network, sheet: ParameterTable) -> str:
    short = sheet.name.rpartition("/")[2]
    for one in network.passes:
        if one.name == sheet.owner:
            for equation in one.cell.equations:
                for node in walk(equation.expression):
                    if isinstance(node, Product) and node.matrix == short and isinstance(node.operand, Name):
                        return node.operand.name
    return ""


def bias_beside(network: Network, sheet: ParameterTable) -> str | None:
    """Return the bias of the equation to which a matrix belongs, such as `layer0.forward/b_f`; None without one."""
    short, tensors = sheet.name.rpartition("/")[2], network.tensors()
    for one in network.passes:
        if one.name != sheet.owner:
            continue
        for equation in one.cell.equations:
            nodes = list(walk(equation.expression))
            if any(isinstance(node, Product) and node.matrix == short for node in nodes):
                names = [f"{sheet.owner}/{node.name}" for node in nodes if isinstance(node, Name)]
                found = [name for name in names if name in tensors and tensors[name].ndim == 1]
                return next((name for name in found if "/p_" not in name), None)
    return None


def is_in(network: Network, sheet: ParameterTable) -> bool:
    """Say whether a network has every parameter of a table in the same size: another equation may need others."""
    tensors = network.tensors()
    shape = (sheet.rows, sheet.columns) if sheet.is_matrix else (sheet.rows,)
    return all(name in tensors and tensors[name].shape == shape for name in sheet.tensors)


def forms_of_entry(network: Network, sheet: ParameterTable, row: int, column: int) -> tuple[Form, ...]:
    """Return the ways to change a parameter from one of its entries, the entry itself first."""
    now = sentence(sheet.window(network, [row], column, column + 1)[0, 0])
    name, label = sheet.tensor(column), row_name(network, sheet, row)
    unit = f"unit {row}" if label == str(row) else f"“{label}”"
    made = [(f"{sheet.place(row, column)} = ", now, "this one number")]
    if sheet.is_matrix:
        made += [
            (f"{name}[{row},:] = ", "0", f"the row: all of {unit}"),
            (f"{name}[{row},:] * ", "0.5", f"the row of {unit}, scaled by this factor"),
            (f"{name}[:,{column}] = ", "0", f"the column: all that reads {column_name(network, sheet, column)}"),
        ]
        bias = bias_beside(network, sheet)
        if bias is not None and row < len(network.tensors()[bias]):
            old = sentence(network.tensors()[bias][row])
            made.append((f"{bias}[{row}] = ", old, f"the bias beside it, of {unit}"))
            made.append((f"{bias} = ", "0", "the bias beside it, of all units"))
    else:
        made.append((f"{name} = ", "0", "this whole vector, every unit"))
    made.append((f"{name} * ", "1.5", "all of it, scaled by this factor"))
    forms = []
    for before, typed, words in made:
        start = f"weight {before}"
        forms.append(Form(start + typed, words, len(start), len(start) + len(typed)))
    return tuple(forms)


def chosen_rows(network: Network, sheet: ParameterTable, wanted: str) -> Array:
    """Return the rows that a filter lets through.

    Args:
        network: Whose parameters they are.
        sheet: Which table.
        wanted: Empty for all; `7` or `3:9` for rows by number; `>1.5` for rows with a number as large as that;
            else rows whose name holds the text.

    Raises:
        UserError: If it lets nothing through.
    """
    everything = np.arange(sheet.rows)
    text = wanted.strip()
    if not text:
        return everything
    span = whole_span(text)
    if text[0] == ">":
        try:
            least = float(text[1:])
        except ValueError:
            raise UserError(f"`{visible(text[:40])}`: > wants a number, as in >1.5") from None
        with np.errstate(invalid="ignore"):
            found = everything[(np.abs(sheet.whole(network)) > least).any(axis=1)]
    elif span is not None:
        found = everything[slice(*span)]
    else:
        key = text.casefold()
        found = np.array([n for n in everything if key in row_name(network, sheet, int(n)).casefold()], dtype=np.intp)
    if not len(found):
        raise UserError(f"no row is `{visible(text[:40])}`: give a number, a range 3:9, a name, or >1.5")
    return found


_AT_ONCE = 1 << 20
"""Numbers of a large matrix that are looked at together."""


def ranked(rows: Array, sheet: ParameterTable, network: Network, order: str, opened: Network) -> Array:
    """Return rows by number, by the size of their weights, or by how much they were changed."""
    if order == "index":
        return rows
    before = opened if order == "change" else None
    if before is not None and not is_in(before, sheet):
        return rows
    sizes = np.zeros(len(rows))
    step = max(_AT_ONCE // sheet.columns, 1)
    for first in range(0, len(rows), step):
        some = rows[first : first + step]
        numbers = sheet.window(network, some, 0, sheet.columns).astype(np.float64)
        with np.errstate(all="ignore"):
            if before is not None:
                numbers -= sheet.window(before, some, 0, sheet.columns)
            sizes[first : first + step] = np.sqrt(np.mean(np.square(numbers), axis=1))
    return rows[np.argsort(-np.nan_to_num(sizes, nan=np.inf), kind="stable")]
