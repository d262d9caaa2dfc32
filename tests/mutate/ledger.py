"""The breaks that no test noticed, each with a verdict, in a file beside this one.

A verdict is *equivalent* (no test could notice), *cosmetic* (a person might, and would not mind), *hole* (a test is
missing), *mended* (a hole once, which a test notices now) or *open* (nobody has looked yet). A break whose line is no
longer there is taken out.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from .breaks import ROOT, Break

FILE = Path(__file__).with_name("ledger.jsonl")
Key = tuple[str, str, str, str]
VERDICTS = ("equivalent", "cosmetic", "mended", "hole", "open")


@dataclass(frozen=True)
class Entry:
    """One break that lived.

    Attributes:
        path: The file it is in.
        scope: The function or class.
        text: The line.
        change: What is changed into what.
        verdict: One of VERDICTS.
        why: What the verdict rests on.
    """

    path: str
    scope: str
    text: str
    change: str
    verdict: str = "open"
    why: str = ""

    @property
    def key(self) -> Key:
        """What stays the same while lines are moved about it."""
        return self.path, self.scope, self.text, self.change

    def stands(self) -> bool:
        """Say whether the line is there still."""
        file = ROOT / self.path
        return file.exists() and any(
            " ".join(line.split()) == self.text for line in file.read_text("utf-8").split("\n")
        )


def read(file: Path = FILE) -> dict[Key, Entry]:
    """Return every entry by its key."""
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    return {one.key: one for one in (Entry(**json.loads(line)) for line in lines)}


def write(entries: dict[Key, Entry], file: Path = FILE) -> None:
    """Keep the entries whose line is there still, in the order of their keys."""
    kept = [json.dumps(asdict(entries[key]), ensure_ascii=False) for key in sorted(entries) if entries[key].stands()]
    file.write_text("".join(f"{line}\n" for line in kept), "utf-8")


def of(lived: Break, entries: dict[Key, Entry]) -> Entry:
    """Return the entry of a break that lived: the one that has a verdict already, or an open one."""
    made = Entry(lived.path, lived.scope, lived.text, lived.change)
    return entries.get(made.key, made)
