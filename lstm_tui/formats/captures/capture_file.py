"""A capture as a file: a recording, which `verify` reads too, and beside it weights, gradients, all calls, tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np

from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.captures.captured_batch import CapturedBatch
from lstm_tui.formats.captures.captured_run import CapturedModule, CapturedRun
from lstm_tui.formats.captures.module_network import MODES
from lstm_tui.formats.captures.token_rows import TokenRows, tokens_of
from lstm_tui.formats.io.files import NETWORK_BYTES, label, opened, replacing
from lstm_tui.formats.io.json import Fields, decode, encode
from lstm_tui.formats.io.npy import read_npz
from lstm_tui.formats.verify.recording import ABOUT, CAPTURED
from lstm_tui.formats.verify.torch_calls import HALF

VERSION = 1
_MOST_MODULES, _MOST_RUNS = 1_000, 100_000
_STATES = "hc"


def write(made: CapturedBatch, path: str | Path) -> None:
    """Write a capture.

    Raises:
        UserError: It cannot be written.
    """
    arrays = {name: one for name, one in made.arrays.items() if name != ABOUT}
    for n, module in enumerate(made.modules.values()):
        for key, one in module.weights.items():
            arrays[f"{CAPTURED}weight/{n}/{key}"] = one
        for key, one in module.d_weights.items():
            arrays[f"{CAPTURED}gradient/{n}/{key}"] = one
        if module.token_rows is not None:
            arrays[f"{CAPTURED}rows/{n}"] = module.token_rows.rows
    for n, run in enumerate(made.runs):
        arrays |= {f"{CAPTURED}run/{n}/{key}": one for key, one in _arrays_of(run)}
    for key, number in (("loss", made.loss), ("gradient_norm", made.gradient_norm)):
        if number is not None:
            arrays[f"{CAPTURED}{key}"] = np.array(number)
    about = decode(str(made.arrays[ABOUT]), "it") if ABOUT in made.arrays else {}
    order = list(made.modules)
    classes = max((run.classes for run in made.runs), key=len, default=())
    about["capture"] = {
        "version": VERSION,
        "model": made.model,
        "sequences": made.sequences,
        "number": made.number,
        "unseen": made.unseen or None,
        "modules": [
            {"name": one.name, "mode": one.mode, "why_no_tokens": one.why_no_tokens or None,
             "vocabulary": None if one.token_rows is None else list(one.token_rows.tokens.vocabulary)}
            for one in made.modules.values()
        ],
        "classes": list(classes),
        "runs": [
            {"module": order.index(run.module.name), "batch": run.batch, "call": run.call, "broken": run.broken,
             "tokens": list(run.tokens), "dtype": run.dtype or None, "dropout": run.dropout or None}
            for run in made.runs
        ],
    }  # fmt: skip
    arrays[ABOUT] = np.array(encode(about).decode())
    with replacing(path) as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type,unused-ignore]


def _arrays_of(run: CapturedRun) -> Iterator[tuple[str, Array]]:
    """Iterate over what is kept of one sequence through one call."""
    yield "x", run.x
    yield "y", run.y
    yield from ((f"{state}_0", one) for state, one in zip(_STATES, run.initial, strict=False))
    yield from ((f"{state}_n", one) for state, one in zip(_STATES, run.final, strict=False))
    yield "ends", np.array(run.ends, dtype=np.int64)
    yield "linked", np.array(run.linked, dtype=np.bool_)
    if run.ids:
        yield "ids", np.array(run.ids, dtype=np.int64)
    if run.d_y is not None:
        yield "d_y", run.d_y
        yield from ((f"d_{state}", one) for state, one in zip(_STATES, run.d_ends, strict=False))
    if run.answer is not None:
        yield "answer", run.answer
    if run.target is not None:
        yield "target", run.target


@door("a capture")
@quiet()
def read(path: str | Path) -> CapturedBatch:
    """Read a capture that `Capture.save` wrote; PyTorch is not needed.

    Raises:
        UserError: It is none, is damaged, or was written by a later version.
    """
    where = label(path)
    arrays = read_npz(path, kinds="fiubU")
    text = arrays.get(ABOUT)
    about = _about(arrays, where)
    if about is None or text is None:
        raise UserError(f"{where}: is no capture; `lstm_tui.capture(…).save(FILE)` writes one")
    strange = next((name for name, one in arrays.items() if one.dtype.kind == "U"), None)
    if strange is not None:
        raise UserError(f"{where}: {visible(strange)} holds text, not numbers")
    if about.get("version", int) != VERSION:
        raise UserError(f"{where}: it was written by a newer lstm-tui (version {about.content['version']})")
    sequences = _natural(about, "sequences", _MOST_RUNS)
    modules = list(_modules(about, arrays))
    classes = tuple(about.items("classes", str))
    runs = tuple(_runs(about, arrays, modules, sequences, classes))
    loss, norm = (_number(about, arrays, f"{CAPTURED}{key}") for key in ("loss", "gradient_norm"))
    rest = {name: one for name, one in arrays.items() if not name.startswith(CAPTURED)}
    rest[ABOUT] = text
    return CapturedBatch(
        about.get("model", str),
        {one.name: one for one in modules},
        runs,
        sequences,
        loss,
        norm,
        about.maybe("number", int),
        rest,
        about.maybe("unseen", str) or "",
    )


@door("a capture")
def is_capture(path: str | Path) -> bool:
    """Say whether a file holds what a capture does; what cannot be read is none."""
    if Path(path).suffix.lower() != ".npz":
        return False
    try:
        with opened(path, NETWORK_BYTES) as (stream, _), ZipFile(stream) as archive:
            return any(name.startswith(f"{CAPTURED}weight/") for name in archive.namelist())
    except Exception:  # a damaged archive fails in a dozen ways; whoever reads it as what it is says so
        return False


def _about(arrays: dict[str, Array], where: str) -> Fields | None:
    """Return what a file says of itself as a capture, and take it out of the arrays; None where it is none."""
    text = arrays.pop(ABOUT, None)
    if text is None or text.dtype.kind != "U" or text.size != 1:
        return None
    content = decode(str(text.item()), f"{where}: {ABOUT}")
    if not isinstance(content, dict) or "capture" not in content:
        return None
    return Fields(content["capture"], f"{where}: capture")


def _natural(fields: Fields, key: str, most: int) -> int:
    number = fields.get(key, int)
    if not 0 <= number <= most:
        raise fields.damaged(key, f"must be a whole number from 0 to {most}")
    return number


def _number(fields: Fields, arrays: Mapping[str, Array], name: str) -> float | None:
    one = arrays.get(name)
    if one is None:
        return None
    if one.size != 1 or one.dtype.kind != "f":
        raise fields.damaged(name, "must be one number")
    return float(one.reshape(()))


def _modules(about: Fields, arrays: Mapping[str, Array]) -> Iterator[CapturedModule]:
    """Iterate over the modules; their weights are checked by making the network of each."""
    entries = list(about.each("modules"))
    if not 1 <= len(entries) <= _MOST_MODULES:
        raise about.damaged("modules", f"must be 1 to {_MOST_MODULES}")
    names = set()
    for n, entry in enumerate(entries):
        name, mode = entry.get("name", str), entry.choice("mode", MODES)
        if not name or name in names:
            raise entry.damaged("name", "must be another for each module")
        names.add(name)
        weights, gradient = ({key.removeprefix(start): one for key, one in arrays.items() if key.startswith(start)}
                             for start in (f"{CAPTURED}weight/{n}/", f"{CAPTURED}gradient/{n}/"))  # fmt: skip
        for key, one in (*weights.items(), *gradient.items()):
            if (
                one.dtype.kind != "f"
                or one.ndim not in (1, 2)
                or (key in gradient and gradient[key].shape != weights.get(key, one[:0]).shape)
            ):
                raise entry.damaged(key, "must be floating point numbers, a gradient in the shape of its weight")
        made = CapturedModule(
            name, mode, weights, gradient, _token_rows(entry, arrays.get(f"{CAPTURED}rows/{n}")),
            entry.maybe("why_no_tokens", str) or "",
        )  # fmt: skip
        if not weights:
            raise entry.damaged(name, "has no weights")
        wide = made.network.input_size  # its shapes are checked where the network is made
        if made.token_rows is not None and made.token_rows.rows.shape[1] != wide:
            raise entry.damaged(name, f"must have rows of {wide} numbers for its tokens")
        yield made


def _token_rows(entry: Fields, rows: Array | None) -> TokenRows | None:
    """Return what enters a module for each token; None where the file holds none."""
    if rows is None:
        return None
    names = tuple(entry.items("vocabulary", str))
    if rows.dtype.kind != "f" or rows.ndim != 2 or not len(rows) or len(names) != len(rows):
        raise entry.damaged("vocabulary", "must name every row of an embedding")
    return TokenRows(rows, tokens_of(names))


def _runs(
    about: Fields, arrays: Mapping[str, Array], modules: list[CapturedModule], sequences: int, classes: tuple[str, ...]
) -> Iterator[CapturedRun]:
    entries = list(about.each("runs"))
    if not 1 <= len(entries) <= _MOST_RUNS:
        raise about.damaged("runs", f"must be 1 to {_MOST_RUNS}")
    for n, entry in enumerate(entries):
        module = modules[_natural(entry, "module", len(modules) - 1)]
        batch, call = _natural(entry, "batch", max(sequences - 1, 0)), _natural(entry, "call", _MOST_RUNS)
        start = f"{CAPTURED}run/{n}/"
        yield _checked(entry, module, batch, call, {
            key.removeprefix(start): arrays[key] for key in _keys(start) if key in arrays
        }, classes)  # fmt: skip
    missing = [one.name for n, one in enumerate(modules) if all(entry.content.get("module") != n for entry in entries)]
    if missing:
        raise about.damaged("runs", f"holds none of {visible(missing[0])}")


def _keys(start: str) -> Iterator[str]:
    names = ("x", "y", "ends", "linked", "ids", "d_y", "answer", "target")
    yield from (f"{start}{name}" for name in names)
    yield from (f"{start}{name}" for state in _STATES for name in (f"{state}_0", f"{state}_n", f"d_{state}"))


def _checked(
    entry: Fields, module: CapturedModule, batch: int, call: int, given: Mapping[str, Array], classes: tuple[str, ...]
) -> CapturedRun:
    """Return one sequence through one call, every shape checked against the module."""
    network = module.network
    top = network.layers[-1].passes
    width = sum(one.program.values[one.cell.output].size for one in top)
    states = [state for state in _STATES if state in network.passes[0].cell.state]
    sizes = {state: network.passes[0].program.values[state].size for state in states}
    x = given.get("x")
    if x is None or x.ndim != 2 or not len(x) or x.shape[1] != network.input_size or x.dtype.kind != "f":
        raise entry.damaged("x", f"must be rows of {network.input_size} numbers")
    steps, count = len(x), len(network.passes)
    ends, linked = given.get("ends"), given.get("linked")
    if ends is None or ends.dtype.kind != "i" or ends.ndim != 1 or not len(ends) or ends[-1] != steps:
        raise entry.damaged("ends", "must be whole numbers that end with the last step")
    if (np.diff(ends) < 1).any() or ends[0] < 1:
        raise entry.damaged("ends", "must grow")
    if linked is None or linked.dtype.kind != "b" or linked.shape != ends.shape:
        raise entry.damaged("linked", "must be a truth for each call")
    shapes: dict[str, tuple[int, ...]] = {"y": (steps, width), "d_y": (steps, width)}
    for state in states:
        shapes |= {f"{state}_0": (count, sizes[state]), f"{state}_n": (count, sizes[state]),
                   f"d_{state}": (len(ends), count, sizes[state])}  # fmt: skip
    for key, shape in shapes.items():
        if key in given and (given[key].shape != shape or given[key].dtype.kind != "f"):
            raise entry.damaged(key, f"must be {'×'.join(map(str, shape))} numbers")
    d_states = [f"d_{state}" for state in states]
    for group in ([f"{state}_0" for state in states], [f"{state}_n" for state in states], d_states):
        there = [key for key in group if key in given]
        if there and len(there) != len(group):
            raise entry.damaged(there[0], "stands without the other states")
    if "y" not in given or (d_states[0] in given and "d_y" not in given):
        raise entry.damaged("y", "or a gradient is missing")
    tokens = tuple(entry.items("tokens", str))
    if tokens and len(tokens) != steps:
        raise entry.damaged("tokens", f"must be {steps}, one a step")
    ids = given.get("ids", np.zeros(0, np.int64))
    if ids.dtype.kind != "i" or ids.ndim != 1 or len(ids) not in (0, steps):
        raise entry.damaged("ids", "must be one a step")
    known = module.token_rows
    if known is not None and (
        not tokens
        or len(ids) != steps
        or not ((ids >= 0) & (ids < len(known.rows))).all()
        or not np.array_equal(known.rows[ids], x, equal_nan=True)
    ):
        raise entry.damaged("ids", "must be those of the rows that entered")
    broken = entry.maybe("broken", int)
    dtype, dropout = entry.maybe("dtype", str) or "", entry.maybe("dropout", float) or 0.0
    if dtype and dtype not in HALF:
        raise entry.damaged("dtype", f"must be {' or '.join(HALF)}")
    if not 0 <= dropout <= 1:
        raise entry.damaged("dropout", "must be a number from 0 to 1")
    answer: Any = given.get("answer")
    if answer is not None and (answer.dtype.kind != "f" or not 1 <= answer.ndim <= 2 or not answer.size
                               or (answer.ndim == 2 and len(answer) != steps)):  # fmt: skip
        raise entry.damaged("answer", "must be numbers, or a row of them at each step")
    of_state = {end: tuple(given[f"{state}_{end}"] for state in states if f"{state}_{end}" in given) for end in "0n"}
    return CapturedRun(
        module, batch, call, x, given["y"], of_state["0"], of_state["n"], tuple(ends.tolist()),
        tuple(linked.tolist()), given.get("d_y"), tuple(given[key] for key in d_states if key in given),
        tokens, answer, given.get("target"), classes, broken, dtype, dropout, tuple(ids.tolist()),
    )  # fmt: skip
