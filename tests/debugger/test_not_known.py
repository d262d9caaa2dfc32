"""What is said under NaN, ±∞ and edits: breakpoints, watches, checks, words about gradients and units, what wins.

Every word is held against its plain definition, written here as a loop.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from edited_networks import sentence, stacked
from hypothesis import given, settings
from hypothesis import strategies as st
from present import present

from lstm_tui.analysis.contributions import OutputParts
from lstm_tui.analysis.distribution import largest, surprise
from lstm_tui.analysis.gradient_flow import BURST, FADED, GONE, GROWN, LongMemory, Reach, known_from, steady_word, turns
from lstm_tui.analysis.health import EXPLODED, LEAST_STEPS, LOW, QUIET, flags_of, health
from lstm_tui.cli.main import main
from lstm_tui.cli.stats import count_between
from lstm_tui.debugger.breakpoints.conditions import Trigger
from lstm_tui.debugger.breakpoints.parse import read_change, read_trigger
from lstm_tui.debugger.commands.console import TypedSession
from lstm_tui.debugger.expressions import Scope
from lstm_tui.debugger.inspect.compare import Comparison
from lstm_tui.debugger.inspect.diagnostics import reach_words, sound
from lstm_tui.debugger.inspect.prediction import verdict_at
from lstm_tui.debugger.source import Source
from lstm_tui.engine import number_text
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import build_network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import PassTrace, Trace
from lstm_tui.formats.importers.native import save

TEXT = "the movie was not bad not good"
SIZES = st.one_of(
    st.sampled_from([math.nan, math.inf, 0.0, GONE, BURST, FADED, GROWN, 1.0]),
    st.floats(1e-4, 1e4),
    st.floats(0.2, 4),
)


def session(text: str = TEXT) -> TypedSession:
    network = stacked()
    return TypedSession.open(Source(network, [sentence(network, text)]))


def broken() -> TypedSession:
    """Return a session in which c of layer0.forward is infinite at t=2 and NaN from t=3 on."""
    one = session()
    one.execute("set layer0.forward.c[1] @ 2 = inf")
    one.execute("set layer0.forward.f[1] @ 3 = 0")
    assert np.isnan(one.frame.trace["layer0.forward"]["c"][3:, 1]).all()
    return one


# --- breakpoints, watches, assertions ---


@pytest.mark.parametrize("text", ["mean(c) > 5", "not (mean(c) > 5)", "c[1] != 0 if t > 2", "all(c < 100)"])
def test_a_breakpoint_does_not_stop_on_what_is_not_known_and_says_so(text: str) -> None:
    one = broken()
    one.execute("goto 3")
    said = one.execute(f"break {text}")
    assert "not known" not in said
    one.execute("continue")
    assert one.stop is not None
    assert not one.stop.by
    assert one.frame.note.startswith("end of the pass; breakpoint 1 not known at 4 of 7 tokens, first at t=3 “not”: ")
    assert "nan" in one.frame.note
    assert "not known at 4 of 7 tokens" in one.execute("info break")


def test_a_known_stop_is_told_without_what_is_not_known_elsewhere() -> None:
    one = broken()
    one.execute("goto 0")
    one.execute("break mean(c) > 5")
    one.execute("continue")
    assert one.frame.t == 2  # infinite is more than 5
    assert "not known" not in one.frame.note


def test_a_share_is_asked_of_a_word_from_where_it_was_read() -> None:
    one = session()
    one.execute("goto 0")
    one.execute("step")
    one.execute('break share("not") < .9')
    one.execute("reverse-finish")
    one.execute("continue")
    assert one.frame.t >= 3
    assert one.execute('print share("not")').startswith('$1 = share("not") = 0.')
    assert one.execute("assert c[0] < 99") == "c[0] < 99 holds at every step"
    steps = one.frame.steps
    for text, there in (
        ('share("not") > 0', steps - one.frame.trace.sequence.tokens.index("not")),
        ("c[t-2][0] < 99", steps - 1),
    ):
        assert one.execute(f"assert {text}") == f"{text} holds at the {there} of {steps} steps at which it can be asked"


@pytest.mark.parametrize("read", [read_change, read_trigger])
def test_a_number_that_becomes_nan_or_is_none_any_more_is_a_change(read: Callable[[str, Scope], Trigger]) -> None:
    one = session()
    one.execute("set layer0.forward.o[0] @ 2 = inf")
    one.execute("set layer0.forward.c[0] @ 2 = 0")  # 0 times infinite, at this step alone
    h = one.frame.trace["layer0.forward"]["h"]
    assert np.isnan(h[2, 0])
    trigger = read("change h[0] by 1e9" if read is read_trigger else "h[0] by 1e9", one.scope())
    (hits,) = trigger.hits(one.scope(), 0, one.frame.steps)
    expected = [t for t in range(1, one.frame.steps) if math.isnan(h[t, 0]) != math.isnan(h[t - 1, 0])]
    assert hits.places.tolist() == expected
    assert 2 in expected
    assert trigger.why(one.scope(), 2).startswith("h[0] became nan; it was ")
    truth = read_change("h[0] > -9", one.scope())
    (hits,) = truth.hits(one.scope(), 0, one.frame.steps)
    assert hits.places.tolist() == expected
    assert truth.why(one.scope(), 2) == "h[0] > -9 became not known; it was true"


def test_an_assertion_under_nan_is_refused_as_not_known() -> None:
    one = broken()
    for text in ("not (mean(c) > 50) or t == 2", "mean(c) < 50 or t == 2"):
        with pytest.raises(UserError, match=r"is not known at t=3 “not”: mean\(c\) = nan"):
            one.execute(f"assert {text}")
    assert "holds" in one.execute("assert any(isnan(c)) or t < 3")


def test_check_exits_with_3_where_it_cannot_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = stacked()
    network.tensors()["layer0.forward/b_i"][0] = np.nan
    save(network, tmp_path / "nan.safetensors")
    (tmp_path / "text.txt").write_text("the movie\n")
    for text in ("not (mean(c) > 5)", "mean(c) > 5", "mean(c) < 5 and t >= 0"):
        code = main(["check", str(tmp_path / "text.txt"), "--model", str(tmp_path / "nan.safetensors"),
                     "--pass", "layer0.forward", "--assert", text])  # fmt: skip
        out = capsys.readouterr().out
        assert code == 3
        assert f"{text} is not known at t=0 “the”: mean(c) = nan" in out
        heads, counted = (line.split() for line in (out.splitlines()[-2], out.splitlines()[-1]))
        assert heads == ["assertion", "held", "failed", "not", "known", "not", "asked"]
        assert counted[-4:] == ["0", "0", "1", "0"]
    assert main(["check", str(tmp_path / "text.txt"), "--model", str(tmp_path / "nan.safetensors"),
                 "--pass", "layer0.forward", "--assert", "any(isnan(c))"]) == 0  # fmt: skip


# --- gradients ---


@settings(max_examples=400)
@given(st.lists(SIZES, min_size=1, max_size=8))
def test_the_words_about_a_gradient_are_their_definitions(numbers: list[float]) -> None:
    size = np.array([*numbers, 1.0])
    known = known_from(size)
    steps = range(len(size))
    assert known == next((s for s in steps if all(math.isfinite(size[k]) for k in range(s, len(size)))), len(size))
    told = {turn.kind: turn for turn in turns(size)}
    beyond: Callable[[float], bool]
    for kind, beyond in (("vanishes", lambda v: v < GONE), ("explodes", lambda v: v > BURST)):
        there = [s for s in steps if s >= known and beyond(size[s])]
        assert (kind in told) == bool(there)
        if there:
            turn = told[kind]
            assert turn.step == there[-1]
            factors = {s + 1: size[s] / size[s + 1] for s in range(turn.step, len(size) - 1) if size[s + 1]}
            if factors:
                assert turn.factor == (min if kind == "vanishes" else max)(factors.values())
                assert factors[turn.worst] == turn.factor
            else:
                assert not math.isfinite(turn.factor)
    reach = Reach("c", size, np.zeros((len(size), 1)), np.zeros((len(size), 1)))
    found = LongMemory("p", 0, len(size) - 1, tuple(steps), reach, reach, np.ones((len(size), 1)), size)
    said = " / ".join(reach_words(found, lambda t: f"t={t}"))
    assert "nan times" not in said
    assert "inf times" not in said
    assert "by inf" not in said
    assert "by nan" not in said
    assert ("not known" in said) == (known > 0)
    for turn in told.values():
        whole = next(one for one in reach_words(found, lambda t: f"t={t}") if f"∂C {turn.kind} at" in one)
        scaled = "is scaled by less than" if turn.kind == "vanishes" else "may be scaled by more than"
        assert f"∂C {turn.kind} at t={turn.step}: a change of C there {scaled} " in whole
        alone = f"; t={turn.worst} alone multiplies it by {number_text.sentence(turn.factor, 2)}"
        assert whole.endswith(alone if math.isfinite(turn.factor) else " now")
    if not told and known < len(size) - 1:
        first = size[known]
        word = "fades" if first < 0.3 else "grows" if first > 10 else "holds"
        assert steady_word(first) == word
        assert f"∂C {word}: a change of C at t={known} is scaled by up to {first:.2g} now" in said


def test_a_gradient_that_is_nowhere_a_number_is_not_known() -> None:
    reach = Reach("c", np.full(3, np.nan), np.zeros((3, 1)), np.zeros((3, 1)))
    found = LongMemory("p", 0, 2, (0, 1, 2), reach, reach, np.ones((3, 1)), np.zeros(3))
    assert list(reach_words(found, str)) == [
        "how far back ∂C reaches is not known: it is NaN or infinite where it is asked about"
    ]


def test_reach_of_a_network_of_nan_names_no_factor() -> None:
    one = broken()
    one.execute("goto end")
    said = one.execute("reach").splitlines()
    assert any("not known" in line for line in said)
    assert not any("nan times" in line for line in said)


# --- units ---


def relu(output: np.ndarray) -> PassTrace:
    """Return a pass whose output was put there."""
    steps, units = output.shape
    network = build_network(
        {"name": "made", "input_size": 2, "layers": [{"cell": "rnn_relu", "hidden_size": units}], "readout": None},
        seed=1,
    )
    sequence = Sequence("numbers", tuple(map(str, range(steps))), x=np.zeros((steps, 2), dtype=np.float32))
    passed = run(network, sequence)["layer0.forward"]
    return replace(passed, arrays={**passed.arrays, passed.cell.output: output.astype(np.float32)})


OUTPUTS = st.one_of(
    st.sampled_from([0.0, -1.0, 1e-5, 4e18, -2e7, math.nan, math.inf, -math.inf, 0.5, 3e6]), st.floats(-2, 2)
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(OUTPUTS, st.sampled_from([0.0, 1e-4, 0.3])), min_size=1, max_size=6), st.integers(1, 12))
def test_units_are_told_by_the_definitions_of_what_is_wrong_with_them(
    units: list[tuple[float, float]], steps: int
) -> None:
    waves = np.sin(np.arange(steps))[:, None]
    output = np.array([[base for base, _ in units]]) + waves * np.array([[far for _, far in units]])
    output = output.astype(np.float32).astype(np.float64)
    passed = relu(output)
    expected: dict[int, str] = {}
    size = [math.nan if np.isnan(column).any() else float(np.abs(column).max()) for column in output.T]
    tame = [v for v in size if math.isfinite(v) and v <= EXPLODED]
    for unit, (v, column) in enumerate(zip(size, output.T, strict=True)):
        if not math.isfinite(v):
            expected[unit] = "broken"
        elif v > EXPLODED:
            expected[unit] = "exploding"
        elif v <= QUIET * max(tame):
            expected[unit] = "quiet"
        elif steps >= LEAST_STEPS and column.max() - column.min() <= QUIET * v:
            expected[unit] = "stuck"
    trace = Trace.__new__(Trace)
    object.__setattr__(trace, "passes", {passed.name: passed})
    (found,) = health([trace], backwards=False)
    assert {one.unit: one.kind for one in found.findings} == expected
    assert sound(found) == f"all {len(units)} units are active"
    if steps >= LEAST_STEPS:
        flags = {unit: {"dead": "quiet"}.get(kind, kind) for unit, kind in flags_of(passed).items()}
        assert flags == expected


def test_an_explosion_is_called_one_and_never_quiet() -> None:
    network = build_network(
        {"name": "up", "input_size": 2, "layers": [{"cell": "rnn_relu", "hidden_size": 3}], "readout": None}, seed=1
    )
    for name, tensor in network.tensors().items():
        tensor[...] = np.diag([40.0, 30.0, 0.5]) if name.endswith("U_h") else np.abs(tensor)
    x = np.ones((12, 2), dtype=np.float32)
    one = TypedSession.open(Source(network, [Sequence("numbers", tuple(map(str, range(12))), x=x)]))
    said = one.execute("health")
    assert "unit   0  explodes: |h| up to " in said
    assert "unit   1  explodes" in said
    assert "never active" not in said


def test_whether_a_gradient_comes_back_is_not_known_where_it_is_nan() -> None:
    network = stacked()
    network.tensors()["readout/V_y"][...] = np.nan
    trace = run(network, sentence(network, "the movie was not bad the movie was not bad"))
    for one in health([trace]):
        assert one.unsure.any()
        assert "not known: it is NaN" in sound(one)


# --- what wins ---


@given(st.lists(st.one_of(st.floats(-3, 3), st.sampled_from([math.nan, math.inf, -math.inf])), min_size=1, max_size=6))
def test_what_is_largest_is_not_known_beside_nan(numbers: list[float]) -> None:
    values = np.array(numbers)
    kept = [v for v in numbers if v == v]
    expected = None if len(kept) < len(numbers) else numbers.index(max(numbers))
    assert largest(values) == expected
    assert largest(values, some_left_out=True) == (numbers.index(max(kept)) if kept else None)


# --- language models ---


def test_what_is_no_probability_surprises_nobody(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    network = build_network(
        {
            "name": "words",
            "tokens": {"kind": "words", "lowercase": True, "vocabulary": ["<unk>", "a", "b"]},
            "embedding_size": 3,
            "layers": [{"cell": "rnn", "hidden_size": 3}],
            "readout": "linear",
            "classes": ["<unk>", "a", "b"],
        },
        seed=1,
    )
    for bad, said in ((math.nan, "not known"), (math.inf, "not known")):
        network.tensors()["readout/b_y"][...] = bad
        one = TypedSession.open(Source(network, [sentence(network, "a b a b")]))
        if surprise(one.frame.trace) is None:
            pytest.fail("this network is to be a language model")
        assert one.execute("surprise").endswith(f"perplexity {said}")
        save(network, tmp_path / "lm.safetensors")
        (tmp_path / "t.txt").write_text("a b a b\n")
        assert main(["stats", str(tmp_path / "t.txt"), "--model", str(tmp_path / "lm.safetensors")]) == 0
        assert f"perplexity {said}\n" in capsys.readouterr().out


@pytest.mark.parametrize("values", [[np.nan, np.nan], [np.nan, 0.5], [0.5, np.nan]])
def test_which_output_wins_is_not_known_of_nan(values: list[float]) -> None:
    trace = session().frame.trace
    poisoned = replace(trace, result=np.array(values, np.float32))
    assert Comparison.of(poisoned, trace, ("a", "b")).winner is None
    parts = OutputParts(np.ones((len(trace.sequence), 2)), np.zeros(2))
    said = verdict_at(poisoned, parts, 0)
    assert said is not None
    assert said.parts is None
    assert said.shares  # by the form of its readout
    assert "not known" in said.remark
    strangers = replace(poisoned, network=None)
    assert not present(verdict_at(strangers, None, 0)).shares


def test_stats_counts_no_unit_of_which_nothing_is_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A gate of a unit that is NaN may or may not ever open: the count lies between two numbers, or is not known."""
    network = stacked().copy()
    (tmp_path / "t.txt").write_text(f"{TEXT}\n")

    network.tensors()["layer0.forward/b_f"][0] = math.nan
    save(network, tmp_path / "m.safetensors")
    assert main(["stats", str(tmp_path / "t.txt"), "--model", str(tmp_path / "m.safetensors")]) == 0
    (row, *_) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("f ")]
    assert row.split()[-10:] == ["not", "known"] * 5  # by h every unit has become NaN
    assert "nan %" not in row
    numbers = np.array([0.0, math.nan, math.nan, 0.5])
    assert count_between(numbers < LOW, numbers) == "1 to 3"
    assert count_between(numbers[[0, 3]] < LOW, numbers[[0, 3]]) == "1"


def test_a_number_that_stays_nan_is_no_change_of_it() -> None:
    one = session()
    first = one.frame.trace.result
    assert first is not None
    told = one.execute("let f = 1 / 0").splitlines()
    assert sum("→ nan" in line for line in told) == min(len(first), 4)
    for line in ("weight embedding * 2", "undo"):
        told = one.execute(line).splitlines()
        assert not any("nan → nan" in one for one in told)
        assert (
            told[-1] == f"no output for the whole text differs; {len(first)} of {len(first)} are not known, as before"
        )
