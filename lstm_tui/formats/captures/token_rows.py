"""What a token is to a captured module: the row of the embedding that enters it."""

from __future__ import annotations

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.model.tokens import Kind, Tokens, calls_unknown


@dataclass(frozen=True, eq=False)
class TokenRows:
    """What enters a module for each id.

    Attributes:
        rows: (V, I), in the precision of the model.
        tokens: The token of each id, by which a text is read.
    """

    rows: Array
    tokens: Tokens


def tokens_of(names: tuple[str, ...]) -> Tokens:
    """Return how a text is read by a vocabulary; a word that is not in it is its unknown one, where it has such."""
    unknown = next((n for n, name in enumerate(names) if calls_unknown(name)), -1)
    kind: Kind = "chars" if len(names) > 1 and all(len(name) == 1 for name in names) else "words"
    return Tokens(kind, names, unknown_id=unknown)
