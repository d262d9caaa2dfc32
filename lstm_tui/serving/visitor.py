"""One visitor: a process of the debugger of their own, which ends with their page and never outlives the server."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Sequence
from contextlib import suppress

from aiohttp import WSMsgType
from aiohttp.web import WebSocketResponse
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.io.json import decode
from lstm_tui.serving.limits import MESSAGES, PACKET_BYTES, Limits
from lstm_tui.tui.environment import SEALED

_PATIENCE = 0.7  # seconds that a process is given to leave by itself
_LARGEST = 1000, 500  # columns and rows: a page may ask for any number
_PRELUDE_LINES = 10  # among which the process says that it draws for a page
_ERROR_BYTES = 1 << 14  # of what it writes on standard error, the end
_LOOK = 1.0  # seconds between two looks whether the page is still there
_ENDED, _IDLE, _MALFORMED = 4000, 4001, 4002  # codes with which a page is closed


class Visitor(AppService):
    """A process and the page it draws on."""

    def __init__(
        self, command: Sequence[str], sealed: bool, page: WebSocketResponse, downloads: DownloadManager, limits: Limits
    ) -> None:
        """Hold what is to be started; `sealed` keeps it from the files of this computer."""
        super().__init__("", write_bytes=self._draw, write_str=self._tell, close=self._left, download_manager=downloads)
        self._arguments, self._sealed, self._page, self._limits = tuple(command), sealed, page, limits
        self._errors = b""
        self._muted = False
        self._stopping: asyncio.Task[None] | None = None
        self._last_key = time.monotonic()

    @property
    def errors(self) -> str:
        """The end of what the process wrote on standard error, as a terminal may show it."""
        return "\n".join(visible(line) for line in self._errors.decode("utf-8", "replace").splitlines())

    async def _draw(self, drawn: bytes) -> None:
        if not self._muted:
            await self._or_mute(self._page.send_bytes(drawn))

    async def _tell(self, told: str) -> None:
        if not self._muted:
            await self._or_mute(self._page.send_str(told))

    async def _left(self) -> None:
        """Leave the page open: how the process ends is said on it."""

    async def _or_mute(self, sending: Awaitable[None]) -> None:
        """Send; when the page is gone the process is still listened to, so that it never waits for a reader."""
        try:
            await sending
        except (ConnectionError, RuntimeError):
            self._muted = True

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        environment = super()._build_environment(width, height)
        environment.pop("NO_COLOR", None)  # said of the terminal of the server
        return {**environment, SEALED: "1" if self._sealed else ""}

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        """Start the process without a shell, where Ctrl-C in the terminal of the server does not reach it."""
        self._process = process = await asyncio.create_subprocess_exec(
            *self._arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True,
            env=self._build_environment(*_bounded(width, height)),
        )  # fmt: skip
        self._limits.impose(process.pid)
        self._stdin = process.stdin
        return process

    async def set_terminal_size(self, width: int, height: int) -> None:
        """Tell the process of the size of its page."""
        await super().set_terminal_size(*_bounded(width, height))

    async def run(self) -> None:
        """Pass on what the process draws until it has ended."""
        assert self._process is not None
        reading = asyncio.create_task(self._read_errors())
        try:
            if await self._has_begun():
                with suppress(asyncio.IncompleteReadError):
                    while True:
                        await self._pass_on()
            await reading
            await self._process.wait()
        except (ValueError, LookupError, TypeError):  # what it says is no packet of a debugger
            self._end_group()
            await self._process.wait()
        finally:
            reading.cancel()

    async def _has_begun(self) -> bool:
        assert self._process is not None
        assert self._process.stdout is not None
        for _ in range(_PRELUDE_LINES):
            line = await self._process.stdout.readline()
            if not line or line == b"__GANGLION__\n":
                return bool(line)
        return False

    async def _pass_on(self) -> None:
        """Pass on one packet."""
        assert self._process is not None
        assert self._process.stdout is not None
        head = await self._process.stdout.readexactly(5)
        size = int.from_bytes(head[1:], "big")
        if size > PACKET_BYTES:
            raise ValueError(f"a packet of {size} bytes")
        payload = await self._process.stdout.readexactly(size)
        handler = {b"D": self.on_data, b"M": self.on_meta, b"P": self.on_packed}[head[:1]]
        await handler(payload)

    async def _read_errors(self) -> None:
        """Keep the end of what the process complains of: the terminal of the server is no place for it."""
        assert self._process is not None
        assert self._process.stderr is not None
        while more := await self._process.stderr.read(4096):
            self._errors = (self._errors + more)[-_ERROR_BYTES:]

    async def attend(self) -> tuple[int, str]:
        """Stay with the page until one of both ends, or no key comes for too long.

        Returns:
            The code with which the page is to be closed and what is to be said on it.
        """
        assert self._task is not None
        assert self._process is not None
        listening = asyncio.create_task(self._listen())
        waiting = asyncio.create_task(self._wait_idle())
        try:
            await asyncio.wait({listening, waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
            if self._task.done():
                return _ENDED, self._limits.say_ended(self._process.returncode or 0, self.errors)
            if listening.done():
                return _MALFORMED, listening.result()
            return waiting.result()
        finally:
            for one in (listening, waiting):
                one.cancel()
            await asyncio.gather(listening, waiting, return_exceptions=True)

    async def _wait_idle(self) -> tuple[int, str]:
        """Wait until no key has come for too long, or the page has gone while the process takes no keys."""
        seconds = self._limits.idle * 60
        while (left := self._last_key + seconds - time.monotonic()) > 0:
            if self._page.closed or self._muted:
                return _ENDED, ""
            await asyncio.sleep(min(left, _LOOK))
        return _IDLE, self._limits.say_idle()

    async def _listen(self) -> str:
        """Obey the messages of the page until it closes; return what is wrong with the last, if anything is."""
        since, count = time.monotonic(), 0
        async for message in self._page:
            count += 1
            if count == MESSAGES:
                await asyncio.sleep(since + 1 - time.monotonic())
                since, count = time.monotonic(), 0
            if message.type is not WSMsgType.TEXT or not await self._execute(message.data):
                return "Ended: the page sent what no page of this debugger sends."
            await asyncio.sleep(0)  # the others have their turn, however much has come at once
        return ""

    async def _execute(self, text: str) -> bool:
        """Obey one message; say whether it was one."""
        try:
            message = decode(text, "a message")
        except UserError:
            return False
        match message:
            case ["stdin", str() as keys]:
                self._last_key = time.monotonic()
                await self.send_bytes(keys.encode("utf-8", "ignore"))
            case ["resize", {"width": int() as width, "height": int() as height}]:
                await self.set_terminal_size(width, height)
            case ["ping", str() | int() | float() | None as data]:
                await self._page.send_json(["pong", data])
            case ["ping"]:
                await self._page.send_json(["pong", None])
            case ["blur", *_]:
                await self.blur()
            case ["focus", *_]:
                await self.focus()
            case _:
                return False
        return True

    async def say_farewell(self, code: int, said: str) -> None:
        """Say why it ends, on the terminal of the page and to its script, and close the page."""
        self._muted = True
        with suppress(ConnectionError, RuntimeError, TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                if said:
                    await self._page.send_bytes(f"\x1b[?1049l\x1b[2J\x1b[H\x1b[0m{said}\r\n".encode())
                await self._page.close(code=code, message=said.encode()[:120])

    async def stop(self) -> None:
        """Ask the process to leave, and end it and all it has started when it does not; once, whoever asks."""
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop())
        await asyncio.shield(self._stopping)

    async def _stop(self) -> None:
        if self._process is None:
            return
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(_PATIENCE):
                await self._download_manager.cancel_app_downloads(app_service_id=self.app_service_id)
                await self.send_meta({"type": "quit"})
                if self._task is not None:
                    await asyncio.wait({self._task})
        self._end_group()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._process.wait()

    def _end_group(self) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)  # it leads a session of its own


def _bounded(width: int, height: int) -> tuple[int, int]:
    return min(max(width, 1), _LARGEST[0]), min(max(height, 1), _LARGEST[1])
