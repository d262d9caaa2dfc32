"""What stands behind an option and means nothing is refused with exit code 2, whatever the command and the option."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from saved_arrays import savez

from lstm_tui.cli.arguments import whole_parser
from lstm_tui.cli.main import main
from lstm_tui.cli.options import GOES_WITH

PARSERS: Mapping[str, argparse.ArgumentParser] = whole_parser().commands
TEXT = ["t.txt", "--model", "tiny"]
RUNS: dict[str, list[str]] = {
    "run": [*TEXT, "--plain"],
    "check": [*TEXT, "--assert", "all(c < 99)"],
    "find": [*TEXT, "--gates"],
    "trace": TEXT,
    "compare": ["t.txt", "--model", "tiny", "--model", "tiny", "--plain"],
    "train": ["t.txt", "-o", "n.safetensors", "--epochs", "1"],
    "inspect": ["tiny"],
    "verify": ["tiny", "--reference", "r.npz"],
    "stream": ["r.npz", "--model", "tiny"],
    "convert": ["tiny", "-o", "n.safetensors"],
    "stats": TEXT,
    "reach": TEXT,
    "worksheet": TEXT,
    "report": TEXT,
    "figure": TEXT,
    "open": ["t.json", "--plain"],
    "tour": ["--list"],
}
"""How each command is called besides; others have no option that takes a text."""
INSTEAD = {
    ("find", "--like"): ["t.txt", "--model", "tiny"],
    ("find", "--where"): ["t.txt", "--model", "tiny"],
    ("find", "--follows"): ["t.txt", "--model", "tiny"],
    ("find", "--value"): [*TEXT, "--follows", "not"],
    **{(name, "--layer"): ["s.csv", "--model", "tiny"] for name in RUNS},
    **{(name, "--without"): ["t.txt", "--cell", "lstm", "--hidden", "2"] for name in RUNS},
    ("compare", "--layer"): ["s.csv", "--model", "tiny", "--model", "tiny", "--plain"],
    ("compare", "--without"): ["t.txt", "--cell", "lstm", "--hidden", "2", "--edits", "e.txt", "--plain"],
    ("convert", "--layer"): RUNS["convert"],
    ("run", "--layer"): ["s.csv", "--model", "tiny", "--plain"],
    ("run", "--without"): ["t.txt", "--cell", "lstm", "--hidden", "2", "--plain"],
    ("train", "--without"): RUNS["train"],
    ("stream", "--classes"): ["s.npz", "--model", "tiny"],
    ("check", "--layer"): ["s.csv", "--model", "tiny", "--assert", "all(c < 99)"],
    ("check", "--without"): ["t.txt", "--cell", "lstm", "--hidden", "2", "--assert", "all(c < 99)"],
    ("find", "--layer"): ["s.csv", "--model", "tiny", "--gates"],
    ("find", "--without"): ["t.txt", "--cell", "lstm", "--hidden", "2", "--gates"],
}
"""Where an option goes with other words than those."""
FILES = {
    "--model", "--map", "--vocabulary", "--initial", "--edits", "--log", "-x", "--checks", "--resume", "--junit",
    "--labels", "--index", "--reference", "--beside", "--write-map", "--into",
}  # fmt: skip
"""Options that name a file: that it is not there, or another, is told with 1."""
ANYTHING = {"--title", "--tag", "--scheduler", "--host", "--allow-host", "--network"}
"""Options whose text may be anything: words of a picture, a label of a file, an address, a name in a file."""
NONSENSE = "(qq"


def cases() -> list[tuple[str, str]]:
    found = []
    for name in RUNS:
        for action in PARSERS[name]._actions:
            long = [word for word in action.option_strings if word.startswith("--")] or list(action.option_strings)
            takes = action.nargs != 0 and not isinstance(action, argparse._HelpAction)
            if long and takes and not {*action.option_strings} & (FILES | ANYTHING):
                found.append((name, long[-1]))
    return found


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("usage")
    (made / "t.txt").write_text("he likes pizza .\n")
    (made / "s.csv").write_text("1,2\n3,4\n")
    (made / "e.txt").write_text("remove 1\n")
    assert main(["trace", str(made / "t.txt"), "--model", "tiny", "-o", str(made / "t.json")]) == 0
    savez(made / "r.npz", {"input": np.array([1, 2]), "layer0.forward/h": np.zeros((2, 2), np.float32)})
    savez(made / "s.npz", {"input": np.array([[1, 2]]), "output": np.zeros((1, 2), np.float32)})
    return made


def said(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    try:
        code = main(arguments)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    return code, capsys.readouterr().err


def words_of(name: str, option: str) -> list[str]:
    """Return how a command is called but for an option."""
    words = list(INSTEAD.get((name, option), RUNS[name]))
    mine = next(set(action.option_strings) for action in PARSERS[name]._actions if option in action.option_strings)
    for word in mine & set(words):
        if word != "--model":
            del words[words.index(word) : words.index(word) + 2]
    return words


@pytest.mark.parametrize(("name", "option"), cases())
def test_what_means_nothing_behind_an_option_is_refused_with_2(
    name: str, option: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    code, text = said([name, *words_of(name, option), option, NONSENSE], monkeypatch, capsys)
    assert code == 2, text
    assert text.strip(), "and is told"


@pytest.mark.parametrize(
    "arguments",
    [
        ["trace", *TEXT, "--steps", "90:95"],
        ["trace", *TEXT, "--units", "90:95"],
        ["trace", "many", "--model", "tiny", "--values", "qq", "-o", "into/"],
        ["check", "many", "--model", "tiny", "--assert", "all(c < 99)", "--pass", "qq"],
        ["report", *TEXT, "--steps", "90:95"],
        ["report", *TEXT, "--units", "90:95"],
        ["worksheet", *TEXT, "--steps", "90:95"],
        ["figure", *TEXT, "--steps", "90:95"],
        ["figure", *TEXT, "--unit", "99"],
        ["find", *TEXT, "--gates", "--unit", "99"],
        ["run", *TEXT, "--plain", "--line", "99"],
        ["stats", "t.txt", "--network", "other"],
        ["stats", "t.txt", "--map", "m.toml"],
    ],
)
def test_what_is_not_there_for_an_option_is_refused_with_2(
    arguments: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    (folder / "many").mkdir(exist_ok=True)
    for n in range(2):
        (folder / "many" / f"{n}.txt").write_text("he likes pizza .\n")
    code, text = said(arguments, monkeypatch, capsys)
    assert code == 2, text
    assert text.strip().count("\n") <= 2
    assert "lstm-tui" in text


@pytest.mark.parametrize("name", sorted(set(RUNS) - {"verify", "stream", "open"}))
def test_the_same_without_the_nonsense_is_not_refused(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    code, text = said([name, *RUNS[name]], monkeypatch, capsys)
    assert code != 2, text


QUESTIONS = {"like": ["c @ 0:2"], "where": ["c[0] > 9"], "gates": [], "follows": ["he"], "labels": ["l.tsv"]}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("option", GOES_WITH)
def test_an_option_that_means_nothing_to_a_question_is_refused_and_not_ignored(
    option: str, question: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    (folder / "l.tsv").write_text("he\t1\nlikes\t0\npizza\t0\n.\t1\n")
    value = {"--line": "1", "--tag": "1", "--value": "c"}.get(option, "1" if option == "--unit" else "19")
    code, text = said(["find", *TEXT, f"--{question}", *QUESTIONS[question], option, value], monkeypatch, capsys)
    assert (code == 2) is (question not in GOES_WITH[option][1]), text
    assert code != 2 or f"{option} goes with" in text
