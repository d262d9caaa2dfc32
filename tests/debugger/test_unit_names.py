"""A unit that has a name is that unit wherever one is shown or asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from edited_networks import sentence, stacked
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tui.debugger.commands.dispatch import answer, completions
from lstm_tui.debugger.edits.language import line_of
from lstm_tui.debugger.expressions import ExpressionError
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.session_file import script_of
from lstm_tui.debugger.source import Source
from lstm_tui.debugger.unit_names import UnitNames
from lstm_tui.engine.errors import UserError
from lstm_tui.models.bundled import open_model

NETWORK = stacked()
PASSES = tuple(one.name for one in NETWORK.passes)


def opened(card: object = None) -> Session:
    network = NETWORK if card is None else replace(NETWORK, card={"units": card})
    return Session.open(Source(network, [sentence(network, "The movie was not bad")]))


@pytest.mark.parametrize(
    "form",
    [
        "c[{}]", "prev(c)[{}]", "prev(c[{}])", "c[t-1][{}]", "c[{}] - prev(c[{}])", "mean(c)[0] + f[{}]", "-c[{}]",
        'share("not", c[{}])', "sat(f[{}])", "abs(c[{}], at=\"not\")", "not c[{}] > 0", "{pass}.h[{}] * 2",
        "max(c[{}], 0)", "c[0:3][{}]",
    ],
)  # fmt: skip
@pytest.mark.parametrize("unit", [0, 2])
def test_an_expression_with_a_name_is_the_one_with_its_number(form: str, unit: int) -> None:
    for pass_name in PASSES:
        session = opened()
        session.select_pass(pass_name)
        session.goto(3)
        session.name_unit(pass_name, unit, "gender")
        texts = [form.replace("{pass}", pass_name).replace("{}", part) for part in ("gender", str(unit))]
        named, numbered = (session.evaluate(text) for text in texts)
        assert np.array_equal(named.value.values, numbered.value.values, equal_nan=True)
        assert named.reached == numbered.reached


@pytest.mark.parametrize(
    ("typed", "made"),
    [
        ("set f[gender] = 0", "set layer0.forward.f[2] @ 1 = 0.0"),
        ("set layer1.backward.c[last] @ 3 = 1", "set layer1.backward.c[0] @ 3 = 1.0"),
        ("scale i[gender] @ : * 2", "scale layer0.forward.i[2] @ : * 2.0"),
        ("weight b_f[gender] = -4", "weight layer0.forward/b_f[2] = -4.0"),
        ("weight W_f[gender,:] = 0", "weight layer0.forward/W_f[2,:] = 0.0"),
        ("weight W_f[gender,1] = 0", "weight layer0.forward/W_f[2,1] = 0.0"),
    ],
)
def test_an_edit_with_a_name_is_saved_with_its_number(typed: str, made: str) -> None:
    session = opened()
    session.goto(1)
    answer(session, "name 2 gender")
    answer(session, "name layer1.backward.0 last")
    answer(session, typed)
    assert line_of(session.history.edits[-1]) == made


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("print c[gende]", "did you mean gender?"),
        ("set f[gende] = 0", "did you mean gender?"),
        ("unit gende", "did you mean gender?"),
        ("unit 99", "units, from 0: there is no unit 99"),
        ("name 99 x", "there is no unit 99"),
        ("name 1 gender", "unit 2 of layer0.forward is called gender already"),
        ("name 1 9x", "`9x` is no name for a unit"),
        ("name 1 t", "is no name for a unit"),
        ("name 1 " + "x" * 21, "20 is the most"),
        ("name 1 a b", "such as: name 7 gender"),
        ("name", "such as: name 7 gender"),
        ("set f[gender, = 0", "expected"),
        ("set f[gender:3] = 0", "expected ]"),
    ],
)
def test_what_is_no_name_is_said_in_one_line_and_changes_nothing(line: str, said: str) -> None:
    session = opened()
    answer(session, "name 2 gender")
    before = session.frame
    with pytest.raises(UserError) as told:
        answer(session, line)
    assert said in str(told.value)
    assert "\n" not in str(told.value)
    assert session.frame is before


def test_without_any_name_square_brackets_say_what_may_stand_in_them() -> None:
    with pytest.raises(ExpressionError, match=r"units are written c\[17\]"):
        opened().evaluate("c[gender]")


NAMES = ("gender", "number", "topic", "")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PASSES), st.integers(0, 2), st.sampled_from(NAMES)), max_size=8))
def test_names_are_those_given_last_and_a_saved_session_gives_them_again(
    given_names: list[tuple[str, int, str]],
) -> None:
    card = [{"pass": PASSES[0], "unit": 1, "name": "gender"}, {"pass": PASSES[0], "unit": 2, "name": "topic"}]
    session = opened(card)
    naive = {(PASSES[0], 1): "gender", (PASSES[0], 2): "topic"}
    for pass_name, unit, name in given_names:
        others = [one for (owner, other), one in naive.items() if owner == pass_name and other != unit]
        if name and name in others:
            with pytest.raises(UserError):
                session.name_unit(pass_name, unit, name)
            continue
        session.name_unit(pass_name, unit, name)
        naive.pop((pass_name, unit), None)
        if name:
            naive[pass_name, unit] = name
    names = session.frame.names
    assert {(owner, unit): name for owner, mine in names.of.items() for unit, name in mine.items()} == naive
    again = opened(card)
    for line in script_of(session):
        if line.startswith("name "):
            answer(again, line)
    assert list(again.frame.names.differences(names)) == []


def test_a_name_stays_through_steps_edits_lines_and_forks() -> None:
    session = Session.open(Source(NETWORK, [sentence(NETWORK, text) for text in ("The movie", "was not bad")]))
    answer(session, "name 1 first")
    for line in ("n", "s", "set f[first] = 0", "undo", "redo", "line 2", "pass layer1.backward", "line 1"):
        answer(session, line)
        assert session.frame.names.name("layer0.forward", 1) == "first", line
    fork = session.fork()
    answer(fork, "name layer0.forward.2 second")
    assert not session.frame.names.name("layer0.forward", 2)
    session.join(fork, session.frame)
    assert session.frame.names.name("layer0.forward", 2) == "second"


def test_a_breakpoint_with_a_name_means_the_unit_that_has_it() -> None:
    session = opened()
    answer(session, "name 2 first")
    answer(session, "break c[first] != 0")
    answer(session, "display c[first]")
    answer(session, "name 2")
    answer(session, "name 1 first")
    assert session.evaluate("c[first]").value.values[0, 0] == session.evaluate("c[1]").value.values[0, 0]
    answer(session, "continue")


def test_choosing_a_unit_by_its_name_selects_its_pass() -> None:
    session = opened()
    answer(session, "name layer1.backward.2 last")
    (told,) = answer(session, "unit last")
    assert told.startswith("unit 2 last of layer1.backward: ")
    assert (session.chosen, session.frame.position.pass_name) == (("layer1.backward", 2), "layer1.backward")
    answer(session, "unit c[1]")
    assert session.chosen == ("layer1.backward", 1)
    assert completions(session, "unit l") == ("unit last",)


def test_the_card_names_units_and_a_stranger_s_card_names_none_twice() -> None:
    story = UnitNames.of_network(open_model("story"))
    assert story.number("layer0.forward", "gender") is not None
    card = [
        {"pass": PASSES[0], "unit": 1, "name": "a"}, {"pass": PASSES[0], "unit": 1, "name": "b"},
        {"pass": PASSES[0], "unit": 2, "name": "a"}, {"pass": PASSES[0], "unit": True, "name": "c"},
        {"pass": [], "unit": 3, "name": "d"}, {"pass": PASSES[0], "unit": 3, "name": " "},
        {"pass": PASSES[0], "unit": 10**30, "name": "far"}, {"pass": "nowhere", "unit": 0, "name": "lost"},
    ]  # fmt: skip
    session = opened(card)
    assert {unit: name for unit, name in session.frame.names.of[PASSES[0]].items() if unit < 9} == {1: "a"}
    with pytest.raises(UserError, match="there is no unit"):
        answer(session, "unit far")
    with pytest.raises(UserError):
        answer(session, "unit lost")
    with pytest.raises(UserError):
        answer(session, "print c[far]")


def test_the_answers_name_the_unit() -> None:
    session = opened()
    answer(session, "name 2 gender")
    answer(session, "goto end")
    assert answer(session, "who c[2]")[0].startswith("c[2] gender ")
    assert answer(session, "who c[gender]")[0].startswith("c[gender] moved")
    session.name_unit("layer0.forward", session.who('"not"').unit, "mine") if session.who('"not"').unit != 2 else None
    called = session.frame.names.name("layer0.forward", session.who('"not"').unit)
    assert any(line.endswith(called) and "the largest part" in line for line in answer(session, 'who "not"'))
