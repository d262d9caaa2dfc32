"""Words added to a vocabulary: nothing that was known changes, and what is new begins as the unknown word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from present import present

from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.edits.edit_reader import _EXAMPLES, parse_edit
from lstm_tui.debugger.edits.language import line_of
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.session_file import read_saved, script_of
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.more_words import MOST_WORDS, new_words, with_words
from lstm_tui.engine.runtime.run import run
from lstm_tui.formats.bundled_files import bundled_names
from lstm_tui.formats.importers.named import open_model
from lstm_tui.formats.importers.native import load, save
from lstm_tui.formats.inputs.inputs import text_sequence
from lstm_tui.formats.inputs.text_input import text_from

TEXT = "my name is Zuri and i like momos ."
OF_WORDS = [
    name
    for name in bundled_names()
    if (tokens := open_model(name).tokens) is not None and tokens.kind == "words" and open_model(name).answers is None
]


def session(name: str = "story", text: str = TEXT) -> Session:
    """Return a session of a bundled network on a text."""
    source = Source.of_input(open_model(name), text_from(text))
    return Session.open(Source(source.network, source.sequences, interpreter="numpy", command=("run", "x")))


@pytest.mark.parametrize("name", OF_WORDS)
def test_what_was_known_is_read_and_said_as_before(name: str) -> None:
    old = open_model(name)
    assert old.tokens is not None
    new = with_words(old, ["Zuri", "momos"])
    assert new.tokens is not None
    assert new.tokens.vocabulary == (*old.tokens.vocabulary, new.tokens.as_read("Zuri"), "momos")
    text = " ".join(word for word in old.tokens.vocabulary[1:9] if word.isalnum())
    one, other = (run(network, text_sequence(text, present(network.tokens)), "numpy") for network in (old, new))
    for passed in one.passes:
        for value, series in one.passes[passed].items():
            np.testing.assert_array_equal(other.passes[passed][value], series)
    says_words = old.classes == old.tokens.vocabulary
    assert new.classes == (new.tokens.vocabulary if says_words else old.classes)
    said, now = (trace.output if trace.output is not None else trace.result for trace in (one, other))
    assert said is not None
    assert now is not None
    if says_words:  # of each chance the unknown word has, a new word has as much beside it
        whole = 1 + 2 * said[:, [old.tokens.unknown_id]].astype(np.float64)
        wanted = np.concatenate((said, *[said[:, [old.tokens.unknown_id]]] * 2), 1) / whole
        np.testing.assert_allclose(now, wanted, rtol=1e-5, atol=1e-7)
    else:
        np.testing.assert_array_equal(now, said)
    strange = "xyzzy zuri"
    unknown, first = (run(network, text_sequence(strange, present(network.tokens)), "numpy") for network in (old, new))
    for passed in unknown.passes:
        for value, series in unknown.passes[passed].items():
            np.testing.assert_array_equal(first.passes[passed][value], series)


def test_they_are_known_on_the_tape_until_undo_and_in_a_saved_session(tmp_path: Path) -> None:
    one = session()
    before = one.frame.trace
    assert list(answer(one, "add-words")) == [
        "2 new words: “zuri”, “momos”, read so far as the unknown word is",
    ]
    known = with_words(one.edits.opened_network, ["zuri", "momos"])
    assert known.tokens is not None
    assert not one.frame.trace.sequence.unknown
    ids = one.frame.trace.sequence.ids
    assert ids is not None
    assert [known.tokens.vocabulary[n] for n in ids] == TEXT.lower().split()
    again = session()
    for _, line in read_saved(script_of(one), "x").lines:
        list(answer(again, line))
    np.testing.assert_array_equal(again.frame.trace.output, one.frame.trace.output)
    save(one.edited.network, tmp_path / "n.safetensors")
    assert load(tmp_path / "n.safetensors").tokens == known.tokens
    answer(one, "undo")
    assert one.frame.trace.sequence.unknown == before.sequence.unknown
    np.testing.assert_array_equal(one.frame.trace.output, before.output)


def test_a_file_with_room_takes_numbers_and_one_without_is_written_anew(tmp_path: Path) -> None:
    mine = with_words(open_model("story"), [f"w{n}" for n in range(128)])
    assert mine.embedding is not None
    mine.embedding[...] = mine.embedding.astype(np.float16)
    save(mine, tmp_path / "mine.safetensors")
    for line, said in (
        ("weight embedding[5,3] = 0.5", "but for 1 number"),
        ("weight embedding[5,3] = 0.1", "describes itself"),
        ("add-words zuri", "describes itself"),
    ):
        network = open_model(str(tmp_path / "mine.safetensors"))
        one = Session.open(Source.of_input(network, text_from(TEXT)))
        list(answer(one, line))
        assert said in "".join(answer(one, f"save-model {tmp_path / 'again.safetensors'} over"))
        again = load(tmp_path / "again.safetensors").tensors()
        for name, tensor in one.edited.network.tensors().items():
            np.testing.assert_array_equal(again[name], tensor)


@pytest.mark.parametrize(
    ("name", "words", "says"),
    [
        ("story", ["my"], "knows “my” already"),
        ("story", ["My"], "knows “my” already"),
        ("story", ["two words"], "is not one word"),
        ("story", [""], "is not one word"),
        ("story", ["a\x1b[2Jb"], "is not one word"),
        ("story", [], "give 1 to"),
        ("story", [f"w{n}" for n in range(MOST_WORDS + 1)], "give 1 to"),
        ("chars", ["zuri"], "reads bytes"),
        ("forecast", ["zuri"], "reads numbers"),
    ],
)
def test_what_cannot_be_added_is_refused_in_one_line(name: str, words: list[str], says: str) -> None:
    with pytest.raises(UserError, match=says) as error:
        new_words(words, open_model(name))
    assert str(error.value).isprintable()


@pytest.mark.parametrize("verb", _EXAMPLES)
def test_every_line_of_an_edit_script_is_read_and_written_back(verb: str) -> None:
    for line in _EXAMPLES[verb].split(", or: "):
        edit = parse_edit(line)
        assert parse_edit(line_of(edit)) == edit


@pytest.mark.slow
def test_what_is_taught_of_new_words_is_said_afterwards() -> None:
    one = session()
    said = list(answer(one, "teach"))
    assert said[0].startswith("2 new words: “zuri”, “momos”")
    assert said[1].startswith("taught 1 text: loss")
    assert "unknown" not in said[1]
    network, trace = one.edited.network, one.frame.trace
    assert network.tokens is not None
    assert trace.output is not None
    momos = network.tokens.index["momos"]
    before = with_words(one.edits.opened_network, ["zuri", "momos"])
    old = run(before, text_sequence(TEXT, present(before.tokens)), "numpy").output
    assert old is not None
    assert trace.output[6, momos] > 10 * old[6, momos]
    assert not np.array_equal(network.embedding[momos], network.embedding[0])  # type: ignore[index]
