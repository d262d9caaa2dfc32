"""`lstm-tui reach`: the three recall networks side by side, and what does not go together said in one line."""

from __future__ import annotations

import json

import pytest

import lstm_tui
from lstm_tui.analysis.gradient_flow import long_memory
from lstm_tui.cli.main import main
from lstm_tui.formats.inputs.samples import samples_folder
from lstm_tui.models.recipes import recall


def test_the_recall_networks_stand_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reach"]) == 0
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert [name for name in lines[0].split() if name.startswith("recall")] == [
        "recall-rnn", "recall-lstm", "recall-gru",
    ]  # fmt: skip
    row = next(line for line in lines if line.split()[:2] == ["0", "brown"]).split()
    text = recall.sample_text().splitlines()[0]
    rnn, lstm = (lstm_tui.trace(text, model=f"recall-{cell}")["layer0.forward"] for cell in ("rnn", "lstm"))
    assert row[2] == f"{long_memory(rnn, 20).memory.size[0]:.3g}"
    assert row[3] == f"{long_memory(lstm, 20).memory.size[0]:.3g}"
    assert said.count("vanishes") == 2  # the RNN's memory, and the output of the LSTM
    assert "∂C holds" in said


def test_any_network_and_those_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reach", "--model", "tiny"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split()[:3] == ["t", "token", "tiny"]
    assert main(["reach", "sample.txt", "--cell", "rnn", "--hidden", "4", "--beside", "sentiment-forward"]) == 0
    assert "sentiment-forward |∂C|" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["reach", "compare", "stats"])
def test_of_numbers_the_json_is_whole_too(command: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    more = ["--model", "forecast"] * (2 if command == "compare" else 1)
    assert main([command, str(samples_folder() / "waves.csv"), *more, "--json"]) == 0
    made = json.loads(capsysbinary.readouterr().out)
    if command == "reach":
        assert len(made["tokens"]) == len(made["networks"][0]["gradient"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sample.txt", "--beside", "sentiment,chars"], "other tokens"),
        (["-", "--beside", "sentiment,tiny"], "standard input is read once"),
        (["sample.txt", "--beside", "nowhere"], "nowhere"),
    ],
)
def test_what_does_not_go_together(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reach", *arguments]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
