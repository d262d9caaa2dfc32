"""Any bytes through any door: one line or a result, within 10 s and 2 GB, and nothing written elsewhere.

A valid small file is changed with its structure in mind and given to the real `main` in a forked child. An input is a
number: it says the door, the file and its changes. `test_doors.py` keeps what was found as small cases.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import random
import socket
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from lstm_tui.cli.main import main

from .doors_table import BASES, BEHIND, OUTPUTS, SERIES, TRACED, Row, make_seeds, models, rows
from .forked import Ended, Given, Room
from .harness import Clock, Tally
from .mutators import mutated
from .room import FOUND

PROMISE = 1
TRIES = "files changed with their structure in mind, and odd paths, by every option and verb that takes a file"
_SMALLER = 400  # tries to make a finding smaller
_TOGETHER = (1, 8, 32)  # inputs that one child may have
_WRITTEN = frozenset(
    {
        *OUTPUTS,
        TRACED,
        "out.safetensors.checkpoint",
        "resumed.safetensors",
        "resumed.safetensors.checkpoint",
        "o\x1b[2J.json",
        "over.json",
    }
)


@dataclass(frozen=True)
class Input:
    """What a number stands for: a door, a file and its bytes; no bytes where the name itself is what is tried."""

    row: Row
    name: str
    data: bytes | None

    @property
    def kind(self) -> str:
        """What it is counted as."""
        return f"{self.row.door[1]} {'path' if self.data is None else Path(self.name).suffix}"

    @property
    def given(self) -> Given:
        """As a command."""
        row, name = self.row, self.name
        words = tuple(word.replace("{}", name) for word in row.line.split())
        behind = BEHIND.get(words[-1].removeprefix("verb-").removesuffix(".x"), "")
        script = (words[-1], f"{row.door[1]} {name} {behind}".rstrip() + "\n") if row.door[0] == "verb" else ()
        return Given(words, name, self.data, script, frozenset({name}) if row.writes else frozenset())


@contextlib.contextmanager
def prepared() -> Iterator[Room]:
    """Make a room with the seeds, every reader imported."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "room"
        folder.mkdir()
        prepare(folder)
        yield Room(folder, _WRITTEN)


def attack(rng: random.Random, clock: Clock) -> Tally:
    """Try doors, files and changes at random until the clock ends."""
    tally = Tally()
    slowest = largest = 0.0
    guarded: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    with prepared() as room:
        while clock or not tally.inputs:
            cases = [rng.randrange(10**9) for _ in range(rng.choice(_TOGETHER))]
            inputs = [input_of(case, room) for case in cases]
            for case, tried, ended in zip(cases, inputs, room.run([one.given for one in inputs]), strict=False):
                tally.tried[tried.kind] += 1
                slowest, largest = max(slowest, ended.seconds), max(largest, ended.megabytes)
                if "what is not understood" in ended.seen:
                    guarded[ended.seen.partition("not understood")[2].strip()[:60]] += 1
                kind = f"{ended.broken}: {last_line(ended.seen)}"
                if ended.broken and (tried.row.door[1], kind) not in seen:
                    seen.add((tried.row.door[1], kind))
                    tally.found(f"{tried.row.door[1]}: {ended.broken}", f"{command(tried)}: {ended.seen}", str(case))
                if not clock:
                    break
    tally.figures = {
        "slowest": f"{slowest:.1f} s", "largest": f"{largest:.0f} MB", "doors": str(len({row.door for row in rows()})),
        "told by the guard alone": str(guarded.total()),
    }  # fmt: skip
    tally.figures |= {f"guard {what}": str(count) for what, count in guarded.most_common(12)} if VERBOSE else {}
    return tally


def input_of(case: int, room: Room) -> Input:
    """Return what a number stands for."""
    rng = random.Random(f"doors {case}")
    row = rng.choice(rows())
    if row.writes or rng.random() < 0.05:
        return Input(row, rng.choice(paths(room.folder)), None)
    name = rng.choice(row.seeds)
    file = room.pristine / name
    return Input(row, name, mutated(file.read_bytes() if file.exists() else b"\x00", rng))


def again(case: str) -> str:
    """Try one input again, in a child of its own."""
    with prepared() as room:
        tried = input_of(int(case), room)
        (ended,) = room.run([tried.given])
    return f"{ended.broken}: {command(tried)}: {ended.seen}" if ended.broken else ""


def smaller(case: str) -> str:
    """Make the file of a finding smaller by leaving pieces out, keep it, and return how it is used."""
    with prepared() as room:
        tried = input_of(int(case), room)
        (ended,) = room.run([tried.given])
        if tried.data is None:
            return command(tried)
        data = _less(tried, ended, room)
    file = Path(os.environ.get(FOUND, tempfile.gettempdir())) / f"lstm-tui-doors-{case}-{Path(tried.name).name}"
    file.write_bytes(data)
    return f"{command(tried)}   with {tried.name} from {file} ({len(data)} bytes)"


def _less(tried: Input, ended: Ended, room: Room) -> bytes:
    data = tried.data or b""
    size, tries = len(data) // 2, itertools.count()
    while size:
        at = 0
        while at < len(data) and next(tries) < _SMALLER:
            without = data[:at] + data[at + size :]
            (now,) = room.run([replace(tried, data=without).given])
            if without and now.broken == ended.broken:
                data = without
            else:
                at += size
        size //= 2
    return data


VERBOSE = bool(os.environ.get("DOORS_VERBOSE"))
"""Whether the table says what the guard told of, which readers might name better."""


def prepare(folder: Path) -> None:
    """Make the seeds, and go through each command and kind of file once, so that a child finds all imported."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        make_seeds(folder)
        warm = [line for line in BASES.values() if "recover" not in line]
        warm += [f"inspect {name}" for name in {Path(name).suffix: name for name in models()}.values()]
        warm += [f"trace {name} --cell lstm --hidden 2" for name in SERIES]
        for line in warm:
            said = io.StringIO()
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), contextlib.suppress(SystemExit):
                main(line.split())
        for name in OUTPUTS:
            (folder / name).unlink(missing_ok=True)
    finally:
        os.chdir(before)


def paths(folder: Path) -> list[str]:
    """Return names of what is no plain file, made where it is not there yet."""
    room = folder.parent / "odd"
    if not room.exists():
        room.mkdir()
        (room / "folder.json").mkdir()
        os.mkfifo(room / "pipe.npz")
        os.symlink("loop", room / "loop")
        with open(room / "sparse.pt", "wb") as file:
            file.truncate(100 << 30)
        with open(room / "zeros.safetensors", "wb") as file:
            file.truncate(900 << 20)
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(room / "socket.json"))
        (room / "empty.toml").touch()
    odd = [f"../odd/{one.name}" for one in sorted(room.iterdir())]
    return [
        *odd, "/dev/zero", "/dev/full", "/dev/null", "/dev/tty", "/dev/stdin", "/proc/self/mem", "/proc/self/maps",
        "/proc/self/pagemap", "/proc/kcore", "gone/x.json", "x" * 300, "o\x1b[2J.json", ".", "", "-", "a\udcffb",
        *OUTPUTS,
    ]  # fmt: skip


def command(tried: Input) -> str:
    """Return how to say it again."""
    name = tried.name
    quoted = repr(name) if name.isprintable() and " " not in name else ascii(name)
    return f"lstm-tui {tried.row.line.replace('{}', quoted)}"


def last_line(text: str) -> str:
    """Return the last line of a text that says something, cut."""
    return (text.strip().splitlines() or [""])[-1][:100]
