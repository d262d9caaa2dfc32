"""Standard input that grows: taken as it comes, bounded, and told of when it is over."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lstm_tui.engine.model.network import build_network
from lstm_tui.formats.inputs import stream as module
from lstm_tui.formats.inputs.stream import Incoming
from lstm_tui.formats.inputs.stream_decoder import Arriving

WORDS = build_network({
    "name": "words", "tokens": {"kind": "words", "vocabulary": ["<unk>", "a"]}, "embedding_size": 2,
    "layers": [{"cell": "rnn", "hidden_size": 2, "directions": ["forward"]}],
})  # fmt: skip


@contextmanager
def pipe(most: int = 1000) -> Iterator[tuple[Incoming, Callable[[bytes], object], Callable[[], None]]]:
    """Return what comes by a pipe, what writes into it, and what closes it."""
    there, here = os.pipe()
    closed: list[int] = []

    def close() -> None:
        if not closed:
            closed.append(here)
            os.close(here)

    try:
        yield Incoming.of_descriptor(there, Arriving(WORDS), most).start(), lambda data: os.write(here, data), close
    finally:
        close()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_what_comes_is_taken_piece_by_piece() -> None:
    with pipe() as (coming, write, close):
        assert coming.take() is None
        assert not coming.wait(0.001)
        write(b"one two thr")
        assert coming.wait(20)
        first = coming.take()
        assert first is not None
        assert first.tokens == ("one", "two")
        assert not coming.is_over
        write(b"ee four five ")
        assert coming.wait(20)
        some = coming.take(2)
        assert some is not None
        assert some.tokens == ("three", "four")
        close()
        assert coming.wait(20)
        rest = coming.take()
        assert rest is not None
        assert rest.tokens == ("five",)
        assert not coming.wait(20)
        assert (coming.is_over, coming.is_full, coming.error) == (True, False, "")


def test_an_end_without_a_token_is_an_error() -> None:
    with pipe() as (coming, _, close):
        close()
        assert not coming.wait(20)
        assert coming.is_over
        assert coming.error == "standard input: ended without a single token"


def test_an_error_is_told_once_what_was_before_it_is_taken() -> None:
    with pipe() as (coming, write, _):
        write(b"one two \xff three")
        assert coming.wait(20)
        until(lambda: coming._over)
        assert not coming.is_over
        assert coming.error == ""
        assert coming.take() is not None
        assert coming.is_over
        assert "0xff, not UTF-8" in coming.error


def test_no_more_is_taken_than_can_be_held_and_the_pipe_waits() -> None:
    with pipe(most=5) as (coming, write, _):
        write(b"a " * 30)
        assert coming.wait(20)
        assert [len(part) for part in (coming.take(3), coming.take()) if part is not None] == [3, 2]
        assert (coming.take(), coming.is_full, coming.is_over, coming.error) == (None, True, True, "")
        assert not coming.wait(20)
        assert "5 tokens are all that is held" in coming.full_words


def test_a_flood_is_read_no_further_ahead_than_is_taken() -> None:
    reads = []

    def flood(size: int) -> bytes:
        reads.append(size)
        return b"a " * (size // 2)

    coming = Incoming(flood, Arriving(WORDS), 10**9).start()
    until(lambda: coming._ahead() >= module._AHEAD)
    count = len(reads)
    threading.Event().wait(0.05)
    assert len(reads) == count
    assert coming.take(5000) is not None
    until(lambda: len(reads) > count)
    coming.stop("enough")
    assert (coming.take(), coming.is_over, coming.is_full, coming.error) == (None, True, False, "enough")


def test_an_input_that_cannot_be_read_is_told_of() -> None:
    def broken(size: int) -> bytes:
        raise OSError(5, "Input/output error")

    coming = Incoming(broken, Arriving(WORDS), 10).start()
    assert not coming.wait(20)
    assert coming.error == "standard input: cannot be read: input/output error"
