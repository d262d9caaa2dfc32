"""Two runs on one screen: they stand at the same token, whatever was put in or taken away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
from driven_screen import network, sequences
from edited_networks import sentence
from present import present
from textual.pilot import Pilot

from lstm_tui.debugger.edits.apply import apply
from lstm_tui.debugger.edits.edit_reader import parse_edit_script
from lstm_tui.debugger.inspect.compare import Comparison
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.run import run
from lstm_tui.models.bundled import open_model
from lstm_tui.tui.canvas.palette import DARK_PALETTE
from lstm_tui.tui.panes.pane import Pane
from lstm_tui.tui.view import ORDERS
from lstm_tui.tui.views.compare import CompareApp, CompareScreen
from lstm_tui.tui.views.compare_drawing import draw_compare

RECIPE = 'insert 2 "good"\nremove 4\nweight layer0.forward/b_f[1] = -4'
Act = Callable[[Pilot[int], CompareScreen], Awaitable[None]]


def edited(**of: bool) -> Comparison:
    sequence = sequences()[0]
    made = apply(parse_edit_script(RECIPE), network(**of), sequence)
    after = run(made.network, made.sequence, holds=made.holds)
    return Comparison.of(run(network(**of), sequence), after, ("baseline", "edited"), made.origins)


def other_cell() -> Comparison:
    sequence = sequences()[0]
    return Comparison.of(run(network(), sequence), run(network("gru", both=False), sequence), ("a[b]", "b"))


def shown(compared: Comparison, act: Act, size: tuple[int, int] = (160, 45)) -> CompareApp:
    app = CompareApp(compared, few_colours=False)

    async def go() -> None:
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            assert isinstance(app.screen, CompareScreen)
            await act(pilot, app.screen)

    asyncio.run(go())
    return app


def text(screen: CompareScreen, name: str) -> str:
    return screen.query_one(f"#{name}", Pane).text()


@pytest.mark.parametrize("width", [80, 120, 160])
@pytest.mark.parametrize("compared", [edited(), other_cell()], ids=["edited", "other cell"])
def test_no_head_of_the_table_loses_its_end(compared: Comparison, width: int) -> None:
    pass_name = "layer0.forward"
    drawing = draw_compare(compared, 0, pass_name, width - 2, 20, DARK_PALETTE)
    head = drawing.lines[0].plain
    assert head.rstrip().endswith("apart" if compared.comparable(pass_name) else "difference")
    assert ("no unit is compared" in drawing.note) != compared.comparable(pass_name)


@pytest.mark.parametrize("width", [80, 120, 160])
@pytest.mark.parametrize("name", ["forecast", "story"])
def test_what_either_says_stands_below_its_heading_whether_it_is_a_share_or_not(name: str, width: int) -> None:
    """A network of numbers has no bar: its numbers stand where those of the others do."""
    opened = open_model(name)
    rows = np.sin(np.arange(12.0)).reshape(4, 3).astype(np.float32)
    given = Sequence("numbers", tuple("abcd"), x=rows) if name == "forecast" else sentence(opened, "Ganesh likes pizza")
    made = run(opened, given)
    compared = Comparison.of(made, made, ("A", "B"))
    assert compared.toward is None
    drawing = draw_compare(compared, 0, "layer0.forward", width, 20, DARK_PALETTE)
    starts = [drawing.lines[0].plain.index(one) for one in ("A A", "B B", "difference")]
    for t, line in enumerate(drawing.lines[1 : 1 + len(given)]):
        output = present(made.output)[t]
        best = int(output.argmax()) if name == "story" else int(np.abs(output).argmax())
        for column in range(2):
            text = line.plain[starts[column] : starts[column + 1]]
            number = text.rstrip().split()[-1].replace("−", "-")
            assert text[-2] != " ", "it ends one before the next column"
            assert float(number) in (pytest.approx(output.max(), abs=6e-3), pytest.approx(output[best], abs=6e-3))


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
def test_the_chosen_unit_of_either_side_is_named(size: tuple[int, int]) -> None:
    """At the widths at which a row of the table has no room for a name."""
    story = open_model("story")
    before = after = run(story, sentence(story, "Ganesh likes pizza"))

    async def act(pilot: Pilot[int], screen: CompareScreen) -> None:
        for side in ("units0", "units1"):
            pane = screen.query_one(f"#{side}", Pane)
            name = pane.view.frame.names.name("layer0.forward", pane.view.unit)
            assert name
            assert f"{name} ─" in text(screen, side).splitlines()[0]

    shown(Comparison.of(before, after, ("one", "other")), act, size)


def test_the_title_of_a_side_leaves_out_what_has_no_room() -> None:
    async def act(pilot: Pilot[int], screen: CompareScreen) -> None:
        pane = screen.query_one("#units0", Pane)
        whole = "A baseline · layer0.forward t=0"
        drawn = [(width, pane.draw(pane.view, DARK_PALETTE, width, 10).title) for width in range(12, 90)]
        assert {title for _, title in drawn} == {whole, "A baseline · layer0.forward", "A baseline"}
        assert all(len(title) <= width - 4 for width, title in drawn if title != "A baseline")

    shown(edited(), act)


def test_both_stand_at_the_same_token() -> None:
    async def act(pilot: Pilot[int], screen: CompareScreen) -> None:
        places = []
        for _ in range(6):
            assert screen.one is not None
            assert screen.other is not None
            places.append((screen.one.t, screen.other.t))
            await pilot.press("n")
        assert places == [(0, 0), (1, 1), (1, 2), (2, 3), (3, 3), (4, 4)]
        await pilot.press("g", "N")
        assert screen.chosen == 0
        await pilot.press("G")
        assert screen.chosen == 5
        tape = text(screen, "both")
        for words in ("A baseline", "B edited", "difference", "–→2", "3→–"):
            assert words in tape

    shown(edited(), act)


def test_equations_passes_and_units_go_together() -> None:
    async def act(pilot: Pilot[int], screen: CompareScreen) -> None:
        await pilot.press("n", "s", "s")
        assert screen.one is not None
        assert screen.other is not None
        assert (screen.one.t, screen.one.frame.position.equation) == (2, 1)
        assert (screen.other.t, screen.other.frame.position.equation) == (3, 1)
        await pilot.press("right_square_bracket")
        assert screen.one.pass_name == screen.other.pass_name == "layer0.backward"
        await pilot.press("tab", "j", "j", "o")
        assert screen.one.unit == screen.other.unit
        assert list(screen.one.ranking("layer0.backward")) == list(screen.other.ranking("layer0.backward"))
        assert "layer0.backward t=3" in text(screen, "units1")

    shown(edited(), act)


@pytest.mark.parametrize("compared", [edited(), other_cell()], ids=["edited", "other cell"])
def test_the_units_of_both_are_ordered_the_same_way(compared: Comparison) -> None:
    async def act(pilot: Pilot[int], screen: CompareScreen) -> None:
        seen = []
        for _ in range(len(ORDERS)):
            await pilot.press("o")
            assert present(screen.one).order == present(screen.other).order
            seen.append(present(screen.one).order)
        assert sorted(seen) == sorted(ORDERS)

    shown(compared, act)


def test_the_cursor_goes_in_the_pane_that_has_the_focus() -> None:
    async def act(pilot: Pilot[int], screen: CompareScreen) -> None:
        await pilot.press("n", "n")
        assert screen.one is not None
        before = screen.chosen, screen.one.unit
        await pilot.press("j")
        assert (screen.chosen, screen.one.unit) != before, "the first pane has it"
        before = screen.chosen, screen.one.unit
        await pilot.press("tab", "j")
        assert screen.one.unit != before[1]
        await pilot.press("k")
        assert screen.one.unit == before[1]

    shown(edited(), act)


@pytest.mark.parametrize("size", [(160, 45), (120, 36), (80, 24), (40, 12)])
def test_other_cells_and_sizes(size: tuple[int, int]) -> None:
    async def act(pilot: Pilot[int], screen: CompareScreen) -> None:
        for key in ("n", "s", "S", "right_square_bracket", "tab", "j", "l", "tab", "j", "o", "G", "g"):
            await pilot.press(key)
        if size[0] == 160:
            assert "trained apart" in text(screen, "both")
            assert "a[b]" in text(screen, "units0")
        if size[1] >= 24:
            assert "t=0" in text(screen, "units1")

    shown(other_cell(), act, size)


def test_what_is_said_at_every_token_stands_beside_what_was_said() -> None:
    async def act(pilot: Pilot[int], screen: CompareScreen) -> None:
        assert "difference: the part of the probability that B puts elsewhere" in text(screen, "both")
        assert "A output" in text(screen, "output0")
        await pilot.press("q")

    sequence = sequences()[1]
    of = {"both": False, "readout": "dense"}
    runs = run(network(**of), sequence), run(network(**of, hidden=6), sequence)
    assert shown(Comparison.of(*runs, ("a", "b")), act).return_value == 0
