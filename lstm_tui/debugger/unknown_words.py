"""How it is said that a network does not know a word, whether it came from a file, an edit or a typed text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.model.tokens import Tokens, calls_unknown
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.text_safety import visible

_PLACES = 4


def unknown_word(token: str, known: Tokens, places: str = "") -> str:
    """Return that a word is not known, which known ones are written like it, and as which it is read if as a word.

    Args:
        token: The word.
        known: How the network reads text.
        places: Where it stands, such as ` at t=3`.
    """
    near = ", ".join(visible(one) for one in known.near(token))
    return f"unknown: “{visible(token)}”{places}{read_as(known)}" + (f"; near: {near}" if near else "")


def read_as(known: Tokens) -> str:
    """Return as which token an unknown word is read, where that is not the one for unknown words: `, read as “the”`."""
    if not 0 <= known.unknown_id < len(known.vocabulary) or known.definition:
        return ""
    token = known.vocabulary[known.unknown_id]
    return "" if calls_unknown(token) else f", read as id {known.unknown_id} (“{visible(token)}”)"


def unknown_lines(sequence: Sequence, known: Tokens, most: int) -> Iterator[str]:
    """Yield a line for each of the first words of a text that are not known, and how many more there are.

    Args:
        sequence: The text as it was read.
        known: How the network reads text.
        most: How many words have a line, with where they stand and near ones.
    """
    places: dict[str, list[int]] = {}
    for t in sequence.unknown:
        places.setdefault(sequence.tokens[t], []).append(t)
    for token, where in islice(places.items(), most):
        at = ", ".join(f"t={t}" for t in where[:_PLACES]) + (
            f" and {len(where) - _PLACES} more" if len(where) > _PLACES else ""
        )
        yield unknown_word(token, known, f" at {at}")
    if len(places) > most:
        yield f"and {count_of(len(places) - most, 'more unknown word')}: `vocabulary` lists them"


def words_known(sequence: Sequence) -> str:
    """Return how many tokens of a text are known: `7 of 8 words known`."""
    kind = sequence.kind.removesuffix("s")
    return f"{len(sequence) - len(sequence.unknown)} of {count_of(len(sequence), kind)} known"
