"""A network taught a few texts in place: as plain training has it, the same bits each time, and all of it undone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_tui.analysis.train.further import Further, own_examples, trained_further, usual
from lstm_tui.analysis.train.loop import Settings, train
from lstm_tui.analysis.train.loss import Example, next_tokens
from lstm_tui.debugger.cancellation import GivenUp
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.edits import teaching
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.edits.language import MOST_EPOCHS, MOST_TEXTS, TeachEdit, line_of
from lstm_tui.debugger.edits.teaching import held_out_of
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.session_file import read_saved, script_of
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.compiling import StillToCompile, nothing_compiled
from lstm_tui.engine.runtime.run import run
from lstm_tui.formats.bundled_files import bundled_names, held_out_path
from lstm_tui.formats.importers.named import open_model
from lstm_tui.formats.inputs.inputs import text_sequence
from lstm_tui.formats.inputs.text_input import text_from

LINE = "teach priya likes pizza . she likes pizza . epochs 2 rate 0.01"
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=9).filter(str.strip)


def session(name: str = "story", text: str = "asha likes pizza .") -> Session:
    """Return a session of a bundled network on a text."""
    source = Source.of_input(open_model(name), text_from(text))
    return Session.open(Source(source.network, source.sequences, interpreter="numpy", command=("run", "x")))


def read(network: Network, text: str) -> np.ndarray:
    """Return the ids of a text."""
    assert network.tokens is not None
    return network.tokens.encode(text.split())[0]


def naive_loss(network: Network, text: str, label: int | None) -> float:
    """Return the loss of a text, word by word: mean surprise of the next word, or that of the class."""
    assert network.tokens is not None
    trace = run(network, text_sequence(text, network.tokens), "numpy")
    if label is not None:
        assert trace.result is not None
        return float(-np.log(trace.result[label]))
    assert trace.output is not None
    ids = trace.sequence.ids
    assert ids is not None
    return float(np.mean([-np.log(trace.output[t][ids[t + 1]]) for t in range(len(ids) - 1)]))


@pytest.mark.slow
def test_what_is_taught_is_what_plain_training_has() -> None:
    network = open_model("story")
    learned = next_tokens(read(network, "asha likes pizza . she likes pizza ."))
    rehearsed = own_examples(network, "numpy")
    plain = network.copy()
    train(plain, [learned] * 4 + rehearsed, Settings(2, 0.01, batch=8, interpreter="numpy"))
    made = trained_further(network, [learned], Further(2, 0.01), "numpy")
    for name, array in made.tensors().items():
        np.testing.assert_array_equal(array, plain.tensors()[name])
        assert not np.array_equal(array, network.tensors()[name]) or not array.any()


@pytest.mark.slow
def test_the_same_line_gives_the_same_bits_and_undo_gives_the_old_ones() -> None:
    one = session()
    before = {name: array.copy() for name, array in one.edited.network.tensors().items()}
    output = one.frame.trace.output
    answer(one, LINE)
    after = {name: array.copy() for name, array in one.edited.network.tensors().items()}
    assert one.frame.difference is not None
    assert one.frame.difference.before.output is output
    answer(one, "weight layer0.forward/b_f[0] = 9")  # which writes to weights of its own
    answer(one, "undo 2")
    for name, array in one.edited.network.tensors().items():
        np.testing.assert_array_equal(array, before[name])
    teaching._taught.clear()  # as another process begins
    again = session()
    answer(again, LINE)
    for line in [line for _, line in read_saved(script_of(again), "x").lines]:
        assert "teach" not in line or line == line_of(again.history.active[0])
    for name, array in again.edited.network.tensors().items():
        np.testing.assert_array_equal(array, after[name])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text", "label"),
    [("story", "priya likes pizza . she likes pizza .", None), ("sentiment", "this pizza is sick", "positive")],
)
def test_what_is_said_of_a_teaching_is_measured(name: str, text: str, label: str | None) -> None:
    one = session(name, text)
    network = open_model(name)
    said = answer(one, f"teach {text}" + (f" as {label}" if label else ""))[0]
    number = None if label is None else network.classes.index(label)
    old, new = (naive_loss(each, text, number) for each in (network, one.edited.network))
    assert f"loss {old:.2f} → {new:.2f}" in said
    assert new < old
    if label is not None:  # words of its held-out texts that it does not know have no text that is read back
        return
    others = held_out_of(network)
    assert others is not None
    assert network.tokens is not None
    costs = []
    for each in (network, one.edited.network):
        total = counted = 0.0
        for example in others.examples:
            words = " ".join(network.tokens.vocabulary[n] for n in example.read)
            assert not isinstance(example.target, int)
            last = network.tokens.vocabulary[example.target[-1]]
            total += naive_loss(each, f"{words} {last}", None) * len(example.target)
            counted += len(example.target)
        costs.append(total / counted)
    assert f"of {len(others.examples)} unseen stories {costs[0]:.2f} → {costs[1]:.2f}" in said


@pytest.mark.slow
def test_a_teaching_that_is_given_up_changes_nothing() -> None:
    one = session()
    before = one.frame
    teaching._taught.clear()
    one.work.give_up()
    with pytest.raises(GivenUp):
        answer(one, LINE)
    assert one.frame is before
    assert not one.history.states


def test_nobody_waits_for_it_under_a_key() -> None:
    one = session()
    teaching._taught.clear()
    with nothing_compiled(), pytest.raises(StillToCompile):
        answer(one, LINE)
    assert not one.history.states


@given(st.lists(TEXTS, min_size=1, max_size=3), st.none() | TEXTS, st.integers(1, 500), st.floats(1e-6, 1))
def test_a_line_is_read_back(texts: list[str], label: str | None, epochs: int, rate: float) -> None:
    edit = TeachEdit(tuple(texts), label, epochs, rate)
    assert parse_edit(line_of(edit)) == edit


@pytest.mark.parametrize(
    ("name", "line", "said"),
    [
        ("story", "teach pizza", "two at least"),
        ("story", 'teach "he likes pizza" as "good"', "leave `as good` out"),
        ("sentiment", "teach not bad", "which class"),
        ("sentiment", "teach not bad as posh", "knows no class|did you mean"),
        ("tiny", "teach on off", "nothing can be taught"),
        ("story", f"teach {'he likes ' * 1500}", "is the most"),
        ("story", "teach he likes pizza epochs 0", "epochs"),
        ("story", "teach he likes pizza rate 7", "rate"),
    ],
)
def test_what_cannot_be_taught_is_one_line(name: str, line: str, said: str) -> None:
    one = session(name, "it was not bad")
    before = one.frame
    with pytest.raises(UserError, match=said):
        answer(one, line)
    assert one.frame is before


def test_as_is_a_word_of_a_text_where_no_class_is_taught() -> None:
    from lstm_tui.debugger.commands.edit import read_typed

    edit = read_typed(session(), "teach", "she is as tall")
    assert isinstance(edit, TeachEdit)
    assert edit.texts == ("she is as tall",)
    assert Further(edit.epochs, edit.rate) == usual(open_model("story"))


@pytest.mark.slow
def test_a_taught_network_is_saved_with_what_it_learned(tmp_path: Path) -> None:
    one = session()
    answer(one, LINE)
    answer(one, f"save-model {tmp_path / 'mine.safetensors'}")
    other = session()
    answer(other, f"model-file {tmp_path / 'mine.safetensors'}")
    np.testing.assert_array_equal(one.frame.trace.output, other.frame.trace.output)


@pytest.mark.parametrize("name", bundled_names())
def test_held_out_texts_fit_the_network_they_judge(name: str) -> None:
    network = open_model(name)
    others = held_out_of(network)
    taught = name.startswith(("story", "sentiment", "verdict"))
    assert (others is not None) == taught
    if others is not None:
        assert all(isinstance(one, Example) and len(one.read) > 1 for one in others.examples)
        assert held_out_of(network.copy()) is not None


@pytest.mark.slow
def test_the_held_out_texts_are_those_that_no_network_learned_from() -> None:
    from lstm_tui.models.held_out_texts import held_out_texts
    from lstm_tui.models.recipes.sentiment import GENERATED, verdicts
    from lstm_tui.models.recipes.verdicts import LEARNED

    texts = held_out_texts()
    for name, text in texts.items():
        assert held_out_path(name).read_text("utf-8") == text
    learned = {one.text for one in (*verdicts(GENERATED), *verdicts(LEARNED + 500, seed=1)[:LEARNED])}
    assert not learned & {line.partition("\t")[2] for line in texts["verdicts.tsv"].splitlines()}


@pytest.mark.parametrize(
    ("texts", "epochs", "rate", "taken"),
    [
        (1, 1, "1", True), (MOST_TEXTS, MOST_EPOCHS, "1", True), (0, 1, "1", False), (MOST_TEXTS + 1, 1, "1", False),
        (1, 0, "1", False), (1, MOST_EPOCHS + 1, "1", False), (1, 1, "0", False), (1, 1, "1.0001", False),
    ],
)  # fmt: skip
def test_a_bound_is_in_and_what_is_beyond_it_is_not(texts: int, epochs: int, rate: str, taken: bool) -> None:
    quoted = " ".join(f'"he likes {n}"' for n in range(texts))
    line = f"teach {quoted} epochs {epochs} rate {rate}"
    if taken:
        assert len(parse_edit(line).texts) == texts  # type: ignore[union-attr]
        return
    with pytest.raises(UserError):
        parse_edit(line)
