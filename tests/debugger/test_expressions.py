"""Expressions over a run against loops over its steps; mistakes at their column; hostile text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from edited_networks import sentence, stacked
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_expressions import Absent, Made, Truth, counted, leaf, numeric, truth
from numpy.typing import ArrayLike
from present import present
from shown import is_one_safe_line

from lstm_tui.analysis.ledger import flow_of, ledger_at
from lstm_tui.debugger.breakpoints.assertions import judge
from lstm_tui.debugger.breakpoints.conditions import Condition
from lstm_tui.debugger.expressions import ExpressionError, Scope, Series, condition, evaluate, parse, series
from lstm_tui.debugger.expressions.functions import FUNCTIONS
from lstm_tui.debugger.expressions.shares import kept_sums
from lstm_tui.engine.compiler.ops import OPS
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import build_network
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace

TEXT = "The movie was not bad , not bad good"
HERE = "layer0.backward"


def made(cell: str = "lstm") -> Trace:
    network = stacked(cell)
    return run(network, sentence(network, TEXT))


TRACE = made()
SCOPE = Scope(TRACE, HERE)
LEAVES = [
    leaf(HERE, "f", 4, plain=True),
    leaf(HERE, "c", 4, plain=True),
    leaf(HERE, "x", 5, plain=True),
    leaf("layer0.forward", "c", 4, plain=False),
    leaf("layer1.backward", "h", 3, plain=False),
]
STEPS = len(TRACE.sequence)


def refusal(text: str) -> ExpressionError | None:
    """Return why an expression has no answer; None when it has one."""
    try:
        evaluate(parse(text), SCOPE, 0, STEPS)
    except ExpressionError as error:
        return error
    return None


def at(text: str, t: int, scope: Scope = SCOPE) -> np.ndarray:
    return np.asarray(evaluate(parse(text), scope, t, t + 1).values[0])


def poisoned(trace: Trace, seed: int, part: float = 0.04) -> Trace:
    """Return a run in which some numbers of every value are NaN, infinite, huge, tiny or 0."""
    random = np.random.default_rng(seed)
    passes = {}
    for name, passed in trace.passes.items():
        arrays = {}
        for value, array in passed.arrays.items():
            arrays[value] = array.copy()
            there = random.random(array.shape) < part
            arrays[value][there] = random.choice([np.nan, np.nan, np.inf, -np.inf, 1e30, 1e-42, 0.0], there.sum())
        passes[name] = replace(passed, arrays=arrays)
    return replace(trace, passes=passes)


POISONED = [TRACE, *(poisoned(TRACE, seed) for seed in range(1, 6))]
POISON = st.integers(0, len(POISONED) - 1)


@settings(max_examples=300)
@given(st.one_of(numeric(LEAVES), counted(LEAVES)), POISON)
def test_numbers_at_all_steps_are_those_of_a_loop_over_the_steps(one: Made, poison: int) -> None:
    trace = POISONED[poison]
    found = evaluate(parse(one.text), Scope(trace, HERE), 0, STEPS)
    assert found.kind == "number"
    assert found.size == one.size
    values = np.broadcast_to(found.values, (STEPS, one.size))
    known = np.broadcast_to(found.known, (STEPS, 1))
    for t in range(STEPS):
        expected = one.mean(trace, t, 0, 0)
        assert known[t, 0] == (expected is not None), (one.text, t)
        if expected is not None:
            np.testing.assert_allclose(values[t], np.broadcast_to(expected, (one.size,)), rtol=1e-9, atol=1e-12)


def state(found: Series, t: int) -> bool | str | None:
    """Return what a truth is at a step: True, False, None where it is not known, or absent."""
    values, known, unknown = (
        np.broadcast_to(one, (STEPS, 1))[t, 0] for one in (found.values, found.known, found.unknown)
    )
    assert not (known and unknown)
    return bool(values) if known else None if unknown else "absent"


def meant(mean: Truth, trace: Trace, t: int) -> bool | str | None:
    try:
        return mean(trace, t, 0, 0)
    except Absent:
        return "absent"


@pytest.mark.slow
@settings(max_examples=400)
@given(truth(LEAVES), POISON)
def test_a_condition_is_what_a_loop_over_the_steps_says(drawn: tuple[str, Truth], poison: int) -> None:
    (text, mean), trace = drawn, POISONED[poison]
    scope = Scope(trace, HERE)
    expected = [meant(mean, trace, t) for t in range(STEPS)]
    expression = condition(text, scope)
    whole = evaluate(expression, scope, 0, STEPS)
    assert [state(whole, t) for t in range(STEPS)] == expected
    alone = [evaluate(expression, scope, t, t + 1) for t in range(STEPS)]
    assert [state(one, 0) for one in alone] == expected  # step by step as in one sweep
    words = {True: "true", False: "false", None: "not known", "absent": "not known: its step does not exist"}
    assert [series.value_text(one) for one in alone] == [words[each] for each in expected]


@pytest.mark.slow
@settings(max_examples=200)
@given(truth(LEAVES), POISON)
def test_breakpoints_and_assertions_are_as_three_valued_as_what_they_ask(drawn: tuple[str, Truth], poison: int) -> None:
    (text, mean), trace = drawn, POISONED[poison]
    scope = Scope(trace, HERE)
    expected = [meant(mean, trace, t) for t in range(STEPS)]
    trigger = Condition(text, condition(text, scope))
    (hits,) = trigger.hits(scope, 0, STEPS)
    assert hits.places.tolist() == [t for t in range(STEPS) if expected[t] is True]
    assert trigger.unknown(scope, 0, STEPS).tolist() == [t for t in range(STEPS) if expected[t] is None]
    verdict = judge(text, scope)
    if False in expected:
        assert (verdict.holds, verdict.asked) == (False, True)
        assert verdict.t in (None, expected.index(False))
    elif None in expected:
        assert (verdict.holds, verdict.unknown) == (None, True)
        assert verdict.t in (None, expected.index(None))
        assert "nan" in verdict.why
    else:
        assert verdict.holds is (True if True in expected else None)
        assert verdict.asked == (True in expected)


FLOATS = sorted(set(FUNCTIONS) - {"any", "all", "isnan", "isinf", "isfinite", "top", "share"})


@pytest.mark.parametrize("name", FLOATS)
def test_no_function_makes_a_number_of_nan(name: str) -> None:
    trace = replace(TRACE, passes={**TRACE.passes, HERE: replace(
        TRACE[HERE], arrays={**TRACE[HERE].arrays, "f": np.full_like(TRACE[HERE]["f"], np.nan)})})  # fmt: skip
    function = FUNCTIONS[name]
    if function.takes in ("matrix", "square"):
        matrix = "U_o" if function.takes == "square" else "W_o"
        text = f"{name}({matrix} * mean(f))"
        assert np.isnan(evaluate(parse(text), Scope(trace, HERE), 0, 1).values).all()
        return
    others = {"quantile": "mean(o)"}
    for place in range(function.least):
        asked = ["f" if n == place else others.get(name, "o") for n in range(function.least)]
        if name == "quantile" and place == 1:
            asked = ["o", "f[0]"]
        text = f"{name}({', '.join(asked)})"
        answer = evaluate(parse(text), Scope(trace, HERE), 0, STEPS)
        assert np.isnan(answer.values).all(), text
    compared = evaluate(parse(f"all({text} > 0)"), Scope(trace, HERE), 0, STEPS)
    assert compared.unknown.all()
    assert not compared.known.any()


MOST = {"max": 2, "min": 2, "top": 2, "share": 2, "quantile": 2, "corr": 2}
"""How many arguments a function takes that is no op, where it takes more than one."""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_takes_no_argument_more(name: str) -> None:
    most = MOST.get(name) or (OPS[name].arity if name in OPS and name not in ("sum", "mean") else 1)
    for count in (0, most + 1, most + 2):
        given = ['"bad"' if name == "share" and n == 0 else "c" for n in range(count)]
        with pytest.raises(UserError, match="takes"):
            evaluate(parse(f"{name}({', '.join(given)})"), Scope(TRACE, HERE), 0, STEPS)


@pytest.mark.parametrize("pass_name", ["layer0.forward", "layer0.backward"])
@pytest.mark.parametrize("who", ['"bad"', '"not"', "tok[4]", '"nowhere"'])
def test_a_share_is_asked_from_where_its_word_was_read(pass_name: str, who: str) -> None:
    scope, passed = Scope(TRACE, pass_name), TRACE[pass_name]
    tokens = TRACE.sequence.tokens
    places = [4] if who == "tok[4]" else [t for t, token in enumerate(tokens) if token == who.strip('"')]
    answer = evaluate(parse(f"share({who}) < 2"), scope, 0, STEPS)
    for t in range(STEPS):
        read = any(passed.reading_step(place) <= passed.reading_step(t) for place in places)
        assert state(answer, t) == (True if read else "absent")
        earlier = evaluate(parse(f"prev(share({who})) < 2"), scope, t, t + 1)
        before = [place for place in places if passed.reading_step(place) < passed.reading_step(t)]
        assert state(earlier, 0) == (True if before else "absent")


def test_nothing_has_no_share_of_nothing() -> None:
    passed = TRACE["layer0.forward"]
    arrays = {**passed.arrays, "i": np.zeros_like(passed["i"])}  # nothing is ever written
    trace = replace(TRACE, passes={**TRACE.passes, "layer0.forward": replace(passed, arrays=arrays)})
    answer = evaluate(parse('share("bad") > .1'), Scope(trace, "layer0.forward"), 4, STEPS)
    assert not answer.known.any()


@st.composite
def flat(draw: st.DrawFn, kind: str, depth: int = 4) -> str:
    """Draw an expression of one number, or of one truth, as text whose brackets are there by chance only."""
    if kind == "truth":
        form = draw(st.integers(0, 4 if depth else 1))
        if form <= 1:
            signs = draw(st.lists(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), min_size=1, max_size=3))
            sides = [draw(flat("number", max(depth - 2, 0))) for _ in range(len(signs) + 1)]
            return " ".join([sides[0], *(f"{sign} {side}" for sign, side in zip(signs, sides[1:], strict=True))])
        one = draw(flat("truth", depth - 1))
        if form == 2:
            return f"not {one}"
        return (
            f"({one})"
            if form == 3
            else f"{one} {draw(st.sampled_from(['and', 'or']))} {draw(flat('truth', depth - 1))}"
        )
    form = draw(st.integers(0, 5 if depth else 0))
    if form == 0:
        return draw(
            st.sampled_from(["f[0]", "c[3]", "c[1]", "x[4]", "2", ".5", "1e-2", "3.", "t", "mean(f[1:3])", "max(c)"])
        )
    one = draw(flat("number", depth - 1))
    if form <= 3:
        return f"{one} {draw(st.sampled_from(['+', '-', '*', '/']))} {draw(flat('number', depth - 1))}"
    return f"-{one}" if form == 4 else f"({one})"


@pytest.mark.long
@settings(max_examples=400)
@given(st.sampled_from(["number", "truth"]).flatmap(flat), st.integers(0, STEPS - 1))
def test_without_brackets_it_is_worth_what_python_says_of_numpy_s_numbers(text: str, t: int) -> None:
    passed = TRACE[HERE]
    named = {
        "f": passed["f"][t].astype(np.float64), "c": passed["c"][t].astype(np.float64),
        "x": passed.inputs["x"][t].astype(np.float64), "t": np.float64(t), "mean": np.mean, "max": np.max,
    }  # fmt: skip
    with np.errstate(all="ignore"):
        numbers = re.sub(r"(?<![\w.\[:])(\d*\.?\d+(?:e-?\d+)?\.?)(?![\w\]:])", r"np.float64(\1)", text)  # 1 / 0 is inf
        expected = eval(numbers, {"np": np}, named)  # our own text: another evaluator
    answer = evaluate(parse(text), SCOPE, t, t + 1)
    if answer.kind == "truth" and not answer.known[0, 0]:
        return  # a NaN stands in it, of which Python says false
    assert float(answer.values[0, 0]) == pytest.approx(float(expected), rel=1e-12, abs=1e-15, nan_ok=True), text


@settings(max_examples=80)
@given(numeric(LEAVES), st.integers(0, STEPS - 1), st.integers(1, STEPS))
def test_a_window_of_the_run_gives_what_the_whole_gives(one: Made, start: int, length: int) -> None:
    stop = min(start + length, STEPS)
    whole, part = evaluate(parse(one.text), SCOPE, 0, STEPS), evaluate(parse(one.text), SCOPE, start, stop)
    expected = np.broadcast_to(whole.values, (STEPS, whole.size))[start:stop]
    known = np.broadcast_to(whole.known, (STEPS, 1))[start:stop]
    assert np.array_equal(np.broadcast_to(part.known, known.shape), known)
    got = np.broadcast_to(part.values, expected.shape)
    assert np.array_equal(np.where(known, got, 0), np.where(known, expected, 0), equal_nan=True)


@pytest.mark.parametrize("cell", ["lstm", "gru", "lstm_peephole"])
@pytest.mark.parametrize("pass_name", ["layer0.forward", "layer0.backward"])
def test_a_share_is_that_of_the_ledger_after_every_step(cell: str, pass_name: str) -> None:
    trace = made(cell)
    scope = Scope(trace, pass_name)
    passed = trace[pass_name]
    state = "c" if "c" in passed else "h"
    flow = flow_of(passed, state)
    assert flow is not None
    bad = [t for t, token in enumerate(trace.sequence.tokens) if token == "bad"]
    word = evaluate(parse('share("bad")'), scope, 0, STEPS).values[:, 0]
    one = evaluate(parse(f"share(tok[4], {state}[2])"), scope, 0, STEPS).values[:, 0]
    for t in range(STEPS):
        ledger = ledger_at(passed, flow, t)
        sizes, start = np.abs(ledger.by_token), np.abs(ledger.start)
        assert word[t] == pytest.approx(sizes[bad].sum() / (sizes.sum() + start.sum()), abs=1e-12)
        assert one[t] == pytest.approx(sizes[4, 2] / (sizes[:, 2].sum() + start[2]), abs=1e-12)


@pytest.mark.parametrize("steps", [1, 2, 255, 256, 300, 1000])
@pytest.mark.parametrize("wrong", [False, True])
def test_sums_of_what_is_kept_are_those_of_a_loop_however_long_the_run(steps: int, wrong: bool) -> None:
    random = np.random.default_rng(steps)
    keep, added = random.random((steps, 3)), random.random((steps, 2, 3))
    keep[random.random((steps, 3)) < 0.05] = 0.0
    start = np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 0.0]])
    if wrong:
        keep[steps // 2, 1] = np.inf
    found = kept_sums(keep, added.copy(), start)
    for unit in range(3):
        for m in range(2):
            value = float(start[m, unit])
            for t in range(steps):
                value = (float(keep[t, unit]) * value if value else 0.0) + float(added[t, m, unit])
                assert found[t, m, unit] == pytest.approx(value, rel=1e-12, nan_ok=True)


def test_the_issue_s_own_examples() -> None:
    scope = Scope(TRACE, "layer0.forward")
    passed, back = TRACE["layer0.forward"], TRACE["layer1.backward"]
    f, c = passed["f"].astype(float), passed["c"].astype(float)
    assert at("mean(f)", 3, scope) == pytest.approx([f[3].mean()])
    assert at("abs(c[2])", 3, scope) == pytest.approx([abs(c[3, 2])])
    assert at("c[1] - prev(c)[1]", 3, scope) == pytest.approx([c[3, 1] - c[2, 1]])
    assert at("norm(c - prev(c))", 3, scope) == pytest.approx([np.linalg.norm(c[3] - c[2])])
    assert at("layer1.backward.f", 2, scope) == pytest.approx(back["f"][2])
    assert at("c[0:2]", 5, scope) == pytest.approx(c[5, :2])
    assert at("c[2:]", 5, scope) == pytest.approx(c[5, 2:])
    assert at('token == "not"', 3, scope).tolist() == [True]
    assert at('token == "NOT"', 3, scope).tolist() == [True]  # this network reads small letters
    assert at('token == "not"', 4, scope).tolist() == [False]
    assert at("any(isnan(h))", 4, scope).tolist() == [False]
    assert at("t", 6, scope).tolist() == [6]
    assert at("argmax(result)", 0, scope).tolist() == [float(np.argmax(present(TRACE.result)))]
    assert at('argmax(result) == "positive"', 0, scope).tolist() == [bool(np.argmax(present(TRACE.result)) == 1)]
    assert at('result["negative"]', 0, scope) == pytest.approx(present(TRACE.result)[:1])
    assert at("top(c, 2)", 3, scope) == pytest.approx(sorted(c[3], key=lambda v: -abs(v))[:2])
    near = ((f[3] < 0.1) | (f[3] > 0.9)).mean()
    assert at("sat(f)", 3, scope) == pytest.approx([near])
    assert at('mean(f, at="not")', 0, scope) == pytest.approx([f[3].mean()])
    assert at("mean(f, at=tok[5])", 0, scope) == pytest.approx([f[5].mean()])
    assert at("0 < f[1] < 1 and not f[1] > 1", 0, scope).tolist() == [True]
    assert at("mean(f > .5)", 3, scope) == pytest.approx([(f[3] > 0.5).mean()])
    assert at("sum(layer0.forward.f < 2)", 3, scope).tolist() == [4]


def test_a_product_with_a_matrix_is_that_of_the_equation() -> None:
    scope = Scope(TRACE, "layer0.forward")
    found = evaluate(parse("sigmoid(W_f @ x + U_f @ prev(h) + b_f) - f"), scope, 0, STEPS)
    assert np.abs(found.values).max() < 1e-6


def test_outputs_at_each_token_are_compared_with_the_token_before() -> None:
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
    scope = Scope(trace, "layer0.forward")
    found = evaluate(condition("argmax(output) != argmax(output[t-1])", scope), scope, 0, len(trace.sequence))
    said = trace.output.argmax(axis=1)
    assert found.known[0, 0] == np.False_  # nothing was said before the first token
    assert (found.values & found.known)[1:, 0].tolist() == (said[1:] != said[:-1]).tolist()
    assert evaluate(parse('output["positive"]'), scope, 0, 3).values[:, 0] == pytest.approx(trace.output[:3, 1])


def test_numbers_that_are_not_numbers_are_never_larger_or_smaller() -> None:
    broken = np.array(TRACE["layer0.forward"]["c"])
    broken[2, 1] = np.nan
    broken[3, 0] = np.inf
    passed = TRACE["layer0.forward"]
    changed = type(passed)(**{**vars(passed), "arrays": {**passed.arrays, "c": broken}})
    trace = type(TRACE)(**{**vars(TRACE), "passes": {**TRACE.passes, "layer0.forward": changed}})
    scope = Scope(trace, "layer0.forward")

    def where(text: str) -> list[int]:
        return np.flatnonzero(evaluate(condition(text, scope), scope, 0, STEPS).values[:, 0]).tolist()

    assert where("any(isnan(c))") == [2]
    assert where("any(isinf(c))") == [3]
    assert where("not all(isfinite(c))") == [2, 3]
    assert where("c[1] > 0 or c[1] <= 0") == [t for t in range(STEPS) if t != 2]
    assert np.isnan(at("argmax(c)", 2, scope)[0])


MISTAKES = [
    ("mean(ff) < .1", 5, "did you mean f?"),
    ("mena(f)", 0, "did you mean mean?"),
    ("1 + layer1.backwad.f", 4, "did you mean layer1.backward.f?"),
    ("layer0.forward", 0, "is a pass"),
    ("readout.q", 0, "the readout has no value q"),
    ("output", 0, "a pass reads from the end"),
    ("c[4]", 2, "c has 4 units, from 0"),
    ("c + x", 2, "c has 4 units and x 5"),
    ("max(c, x)", 7, "c has 4 units and x 5"),
    ('f == "a"', 2, "a number is compared with a text"),
    ('token > "a"', 6, "only numbers are larger or smaller"),
    ("f = 3", 2, "== compares"),
    ("f && c", 2, "`and`"),
    ("!(f > 1)", 0, "`not`"),
    ("c ^ 2", 2, "c ** 2"),
    ("c[-5]", 2, "c has 4 units, from 0"),
    ("c[0:4:0]", 6, "a step is not 0"),
    ("c[-f]", 2, "c[17]"),
    ("c[-x]", 2, "c[17]"),
    ("W_f[4]", 4, "W_f has 4 rows, from 0"),
    ("W_f + f", 4, "20 units and f 4"),
    ("softmax(W_f)", 8, "takes a vector, such as a row: W_f[0]"),
    ("argmax(W_f)", 7, "takes a vector"),
    ("radius(W_f)", 7, "takes a square matrix"),
    ("radius(f)", 7, "takes a matrix"),
    ("W_f @ U_f", 4, "W_f has 5 columns and U_f 4 rows"),
    ("c @ x", 2, "c has 4 units and x 5 units"),
    ("W_f[:,5]", 4, "W_f has 5 columns, from 0"),
    ("W_f[-5,:]", 4, "W_f has 4 rows, from 0"),
    ("W_f[1:2,1:1]", 4, "W_f has 5 columns, from 0"),
    ("W_f[1,2,3]", 4, "a row and a column"),
    ("W_f[t,3]", 4, "a whole number"),
    ("W_f[1,1.5]", 6, "a whole number"),
    ("W_f[0:3:0,1]", 8, "a step is not 0"),
    ("c[1,:]", 2, "c has no rows and columns"),
    ("c.T.T", 0, "there is no pass"),
    ("token.T", 0, "token.T is a text"),
    ("quantile(f, c)", 12, "one number"),
    ("f.real", 0, "a value has no attributes such as .real"),
    ("f > 1 and c", 10, "not true or false"),
    ("not f", 4, "f is a number"),
    ("-token", 1, "token is a text"),
    ("(f", 0, "not closed"),
    ("c[1", 1, "not closed"),
    ("f >", 3, "something is missing"),
    ("f 3", 2, "does not belong here"),
    ("c[x]", 2, "c[17]"),
    ("c[1.5]", 2, "a whole number"),
    ('"not', 0, "no closing"),
    ("sat(c)", 4, "has no bounds"),
    ("share(f)", 6, "takes a token"),
    ('share("not", f)', 13, "f is no memory"),
    ("W_q @ x", 0, "no matrix W_q"),
    ("W_f @ c", 4, "5 columns"),
    ("top(c, 1.5)", 7, "whole number"),
    ('mean(f, at="bda")', 11, 'did you mean "bad"?'),
    ("mean(f, at=99)", 11, "9 tokens"),
    ('result["positiv"]', 7, 'did you mean "positive"?'),
    ("", 0, "nothing stands here"),
    ("é", 0, "only texts in quotes"),
    ("1e999", 0, "not finite"),
    ("1..2", 0, "not a number"),
]


@pytest.mark.parametrize(("text", "start", "said"), MISTAKES, ids=[one[0] or "empty" for one in MISTAKES])
def test_a_mistake_is_shown_at_its_place_with_what_to_do(text: str, start: int, said: str) -> None:
    with pytest.raises(ExpressionError) as error:
        evaluate(parse(text), SCOPE, 0, 1)
    assert error.value.start == start
    assert said in error.value.said
    assert str(error.value).startswith(f"column {start + 1}: ")
    shown, under = error.value.under
    assert shown.strip() == text.strip()
    assert under.index("^") == 2 + start


DEEPEST = [
    "0<" * 255 + "1", "1" + "+1" * 256, "c" + "[0:]" * 240, "prev(" * 32 + "c" + ")" * 32, "not " * 32 + "1 < 2",
    "f[0] < 9 and " * 70 + "1 < 2", "-" * 32 + "1", "c" + "[t]" * 256, "(1 + " * 32 + "1" + ")" * 32,
]  # fmt: skip


@pytest.mark.parametrize("text", DEEPEST, ids=range(len(DEEPEST)))
def test_the_deepest_that_is_read_is_answered(text: str) -> None:
    assert refusal(text) is None


def test_a_condition_is_one_truth() -> None:
    with pytest.raises(ExpressionError, match=r"any\(…\) or all\(…\)"):
        condition("c > 1", SCOPE)
    with pytest.raises(ExpressionError, match="compare it, as in mean"):
        condition("mean(c)", SCOPE)


def test_a_token_of_the_tape_is_named_by_its_place() -> None:
    tokens = TRACE.sequence.tokens
    for t, token in enumerate(tokens):
        found = evaluate(parse(f"tok[{t}]"), SCOPE, 0, STEPS)
        assert (found.kind, found.values[0, 0]) == ("text", token)
        same = evaluate(parse(f"token == tok[{t}]"), SCOPE, 0, STEPS).values[:, 0].tolist()
        assert same == [SCOPE.as_read(one) == SCOPE.as_read(token) for one in tokens]
    with pytest.raises(ExpressionError, match=f"this tape has {STEPS} tokens, from 0"):
        evaluate(parse(f"tok[{STEPS}]"), SCOPE, 0, 1)
    with pytest.raises(ExpressionError, match=r'compare it, as in tok\[0\] == "not"'):
        condition("tok[0]", SCOPE)


HOSTILE = [
    "-" * 5_000 + "1", "(" * 600 + "1" + ")" * 600, "1" + "+1" * 499, "not " * 240 + "1 < 2", "c" + "[0:]" * 240,
    "prev(" * 150 + "c" + ")" * 150, "a" * 900, "9" * 900, '"' + "\\" * 900, "__import__('os')", "c.__class__",
    "share(\"" + "x" * 900 + "\")", "\0", "\x1b[31mc", "c[99999999999999]", "f if c else h", "lambda: c", "[c]", "{c}",
    "c[t-99999]", "prev(" * 30 + "c" + ")" * 30, "0 < " * 200 + "1",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_refused_in_one_line_or_has_an_answer(text: str) -> None:
    said = refusal(text)
    assert said is None or (len(str(said)) < 300 and is_one_safe_line(str(said)))


@settings(max_examples=300)
@given(st.one_of(st.text(max_size=60), st.text(alphabet='fct[]()0:1+-*<>=!."@ notadrpev,', max_size=40)))
def test_whatever_is_typed_is_answered_or_refused_by_a_user_s_mistake(text: str) -> None:
    said = refusal(text)
    assert said is None or 0 <= said.start <= len(text)


def matrix(text: str) -> Series:
    return evaluate(parse(text), SCOPE, 0, 1)


def weights(name: str) -> np.ndarray:
    parameters = SCOPE.parameters(SCOPE.passed)
    return np.asarray(parameters[name], dtype=np.float64)


MATRICES: list[tuple[str, Callable[[np.ndarray, np.ndarray], ArrayLike]]] = [
    ("A", lambda a, b: a),
    ("A[2]", lambda a, b: a[2]),
    ("A[-1]", lambda a, b: a[-1]),
    ("A[-1][1:3]", lambda a, b: a[-1][1:3]),
    ("A[1:3]", lambda a, b: a[1:3]),
    ("A[::-2]", lambda a, b: a[::-2]),
    ("A[::-2][1][2]", lambda a, b: a[::-2][1][2]),
    ("A[:,2]", lambda a, b: a[:, 2]),
    ("A[:,-1]", lambda a, b: a[:, -1]),
    ("A[-1,-2]", lambda a, b: a[-1, -2:-1]),
    ("A[1:3,::2]", lambda a, b: a[1:3, ::2]),
    ("A[::-1,3:0:-2][:,1]", lambda a, b: a[::-1, 3:0:-2][:, 1]),
    ("A[2,1:]", lambda a, b: a[2, 1:]),
    ("(A - B)[1:,2]", lambda a, b: (a - b)[1:, 2]),
    ("(A - B)[1,2]", lambda a, b: (a - b)[1, 2:3]),
    ("A.T", lambda a, b: a.T),
    ("A.T[1]", lambda a, b: a.T[1]),
    ("A[1:3].T", lambda a, b: a[1:3].T),
    ("(A - B).T[:,1:]", lambda a, b: (a - b).T[:, 1:]),
    ("transpose(A)[0,1]", lambda a, b: a.T[0, 1:2]),
    ("A @ B", lambda a, b: a @ b),
    ("A @ B.T @ f", lambda a, b: a @ b.T @ TRACE[HERE]["f"][0]),
    ("A.T @ f", lambda a, b: a.T @ TRACE[HERE]["f"][0]),
    ("f @ A", lambda a, b: TRACE[HERE]["f"][0] @ a),
    ("f @ A[:,0]", lambda a, b: TRACE[HERE]["f"][0] @ a[:, 0]),
    ("A[1:3,:] @ f", lambda a, b: a[1:3] @ TRACE[HERE]["f"][0]),
    ("(A > B)[:,1]", lambda a, b: (a > b)[:, 1]),
    ("A - B", lambda a, b: a - b),
    ("2 * A ** 2", lambda a, b: 2 * a**2),
    ("-A", lambda a, b: -a),
    ("abs(A)", lambda a, b: np.abs(a)),
    ("max(A, 0)", lambda a, b: np.maximum(a, 0)),
    ("prev(A)", lambda a, b: a),
    ("norm(A)", lambda a, b: np.sqrt((a**2).sum())),
    ("mean(A)", lambda a, b: a.mean()),
    ("median(A)", lambda a, b: np.median(a)),
    ("quantile(A, .3)", lambda a, b: np.quantile(a, 0.3)),
    ("corr(A, B)", lambda a, b: np.corrcoef(a.ravel(), b.ravel())[0, 1]),
    ("corr(A[1], f)", lambda a, b: np.corrcoef(a[1], TRACE[HERE]["f"][0])[0, 1]),
    ("max(A)", lambda a, b: a.max()),
    ("sum(A > .1)", lambda a, b: (a > 0.1).sum()),
    ("mean(A > 0 and B > 0)", lambda a, b: ((a > 0) & (b > 0)).mean()),
    ("singular(A)", lambda a, b: np.sqrt(np.linalg.eigvalsh(a @ a.T)[::-1])),
    ("radius(A)", lambda a, b: np.linalg.norm(np.linalg.matrix_power(a, 400)) ** (1 / 400)),
]


@pytest.mark.parametrize(("text", "plain"), MATRICES, ids=[one for one, _ in MATRICES])
def test_a_matrix_is_a_value_as_numpy_has_it(text: str, plain: Callable[[np.ndarray, np.ndarray], ArrayLike]) -> None:
    answer = matrix(text.replace("A", "U_o").replace("B", "U_f"))
    expected = np.asarray(plain(weights("U_o"), weights("U_f")), dtype=np.float64)
    assert answer.shape == (expected.shape if expected.ndim == 2 else None)
    precision = 2e-2 if text.startswith("radius") else 1e-9
    assert np.allclose(answer.values[0], expected.ravel(), rtol=precision, atol=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "c[1:4]",
        "c[::-1]",
        "W_f",
        "W_f[1:3]",
        "W_f[3]",
        "W_f[::-2][1]",
        "c - h",
        "prev(c)",
        "W_f[:,3]",
        "W_f[1:,::2]",
        "W_f[::-1,3:0:-2]",
        "W_f[-1,1:3]",
        "W_f[1:,2][1]",
        "W_f[1:,1:][::2,1:]",
        "W_f[1:3,1:][1]",
        "W_f.T",
        "W_f[1:3].T",
        "W_f.T[1:,2]",
        "W_f[2,-1]",
        "W_f @ x",
        "(U_f @ U_o)[1:,1:]",
        "U_f - U_o",
    ],
)
def test_every_entry_is_named_as_it_is_asked_for(text: str) -> None:
    expression = parse(text)
    answer = evaluate(expression, SCOPE, 3, 4)
    for entry in range(answer.size):
        name = expression.entry_of(expression.node, answer, entry)
        assert evaluate(parse(name), SCOPE, 3, 4).values[0, 0] == answer.values[0, entry], name


def test_what_does_not_vary_is_correlated_with_nothing() -> None:
    assert np.isnan(at("corr(f * 0 + .1, f)", 3)).all()
    assert at("corr(f, 3 - 2 * f)", 3) == pytest.approx(-1)


def test_a_wide_matrix_is_told_by_its_shape_its_range_and_its_corner() -> None:
    answer = Series.constant(np.arange(200.0))
    told = series.lines(replace(answer, shape=(10, 20)))
    assert told[0] == "10 × 20 matrix, 0 to 199"
    assert told[1].split() == ["[0]", *[str(n) for n in range(8)], "…"]
    assert told[8].split()[:2] == ["[7]", "140"]
    assert told[9:] == ["…"]
    holed = replace(answer, values=np.where(answer.values == 3, np.nan, answer.values), shape=(10, 20))
    assert series.lines(holed)[0] == "10 × 20 matrix, NaN in 1 place"


@pytest.mark.parametrize("count", [3, 10, 11, 40])
@pytest.mark.parametrize("wrong", [(), (2,), (0, 7)])
def test_of_many_entries_with_names_the_highest_are_told(count: int, wrong: tuple[int, ...]) -> None:
    values = np.random.default_rng(count).permutation(count) / 8 - 1
    values[[n for n in wrong if n < count]] = np.nan
    names = tuple(f"word{n}" for n in range(count))
    told = series.lines(Series("number", values[None, :], np.ones((1, 1), bool), labels=names))
    order = sorted(range(count), key=lambda n: (not np.isnan(values[n]), -values[n])) if count > 10 else range(count)
    assert [line.split() for line in told[:10]] == [[names[n], series.number(values[n])] for n in order][:10]
    assert told[10:] == [f"… {count} in all, the highest first; top(…, 20) shows more"] * (count > 10)


def test_of_many_truths_with_names_the_true_ones_come_first() -> None:
    values = np.arange(40)[None, :] % 9 == 4
    names = tuple(f"word{n}" for n in range(40))
    told = series.lines(Series("truth", values, np.ones((1, 40), bool), labels=names))
    true = [[f"word{n}", "true"] for n in (4, 13, 22, 31)]
    assert [line.split() for line in told[:5]] == [*true, ["word0", "false"]]
    assert told[10:] == ["… 40 in all, the true first"]
