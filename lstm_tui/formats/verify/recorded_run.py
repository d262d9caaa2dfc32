"""What another runtime computed of one network, read from a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number
from lstm_tui.formats.io.files import label
from lstm_tui.formats.io.json import Fields, decode
from lstm_tui.formats.io.npy import read_npz
from lstm_tui.formats.verify.recording import ABOUT, BATCH, CAPTURED
from lstm_tui.formats.verify.torch_calls import HALF

_MOST_SEQUENCES = 999_999  # of one recording
INPUT = "input"
_ASIDE = ("around/", "call/", "answer/", CAPTURED)


@dataclass(frozen=True, eq=False)
class Recording:
    """What another runtime computed.

    Attributes:
        where: The file, safe to show.
        sequences: Of each: `input`, and values by the names a trace has, layers counted as recurrent ones.
        calls: Of the first sequence, by path: what each call of a recurrent module read and gave.
        around: What other modules read and gave, by path.
        layers: Paths of the recurrent layers, where they are known.
        unproven: What the recording itself does not hold.
        dtype: What the other runtime computed with, where that has 16 bits: bfloat16 or float16; else empty.
    """

    where: str
    sequences: Sequence[Mapping[str, Array]]
    calls: Mapping[str, Array] = field(default_factory=dict)
    around: Mapping[str, Array] = field(default_factory=dict)
    layers: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    dtype: str = ""


@door("a recording")
def read_reference(path: str | Path) -> Recording:
    """Return what was recorded: `input` and values by the names a trace has, such as `layer0.forward/h` (T, H).

    Raises:
        UserError: It has no input, or nothing to compare.
    """
    where = label(path)
    arrays = read_npz(path, kinds="fiubU")
    text = arrays.pop(ABOUT, None)
    strange = next((name for name, one in arrays.items() if one.dtype.kind == "U"), None)
    if strange is not None:
        raise UserError(f"{where}: {visible(strange)} holds text, not numbers")
    about = Fields({} if text is None else decode(str(text).encode(), where), where)
    layers = tuple(about.items("layers", str)) if "layers" in about.content else ()
    unproven = tuple(about.items("unproven", str)) if "unproven" in about.content else ()
    sequences: dict[int, dict[str, Array]] = {0: {}}
    aside: dict[str, Array] = {}
    for name, array in arrays.items():
        if name.startswith(_ASIDE):
            aside[name] = array
            continue
        number, _, rest = (
            name.removeprefix(f"{BATCH}/").partition("/") if name.startswith(f"{BATCH}/") else ("0", "", name)
        )
        if rest.startswith(_ASIDE):
            continue
        which = whole_number(number, most=_MOST_SEQUENCES)
        if which is None:
            raise UserError(f"{where}: {visible(name)} is no name of a recording")
        sequences.setdefault(which, {})[rest] = array
    first = sequences[0]
    inputs = [name for name in first if name.split(".")[0] == INPUT]
    if not inputs or len(inputs) == len(first):
        raise UserError(
            f"{where}: should hold `{INPUT}` (or `{INPUT}.NAME` for each of several) and values to compare, "
            "such as layer0.forward/h"
        )
    calls = {name.removeprefix("call/"): one for name, one in aside.items() if name.startswith("call/")}
    around = {name.removeprefix("around/"): one for name, one in aside.items() if name.startswith("around/")}
    whole = [one for one in sequences.values() if any(name.split(".")[0] == INPUT for name in one)]
    dtype = about.get("dtype", str) if "dtype" in about.content else ""
    told = tuple(visible(one) for one in unproven)
    return Recording(where, whole, calls, around, layers, told, dtype if dtype in HALF else "")
