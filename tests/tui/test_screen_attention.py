"""The weights of attention are bars on the tape, and a masked step has none."""

from __future__ import annotations

from driven_screen import Driver, drive, three_lines


def test_attention_colours_the_tape_and_can_be_masked() -> None:
    async def act(driver: Driver) -> None:
        view = driver.view
        assert view.signal_name() == "attention a"
        weights = view.facts.signal(view.pass_name, "attention a")
        assert abs(float(weights.sum()) - 1) < 1e-6
        lines = driver.text().splitlines()
        row = next(line for line in lines if "attention a" in line and "colour" not in line)
        assert all(f"{weight:.2f}".lstrip("0") in row for weight in weights)
        assert any(line.strip(" │").startswith("attention ") for line in lines)
        assert driver.app.screen is driver.screen
        driver.screen.edits.execute("mask 1")
        await driver.pilot.pause()
        edited = driver.view.facts.signal(view.pass_name, "attention a")
        assert edited[1] == 0
        assert abs(float(edited.sum()) - 1) < 1e-6
        await driver.press("v")
        assert driver.view.signal_name().startswith("mean ")

    drive(act, three_lines(readout="attention_dot"))
