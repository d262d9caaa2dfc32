"""What a network is run on: a file, standard input, a text or an array, as sequences of tokens or rows."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence, Set, Sized
from dataclasses import replace
from functools import lru_cache
from io import IOBase
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsFloat, overload

import numpy as np

from lstm_tui.engine.arrays import Array, Rows
from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UsageError, UserError, kind_of
from lstm_tui.engine.model.row_labels import row_labels
from lstm_tui.engine.model.sequence import Sequence as InputSequence
from lstm_tui.engine.model.tokens import UNKNOWN, Kind, Tokens, tokenize
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.file_endings import ANY_SERIES, SERIES
from lstm_tui.formats.inputs.framing import Framing
from lstm_tui.formats.inputs.numeric_series import NumericSeries, read_series, series_from
from lstm_tui.formats.inputs.preprocess import as_trained, check_ids, ids_sequence, reads_ids, through_front, unmasked
from lstm_tui.formats.inputs.samples import find_input, sample_names
from lstm_tui.formats.inputs.text_input import InputText, read_text, text_from
from lstm_tui.formats.io.files import STANDARD_INPUT

if TYPE_CHECKING:
    from lstm_tui.engine.model.network import Network

_FILE_ENDINGS = (*SERIES, ".txt")


@door("an input")
def read_input(path: str | Path, numbers: bool = False) -> InputText | NumericSeries:
    """Read a file, or standard input for `-`; the ending of the name says whether it holds numbers.

    Args:
        path: The file.
        numbers: Whether standard input holds CSV; without it, it is text.

    Raises:
        UserError: It cannot be read as what it is; one line names the place.
    """
    if str(path) == STANDARD_INPUT:
        return read_series(path) if numbers else read_text(path)
    if Path(path).suffix.lower() in SERIES:
        return read_series(path)
    return read_text(path)


def with_frames(source: InputText | NumericSeries, framing: Framing) -> InputText | NumericSeries:
    """Return an input with the frames that are asked for, if any are.

    Raises:
        UserError: It is text.
    """
    if not framing.is_given:
        return source
    if isinstance(source, InputText):
        raise UserError(f"{source.where}: is text, and --frame, --hop and --context are of samples: give a .wav")
    return replace(source, framing=framing)


def open_source(source: str | Path | Rows) -> InputText | NumericSeries:
    """Return what a Python caller gives: a text, a file, or rows of numbers.

    A string is a file when there is one of that name, or when it is one word with the ending of one.

    Raises:
        UserError: The file cannot be read, or the text or the array is empty.
    """
    if isinstance(source, str):
        one_word = len(source.split()) == 1
        is_name = one_word and (Path(source).suffix in _FILE_ENDINGS or source in sample_names())
        if not is_name and not _is_file(source):
            return text_from(source)
        source = Path(source)
    if isinstance(source, Path):
        return read_input(find_input(str(source)))
    return series_from(_as_array(source), columns=_columns_of(source))


def _columns_of(source: Any) -> tuple[str, ...]:
    """Return the names of the columns of a table, safe to show; none where they are numbers or there are none."""
    names = getattr(source, "columns", ()) if hasattr(source, "to_numpy") else ()
    found = tuple(names) if isinstance(names, Iterable) else ()
    return tuple(map(visible, found)) if all(isinstance(name, str) for name in found) else ()


def _as_array(source: Any) -> Array:
    """Return rows of numbers as an array: a list, an array, a tensor of PyTorch, a table of pandas or polars."""
    if instead := _instead(source):
        raise UserError(f"a text, a file or rows of numbers is read; this is {kind_of(source)}: {instead}")
    if hasattr(source, "detach"):  # a tensor, which may be one that is trained, stands elsewhere, or is of bfloat16
        source = source.detach().cpu()
        source = source.double() if source.is_floating_point() else source
    columns = getattr(source, "columns", ())
    if hasattr(source, "to_numpy"):
        source = source.to_numpy()
    as_array = isinstance(source, Sized | SupportsFloat) or hasattr(source, "__array__")
    if not as_array or isinstance(source, Mapping | Set):
        raise UserError(f"a text, a file or rows of numbers is read; this is {kind_of(source)}")
    try:
        made = np.asarray(source)
    except (ValueError, TypeError, RuntimeError):  # lists of different lengths, or of what is no number
        raise UserError(f"the array: {_uneven(source)}") from None
    if made.dtype.kind in "US":
        raise UserError("the array: holds texts, not numbers; a text is given as one string, with spaces between words")
    return _of_objects(made, columns) if made.dtype == object else made


def _instead(source: object) -> str:
    """Return what to give in the place of what nobody reads, or where it is to be given; empty where it is unknown."""
    from lstm_tui.engine.model.network import Network

    if isinstance(source, Network):
        return "give it as model, behind what it reads, as in trace(text, model=network)"
    if isinstance(source, bytes | bytearray):
        return "decode it, as in data.decode()"
    if isinstance(source, IOBase):
        return "give the path of the file, or what its read() returns"
    if hasattr(source, "collect") and not hasattr(source, "to_numpy"):  # of polars, a table that is not made yet
        return "give what its collect() returns"
    if hasattr(source, "to_dataarray"):
        return "give what its to_dataarray().T returns, a row a step"
    if isinstance(source, Generator):
        return "give list(…) of it"
    return "lstm_tui.capture(model, batch) runs a living model" if hasattr(source, "state_dict") else ""


def _uneven(rows: Any) -> str:
    """Say which row is of another length than the first."""
    sizes = [len(row) if isinstance(row, Sized) else None for row in rows]
    for number, size in enumerate(sizes):
        if size != sizes[0] and size is not None and sizes[0] is not None:
            return f"row {number + 1} has {count_of(size, 'number')}, and row 1 has {sizes[0]}; give all as many"
    return "its rows are no numbers of one length"


def _of_objects(made: Array, columns: Any) -> Array:
    """Return what a table gives as objects as numbers; what it says is missing is NaN.

    Raises:
        UserError: Something in it is no number; the column is named.
    """
    flat = np.empty(made.size, np.float64)
    for place, one in enumerate(made.flat):
        missing = one is None or type(one).__name__ == "NAType"
        if not missing and not isinstance(one, Real):
            column = place % made.shape[-1] if made.ndim > 1 else 0
            names = [str(name) for name in columns]
            where = f"column {visible(names[column])!r}" if column < len(names) else f"column {column + 1}"
            row = place // max(made.shape[-1] if made.ndim > 1 else 1, 1) + 1
            raise UserError(f"the array: row {row}, {where} holds {kind_of(one)}, not a number")
        flat[place] = math.nan if missing else float(one)
    return flat.reshape(made.shape)


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):  # too long for a name, or holds NUL
        return False


def vocabulary(text: InputText, kind: Kind) -> Tokens:
    """Return the vocabulary of a text itself, for a network that was never trained on another."""
    if kind == "bytes":
        return Tokens.of_bytes()
    return Tokens(kind, (UNKNOWN, *dict.fromkeys(tokenize(text.content, kind))))


class Sequences(Sequence[InputSequence]):
    """The sequences of one input, encoded one at a time as they are asked for.

    Attributes:
        where: What messages call the input.
        lines: Line of each sequence in the file, from 1; empty for a whole file or a single series.
    """

    def __init__(self, source: InputText | NumericSeries, network: Network, whole: bool = False) -> None:
        """Check the input against what the network reads.

        Raises:
            UserError: It is text and the network reads numbers, or the other way, or of another width.
        """
        if isinstance(source, NumericSeries) and network.front is None and network.tokens is None:
            source = source.of_width(network.input_size)
        self.where = source.where
        self._source = source
        self._network = network
        self._whole = whole or isinstance(source, NumericSeries)
        if isinstance(source, InputText):
            self.lines = () if whole else source.numbers
            if network.tokens is None:
                ids = reads_ids(network)
                what = "ids, and its file holds no vocabulary" if ids else "numbers"
                how = "--vocabulary FILE, or a .csv of ids" if ids else f"a {ANY_SERIES} file, or another --model"
                raise UserError(f"{source.where}: is text, and {visible(network.name)} reads {what}; give {how}")
        else:
            self.lines = tuple(range(1, len(source.arrays) + 1)) if len(source.arrays) > 1 else ()
            self._check_series(source)
        self._get = lru_cache(maxsize=64)(self._make)

    def _check_series(self, source: NumericSeries) -> None:
        network = self._network
        if network.front is not None:
            if len(network.front.inputs) > 1:
                self.lines = ()
            for array in source.arrays if (count := reads_ids(network)) else ():
                check_ids(array, count, source.where)
            return
        name = visible(network.name)
        if network.tokens is not None and (network.tokens.are_ids or self._are_ids(source)):
            for array in source.arrays:
                check_ids(array, len(network.tokens.vocabulary), source.where)
            return
        if network.tokens is not None:
            raise UserError(
                f"{source.where}: holds numbers, and {name} reads {network.tokens.kind}; "
                "give a text, or a network of numbers, such as the bundled forecast, or --layer 0"
            )
        for n, array in enumerate(source.arrays, 1):
            if array.shape[1] != network.input_size:
                series = f" in series {n}" if len(source.arrays) > 1 else ""
                raise UserError(
                    f"{source.where}: has {count_of(array.shape[1], 'column')}{series}, "
                    f"and {name} reads {network.input_size}"
                )

    def _are_ids(self, source: NumericSeries) -> bool:
        """Say whether one column of numbers is meant for a vocabulary that came with another program's weights."""
        return "imported" in self._network.card and all(one.shape[1] == 1 for one in source.arrays)

    def __len__(self) -> int:
        """Return how many sequences there are."""
        return len(self.lines) or 1

    @overload
    def __getitem__(self, n: int) -> InputSequence: ...
    @overload
    def __getitem__(self, n: slice) -> list[InputSequence]: ...

    def __getitem__(self, n: int | slice) -> InputSequence | list[InputSequence]:
        """Return the n-th sequence, from 0."""
        if isinstance(n, slice):
            return [self._get(k) for k in range(len(self))[n]]
        return self._get(range(len(self))[n])

    def __iter__(self) -> Iterator[InputSequence]:
        """Iterate over the sequences."""
        return (self._get(n) for n in range(len(self)))

    def index_of_line(self, line: int) -> int:
        """Return which sequence stands on a line of the file.

        Raises:
            UsageError: There is no such line, or nothing stands on it.
        """
        if line in self.lines:
            return self.lines.index(line)
        if not self.lines:
            if line == 1:
                return 0
            raise UsageError(f"{self.where}: is one sequence, so there is no line {line}; leave --line out")
        if isinstance(self._source, NumericSeries):
            raise UsageError(f"{self.where}: has {len(self.lines)} series, so there is no series {line}")
        count = len(self._source.lines)
        if 1 <= line <= count:
            near = min(self.lines, key=lambda number: (abs(number - line), number))
            raise UsageError(f"{self.where}: line {line} is empty; the nearest with text is line {near}")
        raise UsageError(f"{self.where}: has {count_of(count, 'line')}, so there is no line {line}")

    def _make(self, n: int) -> InputSequence:
        source = self._source
        line = self.lines[n] if self.lines else None
        network = self._network
        if isinstance(source, NumericSeries):
            return self._of_numbers(source, n, line)
        tokens = network.tokens
        assert tokens is not None  # checked when this was made
        text = source.content.removesuffix("\n") if line is None else source.lines[line - 1]
        return as_trained(text_sequence(text, tokens, source.file, line), network, self.where)

    def _of_numbers(self, source: NumericSeries, n: int, line: int | None) -> InputSequence:
        network = self._network
        rows = source.arrays[n]
        if reads_ids(network) or (network.front is None and network.tokens is not None):
            return as_trained(ids_sequence(rows, source.file, line), network, self.where)
        if network.front is None:
            return series_sequence(unmasked(rows, network, self.where), source.file, line, source.columns)
        try:
            return series_sequence(through_front(source, n, network), source.file, line)
        except UserError as error:
            raise UserError(f"{self.where}: {error}") from error


def text_sequence(text: str, tokens: Tokens, file: str | None = None, line: int | None = None) -> InputSequence:
    """Return a text as a sequence in a network's vocabulary.

    Raises:
        UserError: The network knows ids alone, and there is something else in the text.
    """
    if tokens.definition:
        return _pieces_sequence(text, tokens, file, line)
    return encoded(tokenize(text, tokens.kind), tokens, visible(file or "the text"), file, line)


def encoded(
    pieces: Sequence[str], tokens: Tokens, where: str, file: str | None = None, line: int | None = None
) -> InputSequence:
    """Return the tokens of a text as a sequence in a network's vocabulary; `where` is what a message calls the text.

    Raises:
        UserError: The network knows ids alone, and there is something else among the tokens.
    """
    ids, unknown = tokens.encode(pieces)
    if unknown and tokens.are_ids:
        raise UserError(
            f"{where}: {visible(pieces[unknown[0]])!r} is no id; the vocabulary of this network is not known, "
            f"so it reads whole numbers from 0 to {len(tokens.vocabulary) - 1}; --vocabulary FILE tells its tokens, "
            "in Python lstm_tui.load(…, vocabulary=…)"
        )
    if unknown and not 0 <= tokens.unknown_id < len(tokens.vocabulary):
        near = tokens.near(pieces[unknown[0]], 1)
        hint = f"; did you mean “{visible(near[0])}”?" if near else ""
        raise UserError(f"{where}: “{visible(pieces[unknown[0]][:40])}” is not in the vocabulary{hint}")
    return InputSequence(tokens.kind, tuple(pieces), ids, unknown, None, file, line)


def _pieces_sequence(text: str, tokens: Tokens, file: str | None, line: int | None) -> InputSequence:
    """Return the pieces a tokenizer makes of a text; what it does not know is called as it was written."""
    from lstm_tui.formats.inputs.tokenizer import splitter

    where = visible(file or "the text")
    try:
        pieces, numbers, places = splitter(tokens.definition).split(text)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    if not pieces:
        raise UserError(f"{where}: the tokenizer makes no token of it")
    ids = np.array(numbers, dtype=np.int64)
    largest = int(ids.max())
    if largest >= len(tokens.vocabulary):
        raise UserError(
            f"{where}: the tokenizer gives the id {largest}, and the network knows {len(tokens.vocabulary)}"
        )
    unknown = tuple(np.flatnonzero(ids == tokens.unknown_id).tolist()) if tokens.unknown_id >= 0 else ()
    for t in unknown:
        pieces[t] = text[slice(*places[t])] or pieces[t]
    return InputSequence(tokens.kind, tuple(pieces), ids, unknown, None, file, line)


def series_sequence(
    array: Array, file: str | None = None, line: int | None = None, columns: tuple[str, ...] = ()
) -> InputSequence:
    """Return rows (T, I) as a sequence; its tokens are the rows in short."""
    rows = np.asarray(array)
    return InputSequence("numbers", row_labels(rows), None, (), rows, file, line, columns)
