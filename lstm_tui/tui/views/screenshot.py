"""A picture of the screen as it stands: taken at once, on whatever screen it is, before a file name is asked for."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from textual.app import App
from textual.strip import Strip

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.canvas.svg import svg_of
from lstm_tui.tui.prompts.prompts import Prompt

if TYPE_CHECKING:
    from lstm_tui.tui.main import MainScreen

_TIME = 8


def take_picture(app: App[Any]) -> None:
    """Take a picture of the screen and ask where to write it."""
    main = _main_of(app)
    title, stem = ("lstm-tui", "lstm-tui") if main is None else _named(main)
    _ask(app, svg_of(strips_of(app), title, app.theme_variables["lt-ink"], app.theme_variables["lt-ground"]), stem)


def strips_of(app: App[Any]) -> list[Strip]:
    """Return the lines of the screen, with what shines through from the screens under it."""
    drawn: Any = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)
    return [Strip.join(list(parts)) for parts in drawn.strips]


def _main_of(app: App[Any]) -> MainScreen | None:
    from lstm_tui.tui.main import MainScreen

    return next((one for one in reversed(app.screen_stack) if isinstance(one, MainScreen)), None)


def _named(main: MainScreen) -> tuple[str, str]:
    """Return what a picture shows, in a few words, and the stem of its name."""
    view = main.view
    if view.is_empty:
        return "lstm-tui", "lstm-tui"
    sequence = view.trace.sequence
    stem = PurePath(sequence.file).stem if sequence.file else "lstm-tui"
    line = f"-{sequence.line}" if sequence.line else ""
    where = f"{PurePath(sequence.file).name}, " if sequence.file else ""
    token = f": {sequence.tokens[view.t]}" if view.t < len(sequence.tokens) else ""
    return f"lstm-tui, {where}t={view.t}{token}", f"{visible(stem)}{line}-t{view.t}"


def _ask(app: App[Any], svg: str, stem: str, typed: str = "", wrong: str = "") -> None:
    from lstm_tui.formats.io.files import free_name
    from lstm_tui.tui.environment import is_sealed

    question = wrong or "write the picture to (.svg or .png)"
    name = typed or (f"{stem}.svg" if is_sealed() else free_name(stem, Path()))

    def write(typed: str | None) -> None:
        if typed:
            app.run_worker(lambda: _write(app, svg, stem, typed), group="picture", thread=True)

    app.push_screen(Prompt(question, name), write)


def _write(app: App[Any], svg: str, stem: str, name: str) -> None:
    """Write it, in a thread; what is wrong with the name is said above it, to be typed again."""
    from lstm_tui.formats.io.files import write_picture
    from lstm_tui.tui.deliver_file import give

    try:
        said = give(app, name, lambda path: write_picture(svg, path))
    except (UserError, OSError) as error:
        app.call_later(_ask, app, svg, stem, name, visible(str(error)))
    else:
        app.call_later(app.notify, said, markup=False, timeout=_TIME)
