"""A server of the debugger as a process of its own, and a visitor without a browser."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pyte

import lstm_tui

PATIENCE = 120
"""Seconds until what is waited for counts as never."""
COLUMNS, LINES = 160, 45


class Served:
    """A running server.

    Attributes:
        process: It.
        said: The line it begins with.
        page: Where its page is, with the token.
        address: The same without.
        token: What lets a visitor in.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process, self.said = process, process.stdout.readline()
        self.page = self.said.split()[0] if self.said else ""
        self.address, _, self.token = self.page.partition("/?token=")

    def children(self) -> list[int]:
        """Return the processes of its visitors."""
        number = self.process.pid
        try:
            return [int(one) for one in Path(f"/proc/{number}/task/{number}/children").read_text().split()]
        except OSError:
            return []

    def leave(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Have it end, and return its exit code and all else it printed."""
        self.process.send_signal(number)
        rest, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, rest + errors


@contextmanager
def serving(*arguments: str) -> Iterator[Served]:
    """Serve on a free port."""
    folder = str(Path(lstm_tui.__file__).parent.parent)
    process = subprocess.Popen(
        [sys.executable, "-m", "lstm_tui", "serve", "--port", "0", *arguments], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": folder, "TERM": "dumb"},
    )  # fmt: skip
    try:
        yield Served(process)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


class Visit:
    """What a page would do: it sends keys, and draws what it is sent."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)
        self.told: list[Any] = []
        self.farewell = ""

    @property
    def text(self) -> str:
        return "\n".join(self._screen.display)

    async def press(self, keys: str) -> None:
        await self._socket.send_json(["stdin", keys])

    async def send(self, message: str) -> None:
        """Send anything at all."""
        await self._socket.send_str(message)

    async def until(self, seen: Callable[[], object]) -> None:
        """Draw until something is seen."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not seen():
                    message = await self._socket.receive()
                    assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), (message, self.text)
                    if message.type is aiohttp.WSMsgType.BINARY:
                        self._stream.feed(message.data)
                    else:
                        self.told.append(message.json())
        except TimeoutError:
            raise AssertionError(f"not in {PATIENCE} s; the screen is\n{self.text}") from None

    async def shows(self, *texts: str) -> None:
        """Wait for texts on the screen."""
        await self.until(lambda: all(text in self.text for text in texts))

    async def ends(self) -> None:
        """Wait until the server closes the page."""
        async with asyncio.timeout(PATIENCE):
            while not self._socket.closed:
                message = await self._socket.receive()
                if message.type is aiohttp.WSMsgType.BINARY:
                    self._stream.feed(message.data)
                elif message.type is aiohttp.WSMsgType.CLOSE:
                    self.farewell = str(message.extra or "")

    async def presses_until_it_ends(self, keys: str) -> None:
        """Press keys over and over until the server closes the page: a visit that rests uses no processor time."""

        async def go_on() -> None:
            with suppress(ConnectionError):
                while not self._socket.closed:
                    await self.press(keys)
                    await asyncio.sleep(0.02)

        pressing = asyncio.create_task(go_on())
        try:
            await self.ends()
        finally:
            pressing.cancel()

    async def closes(self) -> None:
        """Close the page."""
        await self._socket.close()


def visiting(
    served: Served, act: Callable[[aiohttp.ClientSession, Callable[..., Awaitable[Visit]]], Awaitable[None]]
) -> None:
    """Let `act` come to a server, as often as it likes."""

    async def go() -> None:
        async with aiohttp.ClientSession() as session:

            async def come(token: str | None = None, **headers: str) -> Visit:
                offered = served.token if token is None else token
                address = f"{served.address}/ws?width={COLUMNS}&height={LINES}&token={offered}"
                return Visit(await session.ws_connect(address, headers=headers, max_msg_size=0))

            await act(session, come)

    asyncio.run(go())
