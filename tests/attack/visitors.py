"""Strangers and visitors of `serve`: Host × Origin × token × cookie × place, what no page sends, file verbs, greedy
and idle ones.

What is allowed is said here once more, in the plainest words: a request is answered when it was sent to a name of the
server, by no page or by its own, and with the token, in its address or in the one cookie that the page was given; a
visitor's screen is ended, in one line, by what no page sends; no verb that takes a file touches one, unless the server
was started with `--files`; and whatever is tried, the terminal of the owner stays as it was and the next visitor gets
a screen.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import pyte

import lstm_tui
from lstm_tui.debugger.commands.dispatch import VERBS
from lstm_tui.serving.admission import Admission, is_loopback

from .harness import Clock, Tally

PROMISE = 6
TRIES = (
    "Host × Origin × token × cookie × address of `serve`, bytes that are no request, messages no page sends, "
    "verbs that take a file, greedy and idle"
)
PATIENCE = 30.0
"""Seconds within which a visitor has a screen, on a busy machine."""
QUICK = "--visitors", "2", "--idle", "0.05"
"""Of the second server: it soon ends who presses no key."""
PLACES_GIVEN = 2
OWN = ("127.0.0.1:{port}", "localhost:{port}", "localhost", "LOCALHOST:1", "[::1]:{port}", "127.8.8.8")
FOREIGN = (
    "elsewhere.example", "elsewhere.example:{port}", "127.0.0.1.elsewhere.example:{port}", "198.51.100.7:{port}",
    "localhost.evil", "user@localhost", "localhost/", "", ":", "0x7f000001", "[::1", "127.1",
)  # fmt: skip
ORIGINS = (None, "http://{host}", "https://{host}", "null", "http://elsewhere.example", "{host}", "http://{host}.evil")
PLACES = ("/", "/ws", "/static/js/textual.js", "/static/", "/download/{key}", "/nowhere", "/ws?width=9&height=9")
ADDRESSES = ("127.0.0.1", "0.0.0.0")


FILES = ("o.txt", "t.txt", "../o.txt", "~/o.txt", "/etc/hostname", "o.html", "o b.txt")
REDIRECTED = ("print c > {}", "where >> {}", "list >| {}", 'reach > "{}"', "print 1 > {} over")
KEPT_OFF, MISTAKE = "keeps off the files of its computer", "✗"
SCREEN = (160, 40)
KINDS = {"greedy": 400, "a file": 150, "a message": 10, "bytes": 20}
"""How often a step is of each kind: one of so many; the others are requests."""
_A_SERVER = 45.0  # seconds that one server is tried for


class Server:
    """One server in a folder of its own; `case` is what is tried at it."""

    case = ""

    def __init__(self, folder: Path, *arguments: str) -> None:
        (folder / "t.txt").write_text("The movie was not bad\n")
        self.folder, self.arguments = folder, arguments
        command = [sys.executable, "-m", "lstm_tui", "serve", "t.txt", "--cell", "lstm", "--hidden", "4", "--port", "0"]
        self.process = subprocess.Popen(
            [*command, *arguments], cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={"PYTHONPATH": str(Path(lstm_tui.__file__).parent.parent), "XDG_STATE_HOME": str(folder / "s")},
        )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        address, _, self.token = line.split()[0].partition("/?token=")
        self.port = int(address.rpartition(":")[2])

    def end(self, tally: Tally, case: str) -> None:
        """End it; note whatever it has printed, and whatever it has left in its folder."""
        self.process.terminate()
        try:
            out, errors = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, errors = "", "it does not end"
        if out or errors:
            tally.found("the owner's terminal", (out + errors)[-400:], case)
        left = sorted(one.name for one in self.folder.iterdir())
        if left not in (["t.txt"], ["s", "t.txt"]):
            tally.found("a file written", str(left), case)


@dataclass(frozen=True)
class Case:
    """Steps at one server: a seed, and which of the steps that follow from it."""

    arguments: tuple[str, ...]
    seed: int
    first: int
    last: int

    def text(self, step: int | None = None) -> str:
        """Return it as JSON; one step alone where it is given."""
        return json.dumps([self.arguments, self.seed, *((self.first, self.last) if step is None else (step, step))])


def attack(rng: random.Random, clock: Clock) -> Tally:
    """Tries steps until the time is over, at one server after another, while another meets idle visitors."""
    tally, number = Tally(), 0
    while clock or not number:
        host, files = ADDRESSES[number % 2], number // 2 % 2
        arguments = ("--host", host, *(["--files"] if files else []), "--visitors", str(PLACES_GIVEN))
        asyncio.run(_both(Case(arguments, rng.randrange(10**9), 0, 10**9), clock, tally))
        number += 1
    return tally


def again(case: str) -> str:
    """Try steps again: at one server, alone."""
    arguments, seed, first, last = json.loads(case)
    tally = Tally()
    if arguments:
        asyncio.run(_steps(Case(tuple(arguments), seed, first, last), Clock(3600), tally))
    else:
        asyncio.run(_idle(tally))
    return "; ".join(f"{one.kind}: {one.seen}" for one in tally.findings)


async def _both(case: Case, clock: Clock, tally: Tally) -> None:
    await asyncio.gather(_steps(case, clock, tally), _idle(tally))


async def _steps(case: Case, clock: Clock, tally: Tally) -> None:
    """Take the steps of a case at a server of its own, as far as there is time; then an honest visitor has a screen."""
    mine, step = Clock(_A_SERVER), case.first
    with tempfile.TemporaryDirectory() as name:
        server = await asyncio.to_thread(Server, Path(name), *case.arguments)
        try:
            async with aiohttp.ClientSession() as session:
                while step <= case.last and clock and mine:
                    server.case = case.text(step)
                    await _step(server, step, random.Random(f"{case.seed} {step}"), session, tally)
                    step += 1
                server.case = replace(case, last=step).text()
                await _a_visitor_works(server, session, tally)
        finally:
            await asyncio.to_thread(server.end, tally, replace(case, last=step).text())


async def _step(server: Server, step: int, rng: random.Random, session: aiohttp.ClientSession, tally: Tally) -> None:
    kind = next((kind for kind, every in KINDS.items() if step % every == every - 1), "a request")
    if kind == "greedy":
        await _greedy(server, session, tally)
    elif kind == "a file":
        await _a_file(server, rng, session, tally)
    elif kind == "a message":
        await _malformed(server, rng, session, tally)
    elif kind == "bytes":
        await _bytes(server, rng, tally)
    else:
        await _request(server, rng, session, tally)


async def _request(server: Server, rng: random.Random, session: aiohttp.ClientSession, tally: Tally) -> None:
    """One request; it is answered by 403 or 400 unless all three are right."""
    own, right = rng.random() < 0.6, rng.random() < 0.5
    host = rng.choice(OWN if own else FOREIGN).format(port=server.port)
    origin = rng.choice(ORIGINS)
    page = None if origin is None else origin.format(host=host)
    false = ("", server.token[1:], server.token + "=", server.token.lower(), server.token[:-1] + "\u00e9", "x" * 5_000)
    token = server.token if right else rng.choice(false)
    place = rng.choice(PLACES).format(key=rng.randbytes(8).hex())
    cookie, carries = _cookie(server, rng)
    headers = {"Host": host} | ({} if page is None else {"Origin": page}) | ({"Cookie": cookie} if cookie else {})
    address = f"http://127.0.0.1:{server.port}{place}{'&' if '?' in place else '?'}token={token}"
    let_in = own and (right or carries) and page in (None, f"http://{host}", f"https://{host}")
    place_kind = place.partition("?")[0].rstrip("0123456789abcdef")
    tally.tried[f"{place_kind} host {own} token {right} origin {origin} cookie {bool(cookie)} {carries}"] += 1
    try:
        async with session.get(address, headers=headers) as answer:
            refused = answer.status in (400, 403) and not (place.startswith("/ws") and answer.status == 400)
    except aiohttp.ClientError as error:
        tally.found("no answer", f"{error!r}: GET {place} {headers}", server.case)
        return
    if refused == let_in:
        said = f"{answer.status}, and it should {'' if let_in else 'not '}be let in"
        tally.found("the door", f"{said}: GET {place} {headers} token {token!r}", server.case)


def _cookie(server: Server, rng: random.Random) -> tuple[str, bool]:
    """Return a `Cookie` header, and whether it is the one that the page of this server was given."""
    given, token = Admission(server.arguments[1], token=server.token).cookie, server.token
    if rng.random() < 0.6:
        return "", False
    if rng.random() < 0.2:
        return rng.choice((f"{given}={token}", f"a=b; {given}={token}; c=d")), True
    return rng.choice((
        f"{given}=", f"{given}={token[:-1]}", f"{given}={token}x", f"{given}x={token}", f"{given.upper()}={token}",
        f"token={token}", f"lstm-tui={token}", token, f"{given[:-1]}={token}", f"a={given}={token}",
    )), False  # fmt: skip


def _typed(rng: random.Random) -> tuple[str, str]:
    """Return a line that would touch a file, and what it is answered: a verb that does, or a reply put into one.

    The screen puts no reply into a file, so that is a mistake like any other.
    """
    file = rng.choice(FILES)
    words = [word for verb in VERBS if verb.touches_files for word in (verb.name, *verb.aliases)]
    lines = [f"{word} {file}{over}" for word in words for over in ("", " over")]
    redirected = [(line.format(file), MISTAKE) for line in REDIRECTED]
    return rng.choice([*((line, KEPT_OFF) for line in lines), *redirected])


async def _a_file(server: Server, rng: random.Random, session: aiohttp.ClientSession, tally: Tally) -> None:
    """A visitor types what touches a file: it is refused, in words, unless the owner has allowed it."""
    allowed = "--files" in server.arguments or is_loopback(server.arguments[1])
    line, answer = ("save-edits made.txt over", "") if allowed else _typed(rng)
    made = server.folder / "made.txt"
    tally.tried[f"a file, {line.split()[0]}"] += 1
    picture = pyte.Screen(*SCREEN)
    stream = pyte.ByteStream(picture)

    def seen(text: str) -> bool:
        return text in " ".join(" ".join(picture.display).split())

    address = f"http://127.0.0.1:{server.port}/ws?width={SCREEN[0]}&height={SCREEN[1]}&token={server.token}"
    begun, typed, answered = time.monotonic(), False, False
    while not answered and time.monotonic() - begun < PATIENCE:
        try:
            async with session.ws_connect(address) as page, asyncio.timeout(PATIENCE):
                while not page.closed and not answered:
                    message = await page.receive()
                    if isinstance(message.data, bytes):
                        stream.feed(re.sub(rb"\x1b\[[<>=?][0-9;]*\$?[pqu]", b"", message.data))
                    if not typed and seen("layer0.forward"):
                        await page.send_json(["stdin", f":{line}\r"])
                        typed = True
                    answered = made.exists() if allowed else seen(answer)
        except aiohttp.WSServerHandshakeError:  # those before are still leaving
            await asyncio.sleep(0.2)
        except (aiohttp.ClientError, TimeoutError):
            break
    if not answered:
        said = "\n".join(row.rstrip() for row in picture.display if row.strip())[-600:]
        tally.found("a file", f"`{line}` is not {'obeyed' if allowed else 'refused'}: {said}", server.case)
    made.unlink(missing_ok=True)


async def _bytes(server: Server, rng: random.Random, tally: Tally) -> None:
    """Bytes that are no request: the connection ends or is refused, and nothing is printed."""
    request = bytearray(b"GET /?token=x HTTP/1.1\r\nHost: localhost\r\nCookie: a=b\r\n\r\n")
    for _ in range(rng.randrange(1, 12)):
        request[rng.randrange(len(request))] = rng.randrange(256)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    tally.tried["bytes"] += 1
    try:
        writer.write(bytes(request))
        async with asyncio.timeout(0.3):
            answer = await reader.read(100)
            if answer.startswith(b"HTTP/1.1 2"):
                tally.found("the door", f"{answer!r} to {bytes(request)!r}", server.case)
    except (ConnectionError, TimeoutError):
        pass  # it waits for the rest of a request
    finally:
        writer.close()


def _address(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}/ws?width=80&height=24&token={server.token}"


def _message(rng: random.Random) -> str:
    """What no page sends."""
    depth = rng.choice([1, 10, 1_000, 5_000, 100_000])
    return rng.choice([
        "[" * depth, '{"a":' * depth, "[" * depth + "]" * depth, "", "null", json.dumps(rng.randbytes(9).hex()), "[]",
        json.dumps(["stdin"]), json.dumps(["stdin", rng.random()]), json.dumps(["stdin", ["n"] * depth]),
        json.dumps(["resize", rng.choice([None, {}, [], {"width": "1", "height": 1}, {"width": 1.5, "height": 2}])]),
        '["resize", {"width": 1e400, "height": NaN}]', "9" * depth, json.dumps([rng.choice(["quit", "exit", "D"]), 1]),
        rng.randbytes(20).decode("latin-1"), '["ping", {"a": [[]]}]', '["stdin", "' + "x" * (2 << 20) + '"]',
    ])  # fmt: skip


async def _malformed(server: Server, rng: random.Random, session: aiohttp.ClientSession, tally: Tally) -> None:
    """One visitor sends what no page sends, and is ended within the patience."""
    message = _message(rng)
    tally.tried["message"] += 1
    try:
        async with session.ws_connect(_address(server)) as page, asyncio.timeout(PATIENCE):
            await page.send_str(message)
            while not page.closed:
                await page.receive()
    except TimeoutError:
        tally.found("a visitor who stays", f"no end: {message[:80]!r} … ({len(message)} characters)", server.case)
    except aiohttp.WSServerHandshakeError as error:
        if error.status != 503:  # those before are still leaving
            tally.found("a visitor refused", str(error), server.case)
    except aiohttp.ClientError:
        pass


async def _greedy(server: Server, session: aiohttp.ClientSession, tally: Tally) -> None:
    """More pages than there are places, one of which never stops sending: the others are served, or refused."""
    pages, refused = [], 0
    for _ in range(2 * PLACES_GIVEN):
        tally.tried["greedy"] += 1
        try:
            pages.append(await session.ws_connect(_address(server)))
        except aiohttp.WSServerHandshakeError as error:
            refused += error.status == 503
    if len(pages) > PLACES_GIVEN or len(pages) + refused != 2 * PLACES_GIVEN:
        tally.found("places", f"{len(pages)} of {PLACES_GIVEN} given, {refused} refused", server.case)
    await asyncio.gather(*(page.close() for page in pages))
    async with aiohttp.ClientSession() as another:  # which goes away without a word, and leaves what it sent unread
        sending = asyncio.create_task(_flood(server, another))
        await _a_visitor_works(server, session, tally)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    await _a_visitor_works(server, session, tally)


async def _flood(server: Server, session: aiohttp.ClientSession) -> None:
    while True:
        try:
            page = await session.ws_connect(_address(server))
            break
        except aiohttp.WSServerHandshakeError:  # those before are still leaving
            await asyncio.sleep(0.05)
    while not page.closed:
        await page.send_str('["ping", 1]')
        await asyncio.sleep(0)


async def _a_visitor_works(server: Server, session: aiohttp.ClientSession, tally: Tally) -> None:
    """A visitor who does nothing wrong has a screen; the place may be given free a moment later."""
    begun = time.monotonic()
    tally.tried["an honest visitor"] += 1
    while time.monotonic() - begun < PATIENCE:
        try:
            async with session.ws_connect(_address(server)) as page, asyncio.timeout(PATIENCE):
                drawn = b""
                while b"movie" not in drawn and not page.closed:
                    message = await page.receive()
                    drawn += message.data if isinstance(message.data, bytes) else b""
                if b"movie" in drawn:
                    waited = max(time.monotonic() - begun, float(tally.figures.get("slowest screen", "0 s").split()[0]))
                    tally.figures["slowest screen"] = f"{waited:.1f} s"
                    return
        except aiohttp.WSServerHandshakeError:
            await asyncio.sleep(0.2)
        except (aiohttp.ClientError, TimeoutError):
            break
    tally.found("an honest visitor", f"no screen in {PATIENCE:g} s", server.case)


async def _idle(tally: Tally) -> None:
    """Two hold all places and press no key: both are told why they end, and a third is let in."""
    case = json.dumps([[], 0, 0, 0])
    with tempfile.TemporaryDirectory() as name:
        server = await asyncio.to_thread(Server, Path(name), *QUICK)
        server.case = case
        try:
            async with aiohttp.ClientSession() as session:
                pages = [await session.ws_connect(_address(server)) for _ in range(PLACES_GIVEN)]
                for page in pages:
                    tally.tried["idle"] += 1
                    reason = await _reason(page)
                    if "without a key" not in reason:
                        tally.found("an idle visitor", reason, case)
                await _third(server, session, tally)
        finally:
            await asyncio.to_thread(server.end, tally, case)


async def _reason(page: aiohttp.ClientWebSocketResponse) -> str:
    """Return why a visitor is told that it ends."""
    reason = ""
    try:
        async with asyncio.timeout(PATIENCE):
            while not page.closed:
                message = await page.receive()
                reason = str(message.extra) if message.type is aiohttp.WSMsgType.CLOSE else reason
    except TimeoutError:
        return "it stays"
    return reason


async def _third(server: Server, session: aiohttp.ClientSession, tally: Tally) -> None:
    """A place that was given free is had by another."""
    begun = time.monotonic()
    tally.tried["a third"] += 1
    while time.monotonic() - begun < PATIENCE:
        try:
            await (await session.ws_connect(_address(server))).close()
            return
        except aiohttp.WSServerHandshakeError:  # the two are still leaving
            await asyncio.sleep(0.2)
    tally.found("a place not given free", f"in {PATIENCE:g} s", server.case)
