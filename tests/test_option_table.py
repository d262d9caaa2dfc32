"""What says of a network's file how it is read is taken by every command that reads one, and in Python."""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lstm_tui
from lstm_tui.cli.arguments import whole_parser
from lstm_tui.engine.runtime.memory_budget import memory_budget

PARSERS: dict[str, argparse.ArgumentParser] = dict(whole_parser().commands or {})
INPUT = "the input"
NETWORK = "the network"
UNTRAINED = "an untrained network instead"


def options(command: str, *groups: str) -> dict[str, argparse.Action]:
    """Return the options of a command by the word that is typed, those of some groups alone."""
    parser = PARSERS[command]
    found = [group for group in parser._action_groups if not groups or group.title in groups]
    return {
        word: one for group in found for one in group._group_actions for word in one.option_strings if len(word) > 2
    }


OF_RUN = options("run", INPUT, NETWORK, UNTRAINED)
OF_FILE = ("--set", "--map", "--network", "--vocabulary", "--tokens", "--classes", "--pad")
"""What is said of a network's file."""
READS_INPUT = sorted(name for name, one in PARSERS.items() if "--carry" in one._option_string_actions)
READS_FILE = sorted(name for name, one in PARSERS.items() if "--vocabulary" in one._option_string_actions)
PYTHON: dict[str, tuple[Callable[..., Any], str]] = {
    "--set": (lstm_tui.load, "decisions"),
    "--reset-every": (lstm_tui.session, "edits"),  # ["reset every 4"]
    "--chunk": (lstm_tui.session, "edits"),  # ["chunk every 4"]
}
"""Options that have another name in Python."""


def test_the_table_of_run_has_what_is_said_of_a_file() -> None:
    assert set(OF_FILE) <= set(OF_RUN)
    assert {"compare", "run", "trace"} <= set(READS_INPUT) < set(READS_FILE)
    assert {"convert", "inspect", "verify", "stream"} <= set(READS_FILE)


@pytest.mark.parametrize("command", READS_INPUT)
def test_a_command_that_reads_an_input_takes_every_option_of_run(command: str) -> None:
    own = {"--memory"} if command == "serve" else set()  # of each visitor there
    assert set(OF_RUN) - own <= set(options(command))


@pytest.mark.parametrize("command", READS_FILE)
def test_a_command_that_reads_a_file_of_a_network_takes_all_that_is_said_of_one(command: str) -> None:
    assert set(OF_FILE) <= set(options(command))


def test_convert_takes_what_changes_the_network_that_is_written() -> None:
    assert {*OF_FILE, "--layer", "--edits"} <= set(options("convert"))


@pytest.mark.parametrize("word", [one for one in OF_RUN if one not in options("run", UNTRAINED) or one == "--tokens"])
def test_python_takes_every_option_of_run(word: str) -> None:
    taken = [(made, word[2:].replace("-", "_")) for made in (lstm_tui.load, lstm_tui.trace, lstm_tui.session)]
    taken = [PYTHON[word]] if word in PYTHON else taken
    assert any(name in inspect.signature(made).parameters for made, name in taken)


def test_frames_of_samples_are_those_of_the_line_and_memory_is_the_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lstm_tui.cli.main import main

    samples = np.sin(np.arange(50))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.csv").write_text("s\n" + "\n".join(map(repr, samples.tolist())))
    command = ["trace", "s.csv", "--model", "forecast", "--frame", "2", "--hop", "1", "--context", "1", "-o", "t.npz"]
    assert main(command) == 0
    typed = lstm_tui.open_trace("t.npz").sequence.x
    for opened in (lstm_tui.trace, lambda *one, **how: lstm_tui.session(*one, **how).frame.trace):
        for given in ("s.csv", samples.reshape(-1, 1), samples.tolist()):
            rows = opened(given, "forecast", frame=2, hop=1, context=1).sequence.x
            assert rows is not None
            assert typed is not None
            assert np.array_equal(rows, typed)
    before = memory_budget()
    lstm_tui.trace("The movie", memory="300M")
    assert memory_budget() == 300 * 2**20
    lstm_tui.trace("The movie", memory=before)
    assert memory_budget() == before
    for wrong in ({"frame": 0}, {"hop": True}, {"context": -1}, {"memory": "much"}, {"memory": 1.5}, {"frame": 2}):
        with pytest.raises(lstm_tui.UserError):
            lstm_tui.trace("The movie", **wrong)


def test_edits_are_given_in_python_as_on_the_line() -> None:
    edited = lstm_tui.trace("The movie was not bad", edits=["remove 3"])
    assert edited.result is not None
    assert edited.result.tolist() == lstm_tui.trace("The movie was bad").result.tolist()  # type: ignore[union-attr]
    session = lstm_tui.session("The movie was not bad", edits=["reset every 2", "chunk every 3"])
    assert session.history.lines == ("reset every 2", "chunk every 3")
    for wrong in (["remoe 3"], [3]):
        with pytest.raises(lstm_tui.UserError, match="edits="):
            lstm_tui.trace("The movie", edits=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("command", [one for one in READS_FILE if one not in READS_INPUT])
def test_tokens_without_a_vocabulary_are_refused(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    from lstm_tui.cli.main import main

    needed = {
        "convert": ["sentiment", "-o", "a.safetensors"], "inspect": ["sentiment"],
        "verify": ["sentiment", "--reference", "a.npz"], "stream": ["a.npz", "--model", "sentiment"],
    }  # fmt: skip
    with pytest.raises(SystemExit):
        main([command, *needed[command], "--tokens", "words"])
    assert "--tokens belongs to a --vocabulary" in capsys.readouterr().err


@pytest.mark.parametrize("command", sorted(PARSERS))
def test_a_number_that_the_help_says_is_the_default_is_the_default(command: str) -> None:
    for word, one in options(command).items():
        said = re.search(r"\(default: (\d+(?:\.\d+)?(?:e-?\d+)?)\)", one.help or "")
        if said and one.default is not None:  # where it is None what reads it has its own, which has tests of its own
            assert float(one.default) == float(said[1]), word
