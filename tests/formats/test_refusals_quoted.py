"""Every refusal of a reader of files is quoted by a test: a line that nobody has seen may be wrong, or never said."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from parsed import nodes_of, tree_of

ROOT = Path(__file__).parents[2]
LEAST = 10
"""Letters that a test must quote, or the whole of what is said beside its names and numbers."""
OPEN = ROOT / "tests" / "formats" / "refusals_open.txt"
"""Refusals that no test quotes yet: a line each, in the order of their files. It only grows shorter."""


def refusals(tree: ast.AST) -> Iterator[tuple[str, ...]]:
    """Yield what stands in each error that is raised with a text of its own, beside what is filled in."""
    for node in nodes_of(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            said = tuple(one for one in _pieces(node.exc.args[0]) if re.search(r"[a-z]{2}", one))
            if said:
                yield said


def _pieces(text: ast.AST) -> Iterator[str]:
    if isinstance(text, ast.Constant) and isinstance(text.value, str):
        yield text.value
    elif isinstance(text, ast.JoinedStr):
        for one in text.values:
            yield from _pieces(one)
    elif isinstance(text, ast.BinOp):
        yield from _pieces(text.left)
        yield from _pieces(text.right)


def quoted_of(tree: ast.AST) -> Iterator[str]:
    """Yield the texts of a test, and what stands between the signs of those that are patterns."""
    for node in nodes_of(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) >= LEAST:
            yield node.value
            for one in re.split(r"\.[*+]|(?<!\\)[|^$()\[\]]", node.value):
                yield re.sub(r"\\(.)", r"\1", one)


@cache
def every_quoted() -> str:
    here = Path(__file__).resolve()
    files = [one for one in sorted((ROOT / "tests").rglob("test_*.py")) if one.resolve() != here]
    return "\n".join(sorted({one for file in files for one in quoted_of(tree_of(file))}))


def is_quoted(said: tuple[str, ...], quoted: str) -> bool:
    """Say whether a test quotes a text: a stretch of a piece, or of two with what a test has filled in between."""
    for piece in said:
        words = piece.strip(" :;,.")
        starts = [0, *(match.end() for match in re.finditer(r"\s", words))]
        if any(len(words) - start >= LEAST and words[start : start + 2 * LEAST] in quoted for start in starts):
            return True
        if len(said) == 1 and words in quoted:
            return True
    return any(
        re.search(f"{re.escape(one[-LEAST:])}.{{1,40}}?{re.escape(other[:LEAST])}", quoted)
        for one, other in pairwise(said)
        if len(one.strip()) + len(other.strip()) >= LEAST
    )


def unquoted() -> list[str]:
    """Return the refusals of readers and writers of files that no test quotes, as they stand in the list."""
    quoted, found = every_quoted(), []
    for path in sorted((ROOT / "lstm_tui" / "formats").rglob("*.py")):
        name = path.relative_to(ROOT / "lstm_tui" / "formats").as_posix()
        open_here = (said for said in refusals(tree_of(path)) if not is_quoted(said, quoted))
        found += sorted({f"{name}: {'…'.join(said)}".replace("\n", " ") for said in open_here})
    return found


@pytest.mark.parametrize(
    ("said", "test", "quotes"),
    [
        ('f"{x}: its two directions differ in {y}"', 'match="directions differ in units"', True),
        ('f"{x}: its two directions differ in {y}"', 'match="two directions"', False),
        ('f"{x} reads {y} numbers, and gets {z}"', 'match="a reads 3 numbers, and gets 4"', True),
        ('f"{x} reads {y} numbers, and gets {z}"', 'match="a reads 3 words, and gets 4"', False),
        ('"no k" + f" in {x}"', 'match="no k in 3"', False),
        ('"is (not) here, at all"', r'match=r"is \(not\) here, at all"', True),
        ('"is (not) here, at all"', 'x = 1', False),
    ],
)  # fmt: skip
def test_what_quotes_a_refusal(said: str, test: str, quotes: bool) -> None:
    (pieces,) = refusals(ast.parse(f"raise UserError({said})"))
    quoted = "\n".join(quoted_of(ast.parse(test if " = " in test else f"raises(UserError, {test})")))
    assert is_quoted(pieces, quoted) == quotes


def test_what_raises_no_text_of_its_own_is_no_refusal() -> None:
    assert not list(refusals(ast.parse("raise\nraise ValueError\nraise UserError(text)\nraise UserError(f'{a}: {b}')")))


@pytest.mark.long
def test_every_refusal_of_a_file_is_quoted_by_a_test_but_those_that_are_listed() -> None:
    """A new refusal has a test that quotes it; where one of the list has got one, its line goes.

    `PYTHONPATH=.:tests python tests/formats/test_refusals_quoted.py` takes such lines away, and adds none.
    """
    listed, now = OPEN.read_text("utf-8").splitlines(), unquoted()
    assert not set(now) - set(listed), "no test quotes these"
    assert not set(listed) - set(now), "these are quoted, or gone: run this file"


if __name__ == "__main__":
    still = set(unquoted())
    OPEN.write_text("".join(f"{line}\n" for line in OPEN.read_text("utf-8").splitlines() if line in still), "utf-8")
