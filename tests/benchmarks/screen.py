"""What the screen takes beside a bare app, all of it: what `startup`, `keypress` and `editing` measure one by one.

    python -m tests.benchmarks.screen [--keep]

Spawns, presses and edits take turns with what they are held against. The ratio of a spawn is the median
of the turns', that of a key of the 95th percentiles, that of an edit of the medians. `--keep` puts them where the
manual takes its table from.
"""

from __future__ import annotations

import argparse
import statistics
from datetime import date

from . import editing, keypress, machine, startup  # editing first: it sets threads before NumPy is imported

COMMAND = "python -m tests.benchmarks.screen"


def measured() -> dict[str, float]:
    """Return the ratio of each, by what it is of."""
    found: dict[str, float] = {}

    def put(name: str, ratio: float) -> None:
        found[name] = round(ratio, 2)
        print(f"{name:24} {ratio:6.2f}", flush=True)

    times = startup.spawned(15, startup.screen_of(startup.SAMPLE))
    put("spawn", statistics.median(machine.ratios(times["lstm-tui"], times["bare"])))
    times = keypress.pressed(100, startup.screen_of(startup.SAMPLE))
    limit = keypress.percentile(times.pop("bare"), 0.95)
    for key, taken in times.items():
        put(f"key {key}", keypress.percentile(taken, 0.95) / limit)
    for name, step, edit in editing.edited(60):
        for which, unit in enumerate(("frame", "processor")):
            one, other = (statistics.median(each[which] for each in taken) for taken in (step, edit))
            put(f"edit, {name}, {unit}", other / one)
    for ways, each in editing.analysed(15):
        for name in ("ledger", "gradient"):
            put(f"{name}, {ways}", statistics.median(machine.ratios(each[name], each["run"])))
    return found


def main() -> None:
    """Measure and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="put it into measured.json, of which the manual is made")
    options = parser.parse_args()
    ratios = measured()
    if options.keep:
        here = machine.described()
        found = {"command": COMMAND, "written": date.today().isoformat(), "machine": here, "ratios": ratios}
        machine.keep("screen", found)


if __name__ == "__main__":
    main()
