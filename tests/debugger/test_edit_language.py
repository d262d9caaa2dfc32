"""Edit scripts: every edit is a line that reads back, and a wrong line says what was meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_tui.debugger.edits.edit_reader import parse_edit, parse_edit_script
from lstm_tui.debugger.edits.language import CutEdit, Edit, PatchEdit, TokenEdit, ValueEdit, WeightEdit, line_of
from lstm_tui.engine.errors import UserError

places = st.integers(0, 99)
spans = st.one_of(
    st.just((None, None)),
    places.map(lambda n: (n, n + 1)),
    st.tuples(places, st.integers(1, 9)).map(lambda pair: (pair[0], pair[0] + 1 + pair[1])),
    places.map(lambda n: (n, None)),
)
numbers = st.floats(allow_nan=False, width=32).map(float)
edits = st.one_of(
    st.builds(TokenEdit, st.sampled_from(["replace", "insert"]), places, st.text(min_size=1, max_size=12)),
    st.builds(TokenEdit, st.just("delete"), places),
    st.builds(
        ValueEdit,
        st.sampled_from(["set", "scale"]),
        st.sampled_from(["layer0.forward", "layer12.backward"]),
        st.sampled_from(["f", "c", "x", "h_up"]),
        spans,
        spans,
        numbers,
    ),
    st.builds(
        PatchEdit,
        st.sampled_from(["layer0.forward", "readout"]),
        st.sampled_from(["f", "c", "x", "h_up"]),
        spans,
        spans,
        st.integers(1, 3).flatmap(
            lambda n: st.lists(st.tuples(*[numbers] * n), min_size=1, max_size=3).map(tuple),
        ),
        st.text(max_size=12),
    ),
    st.builds(
        WeightEdit,
        st.sampled_from(["set", "scale"]),
        st.sampled_from(["layer0.forward/W_f", "embedding", "readout/b_y"]),
        st.lists(spans, max_size=2).map(tuple),
        numbers,
    ),
    st.builds(CutEdit, st.sampled_from(["reset", "chunk"]), st.lists(spans, min_size=1, max_size=3).map(tuple)),
    st.builds(CutEdit, st.sampled_from(["reset", "chunk"]), st.just(()), st.integers(1, 99)),
)


@given(edits)
def test_a_line_reads_back_as_the_edit_it_was_written_from(edit: Edit) -> None:
    line = line_of(edit)
    assert "\n" not in line
    assert parse_edit(line) == edit


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("", "replace 3"),
        ("foo", "is no edit"),
        ("replace 3 good", 'replace 3 "good"'),
        ("delete", "remove 3"),
        ("delete -1", "remove 3"),
        ("set layer0.forward.f[7] @ 3", "set layer0.forward.f[7] @ 3:6 = 0"),
        ("set layer0.forward.f[7] @ 3 * 2", "`scale` with *"),
        ("scale layer0.forward.f[7] @ 3 = 2", "`set` goes with ="),
        ("set layer0.sideways.f[7] @ 3 = 2", "column 5: `layer0.sideways` is no pass"),
        ("weight layer0.forward/b_f[7 = 1", "weight layer0.forward/b_f[7] = -4"),
        ("weight b = __import__('os')", "column 12: expected a number, not `__import__`"),
        ('replace 1 "\x1b]52;"', "replace"),
        ("set " + "x" * 2000, "characters"),
    ],
)
def test_a_wrong_line_is_refused_in_one_line_that_shows_the_right_form(line: str, hint: str) -> None:
    if "\x1b" in line:  # a control character inside quotes is a token like any other
        assert parse_edit(line) == TokenEdit("replace", 1, "\x1b]52;")
        return
    with pytest.raises(UserError) as caught:
        parse_edit(line)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_edit_script_names_the_line_of_its_first_mistake() -> None:
    good = '# an edit\n\nreplace 1 "b"\n'
    assert parse_edit_script(good) == (TokenEdit("replace", 1, "b"),)
    with pytest.raises(UserError, match=r"mine\.txt:4: `nonsense`"):
        parse_edit_script(good + "nonsense\n", "mine.txt")


@pytest.mark.parametrize("line", ["delete 3", "delete token 3", "remove token 3", "remove 3", "  delete   3  "])
def test_a_token_is_taken_away_by_the_word_of_before_too(line: str) -> None:
    assert parse_edit(line) == TokenEdit("delete", 3)
    assert line_of(parse_edit(line)) == "remove 3"
