"""`lstm-tui serve`: what it says, whom it lets in, and that nothing is left behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from present import present

pytest.importorskip("textual_serve", reason="needs the extra [web]")
from served import PATIENCE, Visit, serving, visiting

from lstm_tui.cli import main
from lstm_tui.cli.arguments import parse
from lstm_tui.cli.serve import _warning, command_for_visitors

CELL = ["--cell", "lstm", "--hidden", "4"]
NAME = "a b'\"; exit $(touch x) `touch y` &.txt"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / NAME).write_text("The movie was not bad.\n")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-"], "every visitor reads it anew"),
        (["/dev/null"], "no file that every visitor can read anew"),
        (["nowhere.txt"], "nowhere.txt: no such file"),
        ([NAME, "--model", "nothing"], "nothing"),
        (["--tour", "nothing"], "there is no lesson nothing"),
        (["--host", "nowhere.invalid"], "no address of this name is known"),
        (["--host", "192.0.2.1"], "cannot be opened"),
    ],
)
def test_what_is_wrong_is_one_line_before_there_is_a_server(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", *arguments]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert words in output.err
    assert output.err.count("\n") == 1


def test_a_port_in_use_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", NAME, *CELL, "--port", str(port)]) == 1
    assert capsys.readouterr().err == f"lstm-tui: port {port} of 127.0.0.1 is in use; --port takes another\n"


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("lstm_tui.serving.server", "lstm_tui.serving.visitor"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name in ("", ".server", ".app_service", ".download_manager"):
        monkeypatch.setitem(sys.modules, f"textual_serve{name}", None)
    assert main(["serve"]) == 1
    assert capsys.readouterr().err == "lstm-tui: serve needs textual-serve: pip install 'lstm-tui[web]'\n"


def test_lessons_take_no_input(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parse(["serve", "--tour", "forget", "--model", "story"])
    assert left.value.code == 2
    assert "--tour brings its own networks" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "started"),
    [
        ([], ["run"]),
        (["t.txt", "--host", "0.0.0.0", "--line", "2", "--port=80", "--files"], ["run", "t.txt", "--line", "2"]),
        (["--visitors", "3", "--debug", "t.txt", "--model=m"], ["run", "t.txt", "--model=m"]),
        (["t.txt", "--light"], ["run", "t.txt", "--light"]),
        (["--tour"], ["tour"]),
        (["--idle", "5", "t.txt", "--memory=2", "--processor", "9", "--allow-host", "a.b"], ["run", "t.txt"]),
        (["--port", "0", "--tour", "forget", "--light"], ["tour", "--light", "--", "forget"]),
    ],
)
def test_visitors_get_all_options_but_those_of_the_server(given: list[str], started: list[str]) -> None:
    program, safe, *rest = command_for_visitors(parse(["serve", *given]))
    assert (program, safe, rest) == (sys.executable, "-P", ["-m", "lstm_tui", *started])


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("alone", [False, True])
def test_who_may_do_what_is_said(alone: bool, sealed: bool) -> None:
    said = _warning(alone, sealed)
    assert ("on this computer" in said) == alone == ("NOT ENCRYPTED" not in said)
    assert ("not read or written" in said) == sealed == ("files as you" not in said)


@pytest.mark.slow
def test_a_visitor_has_a_debugger_and_takes_it_along(folder: Path) -> None:
    with serving(NAME, *CELL) as served:
        assert "for whoever on this computer has this address; they read and write files as you" in served.said
        assert served.said.startswith("http://127.0.0.1:")

        async def act(session: Any, come: Any) -> None:
            visit = await come(Origin=served.address)
            await visit.shows("t=0 (1 of 6)", "layer0.forward")
            await visit.press("nn")
            await visit.shows("t=2 (3 of 6)")
            assert len(served.children()) == 1
            await visit.press("q")
            await visit.ends()
            await _gone(served)

        visiting(served, act)
        assert served.leave() == (130, "")
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == [NAME]  # no shell obeyed it


async def _gone(served: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while served.children():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_whom_it_does_not_let_in() -> None:
    with serving(NAME, *CELL, "--visitors", "1") as served:

        async def act(session: Any, come: Any) -> None:
            import aiohttp

            async def refused(**headers: str) -> int:
                with pytest.raises(aiohttp.WSServerHandshakeError) as error:
                    await come(**headers)
                return error.value.status

            assert await refused(Origin="http://elsewhere.example") == 403
            assert await refused(Host="elsewhere.example") == 403
            async with session.get(served.page, headers={"Host": "elsewhere.example"}) as answer:
                assert answer.status == 403
            assert not served.children()
            first = await come()
            await first.shows("t=0")
            assert await refused() == 503
            await first.closes()
            await _gone(served)
            second = await come()
            await second.shows("t=0")
            await second.closes()

        visiting(served, act)


@pytest.mark.slow
def test_nobody_is_a_visitor_without_the_token() -> None:
    with serving(NAME, *CELL) as served:
        there = ["/", "/ws", "/static/js/textual.js", "/static/", "/download/x", "/nowhere", "/?fontsize=9"]
        false = ["", served.token[:-1], f"{served.token}a", served.token.swapcase()]

        async def act(session: Any, come: Any) -> None:
            import aiohttp

            for place in there:
                for token in (None, *false):
                    sign = "&" if "?" in place else "?"
                    address = served.address + place + ("" if token is None else f"{sign}token={token}")
                    async with session.get(address, headers={"Cookie": f"lstm-tui={token}; token={token}"}) as answer:
                        assert answer.status == 403, address
                        assert "?token=" in await answer.text()
            for token in false:
                with pytest.raises(aiohttp.WSServerHandshakeError):
                    await come(token)
            assert not served.children()
            session.cookie_jar.clear()

        visiting(served, act)
        assert served.leave() == (130, "")


@pytest.mark.slow
def test_the_page_hands_the_token_on_as_a_cookie() -> None:
    with serving(NAME, *CELL) as served:

        async def act(session: Any, come: Any) -> None:
            import aiohttp

            async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
                async with browser.get(served.page) as answer:
                    assert answer.status == 200
                    ((_, cookie),) = answer.cookies.items()
                    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == (served.token, True, "Strict")
                    assert answer.headers["Cache-Control"] == "no-store"
                async with browser.get(f"{served.address}/static/js/textual.js") as answer:
                    assert answer.status == 200
                    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
                async with browser.get(f"{served.address}/download/x") as answer:
                    assert answer.status == 404
                    assert "sandbox" in answer.headers["Content-Security-Policy"]
                visit = Visit(await browser.ws_connect(f"{served.address}/ws", origin=served.address))
                await visit.shows("t=0")
                await visit.closes()

        visiting(served, act)
        assert served.leave() == (130, "")


MALFORMED = [
    "[" * 5_000, "[" * 500_000, '{"a":' * 50_000, "", "null", "[]", '["stdin"]', '["stdin", ["x"]]', '["resize", {}]',
    '["resize", {"width": 1e999}]', '["quit"]', '["ping", [[1]]]', "9" * 10_000, "\x1b[31m",
]  # fmt: skip


@pytest.mark.slow
def test_what_no_page_sends_ends_that_visitor_alone_in_one_line() -> None:
    with serving(NAME, *CELL, "--visitors", "30") as served:

        async def act(session: Any, come: Any) -> None:
            other = await come()
            await other.shows("t=0")
            for message in [*MALFORMED, '["stdin", "' + "x" * (2 << 20) + '"]']:
                visit = await come()
                await visit.send(message)
                await visit.ends()
                if len(message) < 1 << 20:  # a longer one ends the connection as it is read
                    assert "what no page of this debugger sends" in visit.farewell, message[:40]
            await other.press("n")
            await other.shows("t=1")
            await other.send('["resize", {"width": -5, "height": 1' + "0" * 300 + "}]")
            await other.send('["resize", {"width": 160, "height": 45}]')
            await other.send('["stdin", "\\ud800n"]')
            await other.shows("t=2")
            await other.closes()

        visiting(served, act)
        assert served.leave() == (130, "")


@pytest.mark.slow
def test_requests_that_are_none_print_nothing() -> None:
    with serving(NAME, *CELL) as served:
        port = int(served.address.rpartition(":")[2])
        good = f"Host: 127.0.0.1:{port}\r\n\r\n"
        token = f"/?token={served.token}"
        for request, status in [
            ("\x00\x01\x02\r\n\r\n", "400"),
            ("GET / HTTP/1.1\r\n\r\n", "40"),
            (f"GET {token} HTTP/1.1\r\n\r\n", "40"),  # without a host
            (f"GET {token} HTTP/1.0\r\n\r\n", "403"),
            (f"GET {token} HTTP/1.1\r\nHost: elsewhere.example\r\nHost: localhost\r\n\r\n", "40"),
            (f"GET {token} HTTP/1.1\r\nHost: [::1\r\n\r\n", "40"),
            (f"GET {token} HTTP/1.1\r\nHost: \r\n\r\n", "40"),
            (f"GET http://elsewhere.example{token} HTTP/1.1\r\n{good}", "403"),
            (f"GET {token}%00%ff HTTP/1.1\r\n{good}", "403"),
            (f"GET /ws{token[1:]} HTTP/1.1\r\n{good}", "400"),  # no websocket
            (f"POST {token} HTTP/1.1\r\n{good}", "405"),
            (f"GET /static/../../../etc/passwd{token[1:]} HTTP/1.1\r\n{good}", "404"),
            (f'GET {token} HTTP/1.1\r\nCookie: \xff"; =;;\r\n{good}', "200"),
            (f"GET {token} HTTP/1.1\r\n{good}", "200"),
        ]:
            with socket.create_connection(("127.0.0.1", port)) as line:
                line.sendall(request.encode("latin-1"))
                assert line.recv(4096).decode("latin-1").partition(" ")[2].startswith(status), request
        assert served.leave() == (130, "")


@pytest.mark.slow
def test_who_presses_no_key_gives_the_place_free() -> None:
    with serving(NAME, *CELL, "--visitors", "1", "--idle", "0.05") as served:

        async def act(session: Any, come: Any) -> None:
            for _ in range(2):
                visit = await come()
                await visit.send('["ping", 1]')  # a page does so by itself
                await visit.ends()
                assert visit.farewell == "Ended after 0.05 minutes without a key: others may be waiting for the place."
                assert visit.farewell in " ".join(visit.text.split())
                await _gone(served)

        visiting(served, act)
        assert served.leave() == (130, "")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits are imposed from outside on Linux alone")
def test_who_uses_too_much_of_the_processor_is_told() -> None:
    with serving(NAME, *CELL, "--processor", "0.01") as served:

        async def act(session: Any, come: Any) -> None:
            visit = await come()
            await visit.presses_until_it_ends("np")
            assert "0.01 minutes of processor time" in visit.farewell

        visiting(served, act)
        assert served.leave() == (130, "")


def test_who_asks_for_nothing_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    from aiohttp import web

    from lstm_tui.serving import server as module
    from lstm_tui.serving.admission import Admission

    monkeypatch.setattr(module, "_SILENCE", 0.05)
    served = module.DebuggerServer((sys.executable,), Admission("127.0.0.1"), 1, True)

    async def go() -> None:
        runner = web.AppRunner(await served._make_app(), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        listening = present(runner.server)
        sweeping = asyncio.create_task(served.hang_up_on_the_silent(lambda: listening.connections))
        port = runner.addresses[0][1]
        try:
            async with asyncio.timeout(PATIENCE):
                for start in (b"", b"GET / HTT"):
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.write(start)
                    assert await _until_closed(reader) == b""
                    writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)  # who has asked once may rest
                who = f"Host: 127.0.0.1:{port}\r\nCookie: {served.admission.cookie}={served.admission.token}\r\n"
                for _ in range(2):
                    writer.write(f"GET /nothing HTTP/1.1\r\n{who}\r\n".encode())
                    answer = (await reader.readuntil(b"\r\n\r\n")).decode()
                    assert answer.startswith("HTTP/1.1 404")
                    await reader.readexactly(int(re.findall(r"Content-Length: (\d+)", answer)[0]))
                    await asyncio.sleep(0.3)
                writer.close()
        finally:
            sweeping.cancel()
            await runner.cleanup()

    asyncio.run(go())


async def _until_closed(reader: Any) -> bytes:
    try:
        return bytes(await reader.read())
    except ConnectionResetError:
        return b""


@pytest.mark.slow
def test_the_page_may_load_nothing_from_elsewhere() -> None:
    with serving(NAME, *CELL) as served:

        async def act(session: Any, come: Any) -> None:
            async with session.get(served.page) as answer:
                assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
                assert "//" not in (await answer.text()).replace("// ", "")

        visiting(served, act)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -9)]
)
def test_nobody_outlives_the_server(number: int, code: int) -> None:
    with serving(NAME, *CELL) as served:
        started: list[int] = []

        async def act(session: Any, come: Any) -> None:
            visit = await come()
            await visit.shows("t=0")
            started.extend(served.children())
            assert served.leave(number) == (code, "")
            await visit.ends()

        visiting(served, act)
    (child,) = started
    deadline = time.monotonic() + PATIENCE
    while _alive(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _alive(number: int) -> bool:
    try:
        os.kill(number, 0)
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
def test_lessons_are_served_too() -> None:
    with serving("--tour", "forget") as served:

        async def act(session: Any, come: Any) -> None:
            visit = await come()
            await visit.shows("forget", "enter")

        visiting(served, act)


@pytest.mark.slow
def test_visitors_from_elsewhere_are_kept_from_files_and_handed_their_own(folder: Path) -> None:
    with serving(NAME, *CELL, "--host", "0.0.0.0") as served:
        assert "NOT ENCRYPTED; files are not read or written for them" in served.said
        served.address = f"http://127.0.0.1:{served.address.rpartition(':')[2]}"

        async def act(session: Any, come: Any) -> None:
            visit = await come()
            await visit.shows("t=0")
            await visit.press(":save-session mine.ltui\r")
            await visit.shows("keeps off the files")
            await visit.press("\x1b")
            await visit.until(lambda: "keeps off the files" not in visit.text)
            await visit.press("x")
            await visit.shows("write the run to")
            await visit.press("\x15run.json\r")  # ctrl+u: another name
            await visit.until(lambda: visit.told)
            kind, key = visit.told[-1]
            assert kind == "deliver_file_start"
            async with session.get(f"{served.address}/download/{key}") as answer:
                assert answer.status == 403
            async with session.get(f"{served.address}/download/{key}?token={served.token}") as answer:
                assert "run.json" in answer.headers["Content-Disposition"]
                assert (await answer.json(content_type=None))["format"] == "lstm-tui-trace"

        visiting(served, act)
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == [NAME]
    assert not (folder / "state" / "lstm-tui" / "history").exists()
