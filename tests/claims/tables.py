"""The tables of what was measured, and the page of a cell, as the documents have them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attack.__main__ import LONG_RUN

from .documents import ROOT
from .facts import measured, parameters


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(heads)
    lines = [f"| {' | '.join(line)} |".replace("|  |", "| |") for line in (heads, *rows)]
    return "\n".join((lines[0], "|---" * len(heads) + "|", *lines[1:])) + "\n"


def speed() -> str:
    """Return how long we take, and others as many times as long."""
    heads = (
        "H", "lstm-tui, µs", "torch `nn.LSTM`", "onnxruntime", "torch, gates kept", "our gradient, µs",
        "torch autograd",
    )  # fmt: skip
    ours = (0, 1, 5)
    rows = [[one if at in ours else f"{one} ×" for at, one in enumerate(row)] for row in measured("speed")["rows"]]
    return _table(heads, rows)


def screen() -> str:
    """Return how long the screen takes, beside a bare app."""
    return _table(("", "ratio"), measured("screen")["rows"])


def which_cell() -> str:
    """Return how well each cell recalls, with its number of parameters as it is now."""
    found = measured("which cell")
    rows = [[f"`{cell}`", f"{parameters(cell):,}".replace(",", " "), *scores] for cell, *scores in found["rows"]]
    return _table(("cell", "parameters", *map(str, found["distances"])), rows)


def lstm_page() -> str:
    """Return the page of the LSTM, under the name that a file `my.toml` has to have."""
    page = (ROOT / "lstm_tui" / "engine" / "cells" / "lstm.toml").read_text("utf-8")
    own = page.replace('name = "lstm"', 'name = "my"', 1)
    return f"```toml\n{own}```\n"


MEASURED: dict[str, Callable[[], str]] = {
    "speed table": speed, "screen table": screen, "which cell table": which_cell, "lstm page": lstm_page,
    "attack table": lambda: LONG_RUN.read_text("utf-8"),
}  # fmt: skip
"""What fills each list, by the name that stands in the comments around it."""
