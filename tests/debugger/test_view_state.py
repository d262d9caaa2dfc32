"""How a session looked is a line of text; what cannot be read of it is passed over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lstm_tui.debugger.panes import Layout, read_layout

WORDS = st.text("abcdefgh_", max_size=8)


@given(
    st.builds(
        Layout, st.integers(0, 9), WORDS, st.integers(0, 99), WORDS,
        st.lists(st.tuples(st.sampled_from(["layer0.forward", "layer1.backward"]), st.integers(0, 4096))).map(tuple),
        st.booleans(), st.booleans(), st.booleans(),
    )
)  # fmt: skip
def test_it_is_read_as_it_was_written(layout: Layout) -> None:
    assert read_layout(layout.line) == layout


@given(st.text())
def test_any_text_is_some_layout(text: str) -> None:
    layout = read_layout(text)
    assert read_layout(layout.line) == layout


def test_what_is_unknown_is_passed_over() -> None:
    line = "pane=5 colour=red maximised=1 maximised signal=x unit.layer0.forward=7 unit.layer0.backward"
    assert read_layout(line) == Layout(5, units=(("layer0.forward", 7),), maximised=True)
