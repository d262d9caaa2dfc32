"""The screen as a picture: every sign at its own cell, whatever draws it, and nothing written over."""

from __future__ import annotations

import re
import struct
import sys
import unicodedata
from itertools import product
from pathlib import Path
from xml.etree import ElementTree

import pytest
from driven_screen import HOSTILE, Driver, drive, network, of_tokens, three_lines
from hypothesis import given
from hypothesis import strategies as st
from registries import sampled
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from lstm_tui.debugger.source import Source
from lstm_tui.formats.io.files import write_picture
from lstm_tui.tui.prompts.prompts import Prompt
from lstm_tui.tui.views.screenshot import _ROUND, HEIGHT, WIDTH, is_shape, shape, strips_of, svg_of

INK, GROUND = "#c8ced6", "#0d1014"
SPACE = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def texts(svg: str) -> list[tuple[float, int, str, ElementTree.Element]]:
    """Return the column of the left edge, the row, the words and the element of every text."""
    found = []
    for one in ElementTree.fromstring(svg).iter(f"{SPACE}text"):
        words = one.text or ""
        left = float(one.get("x") or 0) / WIDTH
        if one.get("text-anchor") == "middle":
            left -= cell_len(words) / 2
        found.append((left, int(float(one.get("y") or 0)) // HEIGHT, words, one))
    return found


def read_back(svg: str, columns: int, rows: int) -> list[str]:
    """Return the words of a picture in their cells, as whoever looks at it reads it."""
    grid = [[" "] * columns for _ in range(rows)]
    for left, row, words, one in texts(svg):
        assert left == int(left)
        column = int(left)
        if one.get("textLength"):
            assert float(one.get("textLength") or 0) == cell_len(words) * WIDTH
        for n, sign in enumerate(words if words.isascii() else [words]):
            grid[row][column + n] = sign
            for behind in range(1, cell_len(sign)):
                grid[row][column + behind] = ""
    return ["".join(row).rstrip() for row in grid]


def plain(strip: Strip) -> str:
    return "".join(" " if is_shape(sign) else sign for sign in strip.text).rstrip()


@pytest.mark.parametrize(
    ("size", "light", "keys"),
    sampled(list(product([(160, 45), (80, 24)], [False, True], [["n", "s"], ["p"], ["r"]])), 5),
)
def test_a_picture_says_what_the_screen_says(size: tuple[int, int], light: bool, keys: list[str]) -> None:
    async def act(driver: Driver) -> None:
        await driver.press(*keys)
        strips = strips_of(driver.app)
        svg = svg_of(strips, "a title", INK, GROUND)
        assert read_back(svg, *size) == [plain(strip) for strip in strips]
        root = ElementTree.fromstring(svg)
        assert (root.get("width"), root.get("height")) == (str(size[0] * WIDTH), str(size[1] * HEIGHT))
        assert root.findtext(f"{SPACE}title") == "a title"
        described = root.findtext(f"{SPACE}desc") or ""
        assert "The" in described.split()
        assert not any(map(is_shape, described))

    drive(act, size=size, light=light)


def test_it_needs_no_network_and_no_certain_font() -> None:
    async def act(driver: Driver) -> None:
        svg = svg_of(strips_of(driver.app), "", INK, GROUND)
        assert svg.count("//") == 1  # the name of the language itself
        for word in ("url(", "href", "<style", "<script", "@import", "<image"):
            assert word not in svg
        assert "monospace" in svg

    drive(act)


def test_what_strangers_wrote_is_only_shown() -> None:
    shown = Source(network(), [of_tokens((*HOSTILE, "<script>", "&amp;", "]]>", '"'))])

    async def act(driver: Driver) -> None:
        svg = svg_of(strips_of(driver.app), "</title>\x1b]52;c;aGk=\x07\ud800", INK, GROUND)
        root = ElementTree.fromstring(svg)
        assert {one.tag.removeprefix(SPACE) for one in root.iter()} <= {
            "svg",
            "title",
            "desc",
            "rect",
            "g",
            "text",
            "path",
        }
        assert not [sign for sign in svg if unicodedata.category(sign) == "Cc" and sign != "\n"]
        assert any("<script>" in words for _, _, words, _ in texts(svg))
        assert any("日" in words for _, _, words, _ in texts(svg))

    drive(act, shown)


SIGNS = st.characters(exclude_categories=["C", "M", "Z"]).filter(cell_len)
"""Those that take a cell of their own; a modifier of an emoji takes none."""


@given(st.lists(st.tuples(st.text(SIGNS), st.integers(0, 5))))
def test_any_line_is_read_back(parts: list[tuple[str, int]]) -> None:
    styles = [Style(bold=bool(n & 1), color="red" if n & 2 else None, reverse=n == 5) for n in range(6)]
    strip = Strip([Segment(text, styles[n]) for text, n in parts])
    svg = svg_of([strip], "", INK, GROUND)
    assert read_back(svg, max(strip.cell_length, 1), 1) == [plain(strip)]


def test_colours_and_faces_are_kept() -> None:
    red_on_blue = Style(color="#ff0000", bgcolor="#0000ff")
    strip = Strip([
        Segment("ab", red_on_blue), Segment("██", red_on_blue + Style(reverse=True)), Segment("e", Style(dim=True)),
        Segment("f", Style(bold=True, italic=True, underline=True, strike=True)),
    ])  # fmt: skip
    svg = svg_of([strip], "", "#ffffff", "#000000")
    assert [(words, one.get("fill")) for _, _, words, one in texts(svg)] == [
        ("ab", "#ff0000"), ("e", "#7f7f7f"), ("f", "#ffffff"),
    ]  # fmt: skip
    face = texts(svg)[-1][-1]
    assert (face.get("font-weight"), face.get("font-style")) == ("bold", "italic")
    assert face.get("text-decoration") == "underline line-through"
    rects = [
        (float(one.get("x") or 0), float(one.get("width") or 0), one.get("fill"))
        for one in ElementTree.fromstring(svg).iter(f"{SPACE}rect")
    ]
    assert rects == [
        (0, 6 * WIDTH, "#000000"),
        (0, 2 * WIDTH, "#0000ff"),
        (18, 2 * WIDTH, "#ff0000"),
        (18, 18, "#0000ff"),
    ]


@pytest.mark.parametrize(("line", "low", "high"), [("─", (0, 9), (WIDTH, 10)), ("│", (4, 0), (5, HEIGHT))])
def test_frames_reach_from_edge_to_edge(line: str, low: tuple[int, int], high: tuple[int, int]) -> None:
    svg = svg_of([Strip([Segment(line)])], "", INK, GROUND)
    boxes = [
        tuple(float(one.get(name) or 0) for name in ("x", "y", "width", "height"))
        for one in list(ElementTree.fromstring(svg).iter(f"{SPACE}rect"))[1:]
    ]
    assert min((x, y) for x, y, _, _ in boxes) == low
    assert max((x + width, y + height) for x, y, width, height in boxes) == high
    assert sum(width * height for _, _, width, height in boxes) == (high[0] - low[0]) * (high[1] - low[1])


@pytest.mark.parametrize("keys", sampled([[], ["p"], ["question_mark"], ["r"], ["R"], ["H"], ["W"], ["u"], ["M"]], 2))
def test_P_takes_every_screen_and_lets_it_be(folder: Path, keys: list[str]) -> None:
    async def act(driver: Driver) -> None:
        await driver.press(*keys)
        before = driver.app.screen
        await driver.press("P")
        assert isinstance(driver.app.screen, Prompt)
        await driver.press("enter")
        await driver.app.workers.wait_for_complete()
        await driver.pilot.pause()
        assert driver.app.screen is before
        assert "written: sample-1-t0.svg" in [one.message for one in driver.app._notifications]

    drive(act)
    assert [path.name for path in folder.iterdir()] == ["sample-1-t0.svg"]
    svg = Path("sample-1-t0.svg").read_text("utf-8")
    assert "lstm-tui, sample.txt, t=0: The" in svg
    assert "write the picture" not in svg


async def _answer(driver: Driver, name: str) -> None:
    assert isinstance(driver.app.screen, Prompt)
    driver.app.screen.dismiss(name)
    await driver.pilot.pause()
    await driver.app.workers.wait_for_complete()
    await driver.pilot.pause()


@pytest.mark.slow
def test_a_name_that_is_taken_is_asked_for_again_and_nothing_is_lost(folder: Path) -> None:
    async def act(driver: Driver) -> None:
        await driver.press("P")
        await _answer(driver, "mine.svg")
        await driver.press("P")
        await _answer(driver, "mine.svg")
        assert "mine.svg: is there already; take another name" in driver.text()
        await _answer(driver, "mine.jpg")
        assert "a picture is .svg or .png" in driver.text()
        await _answer(driver, "nowhere/mine.svg")
        assert "there is no folder" in driver.text()
        await _answer(driver, "other.svg")
        await driver.press("n", "P", "escape", "P")
        assert "sample-1-t1.svg" in driver.text()
        await driver.press("escape")

    (folder / "sample-1-t0.svg").write_text("mine")
    drive(act)
    assert sorted(path.name for path in folder.iterdir()) == ["mine.svg", "other.svg", "sample-1-t0.svg"]
    assert (folder / "sample-1-t0.svg").read_text() == "mine"
    assert "written" not in (folder / "other.svg").read_text("utf-8")  # what was said in passing is no part of it


def test_the_next_free_name_is_offered(folder: Path) -> None:
    async def act(driver: Driver) -> None:
        await driver.press("P")
        assert "sample-1-t0-3.svg" in driver.text()

    for name in ("sample-1-t0.svg", "sample-1-t0-2.svg"):
        (folder / name).write_text("")
    drive(act)


def test_a_png_is_twice_as_large(folder: Path) -> None:
    pytest.importorskip("resvg_py", reason="needs the extra [png]")

    async def act(driver: Driver) -> None:
        await driver.press("P")
        await _answer(driver, "a.png")
        if not (folder / "a.png").exists():
            assert "no font is installed here" in driver.text()
            pytest.skip("no font is installed here")

    drive(act, three_lines(), (80, 24))
    content = (folder / "a.png").read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", content[16:24]) == (80 * WIDTH * 2, 24 * HEIGHT * 2)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)

    from lstm_tui.engine.errors import UserError

    with pytest.raises(UserError, match=r"a\.png: a \.png needs resvg: pip install 'lstm-tui\[png\]'"):
        write_picture("<svg/>", "a.png")
    assert not list(folder.iterdir())


@pytest.mark.parametrize("sign", sorted(_ROUND))
def test_a_round_corner_goes_to_the_sides_of_its_cell_that_it_opens_to(sign: str) -> None:
    right, down = _ROUND[sign]
    path = re.search(r'd="M([\d.]+) ([\d.]+)Q[^V]*V([\d.]+)"', shape(sign, 100, 200, WIDTH, "#fff"))
    assert path is not None
    x, y, end = map(float, path.groups())
    assert x == (100 + WIDTH if right > 0 else 100)
    assert 200 < y < 200 + HEIGHT
    assert end == (200 + HEIGHT if down > 0 else 200)
