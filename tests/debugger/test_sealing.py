"""A debugger that is served to others opens no file for them: tried by the audit events of Python itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from lstm_tui.debugger.commands import dispatch
from lstm_tui.debugger.commands.complete import complete_file
from lstm_tui.debugger.commands.table import VERBS

assert dispatch
PROGRAM = """
import json, sys, os
from lstm_tui.debugger.commands.console import Console
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.commands import dispatch as lines, dispatch as sealing
from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.engine.errors import UserError
from lstm_tui.debugger.commands.table import Leave
from lstm_tui.debugger.source import Source
from lstm_tui.formats.inputs.inputs import text_sequence
from lstm_tui.models.bundled import open_model

network = open_model("tiny")
def typed(line):
    console = Console(Session.open(Source(network, [text_sequence("on wait off wait on", network.tokens)])))
    try:
        console.execute(line)
    except (UserError, Leave):
        pass

if sys.argv[1] == "sealed":
    sealing.seal()
rests = ["", "secret.txt", "./secret.txt", "~/secret.txt", "c[0]", "1", "made.html", "made.ltui over", "secret.txt 1",
         "c > made.txt", "> made.txt", ">> ./made.txt", "c[0] > ./made.txt"]
words = [word for verb in VERBS for word in (verb.name, *verb.aliases)]
for word in words:  # so that whatever is imported late is imported before anything is watched
    for rest in ("", "c[0]", "1"):
        typed(f"{word} {rest}".strip())
touched = []
def look(event, given):
    if event in ("open", "os.listdir", "os.scandir", "os.mkdir", "os.rename", "os.remove", "os.chmod", "os.truncate",
                 "os.system", "os.exec", "subprocess.Popen", "shutil.copyfile", "socket.connect"):
        name = given[0] if given else ""
        if event == "open" and isinstance(name, (str, bytes)):
            text = os.fsdecode(name)
            own = text.endswith((".py", ".pyc", ".nbi", ".nbc", ".toml", ".so"))
            if own and "secret" not in text and "made" not in text:
                return  # of the program itself
        touched.append((event, str(name), current[0]))
current = [""]
sys.addaudithook(look)
for word in words:
    for rest in rests:
        current[0] = f"{word} {rest}"
        typed(f"{word} {rest}".strip())
        session = Session.open(Source(network, [text_sequence("on wait", network.tokens)]))
        current[0] = f"complete {word} {rest}"
        lines.completions(session, f"{word} {rest}")
for line in ("c[0] > ./made.txt", "open('secret.txt')", "print open('secret.txt')", "c.tofile('made.txt')",
             "!cat secret.txt"):
    current[0] = line
    typed(line)
print(json.dumps(touched))
"""


def touched(how: str, folder: Path) -> list[list[str]]:
    (folder / "secret.txt").write_text("next\n")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, how], cwd=folder, capture_output=True, text=True, check=False,
        env={"HOME": str(folder), "PYTHONPATH": ":".join(sys.path), "XDG_STATE_HOME": str(folder / "state")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found: list[list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_no_typed_line_or_completion_touches_a_file_once_it_is_sealed(tmp_path: Path) -> None:
    assert touched("sealed", tmp_path) == []
    assert [path.name for path in tmp_path.iterdir()] == ["secret.txt"]


def test_the_same_lines_do_touch_files_where_they_may_and_by_the_verbs_that_say_so(tmp_path: Path) -> None:
    events = touched("open", tmp_path)
    files = {name for verb in VERBS if verb.touches_files for name in (verb.name, *verb.aliases)}
    lines_of = {line.removeprefix("complete ") for _, _, line in events}
    others = {line for line in lines_of if line.split()[0] not in files and ">" not in line}
    assert others == set()
    assert {line.split()[0] for line in lines_of} & files >= {verb.name for verb in VERBS if verb.touches_files}


def test_a_verb_that_names_a_file_says_that_it_touches_one() -> None:
    for verb in VERBS:
        assert ("FILE" in verb.usage) == verb.touches_files == (verb.complete is complete_file), verb.name
