"""The numbers network: an encoder reads a number in words, and a decoder that looks over them says its digits.

One tape holds both parts: the words, the sign where the answer begins, and the digits, each of which the decoder reads
before it says the next. Which tokens are those of the answer is told by one number of the embedding, which `p_turn` of
the cells reads; it is set here before the training, and a threshold passes nothing back, so it stays what it means.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lstm_tui.analysis.train.loop import Settings, train
from lstm_tui.analysis.train.loss import NOT_COUNTED, Example, input_array
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.model.tokens import UNKNOWN
from lstm_tui.engine.runtime.interpreters import chosen_for_many
from lstm_tui.engine.runtime.run import run_arrays
from lstm_tui.models.recipes.recipe import Bound, Data, Measured, Recipe, Report, span

SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
BEGIN, END, HYPHEN = "=", ".", "-"
ANSWER = (BEGIN, *"0123456789", END)
WORDS = (UNKNOWN, *SMALL, *TENS, "hundred", "thousand", "and", HYPHEN, *ANSWER)
MOST = 999_999
"""The largest number."""

HIDDEN, EMBEDDING, PLACES = 24, 12, 16
EPOCHS, NUMBERS_PER_EPOCH = 25, 4_000
SETTINGS = Settings(epochs=EPOCHS, rate=1e-2, batch=32, clip=1.0)
MARK = 2.0
"""How far the number that tells the answer apart is from 0 at the start; what trains moves it by less."""
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
    asked, said = [*style.words(number), BEGIN], [*str(number), END]
    ids = np.array([WORDS.index(word) for word in (*asked, *said)], dtype=np.int64)
    target = np.full(len(ids), NOT_COUNTED, dtype=np.int64)
    target[len(asked) - 1 : -1] = ids[len(asked) :]
    return Example(ids, target)


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
    network = build_network(
        {
            "name": "numbers",
            "tokens": {"kind": "words", "lowercase": True, "vocabulary": list(WORDS)},
            "embedding_size": EMBEDDING,
            "layers": [
                {"cell": "gru_encoder", **layer},
                {"cell": "decoder_additive", "sizes": {"N": PLACES}, **layer},
            ],
            "readout": "dense",
            "answers": {"begin": BEGIN, "end": END, "most": len(str(MOST)) + 2},
        },
        seed=seed,
    )
    tensors = network.tensors()
    answers = np.isin(WORDS, ANSWER)
    tensors["embedding"][:, -1] = np.where(answers, MARK, -MARK)
    tensors["layer0.forward/p_turn"][...] = np.arange(EMBEDDING) == EMBEDDING - 1
    bound = np.sqrt(3 / HIDDEN)
    tensors["layer1.forward/v_a"][...] = np.random.default_rng(seed).uniform(-bound, bound, HIDDEN)
    return network


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
    """Return the share of unseen numbers whose every digit is right, of the digits, and how well the answer is told.

    What is read is the right digit: where all that was said is right, a network that reads its own says the same.
    """
    right = digits = counted = 0
    for n, number in enumerate(unseen()):
        one = example(number, STYLES[n % len(STYLES)])
        ran = run_arrays(network, input_array(network, one.read), chosen_for_many())
        assert ran.readout is not None
        assert network.readout is not None
        said = ran.readout.values[network.readout.page.result].argmax(axis=1)
        target = np.asarray(one.target)
        asked = target != NOT_COUNTED
        fits = said[asked] == target[asked]
        right += int(fits.all())
        digits += int(fits.sum())
        counted += int(asked.sum())
    told = network.tensors()["embedding"] @ network.tensors()["layer0.forward/p_turn"]
    apart = min(float(number if word in ANSWER else -number) for word, number in zip(WORDS, told, strict=True))
    return {"right": right / UNSEEN, "digits": digits / counted, "apart": apart}


def accuracy(measured: Sequence[Measured]) -> str:
    """Return how often several seeds are right in half a line."""
    return f"{span(measured, 'right')} % of {UNSEEN} unseen numbers right to the last digit"
