"""A document cut into what can be claimed: sections, fenced blocks, spans in backticks, prose, and claims beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from lstm_tui.debugger import manual

ROOT = Path(__file__).parents[2]
MANUAL = tuple(sorted(manual.folder().glob("*.md")))
DOCUMENTS = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *MANUAL)

FENCED = re.compile(r"^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
GENERATED = re.compile(r"^<!-- (?P<name>[a-z ]+) -->\n.*?^<!-- /(?P=name) -->$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`]+)`")
KINDS = ("number", "keys", "does", "made by", "shown by", "foreign")
"""The claims that a comment can make."""
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_BESIDE = re.compile(rf"^<!-- (?P<kind>{'|'.join(KINDS)}): (?P<said>.+) -->$", re.MULTILINE)
_REMARK = re.compile(r"(?:^|  )# (.*)$", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6} .*$", re.MULTILINE)
_LINK = re.compile(r"(\[[^]]*\])\([^)]*\)")


@dataclass(frozen=True)
class Block:
    """What is fenced: the word behind the fence, and the lines."""

    language: str
    code: str


@dataclass(frozen=True)
class Section:
    """What stands below one heading, without the lists that the program fills.

    Attributes:
        document: The file's name, as it is shown.
        heading: The heading.
        text: All of it as it stands.
        blocks: What is fenced.
        spans: What is in backticks elsewhere, in reading order.
        prose: Heading and rest, spans in their place, without comments, the addresses of links, and what is fenced but
            for the remarks in it.
        whole: The whole document.
        beside: The claims in comments: kind and what is said.
    """

    document: str
    heading: str
    text: str
    blocks: tuple[Block, ...]
    spans: tuple[str, ...]
    prose: str
    whole: str
    beside: tuple[tuple[str, str], ...]

    def said(self, kind: str) -> tuple[str, ...]:
        """Return what is said beside the text in comments of one kind."""
        return tuple(said for one, said in self.beside if one == kind)

    @property
    def is_for_users(self) -> bool:
        """Whether users read it, who know no name of the code."""
        return self.document not in ("CONTRIBUTING.md", "CHANGELOG.md")


def sections(document: str, text: str) -> tuple[Section, ...]:
    """Cut a document into its sections."""
    text = GENERATED.sub("", text)
    fences = [range(*fence.span()) for fence in FENCED.finditer(text)]
    starts = [at.start() for at in _HEADING.finditer(text) if not any(at.start() in fence for fence in fences)]
    ends = [*starts[1:], len(text)]
    return tuple(_section(document, text[start:end], text) for start, end in zip(starts, ends, strict=True))


def _section(document: str, text: str, whole: str) -> Section:
    blocks = tuple(Block(one["language"], one["code"]) for one in FENCED.finditer(text))
    beside = tuple((one["kind"], one["said"].strip()) for one in _BESIDE.finditer(text))
    heading = text.partition("\n")[0]
    remarks = "".join(
        f"\n{said}\n" for one in blocks if one.language in ("console", "toml") for said in _REMARK.findall(one.code)
    )
    prose = _LINK.sub(r"\1", COMMENT.sub("", FENCED.sub("", text))) + remarks
    spans = tuple(" ".join(span.split()).replace(r"\|", "|") for span in _SPAN.findall(prose))
    return Section(document, heading.lstrip("# "), text, blocks, spans, prose, whole, beside)


def name_of(path: Path) -> str:
    """Return how a document is called: its path in the repository."""
    return path.relative_to(ROOT).as_posix()
