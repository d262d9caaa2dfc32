"""What is open is one object: whatever opens it, it goes to a saved session and to recovery and comes back whole."""

from __future__ import annotations

import argparse
import ast
import random
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parsed import nodes_of, tree_of
from registries import sampled

import lstm_tui
from lstm_tui.cli import arguments as cli_arguments
from lstm_tui.cli.arguments import parse
from lstm_tui.cli.autosave import reopened, taking_up
from lstm_tui.cli.source import command_of, source_of, without
from lstm_tui.debugger.autosave import Autosave
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.session_file import script_of
from lstm_tui.debugger.source import Source
from lstm_tui.engine.model.network import Network
from lstm_tui.formats.inputs.samples import samples_folder
from lstm_tui.formats.inputs.text_input import text_from
from lstm_tui.formats.io.journal import Journal, journal_folder
from lstm_tui.models import bundled_names, sample_of
from lstm_tui.models.bundled import open_model

FIELDS = [field.name for field in fields(Source)]

ELSEWHERE = {
    "command": "its words, but for the line",
    "line": "a session stands on a line, and says so by its verb",
    "where": "the file as it was typed, from the folder of that time",
    "edit_script": "edits stand in a saved session as its verbs, those that were undone too",
}
"""Fields that need not come back letter by letter, and what does; every other is the same."""

NOT_OPENED = {
    "help",
    "plain",
    "script",
    "batch",
    "debug",
    "light",
    "dark",
    "rc",
    "log",
    "follow",
    "edits",
    "line",
    "chunk",
    "reset_every",
}
"""Options of `run` that say how it is shown, or what a session says by verbs; every other shapes what is open."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def content(value: Any) -> Any:
    """Return what a field holds as plain values, so that two are compared by what they say."""
    if isinstance(value, Network):
        return value.name, value.sha256, value.remarks, {name: one.tobytes() for name, one in value.tensors().items()}
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.shape, value.tobytes()
    if isinstance(value, Mapping):
        return {name: content(one) for name, one in value.items()}
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, Sequence):
        return [content(one) for one in value]
    names = [field.name for field in fields(value)]
    return type(value), [content(getattr(value, name)) for name in names]


def differing(one: Source, other: Source) -> list[str]:
    return [name for name in FIELDS if content(getattr(one, name)) != content(getattr(other, name))]


def arguments(name: str, rng: random.Random) -> list[str]:
    """Return a command that opens a network on a text or on numbers, with options drawn at random."""
    network = open_model(name)
    given = ["run", "--model", name]
    sample = samples_folder() / sample_of(name)
    count = 1
    if rng.random() < 0.7:
        lines = sample.read_text(encoding="utf-8").splitlines()[:6]
        count = 1 if network.tokens is None else len([line for line in lines if line.strip()])
        Path(f"mine{sample.suffix}").write_text("\n".join(lines) + "\n", encoding="utf-8")
        given.insert(1, f"mine{sample.suffix}")
    if rng.random() < 0.5:
        given += ["--dtype", rng.choice(["float32", "float64"])]
    if rng.random() < 0.5:
        given += rng.choice([["--interpreter", "numpy"], ["--interpreter=numpy"]])
    if rng.random() < 0.4:
        first = network.passes[0]
        size = {state: first.program.values[state].size for state in first.cell.state}
        states: dict[str, Any] = {f"{first.name}/{state}": np.full(n, 0.25) for state, n in size.items()}
        np.savez("states.npz", **states)
        given += rng.choice([["--initial", "states.npz"], ["--initial=states.npz"]])
    if rng.random() < 0.3:
        given.append("--whole")
    elif count > 1:
        given += ["--line", str(rng.randint(1, 2))]
    if rng.random() < 0.4 and "--whole" not in given:
        given.append("--carry")
    if rng.random() < 0.3:
        edit = "remove 0\n" if network.tokens is not None else f"set {network.passes[0].name}.h[1] @ 0 = 0.25\n"
        Path("edits.txt").write_text(edit, encoding="utf-8")
        given += ["--edits", "edits.txt"]
    return given


def standing(session: Session) -> list[str]:
    """Return what a session is, without the command that opened it."""
    return [line for line in script_of(session) if not line.startswith("# command")]


@pytest.mark.parametrize("seed", sampled(range(3), 3))
@pytest.mark.parametrize("name", bundled_names())
def test_it_comes_back_whole_from_a_saved_session_and_from_recovery(
    name: str, seed: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = source_of(parse(arguments(name, random.Random(f"{name} {seed}"))), aloud=False)
    session = Session.open(source)
    for line in ("next", "break h[0] > 2", "display mean(h)", "set h[0] @ 1 = 0.5"):
        answer(session, line)
    autosave = Autosave(Journal.begin)
    autosave.note(session, now=True)
    Path("saved.ltui").write_text("\n".join(script_of(session)) + "\n", encoding="utf-8")
    (journal,) = journal_folder().glob("*.ltui")
    saved = Path("saved.ltui").resolve()
    monkeypatch.chdir(folder)  # it is opened from wherever one stands
    for file in (saved, journal):
        again, read = reopened(str(file))
        assert set(differing(source, again)) <= set(ELSEWHERE)
        assert list(without(again.command, {"--line": 1})) == list(without(source.command, {"--line": 1}))
        assert Path(again.where).name == Path(source.where).name
        assert again.line == session.frame.line
        resumed = Session.open(again)
        said = taking_up(read, str(file))(resumed)
        assert "changed" not in said[0]
        assert standing(resumed) == standing(session)
        assert resumed.frame.trace.dtype == session.frame.trace.dtype
    autosave.leave(finished=True)


def test_every_option_that_shapes_it_stands_in_the_command_of_a_session() -> None:
    """A new option of what is open travels with its command, since all words do but those that are left out by name."""
    options = _actions("run")
    Path("f").write_text("x", encoding="utf-8")
    for action in options:
        if action.dest in NOT_OPENED or not action.option_strings:
            continue
        word = action.option_strings[-1]
        value = [] if action.nargs == 0 else ["f"]
        kept = command_of(argparse.Namespace(module="run", given=["run", word, *value], **dict.fromkeys(FILES)))
        assert kept[:2] == ("run", word), "left out of what opens the session again"
        assert len(kept) == 2 + len(value)


FILES = ("file", "model", "map", "initial", "vocabulary", "cell")


def _actions(command: str) -> list[argparse.Action]:
    """Return every argument of a command."""
    every = cli_arguments._parser(command)._actions
    commands = next(one for one in every if isinstance(one, argparse._SubParsersAction))
    actions: list[argparse.Action] = commands.choices[command]._actions
    return actions


def test_the_actions_are_those_of_the_command() -> None:
    dests = {action.dest for action in _actions("run")}
    assert {"model", "carry", "initial"} <= dests
    assert dests >= NOT_OPENED


MOST = 5
"""Python's own `session` names that many: line, dtype, interpreter, initial states, whether they are carried over."""


def test_no_function_takes_it_apart() -> None:
    """Whoever needs more than a few of its fields takes it whole, so that a new field reaches all of them."""
    apart = {}
    for path in Path(lstm_tui.__file__).parent.rglob("*.py"):
        for node in nodes_of(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                given = node.args
                names = {one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)} & set(FIELDS)
                if len(names) > MOST:
                    apart[f"{path.name}:{node.name}"] = sorted(names)
    assert apart == {}


def test_a_recorded_run_is_opened_as_it_is_and_with_its_network_made_again() -> None:
    trace = lstm_tui.trace("The movie was not bad")
    alone, whole = Source.of_trace(trace), Source.of_trace(trace, trace.network)
    assert Session.open(alone).frame.trace is trace
    again = Session.open(whole).frame.trace
    assert again is not trace
    assert again["layer0.forward"]["c"].tobytes() == trace["layer0.forward"]["c"].tobytes()
    assert (alone.count, whole.count, Source(trace.network).count) == (1, 1, 0)


@pytest.mark.parametrize("known", [0, 1, 2])
def test_states_go_on_from_line_to_line_as_one_text_would(known: int) -> None:
    network = open_model("sentiment-forward")
    source = Source.of_input(network, text_from("not bad\nvery good\nthe movie was"))
    source = Source(network, source.sequences, carry=True)
    after = source.run(known - 1, "numpy") if known else None
    start = source.start(2, "numpy", after, known)
    whole = Source.of_input(network, text_from("not bad very good"), whole=True).run()
    assert start is not None
    for name, states in start.items():
        for state, values in states.items():
            np.testing.assert_allclose(values, whole[name][state][-1], rtol=1e-6, atol=1e-7)
