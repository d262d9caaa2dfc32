"""Sentences that say what never or always is, or which way: each such word stands in what a test shows, or is prose."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache

from .documents import COMMENT, FENCED, ROOT, Section

_PAIRS = (
    ("never", "always"), ("above", "below"), ("backwards", "forwards"), ("with", "without"), ("fewer", "more"),
    ("most", "least"), ("before", "after"), ("longer", "shorter"), ("first", "last"), ("faster", "slower"),
)  # fmt: skip
OPPOSITE = {
    "nothing": "everything", "nobody": "everybody", "cannot": "can", "less": "more", "gpu": "CPU",
    "encrypted": "sent as it is", **dict(_PAIRS), **{other: one for one, other in _PAIRS},
}  # fmt: skip
"""Words by which a sentence claims something of every case, or says which way: no example and no number shows it.

What each turns into where a sentence is made false.
"""
STRONG = re.compile(rf"\b(?:{'|'.join(OPPOSITE)})\b", re.IGNORECASE)
_PAIRS_OF_HELP = (
    ("largest", "smallest"), ("longest", "shortest"), ("end", "beginning"), ("open", "shut"), ("every", "no"),
    ("each", "no"), ("all", "none"), ("only", "all but"), ("alone", "and more"), ("instead", "as well"),
    ("not", "always"), ("same", "other"), ("add", "take away"), ("keep", "discard"), ("discard", "keep"),
    ("front", "behind"), ("behind", "in front of"), ("new", "old"), ("anew", "on"),
)  # fmt: skip
OPPOSITE_IN_HELP = {**OPPOSITE, **dict(_PAIRS_OF_HELP)}
"""The same for what `--help` says of an option, which is short, and hangs on smaller words."""
STRONG_IN_HELP = re.compile(rf"\b(?:{'|'.join(OPPOSITE_IN_HELP)})\b", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.:!?])\s+|\n\n+|\n(?=- |\d+\. |\|)")
_CODE = re.compile(r"`[^`]+`|(?<!\w)'[^']+'(?!\w)")


def check_shown(section: Section, strong: re.Pattern[str] = STRONG) -> list[str]:
    """Return what is false of the claims `shown by`, and which strong words of users' documents stand in none."""
    claims = [one.rpartition(" = ")[::2] for one in section.said("shown by")]
    text = " ".join(COMMENT.sub("", FENCED.sub("", section.text)).split())
    wrong = [f"“{part}” does not stand there" for part, _ in claims if part not in text]
    wrong += [f"“{part}” does not say what is never so, or which way" for part, _ in claims if not strong.search(part)]
    wrong += [f"{test}: there is no such test" for _, test in claims if test != "prose" and not is_test(test)]
    if section.is_for_users:
        parts = {part for part, _ in claims}
        wrong += [
            f"name the test that shows “{word[0]}” in a comment `shown by: PART OF IT = TEST`: {sentence}"
            for sentence in strong_sentences(section, strong)
            for word in strong_words(sentence, strong)
            if not _stands_in(word, sentence, parts)
        ]
    return wrong


def strong_sentences(section: Section, strong: re.Pattern[str] = STRONG) -> list[str]:
    """Return the sentences of a section that claim something of every case, or say which way; its heading is one."""
    found = (" ".join(one.split()) for one in _SENTENCE.split(COMMENT.sub("", FENCED.sub("", section.text))))
    return [one for one in found if any(strong_words(one, strong))]


def strong_words(sentence: str, strong: re.Pattern[str] = STRONG) -> Iterator[re.Match[str]]:
    """Find the words of a sentence by which it does; what is in backticks or quoted is resolved elsewhere."""
    return strong.finditer(_CODE.sub(lambda code: "`" * len(code[0]), sentence))


def _stands_in(word: re.Match[str], sentence: str, parts: Collection[str]) -> bool:
    """Say whether a word of a sentence is inside one of some parts of it."""
    begins = ((part, at.start()) for part in parts for at in re.finditer(re.escape(part), sentence))
    return any(start <= word.start() and word.end() <= start + len(part) for part, start in begins)


@cache
def is_test(named: str) -> bool:
    """Say whether a test of this name is in this file: `tests/tui/test_screen_stream.py::test_name`."""
    path, _, name = named.partition("::")
    file = ROOT / path
    return file.is_file() and bool(re.search(rf"^(?:async )?def {re.escape(name)}\(", file.read_text("utf-8"), re.M))
