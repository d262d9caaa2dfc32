"""The widget of a session, over anywidget: what is pressed or typed in a browser goes to the kernel, pages come back.

Beside the live widget stands its page as it is now, hidden as long as the widget lives: a notebook that is opened or
exported without a kernel shows it.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from lstm_tui.debugger.commands.console import TypedSession
from lstm_tui.notebooks.session_cell import SessionCell

_FOLDER = Path(__file__).parent


class LiveSession(Protocol):
    """A session in a cell of Jupyter."""

    @property
    def session(self) -> TypedSession:
        """The session; code in other cells may step it, and `refresh` shows it then."""

    def press(self, key: str) -> None:
        """Do what a key of the screen does, such as `n`, and show it."""

    def type(self, line: str) -> None:
        """Execute a line as it may be typed, and show what it did."""

    def refresh(self) -> None:
        """Show the session as it is now."""


@cache
def widget_class() -> type[Any]:
    """Return the class of the widget.

    Raises:
        ModuleNotFoundError: anywidget or IPython is not installed.
    """
    import anywidget
    import traitlets
    from IPython.display import HTML, display

    class SessionWidget(anywidget.AnyWidget):
        """A session in a cell of Jupyter."""

        _esm = (_FOLDER / "widget.js").read_text("utf-8")
        _css = (_FOLDER / "widget.css").read_text("utf-8")
        page = traitlets.Unicode().tag(sync=True)
        buttons = traitlets.List().tag(sync=True)
        still = traitlets.Unicode().tag(sync=True)

        def __init__(self, cell: SessionCell) -> None:
            """Show a session.

            Args:
                cell: What is shown, and does what is pressed and typed.
            """
            self._cell = cell
            super().__init__(
                page=cell.html(),
                buttons=[asdict(one) for one in cell.buttons],
                still=f"lstm-tui-still-{uuid4().hex[:12]}",
            )
            self._stills: list[Any] = []
            self.on_msg(self._told)

        @property
        def session(self) -> TypedSession:
            """The session; code in other cells may step it, and `refresh` shows it then."""
            return self._cell.session

        def __repr__(self) -> str:
            """Say what it is of, where no widget is shown."""
            return f"<widget of {self._cell.session!r}>"

        def press(self, key: str) -> None:
            """Do what a key of the screen does, such as `n`, and show it."""
            self._cell.press(key)
            self.refresh()

        def type(self, line: str) -> None:
            """Execute a line as it may be typed, and show what it did."""
            self._cell.type(line)
            self.refresh()

        def refresh(self) -> None:
            """Show the session as it is now."""
            self.page = self._cell.html()
            for one in self._stills:
                one.update(HTML(self._still_page()))

        def _told(self, _: Any, content: Any, __: Any) -> None:
            """Do what the browser says was pressed or typed; anything else is nothing."""
            if isinstance(content, dict) and isinstance(content.get("press"), str):
                self.press(content["press"])
            elif isinstance(content, dict) and isinstance(content.get("line"), str):
                self.type(content["line"])

        def _still_page(self) -> str:
            return f'<div class="{self.still}">{self.page}</div>'

        def _ipython_display_(self, **_: Any) -> None:
            """Show the live widget, and its page as it is now for whoever opens the notebook without a kernel."""
            bundle = self._repr_mimebundle_()
            data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
            display(data, metadata=metadata, raw=True)
            handle = display(HTML(self._still_page()), display_id=True)
            if handle is not None:
                self._stills.append(handle)

    return SessionWidget
