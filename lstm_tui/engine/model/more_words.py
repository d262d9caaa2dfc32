"""A network that reads more words than it was trained with: each begins as the unknown word, and can then be taught."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network, build_network, spec_of
from lstm_tui.engine.model.tokens import tokenize
from lstm_tui.engine.text_safety import visible

MOST_WORDS = 256
"""How many words are added at once."""


def new_words(words: Sequence[str], network: Network) -> tuple[str, ...]:
    """Return words as they are put into the vocabulary of a network, each once.

    Raises:
        UserError: It takes no more words, knows one already, or one is several.
    """
    name, tokens = visible(network.name), network.tokens
    if tokens is None or tokens.kind != "words" or tokens.definition or tokens.are_ids:
        reads = "numbers" if tokens is None or tokens.are_ids else tokens.kind
        raise UserError(f"{name} reads {reads}: words can be added to a vocabulary of words only")
    if not 0 <= tokens.unknown_id < len(tokens.vocabulary) or network.front is not None or network.embedding is None:
        raise UserError(f"{name} has no unknown word, as which a new one could begin")
    found = tuple(dict.fromkeys(tokens.as_read(word) for word in words))
    if not 0 < len(found) <= MOST_WORDS:
        raise UserError(f"{len(found)} words to add: give 1 to {MOST_WORDS}")
    for word in found:
        if word in tokens.index:
            raise UserError(f"{name} knows “{visible(word)}” already")
        if tokenize(word, "words") != [word]:
            raise UserError(f"“{visible(word)}” is not one word")
    return found


def with_words(network: Network, words: Sequence[str]) -> Network:
    """Return a network with more words in its vocabulary, its weights its own.

    The row of each in the embedding, and where the next word is said also its row of the readout, is a copy of the
    unknown word's.

    Args:
        network: It is left as it is.
        words: Which it does not know yet.

    Raises:
        UserError: As `new_words`.
    """
    found = new_words(words, network)
    assert network.tokens is not None, "it was looked at"
    says_words = network.readout is not None and network.classes == network.tokens.vocabulary
    spec = spec_of(network)
    spec["tokens"] = {**spec["tokens"], "vocabulary": [*network.tokens.vocabulary, *found]}
    if says_words:
        spec["outputs"] += len(found)
    # untrained of the right shapes, since only its own description says which axis of a weight counts words
    made = build_network(spec, dtype=network.dtype)
    unknown, old = network.tokens.unknown_id, network.tensors()
    for name, tensor in made.tensors().items():
        tensor[...] = _grown(old[name], tensor.shape, unknown)
    return replace(
        network.copy(),
        tokens=made.tokens,
        embedding=made.embedding,
        readout=made.readout,
        classes=made.classes,
    )


def _grown(tensor: Array, shape: tuple[int, ...], at: int) -> Array:
    """Return a tensor brought to a shape by copies of what stands at a place along each axis that is longer."""
    for axis, (now, wanted) in enumerate(zip(tensor.shape, shape, strict=True)):
        if now != wanted:
            copied = np.repeat(np.take(tensor, [at], axis), wanted - now, axis)
            tensor = np.concatenate((tensor, copied), axis)
    return tensor
