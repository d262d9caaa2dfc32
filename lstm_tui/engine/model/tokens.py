"""Text to tokens to numbers: words, characters or bytes, against a network's vocabulary."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import field
from functools import cache
from typing import Literal
from unicodedata import category

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.spelling import alike
from lstm_tui.engine.text_safety import visible

Kind = Literal["words", "chars", "bytes", "pieces", "numbers"]
UNKNOWN = "<unk>"

_WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")
_JOINERS = "\u200c\u200d"
"""Signs of no width inside of a word: they say how the letters beside them are written."""
_INSIDE = ("", "'", "’", *_JOINERS)
"""What behind a word may be followed by more of it."""
_LETTER = re.compile(r"\w")
_MARKS = (range(0x300, 0x1F000), range(0xE0100, 0xE01F0))
"""Where Unicode has signs that are written on or beside the letter before them."""


@cache
def _word_with_marks() -> re.Pattern[str]:
    """Return how words are found in a text that is not ASCII: a letter keeps the marks that are written on it."""
    marks = "".join(one for some in _MARKS for one in map(chr, some) if category(one)[0] == "M")
    run = rf"\w+(?:(?![\0-\u02ff])[{marks}]+\w*)*"  # no mark is looked for among the first letters: it takes time
    return re.compile(rf"{run}(?:['’{_JOINERS}]{run})*|[^\w\s]")


def _words_in(text: str) -> re.Pattern[str]:
    return _WORD if text.isascii() else _word_with_marks()


def tokenize(text: str, kind: Kind) -> list[str]:
    """Split `text` into tokens.

    Words are runs of letters and digits, with the marks written on them and with inner apostrophes; every other sign
    that is not white space stands alone. Bytes are shown as the Latin-1 character of their value.
    """
    if kind == "words":
        found: list[str] = _words_in(text).findall(text)
    elif kind == "chars":
        found = list(text)
    elif kind == "bytes":
        found = [chr(byte) for byte in text.encode("utf-8", "surrogateescape")]
    else:
        raise ValueError(f"text cannot be split into {kind}")
    one: dict[str, str] = {}  # of each word one string: a long text has few that differ, and is copied with its edits
    return [one.setdefault(token, token) for token in found]


def tokenize_begun(text: str, kind: Kind) -> tuple[list[str], str]:
    """Split a text that still grows into the tokens that no more of it can change, and the rest of it."""
    if kind != "words":  # nothing but the end of a line that may be the last
        rest = "\n" if text.endswith("\n") else ""
        return tokenize(text[: len(text) - len(rest)], kind), rest
    tokens: list[str] = []
    for match in _words_in(text).finditer(text):
        behind = text[match.end() :] if match.end() >= len(text) - 1 else None
        if _LETTER.match(match[0]) and behind is not None and behind in _INSIDE:
            return tokens, text[match.start() :]
        tokens.append(match[0])
    return tokens, ""


_UNKNOWN = ("unk", "unknown", "oov", "�")


def calls_unknown(token: str) -> bool:
    """Say whether a vocabulary means by a token the words that it does not hold."""
    return token.lower().strip("<>[]") in _UNKNOWN


def no_text(number: int) -> str:
    """Return what an id is shown as whose text nobody told."""
    return f"<{number}>"


_MOST_SHOWN = 6
"""Tokens that a vocabulary tells of itself at a prompt."""


@dataclass(frozen=True)
class Tokens:
    """How a network reads text.

    Attributes:
        kind: words, chars, bytes, or pieces of words, which a tokenizer of its own splits a text into.
        vocabulary: The token of each id; id 0 is the unknown token, except for bytes, whose vocabulary is
            the 256 values themselves, and for a vocabulary of others, which says so in `unknown_id`.
        lowercase: Whether a token is looked up in lower case; it is shown as it was written.
        unknown_id: The id of what the vocabulary does not hold; -1 where pieces make up everything.
        definition: Of the tokenizer of pieces, as text; it is run elsewhere.
    """

    kind: Kind
    vocabulary: tuple[str, ...]
    lowercase: bool = False
    unknown_id: int = 0
    definition: str = field(default="", repr=False)
    index: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Build the look-up from token to id."""
        object.__setattr__(self, "index", {token: n for n, token in enumerate(self.vocabulary)})

    def __repr__(self) -> str:
        """Say in one line how it reads and how much it knows."""
        first = ", ".join(f"“{visible(one)}”" for one in self.vocabulary[:_MOST_SHOWN])
        more = ", …" if len(self.vocabulary) > _MOST_SHOWN else ""
        return f"<Tokens by {self.kind}: {len(self.vocabulary):,} known: {first}{more}>"

    @staticmethod
    def of_bytes() -> Tokens:
        """Return the vocabulary of all bytes: no text is unknown to it."""
        return Tokens("bytes", tuple(chr(byte) for byte in range(256)))

    def as_read(self, token: str) -> str:
        """Return a token as it is looked up."""
        return token.lower() if self.lowercase else token

    @property
    def are_ids(self) -> bool:
        """Whether the tokens are the ids themselves, as of a network whose file holds no vocabulary."""
        return self.kind == "words" and all(token == str(n) for n, token in enumerate(self.vocabulary))

    @property
    def told(self) -> int:
        """How many of its ids have a text."""
        return sum(token != no_text(n) for n, token in enumerate(self.vocabulary))

    def knows(self, token: str) -> bool:
        """Say whether the vocabulary holds a token."""
        return self.as_read(token) in self.index

    def near(self, token: str, most: int = 3) -> tuple[str, ...]:
        """Return the tokens of the vocabulary that are written most like one, the most like first; few or none.

        Only those with the same first letter are looked at, so that a large vocabulary takes no time.
        """
        wanted = self.as_read(token)
        return alike(wanted, (one for one in self.vocabulary if one[:1] == wanted[:1]), most)

    def encode(self, tokens: Sequence[str]) -> tuple[Array, tuple[int, ...]]:
        """Return the ids (T,) of tokens and the places of those the vocabulary does not hold."""
        found: dict[str, int] = {}
        strange: set[str] = set()
        for token in dict.fromkeys(tokens):  # a long text has few that differ
            key = self.as_read(token)
            found[token] = self.index.get(key, self.unknown_id)
            if key not in self.index:
                strange.add(token)
        ids = np.fromiter(map(found.__getitem__, tokens), np.int64, len(tokens))
        return ids, tuple(t for t, token in enumerate(tokens) if token in strange) if strange else ()
