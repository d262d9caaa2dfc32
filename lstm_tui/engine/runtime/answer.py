"""The answer of a network of two parts: what it says behind the text that it read, token by token, each read back."""

from __future__ import annotations

from collections.abc import Sequence as Items
from dataclasses import replace

import numpy as np

from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.forward import run_arrays

_INTERPRETER = "numpy"
"""One of the two, whatever runs later: a tie that rounding decides must not make another tape."""


def answered(sequence: Sequence, network: Network) -> Sequence:
    """Return a text with the answer of the network behind it; one that holds an answer already is left alone.

    At every step the likeliest token is appended and read: the decoder reads its own output. It ends with the token
    that ends answers, after as many tokens as the network says, or where what it says is no number.
    """
    how, tokens = network.answers, network.tokens
    if how is None or tokens is None or sequence.ids is None or network.embedding is None or network.readout is None:
        return sequence
    begin, end = (tokens.vocabulary.index(one) for one in (how.begin, how.end))
    asked = np.flatnonzero(sequence.ids == begin)
    if len(asked) and asked[0] < len(sequence) - 1:
        return sequence
    ids = [*sequence.ids.tolist(), *(() if len(asked) else (begin,))]
    for _ in range(how.most):
        ran = run_arrays(network, network.embedding[np.array(ids)], _INTERPRETER)
        assert ran.readout is not None
        said = ran.readout.values[network.readout.page.result]
        if said.ndim != 2 or said.shape[1] != len(tokens.vocabulary) or np.isnan(said[-1]).any():
            break
        ids.append(int(said[-1].argmax()))
        if ids[-1] == end:
            break
    made = ids[len(sequence) :]
    return replace(
        sequence,
        tokens=(*sequence.tokens, *(tokens.vocabulary[one] for one in made)),
        ids=np.array(ids, dtype=sequence.ids.dtype),
    )


def answer_begins(tokens: Items[str], network: Network | None) -> int | None:
    """Return the place of the token with which the answer begins; None where there is none."""
    if network is None or network.answers is None:
        return None
    begin = network.answers.begin
    return next((t for t, token in enumerate(tokens) if token == begin), None)


def answering(tokens: Items[str], network: Network | None) -> range:
    """Return the places at which a network says its answer; all places of one that does not answer so.

    The token that ends it is said, and nothing behind it.
    """
    begins = answer_begins(tokens, network)
    if begins is None or network is None or network.answers is None:
        return range(len(tokens))
    end = network.answers.end
    stop = next((t for t in range(begins + 1, len(tokens)) if tokens[t] == end), len(tokens))
    return range(begins, stop)
