"""How long the part of the token with the largest share is kept: held against loops over the ledger of every step."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from edited_networks import sentence, stacked
from present import present

from lstm_tui.analysis.ledger import FlowPart, flow_between, flow_of
from lstm_tui.debugger.edits.apply import apply
from lstm_tui.debugger.edits.edit_reader import parse_edit_script
from lstm_tui.debugger.provenance.kept_part import KeptPart, kept_part, kept_sentence
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import PassTrace

TEXT = "The movie was not bad the movie was good"
WAYS = ("forward", "backward")


def flowing(way: str, random: np.random.Generator | None = None) -> FlowPart:
    """Return a pass of four units with its flow, or with numbers at random in the place of it."""
    network = stacked()
    passed = run(network, sentence(network, TEXT))[f"layer0.{way}"]
    flow = present(flow_of(passed, "c"))
    if random is None:
        return FlowPart(passed, flow)
    keep = random.choice([1.0, 0.9, 0.7, 0.3, 0.02, -0.8], flow.keep.shape, p=[0.3, 0.3, 0.2, 0.1, 0.05, 0.05])
    write = random.normal(size=keep.shape) * random.choice([0.0, 0.05, 2.0], keep.shape, p=[0.2, 0.5, 0.3])
    return FlowPart(passed, replace(flow, keep=keep, write=write, start=flow.start * 0))


def by_loops(part: FlowPart, unit: int | None, tokens: range, steps: range) -> KeptPart | None:
    """Return the same from the ledger after each step, number by number."""
    passed = part.passed
    ordered = sorted(steps, key=lambda step: passed.reading_step(step - part.first))
    sums, has = dict.fromkeys(tokens, 0.0), {t: [] for t in tokens}  # type: dict[int, float], dict[int, list[float]]
    for step in ordered:
        ledger = part.ledger(step, unit=unit)
        whole = sum(abs(float(one)) for one in ledger.by_token.ravel()) + sum(abs(float(one)) for one in ledger.start)
        whole += 0.0 if ledger.edits is None else sum(abs(float(one)) for one in ledger.edits.ravel())
        for t in tokens:
            size = sum(abs(float(one)) for one in ledger.by_token[t - part.first])
            has[t].append(size)
            sums[t] += size / whole if whole else 0.0
    best = max(sums.values())
    if best == 0:
        return None
    token = next(t for t in tokens if sums[t] > best - 1e-12)
    mine = has[token]
    lost = [before - after for before, after in pairwise(mine)]
    share = sums[token] / len(ordered)
    if lost and max(lost) > 0:
        n = next(n for n, one in enumerate(lost) if one > max(lost) - 1e-12)
        if lost[n] > mine[n] / 2:
            return KeptPart(token, share, mine[n] / max(mine), ordered[n + 1], lost[n] / mine[n])
    return KeptPart(token, share, mine[-1] / max(mine))


def agrees(found: KeptPart | None, wanted: KeptPart | None) -> bool:
    if found is None or wanted is None:
        return found is wanted
    same = (found.token, found.until) == (wanted.token, wanted.until)
    mine, theirs = ((one.share, one.kept, one.lost) for one in (found, wanted))
    return same and bool(np.allclose(mine, theirs, rtol=1e-9, atol=1e-12))


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_it_is_what_loops_over_the_ledger_find(way: str) -> None:
    random = np.random.default_rng(7)
    endings = {"until": 0, "kept": 0, "fades": 0}
    for number in range(150):
        part = flowing(way, random if number else None)
        length = part.passed.steps
        unit = None if number % 5 == 0 else number % 4
        low, high = sorted(random.choice(length + 1, 2, replace=False).tolist())
        steps = range(low, high) if number % 3 else range(length)
        if way == "forward" and number % 2 == 0:
            steps = range(steps.stop)  # as the run has reached them
        tokens = range(length) if number % 4 else range(2, length - 1)
        found, wanted = kept_part(part, unit, tokens, steps), by_loops(part, unit, tokens, steps)
        assert agrees(found, wanted), (number, found, wanted)
        if found is not None:
            endings["until" if found.until is not None else "kept" if found.kept >= 0.5 else "fades"] += 1
    assert min(endings.values()) > 3, endings


@pytest.mark.parametrize("way", WAYS)
def test_of_a_stretch_of_a_pass_places_are_those_of_the_whole_tape(way: str) -> None:
    network = stacked()
    passed = run(network, sentence(network, TEXT))[f"layer0.{way}"]
    for start, stop in ((0, 5), (3, 8), (2, passed.steps)):
        part = present(flow_between(passed, "c", start, stop))
        for unit in (None, 0, 1, 2, 3):
            found = kept_part(part, unit, part.places, part.places)
            assert agrees(found, by_loops(part, unit, part.places, part.places)), (start, stop, unit)
            assert found is not None
            assert found.token in part.places


@pytest.mark.parametrize(
    ("edit", "by"),
    [("set layer0.forward.c[:] @ 3 = 0.01", "where an edit of c lets 100 % of that go"),
     ("set layer0.forward.f[:] @ 3 = 0.25", "where the forget gate f = 0.25 lets 75 % of that go"),
     ("set layer0.forward.f[:] @ 3 = 0", "where the forget gate f = 0 lets 100 % of that go")],
)  # fmt: skip
def test_what_an_edit_did_is_said_of_the_edit(edit: str, by: str) -> None:
    network = stacked()
    made = apply(parse_edit_script(edit), network, sentence(network, TEXT))
    passed = run(made.network, made.sequence, holds=made.holds)["layer0.forward"]
    part, steps = FlowPart(passed, present(flow_of(passed, "c"))), range(4)
    told = 0
    for unit in range(4):
        found = kept_part(part, unit, range(passed.steps), steps)
        assert agrees(found, by_loops(part, unit, range(passed.steps), steps))
        if found is not None and found.until == 3:
            told += 1
            assert kept_sentence(part, found, unit, "it", ("a", "b")).endswith(f"kept until b, {by}")
    assert told >= 2


def scripted(keep: list[float], write: list[float]) -> FlowPart:
    """Return a pass whose first unit keeps and is written what is given."""
    part = flowing("forward")
    size = part.flow.keep.shape

    def column(numbers: list[float]) -> Array:
        made = np.zeros(size)
        made[: len(numbers), 0] = numbers
        made[len(numbers) :, 0] = numbers[-1]
        return made

    return FlowPart(part.passed, replace(part.flow, keep=column(keep), write=column(write), start=part.flow.start * 0))


def said(part: FlowPart, steps: range | None = None) -> str:
    everything = range(part.passed.steps)
    found = kept_part(part, 0, everything, steps or everything)
    assert found is not None
    until = found.until
    return kept_sentence(part, found, 0, "unit 0", (f"«{found.token}»", f"«{until}»"))


def test_the_sentence_has_the_step_the_gate_and_its_number() -> None:
    part = scripted([1.0, 1.0, 0.9, 1.0, 0.03, 1.0], [2.0, 0.0, 0.0, 0.0, 0.1, 0.0])
    f = float(part.passed["f"][4][0])
    assert said(part, range(6)) == (
        "«0» had the largest share of unit 0, 78 % on average: 90 % of its part is kept until «4», "
        f"where the forget gate f = {f:.2g} lets 97 % of that go"
    )


def test_what_is_still_there_is_kept_and_what_went_little_by_little_fades() -> None:
    assert said(scripted([0.95], [2.0, 0.0])).endswith(
        "66 % of its part is still kept, and no single step lost more than half of it"
    )
    assert said(scripted([0.7], [2.0, 0.0])).endswith(
        "its part has faded to 6 %, and no single step lost more than half of it"
    )
    at_half = scripted([1.0, 0.5, 1.0], [2.0, 0.0])
    assert "is still kept" in said(at_half)  # a half is not more than half


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_of_what_is_not_finite_nothing_is_said(number: float) -> None:
    part = scripted([1.0], [2.0, number, 0.0])
    assert kept_part(part, 0, range(5), range(5)) is None
    assert kept_part(part, 0, range(5), range(1)) is not None


def test_of_a_memory_that_holds_nothing_nothing_is_said() -> None:
    part = scripted([1.0], [0.0])
    assert kept_part(part, 0, range(5), range(5)) is None
    assert kept_part(part, 0, range(5), range(0)) is None
    assert isinstance(part.passed, PassTrace)
