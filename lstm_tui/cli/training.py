"""A training in a thread of its own: whatever ends the program waits neither for a mini-batch nor for a compilation."""

from __future__ import annotations

import contextvars
import threading

from lstm_tui.analysis.train.loop import Trained
from lstm_tui.cli.progress_bar import TrainingBar
from lstm_tui.debugger.endings import code_of, leave_behind
from lstm_tui.engine.model.network import Network
from lstm_tui.models.train_job import KeptTraining, Training

_LOOK = 0.5  # seconds; where waiting cannot be interrupted


class TrainingStopped(Exception):
    """The program is to end, and the training was cut off.

    Attributes:
        kept: What was learned and is in the files; None when that is nothing.
        code: The exit code.
    """

    def __init__(self, kept: KeptTraining | None, code: int) -> None:
        """Say what is left of the training."""
        super().__init__()
        self.kept, self.code = kept, code


def trained(training: Training, bar: TrainingBar) -> tuple[Network, Trained]:
    """Train to the end; return the network and what was done.

    Raises:
        TrainingStopped: By Ctrl-C or another signal.
        UserError: Something does not fit together, or a file cannot be read or written.
    """
    results: list[tuple[Network, Trained]] = []
    errors: list[BaseException] = []
    over = threading.Event()

    def work() -> None:
        try:
            results.append(training.run(bar.batch, epoch_done=bar.epoch_done))
        except BaseException as error:  # raised again where it is waited for
            errors.append(error)
        finally:
            over.set()

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(work,), name="lstm-tui training", daemon=True).start()
    try:
        while not over.wait(_LOOK):
            pass
    except (KeyboardInterrupt, SystemExit) as end:
        leave_behind()
        raise TrainingStopped(training.keep(), code_of(end)) from end
    if errors:
        raise errors[0]
    return results[0]
