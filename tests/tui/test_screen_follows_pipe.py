"""A pipe that floods, in a real terminal: keys are answered all the while, and `q` leaves at once."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from pty_screen import Screen

PROGRAM = f"{sys.executable} -m lstm_tui run - --follow"


@pytest.fixture
def flooded(request: pytest.FixtureRequest) -> Iterator[Screen]:
    screen = Screen(["/bin/sh", "-c", f"{request.param} | {PROGRAM} --cell gru --hidden 8"])
    yield screen
    screen.child.close(force=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "flooded", ["yes 'they like music .'", "cat /dev/zero | tr '\\0' 'a'"], indirect=True, ids=["lines", "one line"]
)
def test_keys_are_answered_while_a_producer_floods(flooded: Screen) -> None:
    flooded.until("live ")
    for _ in range(3):
        flooded.child.send("?")
        flooded.until("esc closes")
        flooded.child.send("\x1b")
        flooded.until("esc closes", gone=True)
    flooded.child.send("N")
    flooded.until(" new ")
    flooded.child.send("G")
    flooded.until("live ")
    flooded.child.send("q")
    assert flooded.end() == 0
    flooded.left_in_order()
