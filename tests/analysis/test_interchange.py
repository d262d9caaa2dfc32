"""Interchanges: each is the edit made by hand, bit for bit; on the story network they name the units of its card."""

from __future__ import annotations

from functools import cache
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from edited_networks import sentence, stacked
from safetensors.numpy import save_file

from lstm_tui import session as session_of
from lstm_tui.analysis.influence import Target
from lstm_tui.analysis.interchange import TOKEN, CausalMap, check_pair, number_in, part_of_way
from lstm_tui.debugger.commands.console import TypedSession
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.edits.other_run import other_run, run_in_file, series_of_run
from lstm_tui.debugger.inspect.causes import CausalQuestion, account_words, range_words, unit_order, way_words
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.formats.importers.native import save
from lstm_tui.formats.importers.open import reading_of
from lstm_tui.models.bundled import open_model

TEXTS = ("The movie was not bad", "good movie was the bad")


def opened(cell: str, interpreter: str = "numpy") -> Session:
    network = stacked(cell)
    return Session.open(Source(network, [sentence(network, text) for text in TEXTS], interpreter=interpreter))


def asked(session: Session, line: str) -> CausalQuestion:
    answer(session, f"trace-cause {line}")
    assert session.causal is not None
    return session.causal


def check_by_hand(session: Session, question: CausalQuestion, found: CausalMap) -> None:
    """Make the edit of every cell of a map, and hold its number against the map's."""
    for row, t in enumerate(found.places):
        for n, column in enumerate(found.columns):
            answer(session, question.line(column, t))
            number = number_in(session.frame.trace, question.target)
            assert number.hex() == float(found.numbers[row, n]).hex(), (t, column)
            session.keep_edits(0)


def tiny() -> TypedSession:
    return session_of("on wait off wait\noff on wait wait", "tiny", interpreter="numpy")


def test_every_number_of_a_map_is_that_of_the_edit_made_by_hand() -> None:
    session = tiny()
    question = asked(session, "c[1] @ 3 from line 2")
    found = question.answer()
    assert found.numbers.shape == (4, 7), "every token, every value of the pass, and the token itself"
    assert np.isfinite(found.numbers).all()
    assert len(set(found.numbers.ravel())) > 7
    check_by_hand(session, question, found)


@pytest.mark.slow
@pytest.mark.parametrize("line", ["positive from line 2", "layer1.forward.h[1] @ 3 from line 2"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "lstm_peephole"])
def test_every_number_is_that_of_the_edit_made_by_hand(cell: str, line: str) -> None:
    session = opened(cell)
    question = asked(session, line)
    found = question.answer()
    values = sum(len(passed.cell.values) + 1 for passed in session.frame.trace.values())
    assert found.numbers.shape == (5, values + 1), "every token, every value of every pass, and the token itself"
    assert np.isfinite(found.numbers).all()
    check_by_hand(session, question, found)


def story(one: str, other: str, word: str, at: str = "") -> tuple[TypedSession, CausalQuestion]:
    session = session_of(one, "story", interpreter="numba")
    question = asked(session, f'"{word}"{at} from "{other}"')
    return session, question


@pytest.mark.slow
def test_runs_that_are_compiled_and_run_together_are_the_edit_too() -> None:
    session, question = story("Ganesh likes AIML . he likes AIML .", "Priya likes tea . she likes tea .", "he")
    check_by_hand(session, question, question.answer())


@cache
def units_of_card() -> dict[str, int]:
    units = open_model("story").card["units"]
    assert isinstance(units, list)
    return {one["name"]: one["unit"] for one in units}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("one", "other", "word", "name"),
    [
        ("Ganesh likes AIML .", "Priya likes AIML .", "he", "gender"),
        ("Anna likes music .", "Omar likes music .", "she", "gender"),
        ("my friend Mei likes music .", "Anna and Mei like music .", "she", "number"),
    ],
)
def test_the_unit_of_the_memory_that_carries_most_is_the_one_that_the_card_names(
    one: str, other: str, word: str, name: str
) -> None:
    _, question = story(one, other, word)
    found = question.answer()
    numbers = question.units(question.memory, question.place)
    assert unit_order(found, numbers)[0] == units_of_card()[name]


@pytest.mark.slow
def test_over_all_pairs_of_some_topics_the_unit_of_the_topic_carries_most() -> None:
    """Between two topics alone another unit may: the card names the one that follows them all."""
    carried = np.zeros(16)
    for one, other in permutations(("chess", "music", "poetry", "tea"), 2):
        _, question = story(f"Priya likes {one} . she likes", f"Priya likes {other} . she likes", one, " @ 5")
        found = question.begun()
        carried += abs(part_of_way(question.units(question.memory, question.place), found.here, found.there))
    assert carried.argmax() == units_of_card()["topic"]


def test_a_unit_alone_is_the_edit_of_that_unit() -> None:
    session = tiny()
    question = asked(session, "c[1] @ 3 from line 2")
    column = question.answer().columns[4]
    for unit, number in enumerate(question.units(column, 1)):
        answer(session, question.line(column, 1, unit))
        assert number_in(session.frame.trace, question.target) == number
        session.keep_edits(0)


def test_the_token_interchanged_goes_the_way_of_the_word_replaced() -> None:
    session = tiny()
    question = asked(session, "c[1] @ 3 from line 2")
    found = question.answer()
    token = [column.value for column in found.columns].index(TOKEN)
    moved = found.numbers[:, token] != found.here
    assert moved.any()
    assert not moved[3], "both have the same word there"


@pytest.mark.slow
def test_edits_in_force_stay_in_every_interchange() -> None:
    session = opened("lstm")
    for line in ("set layer0.forward.f[1] @ 1:3 = 0.25", "weight layer1.backward/b_f * 2", 'replace 1 "good"'):
        answer(session, line)
    question = asked(session, "negative from base")
    done = session.history.done
    found = question.answer()
    for row, t in enumerate(found.places[:2]):
        for n in (0, 2, 9):
            answer(session, question.line(found.columns[n], t))
            assert number_in(session.frame.trace, question.target) == found.numbers[row, n]
            session.keep_edits(done)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "cause of which output"),
        ("positive", "beside which sentence"),
        ('positive from "The movie"', "these have 5 and 2"),
        ('positive from "The movie was not bad"', "the two runs are one and the same"),
        ("positive from line 1", "the two runs are one and the same"),
        ("splendid from line 2", "the network says no “splendid”"),
        ("positve from line 2", "did you mean “positive”"),
        ("positive @ 2 from line 2", "leave out the @"),
        ("c[9] @ 1 from line 2", "says no"),
        ("c[1] @ 77 from line 2", "no place 77"),
        ('"positive from line 2', "cause of which output"),
        ("positive from line 9", "there are 2"),
    ],
)
def test_what_cannot_be_asked_is_said_in_one_line(line: str, said: str) -> None:
    session = opened("lstm")
    with pytest.raises(UserError) as caught:
        answer(session, f"trace-cause {line}")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert session.causal is None
    assert not session.history.states


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0.5, "50 % of the way"), (0.0, "0 % of the way"), (1.0, "100 % of the way"), (1e-9, "<1 % of the way"),
        (-0.003, "<1 % in the opposite direction"), (-0.4, "40 % in the opposite direction"), (1.5, "1.5 × the way"),
        (-2.0, "-2 × the way"), (np.nan, "nan"),
    ],
)  # fmt: skip
def test_how_much_of_the_way_an_interchange_goes_is_said_in_words(number: float, said: str) -> None:
    found = CausalMap(Target("one output"), 0.0, 1.0, range(0), (), np.zeros((0, 0)))
    assert way_words(found, number).endswith(said)


def test_of_nan_nothing_is_told_apart() -> None:
    session = opened("lstm")
    answer(session, "weight readout/b_y[0] = inf")
    with pytest.raises(UserError, match="NaN in this run"):
        answer(session, "trace-cause negative from line 2")


def test_a_forward_network_may_be_asked_with_a_text_that_ends_where_it_is_asked() -> None:
    session = session_of("Ganesh likes AIML . he likes AIML .", "story", interpreter="numpy")
    one, whole = session.frame.trace, Target("he", class_index=1, t=3)
    other = session_of("Priya likes AIML .", "story", interpreter="numpy").frame.trace
    check_pair(one, other, whole)
    with pytest.raises(UserError, match="equally many"):
        check_pair(one, other, Target("he", class_index=1, t=4))


def test_python_is_given_the_map_as_arrays() -> None:
    session = tiny()
    found = session.trace_cause("c[1] @ 3 from line 2")
    assert found.numbers.shape == (len(found.places), len(found.columns))
    assert np.array_equal(found.numbers, asked(session, "c[1] @ 3 from line 2").answer().numbers)
    assert not session.history.states


def test_of_a_series_the_input_stands_for_the_token() -> None:
    session = session_of(np.linspace(-1, 1, 24).reshape(8, 3), "forecast", interpreter="numpy")
    session.execute("set x[0] @ 5 = 3")
    question = asked(session, "c[3] @ 6 from base")
    found = question.answer()
    read = [column.value for column in found.columns].index("x")
    assert np.array_equal(question.accounts(found, None)["interchange"], found.effects[:, read])


def test_accounts_say_whether_they_agree() -> None:
    agreeing = {"interchange": np.array([0.1, -3.0]), "gradient": np.array([0.0, 1.0])}
    name = "t={}".format
    assert list(account_words(agreeing, range(4, 6), name)) == ["interchange and gradient all name t=5"]
    apart = {**agreeing, "ledger": np.array([0.9, 0.1]), "deletion": np.array([np.nan, 0.2])}
    (said,) = account_words(apart, range(4, 6), name)
    assert said.endswith("interchange, gradient, deletion: t=5; ledger: t=4")
    (said,) = account_words({"interchange": np.array([1.0, np.nan]), "ledger": np.zeros(2)}, range(2), name)
    assert said.endswith("interchange, ledger: not known")


def test_accounts_that_know_nothing_do_not_disagree() -> None:
    """They were said to disagree, each on a token that is not known."""
    (said,) = account_words({"interchange": np.zeros(2), "ledger": np.full(2, np.nan)}, range(2), str)
    assert said == "the token that matters most by interchange, ledger: not known"
    (said,) = account_words({"ledger": np.ones(1), "interchange": np.ones(1), "deletion": np.zeros(1)}, range(1), str)
    assert said == "ledger and interchange all name 0; deletion: not known"


@pytest.mark.slow
def test_of_a_long_text_it_is_said_which_tokens_are_interchanged() -> None:
    """The rest was passed over in silence, and the strongest of the last tokens named as that of the text."""
    session = session_of(" ".join(["the movie was good and"] * 30), "sentiment-forward", interpreter="numpy")
    (told,) = range_words(asked(session, f'positive from "{" ".join(["the movie was bad and"] * 30)}"').begun())
    assert "64 tokens up to t=149" in told
    assert "before t=86" in told
    short = asked(session_of("a good film", "sentiment-forward"), 'positive from "a bad film"')
    assert not list(range_words(short.begun()))


def other_network(cell: str, path: Path, seed: int = 5, same: str = "") -> str:
    """Write a network like `opened(cell)`'s with other numbers, but for one tensor, and return its path."""
    network = opened(cell).edited.network.copy()
    random = np.random.default_rng(seed)
    for name, numbers in network.tensors().items():
        numbers += random.normal(size=numbers.shape).astype(numbers.dtype) * (0.0 if name == same else 0.3)
    save(network, path)
    return str(path)


def test_of_another_small_network_each_number_is_the_edit_made_by_hand(tmp_path: Path) -> None:
    session, network = tiny(), open_model("tiny").copy()
    for name, numbers in network.tensors().items():
        numbers *= 1.5 if name.endswith("U_f") else 1
    save(network, tmp_path / "other.safetensors")
    question = asked(session, f"c[1] @ 3 from network {tmp_path / 'other.safetensors'}")
    assert [column.value for column in question.columns] == ["token", "f", "i", "g", "c", "o", "h"]
    found = question.answer()
    assert len(set(found.numbers.ravel())) > 7
    check_by_hand(session, question, found)


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("target", ["negative", "layer1.forward.h[1] @ 3"])
def test_between_two_networks_each_number_is_the_edit_made_by_hand(cell: str, target: str, tmp_path: Path) -> None:
    session = opened(cell)
    question = asked(session, f"{target} from network {other_network(cell, tmp_path / 'other.safetensors')}")
    assert all(column.value != TOKEN for column in question.columns), "the same words, and other numbers for each"
    assert {column.pass_name for column in question.columns if column.value == "x"} == set(session.frame.trace)
    found = question.answer()
    assert np.isfinite(found.numbers).all()
    assert found.there == number_in(question.other.trace, question.target) != found.here
    check_by_hand(session, question, found)
    alike = asked(
        opened(cell), f"{target} from network {other_network(cell, tmp_path / 'alike.safetensors', same='embedding')}"
    )
    assert any(column.value == TOKEN for column in alike.columns), "each word is read as the same numbers"


def test_networks_that_cannot_be_interchanged_are_one_line(tmp_path: Path) -> None:
    session = opened("lstm")
    path = tmp_path / "nan.safetensors"
    network = session.edited.network.copy()
    network.tensors()["layer0.forward/b_f"][:] = np.nan
    save(network, path)
    told = answer(session, f"trace-cause negative from network {path}")
    assert f"not known in network {path}" in told[0]
    assert "none changes it" not in told
    assert any("come to no number: what they change is not known" in line for line in told)
    for name, said in (
        ("tiny", "this network reads"),
        ("story", "equal size"),
        (str(tmp_path / "none.pt"), "no such file"),
    ):
        with pytest.raises(UserError) as caught:
            answer(session, f"trace-cause negative from network {name}")
        assert "\n" not in str(caught.value), said
    with pytest.raises(UserError, match="from which file"):
        answer(session, "trace-cause-from")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_a_patch_from_anywhere_is_its_numbers_set_by_hand(seed: int, tmp_path: Path) -> None:
    """Random networks, lines of other lengths, branches and files, in every value: bit for bit the numbers there."""
    random = np.random.default_rng(seed)
    cell = ["lstm", "gru", "lstm_peephole"][seed % 3]
    network = stacked(cell)
    texts = ("The movie was not bad", "The movie was good", "bad")
    session = Session.open(Source(network, [sentence(network, text) for text in texts], interpreter="numpy"))
    answer(session, "set layer0.forward.h[0] @ 1 = 0.3")
    answer(session, "branch side")
    answer(session, "switch 0")
    path = other_network(cell, tmp_path / "o.safetensors", seed)
    others = {"line 2": 4, "line 3": 1, "branch side": 5, "base": 5, f"network {path}": 5, '"was bad"': 2}
    for _ in range(12):
        name = list(others)[random.integers(len(others))]
        passes = list(session.frame.trace)
        owner = passes[random.integers(len(passes))]
        values = [*session.frame.trace[owner], "x"]
        value = values[random.integers(len(values))]
        run_there = run_in_file(session, path) if name.startswith("network") else other_run(session, name)
        series = series_of_run(run_there, owner, value)
        size = int(random.integers(1, min(len(series), 3) + 1))
        there, here = int(random.integers(len(series) - size + 1)), int(random.integers(5 - size + 1))
        low = int(random.integers(series.shape[1]))
        high = int(random.integers(low, series.shape[1])) + 1
        kept = session.history.done
        answer(
            session, f"patch {owner}.{value}[{low}:{high}] @ {here}:{here + size} from {name} @ {there}:{there + size}"
        )
        patched = session.frame.trace
        session.keep_edits(kept)
        for step in range(size):
            for unit in range(low, high):
                number = float(str(series[there + step, unit]))
                session.edit(parse_edit(f"set {owner}.{value}[{unit}] @ {here + step} = {number!r}"))
        by_hand = session.frame.trace
        for one, passed in patched.items():
            for each in passed:
                np.testing.assert_array_equal(passed[each], by_hand[one][each], err_msg=f"{name} {owner}.{value}")
        session.keep_edits(kept)


CONDITIONS = (
    "reset @ 3",
    "chunk every 2",
    "set layer0.forward.h[1] @ 1:3 = 0.25",
    "scale layer1.backward.x[0] @ : * 0.5",
    "weight embedding * 1.5",
    'add-words "splendid"',
)


def conditioned(cell: str, *lines: str) -> Session:
    session = opened(cell)
    for line in lines:
        answer(session, line)
    return session


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "target", "other"),
    [
        ("lstm", "positive", '"good movie was the bad"'),
        ("lstm_peephole", "layer1.forward.h[1] @ 4", "line 2"),
        ("gru", "layer1.backward.h[1] @ 1", '"good movie was the bad"'),
    ],
)
def test_the_other_run_is_under_the_conditions_of_this_one(cell: str, target: str, other: str) -> None:
    """A reset of this run alone was among the causes. Two layers, both directions, every cell of the map by hand."""
    session = conditioned(cell, *CONDITIONS)
    question = asked(session, f"{target} from {other}")
    done = session.history.done
    beside = question.other.trace
    for passed in beside.values():
        assert passed.resets.spans or passed.name.endswith("forward")
    found = question.answer()
    assert np.isfinite(found.numbers).all()
    for row, t in enumerate(found.places):
        for n, column in enumerate(found.columns):
            answer(session, question.line(column, t))
            number = number_in(session.frame.trace, question.target)
            assert number.hex() == float(found.numbers[row, n]).hex(), (t, column)
            session.keep_edits(done)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_other_run_is_the_text_read_here_with_every_edit_in_force(cell: str) -> None:
    """The oracle is the session itself: each token replaced by hand, and all that holds left as it is."""
    for count in range(1, len(CONDITIONS) + 1):
        session = conditioned(cell, *CONDITIONS[:count])
        other = other_run(session, f'"{TEXTS[1]}"')
        line = other_run(session, "line 2")
        for t, token in enumerate(TEXTS[1].split()):
            answer(session, f'replace {t} "{token}"')
        for name, passed in session.frame.trace.items():
            for value in passed:
                np.testing.assert_array_equal(
                    other.trace[name][value], passed[value], err_msg=f"{count} {name}.{value}"
                )
                np.testing.assert_array_equal(line.trace[name][value], passed[value], err_msg=f"{count} {name}.{value}")
        assert bool(other.conditions) == (count > 0)


@pytest.mark.parametrize("line", CONDITIONS[:4])
def test_what_holds_in_both_runs_is_no_cause(line: str) -> None:
    """Of the same text nothing differs, whatever holds here: each condition alone made two runs of one sentence."""
    session = conditioned("lstm", line)
    with pytest.raises(UserError, match="one and the same"):
        answer(session, f'trace-cause positive from "{TEXTS[0]}"')
    (told,) = other_run(session, f'"{TEXTS[1]}"').conditions
    assert "hold here and in" in told
    assert not other_run(opened("lstm"), f'"{TEXTS[1]}"').conditions


def test_another_network_is_run_under_the_conditions_of_this_run(tmp_path: Path) -> None:
    path = tmp_path / "same.safetensors"
    save(opened("lstm").edited.network, path)
    for line in CONDITIONS[:4]:
        session = conditioned("lstm", line)
        with pytest.raises(UserError, match="one and the same"):
            answer(session, f"trace-cause positive from network {path}")


def test_states_that_the_other_run_begins_with_are_said_to_be_others() -> None:
    network = stacked("lstm")
    given = {one.name: {state: np.full(4 if "layer0" in one.name else 3, 0.5) for state in one.cell.state}
             for one in network.passes}  # fmt: skip
    source = Source(
        network, [sentence(network, text) for text in TEXTS], interpreter="numpy", initial=given, carry=True
    )
    session = Session.open(source)
    assert not other_run(session, f'"{TEXTS[1]}"').conditions
    (said,) = other_run(session, "line 2").conditions
    assert "line 2 begins with other states" in said


def test_another_network_is_read_as_the_user_had_this_one_read(tmp_path: Path) -> None:
    """A file of the same kind was read without `--set`: what it then said otherwise was among the causes."""
    random = np.random.default_rng(1)
    shapes = {"weight_ih_l0": (16, 3), "weight_hh_l0": (16, 4), "bias_ih_l0": (16,), "bias_hh_l0": (16,)}
    save_file({name: random.normal(size=shape) for name, shape in shapes.items()}, tmp_path / "one.safetensors")
    network = open_model(str(tmp_path / "one.safetensors"), reading_of({"layer0.gate_order": "ifog"}))
    x = random.normal(size=(4, 3))
    session = Session.open(Source(network, [Sequence("numbers", tuple("abcd"), x=x)], interpreter="numpy"))
    with pytest.raises(UserError, match="one and the same"):
        answer(session, f"trace-cause c[1] @ 3 from network {tmp_path / 'one.safetensors'}")


def test_a_word_to_come_is_asked_about_however_it_is_written() -> None:
    session = session_of("Ganesh likes AIML . he likes AIML .", "story", interpreter="numpy")
    of, other = "@ 3", 'from "Anna likes AIML . he likes AIML ."'
    told = answer(session, f'trace-cause "he" {of} {other}')
    assert told == answer(session, f'trace-cause "HE" {of} {other}') == answer(session, f"trace-cause he {of} {other}")
    assert told[0].startswith("“he” next after t=3")


def test_a_class_is_asked_about_by_its_own_name() -> None:
    """A verdict is no word to come, which its network would read in small letters."""
    session = session_of("The movie was not bad .", "sentiment", interpreter="numpy")
    with pytest.raises(UserError, match="Positive"):
        answer(session, 'trace-cause "Positive" from "The movie was not good ."')
    assert answer(session, 'trace-cause "positive" from "The movie was not good ."')
