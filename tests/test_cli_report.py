"""`lstm-tui report`: a run as a page, from the command line, from plain mode, and in a real browser."""

from __future__ import annotations

import asyncio
import io
import sys
from pathlib import Path

import pytest

from lstm_tui.cli import main


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.txt").write_text("The movie was not bad.\n\nIt was good.\n")
    (tmp_path / "w.csv").write_text("a,b,c\n" + "\n".join(f"{n / 9},{n % 4},{-n / 7}" for n in range(30)) + "\n")
    return tmp_path


def test_a_run_is_reported_to_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "t.txt", "-o", "r.html"]) == 0
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == "lstm-tui: t.txt: holds 2 sequences, and line 1 was reported; --line N takes another\n"
    page = Path("r.html").read_text("utf-8")
    assert "<title>sentiment reads “The movie was not bad .”</title>" in page
    assert "t.txt, line 1: 6 tokens (words)" in page
    assert "The session stands" not in page


def test_a_run_is_reported_to_standard_output(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["report", "w.csv", "--steps", "0:3", "--units", "1,5"]) == 0
    page = capsysbinary.readouterr().out.decode()
    assert page.startswith("<!doctype html>")
    assert "Unit 5 of layer0.forward" in page
    assert "forecast reads 30 rows of w.csv" in page


def test_edits_are_reported_beside_the_baseline() -> None:
    Path("e.txt").write_text('replace 4 "good"\n')
    assert main(["report", "t.txt", "--line", "1", "--edits", "e.txt", "-o", "r.html"]) == 0
    page = Path("r.html").read_text("utf-8")
    assert "token 4: “bad” → “good”" in page
    assert "; without the edits positive" in page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["t.txt", "-o", "r.txt"], "r.txt: a report is an .html file"),
        (["t.txt", "-o", "nowhere/r.html"], "there is no folder"),
        (["t.txt", "--steps", "7:9"], "none of these steps is there"),
        (["t.txt", "--steps", "x"], "--steps 'x' is not a range"),
        (["t.txt", "--units", "1,,2"], "--units '' is not a range"),
        (["t.txt", "--pass", "layer0.forwrd"], "did you mean layer0.forward?"),
        (["none.txt"], "none.txt"),
    ],
)
def test_what_is_wrong_is_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", *arguments]) == (2 if len(arguments) > 1 and "no folder" not in words else 1)
    output = capsys.readouterr()
    assert output.out == ""
    assert words in output.err
    assert output.err.count("\n") == 1
    assert not list(Path().glob("*.html"))


def test_a_trace_file_that_is_open_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trace", "t.txt", "--cell", "gru", "--hidden", "4", "-o", "t.json"]) == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO("goto 3\nreport r.html\n"))
    assert main(["open", "t.json", "--plain"]) == 0
    assert "report written to r.html, " in capsys.readouterr().out
    page = Path("r.html").read_text("utf-8")
    assert "a trace file without its network" in page
    assert "at t = 3 “not” in layer0.forward" in page


@pytest.mark.slow
def test_a_browser_asks_nobody_for_anything_and_the_page_is_no_wider_than_it(tmp_path: Path) -> None:
    pytest.importorskip("aiohttp", reason="needs the extra [web]")
    from browser import chromium, tab, until

    if chromium() is None:
        pytest.skip("there is no Chromium here: apt-get install chromium")
    (tmp_path / "t.txt").write_text('<img src="http://127.0.0.1:9/x.png"> <script>document.title="no"</script> good\n')
    assert main(["report", "t.txt", "-o", "r.html"]) == 0
    address = (tmp_path / "r.html").as_uri()

    async def look() -> None:
        for width in (400, 1200):
            async with tab(tmp_path / f"browser{width}", (width, 900)) as page:
                await page.open(address)
                await until("the page", lambda: page.evaluate("document.readyState == 'complete' && !!document.title"))
                assert page.asked_for == [address]
                assert page.complaints == []
                assert (await page.evaluate("document.title")).startswith("sentiment reads")
                assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
                assert (
                    await page.evaluate("getComputedStyle(document.querySelector('td.gate')).backgroundImage") != "none"
                )

    asyncio.run(look())
