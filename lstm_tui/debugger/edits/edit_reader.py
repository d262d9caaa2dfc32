"""Lines to edits, on the words of the one parser: of an edit script whole, typed with what is clear left out.

Every mistake has its place in the line and says what was expected there. An edit script is a file of edits, one a line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import isinf
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from lstm_tui.debugger.edits.language import (
    MOST_EPOCHS,
    MOST_TEXTS,
    CellEdit,
    CutEdit,
    Edit,
    ModelEdit,
    PatchEdit,
    TeachEdit,
    TextEdit,
    TokenEdit,
    ValueEdit,
    WeightEdit,
    WordsEdit,
)
from lstm_tui.debugger.expressions.parser import ExpressionError
from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.syntax import WordReader
from lstm_tui.engine.language.vocabulary import shortened
from lstm_tui.engine.language.words import Mistake, Notation, Word
from lstm_tui.engine.model.cuts import CutKind
from lstm_tui.engine.number_text import read_number
from lstm_tui.engine.runtime.overrides import READOUT
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import Span, whole_number
from lstm_tui.formats.bundled_files import is_bundled
from lstm_tui.formats.inputs.text_input import read_script
from lstm_tui.formats.io.files import replacing, script_content


class Defaults(Protocol):
    """What a typed line may leave out, since the session that it is typed to stands somewhere."""

    @property
    def t(self) -> int:
        """The token at which it stands."""

    def owner_of(self, value: str) -> str:
        """Return the pass whose value is meant, or `readout`."""

    def parameter(self, name: str) -> str:
        """Return the whole name of a parameter."""

    def unit(self, pass_name: str, name: str) -> int:
        """Return which unit of a pass is called so.

        Raises:
            UserError: None is.
        """

    def entries(self, owner: str, value: str, spans: tuple[Span, ...]) -> Span:
        """Return the units of a value that stand at a row and column, or a head, row and columns.

        Raises:
            UserError: It has no such places, or they are not side by side.
        """


Names = tuple[tuple[str, int], ...]
"""Names that stand for a whole number in a line, with it."""


def parse_edit(line: str, defaults: Defaults | None = None, names: Names = ()) -> Edit:
    """Read one edit.

    Args:
        line: As it stands in an edit script.
        defaults: What it may leave out; without them nothing may be.
        names: Names that stand for a whole number.

    Raises:
        ExpressionError: With the place of the first mistake, what was expected there, and a line that is right.
        UserError: It begins as no edit does.
    """
    text = line.strip()
    verb = text.split(maxsplit=1)[0] if text else ""
    if verb not in _EXAMPLES:
        raise UserError(f"{_quoted(text)} is no edit; such as: {'; '.join(dict.fromkeys(_EXAMPLES.values()))}")
    try:
        notation = replace(_NOTATION, names=names, longest=_LONGEST.get(verb, _NOTATION.longest))
        if len(text) > notation.longest:
            raise Mistake(f"an edit of {len(text)} characters; {notation.longest} is the most", 0)
        return _read(verb, text, defaults, notation)
    except Mistake as error:
        raise ExpressionError(f"{error.said}; such as: {_EXAMPLES[verb]}", text, error.start) from None


_EXAMPLES = {
    "replace": 'replace 3 "good"',
    "insert": 'insert 3 "not"',
    "remove": "remove 3",
    "delete": "remove 3",  # the word of before
    "set": "set layer0.forward.f[7] @ 3:6 = 0",
    "scale": "scale layer0.forward.f[7] @ 3 * 0.5",
    "patch": 'patch layer0.forward.c[3:5] @ 12 = 0.1, -2 from "line 2 @ 14"',
    "weight": "weight layer0.forward/b_f[7] = -4",
    "let": "let layer0.forward.f = 1",
    "reset": "reset @ 12, or: reset every 16",
    "chunk": "chunk @ 12, or: chunk every 16",
    "ablate": "ablate nfg",
    "model": 'model "story"',
    "model-file": 'model-file "mine.safetensors"',
    "text": 'text "he likes pizza ."',
    "add-words": 'add-words "zuri" "momos"',
    "teach": 'teach "asha likes pizza ." epochs 30 rate 0.005',
}
"""A right line by the word that begins it."""
EDIT_WORDS = frozenset(_EXAMPLES) - {"delete"}  # which takes breakpoints away now
"""Words that begin an edit."""


def _check(word: Word, depth: int) -> None:
    """Refuse what can begin no word of an edit."""
    if word.kind == "other" and word.text in "\"'":
        raise Mistake(f"this text has no closing {word.text}", word.start)
    if word.kind == "other":
        raise Mistake(f"{_quoted(word.text)} means nothing here", word.start)


_NOTATION = Notation("an edit", 1_000, _check, finite=False)
_LONGEST = {
    "text": 20_000,
    "teach": 40_000,
    "add-words": 20_000,
    "patch": 1 << 17,
}  # a patch holds a number for each unit
"""Characters of an edit that may be longer than others."""


def _read(verb: str, text: str, defaults: Defaults | None, notation: Notation) -> Edit:
    if verb == "let":
        return _equation(text, notation)
    if verb == "patch":
        return _patch(text, defaults, notation)
    reader = _EditReader(text, notation)
    while reader.word.start < len(verb):  # one of two words is three here
        reader.take()
    if verb in ("set", "scale"):
        return reader.value("set" if verb == "set" else "scale", defaults)
    if verb in ("reset", "chunk"):
        return reader.cut("reset" if verb == "reset" else "chunk", defaults)
    if verb == "weight":
        return reader.weight(defaults)
    if verb == "ablate":
        return reader.ablation()
    if verb in ("model", "model-file"):
        start = reader.word.start
        name = reader.quoted("the name of a network" if verb == "model" else "the file of a network")
        if verb == "model" and not is_bundled(name):
            raise Mistake(f"no network {visible(name[:40])!r} is bundled; `model-file` reads one from a file", start)
        return ModelEdit(name)
    if verb == "text":
        return TextEdit(reader.quoted("a text"))
    if verb == "add-words":
        return WordsEdit(reader.new_words())
    if verb == "teach":
        return reader.teaching()
    return reader.token("replace" if verb == "replace" else "insert" if verb == "insert" else "delete")


def _equation(text: str, notation: Notation) -> CellEdit:
    """Read a `let`: the equation behind its `=` is read with the cell that it is for."""
    left, equals, right = text.partition("=")
    reader = _EditReader(left, notation)
    reader.take()
    owner, value = reader.named_value("the value whose equation is rewritten")
    if not reader.is_end():
        raise reader.expected("= and an equation")
    right = right.partition("#")[0]
    equation = right.strip()
    start = len(left) + len(equals) + len(right) - len(right.lstrip())
    if not equation or equation.startswith("="):
        raise Mistake("expected one = and an equation", start if equation else len(left.rstrip()) + len(equals))
    return CellEdit("let", value, owner or None, equation, start + 1)


class HeldPlace(NamedTuple):
    """What an edit holds: units of a value, of a matrix columns of a line of it, over steps."""

    owner: str
    value: str
    units: Span
    steps: Span
    line: tuple[int, ...] = ()


def parse_held(line: str, defaults: Defaults) -> tuple[str, str, Span, Span]:
    """Read what an edit holds, without what it is to be: its pass, the value, its units and over which steps.

    Units of a matrix are counted through.

    Args:
        line: A verb and what stands behind it.
        defaults: What it may leave out.

    Raises:
        ExpressionError: With the place of the first mistake.
    """
    text = line.strip()
    try:
        reader = _EditReader(text, _NOTATION)
        reader.take()
        held = reader.held(defaults)
        if not reader.is_end():
            raise reader.expected("units, steps, or from another run")
        units = held.units
        if held.line:
            units = defaults.entries(held.owner, held.value, (*((one, one + 1) for one in held.line), held.units))
        return held.owner, held.value, units, held.steps
    except Mistake as error:
        raise ExpressionError(f"{error.said}; such as: patch c[3:5] @ 12 from line 2 @ 14", text, error.start) from None


def _patch(text: str, defaults: Defaults | None, notation: Notation) -> PatchEdit:
    """Read a `patch`: what stands behind its `=` are numbers, too many of them for an expression."""
    left, equals, right = text.partition("=")
    reader = _EditReader(left, notation)
    reader.take()
    held = reader.held(defaults)
    if not reader.is_end() or not equals:
        raise reader.expected("= and a number for each unit")
    numbers, quote, origin = right.partition('"')
    said = ""
    if quote:
        numbers, gap, behind = numbers.rstrip().rpartition("from")
        named = _EditReader(quote + origin, notation)
        if not gap or behind or named.word.kind != "text":
            raise Mistake('expected numbers, then from "where they come from"', len(left) + 1)
        said = named.take().text
        named.finish()
    rows = tuple(tuple(_number(one, len(left) + 1) for one in row.split(",")) for row in numbers.split(";"))
    if len({len(row) for row in rows}) > 1:
        raise Mistake("every step has a number for each unit: these have not equally many", len(left) + 1)
    return PatchEdit(held.owner, held.value, held.units, held.steps, rows, said, held.line)


def _number(text: str, start: int) -> float:
    number = read_number(text)
    if number is None:
        raise Mistake(f"expected a number, not {_quoted(text.strip())}", start)
    return number


class _EditReader(WordReader):
    """Reads the parts of an edit, behind its verb."""

    def value(self, verb: Literal["set", "scale"], defaults: Defaults | None) -> ValueEdit:
        held = self.held(defaults)
        sign = self.sign("=" if verb == "set" else "*")
        if (sign == "=") != (verb == "set"):
            raise Mistake("`set` goes with =, `scale` with *", self.words[self.at - 1].start)
        return ValueEdit(verb, held.owner, held.value, held.units, held.steps, self.number(), held.line)

    def held(self, defaults: Defaults | None) -> HeldPlace:
        """Read what is held: a value, its units, and over which steps."""
        if defaults is not None and self.word.text in ("var", "variable") and self.words[self.at + 1].kind == "name":
            self.take()  # as gdb has it
        start = self.word.start
        owner, value = self.named_value("a value, such as f")
        if not owner and defaults is None:
            name = shortened(value)
            raise Mistake(f"expected its pass before {name}, as in layer0.forward.{name}", start)
        units: tuple[Span, ...] = ((None, None),)
        lines: tuple[int, ...] = ()
        if self.is_sign("["):
            of = owner or (defaults.owner_of(value) if defaults is not None else "")
            opened = self.word.start
            units = self.index(3, defaults, of) or units
            if len(units) > 1 and defaults is not None:
                try:
                    defaults.entries(of, value, units)
                except UserError as error:
                    raise Mistake(str(error), opened) from None
            lines = tuple(first for first, end in units[:-1] if first is not None and end == first + 1)
            if len(lines) < len(units) - 1:
                raise Mistake(f"a column is no range of units: give one row at a time, as in {value}[2,:]", opened)
        elif defaults is None:
            raise self.expected("units, such as [7], [0:8] or [:]")
        steps: Span | None = None
        if self.is_sign("@"):
            self.take()
            steps = None if self.is_sign("=", "*") or self.is_end() else self.span()
            steps = (None, None) if steps is None and defaults is None else steps
        elif defaults is None:
            raise self.expected("steps, such as @ 3, @ 3:6 or @ :")
        if defaults is not None:
            owner, steps = owner or defaults.owner_of(value), steps or (defaults.t, defaults.t + 1)
        assert steps is not None
        return HeldPlace(owner, value, units[-1], steps, lines)

    def weight(self, defaults: Defaults | None) -> WeightEdit:
        name = self.name("a parameter, such as layer0.forward/b_f")
        whole = False
        while self.is_sign("/"):
            self.take()
            name, whole = f"{name}/{self.name('the name of a parameter')}", True
        tensor = name if whole or defaults is None else defaults.parameter(name)
        index = self.index(2, defaults, tensor.rpartition("/")[0]) if self.is_sign("[") else ()
        sign = self.sign("= or *")
        number = self.number()
        return WeightEdit("set" if sign == "=" else "scale", tensor, index, number)

    def cut(self, kind: CutKind, defaults: Defaults | None) -> CutEdit:
        """Read where states are set back, or a chunk begins: here, where nothing is said."""
        if self.word.kind == "name" and self.word.text == "every":
            self.take()
            start = self.word.start
            every = self.whole()
            self.finish()
            if not every:
                raise Mistake("expected how many tokens lie between, from 1", start)
            return CutEdit(kind, (), every)
        if self.is_end() and defaults is not None:
            return CutEdit(kind, ((defaults.t, defaults.t + 1),))
        if not self.is_sign("@"):
            raise self.expected("@ and places, such as @ 12, or: every 16")
        self.take()
        steps = [self.span()]
        while self.is_sign(","):
            self.take()
            steps.append(self.span())
        self.finish()
        return CutEdit(kind, tuple(steps))

    def token(self, verb: Literal["replace", "insert", "delete"]) -> TokenEdit:
        if verb == "delete" and self.word.kind == "name" and self.word.text == "token":
            self.take()
        place = whole_number(self.word.text) if self.word.kind == "number" else None
        if place is None:
            raise self.expected("a place, a number from 0")
        self.take()
        token = ""
        if verb != "delete":
            word = self.word
            if word.kind != "text" or self.text[word.start] != '"':
                raise self.expected("a token in double quotes")
            if not word.text:
                raise Mistake("expected a token in the quotes", word.start)
            token = self.take().text
        self.finish()
        return TokenEdit(verb, place, token)

    def quoted(self, what: str) -> str:
        """Read what stands in double quotes up to the end of the line."""
        word = self.word
        if word.kind != "text" or self.text[word.start] != '"':
            raise self.expected(f"{what} in double quotes")
        if not word.text.strip():
            raise Mistake(f"expected {what} in the quotes", word.start)
        self.take()
        self.finish()
        return word.text

    def new_words(self) -> tuple[str, ...]:
        """Read words in quotes up to the end of the line."""
        words: list[str] = []
        while self.word.kind == "text" and self.word.text.strip():
            words.append(self.take().text)
        if not words:
            raise self.expected("words in double quotes")
        self.finish()
        return tuple(words)

    def teaching(self) -> TeachEdit:
        """Read texts in quotes, the class they are taught as, and how long."""
        texts: list[str] = []
        while self.word.kind == "text" and self.word.text.strip():
            texts.append(self.take().text)
        if not 0 < len(texts) <= MOST_TEXTS:
            raise self.expected(f"1 to {MOST_TEXTS} texts in double quotes")
        label = self.take_after("as")
        if label is not None and label.kind != "text":
            raise Mistake("expected a class in double quotes", label.start)
        epochs, rate = self.take_after("epochs"), self.take_after("rate")
        self.finish()
        count = None if epochs is None else whole_number(epochs.text, most=MOST_EPOCHS)
        if epochs is None or not count:
            raise Mistake(
                f"expected `epochs` and 1 to {MOST_EPOCHS}", self.word.start if epochs is None else epochs.start
            )
        if rate is None or rate.kind != "number" or not 0 < float(rate.text) <= 1:
            raise Mistake("expected `rate` and a number up to 1", self.word.start if rate is None else rate.start)
        return TeachEdit(tuple(texts), None if label is None else label.text, count, float(rate.text))

    def take_after(self, name: str) -> Word | None:
        """Return what stands behind a word, where that word stands here."""
        if self.word.kind != "name" or self.word.text != name:
            return None
        self.take()
        if self.is_end():
            raise self.expected(f"something behind `{name}`")
        return self.take()

    def ablation(self) -> CellEdit:
        variant = self.name("a variant")
        owner = None if self.is_end() else self.pass_name()
        self.finish()
        return CellEdit("ablate", variant.lower(), owner)

    def named_value(self, wanted: str) -> tuple[str, str]:
        """Read a value and before it the pass it is of, which may be left out; return both."""
        start = self.word.start
        owner, _, value = self.name(wanted).rpartition(".")
        if owner and owner != READOUT and not _is_pass(owner):
            raise Mistake(f"{_quoted(owner)} is no pass: one is called as layer0.forward, or is the readout", start)
        return owner, value

    def pass_name(self) -> str:
        start = self.word.start
        name = self.name("a pass, such as layer0.forward")
        if not _is_pass(name):
            raise Mistake(f"{_quoted(name)} is no pass: one is called as layer0.forward", start)
        return name

    def name(self, wanted: str) -> str:
        if self.word.kind != "name":
            raise self.expected(wanted)
        return self.take().text

    def index(self, most: int, defaults: Defaults | None, pass_name: str) -> tuple[Span, ...]:
        """Read what stands in square brackets: up to `most` ranges, each of which may be left out for all.

        The first may be the name of a unit of the pass, where the line is typed.
        """
        opened = self.take()
        if defaults is not None and self.word.kind == "name" and _is_pass(pass_name):
            unit = self._named_unit(defaults, pass_name)
            named: list[Span] = [(unit, unit + 1)]
            if most == 2 and self.is_sign(","):
                self.take()
                named.append((None, None) if self.is_sign("]") else self.span())
            if not self.is_sign("]"):
                raise self.expected("]")
            self.take()
            return tuple(named)
        spans: list[Span] = []
        while not self.is_sign("]"):
            empty = self.is_sign(",")
            spans.append((None, None) if empty else self.span())
            if len(spans) < most and self.is_sign(","):
                self.take()
                if self.is_sign("]"):
                    spans.append((None, None))
            elif not self.is_sign("]"):
                if self.is_end():
                    raise Mistake(f"`{opened.text}` is not closed", opened.start)
                raise self.expected("]")
        self.take()
        return tuple(spans)

    def _named_unit(self, defaults: Defaults, pass_name: str) -> int:
        try:
            unit = defaults.unit(pass_name, self.word.text)
        except UserError as error:
            raise Mistake(str(error), self.word.start) from None
        self.take()
        return unit

    def span(self) -> Span:
        """Read a range as an edit writes it: `3`, `3:6`, `3:`, `:6` or `:`."""
        first = None if self.is_sign(":") else self.whole()
        if not self.is_sign(":"):
            assert first is not None
            return first, first + 1
        self.take()
        return first, self.whole() if self.word.kind == "number" or self.is_sign("-") else None

    def whole(self) -> int:
        number = whole_number(self.word.text) if self.word.kind == "number" else None
        if number is None:
            raise self.expected("a range, such as 3 or 3:6, from 0")
        self.take()
        return number

    def sign(self, wanted: str) -> str:
        if not self.is_sign("=", "*"):
            raise self.expected(f"{wanted} and a number")
        return self.take().text

    def number(self) -> float:
        """Read the number at the end of an edit: with a sign or without, finite or not."""
        sign = self.take().text if self.is_sign("-", "+") else ""
        word = self.word
        if word.kind != "number" and not (word.kind == "name" and word.text in ("inf", "nan")):
            raise self.expected("a number")
        self.take()
        self.finish()
        number = float(sign + word.text)
        if isinf(number) and word.kind == "number":
            raise Mistake(f"`{self.written(word)}` is more than a number holds: inf is ∞", word.start)
        return number

    def finish(self) -> None:
        if not self.is_end():
            raise Mistake(f"the edit ends before `{self.written(self.word)}`", self.word.start)

    def expected(self, what: str) -> Mistake:
        """Return the mistake for what stands where something else was expected."""
        instead = "" if self.is_end() else f", not `{self.written(self.word)}`"
        return Mistake(f"expected {what}{instead}", self.word.start)


def _is_pass(name: str) -> bool:
    """Say whether a name is that of a pass, as `layer0.forward` is."""
    layer, _, direction = name.partition(".")
    number = whole_number(layer.removeprefix("layer")) if layer.startswith("layer") else None
    return number is not None and direction in ("forward", "backward")


def _quoted(text: str) -> str:
    return f"`{visible(text if len(text) <= 60 else text[:59] + '…')}`"


def parse_edit_script(text: str, source: str = "edit script") -> tuple[Edit, ...]:
    """Read every edit of an edit script; `#` begins a comment line.

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


@door("edits")
def read_edit_script(path: str | Path) -> tuple[Edit, ...]:
    """Read the edits of a file, as many as a script has.

    Raises:
        UserError: If it cannot be read, or with the line of the first mistake.
    """
    text = read_script(path)
    return parse_edit_script(text.content, text.where)


def write_edit_script(path: str | Path, lines: Iterable[str], words: Iterable[str] = ()) -> None:
    """Write edits, each under its words as a comment; the file appears whole or not at all.

    Raises:
        UserError: If it cannot be written.
    """
    rows: list[str] = []
    told = iter(words)
    for line in lines:
        said = next(told, "")
        rows += [f"# {said}", line] if said else [line]
    content = script_content(rows or ["# no edits"], visible(str(path)))
    with replacing(path) as stream:
        stream.write(content)
