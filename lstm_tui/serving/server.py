"""The web server: one page, at most so many visitors, and nobody who comes by way of another page."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from aiohttp import web
from textual_serve.server import Server, to_int

from lstm_tui.debugger.endings import SIGNALS, begin
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.visible import visible
from lstm_tui.serving.visitor import Visitor

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_PAGE = Path(__file__).with_name("page.html")
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""The page loads nothing from anywhere else, and stands in no other page."""


class DebuggerServer(Server):
    """Gives every visitor a debugger of their own."""

    def __init__(self, command: Sequence[str], host: str, places: int, sealed: bool) -> None:
        """Serve nothing yet.

        Args:
            command: The program and its arguments, started anew for every visitor.
            host: Where it is served.
            places: How many visitors there may be at once.
            sealed: Whether they are kept from the files of this computer.
        """
        super().__init__("lstm-tui", host, title="lstm-tui")
        self._arguments, self._places, self._sealed = tuple(command), places, sealed
        self._visitors: set[Visitor] = set()

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._guarded)
        return app

    async def on_startup(self, app: web.Application) -> None:
        """Say nothing: what there is to say is one line of the command."""

    async def on_shutdown(self, app: web.Application) -> None:
        """See every visitor off."""
        await asyncio.gather(*(visitor.stop() for visitor in tuple(self._visitors)))

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse names of this computer that are not its own, so that no name server can lead another page here."""
        name = request.url.host or ""
        if is_loopback(self.host) and not is_loopback(name) and name != self.host:
            raise web.HTTPForbidden(text="served on this computer alone")
        response = await handler(request)
        if not response.prepared:
            response.headers.update(_HEADERS)
        return response

    async def handle_index(self, request: web.Request) -> web.StreamResponse:
        """Give the page; it finds its way back by the address it was asked for."""
        return web.FileResponse(_PAGE, headers={**_HEADERS, "Cache-Control": "no-cache"})

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Start a debugger for a page and stay with it until either ends."""
        origin = request.headers.get("Origin")
        if origin is not None and origin.partition("://")[2] != request.host:  # browsers let any page connect anywhere
            raise web.HTTPForbidden(text="this page is not served here")
        if len(self._visitors) >= self._places:
            raise web.HTTPServiceUnavailable(text="all places are taken")
        page = web.WebSocketResponse(heartbeat=15)
        visitor = Visitor(self._arguments, self._sealed, page, self.download_manager)
        self._visitors.add(visitor)
        try:
            await page.prepare(request)
            await visitor.start(*(to_int(request.query.get(key, ""), 80) for key in ("width", "height")))
            await self._process_messages(page, visitor)
        except (ValueError, TypeError, LookupError, AttributeError, AssertionError):
            pass  # no page of ours says such things: it is left
        except ConnectionError:
            pass  # the visitor is gone
        finally:
            await visitor.stop()
            self._visitors.discard(visitor)
            await page.close()
        return page


def is_loopback(host: str) -> bool:
    """Say whether a host is reached from this computer alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def serve(server: DebuggerServer, ports: Sequence[int], opened: Callable[[str], None]) -> int:
    """Serve until a signal ends it, and return the exit code.

    Args:
        server: What is served.
        ports: Which to try in turn; 0 is any that is free.
        opened: Told the address once the page can be asked for.

    Raises:
        UserError: No port can be opened.
    """
    return asyncio.run(_serve(server, ports, opened))


async def _serve(server: DebuggerServer, ports: Sequence[int], opened: Callable[[str], None]) -> int:
    told: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def tell(code: int) -> None:
        begin(code)  # what does not leave in time is ended
        if not told.done():
            told.set_result(code)

    if sys.platform != "win32":
        for number in SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:
                asyncio.get_running_loop().add_signal_handler(number, tell, 128 + number)
    runner = web.AppRunner(await server._make_app(), access_log=None)
    await runner.setup()
    try:
        await _open(runner, server.host, ports)
        opened(_address(server.host, runner.addresses[0][1]))
        return await told
    finally:
        await runner.cleanup()


async def _open(runner: web.AppRunner, host: str, ports: Sequence[int]) -> None:
    """Open the first port that is free."""
    where = visible(host)
    for port in ports:
        try:
            await web.TCPSite(runner, host, port).start()
            return
        except socket.gaierror:
            raise UserError(f"--host {where}: no address of this name is known") from None
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                why = os.strerror(error.errno or 0).lower()
                raise UserError(f"port {port} of {where} cannot be opened: {why}") from None
    raise UserError(f"port {ports[0]} of {where} is in use; --port takes another")


def _address(host: str, port: int) -> str:
    """Return what to type into a browser."""
    name = socket.gethostname() if host in ("0.0.0.0", "::") else host
    return f"http://{f'[{name}]' if ':' in name else name}:{port}"
