"""The picture network: it looks at a small drawing, region by region, and says where what stands in it.

A drawing has 8×8 points, and a region 2×2 of them: one of sixteen signs, so that a drawing is four rows of four signs,
which can be typed and read. The regions are read in rows; each is said without the others, so a caption has to look at
them: the row, the column, and which of six shapes it is. Points of dust lie beside the shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lstm_tui.analysis.train.loop import Settings, train
from lstm_tui.analysis.train.loss import Example
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.tokens import UNKNOWN
from lstm_tui.models.recipes.answering import BEGIN, END, answered, apart, fitting, untrained
from lstm_tui.models.recipes.recipe import Bound, Data, Measured, Recipe, Report, span

SIGNS = "·▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"
"""Regions by their points: 1 for the upper left, 2 for the upper right, 4 for the lower left, 8 for the lower right."""
SIZE, REGIONS = 8, 16
SHAPES = {
    "square": ("###", "#.#", "###"), "plus": (".#.", "###", ".#."), "cross": ("#.#", ".#.", "#.#"),
    "bar": ("...", "###", "..."), "pole": (".#.", ".#.", ".#."), "corner": ("#..", "#..", "###"),
}  # fmt: skip
ROWS, COLUMNS = ("top", "middle", "bottom"), ("left", "centre", "right")
ANSWER = (BEGIN, *ROWS, *COLUMNS, *SHAPES, END)
WORDS = (UNKNOWN, *SIGNS, *ANSWER)
DUST = 2
"""Points beside the shape at most."""

HIDDEN, EMBEDDING = 28, 12
EPOCHS, DRAWN_PER_EPOCH = 36, 4_000
SETTINGS = Settings(epochs=EPOCHS, rate=5e-3, batch=32, clip=1.0)
UNSEEN, UNSEEN_SEED = 1_000, 1_000_000
ACCEPTED = (Bound("right", "at least", 0.95), Bound("apart", "at least", 0.5))
"""`apart`: by how much the least clear token is a region, or one of the answer."""


def recipe(name: str) -> Recipe:
    """Return the recipe of `picture`."""
    return Recipe(
        name=name,
        task="looks at a drawing of 8×8 points, region by region, and says where what stands in it",
        data=(
            Data(
                "lstm_tui.models.recipes.pictures",
                "MIT",
                f"{EPOCHS * DRAWN_PER_EPOCH} drawings of six shapes with dust; judged by {UNSEEN} others",
            ),
        ),
        how=f"Adam on the cross-entropy of the caption, {EPOCHS} epochs; while it learned, the right words were read",
        train=trained,
        measure=measure,
        accuracy=accuracy,
        accepted=ACCEPTED,
        grid=(SIZE // 2, SIZE // 2),
    )


def drawn(shape: str, row: int, column: int, dust: Sequence[tuple[int, int]] = ()) -> Array:
    """Return the points of a drawing, (8, 8) of booleans.

    Args:
        shape: Which.
        row: Of its upper left point, from 0 to 5.
        column: The same.
        dust: Points beside it.
    """
    points = np.zeros((SIZE, SIZE), np.bool_)
    for place in dust:
        points[place] = True
    points[row : row + 3, column : column + 3] = [[one == "#" for one in line] for line in SHAPES[shape]]
    return points


def regions(points: Array) -> list[str]:
    """Return the signs of the regions of a drawing, row after row."""
    corners = points.reshape(SIZE // 2, 2, SIZE // 2, 2).astype(int)
    numbers = corners[:, 0, :, 0] + 2 * corners[:, 0, :, 1] + 4 * corners[:, 1, :, 0] + 8 * corners[:, 1, :, 1]
    return [SIGNS[number] for number in numbers.ravel()]


def caption(shape: str, row: int, column: int) -> list[str]:
    """Return what is said of a drawing."""
    return [ROWS[row // 2], COLUMNS[column // 2], shape]


def at_random(random: np.random.Generator) -> tuple[list[str], list[str]]:
    """Return the signs of a drawing and what is said of it."""
    shape = list(SHAPES)[random.integers(len(SHAPES))]
    row, column = (int(one) for one in random.integers(0, SIZE - 2, 2))
    points = random.integers(0, SIZE, (random.integers(DUST + 1), 2))
    near = [(int(y), int(x)) for y, x in points if not (row - 2 < y < row + 4 and column - 2 < x < column + 4)]
    return regions(drawn(shape, row, column, near)), caption(shape, row, column)


def example(signs: Sequence[str], said: Sequence[str]) -> Example:
    """Return a drawing with its caption behind it; the caption and the end are what is learned."""
    return answered(WORDS, signs, said)


def unseen() -> list[tuple[list[str], list[str]]]:
    """Return drawings with dust of which no training holds one."""
    random = np.random.default_rng(UNSEEN_SEED)
    found: dict[str, tuple[list[str], list[str]]] = {}
    while len(found) < UNSEEN:
        signs, said = at_random(random)
        found.setdefault("".join(signs), (signs, said))
    return list(found.values())


def begun(seed: int) -> Network:
    """Return the network before it is trained."""
    both = {"hidden_size": HIDDEN, "directions": ["forward"], "sizes": {"N": REGIONS}}
    layers = [{"cell": cell, **both} for cell in ("region_encoder", "decoder_additive")]
    return untrained("picture", WORDS, ANSWER, layers, EMBEDDING, 5, seed)


def trained(seed: int, report: Report) -> Network:
    """Train the network from a seed."""
    network = begun(seed)
    held = {"".join(signs) for signs, _ in unseen()}

    def of_epoch(epoch: int) -> list[Example]:
        random = np.random.default_rng((seed, epoch))
        drawings = (at_random(random) for _ in range(DRAWN_PER_EPOCH))
        return [example(signs, said) for signs, said in drawings if "".join(signs) not in held]

    train(network, of_epoch, replace(SETTINGS, seed=seed), progress=report)
    return network


def measure(network: Network) -> dict[str, float]:
    """Return the share of unseen drawings whose every word is right, of each of the three words, and how well told."""
    right = 0
    words = np.zeros(3)
    for signs, said in unseen():
        fits = fitting(network, example(signs, said))
        right += int(fits.all())
        words += fits[:3]
    row, column, shape = (float(one) / UNSEEN for one in words)
    told = apart(network, WORDS, ANSWER)
    return {"right": right / UNSEEN, "row": row, "column": column, "shape": shape, "apart": told}


def accuracy(measured: Sequence[Measured]) -> str:
    """Return how often several seeds are right in half a line."""
    return f"{span(measured, 'right')} % of {UNSEEN} unseen drawings right in row, column and shape"
