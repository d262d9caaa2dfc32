"""What is said: which number is largest, and what a language model says comes next.

What "says" and "largest" mean in every answer is decided here, and so is the surprise of a token that came.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.tokens import UNKNOWN
from lstm_tui.engine.probabilities import ROUNDING, is_distribution
from lstm_tui.engine.runtime.answer import answer_begins
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.runtime.windowed_series import WindowedSeries, as_array, is_windowed, rows_of


def largest(values: Array, some_left_out: bool = False) -> int | None:
    """Return the place of the largest number, the first of several; None where it is not known.

    Args:
        values: At least one number, (K,). Where one is NaN nobody knows which is the largest.
        some_left_out: Whether a NaN stands for a number that was smaller and was not kept, as in a trace file.
    """
    there = np.flatnonzero(~np.isnan(values))
    if not len(there) or (len(there) < len(values) and not some_left_out):
        return None
    return int(there[np.argmax(values[there])])


def is_language_model(network: Network | None) -> bool:
    """Say whether what a network says are its own tokens, and was learned at every token of a text."""
    if network is None or network.tokens is None or network.readout is None or network.asked != "each":
        return False
    return network.forward_only and network.classes == network.tokens.vocabulary


def probabilities(trace: Trace, first: int = 0) -> Array | None:
    """Return how likely each token is to come next, (T, V), or None where the network says something else.

    Args:
        trace: The run.
        first: The place from which on it is wanted; the rows are then those from there on.
    """
    if not is_language_model(trace.network) or trace.output is None or trace.sequence.ids is None:
        return None
    output = trace.output[first:]
    if is_windowed(output):
        return as_array(output)
    return None if is_distribution(output) is False else output


def surprise(trace: Trace, known: Array | None = None) -> Array | None:
    """Return the surprise of each token, −log₂ p in bits, (T,); NaN for the first, which nothing predicted.

    NaN as well where what the network says is no probability: NaN, infinite, or more than 1.

    None where the network is no language model.

    Args:
        trace: The run.
        known: That of the first tokens, where a shorter run with the same beginning has found it out.
    """
    if is_windowed(trace.output):
        return _surprise_in_windows(trace)
    first = 0 if known is None else len(known) - 1
    said = probabilities(trace, first)
    if said is None:
        return None
    bits = np.full(len(trace.sequence), np.nan)
    if known is not None:
        bits[: len(known)] = known
    assert trace.sequence.ids is not None
    with np.errstate(all="ignore"):
        ids = trace.sequence.ids[first + 1 :]
        chances = said[np.arange(len(ids)), ids].astype(np.float64)
        bits[first + 1 :] = np.where(chances <= 1 + ROUNDING, -np.log2(chances), np.nan)
    bits[: first_predicted(trace)] = np.nan  # while it reads an answer's text it says nothing of what comes next
    return bits


def _surprise_in_windows(trace: Trace) -> Array | None:
    """Return the surprise of each token of a run in windows, looked up where it is read."""
    output, ids = trace.output, trace.sequence.ids
    if not is_language_model(trace.network) or output is None or ids is None:
        return None

    def read(start: int, stop: int) -> Array:
        bits = np.full(stop - start, np.nan)
        first = max(start, 1)
        with np.errstate(all="ignore"):
            said = rows_of(output, first - 1, stop - 1)
            chances = said[np.arange(len(said)), ids[first:stop]].astype(np.float64)
            told = (chances <= 1 + ROUNDING) & (is_distribution(said) is not False)
            bits[first - start :] = np.where(told, -np.log2(chances), np.nan)
        return bits

    return as_array(WindowedSeries(read, len(ids), (), np.float64))


def first_predicted(trace: Trace) -> int:
    """Return the first place whose token was predicted: the second, or of an answer the one behind its beginning."""
    begins = answer_begins(trace.sequence.tokens, trace.network)
    return 1 if begins is None else begins + 1


def perplexity(bits: Sequence[Array] | Array, first: int = 1) -> float | None:
    """Return 2 to the mean surprise of all tokens that were predicted; None when none was.

    Args:
        bits: The surprise of each token of a text, or of several.
        first: The first place of each whose token was predicted, see `first_predicted`.
    """
    every = np.concatenate([np.atleast_1d(one)[first:] for one in ([bits] if isinstance(bits, np.ndarray) else bits)])
    with np.errstate(all="ignore"):
        return perplexity_of(float(every.sum()), every.size)


def perplexity_of(bits: float, predicted: int) -> float | None:
    """Return 2 to the mean surprise of so many predicted tokens, of `bits` in all; None where there are none."""
    if not predicted:
        return None
    with np.errstate(all="ignore"):
        return float(np.exp2(np.float64(bits) / predicted))


def choose(trace: Trace, temperature: float = 0.0, seed: int = 0) -> str:
    """Return a token to go on with after the end of a text.

    Args:
        trace: The run of the text.
        temperature: 0 for the most likely token; else one is drawn, the rarer ones the more often the higher it is.
        seed: Of the draw, with the length of the text: the same text goes on in the same way.

    Raises:
        UserError: If the network says no next token, or nothing that can be drawn from.
    """
    said = probabilities(trace, len(trace.sequence) - 1)  # its first places were asked about when they were last
    network = trace.network
    if said is None and is_language_model(network) and trace.sequence.ids is not None:
        raise UserError(
            "what this network says are no probabilities: open its file with --set readout.activation=softmax"
        )
    if said is None or network is None or network.tokens is None:
        raise UserError("this network says no next token: `model story` or `model chars` opens one that does")
    chances = said[-1].astype(np.float64)
    if network.tokens.kind != "bytes":
        chances[[n for n, token in enumerate(network.tokens.vocabulary[:1]) if token == UNKNOWN]] = 0
    if not np.isfinite(chances).all() or chances.sum() <= 0:
        raise UserError("what the network says after the last token is not a number: nothing can be drawn from it")
    if temperature > 0:
        with np.errstate(all="ignore"):
            weights = np.log(chances) / temperature
            weights = np.exp(weights - weights.max())
        random = np.random.default_rng((seed, len(trace.sequence)))
        chosen = int(random.choice(len(weights), p=weights / weights.sum()))
    else:
        chosen = int(chances.argmax())
    return network.tokens.vocabulary[chosen]
