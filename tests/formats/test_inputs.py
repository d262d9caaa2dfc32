from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.model.tokens import Tokens
from lstm_tui.formats.inputs.inputs import Sequences, open_source, read_input, vocabulary
from lstm_tui.formats.inputs.numeric_series import NumericSeries, csv_series, series_from
from lstm_tui.formats.inputs.preprocess import check_ids
from lstm_tui.formats.inputs.text_input import InputText, text_from, text_of

LAYERS = [{"cell": "rnn", "hidden_size": 2}]


def check_line(error: UserError) -> None:
    assert str(error).isprintable()


def words_network(text: str = "a b c") -> Network:
    return build_network(
        {
            "name": "words",
            "layers": LAYERS,
            "embedding_size": 2,
            "tokens": {"kind": "words", "vocabulary": ["<unk>", *text.split()]},
        }
    )


def numbers_network(columns: int = 2) -> Network:
    return build_network({"name": "numbers", "layers": LAYERS, "input_size": columns})


def text_file(folder: Path, content: bytes | str, name: str = "t.txt") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"a\n\n b c \n", {1: "a", 3: "b c"}),
        (b"a\r\n\r\nb c\r\n", {1: "a", 3: "b c"}),
        (b"a\r\rb c", {1: "a", 3: "b c"}),
        (b"\xef\xbb\xbfa\n \t\nb c", {1: "a", 3: "b c"}),
        (b"\na", {2: "a"}),
        ("a\u2028b\x0bc\x0c\n b".encode(), {1: "a \u2028 b c", 2: "b"}),  # none of these ends a line in an editor
    ],
)
def test_lines_are_those_of_an_editor(tmp_path: Path, content: bytes, lines: dict[int, str]) -> None:
    source = read_input(text_file(tmp_path, content))
    sequences = Sequences(source, words_network())
    assert sequences.lines == tuple(lines)
    for sequence, (line, text) in zip(sequences, lines.items(), strict=True):
        assert (sequence.line, sequence.file) == (line, "t.txt")
        assert sequence.tokens == tuple(text.split(" ")) or "\u2028" in text
        assert sequences.index_of_line(line) == sequences.lines.index(line)


def test_the_whole_file_is_one_sequence(tmp_path: Path) -> None:
    sequences = Sequences(read_input(text_file(tmp_path, "a b\r\n\r\nc d\n")), words_network(), whole=True)
    assert len(sequences) == 1
    assert sequences[0].tokens == ("a", "b", "c", "d")
    assert sequences[0].line is None
    assert sequences[0].unknown == (3,)
    assert sequences.index_of_line(1) == 0


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    try:
        source = text_of(text.encode(), "t.txt")
    except UserError as error:
        check_line(error)
        return
    normal = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    assert source.content == normal
    sequences = Sequences(source, words_network())
    assert [source.lines[line - 1] for line in sequences.lines] == [one for one in normal.split("\n") if one.strip()]
    assert all(len(sequence) for sequence in sequences)


@settings(deadline=None)
@given(st.binary(min_size=1))
def test_any_bytes_are_read_or_refused_in_one_line(data: bytes) -> None:
    for read in (text_of, lambda data, where: csv_series(text_of(data, where).content, where)):
        try:
            read(data, "t.txt")
        except UserError as error:
            check_line(error)


@settings(deadline=None)
@given(st.text(alphabet="0123456789.,;\t\n\"'ab-e+_ \r"))
def test_any_csv_is_read_or_refused_in_one_line(content: str) -> None:
    try:
        series = csv_series(content, "w.csv")
    except UserError as error:
        check_line(error)
        return
    assert series.arrays[0].size


def test_a_byte_order_mark_counts_in_the_byte_that_is_named() -> None:
    with pytest.raises(UserError, match=r"byte 6 \(line 2\) is 0xff"):
        text_of(b"\xef\xbb\xbfa\n\xff", "t.txt")


def test_the_vocabulary_of_a_text_is_its_tokens_in_order() -> None:
    text = text_from("the cat the dog")
    assert vocabulary(text, "words").vocabulary == ("<unk>", "the", "cat", "dog")
    assert vocabulary(text, "chars").vocabulary[:4] == ("<unk>", "t", "h", "e")
    assert vocabulary(text, "bytes") == Tokens.of_bytes()


@pytest.mark.parametrize(
    ("content", "columns", "rows"),
    [
        ("a,b\n1,2\n3,4.5\n", ("a", "b"), [[1, 2], [3, 4.5]]),
        ("1,2\n\n3,4\n", (), [[1, 2], [3, 4]]),
        ("a;b\r\n1;2\r\n", ("a", "b"), [[1, 2]]),
        ("1\t2\n", (), [[1, 2]]),
        ('"a, b"\n"1"\n', ("a, b",), [[1]]),
        ("\ufeffx\n1e3\n-inf\n", ("x",), [[1000], [-np.inf]]),
        ("2020-01-01,load\n1,2\n", ("2020-01-01", "load"), [[1, 2]]),
    ],
)
def test_csv(tmp_path: Path, content: str, columns: tuple[str, ...], rows: list[list[float]]) -> None:
    source = read_input(text_file(tmp_path, content, "w.csv"))
    assert isinstance(source, NumericSeries)
    assert source.columns == columns
    assert np.array_equal(source.arrays[0], rows)


def test_csv_reads_back_doubles_exactly() -> None:
    rows = np.random.default_rng(0).standard_normal((50, 3))
    content = "\n".join(",".join(map(repr, row)) for row in rows.tolist())
    assert np.array_equal(csv_series(content, "w.csv").arrays[0], rows)


def test_a_row_of_numbers_is_a_short_token(tmp_path: Path) -> None:
    path = text_file(tmp_path, "a,b,c,d\n1,2.123456,3,4\n", "w.csv")
    sequence = Sequences(read_input(path), numbers_network(4))[0]
    assert sequence.tokens == ("1 2.123 3 …",)
    assert sequence.columns == ("a", "b", "c", "d")
    assert sequence.line is None


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", ">f4", "int8", "uint64", "bool"])
def test_arrays_of_any_number_are_read(tmp_path: Path, dtype: str) -> None:
    array = np.arange(6).reshape(3, 2).astype(dtype)
    np.save(tmp_path / "w.npy", np.asfortranarray(array))
    np.savez_compressed(tmp_path / "w.npz", first=array, second=array[:2])
    single = read_input(tmp_path / "w.npy")
    several = read_input(tmp_path / "w.npz")
    assert isinstance(single, NumericSeries)
    assert isinstance(several, NumericSeries)
    assert np.array_equal(single.arrays[0], array)
    sequences = Sequences(several, numbers_network())
    assert [len(one) for one in sequences] == [3, 2]
    assert [one.line for one in sequences] == [1, 2]
    with pytest.raises(UserError, match="has 2 series, so there is no series 3"):
        sequences.index_of_line(3)


def test_one_column_may_be_flat(tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", np.arange(5.0))
    assert Sequences(read_input(tmp_path / "w.npy"), numbers_network(1))[0].x is not None


@pytest.mark.parametrize(
    ("source", "network", "says"),
    [
        (text_from("a"), numbers_network(), "the text: is text, and numbers reads numbers"),
        (csv_series("1,2\n", "w.csv"), words_network(), "w.csv: holds numbers, and words reads words"),
        (csv_series("1,2,3\n", "w.csv"), numbers_network(), "w.csv: has 3 columns, and numbers reads 2"),
    ],
)
def test_an_input_the_network_does_not_read_is_one_line(
    source: InputText | NumericSeries, network: Network, says: str
) -> None:
    with pytest.raises(UserError) as error:
        Sequences(source, network)
    assert str(error.value).startswith(says)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (2, "the text: line 2 is empty; the nearest with text is line 1"),
        (4, "the text: has 3 lines, so there is no line 4"),
    ],
)
def test_a_line_that_is_not_there_is_one_line(line: int, says: str) -> None:
    sequences = Sequences(text_from("a\n\nb\n"), words_network())
    with pytest.raises(UserError) as error:
        sequences.index_of_line(line)
    assert str(error.value) == says


def test_sequences_are_like_a_list() -> None:
    sequences = Sequences(text_from("a\n\nb\nc"), words_network())
    assert sequences[-1].tokens == ("c",)
    assert [one.tokens for one in sequences[1:]] == [("b",), ("c",)]
    with pytest.raises(IndexError):
        sequences[3]


def test_python_callers_give_a_text_a_file_or_an_array(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = text_file(tmp_path, "from the file")
    for given_source, content in (("a text", "a text"), ("t.txt", "from the file"), (path, "from the file")):
        source = open_source(given_source)
        assert isinstance(source, InputText)
        assert source.content == content
    series = open_source([[1, 2], [3, 4]])
    assert isinstance(series, NumericSeries)
    assert series.arrays[0].shape == (2, 2)
    for missing in ("missing.txt", Path("missing")):
        with pytest.raises(UserError, match="no such file"):
            open_source(missing)
    with pytest.raises(UserError, match="nothing but white space"):
        open_source(" ")
    assert isinstance(open_source("a\0b"), InputText)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        ([[1, 2, 0], [3, 1, 1]], "a batch of 2 sequences of 3 ids is given one by one, each as a column"),
        ([[1, 4, 0]], "--layer gives a layer numbers"),
        ([[0.5, 1, 0]], "--layer gives a layer numbers"),
        ([[-1, 1, 0]], "--layer gives a layer numbers"),
    ],
)
def test_several_columns_for_ids_are_a_batch_where_all_are_ids(array: list[list[float]], said: str) -> None:
    with pytest.raises(UserError, match=f"in.npz: has 3 columns, and ids are one column; {said}$"):
        check_ids(np.array(array, float), 4, "in.npz")


@pytest.mark.parametrize(
    "odd",
    ["complex64", "<U3", "S3", "datetime64[s]", "timedelta64[s]", "object", np.dtype([("a", "f4")])],
    ids=str,
)
def test_numbers_of_a_kind_that_no_network_reads_are_refused(odd: Any) -> None:
    with pytest.raises(UserError, match=r"^the array: holds .+, not numbers; save it as float32 or float64"):
        series_from(np.zeros((3, 2), odd))
    for kind in ("?", "i1", "u8", "f2", "f8"):
        assert series_from(np.ones((3, 2), kind)).arrays[0].tolist() == [[1.0, 1.0]] * 3
