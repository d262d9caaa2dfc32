"""`E` writes the equation under the cursor anew; the network stays changed from line to line."""

from __future__ import annotations

from driven_screen import Driver, drive

from lstm_tui.tui.prompts.edit import EditPrompt


def test_an_equation_is_written_anew_and_taken_back() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("E")
        prompt = driver.on_top(EditPrompt)
        assert prompt.line.value.startswith("let layer0.forward.f = sigmoid(")
        prompt.line.value = "let f = 1 - j"
        await driver.press("enter")
        assert driver.app.screen is prompt  # what is wrong stays to be put right
        prompt.line.value = "let f = 1"
        await driver.press("enter")
        trace = driver.view.trace
        assert all((trace[name]["f"] == 1).all() for name in ("layer0.forward", "layer0.backward"))
        assert trace["layer0.forward"].cell.equation("f").text == "f = 1"
        await driver.press("}")
        assert (driver.view.trace["layer0.forward"]["f"] == 1).all()
        await driver.press("z")
        assert (driver.view.trace["layer0.forward"]["f"] < 1).all()

    drive(act)


def test_a_form_ablates() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("E", "up", "enter")
        trace = driver.view.trace
        assert trace.edits == ("ablate cifg",)
        assert (trace["layer0.forward"]["f"] == 1 - trace["layer0.forward"]["i"]).all()

    drive(act)
