"""`python -m tests.campaigns.imports FRAMEWORK --count 500 --seed 1`: a table, and silent wrong numbers by seed."""

from __future__ import annotations

import argparse
import importlib.util
import logging
import sys
import tempfile
import warnings
from importlib import import_module
from pathlib import Path

from ..rows import write
from .outcome import Outcome, row, table

FOLDER = Path(__file__).parent
FRAMEWORKS = sorted(
    one.stem
    for one in FOLDER.glob("*.py")
    if one.stem not in ("__init__", "__main__", "by_layer", "by_module", "implied", "keras_names", "outcome", "warned")
)


def main() -> int:
    """Run one campaign or all; exit with 1 where a number was wrong in silence."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.imports", description=__doc__)
    parser.add_argument(
        "framework", nargs="*", choices=[*FRAMEWORKS, []], help=f"of {', '.join(FRAMEWORKS)}; all by default"
    )
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--table", type=Path, metavar="FILE", help="write its row there, and the command below it")
    parser.add_argument("--list", action="store_true", help="every network that was not right, a line each")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    silent = 0
    for name in options.framework or FRAMEWORKS:
        campaign = import_module(f"{__package__}.{name}")
        missing = [one for one in campaign.NEEDS if importlib.util.find_spec(one) is None]
        if missing:
            print(f"{name}: skipped, since {', '.join(missing)} is not installed")
            continue
        with tempfile.TemporaryDirectory() as folder:
            outcomes: list[Outcome] = list(campaign.campaign(options.count, options.seed, Path(folder)))
        print(f"{name}, seed {options.seed}")
        print("\n".join(table(outcomes)))
        if options.table is not None:
            command = f"python -m {__package__} {name} --count {options.count} --seed {options.seed}"
            write(options.table, [row(campaign.ROW, outcomes)], command)
        wrong = [one for one in outcomes if one.verdict == "SILENT" or (options.list and one.verdict != "right")]
        print("\n".join(f"{one.verdict} {one.seed}: {', '.join(one.made_of)}: {one.detail}" for one in wrong))
        silent += sum(one.verdict == "SILENT" for one in outcomes)
    return int(silent > 0)


if __name__ == "__main__":
    sys.exit(main())
