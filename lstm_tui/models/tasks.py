"""What a network can be trained for from the command line: the next token, a class, the next row of numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_tui.analysis.train.loss import NOT_COUNTED, Example, next_rows, next_tokens
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.tokens import UNKNOWN, Kind, Tokens, tokenize
from lstm_tui.engine.number_text import count_of, sentence
from lstm_tui.engine.text_safety import visible
from lstm_tui.models.measures import ACCURACY, ERROR, Measure, bits

if TYPE_CHECKING:
    from lstm_tui.formats.inputs.numeric_series import NumericSeries
    from lstm_tui.formats.inputs.text_input import InputText, Labelled

FEW = 10
"""Of fewer sequences than this the ends judge, not whole ones."""

LEAST_TO_CUT = 20
"""Tokens or rows from which on a sequence gives its end for judging."""

MANY_TOKENS = 10_000
"""From this many words on, a word that stands once is unknown; a shorter text needs all it has."""


@dataclass(frozen=True, eq=False)
class Task:
    """What is learned, from what, and how it is judged.

    Attributes:
        name: lm, classify, next-value, recall or bindings.
        says: What a network that learned it does, in half a line.
        spec: What of a network's description follows from it: tokens, classes, readout, input_size.
        examples: From the epoch (from 0) to what is read in it.
        held_out: What judges.
        measure: How.
        unknown: Share of the tokens that are read as unknown while it learns.
        remarks: What the user should know, a line each.
    """

    name: str
    says: str
    spec: Mapping[str, Any]
    examples: Callable[[int], Sequence[Example]]
    held_out: Sequence[Example]
    measure: Measure
    unknown: float = 0.0
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cut:
    """How a corpus becomes examples.

    Attributes:
        window: Most tokens or rows of an example; what is longer is cut, elsewhere in each epoch.
        held_out: Share that only judges.
        rarest: A word that stands less often is unknown; None: as the length of the text has it.
        seed: Of what is held out and where it is cut.
        whole: Whether a text is one sequence, not one a line.
    """

    window: int = 128
    held_out: float = 0.1
    rarest: int | None = None
    seed: int = 0
    whole: bool = False


def language_model(text: InputText, kind: Kind, cut: Cut) -> Task:
    """Return the task of saying the next token of a text.

    Raises:
        UserError: If no line holds two tokens.
    """
    lines = [text.content] if cut.whole else [text.lines[number - 1] for number in text.numbers]
    pieces = [piece for line in lines if len(piece := tokenize(line, kind)) > 1]
    if not pieces:
        raise UserError(f"{text.where}: no line holds two {kind}, so there is no next one to learn")
    train, held_out, remarks = _split(pieces, cut, np.random.default_rng(cut.seed))
    tokens = _vocabulary(train, kind, cut, text.where)

    def example(piece: Sequence[str]) -> Example:
        ids, unknown = tokens.encode(piece)
        made = next_tokens(ids)
        target = np.array(made.target)
        target[[t - 1 for t in unknown if t]] = NOT_COUNTED  # a word it does not know is nobody's next word
        return Example(made.read, target)

    judging = [example(piece) for line in held_out for piece in _windows(line, cut.window, cut.window)]
    if not any(np.any(np.asarray(one.target) != NOT_COUNTED) for one in judging):
        raise UserError(f"{text.where}: all that is held out is unknown to the rest; give a longer text")

    def of_epoch(epoch: int) -> list[Example]:
        random = np.random.default_rng((cut.seed, epoch))
        first = (
            int(random.integers(1, cut.window + 1)) if len(line) > cut.window + 1 else cut.window for line in train
        )
        return [
            example(piece)
            for line, start in zip(train, first, strict=True)
            for piece in _windows(line, cut.window, start)
        ]

    one = kind.removesuffix("s")
    spec = {**_text_spec(tokens), "readout": "dense"}
    says = f"says the next {one} of {_name(text.where)}"
    return Task("lm", says, spec, of_epoch, judging, bits(one), _unknown(kind), remarks)


def classification(rows: Labelled, kind: Kind, cut: Cut) -> Task:
    """Return the task of saying which label a text has."""
    read = [(tokenize(text, kind), rows.labels.index(label)) for label, text in rows.rows]
    train, held_out, remarks = _split(read, cut, np.random.default_rng(cut.seed), ends=False)
    tokens = _vocabulary([words for words, _ in train], kind, cut, rows.where)
    examples = [Example(tokens.encode(words)[0], label) for words, label in train]
    judging = [Example(tokens.encode(words)[0], label) for words, label in held_out]
    spec = {**_text_spec(tokens), "classes": list(rows.labels), "readout": "mean"}
    shown = ", ".join(rows.labels[:4]) + (", …" if len(rows.labels) > 4 else "")
    says = f"says which of {len(rows.labels)} labels a text has ({visible(shown)}), learned from {_name(rows.where)}"
    return Task("classify", says, spec, lambda _: examples, judging, ACCURACY, _unknown(kind), remarks)


def next_value(series: NumericSeries, cut: Cut) -> Task:
    """Return the task of saying the next row of a series of numbers; the last part of it is held out.

    Raises:
        UserError: If no series has two rows, or a number is not finite.
    """
    series.check_clear()
    for array in series.arrays:
        if not np.isfinite(array).all():
            raise UserError(f"{series.where}: row {int(np.argwhere(~np.isfinite(array))[0][0]) + 1} is not all numbers")
    with np.errstate(over="ignore"):
        arrays = [array.astype(np.float32) for array in series.arrays if len(array) > 1]
    if not all(np.isfinite(array).all() for array in arrays):
        raise UserError(f"{series.where}: holds a number that is too large for float32; divide them all")
    if not arrays:
        raise UserError(f"{series.where}: has one row, so there is no next one to learn")
    width = arrays[0].shape[1]
    if any(array.shape[1] != width for array in arrays):
        raise UserError(f"{series.where}: its series have unlike numbers of columns; give one of them")
    train, held_out, remarks = _split(arrays, cut, None)
    largest = max(float(np.abs(array).max()) for array in arrays)
    if largest > 10:
        remarks += (
            f"{series.where}: runs to {sentence(largest)}; numbers within ±3 are learned much faster: divide them",
        )

    def of_epoch(epoch: int) -> list[Example]:
        random = np.random.default_rng((cut.seed, epoch))
        first = (
            int(random.integers(1, cut.window + 1)) if len(rows) > cut.window + 1 else cut.window for rows in train
        )
        return [
            next_rows(piece)
            for rows, start in zip(train, first, strict=True)
            for piece in _windows(rows, cut.window, start)
        ]

    judging = [next_rows(piece) for rows in held_out for piece in _windows(rows, cut.window, cut.window)]
    spec = {"input_size": width, "outputs": width, "classes": list(series.columns), "readout": "linear"}
    says = f"says the next row of {_name(series.where)} ({count_of(width, 'column')})"
    return Task("next-value", says, spec, of_epoch, judging, ERROR, 0.0, remarks)


def _name(where: str) -> str:
    """Return a file's name without its folder."""
    return where.rpartition("/")[2]


def _text_spec(tokens: Tokens) -> dict[str, Any]:
    vocabulary = None if tokens.kind == "bytes" else list(tokens.vocabulary)
    return {"tokens": {"kind": tokens.kind, "lowercase": tokens.lowercase, "vocabulary": vocabulary}}


def _unknown(kind: Kind) -> float:
    """Return how often a token is hidden, so that the unknown one has a meaning; every byte is known."""
    return 0.0 if kind == "bytes" else 0.02


def _vocabulary(read: Sequence[Sequence[str]], kind: Kind, cut: Cut, where: str) -> Tokens:
    if kind == "bytes":
        return Tokens.of_bytes()
    lowercase = kind == "words"
    counts = Counter(token.lower() if lowercase else token for tokens in read for token in tokens)
    rarest = cut.rarest or (2 if counts.total() > MANY_TOKENS else 1)
    known = [token for token, count in counts.most_common() if count >= rarest]
    if not known:
        raise UserError(f"{where}: none of its {kind} stands {rarest} times; give --rarest 1")
    return Tokens(kind, (UNKNOWN, *known), lowercase)


def _windows(line: Any, window: int, first: int) -> list[Any]:
    """Return pieces of at most `window` + 1 items that overlap by one; the first ends after `first` + 1."""
    stops = [*range(first, len(line) - 1, window), len(line) - 1]
    starts = [0, *stops[:-1]]
    return [line[start : stop + 1] for start, stop in zip(starts, stops, strict=True) if stop > start]


def _split(
    read: Sequence[Any], cut: Cut, random: np.random.Generator | None, ends: bool = True
) -> tuple[list[Any], list[Any], tuple[str, ...]]:
    """Return what is learned from and what judges.

    Of few sequences the ends judge, where `ends` says that a part of one makes sense; of many, some that are chosen at
    random, or the last ones without a generator.
    """
    if ends and cut.held_out and len(read) < FEW and any(len(line) >= LEAST_TO_CUT for line in read):
        lasts = [max(1, round(cut.held_out * (len(line) - 1))) if len(line) >= LEAST_TO_CUT else 0 for line in read]
        heads = [line[:-last] if last else line for line, last in zip(read, lasts, strict=True)]
        return heads, [line[-last - 1 :] for line, last in zip(read, lasts, strict=True) if last], ()
    count = min(max(1, round(cut.held_out * len(read))), len(read) - 1) if cut.held_out else 0
    if not count:
        why = "nothing is held out" if not cut.held_out else "there is too little to hold something out"
        return list(read), list(read), (f"{why}: the score is on what was learned",)
    order: Array = np.arange(len(read)) if random is None else random.permutation(len(read))
    kept, judging = sorted(order[:-count].tolist()), sorted(order[-count:].tolist())
    return [read[n] for n in kept], [read[n] for n in judging], ()
