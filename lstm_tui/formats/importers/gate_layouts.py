"""What a file written by the book never needs: rows, biases, matrices and gates read as another program meant them.

`inspect` does not list these decisions, since the file or its format says what holds; `--set` takes each of them, and
`verify` tries them where a recording differs.

Packed weights taken apart: which rows of a matrix belong to which gate, in each framework's order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.cell import load_cell
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.feature_extractor import GATES
from lstm_tui.formats.importers.import_report import How, ImportReport
from lstm_tui.formats.importers.plan import Recurrent

_LARGEST_BIAS = 1e6


def gate_order(kind: str, own: str, key: str, report: ImportReport) -> str:
    """Return the gates in the order of their rows, which the format fixes and some converters got wrong.

    Raises:
        UserError: The user said an order of other gates.
    """
    if len(own) == 1:
        return own
    others = [one for one in OTHER_ORDERS[kind] if one != own]
    return checked_order(report.offer(f"{key}.gate_order", own, others, free=True), own, key)


def checked_order(order: str, own: str, key: str, decision: str = "gate_order") -> str:
    """Return an order, the candidate called as the equations call it.

    Raises:
        UserError: It is no order of these gates.
    """
    candidate = "g" if "g" in own else "n"
    named = order.replace("c" if candidate == "g" else "h", candidate)
    if sorted(named) != sorted(own):
        raise UserError(f"--set {key}.{decision}={visible(order)}: it should be {' '.join(own)} in another order")
    return named


@dataclass(frozen=True)
class BiasReading:
    """How the biases of a layer are meant.

    Attributes:
        which: `both`, `input`, `recurrent`, `once`, `twice` or `none`.
        rows: By gate, in the order of the rows of the matrices: which rows of a bias are its own; None where as those.
    """

    which: str
    rows: tuple[int, ...] | None = None

    def as_matrices(self, bias: Array | None) -> Array | None:
        """Return a bias (gates*H,) with its gates in the order that the matrices have."""
        if bias is None or self.rows is None:
            return bias
        return np.concatenate([bias.reshape(len(self.rows), -1)[row] for row in self.rows])


def biases(count: int, key: str, report: ImportReport, kind: str, order: str = "") -> BiasReading:
    """Return how the biases of a layer are meant: two that add, of which one may be a copy; one that may add twice.

    Args:
        count: Of its biases.
        key: Of the layer in the report.
        report: Decides, and learns of each decision that it could have been.
        kind: lstm, gru or rnn.
        order: The gates in the order of the rows of its matrices; a converter may have left the biases in another.
            Empty where each gate has tensors of its own.

    Raises:
        UserError: The user said an order of other gates.
    """
    if count == 0:
        return BiasReading("none")
    which = report.offer(f"{key}.biases", *(("both", ("input", "recurrent")) if count == 2 else ("once", ("twice",))))
    if len(order) < 2:
        return BiasReading(which)
    others = [one for one in OTHER_ORDERS[kind] if one != order]
    said = report.offer(f"{key}.bias_order", order, others, free=True)
    if said == order:
        return BiasReading(which)
    said = checked_order(said, order, key, "bias_order")
    return BiasReading(which, tuple(said.index(gate) for gate in order))


def meant(reading: BiasReading, b: Array | None, c: Array | None) -> tuple[Array | None, Array | None]:
    """Return the bias beside W and the one beside U, as `biases` reads them."""
    b, c = reading.as_matrices(b), reading.as_matrices(c)
    if reading.which == "input":
        return b, None
    if reading.which == "recurrent":
        return None, c
    return (b, b) if reading.which == "twice" else (b, c)


def reread(
    part: Recurrent, kind: str, key: str, report: ImportReport, forget_bias: str = "", always: bool = False,
    update: str = "keep",
) -> Recurrent:  # fmt: skip
    """Return a layer as the user decides: its matrices turned, its forget bias raised, its gates meant otherwise.

    Args:
        part: As its format says.
        kind: lstm, gru or rnn.
        key: Of the layer in the report.
        report: Decides, and learns of each decision that it could have been.
        forget_bias: What its program adds to the forget bias as it runs; empty where it adds nothing.
        always: Whether it adds that whatever its user says, and not by default alone.
        update: Whether its update gate says how much is kept (`keep`) or how much is written (`write`).

    Raises:
        UserError: A decision is of no known kind.
    """
    if "\n" in part.cell:  # equations of its own
        return part
    part = _turned(exchanged(part, key, report), key, report)
    if kind == "lstm" and "b_f" in part.passes[0][1]:
        part = _raised(part, key, report, forget_bias, always)
    if kind == "gru":
        part = _kept(_reset(part, key, report), key, report, update)
    slot, fact, choices = ("candidate", "activation", ("tanh", "relu")) if kind == "rnn" else (
        "gates", "gate_activation", GATES)  # fmt: skip
    now = part.functions.get(slot, choices[0])
    if "=" not in now and not report.decides(f"{key}.{fact}"):
        taken = report.offer(f"{key}.{fact}", now, choices)
        part = replace(part, functions={**part.functions, slot: taken})
    return part


def _each(part: Recurrent, change: Callable[[dict[str, Array]], Mapping[str, Array]]) -> Recurrent:
    return replace(part, passes=[(direction, change(dict(given))) for direction, given in part.passes])


def exchanged(part: Recurrent, key: str, report: ImportReport) -> Recurrent:
    """Give each direction the weights that stand at the other's name, where both have the same sizes."""
    if len(part.passes) != 2:
        return part
    (one, given), (other, again) = part.passes
    if {name: array.shape for name, array in given.items()} != {name: array.shape for name, array in again.items()}:
        return part
    if report.offer(f"{key}.exchanged", "none", ("directions",)) == "none":
        return part
    return replace(part, passes=[(one, again), (other, given)])


def _turned(part: Recurrent, key: str, report: ImportReport) -> Recurrent:
    """Turn matrices gate by gate; where one is square, its shape does not tell which way round it stands."""
    if part.sizes:  # a projection: no recurrent matrix is square
        return part
    others = ("recurrent", "input", "both") if part.inputs == part.hidden else ("recurrent",)
    which = report.offer(f"{key}.transposed", "none", others)
    letters = {"none": "", "recurrent": "U", "input": "W", "both": "UW"}[which]
    return _each(part, lambda given: {name: one.T if name[0] in letters else one for name, one in given.items()})


def _raised(part: Recurrent, key: str, report: ImportReport, default: str, always: bool) -> Recurrent:
    """Add what TensorFlow 1, Haiku and DyNet add to the forget bias at run time, and no file of theirs holds."""
    if default:
        why = f"its program adds this as it runs{'' if always else ' by default'}, and no file of weights records it"
        how: How = "inferred" if always else "assumed"
        said = report.choose(f"{key}.forget_bias", default, ("0",), how, why, free=True)
    else:
        said = report.offer(f"{key}.forget_bias", "0", ("1",), free=True)
    try:
        more = float(said)
    except ValueError:
        more = np.nan
    if not abs(more) <= _LARGEST_BIAS:
        raise UserError(f"--set {key}.forget_bias={visible(said)}: it should be a number, such as 1")
    return _each(part, lambda given: {**given, "b_f": given["b_f"] + given["b_f"].dtype.type(more)}) if more else part


def _reset(part: Recurrent, key: str, report: ImportReport) -> Recurrent:
    """Reset before the product or after it, where the file says one of them."""
    own = "after" if part.cell == "gru" else "before"
    if report.decides(f"{key}.reset"):
        return part
    if report.offer(f"{key}.reset", own, ("before" if own == "after" else "after",)) == own:
        return part
    if own == "after":
        cell, part = "gru_reset_before", _each(part, _merged)
    else:
        cell, part = "gru", _each(part, _parted)
    return replace(part, cell=cell, without=missing(cell, part.passes[0][1]))


def _merged(given: dict[str, Array]) -> dict[str, Array]:
    recurrent = given.pop("c_n", None)
    return given if recurrent is None else {**given, "b_n": given["b_n"] + recurrent}


def _parted(given: dict[str, Array]) -> dict[str, Array]:
    return {**given, "c_n": np.zeros_like(given["b_n"])} if "b_n" in given else given


def _kept(part: Recurrent, key: str, report: ImportReport, own: str) -> Recurrent:
    """Let the update gate write, as Chung et al. 2014 have it, and not keep: 1 - sigmoid(a) is sigmoid(-a)."""
    if report.offer(f"{key}.update", own, ("write" if own == "keep" else "keep",)) == "keep":
        return part
    return _each(part, lambda given: {name: -one if name[2:] == "z" else one for name, one in given.items()})


TORCH = {"lstm": "ifgo", "gru": "rzn", "rnn": "h"}
KERAS = {"lstm": "ifgo", "gru": "zrn", "rnn": "h"}
ONNX = {"lstm": "iofg", "gru": "zrn", "rnn": "h"}
GATE_COUNTS = {"lstm": 4, "gru": 3, "rnn": 1}
OTHER_ORDERS = {"lstm": ("ifgo", "ifog", "iofg", "igfo", "figo", "fiog"), "gru": ("rzn", "zrn"), "rnn": ("h",)}
"""Orders that are met; shapes never tell one from another."""

KINDS = {4: "lstm", 3: "gru", 1: "rnn"}


def unpack(
    cell: str,
    order: str,
    w: Array,
    u: Array,
    b: Array | None = None,
    c: Array | None = None,
    reset_after: bool = True,
) -> dict[str, Array]:
    """Return the parameters of a pass by their names in the equations.

    Two biases are added where the equations have one; only a GRU that resets after the product keeps the
    recurrent bias of its candidate apart.

    Args:
        cell: lstm, gru or rnn.
        order: The gates in the order of their rows.
        w: From the input, (gates*H, I).
        u: From the hidden state, (gates*H, P).
        b: Bias beside w, (gates*H,).
        c: Bias beside u, (gates*H,).
        reset_after: Whether a GRU resets after the product.
    """
    count = len(order)
    rows = w.shape[0] // count
    result: dict[str, Array] = {}
    for n, gate in enumerate(order):
        part = slice(n * rows, (n + 1) * rows)
        result[f"W_{gate}"] = w[part]
        result[f"U_{gate}"] = u[part]
        if cell == "gru" and gate == "n" and reset_after:
            if b is not None or c is not None:
                zero = np.zeros(rows, w.dtype)
                result["b_n"] = zero if b is None else b[part]
                result["c_n"] = zero if c is None else c[part]
        else:
            given = [one[part] for one in (b, c) if one is not None]
            if given:
                result[f"b_{gate}"] = given[0] if len(given) == 1 else given[0] + given[1]
    return result


def missing(cell: str, parameters: Mapping[str, Array]) -> tuple[str, ...]:
    """Return the optional parameters of a cell that a file does not have."""
    return tuple(name for name in load_cell(cell).optional if name not in parameters)


def peepholes(p: Array, hidden: int, order: str = "iof") -> dict[str, Array]:
    """Return the peepholes of an LSTM, packed (3*H,)."""
    if p.shape != (3 * hidden,):
        raise UserError(f"peepholes should be {3 * hidden} numbers, and are {'×'.join(map(str, p.shape))}")
    return {f"p_{gate}": p[n * hidden : (n + 1) * hidden] for n, gate in enumerate(order)}
