"""Lines of edits read as they were before the one parser read them, and a wrong one says where, and what was expected.

`edit_lines.json` holds lines made at random, right and nearly so, with what patterns made of them, whole as in an edit
script and typed to a session; null where they were refused.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest
from edited_networks import sentence, stacked
from hypothesis import given
from hypothesis import strategies as st

from lstm_tui.debugger.commands.edit import EDIT_VERBS, read_typed
from lstm_tui.debugger.commands.table import VERBS, split
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.edits.language import line_of
from lstm_tui.debugger.expressions import ExpressionError
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError

LINES: dict[str, dict[str, str | None]] = json.loads(Path(__file__).with_name("edit_lines.json").read_text("utf-8"))


@cache
def session() -> Session:
    network = stacked()
    made = Session.open(Source(network, [sentence(network, "The movie was not bad")]))
    made.goto(2)
    made.select_pass("layer1.backward")
    return made


def read(line: str, kind: str) -> str | None:
    """Return the whole line of what is read; None where it is refused, which is one line with a place in the text."""
    try:
        return line_of(parse_edit(line) if kind == "whole" else read_typed(session(), *split(line)))
    except UserError as refused:
        error = refused
    assert "\n" not in str(error)
    if isinstance(error, ExpressionError):
        assert re.match(rf"column {error.start + 1}: .+; such as: ", str(error))
        assert 0 <= error.start <= len(error.text)
    return None


@pytest.mark.parametrize("kind", LINES)
def test_every_line_reads_as_it_did(kind: str) -> None:
    assert len(LINES[kind]) > 400
    assert {line: read(line, kind) for line in LINES[kind]} == LINES[kind]


@pytest.mark.parametrize("name", sorted(EDIT_VERBS))
def test_the_example_of_every_verb_is_a_whole_edit_and_every_part_of_it_is_answered(name: str) -> None:
    example = VERBS.named(name).example
    whole = read(example, "whole")
    assert whole is not None
    assert read(whole, "whole") == whole
    assert read(example, "typed") == whole
    for end in range(len(example)):
        read(example[:end], "whole")
        read(example[:end], "typed")


RIGHT = [line for line, made in LINES["typed"].items() if made is not None]


@given(st.sampled_from(RIGHT), st.data())
def test_a_line_with_one_character_more_or_less_is_read_or_refused_in_one_line(line: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(line)))
    more = data.draw(st.sampled_from("[]()@=*:,./-+'\"#0x é\x1b\n\0") | st.just(""))
    wrong = line[:place] + more + line[place + (not more) :]
    for kind in LINES:
        made = read(wrong, kind)
        assert made is None or read(made, "whole") == made


@pytest.mark.parametrize(
    ("line", "column", "said"),
    [
        ("set", 4, "expected a value, such as f"),
        ("set layer0.forward", 5, "`layer0` is no pass"),
        ("set layer0.sideways.f[7] @ 3 = 2", 5, "`layer0.sideways` is no pass"),
        ("set f[7] @ 3 = 2", 5, "expected its pass before f, as in layer0.forward.f"),
        ("set layer0.forward.f @ 3 = 2", 22, "expected units, such as [7], [0:8] or [:], not `@`"),
        ("set layer0.forward.f[7 @ 3 = 2", 24, "expected ], not `@`"),
        ("set layer0.forward.f[7", 21, "`[` is not closed"),
        ("set layer0.forward.f[1.5] @ 3 = 2", 22, "expected a range, such as 3 or 3:6, from 0, not `1.5`"),
        ("set layer0.forward.f[-1] @ 3 = 2", 22, "expected a range, such as 3 or 3:6, from 0, not `-`"),
        ("set layer0.forward.f[0..8] @ 3 = 2", 22, "`0..8` is not a number: units are written 0:8"),
        ("set layer0.forward.f[7] = 2", 25, "expected steps, such as @ 3, @ 3:6 or @ :, not `=`"),
        ("set layer0.forward.f[7] @ 3", 28, "expected = and a number"),
        ("set layer0.forward.f[7] @ 3 * 2", 29, "`set` goes with =, `scale` with *"),
        ("set layer0.forward.f[7] @ 3 = ", 30, "expected a number"),
        ("set layer0.forward.f[7] @ 3 = f", 31, "expected a number, not `f`"),
        ("set layer0.forward.f[7] @ 3 = 1 2", 33, "the edit ends before `2`"),
        ("set layer0.forward.f[7] @ 3 = 1e", 31, "`1e` is not a number"),
        ("weight", 7, "expected a parameter, such as layer0.forward/b_f"),
        ("weight layer0.forward/ = 1", 24, "expected the name of a parameter, not `=`"),
        ("weight W[1,2,3] = 1", 13, "expected ], not `,`"),
        ("weight W[1] 3", 13, "expected = or * and a number, not `3`"),
        ('replace "good"', 9, 'expected a place, a number from 0, not `"good"`'),
        ("replace 3 good", 11, "expected a token in double quotes, not `good`"),
        ('replace 3 ""', 11, "expected a token in the quotes"),
        ('replace 3 "good', 11, 'this text has no closing "'),
        ("remove", 7, "expected a place, a number from 0"),
        ("remove 3 4", 10, "the edit ends before `4`"),
        ("let f", 6, "expected one = and an equation"),
        ("let f[0] = 1", 6, "expected = and an equation, not `[`"),
        ("let f == 1", 8, "expected one = and an equation"),
        ("reset", 6, "expected @ and places, such as @ 12, or: every 16"),
        ("reset 12", 7, "expected @ and places, such as @ 12, or: every 16, not `12`"),
        ("reset @ 3,", 11, "expected a range, such as 3 or 3:6, from 0"),
        ("reset @ 3 = 0", 11, "the edit ends before `=`"),
        ("reset every 0", 13, "expected how many tokens lie between, from 1"),
        ("chunk every", 12, "expected a range, such as 3 or 3:6, from 0"),
        ("chunk every 4 8", 15, "the edit ends before `8`"),
        ("ablate nfg layer0", 12, "`layer0` is no pass"),
        ("ablate nfg 3", 12, "expected a pass, such as layer0.forward, not `3`"),
    ],
)
def test_a_mistake_has_its_column_and_what_was_expected(line: str, column: int, said: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        parse_edit(line)
    assert str(refused.value).startswith(f"column {column}: {said}")
