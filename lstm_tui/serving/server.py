"""The web server: one page, at most so many visitors, and nobody who was not given the address."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import quote
from weakref import WeakSet

from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from textual_serve.server import Server, to_int

from lstm_tui.debugger.colours import SCREEN
from lstm_tui.debugger.endings import SIGNALS, begin
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.serving.admission import Admission, is_loopback, shown_host
from lstm_tui.serving.limits import MESSAGE_BYTES, Limits, may_have_another
from lstm_tui.serving.visitor import Visitor

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_PAGE = Path(__file__).with_name("page.html")
_VEIL = "e0"  # how thick what is said lies over the terminal: of ff
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""The page loads nothing from anywhere else, and stands in no other page."""
_SILENCE = 10.0  # seconds that a connection may be open before it asks for something: twice this, at most
_OTHER_NAME = "this server has another name; whoever started it lets this one in with --allow-host NAME"
_NO_TOKEN = "open the address that `lstm-tui serve` has printed: it ends in ?token=…, and lets in who was given it"


class DebuggerServer(Server):
    """Gives every visitor a debugger of their own."""

    def __init__(
        self,
        command: Sequence[str],
        admission: Admission,
        places: int,
        sealed: bool,
        limits: Limits | None = None,
        debug: bool = False,
    ) -> None:
        """Serve nothing yet.

        Args:
            command: The program and its arguments, started anew for every visitor.
            admission: Where it is served, and who comes in.
            places: How many visitors there may be at once.
            sealed: Whether they are kept from the files of this computer.
            limits: What each may take.
            debug: Whether errors met in serving are printed with their traceback, and those of visitors' processes.
        """
        super().__init__("lstm-tui", admission.host, title="lstm-tui")
        self._arguments, self._places, self._sealed = tuple(command), places, sealed
        self.admission, self._limits, self.debug = admission, limits or Limits(), debug
        self._visitors: dict[Visitor, str] = {}
        self._heard: WeakSet[asyncio.BaseTransport] = WeakSet()

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._guarded)
        app.on_response_prepare.append(self._dress)
        return app

    async def on_startup(self, app: web.Application) -> None:
        """Say nothing: what there is to say is one line of the command."""

    async def on_shutdown(self, app: web.Application) -> None:
        """See every visitor off."""
        await asyncio.gather(*(visitor.stop() for visitor in tuple(self._visitors)), return_exceptions=True)

    async def _dress(self, request: web.Request, response: web.StreamResponse) -> None:
        """Give every answer, refusals and downloads too, the headers that hold it in."""
        response.headers.update(_HEADERS)
        if request.path.startswith("/download/"):
            response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'; style-src 'unsafe-inline'"

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let in who was given the address; nothing that goes wrong with a request is told to the terminal."""
        if request.transport is not None:
            self._heard.add(request.transport)
        refused = self._refusal(request)
        if refused:
            answer = web.Response(status=403, text=f"{refused}\n")
            answer.force_close()  # who is not let in holds no connection either
            return answer
        try:
            return await handler(request)
        except (web.HTTPException, ConnectionError):
            raise
        except Exception:  # anything: the handlers of two libraries run in it, and no visitor may end the server
            if self.debug:
                raise
            raise web.HTTPInternalServerError(text="this went wrong; begin again\n") from None

    def _refusal(self, request: web.Request) -> str:
        """Return why a request is refused; nothing when it is let in."""
        admission, hosts = self.admission, request.headers.getall("Host", [])
        named = {*hosts, request.host}  # the line of a request may name a host as well
        if len(hosts) != 1 or not all(admission.is_own_host(one, _reached(request)) for one in named):
            return _OTHER_NAME
        if not admission.is_own_page(request.headers.getall("Origin", []), hosts[0]):
            return "this page is not served here"
        offered = [*request.query.getall("token", []), *_cookies(request, admission.cookie)]
        return "" if admission.has_token(offered) else _NO_TOKEN

    async def handle_index(self, request: web.Request) -> web.StreamResponse:
        """Give the page, and the token for all that it asks for by itself."""
        page = web.Response(text=_page(), content_type="text/html", headers={"Cache-Control": "no-store"})
        page.set_cookie(self.admission.cookie, self.admission.token, path="/", httponly=True, samesite="Strict")
        return page

    async def handle_download(self, request: web.Request) -> web.StreamResponse:
        """Hand over a file that the screen of a visitor has made."""
        key = request.match_info["key"]
        try:
            download = await self.download_manager.get_download_metadata(key)
        except KeyError:
            raise web.HTTPNotFound(text="there is no such file, or it has been handed over\n") from None
        shown = "inline" if download.open_method == "browser" else "attachment"
        charset = f"; charset={download.encoding}" if download.encoding else ""
        answer = web.StreamResponse(headers={"Content-Type": f"{download.mime_type}{charset}"})
        answer.headers["Content-Disposition"] = f"{shown}; filename*=UTF-8''{quote(download.file_name, '')}"
        await answer.prepare(request)
        async for chunk in self.download_manager.download(key):
            await answer.write(chunk)
        await answer.write_eof()
        return answer

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Start a debugger for a page and stay with it until either ends."""
        source = request.remote or ""
        held = sum(one == source for one in self._visitors.values())
        if len(self._visitors) >= self._places:
            raise web.HTTPServiceUnavailable(text="all places are taken\n")
        if not may_have_another(held, self._places, is_loopback(source)):
            raise web.HTTPServiceUnavailable(text="this computer has as many places as one may have\n")
        page = web.WebSocketResponse(heartbeat=15, max_msg_size=MESSAGE_BYTES)
        visitor = Visitor(self._arguments, self._sealed, page, self.download_manager, self._limits)
        self._visitors[visitor] = source
        try:
            await page.prepare(request)
            await visitor.start(*(to_int(request.query.get(key, "")[:9], 80) for key in ("width", "height")))
            await visitor.say_farewell(*await visitor.attend())
        except (ConnectionError, RuntimeError):
            pass  # the visitor is gone
        except OSError as error:  # no process can be started
            why = os.strerror(error.errno or 0).lower()
            await visitor.say_farewell(1013, f"No debugger can be started here now: {why}.")
        finally:
            await visitor.stop()
            self._visitors.pop(visitor, None)
            if self.debug and visitor.errors:
                print(visitor.errors, file=sys.stderr, flush=True)
            if page.prepared:
                await page.close()
        return page

    async def hang_up_on_the_silent(self, connections: Callable[[], Sequence[RequestHandler]]) -> None:
        """End connections that ask for nothing, so that they cannot use up all that the system allows."""
        silent: WeakSet[asyncio.BaseTransport] = WeakSet()
        while True:
            await asyncio.sleep(_SILENCE)
            there = [one.transport for one in connections() if one.transport is not None]
            for transport in there:
                if transport in silent and transport not in self._heard:
                    transport.abort()
            silent = WeakSet(one for one in there if one not in self._heard)


def _page() -> str:
    """Return the page in the colours of the screen it shows, which begins in the dark."""
    colours = {name: colour.dark for name, colour in SCREEN.items()}
    named = colours | {"veil": colours["ground"] + _VEIL}
    css = " ".join(f"--{name}: {colour};" for name, colour in named.items())
    return _PAGE.read_text(encoding="utf-8").replace("/* colours */", css)


def _reached(request: web.Request) -> str | None:
    """Return the address of this computer that a request came to."""
    name = None if request.transport is None else request.transport.get_extra_info("sockname")
    return str(name[0]) if isinstance(name, tuple) else None


def _cookies(request: web.Request, name: str) -> list[str]:
    return [request.cookies[name]] if name in request.cookies else []


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
    if not server.debug:
        _hush()
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
    hanging_up = None
    try:
        await _open(runner, server.host, ports)
        listening = runner.server
        assert listening is not None
        hanging_up = asyncio.create_task(server.hang_up_on_the_silent(lambda: listening.connections))
        opened(_address(server.admission, runner.addresses[0][1]))
        return await told
    finally:
        if hanging_up is not None:
            hanging_up.cancel()
        await runner.cleanup()


def _hush() -> None:
    """Keep what goes wrong with a visitor, which the libraries log with tracebacks, off the terminal of the owner."""
    for name in ("aiohttp", "asyncio", "textual-serve"):
        logging.getLogger(name).addHandler(logging.NullHandler())


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


def _address(admission: Admission, port: int) -> str:
    """Return what to type into a browser."""
    return f"http://{shown_host(admission.host)}:{port}/?token={admission.token}"
