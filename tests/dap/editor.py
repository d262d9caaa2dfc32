"""An editor without a window: it speaks the Debug Adapter Protocol, and checks every message against its schema."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO

import jsonschema

from lstm_tui.cli.dap import open_launch
from lstm_tui.dap.adapter import Adapter
from lstm_tui.dap.exchange import Exchange
from lstm_tui.engine.errors import UserError

Body = dict[str, Any]


@cache
def schema() -> Body:
    """Return the protocol's published schema, which debugpy brings."""
    found = find_spec("debugpy")
    assert found is not None
    assert found.origin is not None
    file = "_vendored/pydevd/_pydevd_bundle/_debug_adapter/debugProtocol.json"
    content: Body = json.loads((Path(found.origin).parent / file).read_text())
    return content


@cache
def _validator(name: str) -> jsonschema.Draft4Validator:
    return jsonschema.Draft4Validator({"$ref": f"#/definitions/{name}", "definitions": schema()["definitions"]})


def check(message: Mapping[str, Any]) -> None:
    """Check a message of the adapter against the schema."""
    kind = message["type"].capitalize()
    name = message["event"] if kind == "Event" else message["command"]
    known = f"{name[0].upper()}{name[1:]}{kind}"
    if kind == "Response" and not message["success"]:
        known = "ErrorResponse"
    _validator(known if known in schema()["definitions"] else kind).validate(message)


class Editor:
    """One conversation, from the editor's side."""

    def __init__(self, reading: BinaryIO, writing: BinaryIO) -> None:
        """Speak on two streams."""
        self._reading, self._writing, self._last = reading, writing, 0
        self.events: list[Body] = []
        self.responses: dict[int, Body] = {}

    def send(self, command: str, **arguments: Any) -> int:
        """Send a request and wait for nothing; return its number."""
        self._last += 1
        self.write(json.dumps({"seq": self._last, "type": "request", "command": command, "arguments": arguments}))
        return self._last

    def write(self, body: str) -> None:
        """Send any text as a message."""
        data = body.encode()
        self._writing.write(b"Content-Length: %d\r\n\r\n%b" % (len(data), data))
        self._writing.flush()

    def answer(self, number: int) -> Body:
        """Wait for the answer to a request."""
        while number not in self.responses:
            self._receive()
        return self.responses.pop(number)

    def ask(self, command: str, **arguments: Any) -> Body:
        """Send a request and return the body of its answer, which says that it is done."""
        answer = self.answer(self.send(command, **arguments))
        assert answer["success"], answer["message"]
        body: Body = answer.get("body", {})
        return body

    def refused(self, command: str, **arguments: Any) -> str:
        """Send a request and return why it is refused."""
        answer = self.answer(self.send(command, **arguments))
        assert not answer["success"], answer
        return str(answer["message"])

    def event(self, name: str) -> Body:
        """Wait for an event, the first of its name that was not asked for yet, and return its body."""
        while True:
            for number, one in enumerate(self.events):
                if one["event"] == name:
                    body: Body = self.events.pop(number).get("body", {})
                    return body
            refused = [one["message"] for one in self.responses.values() if not one["success"]]
            assert not refused, refused
            self._receive()

    def _receive(self) -> None:
        length = 0
        while (line := self._reading.readline()) not in (b"\r\n", b""):
            length = int(line.partition(b":")[2])
        assert length, "the adapter said nothing more"
        message = json.loads(self._reading.read(length))
        check(message)
        if message["type"] == "event":
            self.events.append(message)
        else:
            self.responses[message["request_seq"]] = message

    # --- what editors do ---

    def launch(
        self, program: str | None = None, *args: str, before: Callable[[], None] = lambda: None, **more: Any
    ) -> Body:
        """Open something and wait until it stands; return why it stopped."""
        self.ask("initialize", adapterID="lstm-tui")
        launched = self.send("launch", **({} if program is None else {"program": program}), args=list(args), **more)
        self.event("initialized")
        before()
        self.ask("configurationDone")
        assert self.answer(launched)["success"]
        return self.event("stopped")

    def step(self, command: str, **arguments: Any) -> Body:
        """Take a step, and return why it stopped."""
        self.ask(command, **{"threadId": 1, **arguments})
        return self.event("stopped")

    def frames(self, thread: int = 1) -> list[Body]:
        """Return the frames of a thread."""
        frames: list[Body] = self.ask("stackTrace", threadId=thread)["stackFrames"]
        return frames

    def scope(self, name: str, thread: int = 1) -> list[Body]:
        """Return the variables of a scope of the first frame."""
        scopes = self.ask("scopes", frameId=self.frames(thread)[0]["id"])["scopes"]
        return self.inside(next(one for one in scopes if one["name"] == name))

    def inside(self, variable: Body, **some: int) -> list[Body]:
        """Return what a variable unfolds to."""
        found: list[Body] = self.ask("variables", variablesReference=variable["variablesReference"], **some)[
            "variables"
        ]
        return found

    def typed(self, line: str) -> str:
        """Type a line into the console and return the reply."""
        return str(self.ask("evaluate", expression=line, context="repl")["result"])


@contextmanager
def editor() -> Iterator[Editor]:
    """Speak to an adapter in a thread of this process; whatever it raises is raised here."""
    to_adapter, from_editor = os.pipe()
    to_editor, from_adapter = os.pipe()
    failed: list[BaseException] = []

    def serve(reading: FileIO, writing: BinaryIO) -> None:
        with writing:
            try:
                Adapter(Exchange(reading, writing, "the editor"), open_launch).serve()
            except (UserError, Exception) as error:
                failed.append(error)

    with FileIO(to_adapter) as reading, os.fdopen(to_editor, "rb") as heard:
        thread = threading.Thread(target=serve, args=(reading, os.fdopen(from_adapter, "wb")))
        thread.start()
        speaking = os.fdopen(from_editor, "wb")
        try:
            yield Editor(heard, speaking)
        finally:
            speaking.close()
            thread.join()
    if failed:
        raise failed[0]
