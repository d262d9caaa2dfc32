"""Every colour stands in one table; what is made of it names no colour that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import lstm_tui
from lstm_tui.debugger.colours import INK_OF_ROLE, PAPER, SCREEN, VALUES, WIDGETS, Colour
from lstm_tui.documents.html import STYLE
from lstm_tui.tui.canvas.palette import DARK, INKS, LIGHT

PACKAGE = Path(lstm_tui.__file__).parent
TEXTS = sorted(path for path in PACKAGE.rglob("*") if path.suffix in (".py", ".tcss", ".html", ".css"))
LITERAL = re.compile(r"(?<![&\w])#(?:[0-9a-fA-F]{8}|[0-9a-fA-F]{6}|[0-9a-fA-F]{3})\b|\b(?:rgb|rgba|hsl)\(\s*\d")
EVERY = {**{f"screen {name}": one for name, one in SCREEN.items()}, **{f"paper {n}": one for n, one in PAPER.items()}}


def literals(text: str) -> list[str]:
    """Return what a text writes as a colour; a comment after code is none."""
    return LITERAL.findall(re.sub(r"#(?=[0-9]{3}\b(?! *[;\"'}]))", "", text))


def test_no_colour_is_written_elsewhere() -> None:
    found = {path.name: literals(path.read_text(encoding="utf-8")) for path in TEXTS if path.name != "colours.py"}
    assert {name: colours for name, colours in found.items() if colours} == {}


@pytest.mark.parametrize("text", ["a: #0d1014;", '"#fff"', "rgb(1, 2, 3)", "background: #0d1014e0", "x = '#A0b1C2'"])
def test_a_colour_is_found_however_it_is_written(text: str) -> None:
    assert literals(text)


@pytest.mark.parametrize("name", EVERY)
def test_each_is_a_colour_on_both_grounds(name: str) -> None:
    assert all(re.fullmatch(r"#[0-9a-f]{6}", one) for one in EVERY[name])


def test_both_themes_have_the_roles_of_the_table_and_no_other() -> None:
    for theme, ground in ((DARK, "dark"), (LIGHT, "light")):
        assert theme.variables == {f"lt-{name}": getattr(colour, ground) for name, colour in SCREEN.items()}
        assert all(getattr(theme, name) == getattr(colour, ground) for name, colour in WIDGETS.items())
        assert theme.dark == (ground == "dark")
    assert set(INKS) == set(SCREEN)
    assert set(INK_OF_ROLE.values()) <= set(VALUES)


def test_a_value_has_one_colour_on_the_screen_and_on_paper() -> None:
    assert all(SCREEN[name] is PAPER[name] is colour for name, colour in VALUES.items())
    assert SCREEN["bar"] is PAPER["bar"]


def test_what_style_sheets_name_is_there() -> None:
    screen = "\n".join(path.read_text(encoding="utf-8") for path in TEXTS)
    assert set(re.findall(r"\$lt-([a-z0-9]+)", screen)) <= set(SCREEN)
    local = {"a", "b", "c", "v", "to"}  # what a cell of a table says of itself
    assert set(re.findall(r"var\(--([a-z0-9]+)", STYLE)) - local <= set(PAPER)
    page = (PACKAGE / "serving" / "page.html").read_text(encoding="utf-8")
    assert set(re.findall(r"var\(--([a-z0-9]+)", page)) - {"veil"} <= set(SCREEN)


def test_a_document_gives_every_role_in_the_light_in_the_dark_and_in_print() -> None:
    light, dark, printed = (STYLE.split(":root {")[n].split("}")[0] for n in (1, 2, 3))
    for name, colour in PAPER.items():
        assert f"--{name}: {colour.light};" in light
        assert f"--{name}: {colour.dark};" in dark
        assert f"--{name}: {'#ffffff' if name == 'paper' else colour.light};" in printed


def contrast(one: str, other: str) -> float:
    """Return how well one colour is told from another, 1 to 21, as WCAG defines it."""

    def light(colour: str) -> float:
        parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, bright = sorted((light(one), light(other)))
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", ["ink", "title", "soft", "key", "alarm"])
def test_words_can_be_read_on_the_screen(name: str) -> None:
    assert all(contrast(*pair) >= 4.5 for pair in zip(SCREEN[name], SCREEN["ground"], strict=True))


@pytest.mark.parametrize("name", ["ink", "soft", "link", "alarm"])
def test_words_can_be_read_on_paper(name: str) -> None:
    assert all(contrast(*pair) >= 4.5 for pair in zip(PAPER[name], PAPER["paper"], strict=True))


def test_the_oracle_of_contrast() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast(*Colour("#123456", "#123456")) == 1
