"""A key means what it meant when it was pressed: a script of keys gives one session however it is delivered."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import chdir
from functools import partial
from time import sleep
from typing import Any

import pytest
from driven_screen import LINES, Driver, drive, network, of_tokens, three_lines
from hypothesis import given
from hypothesis import strategies as st
from key_scripts import DELIVERIES, ENTER, ESCAPE, KEYS, bits, characters, digest, rest, script
from registries import sampled
from test_screen_terminal import Start, start  # noqa: F401
from textual.events import Key

from lstm_tui.debugger.source import Source
from lstm_tui.tui import keys
from lstm_tui.tui.commands import COMMANDS
from lstm_tui.tui.controllers import changes
from lstm_tui.tui.keys import KeyParser, keys_of
from lstm_tui.tui.threads import in_background

FAST = [name for name in DELIVERIES if name != "typed slowly"]


@pytest.fixture(scope="module", autouse=True)
def _in_a_folder_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A script of any keys may save a file under the name that stands in the line."""
    with chdir(tmp_path_factory.mktemp("keys")):
        yield


def become(
    delivery: str, *parts: str, of: Callable[[], Source] = three_lines, size: tuple[int, int] = (120, 36)
) -> Any:
    """What has become of a session when parts of a script were delivered."""
    seen: list[Any] = []

    async def act(driver: Driver) -> None:
        await rest(driver.app)
        await DELIVERIES[delivery](driver.app, parts)
        await rest(driver.app)
        seen.append(digest(driver))

    drive(act, of(), size)
    return seen[0]


def long_text() -> Source:
    return Source(network(), [of_tokens((" ".join(LINES[:2]) + " ").split() * 12)])


SCRIPTS = [
    (f":set c[0] @ 0 = 1{ENTER}", "0"),
    (f":goto 1{ENTER}", "n", "?", ESCAPE, "n"),
    *(
        pytest.param(parts, marks=pytest.mark.slow)
        for parts in (
            (f":goto 2{ENTER}", "b", f":remove 0{ENTER}", "G", "z", "n"),
            ("?", ESCAPE, "n", "p", ESCAPE, "n", f":print c[0]{ENTER}", ESCAPE, "n"),
            ("1", "l", "l", "t", "e", f"bad{ENTER}", "n"),
            ("W", "j", "l", "e", f"3{ENTER}", ESCAPE, "N"),
            (f":nonsense{ENTER}", "nn", ESCAPE, "n"),
            ("/", f"was{ENTER}", "n", ".", "b"),
            ("r", "j", "j", ENTER, "n"),
            ("u", "j", ESCAPE, "B", "j", ESCAPE, "n"),
            (f":print c[0]{ENTER}", f":goto 3{ENTER}", "n"),
        )
    ),
]


@pytest.mark.long
@pytest.mark.parametrize("of", [three_lines, long_text], ids=["short", "in a thread"])
@pytest.mark.parametrize("parts", SCRIPTS, ids=str)
def test_one_script_is_one_session(parts: tuple[str, ...], of: Callable[[], Source]) -> None:
    slowly = become("typed slowly", *parts, of=of)
    assert {name: become(name, *parts, of=of) for name in FAST} == dict.fromkeys(FAST, slowly)


def slowly_done(work: Callable[[], None]) -> None:
    sleep(0.1)
    work()


@pytest.mark.slow
@pytest.mark.parametrize("parts", SCRIPTS, ids=str)
def test_one_script_is_one_session_on_a_machine_so_busy_that_drawing_takes_seconds(
    parts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """There the seconds that a key waits at most are over before anything is drawn, and work takes its time."""
    slowly = become("typed slowly", *parts, of=long_text)
    monkeypatch.setattr(keys, "_AT_MOST", 0.0)
    monkeypatch.setattr(changes, "in_background", lambda work: in_background(partial(slowly_done, work)))
    assert {name: become(name, *parts, of=long_text) for name in FAST} == dict.fromkeys(FAST, slowly)


def test_a_pasted_digit_is_not_part_of_the_edit_before_it() -> None:
    edits = become("in one write", f":set c[0] @ 0 = 1{ENTER}", "0")[0]
    assert len(edits) == 1
    assert "10" not in edits[0]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_any_script_is_one_session(seed: int) -> None:
    parts = script(random.Random(seed))
    slowly = become("typed slowly", *parts)
    assert {name: become(name, *parts) for name in FAST} == dict.fromkeys(FAST, slowly), parts


def test_what_is_pasted_where_a_line_is_typed_goes_into_the_line_and_is_not_obeyed() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("colon")
        await DELIVERIES["pasted"](driver.app, ("goto 1\rgoto 2\r",))
        await rest(driver.app)
        assert driver.app.screen.query_one("Input").value == "goto 1 goto 2"  # type: ignore[attr-defined]
        assert driver.view.t == 0

    drive(act)


def test_all_edits_taken_back_is_the_run_as_it_was_bit_for_bit() -> None:
    async def act(driver: Driver) -> None:
        session = driver.screen.run.session
        assert session is not None
        was = bits(session.frame.trace)
        await DELIVERIES["in one write"](
            driver.app, (f":set c[0] @ 0 = 1{ENTER}", f":remove 1{ENTER}", f":let f = 1{ENTER}")
        )
        await rest(driver.app)
        assert bits(session.frame.trace) != was
        await DELIVERIES["in one write"](driver.app, ("z", "z", "z"))
        await rest(driver.app)
        assert bits(session.frame.trace) == was

    drive(act)


@pytest.mark.slow
@pytest.mark.parametrize("size", sampled([[1, 1], [2, 2], [10, 3]], 3), ids=str)
def test_no_key_ends_the_program_in_a_tiny_terminal(size: list[int]) -> None:
    async def act(driver: Driver) -> None:
        for key in KEYS:
            await DELIVERIES["in one write"](driver.app, (key, "\x1b[6~", "\x1b[5~", "j", "\x1b[B", "\t"))
            await DELIVERIES["in one write"](driver.app, (ESCAPE,))
            await DELIVERIES["in one write"](driver.app, (ESCAPE,))
        driver.app.post_message(Key("ctrl+p", None))
        for key in ("pagedown", "pageup", "down", "escape"):
            driver.app.post_message(Key(key, None))
        await rest(driver.app)

    assert drive(act, size=(size[0], size[1])).return_value is None  # nor does it leave


# --- what a terminal sends ---


@pytest.mark.parametrize("key", [one for one in KEYS if len(one) == 1 and one not in "[]O"])
def test_escape_and_a_key_in_one_write_are_two_keys(key: str) -> None:
    alone = [event.key for event in keys_of(key)]
    assert [event.key for event in keys_of(ESCAPE + key)] == ["escape", *alone]


@given(st.lists(st.sampled_from([*KEYS, ESCAPE, ENTER, "a", "é", "日"]), min_size=1, max_size=60), st.data())
def test_keys_are_the_same_however_a_write_is_cut(typed: list[str], data: st.DataObject) -> None:
    parts = [
        one for one, after in zip(typed, [*typed[1:], ENTER], strict=True) if one != ESCAPE or after[0] not in "[]O\x1b"
    ]
    apart = [event.key for part in parts for event in keys_of(part)]
    whole = "".join(parts)
    assert [event.key for event in keys_of(whole)] == apart
    parser, found, at = KeyParser(), [], 0
    while at < len(parts):
        count = data.draw(st.integers(1, len(parts)))
        found += [event.key for event in parser.feed("".join(parts[at : at + count])) if isinstance(event, Key)]
        at += count
    found += [event.key for event in parser.escape_now() if isinstance(event, Key)]
    assert found == apart


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.key)
def test_a_pasted_character_is_the_key_that_is_bound(command: Any) -> None:
    assert [event.key for event in keys_of(characters(command.keys[0]))] == [command.keys[0]]


@pytest.mark.slow
def test_keys_in_one_write_in_a_real_terminal(start: Start) -> None:  # noqa: F811
    screen = start()
    screen.until("7 output")
    screen.child.send(f":goto 1{ENTER}n?{ESCAPE}n/{ESCAPE}N:set c[0] @ 0 = 1{ENTER}")
    screen.until("◆ 1 edit")
    screen.until("t=2 (3 of 5)")
    screen.child.send("\x1b[200~:goto 3\nn\x1b[201~")
    screen.until("t=4 (5 of 5)")
    screen.child.send(f":q{ENTER}")
    assert screen.end() == 0


def test_keys_before_the_first_frame_are_not_lost(start: Start) -> None:  # noqa: F811
    screen = start()
    screen.until("", 1)
    deadline = b"\x1b[?1049h"
    while deadline not in screen.raw:
        screen.raw += screen.child.read_nonblocking(1 << 16, timeout=20)
    screen.child.send("nn")
    screen.until("t=2 (3 of 5)")
    screen.child.send("q")
    assert screen.end() == 0
