"""`python -m tests.campaigns.smallest --count 60 --seed 1`: the smallest change of a number, against exhaustive search.

Networks of two units with random weights, random texts, and how much of a token's memory is to be kept or forgotten.
The oracle is the LSTM of the paper in plain NumPy, in float64, over every size, place and sign at once. It is told
twice: in the order that the search promises (sizes of one figure, then of two below the first that does it), and over
every size of two figures, since a smaller one may do it where more of a change does less.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from lstm_tui.analysis.smallest_change import ParameterPlace, every_weight, gate_biases
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.edits.language import WeightEdit
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.formats.importers.named import open_model

PASS = "layer0.forward"
CLOSE = 1e-4
"""A share nearer to the bound than this may fall on either side of it in float32."""
LARGEST = {"bias": 0.9, "weights": 0.09}


class Case(NamedTuple):
    """One question and what came of it.

    Attributes:
        verdict: `same`, `none` (neither finds one), `close` (a share is at the bound), or `DIFFERENT`.
        smaller: Whether a size of two figures does it that is smaller than the answer.
        told: The question.
        found: The size found; ∞ for none.
        least: That of the oracle.
    """

    verdict: str
    smaller: bool
    told: str
    found: float
    least: float


def shares(network: Network, ids: Array, places: list[ParameterPlace], sizes: Array) -> Array:
    """Return the share of the first token in the memory behind the last, for each size, place and sign, (S, P, 2)."""
    tensors = {name.rpartition("/")[2]: view for name, view in network.tensors().items() if name.startswith(PASS)}
    count = len(sizes) * len(places) * 2
    changed = {name: np.repeat(view.astype(np.float64)[None], count, axis=0) for name, view in tensors.items()}
    each = np.arange(count).reshape(len(sizes), len(places), 2)
    for n, place in enumerate(places):
        owner, _, name = place.tensor.rpartition("/")
        if owner == PASS:
            for which, sign in enumerate((1.0, -1.0)):
                rows = each[:, n, which]
                changed[name][(rows, *place.index)] += sign * sizes
    assert network.embedding is not None
    h = c = np.zeros((count, len(tensors["b_f"])))
    wrote: list[Array] = []
    for x in network.embedding[ids].astype(np.float64):
        z = {g: changed[f"W_{g}"] @ x + (changed[f"U_{g}"] @ h[..., None])[..., 0] + changed[f"b_{g}"] for g in "figo"}
        f, i, o = (1 / (1 + np.exp(-z[gate])) for gate in "fio")
        new = i * np.tanh(z["g"])
        wrote = [*(f * one for one in wrote), new]
        c = f * c + new
        h = o * np.tanh(c)
    parts = np.abs(np.array(wrote)).sum(axis=2)  # (T, count)
    return np.asarray((parts[0] / parts.sum(axis=0)).reshape(each.shape))


def figures(largest: float, two: bool) -> list[float]:
    """Return every size of one figure, or of two, up to the largest, the smallest first."""
    steps = range(10, 100) if two else range(10, 100, 10)
    return [size for power in (-2, -1, 0) for n in steps if (size := float(f"{n / 10 * 10.0**power:.3g}")) <= largest]


def least_size(does: dict[float, bool], largest: float) -> float:
    """Return the size that comes first as the search promises: of one figure, then of two below it."""
    low = 0.0
    for size in figures(largest, two=False):
        if does[size]:
            between = [one for one in does if low < one < size and low]
            return next((one for one in sorted(between) if does[one]), size)
        low = size
    return float("inf")


def try_case(seed: int) -> Case:
    """Ask one random question of one random network."""
    random = np.random.default_rng(seed)
    network = open_model("tiny").copy()
    for name, view in network.tensors().items():
        if name != "embedding":
            view += (random.normal(size=view.shape) * 0.7).astype(view.dtype)
    assert network.tokens is not None
    ids = random.integers(1, 4, size=random.integers(3, 7))
    words = tuple(network.tokens.vocabulary[n] for n in ids)
    kind = "bias" if random.random() < 0.7 else "weights"
    largest, keep = LARGEST[kind], bool(random.integers(2))
    places = list((gate_biases if kind == "bias" else every_weight)(network))
    sizes = figures(largest, two=True)
    table = shares(network, ids, places, np.array(sizes))
    now = float(shares(network, ids, places[:1], np.zeros(1))[0, 0, 0])
    side = table > now if keep else table < now
    reached = float(random.choice(table[side])) if side.any() else now
    # what some change reaches, and now and then a little more than any does
    bound = float(f"{now + (reached - now) * random.uniform(0.3, 1.05):.4f}")
    told = f"{'keep' if keep else 'forget'} 0 until {len(ids) - 1} to {bound} by {kind} within {largest}"
    session = Session.open(Source(network, [Sequence("words", words, ids=ids)], interpreter="numpy"))
    reply = answer(session, told)
    holds = (table >= bound) if keep else (table < bound)
    does = dict(zip(sizes, (bool(one) for one in holds.any(axis=(1, 2))), strict=True))
    least = least_size(does, largest)
    found = _found(session, network)
    told = f"seed {seed}: {' '.join(words)}: {told}"
    if now >= bound if keep else now < bound:  # it holds already
        return Case("none" if not session.changes else "DIFFERENT", False, f"{told}: {reply[0]}", found, least)
    same = found == least or abs(found - least) <= 1e-3 * least
    smaller = bool(np.isfinite(least)) and min((one for one in does if does[one]), default=least) < least
    close = bool((np.abs(table - bound) < CLOSE).any())
    verdict = ("same" if np.isfinite(least) else "none") if same else "close" if close else "DIFFERENT"
    return Case(verdict, smaller, told, found, least)


def _found(session: Session, network: Network) -> float:
    """Return the size of a change of one number; ∞ where none was found, or only several together do it."""
    edits: list[Any] = [edit for one in session.changes[:1] for edit in one.edits]
    if len(edits) != 1 or not isinstance(edits[0], WeightEdit):
        return float("inf")
    old = float(network.tensors()[edits[0].tensor][tuple(start or 0 for start, _ in edits[0].index)])
    return abs(edits[0].number - old)


def main() -> int:
    """Try random cases and print how they came out; 1 where one is different."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    counted, smaller = Counter[str](), 0
    for n in range(options.count):
        case = try_case(options.seed * 100_000 + n)
        counted[case.verdict] += 1
        smaller += case.smaller
        if case.verdict == "DIFFERENT":
            print(f"{case.told}: found {case.found:.4g}, exhaustive {case.least:.4g}", flush=True)
    print(
        "| cases | same | none by either | a share at the bound | different | a smaller size of two figures does it |"
    )
    print("|---|---|---|---|---|---|")
    row = (counted["same"], counted["none"], counted["close"], counted["DIFFERENT"], smaller)
    print(f"| {options.count} | {' | '.join(map(str, row))} |")
    return 1 if counted["DIFFERENT"] else 0


if __name__ == "__main__":
    sys.exit(main())
