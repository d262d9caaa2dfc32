"""`lstm-tui serve`: what it says, whom it lets in, and that nothing is left behind."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("textual_serve", reason="needs the extra [web]")
from served import PATIENCE, serving, visiting

from lstm_tui.cli import main
from lstm_tui.cli.parser import parse
from lstm_tui.cli.serve import command_for_visitors

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
        (["--port", "0", "--tour", "forget", "--light"], ["tour", "--light", "--", "forget"]),
    ],
)
def test_visitors_get_all_options_but_those_of_the_server(given: list[str], started: list[str]) -> None:
    program, safe, *rest = command_for_visitors(parse(["serve", *given]))
    assert (program, safe, rest) == (sys.executable, "-P", ["-m", "lstm_tui", *started])


@pytest.mark.slow
def test_a_visitor_has_a_debugger_and_takes_it_along(folder: Path) -> None:
    with serving(NAME, *CELL) as served:
        assert "no authentication" in served.said
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
            async with session.get(served.address, headers={"Host": "elsewhere.example"}) as answer:
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
def test_the_page_may_load_nothing_from_elsewhere() -> None:
    with serving(NAME, *CELL) as served:

        async def act(session: Any, come: Any) -> None:
            async with session.get(served.address) as answer:
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
        assert "NO AUTHENTICATION" in served.said
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
                assert "run.json" in answer.headers["Content-Disposition"]
                assert (await answer.json(content_type=None))["format"] == "lstm-tui-trace"

        visiting(served, act)
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == [NAME]
    assert not (folder / "state" / "lstm-tui" / "history").exists()
