"""Tasks made from a corpus: nothing is lost or seen twice, what judges was not learned, and the measures are right."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_tui.analysis.train.loss import NOT_COUNTED, Example
from lstm_tui.engine.compiler.roles import roles_of
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.cell import cell_names
from lstm_tui.engine.model.initialise import spread_memories
from lstm_tui.engine.model.network import build_network
from lstm_tui.engine.model.tokens import tokenize
from lstm_tui.engine.runtime.run import run_arrays
from lstm_tui.formats.inputs.numeric_series import series_from
from lstm_tui.formats.inputs.text_input import read_labelled, text_from
from lstm_tui.models.measures import ACCURACY, ERROR, accuracy, bits
from lstm_tui.models.recipes import bindings as recipes_bindings
from lstm_tui.models.recipes.recall import ASKED, COLOURS, PASSING, WORDS, recall, sample, sequences
from lstm_tui.models.tasks import Cut, _windows, classification, language_model, next_value


@given(st.integers(1, 60), st.integers(1, 12), st.integers(1, 12))
def test_windows_hold_every_step_once(length: int, window: int, first: int) -> None:
    line = list(range(length))
    pieces = _windows(line, window, min(first, window))
    assert [one for piece in pieces for one in piece[1:]] == line[1:]  # every target once
    assert all(2 <= len(piece) <= window + 1 for piece in pieces)
    assert all(before[-1] == after[0] for before, after in pairwise(pieces))


@given(st.integers(2, 40), st.floats(0.01, 0.9), st.integers(0, 5))
def test_what_judges_is_not_learned(lines: int, share: float, seed: int) -> None:
    text = text_from("".join(f"a{n} b{n} a{n} c\n" for n in range(lines)))
    task = language_model(text, "chars", Cut(held_out=share, seed=seed))
    learned, judging = len(task.examples(0)), len(task.held_out)
    assert learned + judging == lines
    assert judging == max(1, min(round(share * lines), lines - 1))
    assert not task.remarks
    reads = {tuple(example.read) for example in task.examples(0)}
    known = [example for example in task.held_out if 0 not in example.read]
    assert not reads & {tuple(example.read) for example in known}


def test_long_lines_are_cut_elsewhere_in_each_epoch_but_the_same_for_a_seed() -> None:
    text = text_from(" ".join(f"w{n % 7}" for n in range(500)) + "\n")
    tasks = [language_model(text, "words", Cut(window=20, seed=3)) for _ in range(2)]
    first, again, later = tasks[0].examples(0), tasks[1].examples(0), tasks[0].examples(1)
    assert [list(one.read) for one in first] == [list(one.read) for one in again]
    assert [len(one.read) for one in first] != [len(one.read) for one in later]
    assert max(len(one.read) for one in later) <= 20
    assert sum(len(one.read) for one in first) == 449  # the last of 500 words are asked of those before
    assert sum(len(one.read) for one in tasks[0].held_out) == 50


def test_one_short_sequence_gives_its_end_and_a_shorter_one_nothing() -> None:
    rows = np.arange(40.0)[:, None]
    task = next_value(series_from(rows), Cut(held_out=0.25))
    assert [float(one.read[0, 0]) for one in task.examples(0)] == [0.0]
    assert [float(row) for row in np.asarray(task.held_out[0].target)[:, 0]] == list(range(30, 40))
    short = next_value(series_from(rows[:6] / 10), Cut())
    assert short.remarks == ("there is too little to hold something out: the score is on what was learned",)
    assert "divide them" in task.remarks[0]


def test_rare_words_are_unknown_and_never_asked_for() -> None:
    text = text_from("the cat sat\nthe cat ran\nthe cat sat\nthe dog sat\n" * 5 + "once only cat\n")
    task = language_model(text, "words", Cut(rarest=3, held_out=0.2))
    vocabulary = task.spec["tokens"]["vocabulary"]
    assert vocabulary[0] == "<unk>"
    assert {"once", "only"}.isdisjoint(vocabulary)
    assert {"the", "cat", "sat"} <= set(vocabulary)
    for example in [*task.examples(0), *task.held_out]:
        assert 0 not in np.asarray(example.target)
    with pytest.raises(UserError, match="stands 999 times"):
        language_model(text, "words", Cut(rarest=999))


def test_labels_keep_their_order_and_are_balanced_by_nobody(tmp_path: Path) -> None:
    (tmp_path / "m.tsv").write_text("10\tten\n9\tnine\tand a tab\n\n10\tten again\n2\ttwo\n")
    rows = read_labelled(tmp_path / "m.tsv")
    assert rows.labels == ("2", "9", "10")
    assert rows.rows[1] == ("9", "nine\tand a tab")
    task = classification(rows, "words", Cut(held_out=0.5))
    assert task.spec["classes"] == ["2", "9", "10"]
    assert len(task.examples(0)) == len(task.held_out) == 2
    (tmp_path / "many.tsv").write_text("".join(f"{n}\ttext\n" for n in range(1001)))
    with pytest.raises(UserError, match="1001 labels"):
        read_labelled(tmp_path / "many.tsv")


def test_a_colour_is_asked_for_after_as_many_words_as_are_said() -> None:
    task = recall(7, 0)
    for example in [*task.examples(0), *task.held_out[:50]]:
        words = [WORDS[n] for n in example.read]
        assert len(words) == 8
        assert words[0] in COLOURS
        assert words[-1] == ASKED
        assert set(words[1:-1]) <= set(PASSING)
        target = np.asarray(example.target)
        assert list(target[:-1]) == [NOT_COUNTED] * 7
        assert WORDS[target[-1]] == words[0]
    assert len({tuple(example.read) for example in sequences(7, 400, 1)}) > 350
    assert sample(7).split()[-1] == ASKED
    assert [tuple(one.read) for one in recall(7, 1).examples(0)] != [tuple(one.read) for one in task.examples(0)]


def test_a_name_is_asked_for_that_was_bound_and_its_last_colour_is_the_answer() -> None:
    task = recipes_bindings.bindings(7, 0)
    anew = 0
    for example in [*task.examples(0), *task.held_out[:50]]:
        words = [recipes_bindings.WORDS[n] for n in example.read]
        assert len(words) == 8
        bound = [word.split("_") for word in words[:-1]]
        colours = [colour for name, colour in bound if name == words[-1]]
        assert colours
        anew += len(set(colours)) > 1
        target = np.asarray(example.target)
        assert list(target[:-1]) == [NOT_COUNTED] * 7
        assert recipes_bindings.WORDS[target[-1]] == colours[-1]
    assert anew > 20, "a name is bound anew now and then"
    line = recipes_bindings.sample(7)
    assert tokenize(line, "words") == line.split(), "whoever types it must be understood"


def test_measures_are_what_they_say() -> None:
    spec = {"name": "n", "input_size": 2, "layers": [{"cell": "rnn", "hidden_size": 3}], "outputs": 4}
    network = build_network({**spec, "readout": "dense"}, seed=2)
    random = np.random.default_rng(0)
    examples = [Example(random.normal(size=(5, 2)).astype(np.float32), random.integers(-1, 4, 5)) for _ in range(9)]
    said = [run_arrays(network, one.read, "numpy").readout for one in examples]
    right, surprise = [], []
    for one, ran in zip(examples, said, strict=True):
        assert ran is not None
        for numbers, wanted in zip(ran.values["y"], np.asarray(one.target), strict=True):
            if wanted >= 0:
                right.append(numbers.argmax() == wanted)
                surprise.append(-np.log2(numbers[wanted]))
    assert accuracy(network, examples, "numpy") == pytest.approx(np.mean(right))
    poisoned = build_network({**spec, "readout": "dense"}, seed=2)
    assert poisoned.readout is not None
    poisoned.readout.flat[:] = np.nan
    certain = [Example(one.read, np.zeros(5, np.int64)) for one in examples]  # where an argmax of NaN would point
    assert accuracy(poisoned, certain, "numpy") == 0
    assert bits("word").score(network, examples, "numpy") == pytest.approx(-np.mean(surprise), rel=1e-5)
    linear = build_network({**spec, "outputs": 2, "readout": "linear"}, seed=2)
    rows = [Example(one.read, one.read[::-1].copy()) for one in examples]
    outs = [run_arrays(linear, one.read, "numpy").readout for one in rows]
    missed = [out.values["y"] - one.target for out, one in zip(outs, rows, strict=True) if out is not None]
    assert ERROR.score(linear, rows, "numpy") == pytest.approx(-np.sqrt(np.mean(np.square(missed))), rel=1e-5)
    assert ACCURACY.shown(0.875) == "87.5 %"
    assert ACCURACY.shown(0.5, 1.0) == "75.0 % (50.0–100.0)"
    assert bits("word").shown(-2.5, -1.5) == "2.000 (1.500–2.500)"


@pytest.mark.parametrize("name", cell_names())
def test_spread_memories_keep_what_a_gate_keeps(name: str) -> None:
    size = 6
    layer = {"cell": name, "hidden_size": size, "sizes": {"P": 3} if name == "lstm_projected" else {}}
    network = build_network({"name": "n", "input_size": size, "layers": [layer]}, seed=0)
    before = {key: view.copy() for key, view in network.tensors().items()}
    changed = spread_memories(network.passes, 50, 0)
    moved = {key for key, view in network.tensors().items() if not np.array_equal(view, before[key])}
    assert changed == bool(moved)
    roles = roles_of(network.passes[0].cell)
    for key in moved:
        gate = key.rpartition("_")[2]
        kept = network.tensors()[key] * (1 if roles[gate] == "keeps" else -1)
        assert roles[gate] in ("keeps", "writes")
        assert (kept >= 0).all()
        assert (kept <= np.log(50)).all()  # a gate open by log n - 1 of n keeps for n steps
