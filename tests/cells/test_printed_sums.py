"""Every sum that is printed holds of its printed terms, whatever edits and NaN do to a run; else the edit is named."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from made_networks import EVERY_CELL, called, make_input, make_network
from registries import sampled

from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.inspect.state_update import explained
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.compiler.ops import OPS
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.formats.traces.reader import read
from lstm_tui.formats.traces.trace_file import write

STEPS = 4
PASSES = ("layer0.forward", "layer1.backward")
FUNCTIONS = {
    op.form.partition("(")[0]: op.forward for op in OPS.values() if "(" in op.form and op.elementwise and op.code
} | {"root": OPS["sqrt"].forward}


def session_of(cell: str) -> Session:
    network = make_network(cell, 2, seed=3, directions=("forward", "backward"))
    return Session.open(Source(network, [Sequence("numbers", tuple("abcd"), x=make_input(network, STEPS))]))


def value_of(text: str, step: int) -> float:
    """Work a printed right side out again from the numbers as they stand there."""
    python = text.replace("·", "*").replace("√(", "root(").replace("²", "**2")
    python = re.sub(r"\|([^|]*)\|", r"abs(\1)", python)
    names = {name: (lambda *of, f=f: f(*map(np.float64, of))) for name, f in FUNCTIONS.items()}
    python = re.sub(r"(?<![\w.])(-?\d[\d.]*(?:e[-+]?\d+)?)", r"number(\1)", python)
    with np.errstate(all="ignore"):
        known = {**names, "number": np.float64, "nan": np.float64("nan"), "inf": np.float64("inf")}
        known |= {"every": lambda period: float(step % period == 0), "abs": np.abs}
        return float(eval(python, {"__builtins__": {}}, known | {"min": np.minimum, "max": np.maximum}))


def check_line(line: str, sizes: float, step: int) -> bool:
    """Check one line of an equation in numbers; say whether it names an edit."""
    match = re.fullmatch(r"  \w+\[\d+(,\d+)*\] = (?P<sum>.*?)(?P<edit>; an edit .*|; but the trace holds .*)?", line)
    assert match, line
    sides = match["sum"].split(" = ")
    if len(sides) > 1:
        left, right = value_of(sides[0], step), float(sides[1])
        both = math.isnan(left) and math.isnan(right)
        assert both or left == right or abs(left - right) <= 4e-3 * max(sizes, abs(right), 1e-3), line
    return match["edit"] is not None


def lines_of(trace: Trace, name: str, value: str, t: int, unit: int) -> Iterator[tuple[str, float, int]]:
    line = explained(trace[name], value, t, unit)[1]
    places = tuple(map(int, re.findall(r"\d+", line.partition(" = ")[0].partition("[")[2])))
    wanted = trace[name].unit_at(value, places) if len(places) > 1 else places[0]
    assert wanted == unit, line
    assert (len(places) > 1) == (trace[name].shape_of(value) is not None), line
    if "…" in line:
        return  # a part of it is not in the trace
    numbers = [
        abs(float(number)) for number in re.findall(r"(?<![\w.\[])\d[\d.]*(?:e[-+]?\d+)?", line.partition(" = ")[2])
    ]
    size = max(numbers, default=0.0)
    yield line, max(size * size, size), trace[name].reading_step(t)


def poisoned(session: Session, rng: random.Random) -> list[str]:
    """Make some edits of every kind that a network takes; return the lines."""
    made = []
    for _ in range(3):
        name = rng.choice(PASSES)
        value = rng.choice(list(session.frame.trace[name]))
        size = session.frame.trace[name][value].shape[1]
        t, unit = rng.randrange(STEPS), rng.randrange(min(size, 2))
        number = rng.choice(["5", "-3", "0", "inf", "1e300"])
        line = f"set {name}.{value}[{unit}] @ {t}: = {number}"
        if rng.random() < 0.4:
            line = f"scale {name}.{value}[:] @ {t} * {rng.choice(['0', '-2', '0.5', 'inf'])}"
        session.edit(parse_edit(line))
        made.append(line)
    return made


@pytest.mark.parametrize("seed", sampled([0, 1], 2))
@pytest.mark.parametrize("cell", sampled(EVERY_CELL, 2), ids=called)
def test_every_printed_sum_holds_or_an_edit_is_named(cell: str, seed: int) -> None:
    session = session_of(cell)
    edits = poisoned(session, random.Random(f"{called(cell)} {seed}"))
    trace, named = session.frame.trace, 0
    for name in trace:
        for value in trace[name]:
            for t in range(STEPS):
                for unit in range(min(trace[name][value].shape[1], 2)):
                    for line, size, step in lines_of(trace, name, value, t, unit):
                        is_named = check_line(line, size, step)
                        held = any(
                            hold.pass_name == name and hold.value == value
                            and hold.steps[0] <= t < hold.steps[1] and hold.units[0] <= unit < hold.units[1]
                            for hold in session.edited.holds
                        )  # fmt: skip
                        assert is_named == held, (edits, line)
                        named += held
    assert named


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("cell", EVERY_CELL, ids=called)
def test_no_printed_sum_is_false_of_a_poisoned_network(cell: str, number: str) -> None:
    network = make_network(cell, 2, seed=3, directions=("forward", "backward"))
    tensors = network.tensors()
    name = random.Random(cell).choice(sorted(tensors))
    tensors[name].reshape(-1)[0] = float(number)
    trace = Session.open(
        Source(network, [Sequence("numbers", tuple("abcd"), x=make_input(network, STEPS))])
    ).frame.trace
    for owner in trace:
        for value in trace[owner]:
            for line, size, step in lines_of(trace, owner, value, 2, 0):
                assert not check_line(line, size, step)


def test_a_trace_from_a_file_prints_no_sum_of_an_edited_value(tmp_path: Path) -> None:
    session = session_of("lstm")
    session.edit(parse_edit("set layer0.forward.c[0] @ 2 = 5"))
    write(session.frame.trace, str(tmp_path / "t.json"))
    trace = read(tmp_path / "t.json")
    passed = trace["layer0.forward"]
    for t in range(STEPS):
        line = explained(passed, "c", t, 0)[1]
        assert ("; but the trace holds 5, as an edit leaves it" in line) == (t == 2), line


def test_who_names_the_edit_and_repeats_no_false_sum() -> None:
    session = session_of("lstm")
    session.edit(parse_edit("set layer0.forward.c[0] @ 2 = 5"))
    session.goto(3)
    lines = answer(session, "who c[0]")
    assert any(line.endswith("; an edit set it to 5") for line in lines)
    assert "  an edit set c[0] here: keeping and writing had no part in the change" in lines
    session.edit(parse_edit("scale layer0.forward.c[1] @ 2 * 50"))
    lines = answer(session, "who c[1]")
    split = re.search(r"keeping changed it by (\S+), writing by (\S+), each multiplied by 50", "\n".join(lines))
    moved = re.search(r"moved by (\S+) at", lines[0])
    assert split
    assert moved
    assert float(split[1]) + float(split[2]) == pytest.approx(float(moved[1]), rel=2e-3)
