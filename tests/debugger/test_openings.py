"""Another network or another text in place: the run is that of a fresh start, and every way back has its bits."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_tui.debugger.commands.dispatch import answer, completions
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.edits.language import ModelEdit, TextEdit, line_of
from lstm_tui.debugger.edits.openings import text_of
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.session_file import read_saved, script_of
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.tokens import tokenize
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.formats.bundled_files import bundled_names
from lstm_tui.formats.importers.named import open_model
from lstm_tui.formats.inputs.inputs import text_sequence
from lstm_tui.formats.inputs.numeric_series import NumericSeries, series_from
from lstm_tui.formats.inputs.preprocess import as_trained
from lstm_tui.formats.inputs.text_input import text_from

TEXT = "The movie was not bad"
READERS = tuple(name for name in bundled_names() if open_model(name).tokens is not None)


def session(name: str = "sentiment", text: str = TEXT) -> Session:
    """Return a session of a bundled network on a text."""
    source = Source.of_input(open_model(name), text_from(text))
    return Session.open(Source(source.network, source.sequences, interpreter="numpy", command=("run", "x")))


def plainly(name: str, text: str) -> Trace:
    """Return the run of a network on a text, made without any session."""
    network = open_model(name)
    assert network.tokens is not None
    return run(network, as_trained(text_sequence(text, network.tokens), network, "the text"), "numpy")


def assert_same(one: Trace, other: Trace) -> None:
    """Assert that two runs hold the same numbers, bit for bit, on the same tokens."""
    assert one.sequence.tokens == other.sequence.tokens
    assert one.sequence.unknown == other.sequence.unknown
    assert list(one) == list(other)
    for name, passed in one.items():
        for value, series in passed.items():
            np.testing.assert_array_equal(series, other[name][value])
    for mine, theirs in ((one.output, other.output), (one.result, other.result)):
        assert (mine is None) == (theirs is None)
        if mine is not None and theirs is not None:
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("name", READERS)
def test_a_network_in_place_runs_as_one_that_was_opened_and_undo_goes_back(name: str) -> None:
    one = session("tiny" if name == "sentiment" else "sentiment")
    opened = one.frame.trace
    answer(one, f"model {name}")
    assert_same(one.frame.trace, plainly(name, TEXT))
    assert one.frame.difference is None
    assert one.frame.position.pass_name in one.frame.trace
    assert one.frame.equations[one.frame.position.equation]
    answer(one, "undo")
    assert one.frame.trace is opened
    answer(one, "redo")
    assert_same(one.frame.trace, plainly(name, TEXT))


def test_another_text_is_run_as_if_it_had_been_opened() -> None:
    one = session("story", "he likes pizza .")
    answer(one, "next 2")
    answer(one, "text My name is Priya and")
    assert_same(one.frame.trace, plainly("story", "My name is Priya and"))
    assert one.frame.t == 0


def test_the_text_is_kept_as_it_was_edited_and_edits_of_values_are_set_aside() -> None:
    one = session()
    for line in ("replace 0 A", "set f[3] @ 1 = 0", "weight layer0.forward/b_f[0] = 2"):
        answer(one, line)
    said = answer(one, "model story")[0]
    assert "2 edits set aside" in said
    assert_same(one.frame.trace, plainly("story", "A movie was not bad"))
    answer(one, "set f[3] @ 1 = 0")
    difference = one.frame.difference
    assert difference is not None
    assert_same(difference.before, plainly("story", "A movie was not bad"))
    answer(one, "undo 2")
    assert one.frame.trace.edits == one.history.lines
    assert len(one.history.lines) == 3


def test_what_holds_at_every_step_holds_in_another_text_and_what_holds_at_one_does_not() -> None:
    one = session("story", "he likes pizza .")
    answer(one, "set f[2] @ : = 1")
    answer(one, "set f[1] @ 0 = 1")
    assert "1 edit set aside" in answer(one, "text she likes aiml . and")[0]
    assert (one.frame.trace["layer0.forward"]["f"][:, 2] == 1).all()
    assert one.frame.trace["layer0.forward"]["f"][0, 1] != 1
    assert one.frame.difference is not None


def test_weights_stay_edited_in_another_text() -> None:
    one, other = session("story", "he likes pizza ."), session("story", "she likes aiml .")
    for line in ("weight layer0.forward/b_f[3] = -4", "text she likes aiml ."):
        answer(one, line)
    answer(other, "weight layer0.forward/b_f[3] = -4")
    assert_same(one.frame.trace, other.frame.trace)
    assert one.frame.difference is not None
    assert_same(one.frame.difference.before, plainly("story", "she likes aiml ."))


def test_a_saved_session_makes_all_of_it_again() -> None:
    one = session()
    for line in (
        "name layer0.forward.3 mine", "set f[3] @ 1 = 0", "model story", "name 5 other", "branch there",
        "text my name is zorblax .", "undo", "text her name is mei .", "set f[3] @ 1 = 0", "goto 2",
    ):  # fmt: skip
        answer(one, line)
    saved = read_saved(script_of(one), "x")
    again = session()
    for _, line in saved.lines:
        answer(again, line)
    assert again.history.lines == one.history.lines
    assert again.history.states == one.history.states
    assert_same(again.frame.trace, one.frame.trace)
    assert again.frame.names.name("layer0.forward", 5) == "other"
    assert again.frame.names.name("layer0.forward", 11) == "gender"  # as the card has it
    assert again.frame.position == one.frame.position
    answer(again, "switch base")
    assert again.frame.names.name("layer0.forward", 3) == "mine"
    assert again.frame.names.name("layer0.forward", 11) == ""


@pytest.mark.parametrize("line", ['model "story"', 'text "he said \\"no\\" ."', 'text "é\\U0000000a\\\\x"'])
def test_lines_are_read_back(line: str) -> None:
    edit = parse_edit(line)
    assert isinstance(edit, ModelEdit | TextEdit)
    assert line_of(edit) == line


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("model stroy", "did you mean story"),
        ("model recall", "recall-lstm"),
        ("model forecast", "reads numbers"),
        ("model sentiment", "already"),
        ("model /nowhere/x.pt", "model-file"),
        ("model-file /nowhere/x.pt", "x.pt"),
        ("model-file", "which file"),
        ("text", "which text"),
        ('text " "', "a text"),
        ("model \x1b[2J", "no network"),
    ],
)
def test_what_is_refused_changes_nothing(line: str, said: str) -> None:
    one = session()
    before = one.frame
    with pytest.raises(UserError, match=said) as refused:
        answer(one, line)
    assert "\x1b" not in str(refused.value)
    assert one.frame is before
    assert not one.history.states


def test_numbers_are_read_by_a_network_of_numbers_alone() -> None:
    one = Session.open(Source.of_input(open_model("forecast"), _waves()))
    for line in ("model story", "text he likes pizza"):
        with pytest.raises(UserError, match="numbers"):
            answer(one, line)


def _waves() -> NumericSeries:
    return series_from(np.zeros((4, 3), dtype=np.float32))


def test_the_list_names_what_each_network_knows_of_the_text() -> None:
    one = session("sentiment", "her name is priya and she likes aiml .")
    listed = answer(one, "model")
    words = tokenize("her name is priya and she likes aiml .", "words")
    for name in READERS:
        tokens = open_model(name).tokens
        assert tokens is not None
        if tokens.kind == "words":
            count = sum(map(tokens.knows, words))
            row = next(line for line in listed if line.split()[0] == name)
            assert f"{count} of {len(words)} words" in row
    assert not any(line.split()[0] == "forecast" for line in listed)
    assert completions(one, "model st") == ("model story", "model story-rnn")


@pytest.mark.parametrize("text", ["it's not, bad!", "Ganesh likes AIML.", "a  b\tc"])
def test_a_text_put_together_again_has_the_same_tokens(text: str) -> None:
    for name in ("sentiment", "chars"):
        network = open_model(name)
        assert network.tokens is not None
        sequence = text_sequence(text, network.tokens)
        assert text_sequence(text_of(sequence), network.tokens).tokens == sequence.tokens


def test_states_are_compared_where_they_read_the_same_tokens_and_refused_where_not() -> None:
    one = session()
    for line in ("model sentiment-forward", "set f[3] @ 1 = 0"):
        answer(one, line)
    rows = answer(one, "diff base here")
    assert [row.split()[-1] for row in rows if row.split()[0].isdigit()] == TEXT.split()
    answer(one, "text he likes pizza .")
    with pytest.raises(UserError, match="no common tape"):
        answer(one, "diff base here")


# --- words that are not known ---


@pytest.mark.parametrize(("line", "place"), [("replace 4 zorblax", 4), ("insert 1 zorblax", 1)])
def test_an_unknown_word_typed_in_an_edit_is_read_as_from_a_file(line: str, place: int) -> None:
    one = session()
    said = answer(one, line)[0]
    assert "unknown: “zorblax”" in said
    words = list(tokenize(TEXT, "words"))
    words[place : place + line.startswith("replace")] = ["zorblax"]
    assert_same(one.frame.trace, plainly("sentiment", " ".join(words)))
    assert one.frame.trace.sequence.unknown == (place,)


def test_near_words_are_named_and_several_words_are_told_apart() -> None:
    one = session()
    assert "near:" in answer(one, "replace 1 moviee")[0]
    with pytest.raises(UserError, match="2 words"):
        answer(one, 'insert 3 "really zorblax"')


def test_a_word_that_is_known_again_is_not_called_unknown() -> None:
    one = session("sentiment", "The zorblax was bad")
    assert list(one.frame.trace.sequence.unknown) == [1]
    answer(one, "replace 1 movie")
    assert not one.frame.trace.sequence.unknown


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    "typed", ["patch h[0] @ 1 from line 2 @ 1", pytest.param("find h[0] > 0", marks=pytest.mark.slow)]
)
def test_other_lines_of_the_file_are_read_by_the_network_that_is_open_now(name: str, typed: str) -> None:
    """They were given to it as the network had read them that the file was opened with, by its numbers of words."""
    text = "The movie was not bad\nshe likes tea and zzqy was dull\nWe will never go back\n"
    other, fresh = session("sentiment" if name == "tiny" else "tiny", text), session(name, text)
    answer(other, f"model {name}")
    assert answer(other, typed) == answer(fresh, typed)


def test_an_answer_is_no_part_of_the_text_that_another_network_reads() -> None:
    one = session("numbers", "two hundred and seven")
    opened = one.frame.trace.sequence.tokens
    assert len(opened) > 4
    answer(one, "model story")
    assert one.frame.trace.sequence.tokens == ("two", "hundred", "and", "seven")
    answer(one, "model numbers")
    assert one.frame.trace.sequence.tokens == opened
