"""Who moved a value, lost a memory, or first became NaN: against loops over the run, and in runs broken on purpose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from edited_networks import sentence, stacked
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tui.analysis.ledger import flow_of, ledger_at
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.provenance.nonfinite import birth
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.run import run

TEXT = "The movie was not bad , not bad good the movie was good"
NETWORK = stacked()
TRACE = run(NETWORK, sentence(NETWORK, TEXT))
STEPS = len(TRACE.sequence)
VALUES = ("f", "i", "g", "c", "o", "h")


def moves(pass_name: str, value: str, unit: int, steps: int) -> list[tuple[int, float]]:
    """Return place and size of every move of one unit in the first steps of a pass, in its reading order."""
    passed = TRACE[pass_name]
    found = []
    for step in range(steps):
        t = passed.tape_place(step)
        if step:
            was = float(passed[value][passed.tape_place(step - 1), unit])
        elif value in passed.initial:
            was = float(passed.initial[value][unit])
        else:
            continue  # a gate had no value before the first step
        found.append((t, float(passed[value][t, unit]) - was))
    return found


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["layer0.forward", "layer1.backward"]),
    st.sampled_from(VALUES),
    st.integers(0, 2),
    st.integers(0, STEPS - 1),
    st.integers(0, 5),
    st.sampled_from([None, 0.0, 0.05, 0.2, 0.6]),
)
def test_the_step_that_moved_a_value_is_that_of_a_loop(
    pass_name: str, value: str, unit: int, t: int, equation: int, by: float | None
) -> None:
    session = Session(TRACE)
    session.select_pass(pass_name)
    session.goto(t)
    session.goto_equation(equation)
    taken = TRACE[pass_name].reading_step(t) + (VALUES.index(value) <= equation)
    every = moves(pass_name, value, unit, taken)
    blame = session.who(f"{value}[{unit}]" + ("" if by is None else f" by {by}"))
    far = [one for one in every if abs(one[1]) > (by or 0)]
    if not far:
        assert blame.pass_name is None
        assert blame.lines[0].startswith(f"nothing moved {value}[{unit}]")
        return
    expected = far[-1] if by is not None else max(far, key=lambda one: abs(one[1]))
    assert (blame.t, blame.pass_name, blame.unit) == (expected[0], pass_name, unit)
    assert blame.value == value
    assert f"moved by {expected[1]:+.4g} at t={expected[0]}" in blame.lines[0]


def test_of_a_vector_the_unit_is_found_and_its_change_is_split() -> None:
    session = Session(TRACE)
    session.goto(STEPS - 1)
    blame = session.who("c")
    passed = TRACE["layer0.forward"]
    flow = flow_of(passed, "c")
    assert flow is not None
    c = np.vstack([passed.initial["c"][None], passed["c"]]).astype(float)
    change = np.abs(np.diff(c, axis=0))
    step, unit = map(int, np.unravel_index(np.argmax(change), change.shape))
    assert (blame.t, blame.unit) == (step, unit)
    kept = (flow.keep[step, unit] - 1) * c[step, unit]
    assert f"  keeping changed it by {kept:+.4g}, writing by {flow.write[step, unit]:+.4g}" in blame.lines
    assert blame.lines[1] == "  c = f · c + i · g"


def test_a_value_of_another_pass_is_followed_in_its_own_order_to_its_end() -> None:
    session = Session(TRACE)
    far = [t for t, size in moves("layer0.backward", "c", 1, STEPS) if abs(size) > 0.1]
    for t in (STEPS - 1, 3, 0):  # wherever the selected pass stands, the other one has run
        session.goto(t)
        blame = session.who("layer0.backward.c[1] by .1")
        assert (blame.pass_name, blame.t) == ("layer0.backward", far[-1])


def shares(session: Session, token: str) -> list[float]:
    passed = session.frame.trace["layer0.forward"]
    flow = flow_of(passed, "c")
    assert flow is not None
    at = [t for t, one in enumerate(session.frame.trace.sequence.tokens) if one.lower() == token]
    found = []
    for t in range(len(session.frame.trace.sequence)):
        ledger = ledger_at(passed, flow, t)
        sizes = np.abs(ledger.by_token).sum() + np.abs(ledger.start).sum()
        found.append(np.abs(ledger.by_token[at]).sum() / sizes)
    return found


def amounts(session: Session, token: str) -> list[float]:
    passed = session.frame.trace["layer0.forward"]
    flow = flow_of(passed, "c")
    assert flow is not None
    at = [t for t, one in enumerate(session.frame.trace.sequence.tokens) if one.lower() == token]
    return [float(np.abs(ledger_at(passed, flow, t).by_token[at]).sum()) for t in range(passed.steps)]


def test_a_gate_that_closes_is_found_and_named() -> None:
    session = Session.open(Source(NETWORK, [sentence(NETWORK, "The movie was not bad good")]))
    session.edit(parse_edit("set layer0.forward.f[:] @ 4 = 0"))
    session.goto(5)
    blame = session.who('"movie"')
    assert blame.t == 4
    was, now = shares(session, "movie")[3:5]
    had, left = amounts(session, "movie")[3:5]
    assert left == 0
    assert blame.lines[0] == (
        f'"movie" lost {had:.4g} of its {had:.4g} in c (sizes, summed over 4 units) at t=4 “bad”, layer0.forward '
        f"(the most it lost in one step); share {was:.4g} → {now:.4g}"
    )
    assert blame.lines[1].startswith("  f kept 0 % of it; 100 % of c is now this step's own")
    assert session.who('"movie" by .9').lines == ('nothing lost "movie" by more than 0.9 up to here',)


def test_the_first_token_of_a_text_is_not_lost_where_others_only_begin_to_write() -> None:
    session = Session.open(Source(NETWORK, [sentence(NETWORK, "The movie was not bad good")]))
    session.edit(parse_edit("set layer0.forward.f[:] @ : = .95"), parse_edit("set layer0.forward.f[:] @ 4 = .1"))
    session.edit(parse_edit("set layer0.forward.f[:] @ 3 = .5"))
    session.goto(5)
    blame = session.who('"the"')
    had = amounts(session, "the")
    assert blame.t == 3, "less than a tenth was kept at 4, but of less: the amount fell most at 3"
    assert had[2] - had[3] > had[3] - had[4]
    assert "(the most it lost in one step)" in blame.lines[0]
    assert blame.lines[1].startswith("  f kept 50 % of it")
    assert f"  next largest: t=4 “bad” {had[3] - had[4]:.4g}, " in "\n".join(blame.lines)
    session = Session.open(Source(NETWORK, [sentence(NETWORK, "The movie was not bad good bad good")]))
    session.edit(parse_edit("set layer0.forward.f[:] @ : = .7"), parse_edit("set layer0.forward.f[:] @ 3 = .2"))
    session.goto(7)
    (listed,) = [line for line in session.who('"the"').lines if line.startswith("  next largest: ")]
    assert listed.count("t=") == 3, "the three next of the six others"


@pytest.mark.parametrize("by", ["", " by .05"])
def test_a_token_is_asked_for_by_its_place_as_by_its_share(by: str) -> None:
    session = Session.open(Source(NETWORK, [sentence(NETWORK, "The movie was not bad good")]))
    session.goto(5)
    for t in range(6):
        short, long = session.who(f"tok[{t}]{by}"), session.who(f"share(tok[{t}]){by}")
        lines = tuple(line.replace(f"nothing lost share(tok[{t}])", f"nothing lost tok[{t}]") for line in long.lines)
        assert short == replace(long, lines=lines), t  # each calls it as it was asked for
    assert session.who("tok[1]").pass_name is not None


def test_what_is_lost_further_on_is_foretold() -> None:
    session = Session.open(Source(NETWORK, [sentence(NETWORK, "The movie was not bad good")]))
    session.edit(parse_edit("set layer0.forward.f[:] @ : = .95"), parse_edit("set layer0.forward.f[:] @ 4 = .1"))
    blame = session.who('"movie"')
    assert blame.pass_name is None
    assert blame.lines == ('nothing lost "movie" up to here; it will be at t=4 “bad”: `goto end`, then ask again',)
    session.goto(5)
    assert session.who('"movie"').t == 4


def test_a_state_of_the_step_before_is_not_blamed_for_a_number_that_is_none() -> None:
    broken = NETWORK.copy()
    broken.tensors()["layer0.forward/U_g"][1, 3] = np.nan
    lines = Session(run(broken, sentence(broken, TEXT))).who("nan").lines
    assert lines[0].startswith("layer0.forward.g[1] is nan at t=0")
    assert not any(line.strip().startswith("h[") for line in lines)


def test_what_is_written_over_a_memory_is_found_and_named() -> None:
    session = Session.open(Source(NETWORK, [sentence(NETWORK, "The movie was not bad good")]))
    session.edit(parse_edit("set layer0.forward.f[:] @ : = 1"), parse_edit("set layer0.forward.g[:] @ 3 = 50"))
    session.goto(5)
    blame = session.who('"the"')
    share = np.array(shares(session, "the"))
    assert blame.t == int(np.argmax(share[:-1] - share[1:])) + 1
    assert blame.lines[0].endswith("(the most it fell in one step: diluted, not lost)")
    assert blame.lines[1].startswith("  i, g wrote over it; kept 100 % of it")
    session.goto_equation(0)
    at_three = session.who('"the" by .1')
    assert at_three.t == int(np.flatnonzero(share[:-1] - share[1:] > 0.1)[-1]) + 1


def test_where_a_number_was_born_that_is_none() -> None:
    session = Session.open(Source(NETWORK, [sentence(NETWORK, TEXT)]))
    assert session.who("nan").lines == ("every number of this run is finite",)
    session.edit(parse_edit("set layer0.backward.i[1] @ 5 = inf"))
    blame = session.who("nan")
    assert (blame.pass_name, blame.t, blame.value, blame.unit) == ("layer0.backward", 5, "i", 1)
    assert blame.lines[0].startswith("layer0.backward.i[1] is inf at t=5 “,”: the first number that is not finite")
    session.edit(parse_edit("set layer0.forward.x[2] @ 7 = inf"))
    blame = session.who("nan")
    assert (blame.pass_name, blame.t) == ("layer0.forward", 7)


@pytest.mark.parametrize(("value", "row"), [("f", 1), ("o", 2)])
def test_a_weight_that_is_none_is_named(value: str, row: int) -> None:
    broken = NETWORK.copy()
    broken.tensors()[f"layer0.forward/U_{value}"][row, 3] = np.nan
    trace = run(broken, sentence(broken, TEXT))
    found = birth(trace)
    assert found is not None
    assert (found.pass_name, found.t, found.value, found.unit) == ("layer0.forward", 0, value, row)
    assert found.parameter == f"U_{value}[{row},3]"
    assert f"U_{value}" in found.op
    lines = Session(trace).who("nan").lines
    assert f"  the weight U_{value}[{row},3] is itself not finite" in lines


def test_an_embedding_that_is_none_is_said_to_be_given() -> None:
    broken = NETWORK.copy()
    assert broken.embedding is not None
    broken.embedding[4, 2] = np.inf  # not
    lines = Session(run(broken, sentence(broken, TEXT))).who("nan").lines
    assert lines[0].startswith("layer0.forward.x[2] is inf at t=3 “not”")
    assert "the input or the embedding" in lines[1]


def test_a_question_that_means_nothing_is_refused() -> None:
    session = Session(TRACE)
    for text, said in {
        "": "who did what",
        '"moive"': 'column 1: .*did you mean "movie"',
        "token": "a text does not move",
        "c[1] by x": "stands a number",
        "c[9]": "c has 4 units",
        "share(f)": "takes a token",
        "tok[99]": "column 1: this tape has 13 tokens, from 0",
        "last tok[99] by .1": "column 1: this tape",
        'share("bad", f)': "f is no memory",
    }.items():
        with pytest.raises(UserError, match=said):
            session.who(text)
