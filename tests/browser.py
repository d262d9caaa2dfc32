"""A headless Chromium driven by its own protocol: keys typed into a page, its terminal read as a user copies it."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

PATIENCE = 120
"""Seconds until what is waited for counts as never: a loaded machine is slow, and a fast one waits for nothing."""
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0",
    "--remote-allow-origins=*", "--enable-unsafe-swiftshader",
)  # fmt: skip
_SHIFT = 8
_COPY = """(() => {
  const data = new DataTransfer(), place = document.querySelector(".xterm-helper-textarea");
  place.dispatchEvent(new ClipboardEvent("copy", { clipboardData: data, bubbles: true, cancelable: true }));
  return data.getData("text/plain");
})()"""


def chromium() -> str | None:
    """Return the program, where there is one."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


async def until(what: str, look: Callable[[], Awaitable[Any]]) -> Any:
    """Look until something is there, and return it."""
    seen = None
    try:
        async with asyncio.timeout(PATIENCE):
            while not (seen := await look()):
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not in {PATIENCE} s: {what}; last seen {seen!r}") from None
    return seen


class Tab:
    """One page of the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._numbers = socket, itertools.count(1)
        self.asked_for: list[str] = []
        self.complaints: list[str] = []

    async def call(self, method: str, **parameters: Any) -> Any:
        """Have the browser do something and return its answer; note what happens meanwhile."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json(timeout=PATIENCE)
            self._note(message)
            if message.get("id") == number:
                assert "error" not in message, message["error"]
                return message["result"]

    def _note(self, message: dict[str, Any]) -> None:
        method, told = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.asked_for.append(told["request"]["url"])
        elif method == "Network.webSocketCreated":
            self.asked_for.append(told["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(told["exceptionDetails"].get("exception", told)))
        elif method == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.complaints.append(told["entry"]["text"])

    async def evaluate(self, script: str) -> Any:
        """Return what a script says in the page."""
        result = await self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        return result["result"].get("value")

    async def open(self, address: str) -> None:
        """Go to a page."""
        for domain in ("Page", "Network", "Runtime", "Log"):
            await self.call(f"{domain}.enable")
        await self.call("Page.navigate", url=address)

    async def press(self, key: str) -> None:
        """Press a key and let it go."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        await self.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=text, windowsVirtualKeyCode=_code(key))
        await self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=_code(key))

    async def text(self) -> str:
        """Return the terminal as whoever drags over all of it with Shift held, and copies, gets it."""
        box = await self.evaluate(
            "(() => { const box = document.querySelector('.xterm-screen')?.getBoundingClientRect();"
            " return box && [box.left, box.top, box.right, box.bottom]; })()"
        )
        if not box:
            return ""
        left, top, right, bottom = box
        drag = {"button": "left", "buttons": 1, "clickCount": 1, "modifiers": _SHIFT}
        mouse = "Input.dispatchMouseEvent"
        await self.call(mouse, type="mousePressed", x=left + 1, y=top + 1, **drag)
        await self.call(mouse, type="mouseMoved", x=right - 1, y=bottom - 1, **drag)
        await self.call(mouse, type="mouseReleased", x=right - 1, y=bottom - 1, **drag)
        return str(await self.evaluate(_COPY) or "")


def _code(key: str) -> int:
    return {"Enter": 13, "Escape": 27}.get(key) or (ord(key.upper()) if key.isalnum() else 0)


@asynccontextmanager
async def tab(folder: Path, size: tuple[int, int] = (1600, 900)) -> AsyncIterator[Tab]:
    """Start a browser with nothing remembered and yield its page."""
    program = chromium()
    assert program is not None
    process = await asyncio.create_subprocess_exec(
        program, *_FLAGS, f"--user-data-dir={folder}", f"--window-size={size[0]},{size[1]}", "about:blank",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        named = folder / "DevToolsActivePort"

        async def port() -> str:
            assert process.returncode is None, f"{program} ended with {process.returncode}"
            return named.read_text().partition("\n")[0] if named.exists() else ""

        address = f"http://127.0.0.1:{await until('the port of the browser', port)}/json"
        async with aiohttp.ClientSession() as session:

            async def page() -> str | None:
                async with session.get(address) as answer:
                    found = [one["webSocketDebuggerUrl"] for one in await answer.json() if one["type"] == "page"]
                return found[0] if found else None

            async with session.ws_connect(await until("a page", page), max_msg_size=0) as socket:
                yield Tab(socket)
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 20)
            except TimeoutError:
                process.kill()
                await process.wait()
