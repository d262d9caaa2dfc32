"""Keys that are typed for a line before the line has the focus: they are kept and typed into it, in their order."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual import events
from textual.screen import ModalScreen
from textual.widgets import Input

Answer = TypeVar("Answer")


class TypedLine(Input):
    """A line that takes Enter itself, after all that was typed before it."""

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            await self.action_submit()
        else:
            await super()._on_key(event)


class EarlyKeys(ModalScreen[Answer]):
    """A screen with one line to type, for a fast hand and for scripts of keys.

    Without a focus every key comes to the screen itself, so the line is given it only once it is there.
    """

    AUTO_FOCUS: ClassVar[str | None] = ""
    _early: tuple[events.Key, ...] = ()
    _begun = False

    def on_mount(self) -> None:
        """Have the line take over."""
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self._begun = True
        self.query_one(Input).focus()
        early, self._early = self._early, ()
        for event in early:
            self._type(event)

    def on_key(self, event: events.Key) -> None:
        """Keep a key for the line; one that the line has seen itself is neither printable nor Enter."""
        if not (event.is_printable or event.key == "enter"):
            return
        event.stop()
        if self._begun:
            self._type(event)
        else:
            self._early = (*self._early, event)

    def _type(self, event: events.Key) -> None:
        self.query_one(TypedLine).post_message(events.Key(event.key, event.character))
