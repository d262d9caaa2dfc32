"""The adapter: one conversation with an editor, from `initialize` to `disconnect`.

Of the protocol it gives all that a run that is known whole can give: every step has its way back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from lstm_tui.dap.exchange import Exchange, Request
from lstm_tui.dap.pages import Pages, Text
from lstm_tui.dap.requests import Requests
from lstm_tui.dap.stops import FILTERS
from lstm_tui.debugger.commands.console import mistake_lines
from lstm_tui.debugger.commands.goto import position_lines
from lstm_tui.debugger.commands.table import Leave
from lstm_tui.debugger.position import Frame
from lstm_tui.debugger.session import Session
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible

CAPABILITIES = (
    "supportsConfigurationDoneRequest", "supportsFunctionBreakpoints", "supportsConditionalBreakpoints",
    "supportsHitConditionalBreakpoints", "supportsLogPoints", "supportsDataBreakpoints", "supportsStepBack",
    "supportsSteppingGranularity", "supportsGotoTargetsRequest", "supportsSetVariable", "supportsSetExpression",
    "supportsEvaluateForHovers", "supportsCompletionsRequest", "supportsExceptionInfoRequest",
    "supportsLoadedSourcesRequest", "supportsBreakpointLocationsRequest", "supportsTerminateRequest",
    "supportsRestartRequest", "supportsDelayedStackTraceLoading",
)  # fmt: skip
_PLACES = {"line": 0, "endLine": 0, "column": 1, "endColumn": 1}
"""Fields that hold a line or a column, which an editor may count from 0."""


@dataclass(frozen=True)
class Opened:
    """What an editor has asked to be opened.

    Attributes:
        session: A debugger on it.
        text: The file that is read; None where it is none of text.
        cells: Cell files of the user, by what they hold.
        noted: Called whenever the session may have changed, to have its work kept.
        left: Called at the end, with whether the work is done with.
    """

    session: Session
    text: Text | None = None
    cells: Mapping[str, Path] = field(default_factory=dict)
    noted: Callable[[Session], None] = lambda session: None
    left: Callable[[bool], None] = lambda finished: None


class Adapter:
    """One editor's conversation about one session."""

    def __init__(self, exchange: Exchange, opening: Callable[[Mapping[str, Any]], Opened]) -> None:
        """Wait for an editor.

        Args:
            exchange: The conversation.
            opening: Opens what the arguments of `launch` name; a UserError says why it cannot.
        """
        self._exchange, self._opening = exchange, opening
        self._opened: Opened | None = None
        self._requests: Requests | None = None
        self._launch: Request | None = None
        self._from = (1, 1)
        self._redraws = self._ended = False
        self._told: Frame | None = None  # where the editor knows it to stand

    def serve(self) -> None:
        """Answer until the editor has had enough, or is gone.

        Raises:
            UserError: What it sends is no message.
            OSError: It reads no more.
        """
        try:
            for request in self._exchange.requests():
                self._handle(request)
                if self._ended:
                    return
        finally:
            if self._opened is not None:
                self._opened.left(self._ended)

    def _handle(self, request: Request) -> None:
        before = None if self._opened is None else self._opened.session.frame
        try:
            act = _LIFE.get(request.command)
            if act is not None:
                act(self, request)
            elif self._requests is None:
                raise UserError(f"{visible(request.command[:40])}: nothing is open yet: `launch` comes first")
            else:
                body = self._requests.answer(request.command, _moved(request.arguments, self._from, 1))
                self._exchange.respond(request, _moved(body, self._from, -1))
        except UserError as error:
            self._exchange.refuse(request, "\n".join(mistake_lines(error)))
        except Leave:
            self._exchange.respond(request, {"result": "", "variablesReference": 0})
            self._exchange.event("terminated")
        if self._opened is None or self._requests is None:
            return
        self._go_on(self._requests)
        after = self._opened.session.frame
        if before is not None and after is not before:
            self._opened.noted(self._opened.session)
            if after.trace is not before.trace and self._redraws:
                self._exchange.event("invalidated", {"areas": ["all"]})
            if self._told is not after and (after.position != before.position or not self._redraws):
                self._tell("goto")

    def _go_on(self, requests: Requests) -> None:
        """Have the run move as a request has asked, and tell where it stopped."""
        go, requests.next = requests.next, None
        if go is None:
            return
        try:
            why = go()
        except UserError as error:
            self._say("\n".join(mistake_lines(error)), "stderr")
            why = "pause"
        self._tell(why)

    def _tell(self, why: str) -> None:
        """Tell that and why the run stands where it does."""
        assert self._requests is not None
        requests, frame = self._requests, self._requests.session.frame
        requests.forget()
        self._told = frame
        told = {"description": visible(frame.note), "text": visible(frame.note)} if frame.note else {}
        hit = {"hitBreakpointIds": requests.hit} if "breakpoint" in why or why == "exception" else {}
        self._exchange.event(
            "stopped", {"reason": why, "threadId": requests.thread, "allThreadsStopped": True, **told, **hit}
        )

    def _say(self, text: str, category: str = "console") -> None:
        self._exchange.event("output", {"category": category, "output": f"{text}\n"})

    # --- the life of a conversation ---

    def _initialize(self, request: Request) -> None:
        asked = request.arguments
        self._from = (int(asked.get("linesStartAt1") is not False), int(asked.get("columnsStartAt1") is not False))
        self._redraws = asked.get("supportsInvalidatedEvent") is True
        self._exchange.respond(
            request, {**dict.fromkeys(CAPABILITIES, True), "exceptionBreakpointFilters": list(FILTERS)}
        )

    def _launched(self, request: Request) -> None:
        """Open what is asked for; the answer is given once the editor has told its breakpoints."""
        if self._opened is not None:
            raise UserError("something is open already: one conversation has one session")
        opened = self._opening(request.arguments)
        pages = Pages(opened.session, opened.text, opened.cells)
        self._opened, self._launch = opened, request
        self._requests = Requests(opened.session, pages, self._exchange.is_stopped, self._say)
        self._requests.to_start()
        for remark in opened.session.frame.trace.remarks:
            self._say(f"warning: {visible(remark)}", "important")
        self._exchange.event("initialized")

    def _configured(self, request: Request) -> None:
        self._exchange.respond(request)
        if self._launch is None or self._requests is None:
            return
        launch, self._launch = self._launch, None
        self._exchange.respond(launch)
        requests = self._requests
        self._say("\n".join(position_lines(requests.session.frame)))
        stays = launch.arguments.get("stopOnEntry") is not False
        requests.next = (lambda: "entry") if stays else (lambda: requests.go_on(True))

    def _attached(self, request: Request) -> None:
        raise UserError("there is nothing to attach to: `launch` opens a text, as `lstm-tui run` does")

    def _terminated(self, request: Request) -> None:
        self._exchange.respond(request)
        self._exchange.event("terminated")

    def _disconnected(self, request: Request) -> None:
        self._exchange.respond(request)
        self._ended = True

    def _cancelled(self, request: Request) -> None:
        self._exchange.respond(request)


_LIFE: dict[str, Callable[[Adapter, Request], None]] = {
    "initialize": Adapter._initialize,
    "launch": Adapter._launched,
    "attach": Adapter._attached,
    "configurationDone": Adapter._configured,
    "terminate": Adapter._terminated,
    "disconnect": Adapter._disconnected,
    "cancel": Adapter._cancelled,
}
"""What answers a request about the conversation itself."""


def _moved(body: Any, first: tuple[int, ...], by: int) -> Any:
    """Return a body whose lines and columns count from another number: to 1 (`by` 1), or to the editor's (-1)."""
    if first == (1, 1):
        return body
    if isinstance(body, list):
        return [_moved(one, first, by) for one in body]
    if not isinstance(body, Mapping):
        return body
    return {
        key: value + by * (1 - first[_PLACES[key]])
        if key in _PLACES and type(value) is int
        else _moved(value, first, by)
        for key, value in body.items()
    }
