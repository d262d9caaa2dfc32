"""A text that grows on the screen: it is followed from its end, stays where the user is, and says what is new."""

from __future__ import annotations

import queue
from typing import Any

import numpy as np
import pytest
from driven_screen import Driver, drive, network
from present import present

from lstm_tui.analysis.distribution import surprise
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.source import Source
from lstm_tui.engine.runtime.run import run
from lstm_tui.formats.inputs.inputs import text_sequence
from lstm_tui.formats.inputs.stream import Incoming
from lstm_tui.formats.inputs.stream_decoder import Arriving
from lstm_tui.models.bundled import open_model
from lstm_tui.tui.app import LstmApp
from lstm_tui.tui.controllers import changes

TEXT = "The plot was dull , but the acting was good and I would see it again bad movie not"


class Piped:
    """A source of bytes that a test writes to."""

    def __init__(self, most: int = 1000, **of: Any) -> None:
        self._pieces: queue.Queue[bytes] = queue.Queue()
        self.network = network(both=False, **of)
        self.incoming = Incoming(lambda size: self._pieces.get(), Arriving(self.network), most).start()

    def write(self, text: str | bytes) -> None:
        self._pieces.put(text.encode() if isinstance(text, str) else text)

    def end(self) -> None:
        self._pieces.put(b"")

    def opened(self) -> Source:
        return Source(self.network, incoming=self.incoming)


async def shows(driver: Driver, words: str) -> None:
    await driver.until(lambda: words in driver.line("header"))


def follow(act: Any, source: Piped, **options: Any) -> LstmApp:
    return drive(act, source.opened(), **options)


def test_it_waits_for_text_follows_it_and_goes_on_at_its_end() -> None:
    source = Piped()

    async def act(driver: Driver) -> None:
        assert "waits for text" in driver.line("header")
        await driver.press("n", "s", "e", "G", "c", "b", "x", "p", "W", "1", "colon")  # nothing to act on, and no harm
        source.write("The plot was du")
        await shows(driver, "live  t=2 (3 of 3)")
        source.write("ll , ")
        await shows(driver, "live  t=4 (5 of 5)")
        assert driver.view.frame.token == ","
        assert "…" in driver.text().splitlines()[3]  # more may come: the tape has no end yet
        source.write("but the movie")
        source.end()
        await shows(driver, "end  t=7 (8 of 8)")
        assert driver.view.frame.token == "movie"
        await driver.press("N", "G")
        assert "end  t=7" in driver.line("header")

    follow(act, source)


def test_it_stays_where_the_user_is_and_counts_what_is_new() -> None:
    source = Piped()

    async def act(driver: Driver) -> None:
        source.write("The plot was dull , ")
        await shows(driver, "5 of 5")
        await driver.press("N", "N")
        source.write("but the ")
        await shows(driver, "2 new  t=2 (3 of 7)")
        source.write("movie ")
        await shows(driver, "3 new  t=2 (3 of 8)")
        await driver.press("G")
        assert "live  t=7 (8 of 8)" in driver.line("header")
        source.write("was ")
        await shows(driver, "live  t=8 (9 of 9)")
        await driver.press("S")  # into the equations of the last token: that is looked at, and stays
        source.write("good ")
        await shows(driver, "1 new  t=8 (9 of 10)")

    follow(act, source)


def test_a_breakpoint_that_comes_stops_it_with_its_reason_and_g_goes_on() -> None:
    source = Piped()

    async def act(driver: Driver) -> None:
        source.write("The plot was ")
        await shows(driver, "3 of 3")
        session = driver.screen.run.session
        assert session is not None
        error = driver.screen.edits.execute('break token == "movie"')
        assert not error
        source.write("dull , bad movie not ")
        await shows(driver, "1 new  t=6 (7 of 8)")
        await driver.until(lambda: "breakpoint 1" in driver.text())
        source.write("bad ")
        await shows(driver, "2 new  t=6")
        await driver.press("c")
        await shows(driver, "live  t=8 (9 of 9)")
        source.write("movie ")  # the very last token that has come
        await shows(driver, "t=9 (10 of 10)")
        await driver.until(lambda: "breakpoint 1" in driver.text() and "last stop" not in driver.text())
        source.write("good ")
        await shows(driver, "1 new  t=9 (10 of 11)")
        await driver.press("G")
        source.write("good ")
        await shows(driver, "live  t=11 (12 of 12)")

    follow(act, source)


@pytest.mark.parametrize("short", [True, False])
def test_edits_stay_in_force_while_text_comes_and_a_prompt_is_open(
    short: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not short:  # every run is made in a thread
        monkeypatch.setattr(changes, "quick_steps", lambda name, passes: 0)
    source = Piped(readout="linear")

    async def act(driver: Driver) -> None:
        source.write("The plot was ")
        await shows(driver, "3 of 3")
        await driver.press("colon")
        source.write("dull , ")
        await driver.until(lambda: driver.view.facts.length == 5)
        await driver.press(*"weight")
        source.write("bad ")
        await driver.until(lambda: driver.view.facts.length == 6)
        await driver.press("escape")
        for edit in ("weight layer0.forward/b_f[0] = 5", 'replace 1 "movie"', "set layer0.forward.c[2] @ 2: = 0.5"):
            assert not driver.screen.edits.execute(edit)
            source.write("movie not ")
        await driver.until(lambda: driver.view.facts.length == 12 and driver.view.edits == 3)
        source.write("good ")
        await shows(driver, "live  ◆ 3 edits  t=12 (13 of 13)")
        session = driver.screen.run.session
        assert session is not None
        edited = session.edited
        assert (driver.view.passed["c"][2:, 2] == np.float32(0.5)).all()
        assert edited.sequence.tokens[1] == "movie"
        again = run(edited.network, edited.sequence, holds=edited.holds)
        assert driver.view.passed["h"].tobytes() == again["layer0.forward"]["h"].tobytes()
        await driver.press("z", "z", "z")
        await driver.until(lambda: not driver.view.edits)
        plain = run(source.network, session.opened_sequence)
        assert driver.view.passed["h"].tobytes() == plain["layer0.forward"]["h"].tobytes()
        source.write("bad ")
        await shows(driver, "(14 of 14)")

    follow(act, source)


def test_numba_takes_over_while_text_comes() -> None:
    source = Piped()

    async def act(driver: Driver) -> None:
        for word in TEXT.split():
            source.write(f"{word} ")
            await driver.until(lambda: "t=" in driver.line("header"))
        await shows(driver, "numba")
        source.write("good ")
        await shows(driver, "live  t=19 (20 of 20)")
        made = driver.view.trace
        again = run(source.network, made.sequence, "numba", made.dtype)
        assert made["layer0.forward"]["c"].tobytes() == again["layer0.forward"]["c"].tobytes()
        assert made.interpreter == "numba"

    follow(act, source, numba=True)


def test_what_is_too_much_is_said_once_and_the_session_goes_on() -> None:
    source = Piped(most=6)

    async def act(driver: Driver) -> None:
        source.write(TEXT + " ")
        await shows(driver, "full  t=5 (6 of 6)")
        await driver.until(lambda: "6 tokens are all that is held" in driver.text())
        assert len(driver.app._notifications) == 1
        await driver.press("N", "s", "N")
        assert driver.view.t == 4

    follow(act, source)


def test_what_cannot_be_read_is_said_and_what_came_before_stays() -> None:
    source = Piped()

    async def act(driver: Driver) -> None:
        source.write(b"The plot \xff was ")
        await shows(driver, "end  t=1 (2 of 2)")
        await driver.until(lambda: "0xff, not UTF-8" in driver.text())
        await driver.press("N")
        assert driver.view.t == 0

    follow(act, source)


def test_an_end_without_a_token_leaves_with_one_line() -> None:
    source = Piped()
    source.end()

    async def act(driver: Driver) -> None:
        await driver.until(lambda: driver.app._exit)

    app = follow(act, source)
    assert app.return_value == 1


@pytest.mark.parametrize("size", [(160, 45), (120, 36), (80, 24)])
def test_it_fits_every_size(size: tuple[int, int]) -> None:
    source = Piped()

    async def act(driver: Driver) -> None:
        assert "waits for text" in driver.line("header")
        source.write(TEXT + " ")
        await shows(driver, "live")
        await driver.press("N")
        source.write("bad ")
        await shows(driver, "1 new")
        assert f"t={driver.view.t}" in driver.line("header")

    follow(act, source, size=size)


def test_an_export_writes_what_has_come(tmp_path: Any) -> None:
    from lstm_tui.formats.traces.reader import read

    source = Piped()

    async def act(driver: Driver) -> None:
        source.write("The plot was ")
        await shows(driver, "3 of 3")
        driver.screen.dialogs.write_to(str(tmp_path / "o.json"))
        await driver.until(lambda: (tmp_path / "o.json").exists())

    follow(act, source)
    written = read(tmp_path / "o.json")
    assert written.sequence.tokens == ("The", "plot", "was")
    assert any("3 tokens was not read yet" in one for one in written.remarks), written.remarks


@pytest.mark.parametrize("name", ["story", "verdict-attention"])
def test_what_the_screen_draws(name: str) -> None:
    network = open_model(name)
    assert network.tokens is not None
    sequence = text_sequence("Anna and Mei like music . their friend Omar enters . he is good . " * 3, network.tokens)
    grown = None
    for stop in (1, 5, 20, len(sequence)):
        grown = Facts(run(network, sequence.part(0, stop)), since=grown)
        grown.prepare()
    assert grown is not None
    whole = Facts(grown.trace)
    for passed in whole.names:
        assert grown.signals(passed) == whole.signals(passed)
        for signal in whole.signals(passed):
            np.testing.assert_array_equal(grown.signal(passed, signal), whole.signal(passed, signal))
        assert grown.columns(passed) == whole.columns(passed)
    bits = surprise(grown.trace)
    assert (bits is None) == (grown.surprise is None)
    assert bits is None or np.array_equal(bits, present(grown.surprise), equal_nan=True)
