"""Edits as lines of text: what can be changed, written so that it can be saved, read and replayed.

One edit is one line:

    replace 3 "good"                          the token at place 3 of the tape
    insert 3 "not"                            a token before place 3
    remove 3                                  (files of before say `delete 3`, which is read as the same)
    set layer0.forward.f[7] @ 3 = 0           one unit of a value at one step
    set layer0.forward.c[:] @ 3:6 = 0         all units, pinned over the steps 3, 4 and 5
    scale layer0.forward.i[2:4] @ : * 0.5     two units, over the whole tape
    set readout.e[0] @ 3 = -inf               a score of the readout: attention passes over this token
    weight layer0.forward/b_f[7] = -4         one number of a parameter
    weight layer0.forward/W_f[7,:] = 0        a row: one unit
    weight layer0.forward/U_f * 1.5           all of it, scaled
    let layer0.forward.f = 1                  another equation; without a pass, in every pass that has an f
    ablate nfg layer0.forward                 the cell becomes that variant; without a pass, every pass does

Places are those of the tape as it is when the line is applied; an insertion moves what stands to its right.
Units and places count from 0, ranges end before their last number.

Recipes as files: one edit a line, `#` begins a comment line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.words import unquoted
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import Span, whole_number, whole_span
from lstm_tui.formats.inputs.text_input import read_text
from lstm_tui.formats.io.files import SCRIPT_BYTES, replacing


@dataclass(frozen=True)
class TokenEdit:
    """A token replaced, inserted before a place, or deleted."""

    verb: Literal["replace", "insert", "delete"]
    t: int
    token: str = ""


@dataclass(frozen=True)
class ValueEdit:
    """Units of a value of a pass, set or scaled over steps of the tape."""

    verb: Literal["set", "scale"]
    pass_name: str
    value: str
    units: Span
    steps: Span
    number: float


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


NetworkEdit = WeightEdit | CellEdit
"""What changes the network, whichever line of a file it reads."""
Edit = TokenEdit | ValueEdit | NetworkEdit

_NUMBER = r"(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?inf|nan)"
_SPAN = r"-?[0-9]*(?::-?[0-9]*)?"  # `span_of` refuses what is below 0, and says so
_TOKEN = re.compile(r'(?P<verb>replace|insert)\s+(?P<t>[0-9]+)\s+(?P<token>"(?:[^"\\]|\\.)*")\s*\Z')
_REMOVE = re.compile(r"(?:remove|delete)\s+(?:token\s+)?(?P<t>[0-9]+)\s*\Z")
_VALUE = re.compile(
    rf"(?P<verb>set|scale)\s+(?P<pass>layer\d+\.(?:forward|backward)|readout)\.(?P<value>\w+)\[(?P<units>{_SPAN})\]\s*"
    rf"@\s*(?P<steps>{_SPAN})\s*(?P<sign>[=*])\s*{_NUMBER}\s*\Z"
)
_WEIGHT = re.compile(
    rf"weight\s+(?P<tensor>[\w./]+)(?:\[(?P<index>(?:{_SPAN})(?:\s*,\s*(?:{_SPAN}))?)\])?\s*"
    rf"(?P<sign>[=*])\s*{_NUMBER}\s*\Z"
)
_PASS = r"(?P<pass>layer\d+\.(?:forward|backward))"
_LET = re.compile(rf"let\s+(?:{_PASS}\.)?(?P<value>\w+)\s*=\s*(?P<text>[^=#\s][^#]*?)\s*(?:#.*)?\Z")
_ABLATE = re.compile(rf"ablate\s+(?P<variant>\w+)(?:\s+{_PASS})?\s*\Z")
_MAX_LINE = 1_000


def parse_edit(line: str) -> Edit:
    """Read one line of a recipe.

    Raises:
        UserError: If it is no edit, with the form that was meant.
    """
    text = line.strip()
    if len(text) > _MAX_LINE:
        raise UserError(f"an edit of {len(text)} characters; {_MAX_LINE} is the most")
    if match := _TOKEN.match(text):
        return TokenEdit(
            "replace" if match["verb"] == "replace" else "insert", _place(match["t"]), _token(match["token"])
        )
    if match := _REMOVE.match(text):
        return TokenEdit("delete", _place(match["t"]))
    if match := _VALUE.match(text):
        verb = _verb(match["sign"])
        if (match["verb"] == "scale") != (verb == "scale"):
            raise UserError(f"{_quoted(text)}: `set` goes with =, `scale` with *")
        return ValueEdit(
            verb,
            match["pass"],
            match["value"],
            span_of(match["units"]),
            span_of(match["steps"]),
            float(match["number"]),
        )
    if match := _WEIGHT.match(text):
        index = tuple(span_of(one.strip()) for one in match["index"].split(",")) if match["index"] else ()
        return WeightEdit(_verb(match["sign"]), match["tensor"], index, float(match["number"]))
    if match := _LET.match(text):
        return CellEdit("let", match["value"], match["pass"], match["text"], match.start("text") + 1)
    if match := _ABLATE.match(text):
        return CellEdit("ablate", match["variant"].lower(), match["pass"])
    raise UserError(f"{_quoted(text)} is no edit; such as: {_example(text)}")


def parse_recipe(text: str, source: str = "recipe") -> tuple[Edit, ...]:
    """Read every edit of a recipe; `#` begins a comment line.

    Raises:
        UserError: With the line of the first mistake.
    """
    edits: list[Edit] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            edits.append(parse_edit(line))
        except UserError as error:
            raise UserError(f"{visible(source)}:{number}: {error}") from None
    return tuple(edits)


def line_of(edit: Edit) -> str:
    """Return an edit as a line of a recipe; `parse_edit` reads it back."""
    if isinstance(edit, TokenEdit):
        return f"remove {edit.t}" if edit.verb == "delete" else f"{edit.verb} {edit.t} {in_quotes(edit.token)}"
    if isinstance(edit, CellEdit):
        if edit.verb == "ablate":
            return f"ablate {edit.what}" + (f" {edit.pass_name}" if edit.pass_name else "")
        return f"let {f'{edit.pass_name}.' if edit.pass_name else ''}{edit.what} = {edit.text}"
    sign = "=" if edit.verb == "set" else "*"
    if isinstance(edit, ValueEdit):
        where = f"{edit.pass_name}.{edit.value}[{_written(edit.units)}] @ {_written(edit.steps)}"
        return f"{edit.verb} {where} {sign} {edit.number!r}"
    index = f"[{','.join(_written(span) for span in edit.index)}]" if edit.index else ""
    return f"weight {edit.tensor}{index} {sign} {edit.number!r}"


def range_of(span: Span, size: int) -> range:
    """Return the numbers a span names, out of `size`."""
    start, stop = span
    return range(max(0, start or 0), size if stop is None else min(stop, size))


def _token(text: str) -> str:
    token = unquoted(text)
    if not token:
        raise UserError(f"{_quoted(text)} is no token: write it in double quotes")
    return token


def in_quotes(token: str) -> str:
    """Return a token as a line of a recipe writes it."""
    escaped = token.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(one if one.isprintable() else _escape(one) for one in escaped) + '"'


def _escape(character: str) -> str:
    return f"\\U{ord(character):08x}"


def _verb(sign: str) -> Literal["set", "scale"]:
    return "set" if sign == "=" else "scale"


def span_of(text: str) -> Span:
    """Return a range as an edit writes it: `3`, `3:6`, `:`, and nothing for all.

    Raises:
        UserError: It is none of these.
    """
    span = whole_span(text or ":")
    if span is None:
        raise UserError(f"{_quoted(text)} is not a range: write 3, or 3:6, from 0")
    return span


def _place(text: str) -> int:
    place = whole_number(text)
    if place is None:
        raise UserError(f"{_quoted(text)} is no place: write a number from 0")
    return place


def _written(span: Span) -> str:
    start, stop = span
    if start is not None and stop == start + 1:
        return str(start)
    return f"{'' if start is None else start}:{'' if stop is None else stop}"


def _quoted(text: str) -> str:
    return f"`{visible(text if len(text) <= 60 else text[:59] + '…')}`"


def _example(text: str) -> str:
    word = text.split(maxsplit=1)[0] if text.split() else ""
    examples = {
        "replace": 'replace 3 "good"',
        "insert": 'insert 3 "not"',
        "remove": "remove 3",
        "set": "set layer0.forward.f[7] @ 3:6 = 0",
        "scale": "scale layer0.forward.f[7] @ 3 * 0.5",
        "weight": "weight layer0.forward/b_f[7] = -4",
        "let": "let layer0.forward.f = 1",
        "ablate": "ablate nfg",
    }
    return examples.get("remove" if word == "delete" else word, "; ".join(examples.values()))


@door("edits")
def read_recipe(path: str | Path) -> tuple[Edit, ...]:
    """Read the edits of a file, at most a mebibyte of them.

    Raises:
        UserError: If it cannot be read, or with the line of the first mistake.
    """
    text = read_text(path, SCRIPT_BYTES)
    return parse_recipe(text.content, text.where)


def write_recipe(path: str | Path, lines: Iterable[str], words: Iterable[str] = ()) -> None:
    """Write edits, each under its words as a comment; the file appears whole or not at all.

    Raises:
        UserError: If it cannot be written.
    """
    rows: list[str] = []
    told = iter(words)
    for line in lines:
        said = next(told, "")
        rows += [f"# {said}", line] if said else [line]
    with replacing(path) as stream:
        stream.write(("\n".join(rows) or "# no edits").encode() + b"\n")
