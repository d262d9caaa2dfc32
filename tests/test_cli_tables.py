"""Tables of commands: no wider than the terminal, and nothing of a text is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from lstm_tui.cli.printing import _fitted, table

WORDS = st.lists(st.text("abc日é-", min_size=1, max_size=6), max_size=8).map(" ".join)


@given(
    st.lists(st.tuples(st.text("abc", max_size=9), st.integers(0, 999).map(str), WORDS), max_size=4),
    st.integers(46, 90),
)
def test_a_table_fits_and_says_everything(rows: list[tuple[str, str, str]], room: int) -> None:
    whole, fitted = (table(("a", "n", "b"), rows, right=(1,), room=one) for one in (10_000, room))
    assert all(cell_len(line) <= room for line in fitted.splitlines())
    assert sorted("".join(whole.split())) == sorted("".join(fitted.split()))
    if all(cell_len(line) <= room for line in whole.splitlines()):
        assert fitted == whole


def test_columns_of_numbers_are_whole_however_narrow_it_is() -> None:
    lines = table(("a", "number"), [("a_name_of_20_letters", "123456789")], right=(1,), room=10).splitlines()
    assert lines[1] == "a_name_of_20_letters  123456789"
    assert max(map(len, lines)) == 20 + 2 + 9


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=5).flatmap(
        lambda widths: st.tuples(st.just(widths), st.tuples(*(st.integers(1, one) for one in widths)))
    ),
    st.integers(1, 120),
)
def test_columns_are_made_narrower_a_cell_at_a_time_the_widest_first(
    drawn: tuple[list[int], tuple[int, ...]], room: int
) -> None:
    widths, least = drawn[0], list(drawn[1])
    slow = list(widths)
    while sum(slow) + 2 * (len(slow) - 1) > room and any(a > b for a, b in zip(slow, least, strict=True)):
        slow[max((n for n in range(len(slow)) if slow[n] > least[n]), key=lambda n: slow[n])] -= 1
    made = _fitted(list(widths), least, room)
    assert sum(made) == sum(slow)
    assert max(made) == max(slow)
    assert all(low <= one <= before for low, one, before in zip(least, made, widths, strict=True))
