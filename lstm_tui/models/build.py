"""Train a bundled network again: `python -m lstm_tui.models.build NAME`.

The network is trained from each seed, judged on what it has not seen, and the first seed's weights are written with a
card that names the measures of all. Where the recipe says what is asked of them, that is printed as a table, and a
first seed that does not reach it is not written. The same seed on the same machine gives the same file.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import fixed
from lstm_tui.models import path
from lstm_tui.models.recipes.recipe import Recipe, acceptance

if TYPE_CHECKING:
    from lstm_tui.analysis.train.loop import Progress
    from lstm_tui.engine.model.network import Network

MODULES = {
    "sentiment": "sentiment",
    "sentiment-forward": "sentiment",
    "story": "story",
    "story-rnn": "story",
    "chars": "chars",
    "forecast": "forecast",
    "recall-lstm": "recall",
    "recall-gru": "recall",
    "recall-rnn": "recall",
    "bindings-delta": "bindings",
    "bindings-lstm": "bindings",
    "bindings-gru": "bindings",
    "tiny": "tiny",
    "verdict-lstm": "verdicts",
    "verdict-peephole": "verdicts",
    "verdict-coupled": "verdicts",
    "verdict-gru": "verdicts",
    "verdict-relu": "verdicts",
    "verdict-depth": "verdicts",
    "verdict-grid": "verdicts",
    "verdict-clockwork": "verdicts",
    "verdict-attention": "verdicts",
    "verdict-nig": "verdicts",
    "verdict-nfg": "verdicts",
    "verdict-nog": "verdicts",
    "verdict-niaf": "verdicts",
    "verdict-noaf": "verdicts",
    "verdict-cifg": "verdicts",
    "verdict-fgr": "verdicts",
    "tagger": "taggers",
    "tagger-forward": "taggers",
    "numbers": "number_words",
    "flip-flop": "flip_flop",
    "picture": "pictures",
}


def recipe(name: str) -> Recipe:
    """Return the recipe of a bundled network by its name."""
    found: Recipe = importlib.import_module(f"lstm_tui.models.recipes.{MODULES[name]}").recipe(name)
    return found


def make(name: str, seeds: Sequence[int], jobs: int = 1) -> Network:
    """Train a network from each seed and return the first one, its card filled.

    Args:
        name: Which.
        seeds: At least one; all are measured for the card.
        jobs: How many seeds to train at once, each in a process of its own.
    """
    tasks = [(name, seed) for seed in seeds]
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(jobs, len(seeds))) as pool:
        made = pool.starmap(_make_one, tasks)
    from lstm_tui.engine.model.network import build_network

    network = build_network(made[0].spec, made[0].tensors)
    return replace(network, card=card(recipe(name), network, seeds, [one.measured for one in made]))


def card(of: Recipe, network: Network, seeds: Sequence[int], measured: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Return what is known of a network's training, as it is stored in its file."""
    listed = " ".join(str(seed) for seed in seeds)
    short = [{key: _short(number) for key, number in one.items()} for one in measured]
    units = {} if of.units is None else {"units": of.units(short[0])}
    grid = {} if of.grid is None else {"grid": list(of.grid)}
    return {
        "task": of.task,
        "accuracy": of.accuracy(measured),
        "parameters": network.parameter_count,
        "data": [asdict(one) for one in of.data],
        "how": of.how,
        "command": f"python -m lstm_tui.models.build {of.name} --seeds {listed}",
        "seed": seeds[0],
        **units,
        **grid,
        "measured": {str(seed): one for seed, one in zip(seeds, short, strict=True)},
    }


def not_met(of: Recipe, network: Network) -> str:
    """Return what the first seed does not reach of what is asked of it, in words; empty where it reaches all."""
    measured = network.card["measured"][str(network.card["seed"])]
    return ", ".join(one.measure for one in of.accepted if not one.met(measured))


def _short(number: float) -> float:
    """Return a measure as a card gives it: four places, and none for a whole number."""
    return int(number) if float(number).is_integer() else round(number, 4)


@dataclass(frozen=True)
class _Made:
    """A trained network on its way from one process to another."""

    spec: dict[str, Any]
    tensors: dict[str, Any]
    measured: dict[str, float]


def _make_one(name: str, seed: int) -> _Made:
    from lstm_tui.engine.model.network import spec_of

    of = recipe(name)
    network = of.train(seed, _reporter(f"{name} seed {seed}"))
    measured = of.measure(network)
    print(f"{name} seed {seed}: {of.accuracy([measured])}", file=sys.stderr)
    if of.accepted:
        print(acceptance(of.accepted, measured), file=sys.stderr)
    return _Made(spec_of(network), network.tensors(), measured)


def _reporter(title: str) -> Any:
    told = [0]

    def report(progress: Progress) -> None:
        percent = 100 * progress.step // progress.steps
        if percent > told[0] or progress.step == progress.steps:
            told[0] = percent
            print(f"{title}: {percent:3} %, epoch {progress.epoch}, loss {fixed(progress.loss, 4)}", file=sys.stderr)

    return report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m lstm_tui.models.build", description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=MODULES)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="N", help="default: 0 1 2")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="seeds to train at once (default: 1)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: the bundled file")
    options = parser.parse_args(arguments)
    # One thread a process: matrices this small only lose by more. It must be said before a process loads NumPy.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from lstm_tui.formats.importers.native import save

    try:
        network = make(options.name, options.seeds, options.jobs)
        if missed := not_met(recipe(options.name), network):
            print(f"{options.name} is not written: {missed}; try another seed first", file=sys.stderr)
            return 1
        save(network, options.out or path(options.name))
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{options.name}: {network.card['accuracy']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
