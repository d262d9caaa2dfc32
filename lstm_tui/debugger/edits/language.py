"""Edits as lines of text: what can be changed, written so that it can be saved, read and replayed.

One edit is one line:

    replace 3 "good"                          the token at place 3 of the tape
    insert 3 "not"                            a token before place 3
    remove 3                                  (files of before say `delete 3`, which is read as the same)
    set layer0.forward.f[7] @ 3 = 0           one unit of a value at one step
    set layer0.forward.c[:] @ 3:6 = 0         all units, pinned over the steps 3, 4 and 5
    scale layer0.forward.i[2:4] @ : * 0.5     two units, over the whole tape
    set layer0.forward.S[0,2,3] @ 3 = 0       an entry of a matrix: head, row and column; of one head, row and column
    set readout.e[0] @ 3 = -inf               a score of the readout: attention passes over this token
    patch layer0.forward.c[3:5] @ 12 = 0.1, -2 from "line 2 @ 14"   numbers of another run, a unit each
    weight layer0.forward/b_f[7] = -4         one number of a parameter
    weight layer0.forward/W_f[7,:] = 0        a row: one unit
    weight layer0.forward/U_f * 1.5           all of it, scaled
    let layer0.forward.f = 1                  another equation; without a pass, in every pass that has an f
    reset @ 12                                states are set back before token 12, as if the text began there
    reset @ 4, 9, 12:15                       before each of some tokens
    reset every 16                            before every 16th, however long the tape is
    chunk every 16                            chunks begin there: forward passes carry their states, backward begin anew
    ablate nfg layer0.forward                 the cell becomes that variant; without a pass, every pass does
    model "story"                             another network reads the text; edits of values and weights are set aside
    model-file "mine.safetensors"             one from a file
    text "he likes pizza ."                   another text in the place of this one
    add-words "zuri" "momos"
    teach "asha likes pizza ." epochs 30 rate 0.005
                                              the network is trained further on texts, or on texts `as` a class

Places are those of the tape as it is when the line is applied; an insertion moves what stands to its right.
Units and places count from 0, ranges end before their last number.

As a file, an edit script, they stand one a line; `#` begins a comment line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import Literal

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.model.cuts import CutKind
from lstm_tui.engine.whole_number import Span
from lstm_tui.formats.bundled_files import is_bundled


@dataclass(frozen=True)
class TokenEdit:
    """A token replaced, inserted before a place, or deleted."""

    verb: Literal["replace", "insert", "delete"]
    t: int
    token: str = ""


@dataclass(frozen=True)
class ValueEdit:
    """Units of a value of a pass, set or scaled over steps of the tape.

    Attributes:
        verb: Which of the two.
        pass_name: In which pass, or `readout`.
        value: Which value, or the input `x`.
        units: Which of its units; where `line` is given, which columns of it.
        steps: Which places of the tape.
        number: What they are set to, or scaled by.
        line: Of a matrix a row, or a head and a row, of it; empty where units are counted through.
    """

    verb: Literal["set", "scale"]
    pass_name: str
    value: str
    units: Span
    steps: Span
    number: float
    line: tuple[int, ...] = ()


@dataclass(frozen=True)
class PatchEdit:
    """Units of a value of a pass that have, at some steps, the numbers they had in another run.

    Attributes:
        pass_name: In which pass, or `readout`.
        value: Which value, or the input `x`.
        units: Which of its units; where `line` is given, which columns of it.
        steps: Which places of the tape.
        rows: The numbers, one for each unit, at each step.
        origin: Where they come from, in words; what it names is not read again.
        line: Of a matrix a row, or a head and a row, of it; empty where units are counted through.
    """

    pass_name: str
    value: str
    units: Span
    steps: Span
    rows: tuple[tuple[float, ...], ...]
    origin: str = ""
    line: tuple[int, ...] = ()


@dataclass(frozen=True)
class CutEdit:
    """Places of the tape before which states are set back, or where a chunk begins.

    Attributes:
        kind: What happens there: at a `reset` all begins anew; over a `chunk` forward passes carry their states.
        steps: The tokens before which it does; none where it is `every` so many.
        every: How many tokens lie between one and the next; 0 where they are named.
    """

    kind: CutKind
    steps: tuple[Span, ...] = ()
    every: int = 0


def cuts_of_every_line(edits: Iterable[object]) -> tuple[CutEdit, ...]:
    """Return those of some edits that cut a tape before every so many tokens, however long it is."""
    return tuple(edit for edit in edits if isinstance(edit, CutEdit) and edit.every)


HeldEdit = ValueEdit | PatchEdit
"""What holds values of a pass, whatever its equations say."""


@dataclass(frozen=True)
class WeightEdit:
    """Numbers of a parameter, set or scaled."""

    verb: Literal["set", "scale"]
    tensor: str
    index: tuple[Span, ...]
    number: float


@dataclass(frozen=True)
class CellEdit:
    """Equations of a pass, or of every pass, rewritten: one of them, or all that an ablation changes.

    Attributes:
        verb: `let` gives one equation, `ablate` names a variant.
        what: The value whose equation it is, or the variant.
        pass_name: Of which pass; None for every one.
        text: The right side of `let`.
        column: Where it begins in the line as it was typed, from 1.
    """

    verb: Literal["let", "ablate"]
    what: str
    pass_name: str | None = None
    text: str = ""
    column: int = field(default=1, compare=False)


@dataclass(frozen=True)
class ModelEdit:
    """Another network reads the text: a bundled one by its name, or one from a file."""

    name: str


@dataclass(frozen=True)
class TextEdit:
    """Another text is read, in the place of all tokens."""

    text: str


@dataclass(frozen=True)
class WordsEdit:
    """The network reads more words, each of which begins as the unknown one."""

    words: tuple[str, ...]


MOST_TEXTS, MOST_EPOCHS = 32, 500
"""How much one `teach` takes."""


@dataclass(frozen=True)
class TeachEdit:
    """The network is trained further.

    Attributes:
        texts: On which.
        label: The class that it should say of them; None for a language model, which learns each next token.
        epochs: How often it goes through them.
        rate: Size of a step at the start.
    """

    texts: tuple[str, ...]
    label: str | None
    epochs: int
    rate: float


NetworkEdit = WeightEdit | CellEdit | ModelEdit | WordsEdit | TeachEdit
"""What changes the network, whichever line of a file it reads."""
Opening = ModelEdit | TextEdit | WordsEdit
"""What has the run begin anew: what is edited behind it stands beside the run that it opens."""
Edit = TokenEdit | HeldEdit | CutEdit | NetworkEdit | TextEdit


def last_opening(edits: Sequence[Edit]) -> int:
    """Return how many edits there are up to the last opening and with it; 0 where there is none."""
    return next((n for n in range(len(edits), 0, -1) if isinstance(edits[n - 1], Opening)), 0)


def line_of(edit: Edit) -> str:
    """Return an edit as a line of an edit script; `parse_edit` reads it back."""
    if isinstance(edit, TokenEdit):
        return f"remove {edit.t}" if edit.verb == "delete" else f"{edit.verb} {edit.t} {in_quotes(edit.token)}"
    if isinstance(edit, ModelEdit):
        return f"{'model' if is_bundled(edit.name) else 'model-file'} {in_quotes(edit.name)}"
    if isinstance(edit, TextEdit):
        return f"text {in_quotes(edit.text)}"
    if isinstance(edit, WordsEdit):
        return f"add-words {' '.join(map(in_quotes, edit.words))}"
    if isinstance(edit, TeachEdit):
        label = "" if edit.label is None else f" as {in_quotes(edit.label)}"
        return f"teach {' '.join(map(in_quotes, edit.texts))}{label} epochs {edit.epochs} rate {edit.rate!r}"
    if isinstance(edit, CutEdit):
        return (
            f"{edit.kind} every {edit.every}" if edit.every else f"{edit.kind} @ {', '.join(map(_written, edit.steps))}"
        )
    if isinstance(edit, CellEdit):
        if edit.verb == "ablate":
            return f"ablate {edit.what}" + (f" {edit.pass_name}" if edit.pass_name else "")
        return f"let {f'{edit.pass_name}.' if edit.pass_name else ''}{edit.what} = {edit.text}"
    if isinstance(edit, PatchEdit):
        where = f"{edit.pass_name}.{edit.value}[{brackets(edit.units, edit.line)}] @ {_written(edit.steps)}"
        rows = "; ".join(", ".join(map(repr, row)) for row in edit.rows)
        return f"patch {where} = {rows}" + (f" from {in_quotes(edit.origin)}" if edit.origin else "")
    sign = "=" if edit.verb == "set" else "*"
    if isinstance(edit, ValueEdit):
        where = f"{edit.pass_name}.{edit.value}[{brackets(edit.units, edit.line)}] @ {_written(edit.steps)}"
        return f"{edit.verb} {where} {sign} {edit.number!r}"
    index = f"[{','.join(_written(span) for span in edit.index)}]" if edit.index else ""
    return f"weight {edit.tensor}{index} {sign} {edit.number!r}"


_LONGEST_SHOWN = 200


def shown_line(edit: Edit) -> str:
    """Return an edit as a line to be looked at: of many numbers, the first."""
    line = line_of(edit)
    return line if len(line) <= _LONGEST_SHOWN else f"{line[: _LONGEST_SHOWN - 1]}…"


def range_of(span: Span, size: int) -> range:
    """Return the numbers a span names, out of `size`."""
    start, stop = span
    return range(max(0, start or 0), size if stop is None else min(stop, size))


def in_quotes(token: str) -> str:
    """Return a token as a line of an edit script writes it."""
    escaped = token.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(one if one.isprintable() else _escape(one) for one in escaped) + '"'


def _escape(character: str) -> str:
    return f"\\U{ord(character):08x}"


def brackets(units: Span, line: tuple[int, ...] = ()) -> str:
    """Return what stands in the brackets behind a value: `7`, `2:4`, of a line of a matrix `0,2,3`."""
    return ",".join([*map(str, line), _written(units)])


def _written(span: Span) -> str:
    start, stop = span
    if start is not None and stop == start + 1:
        return str(start)
    return f"{'' if start is None else start}:{'' if stop is None else stop}"
