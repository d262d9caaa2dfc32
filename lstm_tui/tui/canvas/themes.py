"""The two themes of the screen. Gates have the colours of Okabe and Ito, which colour-blind people can tell apart."""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="lstm-dark",
    primary="#7aa8f0",
    accent="#7aa8f0",
    warning="#f0c060",
    error="#ff6b6b",
    success="#00b080",
    foreground="#c8ced6",
    background="#0d1014",
    surface="#151a22",
    panel="#1a2130",
    dark=True,
    variables={
        "lt-ground": "#0d1014", "lt-ink": "#c8ced6", "lt-soft": "#8f97a3", "lt-faint": "#5f6873",
        "lt-frame": "#2c343f", "lt-focus": "#7aa8f0", "lt-title": "#f0f3f7", "lt-accent": "#7aa8f0",
        "lt-track": "#181d26", "lt-bar": "#7aa8f0", "lt-row": "#1d2838", "lt-key": "#f0c060",
        "lt-alarm": "#ff7d6b", "lt-keep": "#e69f00", "lt-write": "#56b4e9", "lt-show": "#00b080",
        "lt-candidate": "#cc79a7", "lt-other": "#e6dc50", "lt-other2": "#9a8cff", "lt-other3": "#d98c5f",
        "lt-plain": "#c8ced6", "lt-positive": "#ec6a2c", "lt-negative": "#4a90e2", "lt-neutral": "#12161d",
        "lt-glow": "#b8651a", "lt-band": "#171c26",
    },
)  # fmt: skip

LIGHT = Theme(
    name="lstm-light",
    primary="#1f5fbf",
    accent="#1f5fbf",
    warning="#8a5a00",
    error="#b3261e",
    success="#00795a",
    foreground="#24292f",
    background="#fbfbf9",
    surface="#f0f1ef",
    panel="#e6e9ee",
    dark=False,
    variables={
        "lt-ground": "#fbfbf9", "lt-ink": "#24292f", "lt-soft": "#59626d", "lt-faint": "#838b95",
        "lt-frame": "#cdd2d8", "lt-focus": "#1f5fbf", "lt-title": "#000000", "lt-accent": "#1f5fbf",
        "lt-track": "#ebedee", "lt-bar": "#3b78d0", "lt-row": "#dde7f6", "lt-key": "#8a5a00",
        "lt-alarm": "#b3261e", "lt-keep": "#d08f00", "lt-write": "#3a9bd6", "lt-show": "#009e73",
        "lt-candidate": "#bb5f92", "lt-other": "#a89b00", "lt-other2": "#6a5bd6", "lt-other3": "#a8643a",
        "lt-plain": "#24292f", "lt-positive": "#d55e00", "lt-negative": "#2a74c9", "lt-neutral": "#f1f2f1",
        "lt-glow": "#f0a850", "lt-band": "#e8ebef",
    },
)  # fmt: skip
