"""Any bytes through any door: one line or a result, within 10 s and 2 GB, and nothing written elsewhere.

A valid small file is changed with its structure in mind and given to the real `main` in a forked child. A finding is
made smaller and kept in a folder; `again` says how to run it. `test_doors.py` keeps what was found as small cases.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import socket
import tempfile
from collections import Counter
from pathlib import Path

from lstm_tui.cli.main import main

from .doors_table import BASES, OUTPUTS, Row, make_seeds, models, rows
from .forked import Ended, run_forked
from .harness import Clock, Tally
from .mutators import mutated

_SMALLER = 60  # tries to make a finding smaller
_WRITTEN = frozenset({*OUTPUTS, "out.safetensors.checkpoint", "o\x1b[2J.json", "over.json"})


def attack(rng: random.Random, clock: Clock) -> Tally:
    """Try doors, files and changes at random until the clock ends."""
    tally = Tally()
    slowest = largest = 0.0
    guarded: Counter[str] = Counter()
    kept = Path(tempfile.gettempdir()) / "lstm-tui-doors"
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "room"
        folder.mkdir()
        prepare(folder)
        doors = list(rows())
        seen: set[tuple[str, str]] = set()
        while clock:
            row = rng.choice(doors)
            if row.writes or rng.random() < 0.05:
                name = rng.choice(paths(folder))
                ended, data = through(row, name, None, folder), None
                again = command(row, name)
                tally.tried[f"{row.door[1]} path"] += 1
            else:
                seed = rng.choice(row.seeds)
                data = mutated((folder / seed).read_bytes() if (folder / seed).exists() else b"\x00", rng)
                ended = through(row, seed, data, folder)
                again = command(row, seed)
                tally.tried[f"{row.door[1]} {Path(seed).suffix}"] += 1
            slowest, largest = max(slowest, ended.seconds), max(largest, ended.megabytes)
            if "what is not understood" in ended.seen:
                guarded[ended.seen.partition("not understood")[2].strip()[:60]] += 1
            kind = f"{ended.broken}: {last_line(ended.seen)}"
            if ended.broken and (row.door[1], kind) not in seen:
                seen.add((row.door[1], kind))
                if data is not None:
                    data = smaller(row, seed, data, ended.broken, folder, clock)
                    kept.mkdir(exist_ok=True)
                    file = kept / f"{len(tally.findings)}-{Path(seed).name}"
                    file.write_bytes(data)
                    again += f"   with {seed} from {file}"
                tally.found(ended.broken, ended.seen, again)
    tally.figures = {
        "slowest": f"{slowest:.1f} s", "largest": f"{largest:.0f} MB", "doors": str(len({row.door for row in doors})),
        "told by the guard alone": str(guarded.total()),
    }  # fmt: skip
    tally.figures |= {f"guard {what}": str(count) for what, count in guarded.most_common(12)} if VERBOSE else {}
    return tally


VERBOSE = bool(os.environ.get("DOORS_VERBOSE"))
"""Whether the table says what the guard told of, which readers might name better."""


def prepare(folder: Path) -> None:
    """Make the seeds, and go through each command and kind of file once, so that a child finds all imported."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        make_seeds(folder)
        warm = [line for line in BASES.values() if "recover" not in line]
        warm += [f"inspect {name}" for name in models()]
        warm += [row.line.replace("{}", row.seeds[0]) for row in rows() if row.door[0] in ("trace", "inspect", "check")]
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


def command(row: Row, name: str) -> str:
    """Return how to say it again."""
    return "lstm-tui " + row.line.replace("{}", repr(name) if name.isprintable() and " " not in name else ascii(name))


def through(row: Row, name: str, data: bytes | None, folder: Path) -> Ended:
    """Give a file, or a name as it is, to a door."""
    script = folder / f"verb-{row.door[1]}.x"
    if row.door[0] == "verb":
        script.write_text(f"{row.door[1]} {name}\n", errors="surrogateescape")
    file, before = folder / name, None
    if data is not None:
        before = file.read_bytes() if file.exists() else None
        file.write_bytes(data)
    try:
        asked = _WRITTEN | {name} if row.writes else _WRITTEN
        return run_forked([word.replace("{}", name) for word in row.line.split()], folder, asked)
    finally:
        if data is not None and before is None:
            file.unlink(missing_ok=True)
        elif before is not None:
            file.write_bytes(before)


def smaller(row: Row, name: str, data: bytes, broken: str, folder: Path, clock: Clock) -> bytes:
    """Return a smaller file that breaks the same promise, by leaving pieces out."""
    size, tries = len(data) // 2, 0
    while size and tries < _SMALLER and clock:
        at = 0
        while at < len(data) and tries < _SMALLER and clock:
            without = data[:at] + data[at + size :]
            tries += 1
            if without and through(row, name, without, folder).broken == broken:
                data = without
            else:
                at += size
        size //= 2
    return data


def last_line(text: str) -> str:
    """Return the last line of a text that says something, cut."""
    return (text.strip().splitlines() or [""])[-1][:100]
