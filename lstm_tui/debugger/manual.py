"""The manual: one topic a file inside the package; listed, found by its name, and told as plain text."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.text_safety import visible

WIDTH = 70
"""Columns of a topic where nobody says how many there are: what a page of the screen shows without wrapping."""

_SHORTEST_BEGINNING = 3  # letters of a name that are enough
_LEAST = 24  # columns below which nothing is wrapped any more
_MARKS = re.compile(r"\*\*(.+?)\*\*|(?<![\w*])\*(?! )([^*]+?)\*(?!\w)|`([^`]+)`|!?\[([^]]*)\]\([^)]*\)")


@dataclass(frozen=True)
class Topic:
    """One topic of the manual.

    Attributes:
        name: What it is asked for by.
        title: Its heading.
        summary: One sentence of what it tells.
        text: All of it, in Markdown.
    """

    name: str
    title: str
    summary: str
    text: str


def folder() -> Path:
    """Return the folder of the topics."""
    return Path(__file__).parents[1] / "manual"


@cache
def topics() -> tuple[Topic, ...]:
    """Read every topic, in the order in which they are to be read."""
    return tuple(_read(path) for path in sorted(folder().glob("[0-9]*.md")))


def _read(path: Path) -> Topic:
    text = path.read_text("utf-8")
    title, summary = (" ".join(part.split()) for part in text.split("\n\n", 2)[:2])
    return Topic(path.stem.partition("-")[2], title.removeprefix("# "), summary, text)


def find(name: str) -> Topic | None:
    """Return the topic of a name, or of the beginning of one name alone; None where there is none."""
    wanted = name.strip().casefold().replace(" ", "-")
    begun = [one for one in topics() if one.name.startswith(wanted)]
    exact = [one for one in begun if one.name == wanted]
    if exact:
        return exact[0]
    return begun[0] if len(begun) == 1 and len(wanted) >= _SHORTEST_BEGINNING else None


def topic(name: str, others: Iterable[str] = ()) -> Topic:
    """Return the topic of a name.

    Args:
        name: Its name, or the beginning of it.
        others: What else could have been asked for, to be offered when it is near.

    Raises:
        UserError: There is none; what is near is named.
    """
    found = find(name)
    if found is not None:
        return found
    near = nearest(name.casefold(), (*(one.name for one in topics()), *others))
    advice = f"did you mean {near}?" if near else "`help` lists the topics"
    raise UserError(f"there is no help on `{visible(name[:40])}`; {advice}")


def listed() -> list[str]:
    """Return a line for every topic: its name and what it tells."""
    width = max(len(one.name) for one in topics())
    return [f"  {one.name:<{width}}  {one.summary}" for one in topics()]


def plain(markdown: str, width: int = WIDTH) -> list[str]:
    """Return Markdown as lines of plain text: wrapped, tables in columns, code as it stands.

    It reads what the manual is written in: headings, paragraphs, lists, tables, fenced code, and comments, which are
    left out.
    """
    lines: list[str] = []
    for block in _blocks(markdown):
        lines += [*_block(block, max(width, _LEAST)), ""]
    return lines[:-1]


def _blocks(markdown: str) -> list[list[str]]:
    """Return the lines of each block; what is fenced is one block, with its fences."""
    blocks: list[list[str]] = [[]]
    fenced = False
    for line in markdown.splitlines():
        fence = line.startswith("```")
        if (fence and not fenced) or (not fenced and (not line.strip() or _begins(line, blocks[-1]))):
            blocks.append([])
        if fenced or fence or (line.strip() and not line.startswith("<!--")):
            blocks[-1].append(line)
        if fence and fenced:
            blocks.append([])
        fenced ^= fence
    return [block for block in blocks if block]


def _begins(line: str, before: Sequence[str]) -> bool:
    """Whether a line begins another kind of block than the line before it."""
    return bool(before) and line.startswith("|") != before[0].startswith("|")


def _block(block: Sequence[str], width: int) -> list[str]:
    first = block[0]
    if first.startswith("```"):
        return [f"  {line}" if line else "" for line in block[1:-1]]
    if first.startswith("#"):
        heading = _bare(first.lstrip("# "))
        return [heading, ("=" if first.startswith("# ") else "-") * len(heading)]
    if first.startswith("|"):
        return _columns(block, width)
    if first.startswith("- "):
        return [line for item in _items(block) for line in _wrapped(item, width, "- ", "  ")]
    return _wrapped(" ".join(block), width)


def _items(block: Sequence[str]) -> list[str]:
    """Return the items of a list, each in one line."""
    items: list[str] = []
    for line in block:
        if line.startswith("- "):
            items.append(line[2:])
        else:
            items[-1] += f" {line.strip()}"
    return items


def _columns(rows: Sequence[str], width: int) -> list[str]:
    """Return a table with its columns one under another, without its frame; the last one is wrapped."""
    cells = [
        [_bare(cell.strip().replace("\\|", "|")) for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
        for row in rows
        if row.strip("|: -")  # neither the rule under a heading nor a heading of nothing
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lead = "  " + " " * sum(one + 2 for one in widths[:-1])
    room = width - len(lead)
    below = widths[-1] > room and room < _LEAST and len(widths) == 2  # what the second cell tells stands below it
    lines: list[str] = []
    for *others, last in cells:
        head = "  " + "".join(f"{cell:<{one + 2}}" for cell, one in zip(others, widths, strict=False))
        told = textwrap.wrap(last, width - 6 if below else max(room, _LEAST), break_long_words=False) or [""]
        if below:
            lines += [head.rstrip(), *(f"      {line}" for line in told if line)]
        else:
            lines += [(head + told[0]).rstrip(), *(lead + line for line in told[1:])]
    return lines


def _wrapped(text: str, width: int, first: str = "", others: str = "") -> list[str]:
    return textwrap.wrap(
        _bare(text), width, initial_indent=first, subsequent_indent=others, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def _bare(text: str) -> str:
    """Return text without the marks of emphasis and links; code keeps its marks, which say what is typed."""

    def unmarked(found: re.Match[str]) -> str:
        strong, emphasis, code, link = found.groups()
        return f"`{code}`" if code else strong or emphasis or link or ""

    return _MARKS.sub(unmarked, text)
