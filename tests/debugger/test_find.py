"""`find`, `found`, `gate-tokens` and `follows`: over the file that is open, against runs taken one by one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from edited_networks import sentence, stacked

from lstm_tui.debugger import corpus as corpora
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.commands.find import file_corpus
from lstm_tui.debugger.corpus import Corpus, ValueName, hold_states
from lstm_tui.debugger.edits.edit_reader import parse_edit_script
from lstm_tui.debugger.inspect.findings import labels_by_pattern, labels_in_file
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.run import run
from lstm_tui.formats.inputs.text_input import text_from
from lstm_tui.models.bundled import open_model

NETWORK = stacked()
TEXTS = ("The movie was not bad", "bad", "The movie was good not bad", "good good movie the movie was not bad")
SOURCE = Source(NETWORK, [sentence(NETWORK, text) for text in TEXTS], interpreter="numpy")


def opened() -> Session:
    return Session.open(SOURCE)


@pytest.mark.parametrize("pool", [1, 7, 1 << 15])
@pytest.mark.parametrize("long", [3, 1 << 14])
def test_the_states_of_a_corpus_are_those_of_its_lines(pool: int, long: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpora, "_POOL", pool)
    monkeypatch.setattr(corpora, "_LONG", long)
    monkeypatch.setattr(corpora, "chosen_for_many", lambda: "numpy")
    values = [ValueName("layer0.backward", "c"), ValueName("layer1.forward", "f")]
    held = hold_states(Corpus.of((SOURCE,)), values)
    for line, sequence in enumerate(SOURCE.sequences):
        first, stop = held.starts[line : line + 2]
        trace = run(NETWORK, sequence, "numpy")
        for one in values:
            got = held.states[one.name].read(range(held.states[one.name].units), first, stop)
            assert np.array_equal(got.T, trace[one.pass_name][one.value])
        assert held.ids[first:stop].tolist() == [] if sequence.ids is None else sequence.ids.tolist()
        assert held.location(int(stop) - 1) == (0, line, 0, len(sequence) - 1)


@pytest.mark.parametrize("edits", ["reset every 2", "chunk every 2", "reset every 3\nchunk every 2"])
@pytest.mark.parametrize("name", ["stacked", "tiny"])
@pytest.mark.parametrize("long", [3, 1 << 14])
def test_cuts_and_states_to_begin_with_are_those_of_the_runs(
    edits: str, name: str, long: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpora, "_LONG", long)
    monkeypatch.setattr(corpora, "chosen_for_many", lambda: "numpy")
    script = parse_edit_script(edits)
    source = replace(SOURCE, edit_script=script)
    value = ValueName("layer1.forward", "c")
    if name == "tiny":
        source = Source.of_input(open_model("tiny"), text_from("on wait off wait wait on off\non off\n"))
        source = replace(source, edit_script=script, interpreter="numpy")
        source = replace(source, initial={"layer0.forward": {"h": np.ones(2, np.float32)}})
        value = ValueName("layer0.forward", "c")
    held = hold_states(Corpus.of((source,)), [value])
    plain = hold_states(Corpus.of((replace(source, edit_script=()),)), [value])
    apart = 0
    for line in range(source.count):
        first, stop = held.starts[line : line + 2]
        wanted = source.run_edited(line)[value.pass_name]["c"]
        got = held.states[value.name].read(range(wanted.shape[1]), first, stop).T
        assert np.allclose(got, wanted, atol=1e-6)
        apart += not np.array_equal(got, plain.states[value.name].read(range(wanted.shape[1]), first, stop).T)
    assert apart or (name == "tiny" and "reset" not in edits), "a chunk leaves what reads forward as it is"
    assert Corpus.of((source,)).digest() != Corpus.of((replace(source, edit_script=()),)).digest()


def test_cuts_before_every_so_many_tokens_are_of_every_line_of_a_session() -> None:
    source = replace(SOURCE, edit_script=parse_edit_script("reset every 2"))
    session = Session.open(source)
    assert session.edits.to_edit or session.history.lines
    for line in (2, 3, 0, 2):
        session.open_line(line)
        assert session.history.lines == ("reset every 2",)
        made = session.frame.trace["layer0.forward"]["c"]
        assert np.array_equal(made, source.run_edited(line)["layer0.forward"]["c"])
    assert file_corpus(session).cuts
    session.undo()
    session.open_line(0)
    session.open_line(2)
    assert session.history.lines == (), "taken back there"
    assert not file_corpus(session).cuts


def test_an_edit_of_one_line_is_refused_by_its_name() -> None:
    with pytest.raises(UserError, match="`remove 1` is an edit of one line, and many are searched: leave it out"):
        Corpus.of((replace(SOURCE, edit_script=parse_edit_script("reset every 2\nremove 1")),))


def test_a_long_text_of_a_forward_network_is_run_in_parts_that_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source.of_input(open_model("tiny"), text_from("on wait off wait wait on off\n"))
    value = ValueName("layer0.forward", "c")
    whole = run(open_model("tiny"), source.sequences[0], "numpy")["layer0.forward"]["c"]
    monkeypatch.setattr(corpora, "_LONG", 3)
    monkeypatch.setattr(corpora, "chosen_for_many", lambda: "numpy")
    got = hold_states(Corpus.of((source,)), [value]).states[value.name].read(range(2), 0, 7).T
    assert np.allclose(got, whole, atol=1e-6)


def test_a_marked_range_is_found_in_other_lines_and_each_is_one_command_away() -> None:
    session = opened()
    lines = answer(session, "find c[1:3] @ 1:3")
    pattern = session.frame.trace["layer0.forward"]["c"][1:3, 1:3].astype(np.float64)
    best = min(
        (
            float(np.sqrt(((run(NETWORK, one, "numpy")["layer0.forward"]["c"][t : t + 2, 1:3] - pattern) ** 2).mean())),
            n,
            t,
        )
        for n, one in enumerate(SOURCE.sequences)
        for t in range(len(one) - 1)
        if n or t > 2
    )
    first = session.findings[0]
    assert (first.place.sequence, first.place.t) == best[1:]
    assert first.score == pytest.approx(best[0], abs=1e-5)
    assert f"line {best[1] + 1} t={best[2]}–{best[2] + 1}" in lines[1]
    for n, finding in enumerate(session.findings):
        answer(session, "found")
        assert (session.frame.line, session.frame.t) == (finding.place.sequence, finding.place.t), n
    answer(session, "found 1")
    answer(session, "found -1")
    last = session.findings[-1].place
    assert (session.frame.line, session.frame.t) == (last.sequence, last.t)
    assert not session.history.states, "a question leaves nothing behind"


def test_conditions_are_those_of_the_runs_line_by_line() -> None:
    session = opened()
    answer(session, "find c[1] > 0 and layer1.backward.f[0] < .6")
    found = {(one.place.sequence, one.place.t + n) for one in session.findings for n in range(one.steps)}
    wanted = set()
    for line, sequence in enumerate(SOURCE.sequences):
        trace = run(NETWORK, sequence, "numpy")
        holds = (trace["layer0.forward"]["c"][:, 1] > 0) & (trace["layer1.backward"]["f"][:, 0] < 0.6)
        wanted |= {(line, int(t)) for t in np.flatnonzero(holds)}
    assert found == wanted
    assert wanted


def test_it_asks_the_network_as_it_is_edited() -> None:
    session = opened()
    answer(session, "weight layer0.forward/b_i = -20")
    answer(session, "weight layer0.forward/b_f = -20")
    assert answer(session, "find c[0] > 0.01") == ("nowhere",)


def test_text_is_found_as_before() -> None:
    session = opened()
    assert "“not”" in answer(session, "find not")[0]
    with pytest.raises(UserError, match="no token holds"):
        answer(session, "find c[")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("find c[9] @ 1", "nothing is marked"),
        ("find c[0] @ 77", "nothing is marked"),
        ("find c[0] @ 1 = 2", "expected"),
        ("find c[9] > 1", "there is no 9"),
        ("find q[0] > 1", "no value q"),
        ("find c[0] > 1 and", "is no condition"),
        ("find c[0] > nan", "is no condition"),
        ("find c[nobody] > 1", "nobody"),
        ("found", "nothing was found"),
        ("gate-tokens 99", "no unit 99"),
        ("follows", "which property"),
        ("follows (", "no regular expression"),
        ("follows zzz", "at every step or at none"),
    ],
)
def test_what_cannot_be_asked_is_one_line(line: str, said: str) -> None:
    session = opened()
    with pytest.raises(UserError) as caught:
        answer(session, line)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_nan_in_the_mark_is_said() -> None:
    session = opened()
    answer(session, "set c[1] @ 2 = inf")
    answer(session, "scale c[1] @ 2 * 0")
    with pytest.raises(UserError, match="no finite number"):
        answer(session, "find c[1] @ 2")


def test_the_tokens_that_open_a_gate_are_those_of_the_plain_means() -> None:
    lines = answer(opened(), "gate-tokens")
    means: dict[str, list[float]] = {}
    for sequence in SOURCE.sequences:
        gate = run(NETWORK, sequence, "numpy")["layer0.forward"]["f"].mean(axis=1)
        for token, value in zip(sequence.tokens, gate, strict=True):
            means.setdefault(token.lower(), []).append(float(value))
    best = max((one for one in means if len(means[one]) >= 3), key=lambda one: np.mean(means[one]))
    assert f"opens most: “{best}” {np.mean(means[best]):.2f} (×{len(means[best])})" in lines[1]


def test_labels_are_of_the_tokens_that_a_match_touches() -> None:
    corpus = Corpus.of((SOURCE,))
    tokens = [token for sequence in SOURCE.sequences for token in sequence.tokens]
    assert labels_by_pattern(corpus, r"\bnot\b").tolist() == [float(token == "not") for token in tokens]
    assert labels_by_pattern(corpus, "ot ba").tolist() == [
        float(token == "not" or (token == "bad" and n and tokens[n - 1] == "not")) for n, token in enumerate(tokens)
    ]
    assert not labels_by_pattern(corpus, "x*").any()


def test_labels_of_a_file_are_as_many_as_tokens(tmp_path: Path) -> None:
    corpus = Corpus.of((SOURCE,))
    tokens = [sequence.tokens for sequence in SOURCE.sequences]
    text = "\n\n".join("\n".join(f"{token}\t{'NEG' if token == 'not' else 'O'}" for token in line) for line in tokens)
    (tmp_path / "tags.tsv").write_text(f"# tags\n{text}\n")
    labels, _ = labels_in_file(corpus, str(tmp_path / "tags.tsv"), "NEG")
    assert labels.tolist() == labels_by_pattern(corpus, r"\bnot\b").tolist()
    with pytest.raises(UserError, match="no number"):
        labels_in_file(corpus, str(tmp_path / "tags.tsv"), None)
    (tmp_path / "tags.tsv").write_text("a\t1\n")
    with pytest.raises(UserError, match="labels for 1 token, and there are"):
        labels_in_file(corpus, str(tmp_path / "tags.tsv"), None)
