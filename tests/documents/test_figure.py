"""A figure and a handout read back: numbers from the picture, steps from the page; no text of a stranger is markup."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_networks import EVERY_CELL, called, make_input, make_network
from present import present

import lstm_tui
from lstm_tui.cli.main import main
from lstm_tui.debugger.diagram.numbers import standing
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.position import Frame, Position, equations_of
from lstm_tui.documents.figure import MOST_TOKENS, FigureSubject, figure_of, subject_of
from lstm_tui.documents.handout import SCRIPT, handout_of
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.number_text import compact
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.formats.io.files import write_picture

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = ("</script><b>", "&amp;", "\x1b[31m", '"><svg>', "]]>")


def trace_of(name: str, directions: tuple[str, ...] = ("forward",), tokens: tuple[str, ...] = tuple("abcd")) -> Trace:
    made = make_network(name, directions=directions)
    return run(made, Sequence("numbers", tokens, x=make_input(made, len(tokens))), interpreter="numpy")


def subject(trace: Trace, **changes: Any) -> FigureSubject:
    made = subject_of(trace, None, 0, slice(None), None)
    return FigureSubject(**{**vars(made), **changes})


@pytest.mark.parametrize("name", EVERY_CELL, ids=called)
def test_the_line_and_the_bars_of_a_figure_are_the_numbers_of_the_run(name: str) -> None:
    trace = trace_of(name)
    text = figure_of(subject(trace))
    tree = ElementTree.fromstring(text)
    facts = Facts(trace)
    passed = trace["layer0.forward"]
    columns = {column.name: column for column in facts.columns("layer0.forward")}
    memory = columns[facts.memory("layer0.forward")]
    line = next(one for one in tree.iter(f"{SVG}path") if one.get("class") == "memory")
    ys = [float(y) for _, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", line.get("d") or "")]
    series = np.asarray(passed[memory.name][:, 0], dtype=np.float64)
    full = 1.0 if memory.gate else memory.half
    span = (150 if memory.gate else 75) - 14
    zero = 46 + (150 if memory.gate else 75)
    assert np.allclose([(zero - y) / span * full for y in ys], np.clip(series, -full, full), atol=0.011 * full)
    bars: dict[str, list[float]] = {}
    for one in tree.iter(f"{SVG}rect"):
        if (one.get("class") or "").startswith("gate "):
            bars.setdefault((one.get("class") or "").split()[1], []).append(float(one.get("height") or 0) / (58 - 16))
    gates = {column.name for column in columns.values() if column.gate and column.name != memory.name}
    assert {name for name in gates if passed[name].shape[1] > 0} == set(bars)
    for gate, heights in bars.items():
        assert np.allclose(heights, np.clip(passed[gate][:, 0], 0, 1), atol=0.001)
    words = [one.text for one in tree.iter(f"{SVG}text")]
    assert words[-8::2] == list("abcd")


@pytest.mark.parametrize("name", EVERY_CELL, ids=called)
def test_every_row_of_a_figure_has_a_place_of_its_own(name: str) -> None:
    """From the top: the line, a row of bars for each gate, each standing on the line of its row, tokens, the end."""
    trace = trace_of(name)
    tree = ElementTree.fromstring(figure_of(subject(trace)))
    paths = (re.fullmatch(r"M\S+ (\S+)H\S+", one.attrib["d"]) for one in tree.iter(f"{SVG}path"))
    drawn = {float(one[1]) for one in paths if one}
    bars = [one.attrib for one in tree.iter(f"{SVG}rect") if "class" in one.attrib]
    above = 46.0 + 150  # the end of the line's own row
    assert above in drawn
    assert all(46 <= float(one.attrib["cy"]) <= above for one in tree.iter(f"{SVG}circle"))
    for gate in dict.fromkeys(one["class"] for one in bars):
        floors = {round(float(one["y"]) + float(one["height"]), 1) for one in bars if one["class"] == gate}
        assert len(floors) == 1
        assert floors <= drawn
        assert min(floors) - 58 > above, "a row of bars is as high as the tallest"
        above = min(floors)
    last = [float(one.attrib["y"]) for one in tree.iter(f"{SVG}text")][-2 * len(trace.sequence.tokens) :]
    assert above < min(last) < max(last) < float(tree.attrib["height"])


@pytest.mark.parametrize("name", EVERY_CELL, ids=called)
def test_a_handout_has_every_step_with_its_numbers(name: str) -> None:
    trace = trace_of(name, ("forward", "backward"))
    for pass_name in trace:
        made = subject(trace, pass_name=pass_name)
        page = handout_of(made)
        steps = json.loads(data_of(page))
        equations = equations_of(trace[pass_name])
        order = [0, 1, 2, 3] if pass_name.endswith("forward") else [3, 2, 1, 0]
        assert [step["t"] for step in steps] == [t for t in order for _ in equations]
        for n, step in enumerate(steps):
            stood = standing(Frame(trace, Position(pass_name, step["t"], n % len(equations))), 0)
            assert stood is not None
            assert step["n"] == [stood.written(mark) for mark in stood.flow.marks]
            assert step["d"] == [int(done) for done in stood.done]
            assert step["a"] == stood.at_work
        for mark in present(standing(Frame(trace, Position(pass_name, 0, 0)), 0)).flow.marks:
            assert f'class="mark m{mark.key}"' in page or f'class="end m{mark.key}"' in page
            assert mark.kind == "exit" or f'class="wire w{mark.key}' in page
            assert mark.kind == "exit" or f'id="n{mark.key}"' in page


def data_of(page: str) -> str:
    """Return the steps of a page, which no markup ends early."""
    return page.partition('<script id="steps" type="application/json">')[2].partition("</script>")[0]


def test_a_handout_runs_its_own_script_alone_and_fetches_nothing() -> None:
    page = handout_of(subject(trace_of("lstm")))
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert scripts == [SCRIPT]
    hashed = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    assert f"default-src 'none'; script-src 'sha256-{hashed}'; style-src 'unsafe-inline'" in page
    assert not re.search(r"https?://|src=|fetch|import\b", page)


ADVANCE = {"W": 1.103, "m": 1.042, "e": 0.678, "D": 0.83, "i": 0.343, "o": 0.687, "S": 0.72, "…": 1.0, "界": 1.0}
"""Widths of letters in DejaVu Sans Bold, which is wider than what most have."""


@settings(max_examples=20)
@given(st.lists(st.text("WmeDioS界", min_size=1, max_size=14), min_size=1, max_size=4))
def test_tokens_of_a_figure_do_not_touch(tokens: list[str]) -> None:
    tree = ElementTree.fromstring(figure_of(subject(trace_of("lstm", tokens=tuple(tokens)))))
    words = list(tree.iter(f"{SVG}text"))[-2 * len(tokens) :: 2]
    right = 0.0
    for one, token in zip(words, tokens, strict=True):
        shown = one.text or ""
        assert token.startswith(shown.removesuffix("…"))
        assert shown == token or shown.endswith("…")
        half = float(one.get("font-size") or 0) * sum(ADVANCE[letter] for letter in shown) / 2
        assert float(one.get("x") or 0) - half >= right
        right = float(one.get("x") or 0) + half


def test_a_unit_is_given_by_its_name_and_tokens_of_a_story_stand_whole(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("Ganesh likes AIML . Ram likes DevSecOps .\n")
    pages = []
    for unit in ("gender", "11"):
        out = tmp_path / f"{unit}.svg"
        assert main(["figure", str(tmp_path / "t.txt"), "--model", "story", "--unit", unit, "-o", str(out)]) == 0
        pages.append(out.read_text("utf-8"))
    assert pages[0] == pages[1]
    assert all(f">{token}<" in pages[0] for token in ("Ganesh", "AIML", "DevSecOps"))
    assert main(["figure", str(tmp_path / "t.txt"), "--model", "story", "--unit", "gendr", "-o", "-"]) == 2


def test_numbers_of_a_figure_are_written_as_on_the_screen() -> None:
    trace = trace_of("lstm")
    passed = trace["layer0.forward"]
    words = [one.text for one in ElementTree.fromstring(figure_of(subject(trace))).iter(f"{SVG}text")]
    for value, sign in (("c", True), ("f", False), ("i", False), ("o", False)):
        for number in passed[value][:, 0]:
            assert compact(float(number), 5, sign).replace("-", "−") in words


def test_no_text_of_a_stranger_is_markup() -> None:
    trace = trace_of("lstm", tokens=HOSTILE)
    made = subject(trace, title="<script>alert(1)</script>\x1b[2J")
    svg, page = figure_of(made), handout_of(made)
    tree = ElementTree.fromstring(svg)
    assert {one.tag.removeprefix(SVG) for one in tree.iter()} <= {"svg", "title", "rect", "path", "circle", "text"}
    assert page.count("<script") == 2
    assert "<b>" not in page
    for text in (svg, page):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f]", text)
    assert len(json.loads(data_of(page))) == 5 * 6


def test_what_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = trace_of("lstm")
    for name, unit, steps in (("up", 0, slice(None)), (None, 99, slice(None)), (None, 0, slice(9, 12))):
        with pytest.raises(UserError):
            subject_of(trace, name, unit, steps, None)
    long = trace_of("lstm", tokens=("a",) * (MOST_TOKENS + 1))
    with pytest.raises(UserError, match="too many"):
        subject_of(long, None, 0, slice(None), None)
    (tmp_path / "t.txt").write_text("ram likes aiml .\n")
    given = ["figure", str(tmp_path / "t.txt"), "--model", "story"]
    assert main([*given, "-o", str(tmp_path / "o.gif")]) == 2
    assert "end its name so" in capsys.readouterr().err
    for file in ("o.svg", "o.html", "o.svg"):  # the second takes the place of the first
        assert main([*given, "-o", str(tmp_path / file)]) == 0
    assert main([*given, "--unit", "11"]) == 0
    svg = capsys.readouterr().out
    assert "story: unit 11 gender" in svg
    assert ElementTree.fromstring(svg).tag == f"{SVG}svg"


def test_a_unit_is_called_as_its_network_calls_it() -> None:
    trace = lstm_tui.trace("ram likes aiml .", model="story")
    assert subject_of(trace, None, 13, slice(None), None).title == "story: unit 13 number"


def test_without_a_font_there_is_no_picture_without_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resvg = pytest.importorskip("resvg_py")
    whole = resvg.svg_to_bytes
    asked: list[str] = []

    def without_words(*, svg_string: str, **given: Any) -> bytes:
        asked.append(svg_string)
        return bytes(whole(svg_string=re.sub("<text.*?</text>", "", svg_string), **given))

    monkeypatch.setattr(resvg, "svg_to_bytes", without_words)
    with pytest.raises(UserError, match=r"f\.png: no font is installed here, and a \.png would have no words"):
        write_picture('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', tmp_path / "f.png")
    assert asked
    assert not list(tmp_path.iterdir())
