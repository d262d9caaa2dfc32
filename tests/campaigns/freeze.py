"""Small networks of the campaign kept as files with their numbers, so that the default tests need no framework.

`python -m tests.campaigns.freeze FOLDER --family onnx --count 12 --seed 5` writes them.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from .graphs import FAMILIES, maker_of
from .verdicts import CUT, RIGHT, Case, judged

LARGEST = 40_000


def main() -> int:
    """Write the networks; of each family those that are right or cut, as small as they come."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.freeze", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--family", choices=FAMILIES, default="onnx")
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    os.environ.setdefault("KERAS_BACKEND", "torch")
    make = maker_of(given.family)
    kept = number = 0
    while kept < given.count:
        number += 1
        try:
            case = make(random.Random(f"{given.family} {given.seed} {number}"))
        except Exception:  # what a framework refuses to build
            continue
        verdict, _ = judged(case)
        if verdict in (RIGHT, CUT) and write(case, given.folder, f"{given.family}{kept:02}", verdict):
            kept += 1
    return 0


def write(case: Case, folder: Path, stem: str, verdict: str) -> bool:
    """Write one network and its numbers; say whether it was small enough."""
    with tempfile.TemporaryDirectory() as name:
        path = case.write(Path(name))
        files = [one for one in Path(name).iterdir() if one.is_file()]
        if sum(one.stat().st_size for one in files) > LARGEST or len(files) > 1:
            return False
        shutil.copy(path, folder / f"{stem}{path.suffix}")
    arrays: dict[str, Any] = {f"input {name}": one for name, one in case.inputs.items()}
    arrays |= {f"output {name}": one for name, one in case.outputs.items()}
    arrays |= {f"state {name}": one for name, one in case.states.items()}
    arrays |= {} if case.kept is None else {"kept": case.kept}
    arrays |= {"verdict": np.array(verdict), "told": np.array(case.told)}
    np.savez_compressed(folder / f"{stem}.npz", **arrays)
    return True


if __name__ == "__main__":
    sys.exit(main())
