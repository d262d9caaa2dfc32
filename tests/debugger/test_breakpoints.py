"""Breakpoints against a loop over every equation of a run; back is the mirror of forth; a stop says why."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from edited_networks import sentence, stacked
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tui.debugger.breakpoints.parse import read_change, read_trigger
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.expressions import parse
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import build_network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import PassTrace, Trace

TEXT = "The movie was not bad , not bad good"
WORDS_TRACE = run(stacked(), sentence(stacked(), TEXT))


def long_trace(steps: int = 260) -> Trace:
    network = build_network(
        {
            "name": "long",
            "input_size": 2,
            "layers": [{"cell": "lstm", "hidden_size": 3, "directions": ["forward", "backward"]}],
            "readout": None,
        },
        seed=5,
    )
    x = np.random.default_rng(7).normal(size=(steps, 2)).astype(np.float32) * 3
    return run(network, Sequence("numbers", tuple(str(t) for t in range(steps)), x=x))


LONG = long_trace()
Key = tuple[int, int]
"""Place on the tape and equation."""

F, _, G, C, SHOW, H = range(6)


def moved(array: np.ndarray, t: int, before: int, by: float) -> bool:
    was = array[before].astype(float) if 0 <= before < len(array) else np.zeros(array.shape[1])
    return bool((np.abs(array[t].astype(float) - was) > by).any())


# every text with the equation after which it stops and what it means at a step of a pass, without any expression
MEANT: dict[str, tuple[int, Callable[[PassTrace, int, int], bool]]] = {
    "mean(f) < .45": (F, lambda p, t, b: p["f"][t].astype(float).mean() < 0.45),
    "c[1] > .4 and mean(f) < .6": (C, lambda p, t, b: p["c"][t, 1] > 0.4 and p["f"][t].astype(float).mean() < 0.6),
    "any(h < -.3)": (H, lambda p, t, b: bool((p["h"][t] < -0.3).any())),
    "c if i[0] > .7": (C, lambda p, t, b: p["i"][t, 0] > 0.7),
    "change c[1] by .4": (C, lambda p, t, b: moved(p["c"][:, 1:2], t, b, 0.4)),
    "watch c[1] by .4 if t > 40": (C, lambda p, t, b: t > 40 and moved(p["c"][:, 1:2], t, b, 0.4)),
    "watch c[0] by .2 if h[1] < 0": (H, lambda p, t, b: p["h"][t, 1] < 0 and moved(p["c"][:, 0:1], t, b, 0.2)),
    "mean(f) < .45 if c[1] > .4": (C, lambda p, t, b: p["c"][t, 1] > 0.4 and p["f"][t].astype(float).mean() < 0.45),
    "c by .8": (C, lambda p, t, b: moved(p["c"], t, b, 0.8)),
    "watch c by .8": (C, lambda p, t, b: moved(p["c"], t, b, 0.8)),
    "o": (SHOW, lambda p, t, b: True),
    "7": (H, lambda p, t, b: t == 7),
    "t > 3 and t < 200": (H, lambda p, t, b: 3 < t < 200),
}


def meant(trace: Trace, pass_name: str, text: str) -> list[Key]:
    """Return where a breakpoint stops, in the reading order, by a loop over all steps."""
    passed = trace[pass_name]
    equation, holds = MEANT[text]
    found = []
    for step in range(passed.steps):
        t = passed.tape_place(step)
        if holds(passed, t, passed.tape_place(step - 1) if step else -1):
            found.append((t, equation))
    return found


def session_on(trace: Trace, pass_name: str, texts: list[str]) -> Session:
    session = Session(trace)
    session.select_pass(pass_name)
    session.goto(trace[pass_name].tape_place(0))
    session.step_out_back()
    for text in texts:
        session.breakpoints.add(read_trigger(text, session.scope()), pass_name)
    return session


def here(session: Session) -> Key:
    return session.frame.t, session.frame.position.equation


def all_stops(session: Session, forward: bool = True) -> list[Key]:
    found: list[Key] = []
    for _ in range(20_000):
        session.continue_(forward)
        assert session.stop is not None
        if not session.stop.by:
            return found
        found.append(here(session))
    raise AssertionError("never at an end")


@pytest.mark.parametrize("text", MEANT)
@pytest.mark.parametrize("trace", [WORDS_TRACE, LONG], ids=["words", "long"])
@pytest.mark.parametrize("pass_name", ["layer0.forward", "layer0.backward"])
def test_the_run_stops_where_a_loop_over_its_equations_would(trace: Trace, pass_name: str, text: str) -> None:
    session = session_on(trace, pass_name, [text])
    assert all_stops(session) == meant(trace, pass_name, text)
    passed = trace[pass_name]
    assert here(session) == (passed.tape_place(passed.steps - 1), H)
    assert session.frame.note == "end of the pass"


@pytest.mark.long
@settings(max_examples=10, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(MEANT)), min_size=1, max_size=3, unique=True),
    st.sampled_from(["layer0.forward", "layer0.backward"]),
)
def test_back_is_the_mirror_of_forth(texts: list[str], pass_name: str) -> None:
    session = session_on(LONG, pass_name, texts)
    passed = LONG[pass_name]
    every = {key for text in texts for key in meant(LONG, pass_name, text)}
    ordered = sorted(every, key=lambda key: (passed.reading_step(key[0]), key[1]))
    assert all_stops(session) == ordered
    end = (passed.tape_place(passed.steps - 1), H)
    assert all_stops(session, forward=False) == [key for key in reversed(ordered) if key != end]
    assert here(session) == (passed.tape_place(0), -1)
    assert session.frame.note == "start of the pass"


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 259), st.integers(-1, 5), st.integers(0, 12), st.booleans(), st.sampled_from(sorted(MEANT)))
def test_from_anywhere_the_nearest_stop_is_taken(t: int, equation: int, ops: int, forward: bool, text: str) -> None:
    session = session_on(LONG, "layer0.forward", [text])
    session.goto(t)
    session.goto_equation(equation)
    for _ in range(ops):
        session.step_in("op")
    position = session.frame.position
    mine = (position.t, position.equation - (0.5 if position.op is not None else 0))
    keys = meant(LONG, "layer0.forward", text)
    beyond = [key for key in keys if key > mine] if forward else [key for key in keys if key < mine]
    session.continue_(forward)
    expected = (min(beyond) if forward else max(beyond)) if beyond else ((259, H) if forward else (0, -1))
    assert here(session) == expected
    assert session.frame.position.op is None


def test_a_breakpoint_of_another_pass_stops_at_its_token() -> None:
    session = session_on(LONG, "layer0.forward", [])
    session.breakpoints.add(read_trigger("change c[1] by .4", session.scope("layer0.backward")), "layer0.backward")
    expected = sorted((t, H) for t, _ in meant(LONG, "layer0.backward", "change c[1] by .4"))
    assert all_stops(session) == expected


@pytest.mark.parametrize("count", [1, 5, 130])
def test_ignored_hits_are_passed_over_and_counted(count: int) -> None:
    text = "o"
    session = session_on(LONG, "layer0.forward", [text])
    session.breakpoints.ignore(1, count)
    keys = meant(LONG, "layer0.forward", text)
    assert len(keys) > count
    session.continue_()
    assert here(session) == keys[count]
    assert session.breakpoints[1].ignore == 0
    assert session.breakpoints[1].hits == count + 1


def test_a_temporary_breakpoint_is_gone_after_its_stop_and_a_disabled_one_is_not_asked() -> None:
    session = session_on(LONG, "layer0.forward", ["7"])
    session.breakpoints.add(read_trigger("c", session.scope()), "layer0.forward", temporary=True)
    session.continue_()
    assert here(session) == (0, C)
    assert [one.number for one in session.breakpoints] == [1]
    session.continue_()
    assert here(session) == (7, H)
    session.goto(0)
    session.breakpoints.enable(1, False)
    session.continue_()
    assert here(session) == (259, H)
    session.goto(0)
    session.breakpoints.enable(1)
    session.breakpoints.change(1, read_trigger("9", session.scope()), "layer0.forward")
    session.continue_()
    assert here(session) == (9, H)


def test_a_cancelled_run_stands_where_it_can_go_on_without_losing_a_stop() -> None:
    for forward in (True, False):
        session = session_on(LONG, "layer0.forward", ["t == 70 or t == 200"])
        if not forward:
            session.goto(259)
        found = []
        for _ in range(100):
            session.continue_(forward, cancelled=lambda: True)
            assert session.stop is not None
            if session.stop.by:
                found.append(session.frame.t)
            elif not session.stop.interrupted:
                break
            else:
                assert session.frame.note == "interrupted"
        assert found == ([70, 200] if forward else [200, 70])


def test_ctrl_c_leaves_a_valid_position(monkeypatch: pytest.MonkeyPatch) -> None:
    session = session_on(LONG, "layer0.forward", ["t == 200"])
    asked = []

    def impatient(done: int, total: int) -> None:
        asked.append((done, total))
        if done > 100:
            raise KeyboardInterrupt

    session.continue_(progress=impatient)
    assert session.frame.note == "interrupted"
    assert asked[0] == (64, 260)
    assert session.frame.position.equation == H
    assert 64 <= session.frame.t < 200
    session.continue_()
    assert session.frame.t == 200


def test_a_stop_says_why() -> None:
    def note(text: str, watch: bool = False) -> str:
        session = session_on(WORDS_TRACE, "layer0.forward", [])
        read = read_change if watch else read_trigger
        session.breakpoints.add(read(text, session.scope()), "layer0.forward")
        return session.continue_().note

    passed = WORDS_TRACE["layer0.forward"]
    value = passed["f"][0].astype(float).mean()
    assert note("mean(f) < 1") == f"breakpoint 1: mean(f) < 1 (mean(f) = {value:.4g})"
    assert note('"not"') == 'breakpoint 1: token == "not"'
    assert note("c") == "breakpoint 1: c (c = f * c + i * g)"
    c = passed["c"].astype(float)
    change = c[0, 1]
    assert note("c[1] by .01", True) == (
        f"watch 1: c[1] by .01 (c[1] moved by {change:+.4g}, more than 0.01: 0 → {change:.4g})"
    )
    unit = int(np.argmax(c[0] > 0))
    assert note("any(c > 0) or f[0] > 2").startswith(
        f"breakpoint 1: any(c > 0) or f[0] > 2 (c[{unit}] = {c[0, unit]:.4g}"
    )
    assert "f[0]" not in note("any(c > 0) or f[0] > 2").partition("(c[")[2]  # what is not true decides nothing


def test_two_breakpoints_at_one_place_both_say_why() -> None:
    session = session_on(WORDS_TRACE, "layer0.forward", ["3", '"not"'])
    session.continue_()
    assert session.frame.note == 'breakpoint 1: t == 3; breakpoint 2: token == "not"'
    assert [one.hits for one in session.breakpoints] == [1, 1]


ABOUT_A_PASS = [*[*MEANT][:6], "c by .8", "watch c by .8", "o", "prev(c[1]) > -9", "t > 2 if h[0] < 9"]
ABOUT_NONE = ["7", "t > 3 and t < 200", "layer0.forward.h[0] < 9", 'token != "nobody"']


@pytest.mark.parametrize("text", ABOUT_A_PASS + ABOUT_NONE)
def test_a_stop_in_another_pass_names_the_pass_it_is_about(text: str) -> None:
    session = session_on(LONG, "layer0.forward", [text])
    word = next(iter(session.breakpoints)).word
    session.continue_()
    assert session.frame.note.startswith(f"{word} 1: ")
    session.select_pass("layer0.backward")
    session.goto(len(LONG.sequence) - 1)
    session.step_out_back()
    session.continue_()
    assert session.frame.note.startswith(f"{word} 1 of layer0.forward: " if text in ABOUT_A_PASS else f"{word} 1: ")


def test_a_number_that_is_none_stops_where_it_comes_up() -> None:
    network = stacked()
    for passes in ("layer0.forward", "layer0.backward"):
        session = Session.open(Source(network, [sentence(network, TEXT)]))
        session.edit(parse_edit(f"set {passes}.g[2] @ 4 = inf"))
        session.select_pass(passes)
        session.goto(0 if passes.endswith("forward") else 8)
        session.step_out_back()
        session.breakpoints.add(read_trigger("nan", session.scope()), passes)
        session.continue_()
        assert here(session) == (4, G)
        assert f"{passes}.g[2] is inf" in session.frame.note
        session.continue_()
        assert here(session) == (4, C)


def test_the_class_of_the_output_that_changes() -> None:
    network = build_network(
        {
            "name": "forward",
            "tokens": {"kind": "words", "lowercase": True, "vocabulary": ["<unk>", "not", "bad", "good", "was"]},
            "embedding_size": 5,
            "layers": [{"cell": "lstm", "hidden_size": 4, "directions": ["forward"]}],
            "readout": "linear",
            "classes": ["negative", "positive"],
        },
        seed=4,
    )
    trace = run(network, sentence(network, "was not bad good not good bad was not"))
    assert trace.output is not None
    said = trace.output.argmax(axis=1)
    session = session_on(trace, "layer0.forward", ["class"])
    expected = [(t, H) for t in range(1, 9) if said[t] != said[t - 1]]
    assert expected
    assert all_stops(session) == expected
    with pytest.raises(UserError, match="a pass reads from the end"):
        read_trigger("class", Session(WORDS_TRACE).scope())


def test_until_goes_on_to_one_place_or_to_a_breakpoint_before_it() -> None:
    session = session_on(LONG, "layer0.forward", ["50"])
    session.until(read_trigger("80", session.scope()))
    assert session.frame.t == 50
    assert session.frame.note.startswith("breakpoint 1")
    session.until(read_trigger("80", session.scope()))
    assert session.frame.t == 80
    assert session.frame.note == "t == 80"
    session.until(read_trigger("o", session.scope()), forward=False)
    assert here(session) == (80, SHOW)
    assert len(session.breakpoints) == 1


def test_what_a_bare_word_means() -> None:
    scope = Session(WORDS_TRACE).scope()
    assert read_trigger("movie", scope).text == 'token == "movie"'
    assert read_trigger("c", scope).text == "c"  # the name of a value comes first
    assert read_trigger(",", scope).text == 'token == ","'
    assert read_trigger('"not" if t > 3', scope).text == 'token == "not" if t > 3'
    for text, said in {
        "": "stop where",
        "moive": "layer0.forward has no value moive",
        "99": "there is no place 99",
        "x": "x has no equation",
        "c if": "a condition is missing",
        "mean(f)": "compare it",
        "watch c by x": "stands a number",
        "watch token by 3": "only a number moves",
    }.items():
        with pytest.raises(UserError, match=said):
            read_trigger(text, scope)


def test_a_breakpoint_that_means_nothing_in_an_edited_run_says_so() -> None:
    session = session_on(WORDS_TRACE, "layer0.forward", [])
    session.breakpoints.add(read_trigger('mean(f, at="movie") > 2', session.scope()), "layer0.forward")
    session.edit(parse_edit("remove 1"))
    with pytest.raises(UserError, match="breakpoint 1 means nothing in this run: there is no token"):
        session.continue_()


def test_displays_are_marked_when_they_changed() -> None:
    session = session_on(WORDS_TRACE, "layer0.forward", [])
    session.goto(0)
    session.displays.add(parse("token"), session.scope())
    session.displays.add(parse("t > 5"), session.scope())
    assert [one.line for one in session.stops.shown()] == ["1:   token = “The”", "2:   t > 5 = false"]
    session.next()
    assert [one.line for one in session.stops.shown()] == ["1: * token = “movie”   was “The”", "2:   t > 5 = false"]
    session.displays.delete(1)
    assert [one.number for one in session.stops.shown()] == [2]
    with pytest.raises(UserError, match="there is no display 1; there are: 2"):
        session.displays.delete(1)


def test_an_answer_says_whether_the_run_has_come_to_it() -> None:
    session = session_on(WORDS_TRACE, "layer0.forward", [])
    session.goto(3)
    assert session.evaluate("c[1]").reached
    session.goto_equation(F)
    assert session.evaluate("mean(f)").reached
    assert not session.evaluate("c[1] + f[0]").reached
    assert session.evaluate("prev(c)[1]").reached
    assert session.evaluate("layer1.forward.c").reached
