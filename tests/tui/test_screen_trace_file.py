"""A trace file on the screen, its network not at hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from driven_screen import Driver, drive, network, sequences

from lstm_tui.debugger.source import Source
from lstm_tui.engine.runtime.run import run


@pytest.mark.parametrize("noted", [(), ("one is assumed",), ("one is assumed", "[b]another[/b]", "a third")])
def test_what_was_assumed_of_its_network_is_said_and_counted(noted: tuple[str, ...]) -> None:
    trace = replace(run(network(), sequences()[0]), network=None, ran=None, noted=noted)

    async def act(driver: Driver) -> None:
        said = [one.message for one in driver.app._notifications]
        more = f"\nand {len(noted) - 1} more: `:info frame` lists them" if len(noted) > 1 else ""
        assert said == [one + more for one in noted[:1]]
        told = f"{len(noted)} warning{'s' * (len(noted) > 1)}"
        assert (told in driver.text().splitlines()[0]) == bool(noted)

    drive(act, Source.of_trace(trace))
