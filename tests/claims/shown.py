"""Sentences that say what never or always is, or which way: each names the test that shows it."""

from __future__ import annotations

import re
from functools import cache

from .documents import COMMENT, FENCED, ROOT, Section

STRONG = re.compile(
    r"\b(?:never|always|nothing|nobody|cannot|GPU|encrypted|above|below|backwards|forwards)\b", re.IGNORECASE
)
"""Words by which a sentence claims something of every case, or says which way: no example and no number shows it."""
_SENTENCE = re.compile(r"(?<=[.:!?])\s+|\n\n+|\n(?=- |\d+\. |\|)")


def check_shown(section: Section) -> list[str]:
    """Return what is false of the claims `shown by`, and which sentences of users' documents have none."""
    claims = [one.rpartition(" = ")[::2] for one in section.said("shown by")]
    text = " ".join(COMMENT.sub("", FENCED.sub("", section.text)).split())
    wrong = [f"“{part}” does not stand there" for part, _ in claims if part not in text]
    wrong += [f"“{part}” does not say what is never so, or which way" for part, _ in claims if not STRONG.search(part)]
    wrong += [f"{test}: there is no such test" for _, test in claims if test != "prose" and not is_test(test)]
    if section.is_for_users:
        wrong += [
            f"name the test that shows it in a comment `shown by: PART OF IT = TEST`: {sentence}"
            for sentence in strong_sentences(section)
            if not any(part in sentence for part, _ in claims)
        ]
    return wrong


def strong_sentences(section: Section) -> list[str]:
    """Return the sentences of a section that claim something of every case."""
    text = COMMENT.sub("", FENCED.sub("", section.text)).partition("\n")[2]
    found = (" ".join(one.split()) for one in _SENTENCE.split(text))
    return [one for one in found if STRONG.search(one)]


@cache
def is_test(named: str) -> bool:
    """Say whether a test of this name is in this file: `tests/tui/test_screen_stream.py::test_name`."""
    path, _, name = named.partition("::")
    file = ROOT / path
    return file.is_file() and bool(re.search(rf"^(?:async )?def {re.escape(name)}\(", file.read_text("utf-8"), re.M))
