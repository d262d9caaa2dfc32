"""The numbers network: an encoder reads a number in words, and a decoder that looks over them says its digits.

The tape and the answer are as `answering` has them: the words, the sign where the answer begins, and the digits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from lstm_tui.analysis.train.loop import Settings, train
from lstm_tui.analysis.train.loss import Example
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.tokens import UNKNOWN
from lstm_tui.models.recipes.answering import BEGIN, END, answered, apart, fitting, untrained
from lstm_tui.models.recipes.recipe import Bound, Data, Measured, Recipe, Report, span

SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
HYPHEN = "-"
ANSWER = (BEGIN, *"0123456789", END)
WORDS = (UNKNOWN, *SMALL, *TENS, "hundred", "thousand", "and", HYPHEN, *ANSWER)
MOST = 999_999
"""The largest number."""

HIDDEN, EMBEDDING, PLACES = 24, 12, 16
EPOCHS, NUMBERS_PER_EPOCH = 25, 4_000
SETTINGS = Settings(epochs=EPOCHS, rate=1e-2, batch=32, clip=1.0)
UNSEEN, UNSEEN_SEED = 1_000, 1_000_000
ACCEPTED = (Bound("right", "at least", 0.98), Bound("apart", "at least", 0.5))
"""`apart`: by how much the least clear token is one that is read, or one of the answer."""


def recipe(name: str) -> Recipe:
    """Return the recipe of `numbers`."""
    return Recipe(
        name=name,
        task="reads a number in words, looks over them, and says its digits: two hundred and seven = 2 0 7 .",
        data=(
            Data(
                "lstm_tui.models.recipes.number_words",
                "MIT",
                f"{EPOCHS * NUMBERS_PER_EPOCH} numbers below a million, of every length; judged by {UNSEEN} others",
            ),
        ),
        how=f"Adam on the cross-entropy of the digits, {EPOCHS} epochs; while it learned, the right digits were read",
        train=trained,
        measure=measure,
        accuracy=accuracy,
        accepted=ACCEPTED,
    )


@dataclass(frozen=True)
class Style:
    """How a number is written: with `and` behind hundreds and thousands, and with a hyphen behind tens."""

    joined: bool = True
    hyphened: bool = False

    def words(self, number: int) -> Iterator[str]:
        """Yield the words of a number from 0 to `MOST`."""
        thousands, rest = divmod(number, 1000)
        if thousands:
            yield from self.words(thousands)
            yield "thousand"
        hundreds, small = divmod(rest, 100)
        if hundreds:
            yield from (SMALL[hundreds], "hundred")
        if self.joined and small and (hundreds or thousands):
            yield "and"
        if small >= len(SMALL):
            yield TENS[small // 10 - 2]
            small %= 10
            if self.hyphened and small:
                yield HYPHEN
            if not small:
                return
        if small or not number:
            yield SMALL[small]


STYLES = (Style(), Style(hyphened=True), Style(joined=False), Style(False, True))


SHARES = (0.4, 0.3, 0.2, 0.1)
"""How often each of them is read."""


def example(number: int, style: Style = STYLES[0]) -> Example:
    """Return a number in words with its digits behind it; the digits and the end are what is learned."""
    return answered(WORDS, [*style.words(number)], str(number))


def drawn(random: np.random.Generator, count: int) -> list[int]:
    """Return numbers of which every length is as likely as another."""
    digits = random.integers(1, len(str(MOST)) + 1, count)
    return [int(random.integers(10 ** (n - 1) if n > 1 else 0, 10**n)) for n in digits]


def unseen() -> tuple[int, ...]:
    """Return the numbers above a hundred that no training holds."""
    random = np.random.default_rng(UNSEEN_SEED)
    found = dict.fromkeys(number for number in drawn(random, 3 * UNSEEN) if number > 100)
    return tuple(found)[:UNSEEN]


def begun(seed: int) -> Network:
    """Return the network before it is trained."""
    layer = {"hidden_size": HIDDEN, "directions": ["forward"]}
    layers = [{"cell": "gru_encoder", **layer}, {"cell": "decoder_additive", "sizes": {"N": PLACES}, **layer}]
    return untrained("numbers", WORDS, ANSWER, layers, EMBEDDING, len(str(MOST)) + 2, seed)


def trained(seed: int, report: Report) -> Network:
    """Train the network from a seed."""
    network = begun(seed)
    held = frozenset(unseen())

    def of_epoch(epoch: int) -> list[Example]:
        random = np.random.default_rng((seed, epoch))
        numbers = [number for number in drawn(random, NUMBERS_PER_EPOCH) if number not in held]
        return [example(number, STYLES[random.choice(len(STYLES), p=SHARES)]) for number in numbers]

    train(network, of_epoch, replace(SETTINGS, seed=seed), progress=report)
    return network


def measure(network: Network) -> dict[str, float]:
    """Return the share of unseen numbers whose every digit is right, of the digits, and how well the answer is told."""
    right = digits = counted = 0
    for n, number in enumerate(unseen()):
        fits = fitting(network, example(number, STYLES[n % len(STYLES)]))
        right += int(fits.all())
        digits += int(fits.sum())
        counted += len(fits)
    return {"right": right / UNSEEN, "digits": digits / counted, "apart": apart(network, WORDS, ANSWER)}


def accuracy(measured: Sequence[Measured]) -> str:
    """Return how often several seeds are right in half a line."""
    return f"{span(measured, 'right')} % of {UNSEEN} unseen numbers right to the last digit"
