"""The session line by line, its scripts and exit codes; assertions over files."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from argparse import Namespace
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

import lstm_tui
from lstm_tui.cli import main
from lstm_tui.cli import plain as plain_mode

MODEL = ["--model", "sentiment"]
TEXT = "The movie was not bad.\n\nIt was good, not bad.\nA film.\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.txt").write_text(TEXT)
    return tmp_path


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_a_session_is_typed_and_answered(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    typed(monkeypatch, 'b "not"', "c", "", "# nothing", "p t", "n", "quit", "p 1")
    assert main(["run", "t.txt", "--plain", *MODEL]) == 0
    assert said(capsys) == [
        "sentiment, t.txt:1, 6 tokens; `help` lists the verbs",
        "t=0 “The”, layer0.forward",
        'breakpoint 1: token == "not", in layer0.forward',
        'breakpoint 1: token == "not"',
        "t=3 “not”, layer0.forward",
        "$1 = t = 3",
        "t=4 “bad”, layer0.forward",
    ]


def test_a_mistake_stands_under_the_expression_and_the_session_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, "p mean(ff)", "nonsense", "p 2")
    assert main(["run", "t.txt", "--plain", *MODEL]) == 1
    told = capsys.readouterr()
    lines = told.out.splitlines()[:2] + told.err.splitlines() + told.out.splitlines()[2:]
    assert lines[2:4] == ["  mean(ff)", "       ^ layer0.forward has no value ff; did you mean f?"]
    assert lines[4].startswith("there is no verb `nonsense`")
    assert lines[5] == "$1 = 2 = 2"


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (("p 2", "n"), 0),
        (("p nosuch", "n"), 1),
        (("n", "p nosuch"), 1),
        (("p nosuch", "quit"), 1),
        (("assert mean(f) > 9", "n"), 3),
        (("p nosuch", "assert mean(f) > 9"), 3),
        (("p 2 > nowhere/f.txt", "n"), 1),
        (('b "not"', "c"), 0),
    ],
)
def test_mistakes_through_a_pipe_are_told_apart_and_counted(
    lines: tuple[str, ...], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, *lines, *(() if "quit" in lines else ("p 41 + 1",)))
    assert main(["run", "t.txt", "--plain", *MODEL]) == code
    told = capsys.readouterr()
    assert bool(told.err) == bool(code)
    assert "quit" in lines or "= 42" in told.out


@pytest.mark.parametrize(
    ("lines", "code"), [(('until "not"',), 0), (("until 3",), 0), (('b "not"', "c"), 3), (('tbreak "not"', "run"), 3)]
)
def test_in_batch_a_breakpoint_is_a_stop_and_a_place_asked_for_is_none(lines: tuple[str, ...], code: int) -> None:
    Path("s.ltui").write_text("\n".join(lines))
    assert main(["run", "t.txt", "-x", "s.ltui", "--batch", *MODEL]) == code


def test_a_reply_goes_to_a_file_and_a_comparison_does_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(
        monkeypatch, "p t > out.txt", "p mean(f) >> out.txt", "p t > -.5", "p f[0] > layer0.forward.f[1]",
        "p 1 > no/such/folder", "p t > run2.txt", "p mean(f) > layer0.forwrd", 'p t > "a b.txt"', "p t >'c d.txt'",
    )  # fmt: skip
    assert main(["run", "t.txt", "--plain", *MODEL]) == 1
    told = capsys.readouterr()
    lines, wrong = told.out.splitlines()[2:], told.err.splitlines()
    assert lines[:2] == ["1 line written to out.txt"] * 2
    assert lines[2] == "$3 = t > -.5 = true"
    assert lines[3].startswith("$4 = f[0] > layer0.forward.f[1] = ")
    assert wrong[0] == "no/such/folder: cannot be written: No such file or directory"
    assert (folder / "out.txt").read_text().startswith("$1 = t = 0\n$2 = mean(f) = 0.")
    assert lines[4] == "1 line written to run2.txt"
    assert "layer0.forwrd" in wrong[1]  # a pass in the wrong letters is no file
    assert lines[-2:] == ["1 line written to a b.txt", "1 line written to c d.txt"]
    assert sorted(one.name for one in folder.iterdir()) == ["a b.txt", "c d.txt", "out.txt", "run2.txt", "t.txt"]


@pytest.mark.parametrize(
    ("script", "code", "said_last"),
    [
        ("p 1\nn\n", 0, "t=1 “movie”, layer0.forward"),
        ('b "not"\nc\n', 3, "t=3 “not”, layer0.forward"),
        ("assert mean(f) < 1\n", 0, "mean(f) < 1 holds at every step"),
        ("assert mean(f) > 1\np 7\n", 3, None),
        ("p ff\np 7\n", 1, None),
        ("quit\np 7\n", 0, None),
    ],
)
def test_a_script_in_batch_ends_with_the_code_of_what_happened(
    folder: Path, capsys: pytest.CaptureFixture[str], script: str, code: int, said_last: str | None
) -> None:
    (folder / "s.ltui").write_text(script)
    assert main(["run", "t.txt", "--batch", "-x", "s.ltui", *MODEL]) == code
    output = capsys.readouterr()
    lines = output.out.splitlines()
    assert lines[-1] == (said_last or "t=0 “The”, layer0.forward")
    assert ("s.ltui:1: " in output.err) == (code == 1 or "assert mean(f) > 1" in script)


def test_after_a_script_the_session_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "s.ltui").write_text("n\nn\n")
    typed(monkeypatch, "p t")
    assert main(["run", "t.txt", "-x", "s.ltui", *MODEL]) == 0
    assert said(capsys)[-1] == "$1 = t = 2"


def test_edits_and_lines_are_those_of_the_options(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "e.txt").write_text('replace 2 "great"\n')
    typed(monkeypatch, "p token", "undo", "p token")
    assert main(["run", "t.txt", "--plain", "--line", "3", "--edits", "e.txt", *MODEL]) == 0
    assert [line for line in said(capsys) if "= token" in line] == ["$1 = token = “It”", "$2 = token = “It”"]
    with pytest.raises(SystemExit) as error:
        main(["run", "t.txt", "--batch", *MODEL])
    assert error.value.code == 2


def test_nothing_a_stranger_wrote_is_obeyed_by_the_terminal(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.txt").write_text("good \x1b]52;c;aGk=\x07 \u202eabc \x9b2J not\n")
    typed(
        monkeypatch, "p token", "n", "p token", "display token", "n", "list", "b 2", "info b",
        'b "\x1b]0;x"', "find \x1b",
        'who "\x1b"', "p \x1b", "watch token", "c", "replace 0 \"\x1b[2J\"", "edits", "branch", "diff", "p 1 > \x1b/x",
    )  # fmt: skip
    assert main(["run", "bad.txt", "--plain", *MODEL]) == 1
    output = capsys.readouterr()
    assert not set(output.out + output.err) & {"\x1b", "\x07", "\x9b", "\u202e"}


def test_a_trace_file_is_opened_line_by_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = ["trace", "t.txt", "--line", "1", "--cell", "lstm", "--hidden", "4"]  # no network is found for it again
    assert main([*made, "-o", "whole.json"]) == 0
    assert main([*made, "--values", "c,h", "-o", "part.json"]) == 0
    for name in ("whole.json", "part.json"):
        typed(monkeypatch, 'b "not"', "c", "p mean(c) > -9", "who c[0]", "p f", "info values", "list", "b c", "rc")
        assert main(["open", name, "--plain"]) == int(name == "part.json")
        told = capsys.readouterr()
        lines = told.out.splitlines()
        assert "t=3 “not”, layer0.forward" in lines
        assert "$1 = mean(c) > -9 = true" in lines
        assert any(line.startswith("c[0] moved by ") for line in lines)
        assert ("$2 = f =" in lines) == (name == "whole.json")
        assert ("  ^ layer0.forward has no value f" in told.err) == (name == "part.json")
        assert lines[-1] == "t=3 “not”, layer0.forward, after `c = f * c + i * g`"


def test_what_holds_on_every_line_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "t.txt", *MODEL, "--assert", "not any(isnan(c))", "--assert", 'mean(f, at="not") > 0']) == 0
    lines = said(capsys)
    assert lines[0].split() == ["assertion", "held", "failed", "not", "asked"]
    assert lines[1].split()[-3:] == ["3", "0", "0"]
    assert lines[2].split()[-3:] == ["2", "0", "1"]


def test_what_fails_is_told_with_file_line_and_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "t.txt", "t.txt", *MODEL, "--assert", 'token != "bad"']) == 3
    lines = said(capsys)
    assert lines[0] == 't.txt:1: token != "bad" fails at t=4 “bad”: token = “bad”'
    assert lines[1] == 't.txt:3: token != "bad" fails at t=5 “bad”: token = “bad”'
    assert lines[2:4] == lines[:2]
    assert lines[-1].split()[-3:] == ["2", "4", "0"]
    assert main(["check", "t.txt", *MODEL, "--line", "4", "--assert", 'token != "bad"']) == 0


def test_a_wrong_assertion_is_shown_at_its_column(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "t.txt", *MODEL, "--assert", "mean(ff) > 1"]) == 2
    assert capsys.readouterr().err.splitlines()[1:] == [
        "  mean(ff) > 1",
        "       ^ layer0.forward has no value ff; did you mean f?",
    ]
    assert main(["check", "t.txt", *MODEL, "--assert", 'mean(f, at="zebra") > 1']) == 1
    assert "was asked of none of 3 lines" in capsys.readouterr().err
    assert main(["check", "t.txt", *MODEL, "--pass", "layer0.backwards", "--assert", "t < 99"]) == 2
    assert "did you mean layer0.backward?" in capsys.readouterr().err


def test_the_plain_mode_needs_no_screen() -> None:
    code = "import sys; from lstm_tui.cli import main; print(main(sys.argv[1:]), 'textual' in sys.modules)"
    arguments = ["run", "t.txt", "--plain", "--cell", "lstm", "--hidden", "3"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], input="p t\n", capture_output=True, text=True, check=True, timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(lstm_tui.__file__).parent.parent)},
    )  # fmt: skip
    assert done.stdout.splitlines()[-2:] == ["$1 = t = 0", "0 False"]


def test_one_token_is_counted_as_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Path("one.txt").write_text("good\n")
    typed(monkeypatch, "quit")
    assert main(["run", "one.txt", "--plain", *MODEL]) == 0
    assert said(capsys)[0] == "sentiment, one.txt:1, 1 token; `help` lists the verbs"


@pytest.mark.parametrize("is_terminal", [False, True])
@pytest.mark.parametrize("file", ["-", "text.txt"])
@pytest.mark.parametrize("is_watched", [False, True])
def test_ctrl_c_is_an_interruption_for_whoever_types_and_else_the_end(
    is_terminal: bool, file: str, is_watched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    watching = SimpleNamespace(talk=lambda *descriptors: nullcontext(descriptors))
    monkeypatch.setattr(plain_mode, "watch", lambda: watching if is_watched else None)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: is_terminal))
    with plain_mode._interruptible(Namespace(file=file)) as descriptors:
        types = is_terminal or file == "-"
        assert descriptors == (((0,) if is_terminal else ()) if is_watched and types else None)
