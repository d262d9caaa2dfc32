"""What the screen is drawn with: its signs, its two themes, and the colours of a theme as ready-made styles.

The signs exist in full and for terminals that only know ASCII. The styles come from the theme's variables `lt-NAME`, so
that drawing never builds one twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from rich.color import Color
from rich.style import Style
from textual.color import Color as ThemeColor
from textual.theme import Theme

from lstm_tui.debugger.colours import RAMP, RAMP_NEGATIVE, SCREEN, WIDGETS
from lstm_tui.engine.ascii_forms import ASCII_FORMS
from lstm_tui.engine.dataclass import dataclass


@dataclass(frozen=True)
class Glyphs:
    """One set of signs. `eighths[n]` fills n eighths of a cell from the left, `levels[n]` from below."""

    eighths: str = " ▏▎▍▌▋▊▉█"
    levels: str = " ▁▂▃▄▅▆▇█"
    axis: str = "▏"
    shade: str = "░"
    ramp: str = RAMP
    ramp_negative: str = RAMP_NEGATIVE
    frame: str = "╭─╮│╰╯"
    heavy: str = "┏━┓┃┗┛"
    rule: str = "─"
    cursor: str = "▸"
    infinity: str = "∞"
    nan: str = "╳"
    more: str = "…"
    right: str = "→"
    left: str = "←"
    dot: str = "·"
    sigma: str = "σ"
    total: str = "Σ"
    combining: str = "◌"
    space: str = "␣"
    times: str = "·"
    yes: str = "✓"
    no: str = "✗"
    unknown: str = "?"
    dash: str = "–"
    minus: str = "−"
    plus_minus: str = "±"
    mark: str = "▾"
    edge: str = "▏"
    wall: str = "┃"
    edited: str = "◆"
    changed: str = "•"
    gone: str = "✗"
    tick: str = "│"
    stop: str = "●"
    reset: str = "┃"
    chunk: str = "╎"
    here: str = "▲"
    coming: str = "╌"
    smooth: bool = True

    def say(self, text: str) -> str:
        """Return words of our own in these signs."""
        return text if self.smooth else text.translate(_IN_ASCII).encode("ascii", "replace").decode()


_IN_ASCII = str.maketrans({**ASCII_FORMS, "…": "~"})  # one column, as wide as it was
UNICODE = Glyphs()
ASCII = Glyphs(
    eighths="        #",
    levels="    ....#",
    axis="|",
    shade=":",
    ramp=" .+*#",
    ramp_negative=" '-=%",
    frame="+-+|++",
    heavy="#=#|##",
    rule="-",
    cursor=">",
    infinity="inf",
    nan="X",
    more="~",
    right="->",
    left="<-",
    dot="|",
    sigma="s",
    total="sum",
    combining="o",
    space="_",
    times="*",
    yes="ok",
    no="!!",
    dash="-",
    minus="-",
    plus_minus="+-",
    mark="v",
    edge="|",
    wall="|",
    edited="@",
    changed="'",
    gone="x",
    tick="|",
    stop="#",
    reset="|",
    chunk=":",
    here="^",
    coming=".",
    smooth=False,
)


def _theme(ground: Literal["dark", "light"]) -> Theme:
    return Theme(
        name=f"lstm-{ground}",
        dark=ground == "dark",
        variables={f"lt-{name}": getattr(colour, ground) for name, colour in SCREEN.items()},
        **{name: getattr(colour, ground) for name, colour in WIDGETS.items()},
    )


DARK, LIGHT = _theme("dark"), _theme("light")


SHADES = 64
"""Entries of a colour map."""

RGB = tuple[int, int, int]

INKS = tuple(SCREEN)
"""Names of the colours; a theme has a variable `lt-NAME` for each."""


def mix(one: RGB, two: RGB, part: float) -> RGB:
    """Return the colour that is `part` of the way from `one` to `two`."""
    return (
        round(one[0] + (two[0] - one[0]) * part),
        round(one[1] + (two[1] - one[1]) * part),
        round(one[2] + (two[2] - one[2]) * part),
    )


def luminance(colour: RGB) -> float:
    """Return how bright a colour looks, 0..1."""
    return (0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]) / 255


@dataclass(frozen=True, eq=False)
class Palette:
    """Colours by name, the signs to draw with, and styles made of them.

    Attributes:
        colours: RGB of each name in `INKS`.
        glyphs: Unicode or ASCII signs.
        ramp: True where colours cannot be told apart (16 colours, NO_COLOR, ASCII): heat maps are then drawn
            with signs of growing weight.
        faded_ground: How much of the ground is mixed into what the position has not reached.
    """

    colours: dict[str, RGB]
    glyphs: Glyphs = UNICODE
    ramp: bool = False
    faded_ground: float = 0.62
    _styles: dict[tuple[object, ...], Style] = field(default_factory=dict, repr=False)
    _maps: dict[str, tuple[list[Style], ...]] = field(default_factory=dict, repr=False)

    def style(
        self,
        ink: str = "ink",
        ground: str = "ground",
        bold: bool = False,
        faded: bool = False,
        swapped: bool = False,
    ) -> Style:
        """Return the style of one named colour on another.

        `faded` is for what the position has not reached; `swapped` draws the ground on the ink, for a cell
        that is to be filled from its right side.
        """
        key = (ink, ground, bold, faded, swapped)
        found = self._styles.get(key)
        if found is None:
            fore, back = self.colours[ink], self.colours[ground]
            if faded:
                fore = mix(fore, back, self.faded_ground)
            found = self._styles[key] = _style(back, fore, bold) if swapped else _style(fore, back, bold)
        return found

    def diverging(self, faded: bool = False, edge: bool = False) -> list[Style]:
        """Return 64 styles from the negative colour over the neutral one to the positive one.

        `edge` gives the same grounds with the plain ink, for a mark drawn on them.
        """
        return self._map("diverging", ("negative", "neutral", "positive"))[faded + 2 * edge]

    def sequential(self, faded: bool = False) -> list[Style]:
        """Return 64 styles from the neutral colour to the glow."""
        return self._map("sequential", ("neutral", "glow"))[faded]

    def _map(self, name: str, stops: tuple[str, ...]) -> tuple[list[Style], ...]:
        made = self._maps.get(name)
        if made is None:
            points = [self.colours[stop] for stop in stops]
            ground = self.colours["ground"]
            bright: list[Style] = []
            dull: list[Style] = []
            edges: tuple[list[Style], list[Style]] = ([], [])
            for n in range(SHADES):
                place = n / (SHADES - 1) * (len(points) - 1)
                low = min(int(place), len(points) - 2)
                colour = mix(points[low], points[low + 1], place - low)
                bright.append(_style(_readable(colour), colour))
                faint = mix(colour, ground, 0.6)
                dull.append(_style(mix(_readable(faint), faint, 0.45), faint))
                edges[0].append(_style(self.colours["ink"], colour))
                edges[1].append(_style(self.colours["ink"], faint))
            made = self._maps[name] = (bright, dull, *edges)
        return made


def _style(fore: RGB, back: RGB, bold: bool = False) -> Style:
    colour = Style.from_color(Color.from_rgb(*fore), Color.from_rgb(*back))
    return colour + Style(bold=True) if bold else colour


def _readable(ground: RGB) -> RGB:
    """Return a text colour that can be read on `ground` without shouting."""
    return mix(ground, (255, 255, 255), 0.72) if luminance(ground) < 0.42 else mix(ground, (0, 0, 0), 0.85)


def palette_of(variables: Mapping[str, str], glyphs: Glyphs, few_colours: bool) -> Palette:
    """Return the palette of a theme's variables, which hold `lt-NAME` for every name in `INKS`.

    Variables rather than component classes: Textual works out each component class again whenever a class of
    the screen changes, and there would be one for every colour.
    """
    return Palette({name: ThemeColor.parse(variables[f"lt-{name}"]).rgb for name in INKS}, glyphs, few_colours)


DARK_PALETTE = palette_of(DARK.variables, UNICODE, False)
"""What is drawn with before a screen has chosen its colours."""
