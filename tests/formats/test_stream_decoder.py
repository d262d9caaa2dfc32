"""What arrives in pieces is what a file of it would be, wherever the pieces were cut."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Items
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.model.tokens import Kind, Tokens, tokenize
from lstm_tui.formats.inputs import stream_decoder
from lstm_tui.formats.inputs.inputs import Sequences
from lstm_tui.formats.inputs.numeric_series import csv_series
from lstm_tui.formats.inputs.stream_decoder import Arriving
from lstm_tui.formats.inputs.text_input import text_of
from lstm_tui.models.bundled import open_model

WHERE = "standard input"
KINDS: tuple[Kind, ...] = ("words", "chars", "bytes")
TEXTS = st.text(
    st.sampled_from("abÉ中👩\u200d\u0301'’ \n\r\t,.\x1b[0m\u2028\ufeff"), max_size=40
) | st.text(max_size=20).filter(lambda text: "\0" not in text)  # fmt: skip
SIGNS = [b"a", b"\n", b"\r", b"\xc3", b"\xa9", b"\0", b"\x1b"]
CELLS = st.sampled_from(["1", "-2.5", " 3e2 ", "nan", "", "x", '"4"', '"5\n"', "1_0", "é"])


@cache
def reading(kind: Kind | None) -> Network:
    tokens = None if kind is None else Tokens.of_bytes() if kind == "bytes" else Tokens(kind, ("<unk>", "a", "b"))
    spec: dict[str, Any] = {"name": "reads", "layers": [{"cell": "rnn", "hidden_size": 2, "directions": ["forward"]}]}
    if tokens is None:
        return build_network(spec | {"input_size": 2})
    vocabulary = None if kind == "bytes" else list(tokens.vocabulary)
    return build_network(spec | {"tokens": {"kind": kind, "vocabulary": vocabulary}, "embedding_size": 2})


def whole(data: bytes, network: Network) -> Sequence:
    """Return what a file of these bytes is, as one sequence."""
    text = text_of(data, WHERE)
    source = text if network.tokens is not None else csv_series(text.content, WHERE)
    return Sequences(source, network, whole=True)[0]


def why_refused(data: bytes, network: Network) -> str:
    try:
        whole(data, network)
    except UserError as error:
        return str(error)
    return ""


def pieces_of(data: bytes, cuts: Items[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:stop] for start, stop in pairwise(places)]


def arrived(pieces: Items[bytes], network: Network) -> tuple[Sequence | None, str]:
    """Return all that arrived, and what was wrong in the end."""
    source, found = Arriving(network), None
    for more in [*(source.feed(piece) for piece in pieces), source.end()]:
        if more is not None:
            assert len(more)
            found = more if found is None else found.followed_by(more)
    return found, str(source.error or "")


def same(one: Sequence, other: Sequence) -> bool:
    numbers = [np.array_equal(a, b, equal_nan=True) if a is not None and b is not None else a is b
               for a, b in ((one.ids, other.ids), (one.x, other.x))]  # fmt: skip
    return one.tokens == other.tokens and one.unknown == other.unknown and all(numbers) and one.columns == other.columns


@settings(max_examples=400, deadline=None)
@given(TEXTS, st.sampled_from(KINDS), st.lists(st.integers(0, 200), max_size=6))
def test_a_text_has_the_tokens_of_a_file_of_it(text: str, kind: Kind, cuts: list[int]) -> None:
    data, network = text.encode(), reading(kind)
    if why_refused(data, network):  # blank: a file of it is refused, and a text that goes on is not
        return
    expected = whole(data, network)
    found, error = arrived(pieces_of(data, cuts), network)
    if not len(expected):
        assert found is None
        return
    assert not error
    assert found is not None
    assert same(found, expected)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=12) | st.lists(st.sampled_from(SIGNS)).map(b"".join), st.sampled_from(KINDS),
       st.lists(st.integers(0, 200), max_size=6))  # fmt: skip
def test_bytes_that_are_no_text_are_refused_at_the_same_place(data: bytes, kind: Kind, cuts: list[int]) -> None:
    once, all_at_once = arrived([data], reading(kind))
    found, error = arrived(pieces_of(data, cuts), reading(kind))
    assert error == all_at_once
    assert (once is None) == (found is None)
    assert once is None or (found is not None and same(once, found))
    refused = why_refused(data, reading(kind))
    assert bool(error) == bool(refused) or "white space" in refused  # which a text that goes on may begin with


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), max_size=5), st.sampled_from("\n\r"), st.sampled_from(",;\t"), st.booleans(),
       st.lists(st.integers(0, 200), max_size=6))  # fmt: skip
def test_rows_are_those_of_a_file(
    rows: list[tuple[str, str]], end: str, between: str, ended: bool, cuts: list[int]
) -> None:
    data = (end.join(between.join(row) for row in rows) + end * ended).encode()
    network = reading(None)
    found, error = arrived(pieces_of(data, cuts), network)
    refused = why_refused(data, network)
    if refused:
        assert error == refused or (error and any(word in refused for word in ("nothing", "header")))
    else:
        assert not error
        assert found is not None
        assert same(found, whole(data, network))


@pytest.mark.parametrize(("text", "kind", "now"), [
    ("The mov", "words", ["The"]),
    ("The movie ", "words", ["The", "movie"]),
    ("don", "words", []), ("don'", "words", []), ("don' ", "words", ["don", "'"]), ("don't.", "words", ["don't", "."]),
    ("a\n", "bytes", ["a"]), ("a\n\n", "bytes", ["a", "\n"]), ("a\r", "chars", ["a"]),
])  # fmt: skip
def test_a_token_is_there_as_soon_as_nothing_can_change_it(text: str, kind: Kind, now: list[str]) -> None:
    more = Arriving(reading(kind)).feed(text.encode())
    assert list(more.tokens if more else ()) == now


def test_a_row_is_there_with_the_end_of_its_line() -> None:
    source = Arriving(reading(None))
    assert source.feed(b"left;right\n1;") is None
    more = source.feed(b"2\n3")
    assert more is not None
    assert more.x is not None
    assert more.x.tolist() == [[1, 2]]
    assert more.columns == ("left", "right")
    assert source.end() is None
    assert str(source.error) == "standard input: line 3 has 1 cell, and those above 2"


@pytest.mark.parametrize(("data", "kind", "said"), [
    (b"", "words", "standard input: ended without a single token"),
    (b" \n", "words", "standard input: ended without a single token"),
    (b"", None, "standard input: ended without a single token"),
    (b"a,b\n", None, "standard input: ended with a header and no row of numbers"),
    (b"1,2,3\n", None, "standard input: has 3 columns, and reads reads 2"),
    (b"a" * 20_000, "words", "standard input: a word of more than 16384 letters: nothing is read after it"),
    (b"caf\xe9 au lait", "bytes", "standard input: byte 4 (line 1) is 0xe9, not UTF-8; save it as UTF-8"),
    (b"\x01" * 2000, "bytes", "standard input: is binary: 100 % of its first bytes are control characters"),
])  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(data: bytes, kind: Kind | None, said: str) -> None:
    for pieces in ([data], [data[:1], data[1:]]):
        assert arrived(pieces, reading(kind))[1] == said


def test_a_line_without_an_end_is_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_decoder, "LONGEST_LINE", 100)
    assert "a line of more than 100 characters" in arrived([b"1," * 100], reading(None))[1]


class Front:
    inputs = ("x",)

    def run(self, arrays: Any) -> Any:
        return arrays["x"]


def said_of(**imported: Any) -> Network:
    return replace(reading("words"), card={"imported": imported})


@pytest.mark.parametrize(("network", "words"), [
    (lambda: open_model("sentiment"), ("backward pass begins at the end of the text, which has not come",
                                       "--model sentiment-forward")),
    (lambda: said_of(pad=["pre", 100]), ("padded or masked", "without --follow")),
    (lambda: said_of(mask_id=0), ("padded or masked", "without --follow")),
    (lambda: said_of(mask_value=0.0), ("padded or masked", "without --follow")),
    (lambda: replace(reading(None), front=Front()), ("array ops below its lowest layer", "without --follow")),
    (lambda: replace(reading("words"), tokens=Tokens("pieces", ("a",), definition="{}")),
     ("splits a text as a whole", "without --follow")),
])  # fmt: skip
def test_a_network_that_needs_the_whole_text_is_refused_with_the_reason(
    network: Callable[[], Network], words: tuple[str, ...]
) -> None:
    with pytest.raises(UserError) as refused:
        Arriving(network())
    assert all(word in str(refused.value) for word in words)
    assert "\n" not in str(refused.value)


def test_an_imported_network_without_padding_can_follow() -> None:
    Arriving(said_of(pad=None, mask_id=None, warnings=["assumed"]))


@settings(max_examples=200, deadline=None)
@given(TEXTS, TEXTS)
def test_what_follows_changes_no_token_that_is_whole(text: str, more: str) -> None:
    for kind in KINDS:
        from lstm_tui.engine.model.tokens import tokenize_begun

        tokens, rest = tokenize_begun(text, kind)
        assert tokens + tokenize(rest + more, kind) == tokenize(text + more, kind)
