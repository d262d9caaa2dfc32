"""A session that was saved is opened again by one command, from anywhere; what has changed since is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstm_tui.cli import main
from lstm_tui.cli.arguments import parse
from lstm_tui.cli.source import command_of
from lstm_tui.engine.model.tokens import Tokens
from lstm_tui.formats.importers.native import save
from lstm_tui.formats.importers.untrained import Untrained, untrained

SCRIPT = """line 2
break "not"
watch c[1] by .01
remove 0
branch short
undo
insert 1 "very"
display mean(h)
goto 2
save work.ltui over
"""
SHOWN = "info break\ninfo frame\nbranch\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_network(0)
    Path("t.txt").write_text("It was good\nThe movie was not bad\n")
    Path("make.ltui").write_text(SCRIPT)
    Path("shown.ltui").write_text(SHOWN)
    assert main(["run", "t.txt", "--model", "n.safetensors", "--batch", "-x", "make.ltui"]) == 0
    return tmp_path


def write_network(seed: int) -> None:
    tokens = Tokens("words", ("<unk>", "The", "movie", "was", "not", "bad", "It", "good", "very"))
    save(untrained(Untrained(hidden=4, bidirectional=True, seed=seed), tokens), "n.safetensors")


def opened(capsys: pytest.CaptureFixture[str], path: str = "work.ltui", shown: str = "shown.ltui") -> tuple[int, str]:
    capsys.readouterr()
    code = main(["open", path, "--batch", "-x", shown])
    said = capsys.readouterr()
    return code, said.out + said.err


def test_it_is_the_same_session_from_any_folder(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["run", "t.txt", "--model", "n.safetensors", "--batch", "-x", "make.ltui", "-x", "shown.ltui"]) == 0
    before = capsys.readouterr().out.partition("written to work.ltui\n")[2]
    assert before.count("\n") > 6
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    code, said = opened(capsys, "../work.ltui", "../shown.ltui")
    assert code == 0
    assert said.startswith("work.ltui resumed: 1 edit (1 more not in force), 2 stops\n")
    assert said.endswith(before)
    assert "[short]" in before
    assert "line 2 of 2" in before


def test_a_network_or_a_text_that_changed_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    write_network(1)
    assert "; the network changed since this was saved" in opened(capsys)[1]
    Path("t.txt").write_text("It was good\nThe film was not bad\n")
    assert "; the network and the input changed since this was saved" in opened(capsys)[1]
    Path("t.txt").write_text("It was good\nnot\n")
    code, said = opened(capsys)
    assert code == 1
    assert "work.ltui:" in said
    assert "(the network and the input changed since this was saved)" in said
    Path("n.safetensors").unlink()
    code, said = opened(capsys)
    assert (code, said.count("\n")) == (1, 1)
    assert "n.safetensors" in said


def test_other_line_is_saved_with_its_number() -> None:
    text = Path("work.ltui").read_text()
    assert f"# command: run {Path('t.txt').resolve()} --model {Path('n.safetensors').resolve()} --line 2\n" in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("remove 0", "save-edits stolen.txt"), "`save-edits` is no part of a session"),
        (("remove 0", "source make.ltui"), "`source` is no part of a session"),
        (("remove 0", "!ls"), "`!ls` is no part of a session"),
        (("# command: run", "# command: train"), "its command cannot be executed"),
        (("# command: run", "# command: run -x make.ltui"), "is no plain `run FILE`"),
        (("# command: run", "# command: trace -o stolen.txt"), "is no plain `run FILE`"),
        (("# command: run", "# command: run --nonsense \x1b]0;x\x07"), "its command cannot be executed: "),
        (("# command: run", '# command: run "'), "a quote that is not closed"),
        (("# command:", "# order:"), "does not say what to open"),
        (("# lstm-tui session", "# something"), "is no session"),
    ],
)
def test_a_stranger_s_session_does_nothing_but_open(
    change: tuple[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = Path("work.ltui").read_text()
    assert change[0] in text
    Path("bad.ltui").write_text(text.replace(*change))
    code, reply = opened(capsys, "bad.ltui")
    assert code == 1
    assert said in reply
    assert "\x1b" not in reply
    assert reply.count("\n") == 1
    assert not Path("stolen.txt").exists()


def test_how_it_was_shown_is_no_part_of_it() -> None:
    assert command_of(parse(["run", "nowhere.txt", "--light", "--whole", "-x", "s", "-xs"])) == (
        "run", "nowhere.txt", "--whole",
    )  # fmt: skip
