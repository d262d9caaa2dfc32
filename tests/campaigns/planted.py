"""`python -m tests.campaigns.planted --count 200 --seed 1`: port mistakes, one or two at a time, named by `verify`?

A file is recorded as if its program had meant one or two conventions otherwise; `verify` reads it as it would be read
by default, and has to name exactly those.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import tempfile
import time
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

import lstm_tui
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.open import ImportOptions, open_file
from lstm_tui.formats.verify.verification import verify

NETWORKS = ("norm_between", "last_states", "numbers_below", "mlx_gru", "tensorflow_lstm")
STEPS = 12
DIFFERS = 1e-2


def planted(plan: random.Random, path: Path, x: np.ndarray) -> tuple[dict[str, str], dict[str, np.ndarray]] | None:
    """Return decisions that change numbers, each of them by itself too, and what is then computed; or None."""
    opened = open_file(path)
    facts = [one for one in (*opened.report.facts, *opened.report.offered)
             if one.others and one.key not in ("join", "readout", "input", "embedding")]  # fmt: skip
    said = {one.key: plan.choice(one.others) for one in plan.sample(facts, plan.choice((1, 2)))}
    try:
        right = values(path, said, x)
        for key in said:
            without = values(path, {other: value for other, value in said.items() if other != key}, x)
            if without.keys() == right.keys() and all(np.abs(without[name] - one).max() < DIFFERS for name, one in
                                                      right.items() if without[name].shape == one.shape):  # fmt: skip
                return None
    except UserError:
        return None
    read = values(path, {}, x)
    if all(name not in read or np.abs(read[name] - one).max() < DIFFERS for name, one in right.items()
           if name not in read or read[name].shape == one.shape):  # fmt: skip
        return None  # what is recorded is what is read: it is no mistake that could be seen
    shapes = {name: one.shape for name, one in read.items()}
    return (said, right) if all(one.shape == shapes.get(name) for name, one in right.items()) else None


def values(path: Path, said: Mapping[str, str], x: np.ndarray) -> dict[str, np.ndarray]:
    """Return the states of every recurrent layer and the answer under some decisions."""
    network = open_file(path, ImportOptions(dict(said))).network
    trace = lstm_tui.trace(x, network)
    made = {f"{name}/h": one["h"] for name, one in trace.items()}
    answer = {"output": trace.output, "result": trace.result}
    return made | {name: one for name, one in answer.items() if one is not None and network.readout is not None}


def main() -> int:
    """Plant mistakes until there are enough, and print how many were named."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.planted", description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "formats")]
    from bags import BAGS, Random
    from saved_arrays import savez

    plan = random.Random(options.seed)
    exact = fits = false = done = 0
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        while done < options.count:
            bag = BAGS[plan.choice(NETWORKS)](Random(plan.randrange(1 << 30)))
            path, reference = Path(folder) / "bag.npz", Path(folder) / "ref.npz"
            savez(path, bag.tensors)
            made = planted(plan, path, bag.x)
            if made is None:
                continue
            said, right = made
            savez(reference, {"input": bag.x, **right})
            begun = time.thread_time()
            _, verdict = verify(path, ImportOptions(), reference)
            slowest = max(slowest, time.thread_time() - begun)
            done += 1
            exact += any(one == said or (one.items() <= said.items() and same(path, one, said, bag.x)) for one in
                         verdict.fitting)  # fmt: skip
            fits += bool(verdict.fitting)
            wrong = [one for one in verdict.fitting if not same(path, one, said, bag.x)]
            false += bool(wrong)
            if said not in verdict.fitting or wrong:
                print(f"planted {said}: named {list(verdict.fitting)}, tried {verdict.tried}")
    print(
        f"{done} planted: {exact} named exactly, {fits} repaired, {false} false fits, slowest {slowest:.1f} s of the "
        "processor"
    )
    return int(false > 0 or exact < 0.95 * done)


def same(path: Path, one: Mapping[str, str], other: Mapping[str, str], x: np.ndarray) -> bool:
    """Say whether two readings compute the same."""
    mine, theirs = values(path, one, x), values(path, other, x)
    both = mine.keys() & theirs.keys()
    return all(np.abs(mine[name] - theirs[name]).max() < 1e-4 for name in both)


if __name__ == "__main__":
    sys.exit(main())
