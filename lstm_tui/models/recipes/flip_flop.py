"""The flip-flop network: three switches in twelve units, each thrown by pulses of its own and kept until the next.

After training its fixed points are searched for while nothing is read. A network that keeps three bits has a stable
point for each of the eight states of three switches; the points between them stand where one, two or all three of the
switches are half thrown: 3 × 3 × 3 of them where it learned three switches that know nothing of each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lstm_tui.analysis.fixed_points import FixedPoints, fixed_points
from lstm_tui.analysis.step_map import step_map
from lstm_tui.analysis.train.loop import Settings, train
from lstm_tui.analysis.train.loss import Example, input_array
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.model.sequence import Sequence as Rows
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.runtime.interpreters import chosen_for_many
from lstm_tui.engine.runtime.run import run, run_arrays
from lstm_tui.models.recipes.recipe import Bound, Data, Measured, Recipe, Report, span

SWITCHES = ("first", "second", "third")
HIDDEN = 12
STEPS = 50
PULSES = 0.08
"""How often a switch is thrown at a step, one way or the other."""
SERIES_PER_EPOCH = 500
SETTINGS = Settings(epochs=20, rate=1e-2, batch=10)
UNSEEN = 200
UNSEEN_SEED = 1_000_000
SAMPLE_SEED = 7
SILENT = 5
"""Rows of 0 at the end of the sample: while these are read its memory is looked at."""


def series(steps: int, random: np.random.Generator) -> tuple[Array, Array]:
    """Return pulses and how the switches stand behind each row, (steps, 3) both: 1, −1, and of pulses mostly 0.

    The first row throws every switch.
    """
    size = (steps, len(SWITCHES))
    pulses = np.where(random.random(size) < PULSES, random.choice([-1.0, 1.0], size), 0.0)
    pulses[0] = random.choice([-1.0, 1.0], len(SWITCHES))
    stand = np.empty_like(pulses)
    now = pulses[0]
    for row, of in zip(pulses, stand, strict=True):
        now = np.where(row != 0, row, now)
        of[:] = now
    return pulses.astype(np.float32), stand.astype(np.float32)


def examples(count: int, *seed: int) -> list[Example]:
    """Return series with what the network is to say behind each row."""
    random = np.random.default_rng(seed)
    return [Example(*series(STEPS, random)) for _ in range(count)]


def sample() -> str:
    """Return the text of `samples/flip-flop.csv`: pulses that were not learned from, and at the end none."""
    rows = np.concatenate([series(40, np.random.default_rng(SAMPLE_SEED))[0], np.zeros((SILENT, len(SWITCHES)))])
    return "\n".join([",".join(SWITCHES), *(",".join(str(int(number)) for number in row) for row in rows)]) + "\n"


def recipe(name: str) -> Recipe:
    """Return the recipe of `flip-flop`."""
    return Recipe(
        name=name,
        task="says how three switches stand, each thrown by pulses of 1 and −1 and kept between them",
        data=(
            Data(
                "lstm_tui.models.recipes.flip_flop",
                "MIT",
                f"generated series of {STEPS} rows, new ones in every epoch; judged by {UNSEEN} others",
            ),
        ),
        how="Adam on the squared error of how the switches stand; nobody told it where to have fixed points",
        train=trained,
        measure=measure,
        accuracy=accuracy,
        accepted=(
            Bound("right", "at least", 0.99), Bound("stable", "at least", 8),
            Bound("fixed points", "at least", 27), Bound("fixed points", "at most", 27),
        ),
    )  # fmt: skip


def trained(seed: int, report: Report) -> Network:
    """Train the network from a seed."""
    network = build_network(
        {
            "name": "flip-flop",
            "input_size": len(SWITCHES),
            "layers": [{"cell": "rnn", "hidden_size": HIDDEN, "directions": ["forward"]}],
            "readout": "linear",
            "classes": list(SWITCHES),
        },
        seed=seed,
    )
    settings = replace(SETTINGS, seed=seed)
    train(network, lambda epoch: examples(SERIES_PER_EPOCH, seed, epoch), settings, progress=report)
    return network


def measure(network: Network) -> dict[str, float]:
    """Return how often a switch is said rightly on unseen series, and the fixed points while nothing is read.

    Of the points it is counted how many are stable, and at how many one, two or three directions grow.
    """
    right = rows = 0
    for example in examples(UNSEEN, UNSEEN_SEED):
        ran = run_arrays(network, input_array(network, example.read), chosen_for_many())
        assert ran.readout is not None, "the recipe gives it one"
        right += int((np.sign(ran.readout.values["y"]) == example.target).sum())
        rows += int(np.size(example.target))
    found = fixed_points_of(network)
    kinds = Counter(one.growing for one in found.fixed if one.kind != "marginal")
    return {
        "right": right / rows, "fixed points": len(found.fixed), "stable": kinds[0], "one direction grows": kinds[1],
        "two grow": kinds[2], "three grow": kinds[3], "starts of the search": found.starts.count,
    }  # fmt: skip


def fixed_points_of(network: Network) -> FixedPoints:
    """Return what a search finds while nothing is read, behind a series that was not learned from."""
    pulses = np.concatenate([series(STEPS, np.random.default_rng(UNSEEN_SEED))[0], np.zeros((1, len(SWITCHES)))])
    trace = run(network, Rows("numbers", tuple(map(str, range(len(pulses)))), x=pulses.astype(np.float32)))
    passed = trace["layer0.forward"]
    return fixed_points(passed, step_map(passed, STEPS), STEPS)


def accuracy(measured: Sequence[Measured]) -> str:
    """Return what several seeds reach in half a line."""
    points = "; ".join(dict.fromkeys(_points(one) for one in measured))
    return f"{span(measured, 'right', 2)} % of switches right in unseen series; {points}"


def _points(one: Measured) -> str:
    parts = " + ".join(
        sentence(one[name]) for name in ("stable", "one direction grows", "two grow", "three grow") if one[name]
    )
    return f"{sentence(one['fixed points'])} fixed points found, {parts}"
