"""Print what one core does of many texts in a second, and what it leaves on the disk: the constants of a plan on paper.

    python -m tests.benchmarks.many [--lines 2000] [--keep]

Lines of 3 to 40 words of the vocabulary of `story`, a network of 16 units, checked, summarized and traced, in one
process, by the commands. Processor time is measured, that of opening the network included.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

from lstm_tui.cli.main import main as command_line
from lstm_tui.models.bundled import open_model

from . import machine

LONGEST, UNITS, CORES = 40, 16, 64
"""Words of a line at most, units of the network, and cores of the plan."""
COMMANDS = {
    "check": ("--assert", "mean(f) > .3"), "stats": ("--json",), "trace": ("-o", "traces/", "--values", "c"),
}  # fmt: skip


def measured(lines: int, folder: Path) -> dict[str, Any]:
    """Return tokens a second of each command on one core, and bytes a token of what is kept and traced."""
    network = open_model("story")
    assert network.tokens is not None
    words, chance = network.tokens.vocabulary[1:], random.Random(1)
    texts = [" ".join(chance.choice(words) for _ in range(chance.randint(3, LONGEST))) for _ in range(lines)]
    for name, some in (("warm.txt", texts[:300]), ("t.txt", texts)):
        (folder / name).write_text("\n".join(some) + "\n")
    tokens = sum(len(text.split()) for text in texts)
    found: dict[str, Any] = {}
    for name, more in COMMANDS.items():
        for file in ("warm.txt", "t.txt"):
            line = [name, file, "--model", "story", "--jobs", "1", "--resume", f"{file}.{name}.kept", *more]
            began = time.process_time()
            with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())), contextlib.redirect_stderr(io.StringIO()):
                command_line(line)
            taken = time.process_time() - began
        found[name] = round(tokens / taken, -2)
        found[f"{name} kept"] = round((folder / f"t.txt.{name}.kept").stat().st_size / tokens, 2)
    size = sum(one.stat().st_size for one in (folder / "traces").glob("t.txt.*"))
    return {"tokens": tokens, "rows": found, "traced": round(size / tokens, 1)}


def main() -> None:
    """Print the constants, and keep them where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=2_000)
    parser.add_argument("--keep", action="store_true", help="put them into measured.json, of which the manual is")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made, contextlib.chdir(made):
        found = measured(options.lines, Path(made))
    print(found)
    if options.keep:
        kept = {
            "command": "python -m tests.benchmarks.many",
            "written": date.today().isoformat(),
            "machine": machine.described(),
        }
        machine.keep("many", kept | found)


if __name__ == "__main__":
    main()
