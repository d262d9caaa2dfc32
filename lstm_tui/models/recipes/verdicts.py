"""The verdict networks: one small task, learned by one kind of cell after the other, to lay them side by side.

The sentences are those of `negations`: ours, short, and so few words that a file has the size of a picture. No
sentence that is learned from holds both *movie* and *bad*. Among the cells are the LSTM with peepholes and the eight
that Greff et al. (LSTM: A Search Space Odyssey, 2015) lay beside it, each trained as it is: NP is `verdict-lstm`, V is
`verdict-peephole`, and the others stand under the letters that the paper gives them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial

import numpy as np

from lstm_tui.analysis.train.loop import Settings, train
from lstm_tui.analysis.train.loss import Example, input_array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.model.network import Network, build_network, spec_of
from lstm_tui.engine.model.tokens import UNKNOWN
from lstm_tui.engine.runtime.interpreters import chosen_for_many
from lstm_tui.engine.runtime.run import run_arrays
from lstm_tui.models.measures import accuracy as share_of_right
from lstm_tui.models.recipes.recipe import Bound, Data, Measured, Recipe, Report, span
from lstm_tui.models.recipes.sentiment import LEFT_OUT, SHOWN, positive, verdicts

LEARNED, UNSEEN = 4000, 500
SETTINGS = Settings(epochs=8, rate=1e-2, batch=16, unknown=0.02)


FLOAT32, BFLOAT16 = 24, 8
"""Significant bits of a number, the first among them."""


@dataclass(frozen=True)
class Kind:
    """What one of the networks is made of.

    Attributes:
        cell: Its cell.
        words: The same in a card.
        readout: How the verdict is made.
        rate: Of learning.
        layers: How many layers; a cell that reads from the layer below needs two.
        least: The share of unseen verdicts that it must get right.
        bits: Significant bits of its numbers once it is trained; 24 are all of a float32. Fewer make a smaller package.
    """

    cell: str
    words: str
    readout: str = "mean"
    rate: float = SETTINGS.rate
    layers: int = 1
    least: float = 0.99
    bits: int = FLOAT32


KINDS = {
    "verdict-lstm": Kind("lstm", "LSTM"),
    "verdict-peephole": Kind("lstm_peephole", "LSTM with peepholes"),
    "verdict-coupled": Kind("lstm_cifg", "LSTM with coupled gates"),
    "verdict-gru": Kind("gru", "GRU"),
    "verdict-relu": Kind("rnn_relu", "plain network with ReLU, learning too fast for some of its units", rate=5e-2),
    "verdict-depth": Kind("depth_gated", "depth-gated LSTM of two layers", layers=2),
    "verdict-grid": Kind("grid", "grid LSTM of two layers", layers=2),
    "verdict-clockwork": Kind("clockwork", "clockwork RNN, its units at four paces", least=0.93),
    "verdict-attention": Kind("lstm", "LSTM with attention over the tokens", "attention_additive"),
    "verdict-nig": Kind("greff_nig", "LSTM with peepholes and no input gate", bits=BFLOAT16),
    "verdict-nfg": Kind("greff_nfg", "LSTM with peepholes and no forget gate", bits=BFLOAT16),
    "verdict-nog": Kind("greff_nog", "LSTM with peepholes and no output gate", bits=BFLOAT16),
    "verdict-niaf": Kind("greff_niaf", "LSTM with peepholes, its candidate not squashed", bits=BFLOAT16),
    "verdict-noaf": Kind("greff_noaf", "LSTM with peepholes, its memory shown unsquashed", bits=BFLOAT16),
    "verdict-cifg": Kind("greff_cifg", "LSTM with peepholes and coupled gates", bits=BFLOAT16),
    "verdict-fgr": Kind("greff_fgr", "LSTM with peepholes, its gates reading those before", bits=BFLOAT16),
}
HIDDEN = 16
EMBEDDING = 12


def recipe(name: str) -> Recipe:
    """Return the recipe of one of the verdict networks."""
    return Recipe(
        name=name,
        task=f"says whether a short verdict is negative or positive ({KINDS[name].words})",
        data=(
            Data(
                "lstm_tui.models.recipes.sentiment",
                "MIT",
                f"{LEARNED} generated verdicts, most with a negation; none holds both {' and '.join(LEFT_OUT)}; "
                f"judged by {UNSEEN} others",
            ),
        ),
        how="Adam on cross-entropy, so small and quick that cells can be compared on it" + _rounding(KINDS[name].bits),
        train=partial(trained, name),
        measure=measure,
        accuracy=accuracy,
        accepted=(Bound("accuracy", "at least", KINDS[name].least),),
    )


def trained(name: str, seed: int, report: Report) -> Network:
    """Train a verdict network from a seed."""
    network, (learned, _) = untrained(name, seed), _verdicts()
    how = replace(SETTINGS, seed=seed, rate=KINDS[name].rate)
    train(network, _examples(network, learned), how, progress=report)
    return rounded(network, KINDS[name].bits)


def rounded(network: Network, bits: int) -> Network:
    """Return a network whose numbers are the nearest of so many significant bits; a tie goes away from 0."""
    if bits == FLOAT32:
        return network
    lost = np.uint32(FLOAT32 - bits)
    tensors = {}
    for name, tensor in network.tensors().items():
        word = np.ascontiguousarray(tensor, dtype=np.float32).view(np.uint32)
        tensors[name] = ((word + (np.uint32(1) << (lost - np.uint32(1)))) >> lost << lost).view(np.float32)
    return build_network(spec_of(network), tensors)


def _rounding(bits: int) -> str:
    return "" if bits == FLOAT32 else f"; then its numbers are rounded to {bits} significant bits"


def untrained(name: str, seed: int) -> Network:
    """Return a verdict network before it is trained."""
    kind, (learned, _) = KINDS[name], _verdicts()
    vocabulary = [UNKNOWN, *sorted({word for text, _ in learned for word in text.split()})]
    return build_network(
        {
            "name": name,
            "tokens": {"kind": "words", "lowercase": True, "vocabulary": vocabulary},
            "embedding_size": EMBEDDING,
            "layers": [{"cell": kind.cell, "hidden_size": HIDDEN, "directions": ["forward"]}] * kind.layers,
            "readout": kind.readout,
            "classes": ["negative", "positive"],
        },
        seed=seed,
    )


def measure(network: Network) -> dict[str, float]:
    """Return the accuracy on unseen verdicts, how positive some sentences are, and how many units never act."""
    unseen = _examples(network, _verdicts()[1])
    right = {"accuracy": share_of_right(network, unseen, chosen_for_many())}
    right |= {text: positive(network, text.lower().split()) for text in SHOWN}
    if network.layers[0].passes[0].cell.name == "rnn_relu":
        right["units that never act"] = float(len(never_acting(network)))
    return right


def accuracy(measured: Sequence[Measured]) -> str:
    """Return the accuracy of several seeds in half a line."""
    return f"{span(measured, 'accuracy')} % of {UNSEEN} unseen verdicts"


def never_acting(network: Network) -> list[int]:
    """Return the units of the first pass whose output is 0 at every word of every unseen verdict."""
    name = network.passes[0].name
    acts = np.zeros(network.passes[0].program.hidden_size, dtype=np.bool_)
    for example in _examples(network, _verdicts()[1]):
        acts |= (
            run_arrays(network, input_array(network, example.read), chosen_for_many()).stored[name].values["h"] != 0
        ).any(0)
    return [int(unit) for unit in np.flatnonzero(~acts)]


def _examples(network: Network, told: Sequence[tuple[str, int]]) -> list[Example]:
    assert network.tokens is not None, "the recipe gives it words"
    return [Example(network.tokens.encode(text.split())[0], label) for text, label in told]


@cache
def _verdicts() -> tuple[tuple[tuple[str, int], ...], tuple[tuple[str, int], ...]]:
    """Return what is learned and what judges, as texts with their labels."""
    told = tuple((one.text, one.label) for one in verdicts(LEARNED + UNSEEN, seed=1))
    return told[:LEARNED], told[LEARNED:]
