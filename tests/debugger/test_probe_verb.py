"""`probe`: the units that the story network's card names are found, and nothing is said where nothing is known."""

from __future__ import annotations

import pytest

from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.compiling import StillToCompile, nothing_compiled
from lstm_tui.formats.importers.named import open_model
from lstm_tui.formats.inputs.text_input import text_from
from lstm_tui.models import card


def session(name: str = "story", text: str = "he likes pizza .") -> Session:
    source = Source.of_input(open_model(name), text_from(text))
    return Session.open(Source(source.network, source.sequences, interpreter="numpy"))


@pytest.mark.slow
def test_the_units_that_the_card_names_are_found() -> None:
    units = {one["name"]: one["unit"] for one in card("story")["units"]}
    said = answer(session(), "probe he his / she her as gender")
    assert said[0].startswith(f"gender: unit {units['gender']} gender tells ")
    assert len(said) == 1  # it is called so already
    said = answer(session(), "probe he she / they as many")
    assert said[0].startswith(f"many: unit {units['number']} number tells ")
    assert said[1] == f"  `name {units['number']} many` calls it so"


@pytest.mark.slow
def test_alone_it_looks_for_what_is_usual() -> None:
    said = answer(session(), "probe")
    assert [line.partition(":")[0] for line in said if not line.startswith(" ")] == ["gender", "number", "speaker"]


def test_where_too_little_is_read_nothing_is_known() -> None:
    one = session("recall-gru", "red na ta which green na")
    before = one.frame
    assert "not known: 1 and 1 stretches" in answer(one, "probe red / green as colour")[0]
    assert one.frame is before


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("probe he she", "from which others"),
        ("probe he /", "from which others"),
        ("probe he / she / they", "from which others"),
        ("probe he / he she", "both sides"),
        ("probe he / zorblax", "not known to this network"),
    ],
)
def test_what_asks_nothing_is_one_line(line: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        answer(session(), line)


@pytest.mark.parametrize(
    ("model", "text", "line"),
    [
        ("recall-gru", "red na ta which green na", "probe red / green"),
        ("tiny", "on wait wait off", 'keep "on" until 3 to .6 by bias'),
    ],
)
def test_nobody_waits_for_it_under_a_key_compiled_or_not(model: str, text: str, line: str) -> None:
    one = session(model, text)
    answer(one, line)  # from here on nothing is left to compile, and it takes long all the same
    with nothing_compiled(), pytest.raises(StillToCompile):
        answer(one, line)
