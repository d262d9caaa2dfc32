"""The words of `who`, each against its own definition: loops over the ledger and over values, on every bundled network.

The loops here know nothing of how an answer is found: a contribution is written at its step and multiplied by every
keep since; what a token lost in a step is the sum of the sizes of its contributions before less the sum after.
"""

from __future__ import annotations

import itertools
import math
import re
from functools import partial

import numpy as np
import pytest
from edited_networks import stacked
from hypothesis import given
from hypothesis import strategies as st

from lstm_tui.analysis.ledger import flow_of
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.provenance.falls import falls, not_known
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.compiler.roles import memory_of
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.trace import PassTrace
from lstm_tui.formats.inputs.inputs import text_sequence
from lstm_tui.models import bundled_names
from lstm_tui.models.bundled import open_model

TEXTS = (
    "The movie was not bad , not bad at all . this film was a good story and the music was not good .",
    "Ganesh likes AIML . he likes AIML . Ram likes tea . he likes tea . what does he like ? tea .",
    "red na ta which blue na ta which",
)
LOST = re.compile(
    r"(?P<what>.+) lost (?P<by>\S+) of its (?P<had>\S+) in (?P<memory>\S+)"
    r"( \(sizes, summed over (?P<units>\d+) units\))? at t=(?P<t>\d+) “.*”, (?P<pass>\S+) "
    r"\(the most it lost in one step\); share (?P<was>\S+) → (?P<now>\S+?)"
    r"(?P<grew>: it grew, for the others lost more of theirs)?"
)
DILUTED = re.compile(
    r"share\(.*\) fell from (?P<was>\S+) to (?P<now>\S+) at t=(?P<t>\d+) “.*”, (?P<pass>\S+) "
    r"\(the most it fell in one step: diluted, not lost\)"
)


def amounts_and_shares(passed: PassTrace, places: list[int]) -> tuple[list[float], list[float]]:
    """Return, after each step of a pass in its reading order, what some tokens have of its memory, and their share."""
    flow = flow_of(passed, memory_of(passed.cell))
    assert flow is not None
    theirs = {passed.reading_step(t) for t in places}
    units = flow.keep.shape[1]
    mine: dict[int, list[float]] = {}
    rest: list[list[float]] = [[float(one) for one in flow.start]]
    amounts, shares = [], []
    for step in range(passed.steps):
        for contribution in (*mine.values(), *rest):
            for unit in range(units):
                contribution[unit] *= float(flow.keep[step, unit])
        new = [float(one) for one in flow.write[step]]
        if step in theirs:
            mine[step] = new
        else:
            rest.append(new)
        if flow.edit is not None:
            rest.append([float(one) for one in flow.edit[step]])
        have = sum(abs(one) for contribution in mine.values() for one in contribution)
        others = sum(abs(one) for contribution in rest for one in contribution)
        amounts.append(have)
        shares.append(have / (have + others) if have + others else 0.0)
    return amounts, shares


def check_answer(session: Session, t: int) -> bool:
    """Ask who lost a token and check every word of the answer; say whether somebody is named."""
    passed = session.frame.passed
    lines = session.who(f"share(tok[{t}])").lines
    amounts, shares = amounts_and_shares(passed, [t])
    lost = [before - after for before, after in itertools.pairwise(amounts)]
    thinned = [before - after for before, after in itertools.pairwise(shares)]
    close = partial(pytest.approx, rel=1e-3, abs=1e-9)
    if match := LOST.fullmatch(lines[0]):
        step = passed.reading_step(int(match["t"]))
        assert lost[step - 1] >= max(lost) * (1 - 1e-9), (lines[0], lost)
        assert float(match["by"]) == close(lost[step - 1])
        assert float(match["had"]) == close(amounts[step - 1])
        assert int(match["units"] or 1) == passed[memory_of(passed.cell)].shape[1]
        assert bool(match["grew"]) == (shares[step] > shares[step - 1])
    elif match := DILUTED.fullmatch(lines[0]):
        step = passed.reading_step(int(match["t"]))
        assert max(lost) <= 1e-12 * max(amounts), lines[0]
        assert thinned[step - 1] >= max(thinned) * (1 - 1e-9)
    else:
        assert lines[0].startswith("nothing lost"), lines[0]
        assert max([*lost, *thinned], default=0.0) <= 0
        return False
    assert float(match["was"]) == close(shares[step - 1])
    assert float(match["now"]) == close(shares[step])
    kept = re.search(r"kept (\d+) % of it", lines[1])
    assert kept
    flow = flow_of(passed, memory_of(passed.cell))
    assert flow is not None
    return True


def asked(session: Session, every: int = 1) -> tuple[int, int]:
    """Ask of tokens in every pass, at the end of the run; return how many answers there were, and how many name one."""
    answers = named = 0
    for name, passed in session.frame.trace.items():
        if flow_of(passed, memory_of(passed.cell)) is None:
            continue
        session.select_pass(name)
        session.goto(passed.tape_place(passed.steps - 1))
        for t in range(0, passed.steps, every):
            named += check_answer(session, t)
            answers += 1
    return answers, named


@pytest.mark.slow  # the answers that others check are a part of these
def test_the_step_that_lost_most_of_a_token_is_that_of_a_loop_over_the_ledger() -> None:
    answers = named = 0
    for model in bundled_names():
        network = open_model(model)
        if network.tokens is None:
            continue
        for text in TEXTS:
            try:
                session = Session.open(Source(network, [text_sequence(text, network.tokens)]))
            except UserError:
                continue
            both = asked(session, every=max(len(session.frame.trace.sequence) // 20, 1))
            answers, named = answers + both[0], named + both[1]
    assert answers >= 500, answers
    assert named > answers // 2


@pytest.mark.parametrize(
    "edits",
    [
        (),
        ("set layer0.forward.f[:] @ : = 1",),
        ("set layer0.forward.f[:] @ 3 = 0", "scale layer0.forward.c[1] @ 5 * -2"),
        ("set layer0.forward.c[:] @ 4 = 0.5",),
        ("let f = 1",),
        ("scale layer1.backward.f[:] @ : * 1.5",),
    ],
)
def test_the_same_of_edited_networks(edits: tuple[str, ...]) -> None:
    network = stacked()
    assert network.tokens is not None
    session = Session.open(
        Source(network, [text_sequence("The movie was not bad , not bad good the movie was", network.tokens)])
    )
    session.edit(*map(parse_edit, edits))
    answers, _ = asked(session)
    assert answers >= 40


NUMBERS = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.integers(-3, 3).map(float))


@given(st.lists(NUMBERS, max_size=12))
def test_falls_are_those_of_a_loop_and_what_is_no_number_is_not_known(series: list[float]) -> None:
    expected, unknown = [], []
    for step, (before, after) in enumerate(itertools.pairwise(series)):
        if not (math.isfinite(before) and math.isfinite(after)):
            unknown.append(step)
        elif before - after > 0:
            expected.append((step, before - after))
    found = falls(np.array(series, dtype=np.float64))
    assert sorted((one.step, one.by) for one in found) == expected
    assert list(not_known(np.array(series, dtype=np.float64))) == unknown
    assert all(one.by >= other.by for one, other in itertools.pairwise(found))
    if found:
        largest = max(by for _, by in expected)
        assert found[0].step == next(step for step, by in expected if by == largest), "the first of the largest"


@pytest.mark.parametrize("number", ["nan", "inf"])
def test_what_is_no_number_is_not_known_to_be_lost(number: str) -> None:
    network = stacked().copy()
    network.tensors()["layer0.forward/U_g"][1, 3] = float(number)
    assert network.tokens is not None
    session = Session.open(Source(network, [text_sequence("The movie was not bad good", network.tokens)]))
    session.goto(5)
    for line in ('"movie"', "c", "norm(h)", "c[1]"):
        head = session.who(line).lines[0]
        assert "nothing" not in head, head
        assert "not known" in head or "as far as is known" in head or "moved by" in head, head
        assert "+nan" not in head
