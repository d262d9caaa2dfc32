"""One visitor: a process of the debugger of their own, which ends with their page and never outlives the server."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress

from aiohttp.web import WebSocketResponse
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from lstm_tui.tui.served import SEALED

_PATIENCE = 0.7  # seconds that a process is given to leave by itself
_LARGEST = 1000, 500  # columns and rows: a page may ask for any number


class Visitor(AppService):
    """A process and the page it draws on."""

    def __init__(
        self, command: Sequence[str], sealed: bool, page: WebSocketResponse, downloads: DownloadManager
    ) -> None:
        """Hold what is to be started; `sealed` keeps it from the files of this computer."""
        super().__init__(
            "", write_bytes=page.send_bytes, write_str=page.send_str, close=self._close, download_manager=downloads
        )
        self._arguments, self._sealed, self._page = tuple(command), sealed, page

    async def _close(self) -> None:
        await self._page.close()

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
        self._stdin = process.stdin
        return process

    async def set_terminal_size(self, width: int, height: int) -> None:
        """Tell the process of the size of its page."""
        await super().set_terminal_size(*_bounded(int(width), int(height)))

    async def run(self) -> None:
        """Pass on what the process draws; when it has ended, so has the page."""
        await super().run()
        await self._close()

    async def stop(self) -> None:
        """Ask the process to leave, and end it when it does not."""
        try:
            async with asyncio.timeout(_PATIENCE):
                await super().stop()
                if self._process is not None:
                    await self._process.wait()
        except TimeoutError:
            pass
        finally:
            if self._process is not None and self._process.returncode is None:
                with suppress(ProcessLookupError):
                    self._process.kill()
                await self._process.wait()


def _bounded(width: int, height: int) -> tuple[int, int]:
    return min(max(width, 1), _LARGEST[0]), min(max(height, 1), _LARGEST[1])
