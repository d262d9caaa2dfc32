"""Two runs on one tape: tokens that belong together, distances by hand, and units that are the same or are not."""

from __future__ import annotations

import numpy as np
import pytest
from edited_networks import sentence, stacked
from present import present

from lstm_tui.debugger.edits.apply import apply
from lstm_tui.debugger.edits.edit_reader import parse_edit_script
from lstm_tui.debugger.inspect.compare import Comparison, compare
from lstm_tui.debugger.inspect.diff import DiffColumn
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.run import run


def compared(recipe: str = "") -> Comparison:
    network = stacked()
    sequence = sentence(network)
    made = apply(parse_edit_script(recipe), network, sequence)
    edited = run(made.network, made.sequence, holds=made.holds)
    return Comparison.of(run(network, sequence), edited, ("a", "b"), made.origins)


def test_a_run_beside_itself_is_nowhere_apart() -> None:
    same = compared()
    assert len(same.columns) == 5
    for column in same.columns:
        assert column.before == column.after
        assert same.output_distance(column) == 0
        assert same.memory_distance(column, "layer1.backward") == 0


def test_tokens_that_edits_put_in_or_took_away_stand_in_their_own_columns() -> None:
    both = compared('insert 2 "good"\ndelete 4\nreplace 0 "not"')
    assert [both.token(column) for column in both.columns] == ["not", "movie", "good", "was", "not", "bad"]
    assert both.columns[2] == DiffColumn(None, 2)
    assert both.columns[4] == DiffColumn(3, None)
    assert both.output_distance(both.columns[2]) is None
    assert both.memory_distance(both.columns[4], "layer0.forward") is None


def test_distances_are_those_of_their_formulas() -> None:
    both = compared("weight layer0.forward/b_f[1] = -4")
    column = both.columns[3]
    one, other = both.one["layer1.forward"]["c"][3], both.other["layer1.forward"]["c"][3]
    expected = sum(abs(float(a) - float(b)) for a, b in zip(one, other, strict=True))
    expected /= sum(abs(float(a)) + abs(float(b)) for a, b in zip(one, other, strict=True))
    assert both.memory_distance(column, "layer1.forward") == pytest.approx(expected, rel=1e-5)
    assert both.parts is not None
    rows = [parts.by_token[3] for parts in both.parts]
    k = present(both.winner)
    assert both.output_distance(column) == pytest.approx((rows[1][k] - rows[1][1 - k]) - (rows[0][k] - rows[0][1 - k]))
    assert both.one.result is not None
    assert k == int(both.one.result.argmax())


def test_units_of_networks_trained_apart_are_not_compared() -> None:
    one, other = stacked(), stacked(seed=8)
    runs = run(one, sentence(one)), run(other, sentence(other))
    apart = Comparison.of(*runs, ("a", "b"))
    assert not apart.comparable("layer0.forward")
    assert apart.memory_distance(apart.columns[0], "layer0.forward") is None
    assert apart.output_distance(apart.columns[0]) is not None
    later = one.copy()
    for view in later.tensors().values():
        view += np.random.default_rng(1).normal(0, 0.05, view.shape)
    assert Comparison.of(runs[0], run(later, sentence(one)), ("a", "b")).comparable("layer0.forward")
    gru = stacked("gru")
    assert not Comparison.of(runs[0], run(gru, sentence(gru)), ("a", "b")).comparable("layer0.forward")


def test_texts_without_a_common_tape_are_refused() -> None:
    network = stacked()
    runs = run(network, sentence(network)), run(network, sentence(network, "not bad"))
    with pytest.raises(UserError, match="a and b read this as 5 words and 2 words: there is no common tape"):
        Comparison.of(*runs, ("a", "b"))


@pytest.mark.parametrize("t", range(5))
def test_texts_that_differ_by_one_word_are_refused_with_the_word(t: int) -> None:
    network = stacked()
    one = sentence(network)
    words = list(one.tokens)
    words[t] = "good"
    runs = run(network, one), run(network, sentence(network, " ".join(words)))
    with pytest.raises(UserError, match=f"at t = {t} “{one.tokens[t]}” and “good”: .* no common tape; .* edit"):
        compare(*runs)


@pytest.mark.parametrize("script", ['replace 4 "good"', 'insert 1 "good"', "remove 0", 'remove 4\ninsert 2 "good"'])
@pytest.mark.parametrize("before", ["", "weight layer0.forward/b_f[0] = 2", 'insert 0 "good"'])
def test_a_run_and_an_edit_of_it_are_compared_as_the_session_does(before: str, script: str) -> None:
    network = stacked()
    session = Session(run(network, sentence(network)))
    for line in before.splitlines():
        session.edit(*parse_edit_script(line))
    one = session.frame.trace
    for line in script.splitlines():
        session.edit(*parse_edit_script(line))
    compared = compare(one, session.frame.trace)
    made = apply(parse_edit_script(script), network, one.sequence)
    by_hand = Comparison.of(one, session.frame.trace, ("a", "b"), made.origins)
    assert [*compared.columns] == [*by_hand.columns]
    assert compared.edited
