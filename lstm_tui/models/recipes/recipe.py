"""What a recipe says of one bundled network: how it is made, how it is judged, what it was trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lstm_tui.analysis.train.loop import Progress
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.number_text import fixed

Report = Callable[[Progress], None]
Measured = Mapping[str, float]


@dataclass(frozen=True)
class Data:
    """Something a network learned from, under which licence."""

    name: str
    licence: str
    use: str


@dataclass(frozen=True)
class Recipe:
    """How to make one bundled network.

    Attributes:
        name: Of the network and its file.
        task: What it does, in half a line.
        data: What it learns from.
        how: How it is trained, in a sentence.
        train: From a seed to a trained network; reports its progress.
        measure: What a trained network reaches on what it has not seen, by name.
        accuracy: The same of several seeds in half a line.
    """

    name: str
    task: str
    data: tuple[Data, ...]
    how: str
    train: Callable[[int, Report], Network]
    measure: Callable[[Network], dict[str, float]]
    accuracy: Callable[[Sequence[Measured]], str]


def span(measured: Sequence[Measured], key: str, digits: int = 1, scale: float = 100) -> str:
    """Return a measure of several seeds as `87.3` or `86.0-87.3`."""
    numbers = sorted(scale * one[key] for one in measured)
    low, high = (fixed(number, digits) for number in (numbers[0], numbers[-1]))
    return low if low == high else f"{low}–{high}"
