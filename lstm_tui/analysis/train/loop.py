"""Training by back-propagation through time: mini-batches, clipping, Adam, from one seed; its state after each epoch.

What is trained for is in `loss` (a class, the next token, the next row) and how a weight moves in `optimiser`. Two
trainings with the same arguments on the same machine give the same weights, bit for bit, also when one of them was
stopped after any mini-batch and continued from its state. Another thread may ask for the state at any time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

import numpy as np

from lstm_tui.analysis.train.adam import Adam, Weights, clip, copied, weights_of
from lstm_tui.analysis.train.loss import Example, Loss, losses_and_gradients
from lstm_tui.analysis.train.penalties import Penalty, at_share
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.buffers import Workspace
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.interpreters import chosen_for_many

__all__ = ["Course", "Examples", "Progress", "Settings", "TrainState", "Trained", "train"]

Examples = Sequence[Example] | Callable[[int], Sequence[Example]]


@dataclass(frozen=True)
class Settings:
    """How to train.

    Attributes:
        epochs: How often to go through the examples.
        rate: Size of a step at the start; it falls to `last_rate` of that in a straight line.
        last_rate: Share of the rate that is left at the end.
        batch: Examples in a mini-batch.
        clip: Largest norm of a mini-batch's gradient.
        unknown: Share of the tokens that are read as the unknown token (id 0), anew in each epoch, so that the network
            learns to do without any one of them; targets are left alone.
        silent: Share of the embedding's components that are 0 all through an example (the others are made larger by as
            much), redrawn each time; for networks that read tokens.
        average: How many of the last epochs' weights are averaged into the result; 0 for none.
        enough: A score that needs no further epoch; None to go through all of them.
        seed: Of the order of examples, of `unknown` and of `silent`.
        penalties: What else is to stay small than the loss.
        interpreter: numba or numpy; by default numba, where it can be loaded.
    """

    epochs: int = 10
    rate: float = 3e-3
    last_rate: float = 0.02
    batch: int = 16
    clip: float = 1.0
    unknown: float = 0.0
    silent: float = 0.0
    average: int = 0
    enough: float | None = None
    seed: int = 0
    penalties: tuple[Penalty, ...] = ()
    interpreter: str = field(default_factory=chosen_for_many)


@dataclass(frozen=True)
class Progress:
    """Where a training stands: after `step` of `steps` mini-batches, in `epoch` of `epochs` (from 1).

    `tokens` were read since it began or was gone on with; `loss` is the mean of this epoch by target so far.
    """

    step: int
    steps: int
    epoch: int
    epochs: int
    loss: float
    tokens: int = 0


@dataclass(frozen=True)
class Trained:
    """What a training did.

    Attributes:
        losses: Mean training loss of each epoch, by target.
        scores: What `score` said after each epoch; empty without it.
        epoch: The epoch (from 1) whose weights the network has now; 0 when none was finished.
        stopped: Whether it was asked to stop before the end.
    """

    losses: tuple[float, ...]
    scores: tuple[float, ...]
    epoch: int
    stopped: bool


@dataclass(frozen=True, eq=False)
class TrainState:
    """All that a training needs to go on after a mini-batch to the same bits as if it had never stopped.

    Attributes:
        epoch: How many epochs are done.
        batch: How many mini-batches are done of the epoch that is not.
        loss: Sum of their losses.
        counted: How many targets that is of.
        weights: As they are now, by the names of `optimiser.weights_of`.
        mean: Adam's mean of the gradients.
        square: Adam's mean of their squares.
        steps: Mini-batches so far.
        shuffle: State of the generator of random numbers before the order of that epoch was drawn.
        random: Its state now.
        losses: Of each epoch.
        scores: Of each epoch.
        best: The weights that will be kept as it looks now; None when no epoch was kept.
        best_epoch: The epoch they are of, from 1; 0 when there is none.
        averaged: How many epochs are averaged in them.
    """

    epoch: int
    batch: int
    loss: float
    counted: int
    weights: Weights
    mean: Weights
    square: Weights
    steps: int
    shuffle: Mapping[str, Any]
    random: Mapping[str, Any]
    losses: tuple[float, ...]
    scores: tuple[float, ...]
    best: Weights | None
    best_epoch: int
    averaged: int


@dataclass
class Course:
    """One training as it goes.

    What a mini-batch and an epoch change is changed under a lock, so that `state` is that after a whole mini-batch
    whichever thread asks for it, and while the next one takes its time.
    """

    network: Network
    how: Settings
    losses: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    best: Weights | None = None
    best_epoch: int = 0
    averaged: int = 0
    tokens: int = 0
    batch: int = 0
    loss: float = 0.0
    counted: int = 0
    penalties: tuple[Penalty, ...] = ()

    def __post_init__(self) -> None:
        self.weights = weights_of(self.network)
        self.adam = Adam(self.weights)
        self.random = np.random.default_rng(self.how.seed)
        self._shuffle = self._now = self.random.bit_generator.state
        self._whole = threading.RLock()
        self._workspace = Workspace()

    @property
    def over(self) -> bool:
        """Whether no epoch is left, or none is needed."""
        done = self.how.enough is not None and bool(self.scores) and max(self.scores) >= self.how.enough
        return done or len(self.losses) >= self.how.epochs

    def state(self) -> TrainState:
        """Return a copy of what is needed to go on from the last whole mini-batch; in any thread."""
        with self._whole:
            return TrainState(
                len(self.losses), self.batch, self.loss, self.counted, copied(self.weights), copied(self.adam.mean),
                copied(self.adam.square), self.adam.steps, self._shuffle, self._now, tuple(self.losses),
                tuple(self.scores[: len(self.losses)]), None if self.best is None else copied(self.best),
                self.best_epoch, self.averaged,
            )  # fmt: skip

    def take_up(self, state: TrainState) -> None:
        """Go on from a state.

        Raises:
            ValueError: If it is of another network, or no state at all.
        """
        with self._whole:
            for mine, given in (
                (self.weights, state.weights), (self.adam.mean, state.mean), (self.adam.square, state.square),
            ):  # fmt: skip
                _fill(mine, given)
            if state.best is not None:
                self.best = copied(self.weights)
                _fill(self.best, state.best)
            alike = state.epoch == len(state.losses) == len(state.scores or state.losses)
            if not alike or not 0 <= state.best_epoch <= state.epoch or state.batch < 0:
                raise ValueError("the state counts its epochs wrongly")
            self._shuffle, self._now = dict(state.shuffle), dict(state.random)
            self.random.bit_generator.state = self._now  # looked at before anything is computed
            self.adam.steps = state.steps
            self.losses, self.scores = list(state.losses), list(state.scores)
            self.best_epoch, self.averaged = state.best_epoch, state.averaged
            self.batch, self.loss, self.counted = state.batch, state.loss, state.counted

    def epoch(
        self,
        examples: Sequence[Example],
        progress: Callable[[Progress], None] | None,
        stop: Callable[[], bool] | None,
    ) -> bool:
        """Go through what is left of all examples once in a new order; return whether it was asked to stop."""
        epoch = len(self.losses)
        self.random.bit_generator.state = self._shuffle
        order = self.random.permutation(len(examples))
        batches = [order[start : start + self.how.batch] for start in range(0, len(order), self.how.batch)]
        if self.batch > len(batches):
            raise ValueError("the state is of another set of examples")
        if self.batch:
            self.random.bit_generator.state = self._now
        for batch in batches[self.batch :]:
            if stop is not None and stop():
                return True
            done = (epoch + self.batch / len(batches)) / self.how.epochs
            self.penalties = at_share(self.how.penalties, done)
            self._step([examples[n] for n in batch], self.how.rate * (1 - (1 - self.how.last_rate) * done))
            if progress is not None:
                step = epoch * len(batches) + self.batch
                mean = self.loss / max(self.counted, 1)
                steps = len(batches) * self.how.epochs
                progress(Progress(step, steps, epoch + 1, self.how.epochs, mean, self.tokens))
        return False

    def _step(self, batch: Sequence[Example], rate: float) -> None:
        """Move the weights once, and add up the loss of the mini-batch and how many targets it counted."""
        loss, sums = self._gradients(batch)
        total, counted = loss.total, loss.counted
        for gradient in sums.values():
            gradient /= max(counted, 1)
        clip(sums, self.how.clip)
        with self._whole:
            self.adam.step(sums, rate)
            self.batch, self.loss, self.counted = self.batch + 1, self.loss + total, self.counted + counted
            self.tokens += sum(len(example.read) for example in batch)
            self._now = self.random.bit_generator.state

    def _gradients(self, batch: Sequence[Example]) -> tuple[Loss, Weights]:
        """Return the loss of a mini-batch, and its gradients by all weights."""
        embedding = self.network.embedding
        if embedding is None or any(example.read.ndim != 1 for example in batch):
            loss = losses_and_gradients(self.network, batch, self.how.interpreter, self.penalties, self._workspace)
            return loss, loss.gradients
        ids, heard, given = [], [], []
        for example in batch:
            ids.append(self._with_unknown(example.read.astype(np.int64)))
            read = embedding[ids[-1]]
            if self.how.silent:
                heard.append(self._heard(embedding.shape[1]).astype(embedding.dtype))
                read = read * heard[-1]
            given.append(replace(example, read=read))
        loss = losses_and_gradients(self.network, given, self.how.interpreter, self.penalties, self._workspace)
        by_token = loss.d_x
        if self.how.silent:
            by_token = by_token * np.repeat(heard, [len(one) for one in ids], axis=0)
        by_embedding = summed_by(np.concatenate(ids), by_token, len(embedding))
        return loss, {**loss.gradients, "embedding": by_embedding}

    def _with_unknown(self, ids: Array) -> Array:
        if not self.how.unknown:
            return ids
        return np.where(self.random.random(len(ids)) < self.how.unknown, 0, ids)

    def _heard(self, size: int) -> Array:
        """Return the factor of each component of the embedding in one example, (E,)."""
        return (self.random.random(size) >= self.how.silent) / (1 - self.how.silent)

    def keep(self, score: Callable[[Network], float] | None) -> None:
        """End an epoch: keep the weights if they are the best so far, or take them into the mean."""
        scored = None if score is None else score(self.network)
        with self._whole:
            self.losses.append(self.loss / max(self.counted, 1))
            self.batch, self.loss, self.counted = 0, 0.0, 0
            self._shuffle = self._now = self.random.bit_generator.state
            epoch = len(self.losses)
            if scored is not None:
                self.scores.append(scored)
                if scored >= max(self.scores):
                    self.best, self.best_epoch = copied(self.weights), epoch
            elif epoch > self.how.epochs - self.how.average:
                self.averaged += 1
                if self.best is None:
                    self.best = copied(self.weights)
                for name, mean in self.best.items():
                    mean += (self.weights[name] - mean) / self.averaged
                self.best_epoch = epoch

    def run(
        self,
        examples: Examples,
        score: Callable[[Network], float] | None = None,
        progress: Callable[[Progress], None] | None = None,
        stop: Callable[[], bool] | None = None,
        after: Callable[[TrainState], None] | None = None,
    ) -> Trained:
        """Go on to the end, or until it is asked to stop; the arguments are those of `train`.

        Raises:
            ValueError: If there are no examples, or a target does not fit the network.
        """
        stopped = False
        while not stopped and not self.over:
            now = examples(len(self.losses)) if callable(examples) else examples
            if not now:
                raise ValueError("there is nothing to train on: no examples")
            stopped = self.epoch(now, progress, stop)
            if not stopped:
                self.keep(score)
                if after is not None:
                    after(self.state())
        return self.finish(stopped)

    def finish(self, stopped: bool) -> Trained:
        """Give the network the weights that were kept, if any were."""
        if self.best is not None:
            for name, array in self.best.items():
                self.weights[name][...] = array
        epoch = self.best_epoch or len(self.losses)
        return Trained(tuple(self.losses), tuple(self.scores), epoch, stopped)


def summed_by(ids: Array, rows: Array, count: int) -> Array:
    """Return the sum of the rows (N, n) of each id (N,), in the order in which they stand, (count, n)."""
    sums = np.zeros((count, rows.shape[1]), rows.dtype)
    order = np.argsort(ids.astype(np.uint16) if count <= 2**16 else ids, kind="stable")  # which is sorted by its digits
    sorted_ids = ids[order]
    starts = np.flatnonzero(np.diff(sorted_ids, prepend=-1))
    sums[sorted_ids[starts]] = np.add.reduceat(rows[order], starts, axis=0)
    return sums


def _fill(mine: Weights, given: Mapping[str, Array]) -> None:
    if {name: array.shape for name, array in mine.items()} != {name: array.shape for name, array in given.items()}:
        raise ValueError("the state is of another network")
    for name, array in mine.items():
        array[...] = given[name]


def train(
    network: Network,
    examples: Examples,
    settings: Settings | None = None,
    *,
    score: Callable[[Network], float] | None = None,
    progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
    begin: TrainState | None = None,
    after: Callable[[TrainState], None] | None = None,
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
        after: Called with the state after each epoch.

    Raises:
        ValueError: If there are no examples, a target does not fit the network or the state is of another network.
    """
    course = Course(network, settings or Settings())
    if begin is not None:
        course.take_up(begin)
    return course.run(examples, score, progress, stop, after)
