"""One training from the command line: a task, a network for it, and the files it leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from lstm_tui.analysis.distribution import is_distribution
from lstm_tui.analysis.train.adam import weights_of
from lstm_tui.analysis.train.loop import Progress, Settings, Trained, TrainState, train
from lstm_tui.analysis.train.loss import input_array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.readout import load_readout
from lstm_tui.engine.model.initialise import spread_memories
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.runtime.run import run_arrays
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.native import save
from lstm_tui.formats.importers.untrained import Untrained, layers_of
from lstm_tui.formats.io.files import count_of
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
        spec = {"name": self.name, **layers_of(self.made_of), **self.task.spec}
        if "tokens" in spec:
            spec["embedding_size"] = self.embedding
        if self.readout is not None:
            page = load_readout(self.readout)
            spec |= {"readout": page.name, "readouts": {page.name: page.text}}
        network = build_network(spec, seed=self.made_of.seed)
        if self.memory is not None:
            spread_memories(network.passes, self.memory, self.made_of.seed)
        self._check(network)
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
        """Train.

        Args:
            output: The file of the network: the best so far after each epoch, beside its checkpoint until the end.
            resume: Go on from the checkpoint.
            progress: Called after each mini-batch.
            stop: Asked before each mini-batch.
            epoch_done: Called after each epoch, its files written.

        Raises:
            UserError: Something does not fit together, or a file cannot be read or written.
        """
        network = self.network()
        begin = None
        if output is not None and resume:
            begin = load_state(checkpoint_of(output), self.asked)

        def after(state: TrainState) -> None:
            if not np.isfinite(state.losses[-1]) or not finite(network):
                rate = sentence(self.how.rate, 6)
                raise UserError(f"the weights grew without bound in epoch {state.epoch}; give a --rate below {rate}")
            if output is not None:
                save_state(checkpoint_of(output), state, self.asked)
                if state.best_epoch == state.epoch:
                    save(self._with_card(network, state.scores[-1], state.epoch), output)
            if epoch_done is not None:
                epoch_done(state)

        try:
            with np.errstate(all="ignore"):  # weights that grow without bound are said above
                trained = train(
                    network, self.task.examples, self.how, score=self.score, progress=progress, stop=stop,
                    begin=begin, after=after,
                )  # fmt: skip
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            if begin is None:
                raise
            raise UserError(f"{visible(str(output))}: its checkpoint is damaged ({error}); delete it") from error
        score = self.score(network) if not trained.scores else trained.scores[trained.epoch - 1]
        network = self._with_card(network, score, trained.epoch)
        if output is not None:
            save(network, output)
            if not trained.stopped:
                checkpoint_of(output).unlink(missing_ok=True)
        return network, trained

    def _with_card(self, network: Network, score: float, epoch: int) -> Network:
        """Return the network with what is known of its training."""
        measure, task = self.task.measure, self.task
        count = count_of(len(task.held_out), "sequence")
        judge = "on what was learned" if any("on what was learned" in one for one in task.remarks) else "held out"
        return replace(
            network,
            card={
                "task": task.says,
                "accuracy": f"{measure.name} {measure.shown(score)} {judge} ({count})",
                "parameters": network.parameter_count,
                "how": f"Adam, rate {sentence(self.how.rate, 6)}, {self.how.batch} sequences a step; epoch {epoch} of "
                f"{self.how.epochs} was the best",
                "command": self.command,
                "seed": self.how.seed,
            },
        )


def finite(network: Network) -> bool:
    """Say whether every weight is a number: a rate that is too large makes them none."""
    return all(bool(np.isfinite(array).all()) for array in weights_of(network).values())
