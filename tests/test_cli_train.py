"""`lstm-tui train`: it learns, it can be interrupted and gone on with, and what it writes opens."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from present import present
from registries import sampled
from safetensors.numpy import load_file

import lstm_tui
from lstm_tui.cli import main
from lstm_tui.cli.arguments import parse
from lstm_tui.cli.train_options import TWO_PARTS
from lstm_tui.cli.training import job_of
from lstm_tui.formats.importers.native import load, read_header
from lstm_tui.formats.traces.trace_file import read
from lstm_tui.models import bundled_names
from lstm_tui.models.build import recipe
from lstm_tui.models.bundled import open_model
from lstm_tui.models.checkpoint import checkpoint_of

SMALL = ["--hidden", "8", "--embedding", "6"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    chance = random.Random(0)
    stories = [[who, *chance.choices(["so", "very"], k=2), who] for who in chance.choices(["ann", "bob"], k=120)]
    (tmp_path / "echo.txt").write_text("".join(" ".join(words) + "\n" for words in stories))
    lines = []
    for _ in range(120):
        label, word = chance.choice([("good", "lovely"), ("bad", "awful")])
        words = chance.choices(["the", "film", "was", "so"], k=4)
        lines.append(f"{label}\t{' '.join([*words, word, *words[:2]])}\n")
    (tmp_path / "m.tsv").write_text("label\ttext\n" + "".join(lines))
    rows = "".join(f"{np.sin(0.5 * t):.4f},{np.cos(0.5 * t):.4f}\n" for t in range(400))
    (tmp_path / "w.csv").write_text("a,b\n" + rows)
    return tmp_path


def train(*arguments: str) -> int:
    return main(["train", *arguments, *SMALL])


def card(file: str) -> dict[str, Any]:
    found: dict[str, Any] = read_header(file)["card"]
    return found


def test_a_word_is_remembered_and_the_network_opens(capsys: pytest.CaptureFixture[str]) -> None:
    assert train("echo.txt", "-o", "e.safetensors", "--epochs", "25", "--rate", "0.03", "--batch", "8") == 0
    output = capsys.readouterr().out.splitlines()
    assert output[0].startswith("e.safetensors: lstm that says the next word of echo.txt; ")
    assert len([line for line in output if line.startswith("epoch")]) == 25
    assert output[-1] == "open it: lstm-tui run echo.txt --model e.safetensors"
    assert main(["trace", "echo.txt", "--model", "e.safetensors", "-o", "e.json"]) == 0
    trace = read("e.json")
    network = load("e.safetensors")
    assert network.tokens is not None
    said = np.array(trace.output)[-2]  # after the third word, of which the fourth follows
    assert network.tokens.vocabulary[int(said.argmax())] == trace.sequence.tokens[0]
    assert said.max() > 0.95
    assert not list(Path().glob("*.checkpoint"))


@pytest.mark.parametrize("more", [[], ["--cell", "gru", "--bidirectional"], ["--readout", "attention_dot"]])
def test_labels_are_learned(more: list[str]) -> None:
    assert train("m.tsv", "-o", "m.safetensors", "--epochs", "6", "--rate", "0.03", "--batch", "8", *more) == 0
    assert card("m.safetensors")["accuracy"] == "accuracy 100.0 % held out (12 sequences)"
    network = load("m.safetensors")
    assert network.classes == ("bad", "good")
    assert present(lstm_tui.trace("it was awful", model=network).result).argmax() == 0
    assert present(lstm_tui.trace("it was lovely", model=network).result).argmax() == 1


def test_a_readout_of_ones_own_is_trained_and_travels_with_the_network(folder: Path) -> None:
    (folder / "largest.toml").write_text(
        'title = "t"\nsource = "s"\nresult = "y"\nsizes = { z = "size(h)", y = "K" }\n'
        "whole = '''\nz = max_steps(h)\ny = softmax(V_y @ z + b_y)\n'''\n"
    )
    arguments = ["--readout", "largest.toml", "--epochs", "6", "--rate", "0.03", "--batch", "8"]
    assert train("m.tsv", "-o", "m.safetensors", *arguments) == 0
    (folder / "largest.toml").unlink()
    assert present(lstm_tui.trace("it was awful", model=load("m.safetensors")).result).argmax() == 0


def test_the_next_row_is_learned() -> None:
    assert train("w.csv", "-o", "w.safetensors", "--epochs", "60", "--rate", "0.03", "--batch", "1") == 0
    error = float(card("w.safetensors")["accuracy"].split()[1])
    assert error < 0.15  # saying the last row again misses by 0.35
    assert load("w.safetensors").classes == ("a", "b")


def test_bytes_layers_and_a_cell_of_ones_own(folder: Path) -> None:
    (folder / "mine.toml").write_text(
        'name = "mine"\ntitle = "t"\nsource = "s"\nstate = ["h"]\n'
        "equations = '''\nh = tanh(W_h @ x + U_h @ h + b_h)\n'''\n"
    )
    arguments = ["--tokens", "bytes", "--cell", "mine.toml", "--layers", "2", "--epochs", "1", "--whole"]
    assert train("echo.txt", "-o", "b.safetensors", *arguments) == 0
    network = load("b.safetensors")
    assert [one.cell.name for one in network.passes] == ["mine", "mine"]
    assert len(network.classes) == 256
    assert "bits a byte" in network.card["accuracy"]


@pytest.mark.parametrize("batches", sampled([14, 1, 5, 15, 13, 19, 47], 3))
def test_a_training_goes_on_to_the_same_bits(batches: int) -> None:
    arguments = ["train", "echo.txt", "--epochs", "4", "--batch", "8", *SMALL, "-o"]
    whole = job_of(parse([*arguments, "whole.safetensors"]), "lstm", 0)
    whole.run("whole.safetensors")
    job = job_of(parse([*arguments, "cut.safetensors"]), "lstm", 0)
    steps: list[int] = []
    _, trained = job.run(
        "cut.safetensors", stop=lambda: len(steps) == batches, progress=lambda told: steps.append(told.steps)
    )
    assert trained.stopped
    an_epoch = steps[0] // 4
    assert len(trained.losses) == batches // an_epoch
    assert Path("cut.safetensors").is_file()
    assert checkpoint_of("cut.safetensors").is_file()
    again, more = job_of(parse([*arguments, "cut.safetensors"]), "lstm", 0), []
    again.run("cut.safetensors", resume=True, progress=lambda told: more.append(told.step))
    assert more == list(range(batches + 1, steps[0] + 1))  # nothing is learned twice
    one, two = load_file("whole.safetensors"), load_file("cut.safetensors")
    assert all(np.array_equal(one[name], two[name]) for name in one)
    assert not checkpoint_of("cut.safetensors").exists()


def test_ctrl_c_keeps_the_best_so_far_and_resume_ends_where_it_would_have() -> None:
    arguments = ["train", "echo.txt", "--epochs", "400", "--rate", "0.001", *SMALL, "-o", "c.safetensors"]
    environment = {**os.environ, "PYTHONPATH": str(Path(lstm_tui.__file__).parent.parent)}
    with subprocess.Popen(
        [sys.executable, "-m", "lstm_tui", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("epoch   3"):
                break
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert "stopped: c.safetensors holds the best so far, epoch " in said
    assert "--resume goes on after epoch " in said
    load("c.safetensors")
    assert checkpoint_of("c.safetensors").is_file()


def test_in_a_terminal_a_bar_shows_where_it_is() -> None:
    pexpect = pytest.importorskip("pexpect", reason="needs a pseudo-terminal")
    environment = {**os.environ, "PYTHONPATH": str(Path(lstm_tui.__file__).parent.parent), "TERM": "xterm-256color"}
    arguments = ["-m", "lstm_tui", "train", "echo.txt", "--epochs", "4000", "--rate", "0.001", "-o", "c.safetensors"]
    child = pexpect.spawn(
        sys.executable, arguments, env=environment, dimensions=(30, 140), encoding="utf-8", timeout=60
    )
    try:
        child.expect("epoch   1  loss ")
        child.expect(r"epoch \d+ of 4000, loss")
        child.expect("tokens/s")
        child.send("\x03")
        child.expect_exact("stopped: c.safetensors holds the best so far")
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)
    assert child.exitstatus == 130
    load("c.safetensors")


def test_a_corpus_that_changed_is_not_gone_on_with(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    job = job_of(parse(["train", "echo.txt", "-o", "e.safetensors", "--epochs", "2", *SMALL]), "lstm", 0)
    seen: list[int] = []
    job.run("e.safetensors", stop=lambda: bool(seen), epoch_done=lambda state: seen.append(state.epoch))
    assert train("echo.txt", "-o", "e.safetensors", "--epochs", "2") == 1
    assert "is of an unfinished training; --resume it" in capsys.readouterr().err
    assert train("echo.txt", "-o", "e.safetensors", "--epochs", "3", "--resume") == 1
    assert "is of a training with --epochs 2, not 3" in capsys.readouterr().err
    corpus = (folder / "echo.txt").read_text()
    (folder / "echo.txt").write_text("ann so very ann\nbob so so bob\n" * 20)
    assert train("echo.txt", "-o", "e.safetensors", "--epochs", "2", "--resume") == 1
    assert "is of a training on another corpus" in capsys.readouterr().err
    data = checkpoint_of("e.safetensors").read_bytes()
    for damaged in (data[:100], b"\xff" * 8 + data[8:], data[:200] + b"\0" * 50 + data[250:], b"{}"):
        checkpoint_of("e.safetensors").write_bytes(damaged)
        assert train("echo.txt", "-o", "e.safetensors", "--epochs", "2", "--resume") == 1
        assert capsys.readouterr().err.count("\n") == 1
    (folder / "echo.txt").write_text(corpus)
    other, count = re.subn(rb'(best_epoch\\*": )\d', rb"\g<1>7", data)
    assert count == 1
    checkpoint_of("e.safetensors").write_bytes(other)
    assert train("echo.txt", "-o", "e.safetensors", "--epochs", "2", "--resume") == 1
    assert "counts its epochs wrongly" in capsys.readouterr().err


@pytest.mark.slow
def test_cells_are_compared_and_the_best_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--task", "recall", "--distance", "4", "--epochs", "4", "--rate", "0.03", "--clip", "5"]
    assert main(["train", *arguments, "--cells", "rnn,lstm", "--seeds", "2", "-o", "r.safetensors"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "says the colour that was named 4 words before it is asked for; seeds 0 1"
    assert lines[1].split()[:4] == ["cell", "variant", "parameters", "recalled"]
    assert {line.split()[0] for line in lines[2:4]} == {"rnn", "lstm"}
    assert [line.split()[1:5] for line in lines if line.startswith("lstm ")] == [["Greff", "NP,", "Jozefowicz", "LSTM"]]
    assert "recalled 100.0 %" in card("r.safetensors")["accuracy"]


@pytest.mark.slow
def test_ctrl_c_in_a_comparison_leaves_a_table_of_what_was_finished() -> None:
    arguments = [
        "--task",
        "recall",
        "--distance",
        "40",
        "--epochs",
        "4",
        "--cells",
        "minimal_gated,rnn",
        "--seeds",
        "9",
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(lstm_tui.__file__).parent.parent)}
    with subprocess.Popen(
        [sys.executable, "-m", "lstm_tui", "train", *arguments, "--hidden", "4", "--held-out", "0.1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        assert process.stderr.readline().startswith("lstm-tui: minimal_gated seed 0: ")
        process.send_signal(signal.SIGINT)
        table, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped: the table holds what was finished" in said
    assert [line.split()[0] for line in table.splitlines()[1:]] == ["cell", "minimal_gated"]


WRONG: dict[str, tuple[list[str], str]] = {
    "no such corpus": (["gone.txt"], "gone.txt: no such file"),
    "an empty corpus": (["empty.txt"], "empty.txt: is empty"),
    "no next word": (["one.txt"], "one.txt: no line holds two words"),
    "a binary corpus": (["nul.txt"], "nul.txt: is binary"),
    "too rare": (["echo.txt", "--rarest", "1000"], "echo.txt: none of its words stands 1000 times"),
    "no tab": (["notab.tsv"], "notab.tsv: line 2 has no TAB between label and text: 'no ␛[2J tab'"),
    "no label": (["nolabel.tsv"], "nolabel.tsv: line 1 has no label before its TAB"),
    "one label": (["onelabel.tsv"], "onelabel.tsv: holds only the label 'a'"),
    "text as labelled": (["echo.txt", "--task", "classify"], "echo.txt: line 1 has no TAB"),
    "text as numbers": (["echo.txt", "--task", "next-value"], "echo.txt: line 2, column 1"),
    "numbers as text": (["w.csv", "--task", "lm"], "w.csv: holds numbers; --task next-value learns from them"),
    "a cell that is no number": (["word.csv"], "word.csv: line 3, column 2: 'x' is not a number"),
    "not finite": (["inf.csv"], "inf.csv: row 2 is not all numbers"),
    "one row": (["row.csv"], "row.csv: has one row"),
    "a look ahead": (["echo.txt", "--bidirectional"], "--bidirectional reads what lm should predict"),
    "no such cell": (["echo.txt", "--cell", "lstn"], "there is no cell lstn; did you mean lstm?"),
    "a readout that is no file": (["echo.txt", "--readout", "gone.toml"], "gone.toml: no such file"),
    "a readout that is malformed": (["echo.txt", "--readout", "bad.toml"], "bad.toml:1:"),
    "no such readout": (["echo.txt", "--readout", "dens"], "did you mean dense"),
    "a verdict for tokens": (["echo.txt", "--readout", "mean"], "--readout mean says one verdict of the whole"),
    "tokens for a verdict": (["m.tsv", "--readout", "dense"], "--readout dense says something at every token"),
    "no probabilities": (["echo.txt", "--readout", "linear"], "--readout linear says no probabilities"),
    "a parameter that is none": (["echo.txt", "--without", "p_i"], "p_i"),
    "sizes that do not fit": (["echo.txt", "--cell", "mut1"], "cell mut1 needs an input of 8 numbers"),
    "too many parameters": (["echo.txt", "--hidden", "16384", "--layers", "64"], "is the most"),
    "another ending": (["echo.txt", "-o", "x.txt"], "x.txt: a network's file ends in .safetensors"),
    "no such folder": (["echo.txt", "-o", "no/x.safetensors"], "there is no folder no"),
    "nothing to go on from": (["echo.txt", "--resume"], "there is no such checkpoint to go on from"),
    "a rate that is too large": (["w.csv", "--rate", "10", "--cell", "rnn_relu", "--clip", "1e9"], "--rate below 10"),
}
MEAN_NOTHING = {"no such cell", "no such readout", "a parameter that is none", "another ending"}
"""Those whose option takes no such word, whatever is read: they end with 2, as what the parser refuses."""


@pytest.mark.parametrize("arguments", WRONG)
def test_what_is_wrong_is_one_line(arguments: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {
        "empty.txt": b"", "one.txt": b"word\n\nother\n", "nul.txt": b"a\0b", "notab.tsv": b"a\tb\nno \x1b[2J tab\n",
        "nolabel.tsv": b"\tb\na\tb\n", "onelabel.tsv": b"a\tb\na\tc\n", "word.csv": b"1,2\n3,4\n1,x\n",
        "inf.csv": b"1,2\ninf,4\n", "bad.toml": b"no page", "row.csv": b"1,2\n",
    }  # fmt: skip
    for name, content in files.items():
        (folder / name).write_bytes(content)
    given, expected = WRONG[arguments]
    output = [] if "-o" in given else ["-o", "o.safetensors"]
    extra = [] if "--hidden" in given else SMALL
    assert main(["train", *given, *output, *extra, "--epochs", "8"]) == (2 if arguments in MEAN_NOTHING else 1)
    said = capsys.readouterr().err
    assert expected in said
    assert said.count("\n") == 1
    assert not list(folder.glob("*.part"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "a CORPUS is needed"),
        (["echo.txt"], "-o OUT is needed"),
        (["echo.txt", "--task", "recall", "-o", "x.safetensors"], "takes no CORPUS"),
        (["--task", "recall", "--tokens", "chars", "-o", "x.safetensors"], "--tokens belongs to a CORPUS"),
        (["echo.txt", "--distance", "3", "-o", "x.safetensors"], "--distance belongs to --task recall"),
        (["echo.txt", "--task", "bindings", "-o", "x.safetensors"], "--task bindings makes its own sequences"),
        (["--task", "bindings", "--distance", "3", "-o", "x.safetensors"], "--distance belongs to --task recall"),
        (["--task", "numbers", "-o", "x.safetensors"], "python -m lstm_tui.models.build numbers trains"),
        (["--task", "recall", "--pairs", "3", "-o", "x.safetensors"], "--pairs belongs to --task bindings"),
        (["echo.txt", "--cells", "rnn", "--cell", "gru"], "--cells compares several"),
        (["echo.txt", "--cells", "rnn,,gru"], "is not a list of names"),
        (["echo.txt", "--seeds", "2", "--resume"], "--resume goes on with one training"),
        (["echo.txt", "--rate", "nan", "-o", "x.safetensors"], "is not a number above 0"),
        (["echo.txt", "--held-out", "1", "-o", "x.safetensors"], "is not a number from 0 to 0.9"),
        (["echo.txt", "--epochs", "0", "-o", "x.safetensors"], "is not a whole number from 1"),
    ],
)
def test_options_that_contradict_are_refused(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["train", *arguments])
    assert refused.value.code == 2
    assert expected in capsys.readouterr().err


def test_networks_of_two_parts_are_all_that_answer() -> None:
    """Their tasks are no tasks of `train`, and it says who trains them."""
    assert set(TWO_PARTS) == {name for name in bundled_names() if open_model(name).answers is not None}
    assert all(recipe(name) for name in TWO_PARTS)
