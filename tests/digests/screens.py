"""Screens: what every key of the main screen shows, and every key of each view it opens; lessons as they are told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable

import textual._wait

from digests.outside import Screen, shown
from digests.plain import NETWORKS
from digests.record import Record

SIZES = ((80, 24), (120, 36), (160, 45))
THEMES = {"dark": (), "light": ("--light",)}
_OTHERS = ("story", "forecast", "recall-gru", "recall-rnn", "tiny", "verdict-attention", "clockwork", "lstm-both-ways")
_VIEWS = "pHRrWMuBLov0iSG"  # on every network, before and after an edit
_LEAVING = {"q", "escape"}
_BY_CLOCK = {"space"}  # playing goes on by a clock
_BACK = {"0", "m", "M"}  # the second press takes back what the first did
_TYPED = ("help", "help who", "info values", "list", "print h[0]", "break norm(h) > 1", "set h[0] @ 1 = 1", "nothing")
_STOPS_OF_A_LESSON = 20


def record(into: Record, *, sizes: Iterable[tuple[int, int]] = SIZES, only: Collection[str] = ()) -> None:
    """Record the screens at these sizes; with `only`, no more than what these keys of the main screen show."""
    textual._wait.SLEEP_GRANULARITY, textual._wait.SLEEP_IDLE = 1 / 200, 1 / 1600  # shorter looks, the same rule
    for size in sizes:
        for theme, options in THEMES.items() if not only else [("dark", ())]:
            name = f"screens/{size[0]}x{size[1]}/{theme}"
            _record(into, name, _swept(into, name, theme == "dark" and not only, only), "sentiment", size, *options)
    if only:
        return
    for network in _OTHERS:
        name = f"screens/{network}"
        _record(into, name, _looked_at(into, name), network, (120, 36))
    name = "screens/typed"
    _record(into, name, _typed(into, name), "sentiment", (120, 36))
    two = ("compare", "samples/sample.txt", "--model", "sentiment", "--model", "sentiment-forward")
    for size in sizes:
        name = f"screens/compare/{size[0]}x{size[1]}"
        into.add(name, shown(_swept(into, name, deep=True), *two, "--interpreter", "numpy", size=size))
    for lesson in range(1, 15):
        into.add(f"lessons/{lesson}", shown(_told(into, f"lessons/{lesson}"), "tour", str(lesson), size=(120, 36)))


def _record(
    into: Record, name: str, act: Callable[[Screen], Awaitable[None]], network: str, size: tuple[int, int], *more: str
) -> None:
    options = ("run", *NETWORKS[network], "--interpreter", "numpy", *more)
    into.add(name, shown(act, *options, size=size))


def _swept(into: Record, name: str, deep: bool, only: Collection[str] = ()) -> Callable[[Screen], Awaitable[None]]:
    async def act(screen: Screen) -> None:
        into.add(f"{name}/first", screen.look())
        await screen.press("n", "n", "s", "s")
        for key in only or screen.obeyed():
            if key in _LEAVING | _BY_CLOCK:
                continue
            await screen.press(key)
            into.add(f"{name}/{key}", screen.look())
            if deep and screen.depth > 1:
                await _inside(into, f"{name}/{key}", screen, key)
            await _back(screen, 1)
            if key in _BACK:
                await screen.press(key)
        into.add(f"{name}/last", screen.look())
        await screen.press("q")

    return act


async def _inside(into: Record, name: str, screen: Screen, opened_by: str) -> None:
    """Press every key of the view on top; it is opened again where a key closes it."""
    level = screen.depth
    for key in screen.obeyed():
        if key in _LEAVING | _BY_CLOCK:
            continue
        if screen.depth < level:
            await screen.press(opened_by)
        if screen.depth != level:
            return
        await screen.press(key)
        into.add(f"{name}/{key}", screen.look())
        await _back(screen, level)


async def _back(screen: Screen, level: int) -> None:
    """Press Escape until so many screens are left and no text is being typed."""
    for _ in range(8):
        if screen.depth <= level and not screen.types:
            return
        await screen.press("escape")
    assert screen.depth <= level, f"Escape does not leave {type(screen.app.screen).__name__}"


def _looked_at(into: Record, name: str) -> Callable[[Screen], Awaitable[None]]:
    async def act(screen: Screen) -> None:
        await screen.press("n", "n", "s")
        for stage in ("as read", "edited"):
            if stage == "edited":
                await screen.press("g", "n", "colon")
                await screen.type("set h[0] @ 1:3 = 1")
                await screen.press("enter")
                into.add(f"{name}/edited", screen.look())
                await screen.press("d")
            for key in _VIEWS:
                await screen.press(key)
                into.add(f"{name}/{stage}/{key}", screen.look())
                await _back(screen, 1)
                if key in _BACK:
                    await screen.press(key)
        await screen.press("q")

    return act


def _typed(into: Record, name: str) -> Callable[[Screen], Awaitable[None]]:
    async def act(screen: Screen) -> None:
        await screen.press("n")
        for line in _TYPED:
            await screen.press("colon")
            await screen.type(line)
            into.add(f"{name}/{line}", screen.look())
            await screen.press("enter")
            into.add(f"{name}/{line}/done", screen.look())
            await _back(screen, 1)
        await screen.press("q")

    return act


def _told(into: Record, name: str) -> Callable[[Screen], Awaitable[None]]:
    async def act(screen: Screen) -> None:
        for stop in range(_STOPS_OF_A_LESSON):
            seen = screen.look()
            into.add(f"{name}/{stop}", seen)
            await screen.press("enter")
            if not screen.is_open or screen.look() == seen:
                return

    return act
