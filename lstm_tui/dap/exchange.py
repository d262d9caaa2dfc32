"""The conversation with an editor: requests in, responses and events out, in the order of the protocol.

A thread reads, so that a request to pause is heard while the run goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import FileIO
from queue import SimpleQueue
from typing import Any, BinaryIO

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.io.messages import read_message, write_message

_STOPPING = ("pause", "disconnect", "terminate", "cancel")
"""Requests at which a run that goes on stops."""


@dataclass(frozen=True)
class Request:
    """What an editor asks.

    Attributes:
        seq: Its number.
        command: What for.
        arguments: With what.
    """

    seq: int
    command: str
    arguments: Mapping[str, Any]


class Exchange:
    """One conversation."""

    def __init__(self, reading: FileIO, writing: BinaryIO, where: str) -> None:
        """Speak on two streams.

        Args:
            reading: What the editor writes.
            writing: What it reads.
            where: What errors call the first.
        """
        self._reading, self._writing, self._where = reading, writing, where
        self._come: SimpleQueue[Request | UserError | None] = SimpleQueue()
        self._to_stop = threading.Event()
        self._last = 0

    def requests(self) -> Iterator[Request]:
        """Yield what is asked, until the editor is gone.

        Raises:
            UserError: What comes is no message.
        """
        threading.Thread(target=self._read, name="lstm-tui editor", daemon=True).start()
        while (one := self._come.get()) is not None:
            if isinstance(one, UserError):
                raise one
            if one.command in _STOPPING:
                self._to_stop.clear()
            yield one

    def is_stopped(self) -> bool:
        """Say whether a request waits at which the run stops."""
        return self._to_stop.is_set()

    def respond(self, request: Request, body: Mapping[str, Any] | None = None) -> None:
        """Say that a request is done, with what was asked for."""
        self._send({
            "type": "response", "request_seq": request.seq, "command": request.command, "success": True,
            **({} if body is None else {"body": body}),
        })  # fmt: skip

    def refuse(self, request: Request, why: str) -> None:
        """Say why a request cannot be done."""
        error = {"id": 1, "format": why.replace("{", "(").replace("}", ")"), "showUser": True}
        self._send({
            "type": "response", "request_seq": request.seq, "command": request.command, "success": False,
            "message": why, "body": {"error": error},
        })  # fmt: skip

    def event(self, name: str, body: Mapping[str, Any] | None = None) -> None:
        """Tell what has happened."""
        self._send({"type": "event", "event": name, **({} if body is None else {"body": body})})

    def _send(self, message: dict[str, Any]) -> None:
        self._last += 1
        write_message(self._writing, {"seq": self._last, **message})

    def _read(self) -> None:
        try:
            while (message := read_message(self._reading, self._where)) is not None:
                request = _request(message, self._where)
                if request is None:
                    continue
                if request.command in _STOPPING:
                    self._to_stop.set()
                self._come.put(request)
        except UserError as error:
            self._come.put(error)
        except (OSError, ValueError):  # the stream was closed on this side
            pass
        finally:
            self._to_stop.set()
            with suppress(RuntimeError):
                self._come.put(None)


def _request(message: Mapping[str, Any], where: str) -> Request | None:
    """Return a request; None for what an editor sends otherwise, which nothing here has asked for.

    Raises:
        UserError: It has no number, or asks for nothing.
    """
    if message.get("type") != "request":
        return None
    seq, command, arguments = message.get("seq"), message.get("command"), message.get("arguments") or {}
    if type(seq) is not int or not isinstance(command, str) or not isinstance(arguments, dict):
        raise UserError(f"{where}: a request has no number, no command or no arguments")
    return Request(seq, command, arguments)
