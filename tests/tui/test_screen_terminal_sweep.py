"""Every key and every verb in a real terminal: the program is there afterwards, and Escape leads back to its screen.

What Textual does in a real terminal depends on the Python (its eager tasks since 3.12), so this is run on each.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pty_screen import Screen
from textual.keys import _character_to_key

from lstm_tui.debugger.commands.dispatch import VERBS
from lstm_tui.debugger.commands.table import Verb
from lstm_tui.tui.commands import COMMANDS, Command

MARK = "mark{}mark"
ARROWS = {"up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D"}
TYPED = {_character_to_key(chr(code)): chr(code) for code in range(32, 127)} | ARROWS
ENDS = ("quit",)


class Sweep:
    """One program, and how often it was seen to be well."""

    def __init__(self, folder: Path) -> None:
        (folder / "t.txt").write_text("The movie was not bad at all .\nIt was good .\n")
        words = [sys.executable, "-m", "lstm_tui", "run", "t.txt"]
        self.screen = Screen(words, cwd=str(folder), XDG_STATE_HOME=str(folder / "state"), HOME=str(folder))
        self.screen.until("7 output", 60)
        self.marks = 0

    def send(self, keys: str) -> None:
        self.screen.child.send(keys)

    def is_well(self) -> None:
        """Leave whatever is open, and see that the main screen takes the next line."""
        self.marks += 1
        mark = MARK.format(self.marks)
        self.send("\x1b" * 4 + ":" + mark)
        self.screen.until(mark, 30)
        self.send("\x1b")
        self.screen.until(mark, 30, gone=True)
        self.send("7")  # the pane whose place another may have taken
        self.screen.until("7 output", 30)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sweep]:
    one = Sweep(tmp_path_factory.mktemp("sweep"))
    yield one
    one.send("q")
    assert one.screen.end() == 0
    one.screen.left_in_order()


@pytest.mark.slow
@pytest.mark.parametrize("command", [one for one in COMMANDS if one.word not in ENDS], ids=lambda one: one.action)
def test_a_key_opens_nothing_that_escape_does_not_leave(sweep: Sweep, command: Command) -> None:
    for key in command.keys:
        typed = TYPED.get(key) or key.removeprefix("shift+").upper()
        assert len(typed) == 1 or key in ARROWS, f"how is {key} typed?"
        sweep.send(typed)
        sweep.is_well()


@pytest.mark.slow
@pytest.mark.parametrize("verb", [one for one in VERBS if one.name not in ENDS], ids=lambda one: one.name)
def test_a_verb_is_answered_alone_and_with_what_it_takes(sweep: Sweep, verb: Verb) -> None:
    sweep.send(f":{verb.name}\r" + "\x1b" * 4 + f":{verb.example or verb.usage}\r")
    sweep.is_well()
