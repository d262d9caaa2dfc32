"""Lessons: what they claim holds in the bundled networks, and a broken one is refused where it is broken."""

from __future__ import annotations

import re
import textwrap
from dataclasses import fields
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from edited_networks import sentence, stacked
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tui.analysis.influence import Target, influence
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.commands.edit import read_typed
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.edits.language import line_of
from lstm_tui.debugger.expressions import Scope, parse
from lstm_tui.debugger.expressions.parser import Node
from lstm_tui.debugger.inspect.cell_comparison import GAME, rivals
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.compiler.roles import memory_of
from lstm_tui.engine.errors import LanguageError, UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.formats.importers.native import load, save
from lstm_tui.lesson.bound_step import Standing, is_of
from lstm_tui.lesson.lesson import MOST_STOPS, MOST_TOKENS, Lesson, parse_lesson, read_lesson
from lstm_tui.lesson.library import Library, check, folder
from lstm_tui.lesson.templates import Run, TextPiece, filled_template, names_of, true
from lstm_tui.models.bundled import open_model

FILES = sorted(folder().glob("*.toml"))
NAMES = (
    "the-seven-letters", "why-not-a-plain-rnn", "the-conveyor-belt", "forget", "write", "update", "show",
    "a-new-subject", "near-and-far",
    "both-ways", "variants", "dead-units", "attention", "let-it-write", "break-it-yourself",
    "a-matrix-memory",
)  # fmt: skip
NARROW = 73
"""Cells of a line of what is to be tried, on a screen of 80."""
opened = cache(open_model)


def library() -> Library:
    return Library(opened, load)


def written(pieces: tuple[TextPiece, ...]) -> str:
    return "".join(piece.text for piece in pieces)


def test_every_lesson_is_there_in_its_order() -> None:
    assert len(FILES) == len(NAMES) + 1, "and the example"
    assert tuple(one.name for one in library().lessons()) == NAMES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_claim_holds_and_every_try_is_noticed(path: Path) -> None:
    lesson = read_lesson(path)
    for stop in lesson.stops:
        false = check(stop, library().opener(lesson))
        assert [why for _, why in false] == [], f"{path.name}, stop {stop.number + 1}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_said_in_numbers_is_claimed(path: Path) -> None:
    for stop in read_lesson(path).stops:
        if re.search(r"\{(?!unit\})", stop.say.text):
            assert stop.claims, f"{path.name}, stop {stop.number + 1}"
        task = stop.task
        if task is not None:
            assert task.lines or task.opens, "every try can be shown"
            assert task.then is None or task.claims or task.done, f"{path.name}, stop {stop.number + 1}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_to_be_typed_is_what_is_shown(path: Path) -> None:
    for stop in read_lesson(path).stops:
        if stop.task is not None:
            typed = re.findall(r"`:([^`]+)`", stop.task.say.text.replace("{unit}", "unit"))
            assert set(typed) <= {line.text for line in stop.task.lines}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_to_be_typed_stands_in_one_line_where_there_is_little_room(path: Path) -> None:
    lesson = read_lesson(path)
    for stop in lesson.stops:
        said = re.sub(r"[*`]", "", written(Standing(stop, library().opener(lesson)).what_to_try()))
        lines = [line for part in said.split("\n") for line in textwrap.wrap(part, NARROW)]
        for typed in re.findall(r"`(:[^`]+)`", stop.task.say.text if stop.task is not None else ""):
            assert any(typed in line for line in lines) or "{unit}" in typed, f"{path.name}, stop {stop.number + 1}"


def test_what_is_left_of_a_memory_in_the_rnn_and_the_lstm_is_as_the_lesson_says() -> None:
    rnn, lstm, gru = rivals(opened)
    faded = rnn.found.memory.size
    assert f"{faded[0]:.0e}" == "3e-06", "three millionths"
    assert 0.45 < faded[0] ** (1 / 20) < 0.6, "about half is lost at each of twenty words"
    assert [20 - n for n, size in enumerate(faded) if size < 0.01][-1] == 7, "below a hundredth from seven words back"
    assert rnn.found.kept is None
    for one in (lstm, gru):
        assert one.found.memory.size[0] >= 1
        assert one.found.kept_size is not None
        assert one.found.kept_size[0] > 0.98


@pytest.mark.parametrize(
    ("tokens", "read"),
    [(("black", "ta", "na", "which"), ("black", "ta", "na", "which")), (("black", "ta", "zebra", "which"), GAME)],
)
def test_networks_that_stand_beside_each_other_read_the_text_if_they_know_it(
    tokens: tuple[str, ...], read: tuple[str, ...]
) -> None:
    for one in rivals(opened, tokens):
        assert tuple(one.trace.sequence.tokens) == tuple(read)


def test_what_a_network_says_that_says_nan_is_not_known() -> None:
    def poisoned(name: str) -> Network:
        network = open_model(name)
        if name == "recall-gru":
            assert network.readout is not None
            network.readout.flat[-1] = np.nan
        return network

    rnn, lstm, gru = rivals(poisoned)
    assert gru.answer is None
    assert gru.told(str).startswith("recall-gru says what is not known. ")
    assert rnn.answer is not None
    assert lstm.answer is not None


def test_who_finds_the_gate_of_which_the_lesson_tells() -> None:
    lesson = library().find("forget")
    stop = next(stop for stop in lesson.stops if stop.task is not None and stop.task.opens == "map")
    assert stop.task is not None
    assert stop.task.then is not None
    typed = re.findall(r"`:([^`]+)`", stop.task.then.text)
    assert len(typed) == 1
    session = Standing(stop, library().opener(lesson)).session
    said = "\n".join(answer(session, typed[0]))
    assert "t=4 “Ram”" in said
    assert "f[9] = 0.06794" in said


@pytest.mark.parametrize(("opens", "said"), [("nothing", "`open` is one of"), ("maps", "did you mean map")])
def test_what_cannot_be_opened_is_refused(opens: str, said: str) -> None:
    text = (
        'title = "T"\nabout = "x"\n[[stop]]\nnetwork = "tiny"\ntext = "on"\nsay = "Look."\n'
        f'[stop.try]\nsay = "Press."\nopen = "{opens}"\n'
    )
    with pytest.raises(LanguageError, match=re.escape(said)):
        parse_lesson(text, "mine.toml")


def test_on_the_way_back_the_blame_fades_in_the_rnn_and_not_in_the_lstm() -> None:
    lesson, faded = library().find("why-not-a-plain-rnn"), {}
    for number in (0, 5):
        standing = Standing(lesson.stops[number], library().opener(lesson))
        trace = standing.session.frame.trace
        target = Target("brown", class_index=trace.classes.index("brown"), t=len(trace.sequence) - 1)
        by_state = influence(trace, target).by_state["layer0.forward"]
        sizes = np.linalg.norm(by_state[memory_of(trace["layer0.forward"].cell)], axis=1)
        faded[standing.stop.network.text] = sizes[0] / sizes[-1]
    assert faded["recall-rnn"] < 1e-4
    assert faded["recall-lstm"] > 0.05


# --- numbers in sentences ---


@pytest.fixture(scope="module")
def trace() -> Trace:
    from lstm_tui import trace as made

    return made("Ganesh likes AIML. Ram likes DevSecOps.", "story")


def test_sentences_hold_the_numbers_of_the_run(trace: Trace) -> None:
    passed, t = trace["layer0.forward"], 4
    run = Run(Scope(trace, "layer0.forward"), t)
    text = (
        '{f[unit]} {c[7]:4} {sum(f < 0.2):0} {output["likes"]:%} {token} {{unit}} {argmax(output)} '
        "{prev(c[unit]):1} {unit}"
    )
    assert trace.output is not None
    forget, cell = passed["f"][t], passed["c"]
    expected = [
        f"{forget[8]:.2f}",
        f"{cell[t, 7]:.4f}",
        f"{int((forget < 0.2).sum())}",
        f"{100 * trace.output[t][trace.classes.index('likes')]:.0f} %",
        "Ram",
        "{unit}",
        trace.classes[int(trace.output[t].argmax())],
        f"{cell[t - 1, 8]:.1f}",
        "8",
    ]
    said = "".join(piece.text for piece in filled_template(text, 8, run, run))
    assert said == " ".join(expected).replace("-", "−")
    assert next(piece.text for piece in filled_template(text, 8, run, run) if piece.live) == f"{forget[8]:.2f}"


def test_before_is_the_run_without_edits(trace: Trace) -> None:
    from lstm_tui import trace as made

    other = Run(Scope(made("Priya likes AIML. Ram likes DevSecOps.", "story"), "layer0.forward"), 2)
    run = Run(Scope(trace, "layer0.forward"), 2)
    text = "{c[3]:4} {before c[3]:4}"
    now, then = (float(one.scope.passed["c"][2, 3]) for one in (other, run))
    assert now != then
    assert written(tuple(filled_template(text, 0, other, run))).replace("−", "-") == f"{now:.4f} {then:.4f}"
    assert true("before c[3] == c[3]", 0, run, run)


def test_before_is_asked_at_the_same_token_wherever_it_stands_now() -> None:
    more = 'edits = ["insert 0 \\"omar\\"", "insert 1 \\"and\\""]\nclaims = ["before t == 1", "t == 3"] #'
    assert check(parse_lesson(GOOD.replace("claims =", more), "mine.toml").stops[0], opened)[:1] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f[unit]", "f[7]"),
        ('"unit"', '"unit"'),
        ("units", "units"),
        ("a.unit + unit", "a.unit + 7"),
        ("_unit", "_unit"),
    ],
)
def test_unit_stands_for_its_number_outside_of_texts(text: str, expected: str) -> None:
    assert shape(parse(text, names_of(7)).node) == shape(parse(expected).node)


def shape(value: object) -> object:
    """Return a tree without the places at which it is written."""
    if not isinstance(value, Node):
        return [shape(one) for one in value] if isinstance(value, tuple) else value
    parts = {one.name: shape(getattr(value, one.name)) for one in fields(value)}
    return type(value).__name__, {name: part for name, part in parts.items() if name not in ("start", "end", "place")}


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("set c[unit] = 2", "set layer0.forward.c[7] @ 0 = 2.0"),
        ("set c[unit:] @ unit = 2", "set layer0.forward.c[7:] @ 7 = 2.0"),
        ("weight b_f[unit] = 1", "weight layer0.forward/b_f[7] = 1.0"),
        ('replace 1 "unit"', 'replace 1 "unit"'),
    ],
)
def test_unit_stands_for_its_number_in_edits(typed: str, expected: str) -> None:
    network = stacked()
    session = Session.open(Source(network, [sentence(network)]))
    verb, _, rest = typed.partition(" ")
    assert line_of(read_typed(session, verb, rest, names_of(7))) == expected


@pytest.mark.parametrize(
    ("kind", "line", "expected"),
    [
        ("set f", "set layer0.forward.f[7] @ 3 = 0", True),
        ("set", "set layer0.forward.f[7] @ 3 = 0", True),
        ("set i", "set layer0.forward.f[7] @ 3 = 0", False),
        ("scale f", "set layer0.forward.f[7] @ 3 = 0", False),
        ("weight b_f", "weight layer0.forward/b_f[7] = -4", True),
        ("weight b_i", "weight layer0.forward/b_f[7] = -4", False),
        ("replace", 'replace 3 "good"', True),
        ("insert", 'replace 3 "good"', False),
        ("ablate", "ablate nfg", True),
        ("let", "ablate nfg", False),
        ("any", "delete 3", True),
    ],
)
def test_kinds_of_edits(kind: str, line: str, expected: bool) -> None:
    assert is_of(kind, parse_edit(line)) is expected


# --- broken ones ---

GOOD = '''title = "A lesson"
about = "For a test."

[[stop]]
network = "story"
text = "ganesh likes aiml ."
at = "likes"
equation = "f"
unit = "argmin(f)"
look = "cell"
say = """
The gate of unit {unit}
is {f[unit]}.
"""
claims = ["f[unit] > 0.5"]

[stop.try]
say = "Press n."
lines = ["goto 2"]
at = 2
then = "Now {c[unit]}."
'''
BAD = [
    ("title", "titel", ":1:1: `titel` means nothing here; did you mean title?"),
    ('about = "For a test."\n', "", "`about` is missing"),
    ("[[stop]]", "[[stopp]]", "`stopp` means nothing here; did you mean stop?"),
    ('network = "story"', 'netwrk = "story"', ":5:1: `netwrk` means nothing here; did you mean network?"),
    ('"story"', '"storry"', ":5:12: there is no model 'storry'; did you mean story?"),
    ('"story"', '"../story.safetensors"', ":5:12: ../story.safetensors: a lesson's own network lies beside it"),
    ('"story"', '"forecast"', ":5:12: this network reads numbers"),
    ("aiml .", "aimml .", ":6:22: story does not know “aimml”; did you mean aiml?"),
    ("aiml .", "aiml " * (MOST_TOKENS + 1), "tokens; 1 to 100 go"),
    ('at = "likes"', 'at = "liked"', ":7:7: there is no token “liked” on this tape; did you mean likes?"),
    ('at = "likes"', "at = 9", ":7:6: this tape has 4 tokens"),
    ('at = "likes"', "at = -1", ":7:6: `at` is a token in quotes, or a place from 0"),
    ('at = "likes"', 'at = "likes"\nnth = 2', ":7:7: “likes” stands 1 times on this tape, not 2"),
    ('at = "likes"', "nth = 1", ":7:1: `nth` says which place of a token"),
    ('equation = "f"', 'equation = "ff"', ":8:13: lstm has no value ff; did you mean f?"),
    ('"argmin(f)"', '"argmn(f)"', ":9:9: there is no function `argmn`; did you mean argmin?"),
    ('"argmin(f)"', '"f"', ":9:9: `unit` is a number from 0 to 15"),
    ('"argmin(f)"', "16", ":9:8: `unit` is a number from 0 to 15"),
    ('"cell"', '"cel"', "; did you mean cell?"),
    ("{f[unit]}", "{ff[unit]}", ":13:5: layer0.forward has no value ff; did you mean f?"),
    ("{f[unit]}", "{f[unit] + ff[unit]}", ":13:15: layer0.forward has no value ff; did you mean f?"),
    ("{f[unit]}", "{f}", ":13:5: this is 16 numbers: choose one, as in c[unit]"),
    ("{f[unit]}", "{f[unit]", ":13:4: `{` is not closed"),
    ("{f[unit]}", "{__import__('os')}", ":13:5: there is no function `__import__`"),
    ('"f[unit] > 0.5"', '"f[unit] > "', ":15:21: something is missing after `>`"),
    ('"f[unit] > 0.5"', '"f < 0.5"', ":15:12: this is 16 answers"),
    ('"f[unit] > 0.5"', '"f[unit]"', ":15:12: this is a number: compare it"),
    ("claims = [", "claims = 3 # [", ":15:10: `claims` must be a list of texts"),
    ("[stop.try]", "[stop.tri]", ":17:2: `tri` means nothing here; did you mean try?"),
    ("at = 2\n", "", ":17:2: how is it noticed?"),
    ('"goto 2"', '"goto likess"', "there is no token “likess” on this tape; did you mean likes?"),
    ('"goto 2"', '"pass layer1.forward"', ":19:11: there is no pass layer1.forward"),
    ('"goto 2"', '"save-edits x"', ":19:11: `save-edits x` is no edit"),
    ('"goto 2"', '"set layer0.forward.q[0] @ 0 = 1"', ":19:11: layer0.forward has no value q"),
    ('"goto 2"', '"set layer0.forward.c[0] = x"', ":19:37: expected a number, not `x`"),
    ('"goto 2"', '"weight b_f[unit = 1"', ":19:27: expected ], not `=`"),
    ("at = 2\n", 'edit = "st f"\n', "; did you mean set?"),
    ("at = 2\n", 'edit = "replace f"\n', "may stand one name, such as `set f`"),
    ("at = 2\n", 'equation = "q"\n', "lstm has no value q"),
    ("at = 2\n", 'pass = "layer0.forwrd"\n', "did you mean layer0.forward?"),
    ("Now {c[unit]}.", "Now {cc[unit]}.", ":21:14: layer0.forward has no value cc; did you mean c?"),
    ('say = "Press n."', "say = 3", ":18:7: `say` must be text in quotes"),
    ('text = "ganesh likes aiml ."', 'text = "ganesh', ":6:"),
    ("claims", "edits = 'x'\nclaims", "`edits` must be a list of texts"),
    ("claims", 'edits = ["delete 9"]\nclaims', ":15:11: there is no place 9 on this tape"),
]  # fmt: skip


def checked(text: str) -> Lesson:
    return library().checked(parse_lesson(text, "mine.toml"))


def test_the_good_one_is_good() -> None:
    assert checked(GOOD).stops[0].task is not None


@pytest.mark.parametrize(("old", "new", "said"), BAD, ids=[f"{n}" for n in range(len(BAD))])
def test_a_broken_lesson_is_refused_at_its_place(old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(LanguageError) as caught:
        checked(GOOD.replace(old, new, 1))
    message = str(caught.value)
    assert message.startswith("mine.toml:")
    assert said in message
    assert "\n" not in message


def test_a_mistake_in_a_later_stop_has_its_own_line() -> None:
    more = '\n[[stop]]\nsay = """\nA line that begins with\n[[stop]]\nis text."""\nat = "nobody"\n'
    with pytest.raises(LanguageError, match=r"mine\.toml:28:7: there is no token “nobody”"):
        checked(GOOD + more)


PIECES = (
    "[", "{", '"', "\'\'\'", "\n", "unit", "before ", "-1", "1e400", "nan", "[[stop]]\n", "[stop.try]\n",
    "goto 99", "argmax(", "tok[3]", "share(", "\x00", "é", "delete 0", "ablate nfg",
    "let layer0.forward.f = 1", "pass x", "equation q",
)  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, len(GOOD)), st.integers(0, 12), st.sampled_from(("", *PIECES))), max_size=4))
@settings(max_examples=150, deadline=None)
def test_whatever_is_written_is_read_or_refused_in_one_line(cuts: list[tuple[int, int, str]]) -> None:
    text = GOOD
    for place, length, piece in cuts:
        text = text[:place] + piece + text[place + length :]
    said = ""
    try:
        checked(text)
    except UserError as error:
        said = str(error)
    assert said.isprintable(), "and of one line"


def test_a_lesson_is_bounded() -> None:
    stop = GOOD.partition("[[stop]]")[2].partition("[stop.try]")[0]
    with pytest.raises(LanguageError, match="stops; 60 are the most"):
        parse_lesson(GOOD + f"[[stop]]{stop}" * MOST_STOPS, "mine.toml")
    with pytest.raises(LanguageError, match="characters; 1200 are the most"):
        parse_lesson(GOOD.replace("The gate", "The gate " * 200), "mine.toml")
    with pytest.raises(LanguageError, match="lines; 40 are the most"):
        parse_lesson(GOOD.replace('["f[unit] > 0.5"]', "[" + '"1 < 2",' * 41 + "]"), "mine.toml")
    with pytest.raises(LanguageError, match="at most 65536 bytes"):
        parse_lesson("#" * 70_000, "mine.toml")
    with pytest.raises(LanguageError, match="a lesson has stops"):
        parse_lesson('title = "x"\nabout = "y"\n', "mine.toml")


def test_a_false_claim_is_told_and_no_mistake() -> None:
    text = GOOD.replace("f[unit] > 0.5", "f[unit] < 0.5").replace("at = 2", "at = 1").replace('"goto 2"', '"goto 3"')
    lesson = checked(text)
    found = check(lesson.stops[0], library().opener(lesson))
    assert [why for _, why in found] == [
        "this does not hold: f[unit] < 0.5",
        "this is noticed before it is tried",
        "when these lines are done, that is not noticed",
    ]


def test_a_network_beside_the_lesson_is_opened_and_none_elsewhere(tmp_path: Path) -> None:
    network: Network = opened("tiny")
    save(network, tmp_path / "own.safetensors")
    lesson = tmp_path / "07-mine.toml"
    lesson.write_text(
        'title = "Mine"\nabout = "Own."\n[[stop]]\nnetwork = "own.safetensors"\ntext = "on wait"\nsay = "{c[0]}"\n'
    )
    read = library().find(str(lesson))
    assert read.name == "mine"
    standing = Standing(library().checked(read).stops[0], library().opener(read))
    assert np.isfinite(float(written(standing.say()).replace("−", "-")))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("forgett", "there is no lesson forgett; did you mean forget?"),
        ("99", "there is no lesson 99; there are the-seven"),
        ("nowhere.toml", "nowhere.toml: cannot be read: no such file"),
        ("\x1b[31m", "there is no lesson ␛[31m"),
    ],
)
def test_a_lesson_that_is_not_there(name: str, said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        library().find(name)


def test_a_lesson_is_found_by_name_and_number() -> None:
    assert library().find("forget").title == library().find("3").title == "Forget"
