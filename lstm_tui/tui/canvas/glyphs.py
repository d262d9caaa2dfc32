"""The signs that the screen is drawn with, in full and for terminals that only know ASCII."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Glyphs:
    """One set of signs. `eighths[n]` fills n eighths of a cell from the left, `levels[n]` from below."""

    eighths: str = " ▏▎▍▌▋▊▉█"
    levels: str = " ▁▂▃▄▅▆▇█"
    axis: str = "▏"
    shade: str = "░"
    ramp: str = " ░▒▓█"
    ramp_negative: str = " -=≡#"
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
    here: str = "▲"
    coming: str = "╌"
    smooth: bool = True

    def say(self, text: str) -> str:
        """Return words of our own in these signs."""
        return text if self.smooth else text.translate(_IN_ASCII).encode("ascii", "replace").decode()


_IN_ASCII = str.maketrans({
    "Δ": "d", "∂": "d", "ρ": "rho", "Π": "prod", "Σ": "sum", "σ": "sigmoid", "±": "+-", "·": "*", "−": "-", "×": "x",
    "√": "sqrt", "…": "~", "“": '"', "”": '"', "→": "->", "∞": "inf",
})  # fmt: skip
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
    here="^",
    coming=".",
    smooth=False,
)
