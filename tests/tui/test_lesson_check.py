"""What a lesson quotes and names is in sight at three sizes, and whatever is not is found."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lstm_tui.engine.errors import LanguageError
from lstm_tui.engine.number_text import compact, percent
from lstm_tui.formats.importers.native import load
from lstm_tui.lesson.in_sight import holds_number
from lstm_tui.lesson.lesson import parse_lesson
from lstm_tui.lesson.library import Library, folder
from lstm_tui.models.bundled import open_model
from lstm_tui.tui.lesson_check import out_of_sight

LIBRARY = Library(cache(open_model), load)
FILES = sorted(folder().glob("*.toml"))
STOP = """title = "T"
about = "x"
[[stop]]
network = "story"
text = "ganesh likes aiml ."
at = "aiml"
unit = 11
look = "LOOK"
say = "SAY"
see = [SEE]
"""


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_stop_shows_what_it_speaks_of(path: Path) -> None:
    lesson = LIBRARY.find(str(path))
    assert [f"{stop.number + 1}: {why}" for stop, _, why in out_of_sight(lesson, LIBRARY.opener(lesson))] == []


def unseen(look: str, say: str, see: str = "") -> list[str]:
    text = STOP.replace("LOOK", look).replace("SAY", say).replace("SEE", see)
    return [why for _, _, why in out_of_sight(parse_lesson(text, "mine.toml"), LIBRARY.bundled)]


@pytest.mark.slow
def test_what_is_not_in_sight_is_said_with_its_size() -> None:
    assert unseen("units", "C is {c[unit]}, f is {f[unit]}.", '"unit gender", "token aiml"') == []
    assert unseen("units", 'It says {output[\\"likes\\"]:%}.', '"pane output"') == [
        f"at {size} {what} is not in sight"
        for size, there in (("80×24", ()), ("120×36", ()), ("160×45", ("pane", "number")))
        for what in ('the number output["likes"]', "the pane output")
        if what.split()[1] not in there
    ]
    assert unseen("cell", "long " * 130) == ["at 80×24 the text is 1 lines too long"]
    narrow = ("80×24", "120×36")
    assert unseen("output", "Look.", '"i[3]"') == [f"at {size} the number i[3] is not in sight" for size in narrow]


@pytest.mark.parametrize(
    ("see", "said"),
    [("unit 99", "there is no unit 99"), ("pane outptu", "did you mean output?"), ("token they", "no token “they”"),
     ("f", "names a pane, a token"), ("f[unit", "")],
)  # fmt: skip
def test_what_cannot_be_seen_is_refused_at_its_place(see: str, said: str) -> None:
    with pytest.raises(LanguageError, match=rf"mine\.toml:10:.*{said}"):
        unseen("units", "Look.", f'"{see}"')


@given(st.floats(-20, 20), st.sampled_from((None, 2)), st.booleans())
def test_a_number_is_found_as_it_is_written_and_another_is_not(value: float, places: int | None, sign: bool) -> None:
    assume(value == 0 or abs(value) > 1e-9)  # smaller ones are called tiny
    text = compact(value, 6, sign, places=places)
    assert holds_number(f"11 gender {text} ", value) or (text.startswith("~") and abs(value) < 0.01)
    assert not holds_number(f" {text} ", value + 0.5)
    if 0 <= value <= 1 and "<" not in percent(value):
        assert holds_number(f"next word: likes {percent(value)}", value)


ASKED = """title = "T"
about = "x"
[[stop]]
network = "story"
text = "ganesh likes aiml . ram likes chess ."
at = 3
unit = 9
equation = "EQUATION"
look = "LOOK"
say = "SAY"
[stop.try]
say = "Press n."
lines = ["goto 4"]
at = 4
then = "THEN"
"""


def unseen_then(look: str, equation: str, then: str, say: str = "Look.") -> list[str]:
    text = ASKED.replace("LOOK", look).replace("EQUATION", equation).replace("THEN", then).replace("SAY", say)
    return [why for _, _, why in out_of_sight(parse_lesson(text, "mine.toml"), LIBRARY.bundled)]


@pytest.mark.slow
def test_products_shares_and_words_are_looked_for_where_they_are_said() -> None:
    """A product is in sight with what it is made of; what is said once something was done, where it was done."""
    product = "{f[unit] * prev(c[unit])}"
    assert unseen_then("units", "c", f"{product} is left of {{prev(c[unit])}}.") == []
    unseen_product = "{i[unit] * f[unit] * 37}"
    assert unseen_then("units", "c", unseen_product) == []
    missed = f"the number {unseen_product[1:-1]} is not in sight"
    assert f"at 80×24 {missed}" in unseen_then("output", "h", unseen_product)
    share = "{share(tok[0], c[unit]):%}"
    assert unseen_then("ledger", "c", share, share) == []
    assert f"at 80×24 the number {share[1:-3]} is not in sight" in unseen_then("units", "c", "So.", share)
    assert unseen_then("output", "h", "*{argmax(output)}*") == []
