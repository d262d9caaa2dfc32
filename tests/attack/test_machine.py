"""The machine that attacks: it ends in time, leaves nothing, and counts what is seen again."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from attack import __main__ as command
from attack import harness, room
from attack.harness import HARNESSES, Clock, Finding, Tally


class Fake:
    """A harness that finds one thing, which is seen again as often as it is told to."""

    PROMISE, TRIES = 1, "nothing"

    def __init__(self, again: list[str]) -> None:
        self.answers, self.asked = again, 0

    def attack(self, rng: random.Random, clock: Clock) -> Tally:
        tally = Tally()
        tally.tried["a kind"] += rng.randrange(5, 9)
        tally.found("a kind", "seen", "case")
        return tally

    def again(self, case: str) -> str:
        assert case == "case"
        self.asked += 1
        return self.answers.pop(0)


@pytest.mark.parametrize(
    ("again", "counts"), [(["seen"], True), (["", "seen"], True), (["", ""], False)], ids=["at once", "then", "never"]
)
def test_a_finding_counts_where_it_is_seen_again_alone(
    monkeypatch: pytest.MonkeyPatch, again: list[str], counts: bool
) -> None:
    monkeypatch.setattr(harness, "harness", lambda name: Fake(again))
    tally = harness.attacked("doors", 1.0, 5)
    assert (len(tally.findings), len(tally.once)) == ((1, 0) if counts else (0, 1))
    assert again == []


def test_a_seed_tries_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "harness", lambda name: Fake(["seen"]))
    first, second = harness.attacked("doors", 1.0, 5), harness.attacked("doors", 1.0, 5)
    assert first.tried == second.tried


def test_no_more_than_a_few_findings_of_a_kind_are_kept() -> None:
    tally = Tally()
    for number in range(20):
        tally.found("one", str(number), "")
        tally.found("other", str(number), "")
    assert tally.broken == 6


def _a_file() -> Tally:
    tempfile.mkdtemp()
    return Tally()


def _a_file_here() -> Tally:
    Path("stray.txt").touch()
    return Tally()


def _a_process() -> Tally:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    return Tally()


def _a_failure() -> Tally:
    raise ValueError("on purpose")


@pytest.mark.parametrize(
    ("work", "kind"),
    [(_a_file, "a file is left"), (_a_file_here, "a file is left"), (_a_process, "a process is left"),
     (_a_failure, "the harness has failed"), (Tally, None)],
)  # fmt: skip
def test_what_a_harness_leaves_behind_is_a_finding(
    work: Callable[[], Tally], kind: str | None, capfd: pytest.CaptureFixture[str]
) -> None:
    tally = room.in_a_room(work, 60.0)
    assert [one.kind for one in tally.findings] == ([] if kind is None else [kind])


def test_a_harness_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LATE", 0.1)
    tally = room.in_a_room(lambda: time.sleep(600) or Tally(), 0.1)  # type: ignore[func-returns-value]
    assert [one.kind for one in tally.findings] == ["the harness does not end"]


def test_the_table_has_a_row_for_each_and_stands_where_it_should(tmp_path: Path) -> None:
    tallies = {name: Tally(findings=[Finding("kind", "seen", "1")] * (name == "keys")) for name in HARNESSES}
    made = command.table(tallies, "python -m tests.attack --seed 1")
    file = tmp_path / "page.md"
    file.write_text(f"before\n{command.BEGIN}\nold\n{command.END}\nafter\n")
    for _ in range(2):
        command.put(made, file)
    text = file.read_text()
    assert text == f"before\n{command.BEGIN}\n{made}\n{command.END}\nafter\n"
    assert [line.split(" | ")[0] for line in made.splitlines()[4:]] == [f"| {name}" for name in (*HARNESSES, "all")]
    assert [line.split("|")[6].strip() for line in made.splitlines()[4:]] == ["0", "0", "1", "0", "0", "0", "1"]


def test_each_promise_has_its_harness() -> None:
    modules = [harness.harness(name) for name in HARNESSES]
    assert sorted(one.PROMISE for one in modules) == list(range(1, len(HARNESSES) + 1))
    assert all(one.TRIES and "|" not in one.TRIES for one in modules)


@pytest.mark.slow
@pytest.mark.parametrize("name", HARNESSES)
def test_each_harness_keeps_its_promise_to_leave_nothing(name: str) -> None:
    tally = room.in_a_room(partial(harness.attacked, name, 1.0, 1), 1.0)
    assert tally.findings == []
    assert tally.inputs
