"""`lstm_tui.widget`: a session in a cell of Jupyter that steps by buttons, keys and typed lines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_tui.debugger.commands.console import TypedSession
from lstm_tui.engine.errors import UserError, unknown_name
from lstm_tui.models.opening import source_from
from lstm_tui.notebooks.session_cell import LessonCell, SessionCell
from lstm_tui.notebooks.session_widget import LiveSession, widget_class

if TYPE_CHECKING:
    from lstm_tui.engine.arrays import Rows
    from lstm_tui.engine.model.network import Network

__all__ = ["widget"]

_OPTIONS = ("line", "whole", "dtype", "interpreter", "initial")
"""Those of `lstm_tui.session`, in their order."""


def widget(
    source: str | Path | Rows | TypedSession | None = None,
    model: str | Path | Network | None = None,
    *,
    lesson: str | int | None = None,
    **options: Any,
) -> LiveSession:
    """Return a session as a widget of Jupyter: buttons, the keys of the screen, and a line to type into.

    A saved or exported notebook shows what the cell showed last, without a kernel.

    Args:
        source: A session, or what one is opened on, as for `session`.
        model: As for `session`.
        lesson: A lesson of `lstm-tui tour` instead, by name or number; its text stands above the session.
        options: Others of `session`.

    Returns:
        The widget; its `session` is the session, which code in other cells may step and edit too.

    Raises:
        UserError: anywidget is not installed, or what is opened is missing or wrong.
    """
    if (source is None) == (lesson is None):
        raise UserError("a widget is opened on a session or a text, or with lesson= the name of a lesson: give one")
    try:
        made = widget_class()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("anywidget", "traitlets", "ipywidgets", "IPython"):
            raise
        raise UserError("a session in a cell needs anywidget: pip install 'lstm-tui[notebook]'") from None
    shown: LiveSession = made(_cell(source, model, lesson, options))
    return shown


def _cell(
    source: str | Path | Rows | TypedSession | None,
    model: str | Path | Network | None,
    lesson: str | int | None,
    options: dict[str, Any],
) -> SessionCell:
    if lesson is not None:
        from lstm_tui.formats.importers.native import load
        from lstm_tui.lesson.library import Library
        from lstm_tui.models.bundled import open_model

        library = Library(open_model, load)
        found = library.find(str(lesson))
        return LessonCell(found, library.opener(found))
    if isinstance(source, TypedSession):
        return SessionCell(source)
    assert source is not None
    given = dict.fromkeys(_OPTIONS) | {"whole": False} | options
    if len(given) > len(_OPTIONS):
        raise unknown_name("a widget has no option", next(one for one in given if one not in _OPTIONS), _OPTIONS)
    rest: list[Any] = [given[one] for one in _OPTIONS]
    return SessionCell(TypedSession.open(source_from(source, model, *rest)))
