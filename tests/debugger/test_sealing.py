"""A debugger that is served to others opens no file for them: tried by the audit events of Python itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from present import present

from lstm_tui.debugger.commands import dispatch
from lstm_tui.debugger.commands.complete import complete_file
from lstm_tui.debugger.commands.console import Console
from lstm_tui.debugger.commands.table import VERBS, Leave
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.inputs.inputs import text_sequence
from lstm_tui.models.bundled import open_model

EVENTS = frozenset(
    ("open", "os.listdir", "os.scandir", "os.mkdir", "os.rename", "os.remove", "os.chmod", "os.truncate", "os.system",
     "os.exec", "subprocess.Popen", "shutil.copyfile", "socket.connect")
)  # fmt: skip
OWN = (".py", ".pyc", ".nbi", ".nbc", ".toml", ".so")
"""Files of the program itself."""
RESTS = ("", "secret.txt", "./secret.txt", "~/secret.txt", "c[0]", "1", "made.html", "made.ltui over", "secret.txt 1",
         "c > made.txt", "> made.txt", ">> ./made.txt", "c[0] > ./made.txt")  # fmt: skip
LINES = ("c[0] > ./made.txt", "open('secret.txt')", "print open('secret.txt')", "c.tofile('made.txt')",
         "!cat secret.txt")  # fmt: skip
NETWORK = open_model("tiny")


class Watch:
    """Notes what touches a file, and by which line; an audit hook of Python stays for ever, so there is one."""

    def __init__(self) -> None:
        self.line: str | None = None
        self.touched: list[tuple[str, str, str]] = []
        sys.addaudithook(self._look)

    def _look(self, event: str, given: tuple[Any, ...]) -> None:
        if self.line is None or event not in EVENTS:
            return
        name = os.fsdecode(given[0]) if given and isinstance(given[0], str | bytes) else str(given[:1])
        own = event == "open" and name.endswith(OWN) and "secret" not in name and "made" not in name
        if not own:
            self.touched.append((event, name, self.line))


@pytest.fixture(scope="module")
def watch() -> Watch:
    return Watch()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a secret, which is home and where the debugger works; verbs are afterwards as they were."""
    (tmp_path / "secret.txt").write_text("next\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    verbs = tuple(VERBS)
    yield tmp_path
    for verb in verbs:
        VERBS.change(verb)


def words() -> list[str]:
    return [word for verb in VERBS for word in (verb.name, *verb.aliases)]


def opened(text: str = "on wait off wait on") -> Session:
    return Session.open(Source(NETWORK, [text_sequence(text, present(NETWORK.tokens))]))


def typed(line: str, console: Console) -> None:
    with suppress(UserError, Leave):
        console.execute(line)


def touched(watch: Watch) -> list[tuple[str, str, str]]:
    """Return what every verb touches, whatever stands behind it: the event, the file and the line."""
    for word in words():  # so that whatever is imported late is imported before anything is watched
        console = Console(opened())
        for rest in ("", "c[0]", "1"):
            typed(f"{word} {rest}".strip(), console)
    session = opened("on wait")
    watch.touched = []
    try:
        for word in words():
            console = Console(opened())
            for rest in RESTS:
                watch.line = f"{word} {rest}"
                typed(f"{word} {rest}".strip(), console)
                watch.line = f"complete {word} {rest}"
                dispatch.completions(session, f"{word} {rest}")
        for line in LINES:
            watch.line = line
            typed(line, Console(opened()))
    finally:
        watch.line = None
    return watch.touched


def test_no_typed_line_or_completion_touches_a_file_once_it_is_sealed(watch: Watch, place: Path) -> None:
    dispatch.seal()
    assert touched(watch) == []
    assert [path.name for path in place.iterdir()] == ["secret.txt"]


@pytest.mark.long
def test_the_same_lines_do_touch_files_where_they_may_and_by_the_verbs_that_say_so(watch: Watch, place: Path) -> None:
    events = touched(watch)
    files = {name for verb in VERBS if verb.touches_files for name in (verb.name, *verb.aliases)}
    lines_of = {line.removeprefix("complete ") for _, _, line in events}
    others = {line for line in lines_of if line.split()[0] not in files and ">" not in line}
    assert others == set()
    assert {line.split()[0] for line in lines_of} & files >= {verb.name for verb in VERBS if verb.touches_files}


def test_a_verb_that_names_a_file_says_that_it_touches_one() -> None:
    for verb in VERBS:
        assert ("FILE" in verb.usage) == verb.touches_files == (verb.complete is complete_file), verb.name
