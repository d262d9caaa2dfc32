"""Nothing is lost: the work on the screen is kept as it goes on, and what was cut off before is offered."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from textual import on
from textual.message import Message
from textual.reactive import reactive

from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.view_state import Layout
from lstm_tui.tui.autosave import Keeping, Offer
from lstm_tui.tui.controllers.dialogs import Dialogs
from lstm_tui.tui.key_queue import Awaited
from lstm_tui.tui.threads import in_background
from lstm_tui.tui.view import ORDERS

if TYPE_CHECKING:
    from lstm_tui.tui.controllers.changes import Act

_EVERY = 0.5
"""Seconds between two looks at what there is to keep: at most one second of work is lost."""
_REMARK_TIME = 10


class Kept(Dialogs):
    """A screen that knows how it looks, has its work written down, and resumes interrupted work."""

    keeping: Keeping | None = None
    _taking: Offer | None = None
    _looks_since: float | None = None  # for work that was cut off
    shown: reactive[int] = reactive(2, repaint=False)

    class Found(Message):
        """Work of a program that was cut off."""

        def __init__(self, offer: Offer | None, remark: str) -> None:
            """Hold what was found on this input, and what is said of others."""
            super().__init__()
            self.offer, self.remark = offer, remark

    def begin_keeping(self) -> None:
        """Look for what was cut off, and keep the work from here on."""
        if self.keeping is not None:
            self._looks_since = monotonic()
            in_background(self._look)
            self.set_interval(_EVERY, self._keep)

    def keys_await(self) -> Awaited | None:
        """Return what keys wait for; what was cut off is asked about before the first of them."""
        since = self._looks_since
        return super().keys_await() if since is None else Awaited(since, acts=False)

    def _look(self) -> None:
        assert self.keeping is not None
        found: tuple[Offer | None, str] = None, ""
        try:
            found = self.keeping.look()
        finally:  # keys wait for this answer
            self.post_message(self.Found(*found))

    def _keep(self) -> None:
        if self.keeping is not None and self._session is not None and self.view is not None:
            self._session.layout = self.layout_now()
            self.keeping.autosave.note(self._session, computing=self.lines_computing())

    def keep_now(self) -> None:
        """Have the work written down before this returns; of a change that still computes, the line that was typed."""
        if self.keeping is not None and self._session is not None and self.view is not None:
            self._session.layout = self.layout_now()
            self.keeping.autosave.note(self._session, now=True, computing=self.lines_computing())

    @on(Found)
    def _found(self, message: Found) -> None:
        self._looks_since = None
        offer, fresh = message.offer, self._session is not None and not self._session.histories
        if message.remark:
            self.notify(message.remark, markup=False, timeout=_REMARK_TIME)
        if offer is None:
            return
        if not fresh:  # begun with edits: what was cut off is not mixed with them
            offer.leave()
            return
        from lstm_tui.tui.prompts.recover import Recover

        self.app.push_screen(Recover(offer.told), lambda answer: self._answered(offer, answer))

    def _answered(self, offer: Offer, answer: str | None) -> None:
        if answer == "forget":
            offer.forget()
        elif answer == "take":
            self.take_up(offer)
        else:
            offer.leave()

    # --- a session that was saved or cut off ---

    def take_up(self, offer: Offer) -> None:
        """Resume a session, and show it as it looked."""
        self._taking = offer
        error = self.change(offer.take_up)
        if error:
            self._refused("", error)

    def _changed(self, reply: tuple[str, ...], text: str, facts: Facts | None = None) -> None:
        """Show what the session has become; one that was just resumed, as it looked."""
        super()._changed(reply, text, facts)
        taken, self._taking = self._taking, None
        if taken is None or self._session is None:
            return
        if self._session.layout is not None:
            self.lay_out(self._session.layout)
        self._keep()  # here before it is forgotten there
        taken.taken()

    def _refused(self, text: str, error: str) -> None:
        self._not_taken()
        super()._refused(text, error)

    def _not_taken(self) -> None:
        if self._taking is not None:
            self._taking.leave()
            self._taking = None

    def change(self, act: Act, text: str = "") -> str:
        """Have the session do something; it knows how it is shown, should it be saved."""
        if self._session is not None:
            self._session.layout = self.layout_now()
        return super().change(act, text)

    def layout_now(self) -> Layout | None:
        """Return how the session is shown."""
        view = self.view
        if view is None:
            return None
        return Layout(
            self.pane_in_use(), view.order, view.signal, view.value, tuple(sorted(view.units.items())),
            self.has_class("-maximised"), view.everyone, not view.beside,
        )  # fmt: skip

    def lay_out(self, layout: Layout) -> None:
        """Show the session as a layout says; what is not in this run is passed over."""
        view = self.view
        if view is None:
            return
        order = next((one for one in ORDERS if one == layout.order), view.order)
        units = {name: unit for name, unit in layout.units if name in view.trace}
        values = view.passed.cell.values
        self.view = view.but(
            order=order, signal=layout.signal, everyone=layout.everyone, beside=not layout.alone,
            value=layout.value if layout.value in values else view.value, units={**view.units, **units}, said=view.said,
        )  # fmt: skip
        self.set_class(layout.maximised, "-maximised")
        self._show_pane(layout.pane)

    def _show_pane(self, number: int) -> None:
        """Bring a pane into sight and give it the focus."""
        raise NotImplementedError
