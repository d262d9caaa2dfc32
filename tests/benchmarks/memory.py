"""A run of 10³ … 10⁶ tokens: how soon it is shown, what it takes, and how that grows with the text.

    python -m tests.benchmarks.memory [--tokens 1000 10000 100000 1000000] [--hidden 128] [--ways one both]

Each row is a process of its own, which reads a text of so many words and opens it as the screen does. Times are those
of the processor, since others may use the machine:

    read      the file, into tokens
    frame     the run, its facts and every pane drawn at the first token
    step      the next token drawn, median
    whole     all of the run computed behind the screen, in seconds; 0 where it is held whole
    jump      a token anywhere and what is drawn of it, 99 of 100
    edit      a token replaced in the middle, and the panes drawn there: the median of some, each elsewhere
    asked     what moves the memory in the middle: gradients by the tokens that are shown, and by the states at them
    export    the first tokens written as JSON, MB a second
    peak      resident memory at most; held: states and windows of the run, at the end

The last line is the exponent of each column: 1 grows as the text does, 0 does not grow. `--write FILE` keeps the rows
with machine and date, `--keep` puts them where the manual takes its table from.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import math
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from . import machine

COLUMNS = (
    "read_s", "frame_ms", "step_ms", "whole_s", "jump_ms", "edit_ms", "asked_ms", "export_mb_s", "peak_mb", "held_mb"
)  # fmt: skip
WAYS = ("one", "both")
_WORDS = 500
_STEPS, _JUMPS, _EDITS, _EXPORTED = 20, 200, 5, 1_000


def measure(tokens: int, hidden: int, both: bool, path: Path) -> dict[str, float]:
    """Measure one row in this process."""
    import lstm_tui.engine.runtime.windowed_series as lazy
    from lstm_tui.analysis.influence import Target, influence, places_asked
    from lstm_tui.debugger.edits.language import TokenEdit
    from lstm_tui.debugger.inspect.trace_facts import Facts
    from lstm_tui.debugger.session import Session
    from lstm_tui.debugger.source import Source
    from lstm_tui.engine.model.network import build_network
    from lstm_tui.formats.inputs.inputs import read_input
    from lstm_tui.formats.traces.trace_file import write_stream
    from lstm_tui.tui.canvas.palette import DARK_PALETTE
    from lstm_tui.tui.panes.equations import CellPane
    from lstm_tui.tui.panes.ledger import LedgerPane
    from lstm_tui.tui.panes.memory import Heatmap
    from lstm_tui.tui.panes.tape import Tape
    from lstm_tui.tui.panes.units import Units
    from lstm_tui.tui.view import View

    waits_for_nothing = getattr(lazy, "computed_rows_only", nullcontext)
    directions = ["forward", "backward"] if both else ["forward"]
    network = build_network(
        {
            "name": "n", "embedding_size": hidden, "readout": "dense", "outputs": 2,
            "tokens": {"kind": "words", "vocabulary": ["<unk>", *(f"w{n}" for n in range(_WORDS))]},
            "layers": [{"cell": "lstm", "hidden_size": hidden, "directions": directions}],
        },
        seed=1,
    )  # fmt: skip

    def timed(do: Callable[[], Any]) -> float:
        begun = time.process_time()
        do()
        return time.process_time() - begun

    found: dict[str, float] = {}
    opened: list[Source] = []

    def read() -> None:
        opened.append(Source.of_input(network, read_input(path), whole=True))
        len(opened[0].sequences[0])

    found["read_s"] = timed(read)
    source = replace(opened[0], is_watched=True)
    panes = (Tape(), Units(), CellPane(), Heatmap(), LedgerPane())

    def draw(session: Session, facts: Facts) -> None:
        with waits_for_nothing():
            view = View(session.frame, facts)
            for pane in panes:
                pane.draw(view, DARK_PALETTE, 76, 16)

    shown: list[tuple[Session, Facts]] = []

    def first() -> None:
        trace = source.run(interpreter="numba")
        facts = Facts(trace)
        facts.prepare()
        shown.append((Session(trace, source), facts))
        draw(*shown[0])

    gc.disable()  # as the screen does until its first frame
    found["frame_ms"] = 1e3 * timed(first)
    gc.freeze()
    gc.enable()
    session, facts = shown[0]

    def step() -> None:
        session.next()
        draw(session, facts)

    found["step_ms"] = 1e3 * statistics.median(timed(step) for _ in range(_STEPS))
    windows = getattr(session.frame.trace, "windows", None)
    behind = timed(facts.finish if windows is None else windows.finish)
    found["whole_s"] = 0.0 if windows is None else behind
    places = random.Random(3)

    def jump() -> None:
        session.goto(places.randrange(tokens))
        draw(session, facts)

    found["jump_ms"] = 1e3 * sorted(timed(jump) for _ in range(_JUMPS))[_JUMPS * 99 // 100]
    session.goto(tokens // 2)

    def edit(number: int) -> None:
        session.edit(TokenEdit("replace", tokens // 2 + 3 * number, f"w{number + 1}"))
        edited = Facts(session.frame.trace, facts)
        edited.prepare(session.frame.t)
        draw(session, edited)

    found["edit_ms"] = 1e3 * statistics.median(timed(lambda n=n: edit(n)) for n in range(_EDITS))  # type: ignore[misc]
    target = Target("c", t=tokens // 2, pass_name="layer0.forward", value="c")
    found["asked_ms"] = 1e3 * timed(lambda: influence(facts.trace, target, places_asked(facts.trace, target)))
    stream = io.BytesIO()
    count = min(tokens, _EXPORTED)
    seconds = timed(lambda: write_stream(facts.trace, stream, ".json", steps=slice(0, count)))
    found["export_mb_s"] = len(stream.getvalue()) / seconds / 1e6
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found["held_mb"] = 0.0 if windows is None else windows.nbytes / 2**20
    return found


def exponent(tokens: list[int], values: list[float]) -> float:
    """Return the slope of a line through the logarithms, by least squares; NaN where there are fewer than two."""
    points = [(math.log(t), math.log(v)) for t, v in zip(tokens, values, strict=True) if v > 0]
    if len(points) < 2:
        return math.nan
    mean = [statistics.mean(axis) for axis in zip(*points, strict=True)]
    over = sum((x - mean[0]) ** 2 for x, _ in points)
    return sum((x - mean[0]) * (y - mean[1]) for x, y in points) / over if over else math.nan


def main() -> None:
    """Measure every row in a process of its own, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, nargs="+", default=[10**3, 10**4, 10**5, 10**6])
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="forwards alone, or both ways")
    parser.add_argument("--write", type=Path, metavar="FILE", help="the rows as JSON, with machine and date")
    parser.add_argument("--keep", action="store_true", help="put the rows into measured.json, of which the manual is")
    parser.add_argument("--row", metavar="FILE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.row:
        print(json.dumps(measure(options.tokens[0], options.hidden, options.ways == ["both"], Path(options.row))))
        return
    rows: list[dict[str, Any]] = []
    exponents: list[dict[str, Any]] = []
    for ways in options.ways:
        mine = measured_rows(options.tokens, options.hidden, ways)
        print(f"{ways:>9}" + "".join(f"{name:>13}" for name in COLUMNS))
        for row in mine:
            print(f"{row['tokens']:>9}" + "".join(f"{row[name]:13.4g}" for name in COLUMNS))
        grows = {name: exponent([row["tokens"] for row in mine], [row[name] for row in mine]) for name in COLUMNS}
        print(f"{'exponent':>9}" + "".join(f"{grows[name]:13.2f}" for name in COLUMNS), flush=True)
        rows += [
            {"ways": ways, "tokens": row["tokens"], **{name: float(f"{row[name]:.4g}") for name in COLUMNS}}
            for row in mine
        ]
        exponents.append({"ways": ways, **{name: round(n, 2) for name, n in grows.items() if math.isfinite(n)}})
    found = {
        "command": "python -m tests.benchmarks.memory",
        "written": date.today().isoformat(),
        "machine": machine.described(),
        "hidden": options.hidden,
        "rows": rows,
        "exponents": exponents,
    }
    if options.write:
        options.write.write_text(machine.in_lines(found), "utf-8")
    if options.keep:
        machine.keep("memory", found)


def measured_rows(every: list[int], hidden: int, ways: str) -> list[dict[str, Any]]:
    """Measure a row for each number of tokens, each in a process of its own; one that fails is told and left out."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for tokens in every:
            words = random.Random(tokens)
            path = Path(folder) / f"{tokens}.txt"
            path.write_text(" ".join(f"w{words.randrange(_WORDS)}" for _ in range(tokens)) + "\n")
            command = [sys.executable, "-m", "tests.benchmarks.memory", "--row", str(path), "--tokens", str(tokens)]
            command += ["--hidden", str(hidden), "--ways", ways]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                print(f"{tokens:>9} tokens: {done.stderr.strip().splitlines()[-1]}")
                continue
            rows.append({"tokens": tokens, **json.loads(done.stdout)})
    return rows


if __name__ == "__main__":
    main()
