"""One training from the command line: a task, a network for it, and the files it leaves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any

import numpy as np

from lstm_tui.analysis.train.adam import weights_of
from lstm_tui.analysis.train.loop import Course, Progress, Settings, Trained, TrainState
from lstm_tui.analysis.train.loss import input_array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.readout import load_readout
from lstm_tui.engine.model.initialise import spread_memories
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.number_text import count_of, sentence
from lstm_tui.engine.probabilities import is_distribution
from lstm_tui.engine.runtime.run import run_arrays
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.native import save
from lstm_tui.formats.importers.untrained import Untrained, layers_of
from lstm_tui.models.checkpoint import checkpoint_of, load_state, save_state
from lstm_tui.models.tasks import Task


@dataclass(frozen=True, eq=False)
class Job:
    """What is trained, and how.

    Attributes:
        task: What for.
        made_of: Cell, sizes and seed of the network.
        how: Of the training.
        name: Of the network.
        embedding: Numbers of a token.
        readout: Name or file of another readout than the task's own.
        memory: Gates that keep start spread over memories of 1 to this many steps; None for their usual start.
        asked: All that decides the outcome, JSON-able: a checkpoint of another training is refused.
        command: By which it can be repeated.
    """

    task: Task
    made_of: Untrained
    how: Settings
    name: str
    embedding: int = 32
    readout: str | None = None
    memory: int | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""

    def network(self) -> Network:
        """Return the network before it is trained.

        Raises:
            UserError: Cell, sizes or readout do not fit the task.
        """
        network = self.untrained()
        self._check(network)
        return network

    def untrained(self) -> Network:
        """Return the network before it is trained, without a look at whether it fits the task."""
        spec = {"name": self.name, **layers_of(self.made_of), **self.task.spec}
        if "tokens" in spec:
            spec["embedding_size"] = self.embedding
        if self.readout is not None:
            page = load_readout(self.readout)
            spec |= {"readout": page.name, "readouts": {page.name: page.text}}
        network = build_network(spec, seed=self.made_of.seed)
        if self.memory is not None:
            spread_memories(network.passes, self.memory, self.made_of.seed)
        return network

    def _check(self, network: Network) -> None:
        """Refuse a readout that does not say what the task asks for, on the first example."""
        example = self.task.held_out[0]
        ran = run_arrays(network, input_array(network, example.read))
        assert ran.readout is not None, "every task has a readout"
        assert network.readout is not None
        said, name = ran.readout.values[network.readout.page.result], visible(network.readout.page.name)
        if (said.ndim == 1) != (np.ndim(example.target) == 0):
            each = "one verdict of the whole" if said.ndim == 1 else "something at every token"
            raise UserError(f"--readout {name} says {each}, and {self.task.name} needs the other; leave it out")
        if self.task.name != "next-value" and not is_distribution(said):
            raise UserError(f"--readout {name} says no probabilities, and {self.task.name} needs them; leave it out")
        if self.task.name in ("lm", "next-value") and not network.forward_only:
            raise UserError(
                f"--bidirectional reads what {self.task.name} should predict: leave it out, or train --task classify"
            )

    def score(self, network: Network) -> float:
        """Return how well a network does on what was held out; more is better."""
        return self.task.measure.score(network, self.task.held_out, self.how.interpreter)

    def run(
        self,
        output: str | Path | None = None,
        resume: bool = False,
        progress: Callable[[Progress], None] | None = None,
        stop: Callable[[], bool] | None = None,
        epoch_done: Callable[[TrainState], None] | None = None,
    ) -> tuple[Network, Trained]:
        """Train: `Training` says how.

        Raises:
            UserError: Something does not fit together, or a file cannot be read or written.
        """
        return Training(self, output, resume).run(progress, stop, epoch_done)

    def with_card(self, network: Network, score: float | None, epoch: int) -> Network:
        """Return the network with what is known of its training; a score of None was not measured."""
        measure, task = self.task.measure, self.task
        count = count_of(len(task.held_out), "sequence")
        judge = "on what was learned" if any("on what was learned" in one for one in task.remarks) else "held out"
        measured = f"{measure.name} not measured"
        if score is not None:
            measured = f"{measure.name} {measure.shown(score)} {judge} ({count})"
        epochs = self.how.epochs
        which = f"epoch {epoch} of {epochs} was the best" if epoch else f"stopped in the middle of epoch 1 of {epochs}"
        return replace(
            network,
            card={
                "task": task.says,
                "accuracy": measured,
                "parameters": network.parameter_count,
                "how": f"Adam, rate {sentence(self.how.rate, 6)}, {self.how.batch} sequences a step; {which}",
                "command": self.command,
                "seed": self.how.seed,
            },
        )


@dataclass(frozen=True)
class KeptTraining:
    """What a training that did not come to its end left behind.

    Attributes:
        epochs: How many were done.
        batches: How many mini-batches were done of the next.
        best: The epoch, from 1, that the network's file is of; 0: it is of no whole epoch.
        accuracy: That of the network's file.
    """

    epochs: int
    batches: int
    best: int
    accuracy: str

    @property
    def anything(self) -> bool:
        """Whether anything was learned at all."""
        return self.epochs > 0 or self.batches > 0


class Training:
    """A job as it goes, with the files it leaves; it is run in one thread, and may be cut off from another.

    The network's file holds the best so far after each epoch. The checkpoint beside it, until the end, holds what is
    needed to go on: it is written after each epoch, every second or so in between, and when the training is cut off.
    """

    EVERY = 1.0
    """Seconds after which a checkpoint is written again."""
    SHARE = 0.05
    """Most of the time that writing checkpoints may take."""

    def __init__(self, job: Job, output: str | Path | None = None, resume: bool = False) -> None:
        """Prepare a training.

        Args:
            job: What is trained.
            output: The file of the network.
            resume: Go on from the checkpoint.
        """
        self._job, self._output, self._resume = job, output, resume
        self._course: Course | None = None
        self._files = threading.RLock()
        self._cut = False
        self._written, self._cost = time.monotonic(), 0.0

    def run(
        self,
        progress: Callable[[Progress], None] | None = None,
        stop: Callable[[], bool] | None = None,
        epoch_done: Callable[[TrainState], None] | None = None,
    ) -> tuple[Network, Trained]:
        """Train.

        Args:
            progress: Called after each mini-batch.
            stop: Asked before each mini-batch.
            epoch_done: Called after each epoch, its files written.

        Raises:
            UserError: Something does not fit together, or a file cannot be read or written.
        """
        job, network, begin = self._job, self._job.network(), None
        if self._output is not None and self._resume:
            begin = load_state(checkpoint_of(self._output), job.asked)

        def after(state: TrainState) -> None:
            if not np.isfinite(state.losses[-1]) or not finite(network):
                rate = sentence(job.how.rate, 6)
                raise UserError(f"the weights grew without bound in epoch {state.epoch}; give a --rate below {rate}")
            self._save(state, network if state.best_epoch == state.epoch else None)
            if epoch_done is not None:
                epoch_done(state)

        def batch_done(done: Progress) -> None:
            self._save_now_and_then()
            if progress is not None:
                progress(done)

        def asked() -> bool:
            if not self._cut and stop is not None and stop():
                self.keep()  # before the network takes the best weights
            return self._cut

        course = Course(network, job.how)
        try:
            with np.errstate(all="ignore"):  # weights that grow without bound are said above
                if begin is not None:
                    course.take_up(begin)
                self._course = course
                trained = course.run(job.task.examples, job.score, batch_done, asked, after)
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            if begin is None:
                raise
            raise UserError(f"{visible(str(self._output))}: its checkpoint is damaged ({error}); delete it") from error
        score = trained.scores[trained.epoch - 1] if trained.scores else None
        network = job.with_card(network, score, trained.epoch if trained.scores else 0)
        with self._files:
            if self._output is not None and not trained.stopped and not self._cut:
                save(network, self._output)
                checkpoint_of(self._output).unlink(missing_ok=True)
        return network, trained

    def keep(self) -> KeptTraining | None:
        """Cut the training off, from any thread, and write what was learned; return what that is.

        The thread that trains stops after its mini-batch and writes nothing more. None says that there was nothing
        to go on from yet: no file was touched.

        Raises:
            UserError: A file cannot be written.
        """
        with self._files:
            self._cut = True
            state = None if self._course is None else self._course.state()
            if state is None or not state.steps:
                return None
            best = state.best_epoch
            network = self._job.untrained()
            for name, array in weights_of(network).items():
                array[...] = (state.best or state.weights)[name]
            network = self._job.with_card(network, state.scores[best - 1] if best else None, best)
            if self._output is not None:
                save_state(checkpoint_of(self._output), state, self._job.asked)
                save(network, self._output)
            return KeptTraining(state.epoch, state.batch, best, network.card["accuracy"])

    def _save(self, state: TrainState, network: Network | None = None) -> None:
        """Write the checkpoint, and the network where it is the best so far."""
        with self._files:
            if self._output is None or self._cut:
                return
            began = time.monotonic()
            save_state(checkpoint_of(self._output), state, self._job.asked)
            if network is not None:
                save(self._job.with_card(network, state.scores[-1], state.epoch), self._output)
            self._written = time.monotonic()
            self._cost = self._written - began

    def _save_now_and_then(self) -> None:
        if self._output is None or self._course is None:
            return
        if time.monotonic() - self._written >= max(self.EVERY, self._cost / self.SHARE):
            self._save(self._course.state())


def finite(network: Network) -> bool:
    """Say whether every weight is a number: a rate that is too large makes them none."""
    return all(bool(np.isfinite(array).all()) for array in weights_of(network).values())
