"""Train a network by back-propagation through time: mini-batches, clipping, Adam, from one seed.

What is trained for is in `loss` (a class, the next token, the next row) and how a weight moves in `optimiser`. Two
trainings with the same arguments on the same machine give the same weights, bit for bit, also when one of them was
stopped after an epoch and gone on with from its state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lstm_tui.analysis.course import Course, Progress, Settings, State, Trained
from lstm_tui.analysis.loss import Example
from lstm_tui.engine.network import Network

__all__ = ["Examples", "Progress", "Settings", "State", "Trained", "train"]

Examples = Sequence[Example] | Callable[[int], Sequence[Example]]


def train(
    network: Network,
    examples: Examples,
    settings: Settings | None = None,
    *,
    score: Callable[[Network], float] | None = None,
    progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
    begin: State | None = None,
    after: Callable[[State], None] | None = None,
) -> Trained:
    """Train a network in place.

    Args:
        network: Its weights are changed.
        examples: All of them, or a function from the epoch (from 0) to those of that epoch.
        settings: How; the defaults suit a small network.
        score: Judges the network after each epoch, higher is better (never from the examples kept for the final test);
            with it the best epoch's weights are kept, and nothing is averaged.
        progress: Called after each mini-batch.
        stop: Asked before each mini-batch; when it says yes, what was best so far is kept.
        begin: Go on from here; everything else must be as it was when the state was given.
        after: Called with the state after each epoch; its arrays change when the training goes on.

    Raises:
        ValueError: If there are no examples, a target does not fit the network or the state is of another network.
    """
    how = settings or Settings()
    course = Course(network, how, np.random.default_rng(how.seed))
    if begin is not None:
        course.take_up(begin)
    stopped = False
    while not stopped and not course.over:
        epoch = len(course.losses)
        now = examples(epoch) if callable(examples) else examples
        if not now:
            raise ValueError("there is nothing to train on: no examples")
        stopped = course.epoch(epoch, now, progress, stop)
        if not stopped:
            course.keep(epoch, score)
            if after is not None:
                after(course.state())
    return course.finish(stopped)
