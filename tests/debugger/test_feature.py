"""Directions with names: in expressions, stops, edits, sessions; from files that are right and that are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from saved_arrays import savez

from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.expressions import Scope
from lstm_tui.debugger.expressions.evaluator import evaluate
from lstm_tui.debugger.expressions.parser import parse
from lstm_tui.debugger.features import MOST_FEATURES, Feature, read_written
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.session_file import script_of
from lstm_tui.debugger.source import Source
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import build_network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.run import run
from lstm_tui.formats.inputs.text_input import text_from
from lstm_tui.models.bundled import open_model

TEXT = "on wait off wait\n" + "off wait on wait wait\non on wait off\n" * 12
PASS = "layer0.forward"


def opened() -> Session:
    session = Session.open(Source.of_input(open_model("tiny"), text_from(TEXT)))
    answer(session, "feature d = layer0.forward.c · [0.5, -2.0] + 0.25")
    return session


def numbers(session: Session) -> Array:
    return np.asarray(session.frame.trace[PASS]["c"], np.float64) @ [0.5, -2.0] + 0.25


def printed(session: Session, text: str) -> float:
    return float(session.evaluate(text).value.values[0, 0])


def test_a_name_is_the_value_along_its_direction_at_every_step() -> None:
    session = opened()
    for t in range(session.frame.steps):
        answer(session, f"goto {t}")
        assert printed(session, "d") == pytest.approx(numbers(session)[t], abs=1e-12)
        before = numbers(session)[t - 1] if t else 0.25
        assert printed(session, "prev(d)") == pytest.approx(before, abs=1e-12)
    assert printed(session, "d + c[0]") == pytest.approx(numbers(session)[-1] + printed(session, "c[0]"))


def test_a_break_a_watch_a_display_and_who_take_it_like_a_value() -> None:
    session = opened()
    limit = float(np.median(numbers(session)))
    where = [t for t in range(1, session.frame.steps) if numbers(session)[t] > limit >= numbers(session)[t - 1]]
    answer(session, f"break d > {limit!r}")
    answer(session, "display d")
    answer(session, "goto 0")
    answer(session, "continue")
    assert session.frame.t in where or numbers(session)[session.frame.t] > limit
    assert session.frame.position.equation == session.frame.passed.cell.values.index("c"), "as soon as c is known"
    assert "d moved by" in " ".join(answer(session, "who d"))
    answer(session, "watch d by 0.001")
    assert "max(d)" in " ".join(answer(session, "print max(d)"))


def test_it_is_set_by_the_least_change_and_that_is_undone() -> None:
    session = opened()
    before = np.array(session.frame.trace[PASS]["c"][2])
    answer(session, "set d @ 2 = 1.5")
    after = np.array(session.frame.trace[PASS]["c"][2])
    assert numbers(session)[2] == pytest.approx(1.5, abs=1e-6)
    change, direction = after.astype(np.float64) - before, np.array([0.5, -2.0])
    across = change - direction * (change @ direction) / (direction @ direction)
    assert np.abs(across).max() < 1e-6, "nothing moves across the direction"
    answer(session, "undo")
    np.testing.assert_array_equal(session.frame.trace[PASS]["c"][2], before)
    assert "d" in session.frame.names.features


def test_what_is_told_of_it_sums_to_what_it_is() -> None:
    session = opened()
    for t in range(session.frame.steps):
        answer(session, f"goto {t}")
        (line,) = [one for one in answer(session, "feature d") if "written by" in one]
        assert "✓" in line


def test_a_saved_session_has_it_to_the_bit_and_other_lines_too() -> None:
    session = opened()
    answer(session, "feature r = random(h)")
    lines = [line for line in script_of(session) if line.startswith("feature ")]
    again = Session.open(Source.of_input(open_model("tiny"), text_from(TEXT)))
    for line in lines:
        answer(again, line)
    assert again.frame.names.features == session.frame.names.features
    answer(again, "line 2")
    assert printed(again, "d") == pytest.approx(numbers(again)[again.frame.t])
    answer(again, "feature d =")
    with pytest.raises(UserError, match="no feature"):
        answer(again, "feature d")


def read_by_story() -> tuple[Session, list[list[str]]]:
    """Return the story network on lines of words in random order, and those lines."""
    network, random = open_model("story"), np.random.default_rng(0)
    words = ["she", "he", "wants", "pizza", "the", "sun"]
    lines = [[words[n] for n in random.integers(0, len(words), 8)] for _ in range(60)]
    text = "\n".join(" ".join(line) for line in lines)
    return Session.open(Source.of_input(network, text_from(text))), lines


def test_a_probe_of_what_the_network_reads_is_found() -> None:
    session, _ = read_by_story()
    told = " ".join(answer(session, 'feature food = probe(i, "pizza")'))
    assert "food: more than chance" in told
    assert "selectivity" in told
    assert printed(session, "mean(food)") == printed(session, "food")
    answer(session, "feature r = random(i)")
    assert "not known to be" in " ".join(answer(session, 'feature r against "sun|he"'))


def test_labels_and_directions_come_from_files(tmp_path: Path) -> None:
    session, tokens = read_by_story()
    rows = "\n\n".join("\n".join(f"{one}\t{'Y' if one == 'pizza' else 'N'}" for one in line) for line in tokens)
    (tmp_path / "l.tsv").write_text(rows)
    assert "more than chance" in " ".join(answer(session, f"feature food = probe(i, {tmp_path / 'l.tsv'}, Y)"))
    assert "more than chance" in " ".join(answer(session, f"feature food against {tmp_path / 'l.tsv'} Y"))
    session = opened()
    savez(tmp_path / "d.npz", {"one": np.array([1.0, 2.0]), "many": np.array([[1.0, 0.0], [0.0, 1.0], [3.0, 4.0]])})
    answer(session, f"feature q = direction(c, {tmp_path / 'd.npz'}, many, 2)")
    assert session.frame.names.features["q"].weights == (3.0, 4.0)
    answer(session, f"feature q = direction(c, {tmp_path / 'd.npz'}, one)")
    assert session.frame.names.features["q"].weights == (1.0, 2.0)


@pytest.mark.parametrize(
    "line",
    [
        "feature", "feature zzz", "feature t = random(c)", "feature c = random(c)", "feature mean = random(c)",
        "feature 7 = random(c)", "feature x1 = random(zzz)", "feature x1 = probe(c)", 'feature x1 = probe(c, "(")',
        'feature x1 = probe(c, "zzz")', "feature x1 = what(c)", "feature x1 = direction(c, FILE/bad.npz)",
        "feature x1 = direction(c, FILE/nan.npz)", "feature x1 = direction(c, FILE/long.npz)",
        "feature x1 = direction(c, FILE/text.npz)", "feature x1 = direction(c, FILE/none.npz)",
        "feature x1 = probe(c, FILE/short.tsv)", "feature x1 = layer0.forward.c · [1, nan]",
        "feature x1 = layer0.forward.c · [1]", "feature x1 = layer0.forward.c · [1, 2, 3]", "set d = nan", "set d = x",
        "set d @ 99 = 1", "feature-from", "feature-from FILE/nan.npz", "feature-from FILE/nan.npz x1",
        "feature x1 = direction(c, FILE/zero.npz)",
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line_and_changes_nothing(line: str, tmp_path: Path) -> None:
    session = opened()
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 no archive")
    savez(tmp_path / "nan.npz", {"d": np.array([1.0, np.nan])})
    savez(tmp_path / "zero.npz", {"d": np.zeros(2)})
    savez(tmp_path / "long.npz", {"d": np.arange(9.0)})
    savez(tmp_path / "text.npz", {"d": np.array(["a", "b"])})
    (tmp_path / "short.tsv").write_text("on\t1\n")
    before = session.frame.names.features
    if line == "feature":
        assert len(answer(session, line)) == len(before)
        return
    with pytest.raises(UserError) as caught:
        answer(session, line.replace("FILE", str(tmp_path)))
    assert "\n" not in str(caught.value)
    assert session.frame.names.features == before
    assert not session.history.lines


def test_there_are_so_many_and_no_more() -> None:
    session = opened()
    for number in range(MOST_FEATURES - 1):
        answer(session, f"feature x{number} = random(c)")
    with pytest.raises(UserError, match="already"):
        answer(session, "feature y = random(c)")


def test_a_line_of_numbers_is_read_as_it_is_written() -> None:
    random = np.random.default_rng(0)
    for size in (1, 3, 200):
        weights = tuple(map(float, random.normal(size=size) * 10.0 ** random.integers(-9, 9, size)))
        one = Feature("x", PASS, "c", weights, -1e-7, 'of “a" file\\')
        assert read_written("x", one.line().partition("=")[2].strip()) == one


@pytest.mark.parametrize(
    ("cell", "hidden", "said"),
    [("lstm", 3, "d is a direction of 2 numbers, and layer0.forward.c has 3 units here"),
     ("gru", 2, "this run has no layer0.forward.c, of which d is a direction")],
)  # fmt: skip
def test_of_a_run_without_such_a_value_a_direction_is_refused(cell: str, hidden: int, said: str) -> None:
    """A session's names go to runs of other networks too: a number of another value would be no answer."""
    names = opened().frame.names
    network = build_network({"input_size": 1, "layers": [{"cell": cell, "hidden_size": hidden}]}, seed=1)
    other = run(network, Sequence("numbers", ("0", "1"), x=np.ones((2, 1), np.float32)))
    with pytest.raises(UserError, match=said):
        evaluate(parse("d"), Scope(other, PASS, names=names), 0, 2)
