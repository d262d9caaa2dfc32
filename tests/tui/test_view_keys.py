"""Keys of the user inside full-screen views: one table, what each view knows, what cannot be, what is shown."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from driven_screen import Driver, drive
from textual.binding import Binding
from textual.screen import ModalScreen, Screen

from lstm_tui.cli.config import default_text
from lstm_tui.formats.io.config_file import read_config
from lstm_tui.tui import keymap, view_keys
from lstm_tui.tui.commands import rebound, row_names
from lstm_tui.tui.prompts.lists import EditList, ListPanel, StopList
from lstm_tui.tui.view_keys import VIEW_KEYS, keymap_of, rebound_views
from lstm_tui.tui.views import attention, causes, coloured_text, curves, dynamics, health, influence, reach_screen
from lstm_tui.tui.views.analysis_screen import AnalysisScreen, KeyLine, halting, leaving, moving, sideways
from lstm_tui.tui.views.compare import CompareScreen
from lstm_tui.tui.views.lesson_end import LessonEnd
from lstm_tui.tui.views.lessons import Lessons
from lstm_tui.tui.views.lockstep import LockstepScreen
from lstm_tui.tui.views.page import PageScreen
from lstm_tui.tui.views.tour import TourScreen
from lstm_tui.tui.views.weight_editor import WeightScreen

SCREENS: dict[str, type[Screen[Any]]] = {
    one.view_name: one
    for one in (
        CompareScreen,
        EditList,
        LessonEnd,
        Lessons,
        LockstepScreen,
        PageScreen,
        StopList,
        TourScreen,
        WeightScreen,
    )
}
EVERYWHERE = {name for key in view_keys._EVERYWHERE for name in view_keys._names(key)}
ROWS = [(view, key) for view, keys in VIEW_KEYS.items() for key in keys]
FIXED = {"escape", "enter", "tab", "shift+tab", "pageup", "pagedown", "home", "end", "up", "down", "left", "right"}


@pytest.fixture
def chosen() -> Iterator[dict[str, tuple[str, ...]]]:
    """Let a test choose keys; none are chosen behind it."""
    before = dict(keymap.chosen)
    yield keymap.chosen
    keymap.choose(before)
    view_keys._in_force.cache_clear()


def choose(keys: dict[str, tuple[str, ...]]) -> None:
    keymap.choose(keys)
    view_keys._in_force.cache_clear()


def names(keys: tuple[str, ...]) -> set[str]:
    return {name for key in keys for name in view_keys._names(key)}


@pytest.mark.parametrize("view", SCREENS)
def test_the_table_has_the_keys_of_a_screen(view: str) -> None:
    made = [one for one in SCREENS[view].__mro__[:-1] if one in SCREENS.values() or one is ListPanel]
    bound = {
        key
        for one in made
        for row in vars(one).get("BINDINGS", ())
        if isinstance(row, Binding)
        for key in row.key.split(",")
    }
    assert names(VIEW_KEYS[view]) == bound - FIXED - EVERYWHERE


@pytest.mark.parametrize(("view", "key"), ROWS)
def test_every_key_of_every_view_can_be_another(view: str, key: str) -> None:
    made, problems = rebound_views({f"{view}.{key}": ("f7",)})
    assert problems == ()
    assert made[view].key_for("f7") == view_keys._names(key)[0]
    for name in view_keys._names(key):
        assert made[view].key_for(name) is None
    for other in set(VIEW_KEYS[view]) - {key}:
        assert made[view].key_for(view_keys._names(other)[0]) == view_keys._names(other)[0]
        assert made[view].shown(other) == other
    assert made[view].shown(key) == "f7"


@pytest.mark.parametrize(("view", "key"), ROWS)
def test_a_key_that_another_row_of_the_view_has_is_refused_in_a_line(view: str, key: str) -> None:
    other = next(one for one in VIEW_KEYS[view] if one != key)
    made, problems = rebound_views({f"{view}.{key}": (other,)})
    assert made == {}
    assert problems == (f"keys: {view}.{key} and {view}.{other} both want {other}; {view}.{key} stays {key}",)
    swapped, none = rebound_views({f"{view}.{key}": (other,), f"{view}.{other}": (key,)})
    assert none == ()
    assert swapped[view].key_for(view_keys._names(other)[0]) == view_keys._names(key)[0]
    assert swapped[view].key_for(view_keys._names(key)[0]) == view_keys._names(other)[0]


@pytest.mark.parametrize(
    ("name", "key", "told"),
    [
        ("wieghts.s", "x", "there is no view `wieghts`; did you mean weights?"),
        ("weights.y", "x", "weights has no key `y`; it has q W e"),
        ("weights.s", "?", "`?` means the same in every view"),
        ("weights.s", "ctrl+c", "interrupts and leaves"),
        ("weights.s", "alt+x", "with Alt"),
    ],
)
def test_what_cannot_be_is_a_line_and_the_rest_holds(name: str, key: str, told: str) -> None:
    table, problems = rebound({name: (key,), "health.j": ("f7",), "continue": ("f5",)})
    assert len(problems) == 1
    assert told in problems[0]
    assert row_names(table)["continue"].keys == ("f5",)
    assert rebound_views({name: (key,), "health.j": ("f7",)})[0].keys() == {"health"}


def test_a_config_file_names_every_key_of_every_view(tmp_path_factory: pytest.TempPathFactory) -> None:
    lines = re.sub(r'(?m)^# (\[keys\.|"|[a-z-]+ += )', r"\1", default_text())
    read = tomllib.loads(lines)["keys"]
    assert {view: tuple(keys) for view, keys in read["in"].items()} == VIEW_KEYS
    assert set(row_names()) == set(read) - {"in"}
    path = tmp_path_factory.mktemp("config") / "config.toml"
    path.write_text('[keys]\ncontinue = "f5"\n[keys.in.weights]\ns = ["f6", "f7"]\n"[" = 3\n')
    config = read_config(path)
    assert config.keys == {"continue": ("f5",), "weights.s": ("f6", "f7")}
    assert len(config.problems) == 1


@pytest.mark.parametrize(
    "module", [attention, causes, coloured_text, curves, dynamics, health, influence, reach_screen]
)
def test_the_table_has_the_keys_that_an_analysis_names(module: object) -> None:
    import inspect

    source = inspect.getsource(module)  # type: ignore[arg-type]
    (name,) = re.findall(r'return Analysis\(.*, keys, line, "([a-z-]+)"\)', source)
    body = source[source.index("keys = [") : source.index("]  # fmt: skip")]
    given = re.findall(r'AnalysisKey\("([^"]+)"', body)
    given += [leaving(one).keys for one in re.findall(r'leaving\("([^"]+)"\)', body)]
    given += [halting().keys] * ("halting()" in body)
    given += [one.keys for one in moving(lambda picture, by: picture)] * ("*moving(" in body)
    given += [one.keys for one in sideways(lambda picture, by: picture)] * ("*sideways(" in body)
    given += ["b"] * ("BESIDE" in body) + ["1,2,3,4,5,6,7"] * ("range(1, 8)" in body)
    bound = {key for one in given for key in one.split(",")}
    assert names(VIEW_KEYS[name]) == bound - FIXED


def test_a_key_of_the_user_acts_in_a_view_and_is_told_there(chosen: dict[str, tuple[str, ...]]) -> None:
    async def act(driver: Driver) -> None:
        choose({"curves.l": ("x",), "curves.q": ("f7",)})
        await driver.press("V")
        screen = driver.app.screen
        assert isinstance(screen, AnalysisScreen)
        before = screen.picture.t
        await driver.press("l")
        assert screen.picture.t == before
        await driver.press("x")
        assert screen.picture.t == before + 1
        await driver.press("n")
        assert screen.picture.t == before + 2
        assert "h/x" in screen.query_one(KeyLine).render_line(0).text
        await driver.press("?")
        assert isinstance(driver.app.screen, PageScreen)
        await driver.press("escape", "q")
        assert driver.app.screen_stack[-1] == screen
        await driver.press("f7")
        assert driver.app.screen_stack[-1] != screen

    drive(act)


@pytest.mark.parametrize("view", [name for name, one in SCREENS.items() if not issubclass(one, ModalScreen)])
def test_every_view_that_fills_the_screen_tells_its_keys(view: str) -> None:
    rows = [row for one in SCREENS[view].__mro__ for row in vars(one).get("BINDINGS", ()) if isinstance(row, Binding)]
    (action,) = {
        row.action for row in rows if "question_mark" in row.key.split(",") and not row.action.startswith("do(")
    }
    assert callable(getattr(SCREENS[view], f"action_{action}"))


def test_the_weights_tell_the_keys_of_the_user(chosen: dict[str, tuple[str, ...]]) -> None:
    async def act(driver: Driver) -> None:
        choose({"weights.s": ("ctrl+s",)})
        await driver.press("W", "?")
        page = driver.app.screen
        assert isinstance(page, PageScreen)
        told = "\n".join(line.plain for line in page._lines)
        assert re.search(r"ctrl\+s +scale", told)
        assert re.search(r"\[\] +matrix", told)
        await driver.press("escape")
        assert isinstance(driver.app.screen_stack[-1], WeightScreen)

    drive(act)


def test_what_is_no_view_has_its_keys(chosen: dict[str, tuple[str, ...]]) -> None:
    choose({"health.j": ("x",)})
    assert keymap_of("").key_for("j") == "j"
    assert keymap_of("weights").key_for("j") == "j"
    assert keymap_of("health").key_for("x") == "j"
