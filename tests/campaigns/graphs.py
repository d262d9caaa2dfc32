"""Random small networks of ONNX, Keras and PyTorch's own programs, imported and compared with their own runtimes.

`python -m tests.campaigns.graphs --count 1000 --seed 1` prints a table in Markdown, and says of each silently wrong
number how to see it again. What is not installed (onnxruntime, torch, Keras) is left out and said.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import sys
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from .rows import write
from .verdicts import CRASHED, WRONG, Case, Table, judged

FAMILIES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "onnx": ("onnx_graphs.case", ("onnx", "onnxruntime")),
    "torch": ("torch_exports.case", ("onnx", "onnxruntime", "torch")),
    "keras": ("keras_models.case", ("h5py", "keras")),
    "keras2": ("keras_models.case_of_keras2", ("h5py", "tf_keras")),
    "torchscript": ("torch_programs.scripted", ("torch",)),
    "export": ("torch_programs.exported", ("torch",)),
    "torch_batch": ("batched_exports.onnx", ("onnx", "onnxruntime", "torch")),
    "torchscript_batch": ("batched_exports.traced", ("torch",)),
    "export_batch": ("batched_exports.exported", ("torch",)),
}


def main() -> int:
    """Run the campaign and print its table; 1 where a number was silently wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.graphs", description=__doc__)
    parser.add_argument("family", nargs="*", help=f"one of: {', '.join(FAMILIES)} (default: all that are installed)")
    parser.add_argument("--count", type=int, default=100, help="files of each family (default: 100)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed makes the same files (default: 0)")
    parser.add_argument("--only", type=int, help="number of one file, to see it again")
    parser.add_argument("--table", type=Path, metavar="FILE", help="write its rows there, and the command below them")
    given = parser.parse_args()
    os.environ.setdefault("KERAS_BACKEND", "torch")
    table = Table()
    for family in given.family or FAMILIES:
        if family not in FAMILIES:
            parser.error(f"there is no family {family}: {', '.join(FAMILIES)}")
        needed = FAMILIES[family][1]
        missing = [one for one in needed if importlib.util.find_spec(one) is None]
        if missing:
            print(f"{family} is left out: {', '.join(missing)} not installed", file=sys.stderr)
            continue
        run(family, maker_of(family), given.count, given.seed, table, given.only)
    options = f"--count {given.count} --seed {given.seed}"
    print(f"python -m tests.campaigns.graphs {options}\n")
    print("\n".join(table.lines()))
    if given.table is not None and given.only is None:
        command = f"python -m tests.campaigns.graphs {' '.join([*given.family, options])}"
        write(given.table, [*table.rows()], command)
    for family, count in table.unbuilt.items():
        print(f"\n{count} drawn networks of {family} were refused by the framework itself")
    for family, count in table.untold.items():
        print(f"\n{count} networks of {family} are moved so far by their last bits that nothing of them can be told")
    print("\n".join(["", *table.findings]))
    return 1 if table.findings else 0


def maker_of(
    family: str, families: Mapping[str, tuple[str, tuple[str, ...]]] = FAMILIES
) -> Callable[[random.Random], Case]:
    """Return what draws a network of a family."""
    module, _, name = families[family][0].partition(".")
    made: Callable[[random.Random], Case] = getattr(import_module(f".{module}", __package__), name)
    return made


def run(
    family: str, make: Callable[[random.Random], Case], count: int, seed: int, table: Table, only: int | None = None
) -> None:
    """Judge files of one family."""
    for number in range(count) if only is None else [only]:
        case = None
        try:
            case = make(random.Random(f"{family} {seed} {number}"))
        except Exception:  # what a framework refuses to build is no network
            if only is not None:
                traceback.print_exc()
            table.unbuilt[family] += 1
            continue
        try:
            verdict, why = judged(case)
        except Exception:
            verdict, why = CRASHED, traceback.format_exc(limit=-3)
        table.add(case, verdict, why, number)
        if verdict in (WRONG, CRASHED):
            print(table.findings[-1], file=sys.stderr, flush=True)
        if only is not None:
            print(case.told, verdict, why, sep="\n")


if __name__ == "__main__":
    sys.exit(main())
