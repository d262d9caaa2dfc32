"""What the numbers of the documents are computed from: small functions, for the expressions that stand beside them."""

from __future__ import annotations

import json
import re
import shlex
import signal
import tomllib
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from typing import Any

import very_many
from attack import ends, forked
from attack.harness import HARNESSES
from benchmarks import many
from present import present
from test_demonstrations import PAIR, TWO, flow, named, says, still, told

import lstm_tui
from lstm_tui.analysis import fixed_points, linear_probe, probe
from lstm_tui.analysis.influence import MOST_ASKED, Target, deletions
from lstm_tui.analysis.ledger import ledger_at
from lstm_tui.analysis.train.further import REHEARSED
from lstm_tui.cli import main
from lstm_tui.cli.arguments import parse
from lstm_tui.cli.training import job_of, task_of
from lstm_tui.debugger import endings, manual
from lstm_tui.debugger.inspect.lockstep import MOST_RUNS, Lockstep
from lstm_tui.engine.language.cell import cell_names
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.blocked_product import BLOCK
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.formats.verify import verification
from lstm_tui.lesson.library import folder as lessons_folder
from lstm_tui.models import bundled_names
from lstm_tui.models.recipes import bindings, recall
from lstm_tui.serving.limits import Limits
from lstm_tui.tui.controllers import autosave

from .documents import KINDS, ROOT

# names of the package that the expressions use, beside what follows
__all__ = [
    "BLOCK", "KINDS", "MOST_ASKED", "MOST_RUNS", "REHEARSED", "Limits", "bindings", "endings", "ends", "fixed_points",
    "forked", "linear_probe", "many", "probe", "recall", "signal", "verification", "very_many",
]  # fmt: skip

STORY = PAIR
BAD, GOOD = "The movie was not bad", "The movie was not good"
NAME_OF_TENTHS = {0.5: "half", 1.0: "one"}


# --- the package ---


def least_python() -> str:
    """Return the first Python that is supported."""
    said = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["requires-python"]
    return str(said).removeprefix(">=")


def cells() -> int:
    """Return how many cells are inside the package."""
    return len(cell_names())


def networks() -> int:
    """Return how many trained networks are inside the package."""
    return len(bundled_names())


def lessons() -> int:
    """Return how many lessons the tour has."""
    return len(list(lessons_folder().glob("[0-9]*.toml")))


def bugs() -> int:
    """Return how many planted bugs there are."""
    return len(list((ROOT / "samples" / "bugs").iterdir()))


def harnesses() -> int:
    """Return how many harnesses the attack machine has."""
    return len(HARNESSES)


def serve_default(name: str) -> Any:
    """Return the default of an option of `serve`."""
    return getattr(parse(["serve"]), name)


def half(amount: float) -> str:
    """Return an amount of one or a half as a word."""
    return NAME_OF_TENTHS[amount]


def after(number: signal.Signals) -> int:
    """Return the exit code after a signal."""
    return 128 + int(number)


# --- what was measured ---


@cache
def measured(table: str) -> Mapping[str, Any]:
    """Return what a command measured that takes too long to be a test: `tests/benchmarks/measured.json` has it."""
    found: Mapping[str, Any] = json.loads((ROOT / "tests" / "benchmarks" / "measured.json").read_text("utf-8"))
    one: Mapping[str, Any] = found[table]
    return one


BILLION = 10**9


def per_second(command: str) -> str:
    """Return how many tokens a command does in a second on one core."""
    return f"{measured('many')['rows'][command]:,.0f}"


def hours(command: str, cores: int = 1) -> str:
    """Return how many hours a command takes for a billion tokens on so many cores, to two figures."""
    taken = BILLION / measured("many")["rows"][command] / cores / 3600
    return f"{float(f'{taken:.2g}'):g}"


def gigabytes(bytes_a_token: float) -> str:
    """Return how many gigabytes a billion tokens are, to two figures."""
    return f"{float(f'{BILLION * bytes_a_token / 1e9:.2g}'):g}"


@cache
def parameters(cell: str) -> int:
    """Return how many parameters a network of the recall task has, with the cell of a name."""
    options = parse(measured("which cell")["command"].split()[1:])
    return job_of(options, cell, 0, task_of(options, 0)).network().parameter_count


# --- the demonstrations ---


@cache
def network(name: str) -> Network:
    """Return a bundled network."""
    return lstm_tui.load(name)


@cache
def run(name: str, text: str) -> Trace:
    """Return a bundled network's run over a text."""
    return lstm_tui.trace(text, network(name))


def tag(name: str, place: int) -> tuple[str, float]:
    """Return what a tagger says of a word of the first line of its sample, and how sure it is of it."""
    said = present(run(name, "the old man the boats .").output)[place]
    return network(name).classes[int(said.argmax())], float(said.max())


def kept(name: str, text: str, place: int) -> float:
    """Return which part of its memory a network keeps at a word."""
    lock = Lockstep([run(name, text)], [name])
    return present(lock.kept(lock.lanes[0], place))


def pair() -> list[int]:
    """Return the two units of `story` that its card names by who is spoken of."""
    return named("gender", "number")


@cache
def story(word: str, place: int = 14, hold: bool = False) -> float:
    """Return how likely `story` says a word is at a place, also with the memory of the two units held still."""
    return says(told(network("story"), STORY, still(pair(), "10:15") if hold else ""), place, word)


PIZZA = "My name is Ganesh and I want to eat pizza . it is raining . I want to eat pizza ."


def told_pizza(name: str, place: int, word: str) -> float:
    """Return how likely a network says a word is at a place of the second line of the sample of `story`."""
    return says(run(name, PIZZA), place, word)


def words_behind_pizza() -> int:
    """Return how many words the second "eat" stands behind the first "pizza"."""
    words = PIZZA.split()
    return words.index("eat", words.index("pizza")) - words.index("pizza")


def mean_gate(word: str) -> float:
    """Return the mean forget gate of `story` at the first place of a word of its first sample."""
    trace = run("story", TWO)
    return float(trace["layer0.forward"]["f"][list(trace.sequence.tokens).index(word)].mean())


def share_of(word: str) -> float:
    """Return the share of a token in the backward memory of `sentiment` at "not"."""
    trace = run("sentiment", BAD)
    passed = trace["layer0.backward"]
    return float(ledger_at(passed, flow(passed), 3).shares()[trace.sequence.tokens.index(word)])


def adds(direction: str, text: str) -> float:
    """Return what a pass adds to the verdict of `sentiment` at "not"."""
    trace, weights = run("sentiment", text), network("sentiment").tensors()["readout/V_y"]
    part = slice(0, 32) if direction == "forward" else slice(32, 64)
    toward = (weights[1] - weights[0]) / len(trace.sequence)
    return float(trace[f"layer0.{direction}"]["h"][3] @ toward[part])


def verdict(name: str, without: str = "", at: int | None = None) -> float:
    """Return how positive a network finds *The movie was not bad*: in the end, at a place, or without a token."""
    trace = run(name, BAD)
    if at is not None:
        assert trace.output is not None
        return float(trace.output[at][1])
    assert trace.result is not None
    change = deletions(trace, Target("positive", class_index=1))[trace.sequence.tokens.index(without)] if without else 0
    return float(trace.result[1] + change)


def pronouns(old: str, new: str) -> tuple[str, str, int, int]:
    """Return what `what-if` says of another word: the pronoun now, the pronoun then, and the two places."""
    session = lstm_tui.session(STORY, model="story")
    found = re.search(r"now predicted: “(\w+)” → “(\w+)” at t=(\d+), (\d+)", session.execute(f"what-if {old} {new}"))
    assert found is not None
    return found[1], found[2], int(found[3]), int(found[4])


def line_of(text: str) -> int:
    """Return the line of `samples/story.txt` that holds a text."""
    return (ROOT / "samples" / "story.txt").read_text("utf-8").splitlines().index(text) + 1


def sample_lines(name: str) -> int:
    """Return how many lines a sample has."""
    return len((ROOT / "samples" / name).read_text("utf-8").splitlines())


def hidden(name: str) -> int:
    """Return how many units a network's first layer has."""
    return int(run(name, STORY)["layer0.forward"]["h"].shape[1])


def steps_of_change() -> int:
    """Return over how many steps the gates are held: from *their* to the full stop."""
    tokens = STORY.split()
    return len(tokens[tokens.index("their") : tokens.index("their") + tokens[tokens.index("their") :].index(".") + 1])


def span(line: str) -> str:
    """Return the last number of a typed line that stands beside a sentence about it."""
    return line.split()[-1]


@cache
def exit_code(line: str) -> int:
    """Return the exit code of a command of ours."""
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        try:
            return main(shlex.split(line))
        except SystemExit as ended:
            return ended.code if isinstance(ended.code, int) else 1


def option(table: str, name: str) -> Any:
    """Return the value of an option in the command that measured a table."""
    return getattr(parse(measured(table)["command"].split()[1:]), name)


def failed_assertion() -> int:
    """Return the exit code of an assertion that does not hold."""
    return exit_code("check sample.txt --assert 'mean(f) > 2'")


def seconds_between_saves() -> float:
    """Return how often the screen writes the work down."""
    return autosave._EVERY


def passes(name: str) -> int:
    """Return how many passes a network makes over a text."""
    return len(run(name, BAD).passes)


def rows(document: str, table: str) -> int:
    """Return how many rows a filled table of a document has, below its head."""
    text = (ROOT / document).read_text("utf-8").partition(f"<!-- {table} -->")[2].partition(f"<!-- /{table} -->")[0]
    return text.count("\n|") - 1 - 1


def headings(topic: str) -> int:
    """Return how many headings a topic of the manual has below its own."""
    return present(manual.find(topic)).text.count("\n## ")
